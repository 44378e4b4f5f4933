import { useState } from 'react';
import { Button } from 'react-aria-components';
import type { JobEvent } from '../../../shared/contract/calls.ts';
import { answer, type Transfer } from '../../app/transfers.ts';
import { formatExactSize, formatTime } from '../../models/format.ts';
import { ModalDialog } from '../../ui/modal.tsx';
import { Name } from '../../ui/name.tsx';
import { texts } from '../../texts/index.ts';
import { Check } from '../../ui/check.tsx';

type Conflict = Extract<Extract<JobEvent, { event: 'question' }>['question'], { kind: 'conflict' }>;
type Side = Conflict['source'];

const t = texts.conflict;

/** Two things want one name. What keeps both is the default; what destroys one never is. */
export function ConflictDialog({ transfer, question }: { transfer: Transfer; question: Conflict }) {
  const [all, setAll] = useState(false);
  const reply = (action: 'replace' | 'skip' | 'keep-both' | 'newer' | 'merge' | 'stop'): void => answer(transfer, { action, all });
  return (
    <ModalDialog title={t.title} onClose={() => reply('stop')} role="alertdialog" wide>
      <p className="conflict-path"><Name display={question.path} /></p>
      <div className="sides">
        <SideBox title={t.there} side={question.target} other={question.source} />
        <SideBox title={transfer.kind === 'extract' ? t.incoming.extract : transfer.kind === 'put' ? t.incoming.put : t.incoming.other} side={question.source} other={question.target} />
      </div>
      {question.merge === undefined ? null : <p className="dim">{t.mergeHint}</p>}
      <Check isSelected={all} onChange={setAll} label={t.all} />
      <footer className="dialog-foot">
        <Button className="button" onPress={() => reply('stop')}>{t.stop}</Button>
        <span className="spacer" />
        <Button className="button" onPress={() => reply('replace')}>{t.replace}</Button>
        {question.merge === undefined ? <Button className="button" onPress={() => reply('newer')}>{t.replaceNewer}</Button> : null}
        <Button className="button" onPress={() => reply('skip')}>{t.skip}</Button>
        {question.merge === undefined ? null : <Button className="button" onPress={() => reply('merge')}>{t.merge}</Button>}
        <Button className="button is-primary" autoFocus onPress={() => reply('keep-both')}>{t.keepBoth}</Button>
      </footer>
    </ModalDialog>
  );
}

function SideBox({ title, side, other }: { title: string; side: Side; other: Side }) {
  const type = side.type in texts.types ? texts.types[side.type as 'file'] : side.type;
  return (
    <section className="side">
      <h3>{title}</h3>
      <p>{type}</p>
      <p className="number">{formatExactSize(side.size)}{side.size > other.size ? <span className="side-mark">{t.larger}</span> : null}</p>
      <p className="number">{formatTime(side.mtime)}{side.mtime > other.mtime ? <span className="side-mark">{t.newer}</span> : null}</p>
    </section>
  );
}
