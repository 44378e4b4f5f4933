import { useState } from 'react';
import { Button } from 'react-aria-components';
import { applyChanges, askState, discardChanges, lockImage } from '../../app/editing.ts';
import { leaveNow } from '../../app/leaving.ts';
import { errorOf } from '../../app/services.ts';
import { type Dialog, findTab, getApp, setApp, useApp } from '../../app/state.ts';
import { whenDone } from '../../app/transfers.ts';
import { hasPending } from '../../models/editing.ts';
import { texts } from '../../texts/index.ts';
import { ModalDialog } from '../../ui/modal.tsx';
import { notifyError } from '../../ui/toasts.ts';

const t = texts.discard;

const close = (): void => setApp({ dialog: undefined });

/** Throwing pending changes away is asked about; keeping them is the default. */
export function DiscardDialog({ dialog }: { dialog: Extract<Dialog, { kind: 'discard' }> }) {
  const tab = useApp((state) => state.tabs.find(({ id }) => id === dialog.tab));
  const discard = (): void => {
    close();
    void (dialog.lock ? lockImage(dialog.tab, true) : discardChanges(dialog.tab));
  };
  return (
    <ModalDialog title={dialog.lock ? t.lockTitle : t.title} onClose={close} role="alertdialog">
      <p className="dialog-text"><bdi>{t.what(tab?.source.name ?? '', tab?.edit?.operations ?? 0)}</bdi></p>
      <footer className="dialog-foot">
        <Button className="button" onPress={discard}>{dialog.lock ? t.lock : t.discard}</Button>
        <Button className="button is-primary" autoFocus onPress={close}>{t.keep}</Button>
      </footer>
    </ModalDialog>
  );
}

/** Tabs, or the window, are to be closed, and changes are pending: staying is the default. */
export function ClosePendingDialog({ dialog }: { dialog: Extract<Dialog, { kind: 'close-pending' }> }) {
  const all = useApp((state) => state.tabs);
  const [busy, setBusy] = useState(false);
  const pending = all.filter((tab) => dialog.tabs.includes(tab.id) && hasPending(tab.edit));
  const leave = (): void => {
    close();
    leaveNow(dialog);
  };
  const apply = async (): Promise<void> => {
    setBusy(true);
    try {
      for (const tab of pending) {
        await applyChanges(tab.id);
        if (tab.host !== undefined) await whenDone(tab.host);
        await askState(tab.id);
      }
      // What could not be applied is still pending, and nothing is closed.
      if (getApp().dialog === dialog && !pending.some(({ id }) => hasPending(findTab(id)?.edit))) leave();
    } catch (error) {
      notifyError(errorOf(error));
    }
    setBusy(false);
  };
  return (
    <ModalDialog title={t.closeTitle(pending.map(({ source }) => source.name))} onClose={close} role="alertdialog">
      <ul className="plain-list dialog-list">{pending.slice(0, 100).map(({ id, source, edit }) => <li key={id}><bdi>{t.closeWhat(source.name, edit?.operations ?? 0, edit?.bytes ?? 0)}</bdi></li>)}</ul>
      <p className="dim">{t.closeHint}</p>
      <footer className="dialog-foot">
        <Button className="button" onPress={leave}>{t.closeAll}</Button>
        <Button className="button" isDisabled={busy || pending.some(({ edit }) => edit?.canApply.ok !== true)} onPress={() => void apply()}>{t.applyFirst}</Button>
        <Button className="button is-primary" autoFocus onPress={close}>{t.stay}</Button>
      </footer>
    </ModalDialog>
  );
}
