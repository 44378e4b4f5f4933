import { useState } from 'react';
import { Button, FieldError, Form, Input, Label, Text, TextField } from 'react-aria-components';
import { focusList } from '../../app/focus.ts';
import { searchOf } from '../../app/search.ts';
import { errorOf } from '../../app/services.ts';
import { announce, findTab, getApp, selectIn, setApp, type Tab } from '../../app/state.ts';
import { countOf, type Ranges, union } from '../../models/ranges.ts';
import { texts } from '../../texts/index.ts';
import { ModalDialog } from '../../ui/modal.tsx';

const t = texts.pattern;

/** Adds the rows whose names a pattern describes to the selection. */
export function PatternDialog({ id }: { id: number }) {
  const [pattern, setPattern] = useState('');
  const [wrong, setWrong] = useState<string>();
  const close = (): void => {
    setApp({ dialog: undefined });
    // Once the dialog has given the focus back.
    setTimeout(focusList);
  };
  const select = async (): Promise<void> => {
    const tab = findTab(id);
    if (tab === undefined) return;
    try {
      const ranges = await rangesOf(tab, pattern);
      const now = findTab(id);
      // Closed meanwhile, or the rows are others.
      if (getApp().dialog?.kind !== 'pattern' || now?.listing?.rows !== tab.listing?.rows) return;
      const first = ranges[0]?.[0];
      if (first === undefined) {
        setWrong(t.none);
        return;
      }
      const { selection } = now ?? tab;
      const all = union(selection.ranges, ranges);
      selectIn(id, { ...selection, ranges: all, focus: first, anchor: first });
      announce(t.selected(countOf(all)));
      close();
    } catch (error) {
      setWrong(errorOf(error).message);
    }
  };
  return (
    <ModalDialog title={t.title} onClose={close}>
      <Form className="form" onSubmit={(event) => { event.preventDefault(); void select(); }}>
        <TextField className="field" value={pattern} onChange={(value) => { setPattern(value); setWrong(undefined); }} isInvalid={wrong !== undefined} maxLength={1024} autoFocus>
          <Label>{t.label}</Label>
          <Input className="input" placeholder={t.example} spellCheck={false} autoComplete="off" />
          <Text slot="description" className="dim">{t.hint}</Text>
          <FieldError className="field-error">{wrong}</FieldError>
        </TextField>
        <footer className="dialog-foot">
          <Button className="button" onPress={close}>{texts.cancel}</Button>
          <Button className="button is-primary" type="submit" isDisabled={pattern === ''}>{t.select}</Button>
        </footer>
      </Form>
    </ModalDialog>
  );
}

/** A folder's rows are known to the host alone, those of a search to the page alone. */
async function rangesOf({ listing, host }: Tab, pattern: string): Promise<Ranges> {
  const found = searchOf(listing?.search);
  if (found !== undefined) return found.rows.matching(pattern);
  return listing?.view === undefined || host === undefined ? [] : (await host.call('view.match', { view: listing.view.view, query: pattern })).ranges;
}
