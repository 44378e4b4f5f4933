import { useState } from 'react';
import { Button, FieldError, Form, Input, Label, TextField } from 'react-aria-components';
import { errorOf, services } from '../../app/services.ts';
import { type Dialog, getApp } from '../../app/state.ts';
import { openLocated, openSources } from '../../app/tabs.ts';
import { ModalDialog } from '../../ui/modal.tsx';
import { texts } from '../../texts/index.ts';
import { closeDialog } from './Dialogs.tsx';

/** In a browser a path is typed: only the service on the other side can look at the disk. */
export function OpenPathDialog({ dialog }: { dialog: Extract<Dialog, { kind: 'open-path' }> }) {
  const [path, setPath] = useState('');
  const [wrong, setWrong] = useState<string>();
  const open = async (): Promise<void> => {
    try {
      const source = await services().app.call('path.source', { path });
      if (getApp().dialog !== dialog) return;
      closeDialog();
      if (dialog.locate === undefined) openSources([source]);
      else await openLocated(dialog.locate, source);
    } catch (error) {
      setWrong(errorOf(error).message);
    }
  };
  return (
    <ModalDialog title={dialog.locate === undefined ? texts.open.pathTitle : texts.open.locate(dialog.locate.name)} onClose={closeDialog}>
      <Form className="form" onSubmit={(event) => { event.preventDefault(); void open(); }}>
        {dialog.dropped === undefined ? null : <p>{texts.open.dropped(dialog.dropped)}</p>}
        <PathInput label={texts.open.pathLabel} example={texts.open.pathExample} value={path} wrong={wrong} onChange={(value) => { setPath(value); setWrong(undefined); }} />
        <footer className="dialog-foot">
          <Button className="button" onPress={closeDialog}>{texts.cancel}</Button>
          <Button className="button is-primary" type="submit" isDisabled={path.trim() === ''}>{texts.open.open}</Button>
        </footer>
      </Form>
    </ModalDialog>
  );
}

export function PathInput({ label, example, value, wrong, onChange }: { label: string; example: string; value: string; wrong: string | undefined; onChange: (value: string) => void }) {
  return (
    <TextField className="field" value={value} onChange={onChange} isInvalid={wrong !== undefined} autoFocus>
      <Label>{label}</Label>
      <Input className="input" placeholder={example} spellCheck={false} />
      <FieldError className="field-error">{wrong}</FieldError>
    </TextField>
  );
}
