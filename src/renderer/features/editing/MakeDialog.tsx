import { useLayoutEffect, useRef, useState } from 'react';
import { Button, FieldError, Form, Input, Label, Text, TextField } from 'react-aria-components';
import { displayName, encodeName } from '../../../engines/core/names.ts';
import { make } from '../../app/editing.ts';
import { focusContentSoon } from '../../app/focus.ts';
import { pathOf } from '../../app/navigation.ts';
import { errorOf } from '../../app/services.ts';
import { type Dialog, findTab, getApp, setApp } from '../../app/state.ts';
import { draftOf, freeName, nameOfDraft, stemLength } from '../../models/naming.ts';
import { texts } from '../../texts/index.ts';
import { ModalDialog } from '../../ui/modal.tsx';
import { namingOf, rulesText, wrongWith } from './naming.ts';

const t = texts.make;

/** Bytes that a link's target may have: a path that a system could follow. */
const LONGEST_TARGET = 4095;

/** A new folder, file or link: its name, with the filesystem's own rules while it is typed. */
export function MakeDialog({ dialog }: { dialog: Extract<Dialog, { kind: 'make' }> }) {
  const { tab, type, folder } = dialog;
  const [naming] = useState(() => namingOf(findTab(tab), folder));
  const [name, setName] = useState(() => freeName(dialog.target === undefined ? t.names[type] : t.names.linkTo(draftOf(dialog.target.name)), naming.taken));
  const [target, setTarget] = useState(() => (dialog.target === undefined ? '' : draftOf(dialog.target.name)));
  const [refused, setRefused] = useState<string>();
  const [busy, setBusy] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => {
    // After React Aria has put the focus there.
    const timer = setTimeout(() => field.current?.setSelectionRange(0, stemLength(field.current.value, type !== 'file')));
    return () => clearTimeout(timer);
  }, [type]);
  const wrong = wrongWith(name, naming) ?? refused;
  // Of a link to an entry with a name that can't be shown, the target is that very name.
  const leadsTo = nameOfDraft(target, dialog.target?.name);
  const targetWrong = type !== 'symlink' ? undefined : leadsTo === '' ? t.targetEmpty : encodeName(leadsTo).length > LONGEST_TARGET ? t.targetLong(LONGEST_TARGET) : undefined;
  const close = (): void => setApp({ dialog: undefined });
  const create = async (): Promise<void> => {
    if (wrong !== undefined || targetWrong !== undefined || busy) return;
    setBusy(true);
    try {
      await make(tab, folder, name, displayName(name), type === 'symlink' ? { type, target: leadsTo } : { type });
      if (getApp().dialog === dialog) close();
      focusContentSoon();
    } catch (error) {
      setRefused(errorOf(error).message);
      setBusy(false);
    }
  };
  return (
    <ModalDialog title={t.title[type]} onClose={close}>
      <Form className="form" validationBehavior="aria" onSubmit={(event) => { event.preventDefault(); void create(); }}>
        <p className="dim"><bdi>{t.in(pathOf(folder.crumbs, 'display'))}</bdi></p>
        <TextField className="field" value={name} onChange={(value) => { setName(value); setRefused(undefined); }} isInvalid={wrong !== undefined} autoFocus>
          <Label>{t.name}</Label>
          <Input ref={field} className="input" spellCheck={false} autoComplete="off" />
          <FieldError className="field-error"><bdi>{wrong}</bdi></FieldError>
          <Text slot="description" className="dim field-hint">{rulesText(name, naming)}</Text>
        </TextField>
        {type !== 'symlink' ? null : (
          <TextField className="field" value={target} onChange={setTarget} isInvalid={targetWrong !== undefined && target !== ''}>
            <Label>{t.target}</Label>
            <Input className="input" spellCheck={false} autoComplete="off" />
            <FieldError className="field-error">{targetWrong}</FieldError>
            <Text slot="description" className="dim field-hint">{t.targetHint}</Text>
          </TextField>
        )}
        <footer className="dialog-foot">
          <Button className="button" onPress={close}>{texts.cancel}</Button>
          <Button className="button is-primary" type="submit" isDisabled={busy || wrong !== undefined || targetWrong !== undefined}>{busy ? t.creating : t.create}</Button>
        </footer>
      </Form>
    </ModalDialog>
  );
}
