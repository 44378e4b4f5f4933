import { useState } from 'react';
import { Button, FieldError, Form, Input, Label, Text, TextField } from 'react-aria-components';
import type { EntryChanges } from '../../../shared/contract/edit.ts';
import type { EntryDetails } from '../../../shared/contract/rows.ts';
import { parseId, parseOctal, parseTime, spellTime, withBit } from '../../models/attributes.ts';
import { formatOctal } from '../../models/format.ts';
import { Check } from '../../ui/check.tsx';
import { texts } from '../../texts/index.ts';
import type { Editable } from './editing.ts';
import { Part } from './parts.tsx';

const t = texts.properties;
const edit = texts.editProperties;
const WHO = [['owner', 6], ['group', 3], ['others', 0]] as const;
const RIGHTS = [['read', 4], ['write', 2], ['execute', 1]] as const;
const ALL = 0o7777;

/** A line of text with its name, and what is wrong with it. */
function Field({ label, value, wrong, hint, onChange }: { label: string; value: string; wrong: string | undefined; hint?: string | undefined; onChange: (value: string) => void }) {
  return (
    <TextField className="field" value={value} onChange={onChange} isInvalid={wrong !== undefined} validationBehavior="aria">
      <Label>{label}</Label>
      <Input className="input" spellCheck={false} autoComplete="off" />
      {hint === undefined ? null : <Text slot="description" className="dim field-hint"><bdi>{hint}</bdi></Text>}
      <FieldError className="field-error">{wrong}</FieldError>
    </TextField>
  );
}

/** The buttons of a form, and why what they did failed. */
function Foot({ dirty, valid, run, reset }: { dirty: boolean; valid: boolean; run: () => Promise<string | undefined>; reset: () => void }) {
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<string>();
  const save = async (): Promise<void> => {
    setBusy(true);
    setFailed(await run());
    setBusy(false);
  };
  return (
    <>
      {failed === undefined ? null : <p className="error-text" role="alert">{failed}</p>}
      <div className="actions">
        <Button className="button is-small" isDisabled={!dirty || busy} onPress={() => { setFailed(undefined); reset(); }}>{edit.reset}</Button>
        <Button className="button is-small" type="submit" isDisabled={!dirty || !valid || busy} onPress={() => void save()}>{edit.save}</Button>
      </div>
    </>
  );
}

const differs = (text: string, now: number): number | undefined => { const id = parseId(text); return id === undefined || id === now ? undefined : id; };

/** Permissions as a grid and as a number, and whose it is, to be changed. */
export function PermissionsForm({ details, editable }: { details: EntryDetails; editable: Editable }) {
  const [octal, setOctal] = useState(formatOctal(details.mode));
  const [uid, setUid] = useState(String(details.uid));
  const [gid, setGid] = useState(String(details.gid));
  const mode = parseOctal(octal);
  const shown = mode ?? details.mode;
  const changes: EntryChanges = {
    ...(mode === undefined || mode === details.mode ? {} : { mode: { set: mode & ~details.mode & ALL, clear: details.mode & ~mode & ALL } }),
    ...(differs(uid, details.uid) === undefined ? {} : { uid: differs(uid, details.uid)! }), ...(differs(gid, details.gid) === undefined ? {} : { gid: differs(gid, details.gid)! }),
  };
  const reset = (): void => {
    setOctal(formatOctal(details.mode));
    setUid(String(details.uid));
    setGid(String(details.gid));
  };
  const toggle = (bit: number, on: boolean): void => setOctal(formatOctal(withBit(shown, bit, on)));
  const idHint = (text: string, now: number, name: string | undefined): string | undefined => (name !== undefined && Number(text) === now ? edit.named(name) : undefined);
  return (
    <Part title={edit.title}>
      <Form className="form" onSubmit={(event) => event.preventDefault()}>
        {/* A symlink's own permissions mean nothing to anybody. */}
        {details.type === 'symlink' ? null : (
          <>
            <table className="rights is-form">
              <caption className="visually-hidden">{t.permissions}</caption>
              <thead><tr><th scope="col"><span className="visually-hidden">{t.aclWho}</span></th>{RIGHTS.map(([right]) => <th key={right} scope="col">{right === 'execute' && details.type === 'dir' ? t.rights.enter : t.rights[right]}</th>)}</tr></thead>
              <tbody>
                {WHO.map(([who, shift]) => (
                  <tr key={who}>
                    <th scope="row">{t.rights[who]}</th>
                    {RIGHTS.map(([right, bit]) => <td key={right}><Check isSelected={((shown >> shift) & bit) !== 0} onChange={(on) => toggle(bit << shift, on)} label={<span className="visually-hidden">{edit.right(t.rights[who], t.rights[right])}</span>} /></td>)}
                  </tr>
                ))}
              </tbody>
            </table>
            <div className="form-line">{[0o4000, 0o2000, 0o1000].map((bit) => <Check key={bit} isSelected={(shown & bit) !== 0} onChange={(on) => toggle(bit, on)} label={edit.special[bit]!} />)}</div>
          </>
        )}
        <div className="form-line">
          {details.type === 'symlink' ? null : <Field label={edit.octal} value={octal} wrong={mode === undefined ? edit.wrongOctal : undefined} onChange={setOctal} />}
          <Field label={edit.owner} value={uid} wrong={parseId(uid) === undefined ? edit.wrongId : undefined} hint={idHint(uid, details.uid, details.owner)} onChange={setUid} />
          <Field label={edit.group} value={gid} wrong={parseId(gid) === undefined ? edit.wrongId : undefined} hint={idHint(gid, details.gid, details.group)} onChange={setGid} />
        </div>
        <Foot dirty={octal !== formatOctal(details.mode) || uid !== String(details.uid) || gid !== String(details.gid)} valid={mode !== undefined && parseId(uid) !== undefined && parseId(gid) !== undefined && Object.keys(changes).length > 0} run={async () => (await editable.change(changes))?.message} reset={reset} />
      </Form>
    </Part>
  );
}

/** The same of many entries: what is left empty stays as it is. */
export function ManyForm({ editable }: { editable: Editable }) {
  const [octal, setOctal] = useState('');
  const [uid, setUid] = useState('');
  const [gid, setGid] = useState('');
  const mode = octal === '' ? undefined : parseOctal(octal);
  const [owner, group] = [uid, gid].map((text) => (text === '' ? undefined : parseId(text)));
  const valid = (octal === '' || mode !== undefined) && (uid === '' || owner !== undefined) && (gid === '' || group !== undefined);
  const changes: EntryChanges = { ...(mode === undefined ? {} : { mode: { set: mode, clear: ~mode & ALL } }), ...(owner === undefined ? {} : { uid: owner }), ...(group === undefined ? {} : { gid: group }) };
  const reset = (): void => {
    setOctal('');
    setUid('');
    setGid('');
  };
  const run = async (): Promise<string | undefined> => {
    const error = await editable.change(changes);
    if (error === undefined) reset();
    return error?.message;
  };
  return (
    <Part title={edit.title}>
      <Form className="form" onSubmit={(event) => event.preventDefault()}>
        <p className="dim">{edit.emptyStays}</p>
        <div className="form-line">
          <Field label={edit.octal} value={octal} wrong={octal === '' || mode !== undefined ? undefined : edit.wrongOctal} onChange={setOctal} />
          <Field label={edit.owner} value={uid} wrong={uid === '' || owner !== undefined ? undefined : edit.wrongId} onChange={setUid} />
          <Field label={edit.group} value={gid} wrong={gid === '' || group !== undefined ? undefined : edit.wrongId} onChange={setGid} />
        </div>
        <Foot dirty={octal !== '' || uid !== '' || gid !== ''} valid={valid && Object.keys(changes).length > 0} run={run} reset={reset} />
      </Form>
    </Part>
  );
}

/** The times that may be set, to the nanosecond. */
export function TimesForm({ details, editable }: { details: EntryDetails; editable: Editable }) {
  const times = (['mtime', 'atime', 'btime'] as const).flatMap((key) => { const ns = details[key]; return ns === undefined ? [] : [{ key, ns, was: spellTime(ns) ?? '' }]; });
  const [drafts, setDrafts] = useState<Readonly<Partial<Record<'mtime' | 'atime' | 'btime', string>>>>({});
  const textOf = ({ key, was }: (typeof times)[number]): string => drafts[key] ?? was;
  const changed = times.filter((each) => textOf(each) !== each.was);
  const changes: EntryChanges = Object.fromEntries(changed.map((each) => [each.key, parseTime(textOf(each))]));
  const labels = { mtime: edit.modified, atime: edit.accessed, btime: edit.created };
  return (
    <Part title={edit.times}>
      <Form className="form" onSubmit={(event) => event.preventDefault()}>
        {times.map((each) => (
          <div key={each.key} className="form-line">
            <Field label={labels[each.key]} value={textOf(each)} wrong={textOf(each) === each.was || parseTime(textOf(each)) !== undefined ? undefined : edit.wrongTime} onChange={(text) => setDrafts({ ...drafts, [each.key]: text })} />
            <Button className="button is-small" aria-label={edit.nowFor(labels[each.key])} onPress={() => setDrafts({ ...drafts, [each.key]: spellTime(BigInt(Date.now()) * 1_000_000n)! })}>{edit.now}</Button>
          </div>
        ))}
        <Foot dirty={changed.length > 0} valid={changed.every((each) => parseTime(textOf(each)) !== undefined)} run={async () => (await editable.change(changes))?.message} reset={() => setDrafts({})} />
      </Form>
    </Part>
  );
}
