import { TriangleAlert } from 'lucide-react';
import { Button } from 'react-aria-components';
import { type Dialog, setApp } from '../../app/state.ts';
import { texts } from '../../texts/index.ts';
import { ModalDialog } from '../../ui/modal.tsx';

const t = texts.losses;

/** What the target can't keep is said before anything goes there; not to go is the default. */
export function LossesDialog({ dialog: { plan, move, go } }: { dialog: Extract<Dialog, { kind: 'losses' }> }) {
  const close = (): void => setApp({ dialog: undefined });
  const full = plan.bytes > plan.free;
  return (
    <ModalDialog title={plan.losses.length === 0 ? t.fullTitle : t.title} onClose={close} role="alertdialog" wide>
      <p className="number">{t.what(plan)}{plan.complete ? '' : ` ${t.incomplete}`}</p>
      {full ? <p className="loss-full"><TriangleAlert aria-hidden />{t.full(plan.bytes, plan.free)}</p> : null}
      {plan.losses.length === 0 ? null : (
        <dl className="losses">
          {plan.losses.map((loss, i) => (
            <div key={i}>
              <dt>{t.words[loss.what]}</dt>
              <dd><span>{loss.reason}</span> <span className="dim breaks"><bdi>{t.line(loss)}</bdi></span></dd>
            </div>
          ))}
        </dl>
      )}
      <footer className="dialog-foot">
        <Button className="button" onPress={() => { close(); go(); }}>{move ? t.move : t.go}</Button>
        <Button className="button is-primary" autoFocus onPress={close}>{texts.cancel}</Button>
      </footer>
    </ModalDialog>
  );
}
