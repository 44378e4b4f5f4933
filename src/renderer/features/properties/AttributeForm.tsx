import { useState } from 'react';
import { Button, FieldError, Form, Input, Label, Text, TextArea, TextField, ToggleButton, ToggleButtonGroup } from 'react-aria-components';
import { parseHex, spellHex } from '../../models/attributes.ts';
import { texts } from '../../texts/index.ts';
import type { Editable } from './editing.ts';

const t = texts.editProperties;

/** Sets an extended attribute: a new one, or the one that is given. */
export function AttributeForm({ editable, of, onDone }: { editable: Editable; of?: { readonly name: string; readonly value: Uint8Array; readonly text?: string }; onDone: () => void }) {
  const [key, setKey] = useState(of?.name ?? 'user.');
  const [hex, setHex] = useState(of !== undefined && of.text === undefined);
  const [value, setValue] = useState(of === undefined ? '' : (of.text ?? spellHex(of.value)));
  const [failed, setFailed] = useState<string>();
  const [busy, setBusy] = useState(false);
  const bytes = hex ? parseHex(value) : new TextEncoder().encode(value);
  const set = async (): Promise<void> => {
    if (bytes === undefined || busy) return;
    setBusy(true);
    const error = await editable.xattr(key, bytes);
    setBusy(false);
    setFailed(error?.message);
    if (error === undefined) onDone();
  };
  /** What was typed keeps its meaning where it has one in the other form. */
  const choose = (asHex: boolean): void => {
    if (asHex === hex) return;
    if (asHex) setValue(spellHex(new TextEncoder().encode(value)));
    else if (bytes !== undefined) setValue(new TextDecoder().decode(bytes));
    setHex(asHex);
  };
  return (
    <Form className="form attribute-form" onSubmit={(event) => { event.preventDefault(); void set(); }}>
      {of !== undefined ? null : (
        <TextField className="field" value={key} onChange={setKey} maxLength={255} autoFocus>
          <Label>{t.key}</Label>
          <Input className="input" spellCheck={false} autoComplete="off" />
          <Text slot="description" className="dim field-hint">{t.keyHint}</Text>
        </TextField>
      )}
      <TextField className="field" value={value} onChange={setValue} isInvalid={bytes === undefined} validationBehavior="aria" autoFocus={of !== undefined}>
        <Label>{t.value}</Label>
        <TextArea className={`input attribute-value ${hex ? 'mono' : ''}`} rows={3} spellCheck={false} />
        <FieldError className="field-error">{t.wrongHex}</FieldError>
      </TextField>
      {failed === undefined ? null : <p className="error-text" role="alert">{failed}</p>}
      <div className="actions">
        <ToggleButtonGroup aria-label={t.value} className="segments" disallowEmptySelection selectedKeys={[hex ? 'hex' : 'text']} onSelectionChange={(keys) => choose(keys.has('hex'))}>
          <ToggleButton id="text" className="segment">{t.valueText}</ToggleButton>
          <ToggleButton id="hex" className="segment">{t.valueHex}</ToggleButton>
        </ToggleButtonGroup>
        <span className="spacer" />
        <Button className="button is-small" onPress={onDone}>{texts.cancel}</Button>
        <Button className="button is-small" type="submit" isDisabled={busy || bytes === undefined || key === ''}>{t.setXattr}</Button>
      </div>
    </Form>
  );
}
