import { useState } from 'react';
import { Button, Form } from 'react-aria-components';
import { addGuestFrom, removeGuest } from '../../app/guests.ts';
import { errorOf, services } from '../../app/services.ts';
import { type Dialog, getApp, setApp } from '../../app/state.ts';
import { texts } from '../../texts/index.ts';
import { ModalDialog } from '../../ui/modal.tsx';
import { notifyError } from '../../ui/toasts.ts';
import { PathInput } from '../dialogs/OpenPathDialog.tsx';

const t = texts.guestsPage;

const close = (): void => setApp({ dialog: undefined });

/** What was built is deleted, or what the person added is forgotten. Leaving it is the default. */
export function RemoveGuestDialog({ dialog: { guest } }: { dialog: Extract<Dialog, { kind: 'remove-guest' }> }) {
  const run = (): void => {
    close();
    removeGuest(guest).catch((error: unknown) => notifyError(errorOf(error)));
  };
  return (
    <ModalDialog title={t.removeTitle(guest.title)} onClose={close} role="alertdialog">
      <p>{guest.origin === 'added' ? t.removeAddedWhat : t.removeWhat}</p>
      <footer className="dialog-foot">
        <Button className="button" onPress={run}>{t.remove}</Button>
        <Button className="button is-primary" autoFocus onPress={close}>{texts.cancel}</Button>
      </footer>
    </ModalDialog>
  );
}

/** In a browser the folder of a guest is typed. */
export function AddGuestDialog({ dialog }: { dialog: Extract<Dialog, { kind: 'add-guest' }> }) {
  const [path, setPath] = useState('');
  const [wrong, setWrong] = useState<string>();
  const add = async (): Promise<void> => {
    try {
      const { token } = await services().app.call('path.folder', { path });
      await addGuestFrom(token);
      if (getApp().dialog === dialog) close();
    } catch (error) {
      setWrong(errorOf(error).message);
    }
  };
  return (
    <ModalDialog title={t.addTitle} onClose={close}>
      <Form className="form" onSubmit={(event) => { event.preventDefault(); void add(); }}>
        <p className="dim">{t.addHint}</p>
        <PathInput label={t.addField} example={t.addExample} value={path} wrong={wrong} onChange={(value) => { setPath(value); setWrong(undefined); }} />
        <footer className="dialog-foot">
          <Button className="button" onPress={close}>{texts.cancel}</Button>
          <Button className="button is-primary" type="submit" isDisabled={path.trim() === ''}>{t.addButton}</Button>
        </footer>
      </Form>
    </ModalDialog>
  );
}
