import { CircleCheck, FileWarning, PencilLine, TriangleAlert } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { Button } from 'react-aria-components';
import type { EditState } from '../../../shared/contract/edit.ts';
import { discardChanges, recover } from '../../app/editing.ts';
import { focusContentSoon } from '../../app/focus.ts';
import { errorOf } from '../../app/services.ts';
import { patchTab, type Tab, useApp } from '../../app/state.ts';
import { openTab } from '../../app/tabs.ts';
import { commandOf, runCommand } from '../../commands/index.ts';
import { formatMoment } from '../../models/format.ts';
import { visibleText } from '../../models/visible-text.ts';
import { texts } from '../../texts/index.ts';
import { copyText } from '../../ui/errors.tsx';
import { notifyError } from '../../ui/toasts.ts';

const t = texts.pending;
const banner = texts.banner;

/** Above what is shown of an image that is being changed: what is pending, and what stands in the way. */
export function EditBars({ tab }: { tab: Tab }) {
  const { edit } = tab;
  if (edit === undefined) return null;
  return (
    <>
      {edit.interrupted === undefined || edit.state !== 'interrupted' ? null : <Interrupted id={tab.id} interrupted={edit.interrupted} what={edit.recovery?.message} />}
      {edit.recovery === undefined || edit.state === 'interrupted' || tab.recoveryRead === true ? null : <Recovered tab={tab} recovery={edit.recovery} />}
      {edit.changedUnderneath === undefined ? null : <Underneath id={tab.id} how={edit.changedUnderneath} operations={edit.operations} />}
      {edit.unfinished === undefined || edit.state !== 'editing' ? null : <Unfinished wayBack={edit.unfinished.wayBack} />}
      {edit.state === 'applying' ? <div className="edit-bar" role="region" aria-label={t.label}><PencilLine aria-hidden /><span>{t.applying}</span></div> : null}
      {edit.state === 'editing' && edit.operations > 0 ? <Pending edit={edit} /> : null}
    </>
  );
}

/** A command as a plain button; when it can't be run, its tooltip says why. */
function CommandLink({ id, label, primary = false }: { id: string; label: string; primary?: boolean }) {
  const enabled = useApp(commandOf(id).enabled);
  return (
    <span title={enabled === true ? undefined : enabled}>
      <Button className={`button is-small ${primary ? 'is-primary' : ''}`} isDisabled={enabled !== true} onPress={() => runCommand(id)}>{label}</Button>
    </span>
  );
}

function Pending({ edit }: { edit: EditState }) {
  const { cannotApply, unfinished } = edit;
  const hint = cannotApply !== undefined ? <bdi className="edit-why">{t.cannotApply(visibleText(cannotApply))}</bdi> : unfinished === undefined ? <> <span className="dim edit-hint">{t.hint}</span></> : null;
  return (
    <div className="edit-bar" role="region" aria-label={t.label}>
      <PencilLine aria-hidden />
      <span className="edit-what"><span className="number" data-testid="pending">{t.what(edit.operations, edit.bytes)}</span>{hint}</span>
      <span className="edit-actions">
        <CommandLink id="review" label={t.review} />
        <CommandLink id="discard" label={t.discard} />
        <CommandLink id="save-as" label={t.saveAs} primary={cannotApply !== undefined} />
        <CommandLink id="apply" label={t.apply} primary={cannotApply === undefined} />
      </span>
    </div>
  );
}

/** Something that the person must know before anything else, with what can be done about it. */
function Banner({ icon, title, what, children }: { icon: ReactNode; title: string; what: string; children: ReactNode }) {
  return (
    <section className="edit-banner" role="alert" aria-label={title}>
      {icon}
      <div>
        <h2>{title}</h2>
        <p>{what}</p>
        <div className="actions">{children}</div>
      </div>
    </section>
  );
}

/** What became of an Apply that was interrupted, until it is dismissed. */
function Recovered({ tab, recovery: { state, message } }: { tab: Tab; recovery: NonNullable<EditState['recovery']> }) {
  const title = banner.recovered[state];
  const dismiss = (): void => {
    patchTab(tab.id, { recoveryRead: true });
    focusContentSoon();
  };
  const good = state === 'finished' || state === 'unchanged';
  return (
    <section className={`edit-banner ${good ? 'is-calm' : ''}`} role={good ? 'region' : 'alert'} aria-label={title}>
      {good ? <CircleCheck aria-hidden /> : <TriangleAlert aria-hidden />}
      <div>
        <h2>{title}</h2>
        <p>{message}</p>
        {good ? null : <p>{banner.recoveredTodo}</p>}
        <div className="actions">
          {good ? null : <><CommandLink id="check" label={texts.check.command} /><Button className="button is-small" onPress={() => void copyText([tab.source.name, title, message].join('\n'))}>{texts.copyDetails}</Button></>}
          <Button className="button is-small" onPress={dismiss}>{texts.dismiss}</Button>
        </div>
      </div>
    </section>
  );
}

function Interrupted({ id, interrupted: { when, bytes, canFinish, canUndo }, what }: { id: number; interrupted: NonNullable<EditState['interrupted']>; what: string | undefined }) {
  const [now] = useState(Date.now);
  const run = (how: 'finish' | 'undo') => (): void => { recover(id, how).catch((error: unknown) => notifyError(errorOf(error))); };
  return (
    <Banner icon={<FileWarning aria-hidden />} title={banner.interrupted} what={banner.interruptedWhat(what, formatMoment(when, now).text, bytes)}>
      <Button className="button is-primary" isDisabled={!canFinish.ok} onPress={run('finish')}>{banner.finish}</Button>
      <span className="dim">{canFinish.ok ? banner.finishHint : canFinish.reason}</span>
      <Button className="button" isDisabled={!canUndo.ok} onPress={run('undo')}>{banner.undo}</Button>
      <span className="dim">{canUndo.ok ? banner.undoHint : canUndo.reason}</span>
    </Banner>
  );
}

/** An Apply failed halfway. What is pending is shown below it, as ever. */
function Unfinished({ wayBack }: { wayBack: boolean }) {
  return (
    <Banner icon={<TriangleAlert aria-hidden />} title={banner.unfinished} what={banner.unfinishedWhat(wayBack)}>
      <CommandLink id="apply" label={banner.applyAgain} primary />
      <CommandLink id="save-as" label={t.saveAs} />
    </Banner>
  );
}

function Underneath({ id, how, operations }: { id: number; how: string; operations: number }) {
  const reopen = async (): Promise<void> => {
    if (operations > 0) await discardChanges(id);
    await openTab(id);
  };
  return (
    <Banner icon={<TriangleAlert aria-hidden />} title={banner.underneath} what={banner.underneathWhat(how)}>
      {operations === 0 ? null : <><CommandLink id="review" label={t.review} /><CommandLink id="save-as" label={t.saveAs} /></>}
      <Button className="button is-small" onPress={() => void reopen()}>{operations === 0 ? banner.open : banner.reopen}</Button>
    </Banner>
  );
}
