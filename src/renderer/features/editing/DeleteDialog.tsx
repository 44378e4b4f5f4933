import { useMemo } from 'react';
import { Button } from 'react-aria-components';
import { deleteEntries, titleOf } from '../../app/editing.ts';
import { errorOf } from '../../app/services.ts';
import { type Dialog, setApp, useApp } from '../../app/state.ts';
import { focusContentSoon } from '../../app/focus.ts';
import { texts } from '../../texts/index.ts';
import { EntryIcon } from '../../ui/entry-icon.tsx';
import { ModalDialog } from '../../ui/modal.tsx';
import { Name } from '../../ui/name.tsx';
import { notifyError } from '../../ui/toasts.ts';
import { useMeasuring } from '../properties/measuring.ts';

const t = texts.delete;

/** Names that are listed. */
const LISTED = 8;

/** What is to be deleted, by name, and how much is in it. Leaving it is the default. */
export function DeleteDialog({ dialog }: { dialog: Extract<Dialog, { kind: 'delete' }> }) {
  const { tab, layer, entries, rows, from } = dialog;
  const host = useApp((state) => state.tabs.find(({ id }) => id === tab)?.host);
  const folders = useMemo(() => (rows.some(({ type, error }) => type === 'dir' && error === undefined) ? rows.filter(({ error }) => error === undefined) : undefined), [rows]);
  const counter = useMeasuring(host, layer, folders);
  const progress = counter?.progress;
  const close = (): void => setApp({ dialog: undefined });
  const run = (): void => {
    close();
    focusContentSoon();
    deleteEntries(tab, layer, entries, titleOf(rows)).catch((error: unknown) => notifyError(errorOf(error)));
  };
  return (
    <ModalDialog title={t.title(rows[0]?.display ?? '', rows.length)} onClose={close} role="alertdialog">
      <p className="dim"><bdi>{t.from(from)}</bdi></p>
      {rows.length < 2 ? null : (
        <ul className="plain-list dialog-list">
          {rows.slice(0, LISTED).map((row, i) => <li key={i} className="delete-line"><EntryIcon row={row} /><Name display={row.display} /></li>)}
          {rows.length > LISTED ? <li className="dim">{t.more(rows.length - LISTED)}</li> : null}
        </ul>
      )}
      {folders === undefined ? null : progress === undefined ? <p className="dim">{t.counting}</p> : <p className="number" data-testid="delete-holds">{t.holds(progress.files, progress.directories, progress.size)}{progress.unreadable > 0 ? `, ${t.unread(progress.unreadable)}` : ''}{progress.done ? '' : ' …'}</p>}
      <p>{t.undo}</p>
      <footer className="dialog-foot">
        <Button className="button" onPress={run}>{t.delete}</Button>
        <Button className="button is-primary" autoFocus onPress={close}>{texts.cancel}</Button>
      </footer>
    </ModalDialog>
  );
}
