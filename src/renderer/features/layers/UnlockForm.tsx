import { LockKeyhole } from 'lucide-react';
import { useRef, useState } from 'react';
import { Button, FieldError, Form, Input, Label, TextField } from 'react-aria-components';
import type { LayerRow } from '../../../shared/contract/rows.ts';
import { announce, type Tab } from '../../app/state.ts';
import { unlock } from '../../app/tabs.ts';
import { texts } from '../../texts/index.ts';

const t = texts.unlock;

/** Where the tree of a locked volume would be: its password is asked for, and what was wrong with it is said here. */
export function UnlockForm({ tab, layer }: { tab: Tab; layer: LayerRow }) {
  const [password, setPassword] = useState('');
  const [wrong, setWrong] = useState<string>();
  const [busy, setBusy] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const name = layer.label || layer.title;
  const submit = async (): Promise<void> => {
    if (password === '' || busy) return;
    setBusy(true);
    const error = await unlock(tab.id, layer.path, password);
    // Neither a wrong nor a right one is kept here.
    setPassword('');
    setBusy(false);
    setWrong(error?.message);
    if (error !== undefined) field.current?.focus();
    announce(error?.message ?? t.unlocked(name));
  };
  return (
    <Form className="unlock" onSubmit={(event) => { event.preventDefault(); void submit(); }}>
      <LockKeyhole aria-hidden className="unlock-icon" strokeWidth={1.25} />
      <h2><bdi>{t.title(name)}</bdi></h2>
      <p className="dim">{t.hint}</p>
      <TextField className="field" type="password" value={password} isInvalid={wrong !== undefined} validationBehavior="aria" autoFocus onChange={(value) => { setPassword(value); if (value !== '') setWrong(undefined); }}>
        <Label>{t.label}</Label>
        <Input ref={field} className="input" autoComplete="off" />
        <FieldError className="field-error">{wrong}</FieldError>
      </TextField>
      <Button className="button is-primary" type="submit" isPending={busy} isDisabled={password === '' && !busy}>{busy ? t.checking : t.button}</Button>
    </Form>
  );
}
