import { useState } from 'react';
import { Button, Form, Input, Label, TextField } from 'react-aria-components';
import { putSources } from '../../app/editing.ts';
import { errorOf, services } from '../../app/services.ts';
import { type Dialog, getApp, setApp } from '../../app/state.ts';
import { texts } from '../../texts/index.ts';
import { Check } from '../../ui/check.tsx';
import { ModalDialog } from '../../ui/modal.tsx';
import { notifyError } from '../../ui/toasts.ts';
import { PathInput } from '../dialogs/OpenPathDialog.tsx';

const close = (): void => setApp({ dialog: undefined });

/** Where a new file goes, in a browser, where paths are typed. A file that is there is replaced only when that was ticked. */
export function SaveAsDialog({ dialog }: { dialog: Extract<Dialog, { kind: 'save-as' }> }) {
  const t = texts.saveAs;
  const leave = (): void => setApp({ dialog: dialog.back });
  const [path, setPath] = useState('');
  const [name, setName] = useState(dialog.name);
  const [taken, setTaken] = useState(false);
  const [replace, setReplace] = useState(false);
  const [wrong, setWrong] = useState<string>();
  const [busy, setBusy] = useState(false);
  const save = async (): Promise<void> => {
    setBusy(true);
    try {
      const folder = await services().app.call('path.folder', { path });
      await dialog.save(folder.token, name, replace);
      if (getApp().dialog === dialog) leave();
    } catch (error) {
      const { fault, message } = errorOf(error);
      setTaken(fault.kind === 'usage' && fault.errno === 'EEXIST');
      setWrong(message);
      setBusy(false);
    }
  };
  return (
    <ModalDialog title={dialog.title} onClose={leave}>
      <Form className="form" onSubmit={(event) => { event.preventDefault(); void save(); }}>
        {dialog.hint === undefined ? null : <p className="dim"><bdi>{dialog.hint}</bdi></p>}
        <PathInput label={t.folder} example={texts.extract.example} value={path} wrong={wrong} onChange={(value) => { setPath(value); setWrong(undefined); }} />
        <TextField className="field" value={name} maxLength={255} onChange={(value) => { setName(value); setTaken(false); setReplace(false); setWrong(undefined); }}>
          <Label>{t.name}</Label>
          <Input className="input" spellCheck={false} autoComplete="off" />
        </TextField>
        {taken ? <Check isSelected={replace} onChange={setReplace} label={t.replace} /> : null}
        <footer className="dialog-foot">
          <Button className="button" onPress={leave}>{texts.cancel}</Button>
          <Button className="button is-primary" type="submit" isDisabled={busy || path.trim() === '' || name === '' || (taken && !replace)}>{busy ? t.saving : t.save}</Button>
        </footer>
      </Form>
    </ModalDialog>
  );
}

/** A file or folder of this computer that is copied in, in a browser. */
export function PutPathDialog({ dialog }: { dialog: Extract<Dialog, { kind: 'put-path' }> }) {
  const t = texts.putPath;
  const [path, setPath] = useState('');
  const [wrong, setWrong] = useState<string>();
  const put = async (): Promise<void> => {
    try {
      const source = await services().app.call('path.put', { path });
      if (getApp().dialog !== dialog) return;
      close();
      putSources(dialog.tab, dialog.folder, [source]).catch((error: unknown) => notifyError(errorOf(error)));
    } catch (error) {
      setWrong(errorOf(error).message);
    }
  };
  return (
    <ModalDialog title={t.title} onClose={close}>
      <Form className="form" onSubmit={(event) => { event.preventDefault(); void put(); }}>
        <p className="dim"><bdi>{t.hint(dialog.folder.crumbs.at(-1)?.display || '/')}</bdi></p>
        <PathInput label={t.label} example={t.example} value={path} wrong={wrong} onChange={(value) => { setPath(value); setWrong(undefined); }} />
        <footer className="dialog-foot">
          <Button className="button" onPress={close}>{texts.cancel}</Button>
          <Button className="button is-primary" type="submit" isDisabled={path.trim() === ''}>{t.copy}</Button>
        </footer>
      </Form>
    </ModalDialog>
  );
}
