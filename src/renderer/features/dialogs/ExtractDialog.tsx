import { FolderOpen } from 'lucide-react';
import { useState } from 'react';
import { Button, Form, Label, ListBox, ListBoxItem, Popover, Select, SelectValue } from 'react-aria-components';
import { displayName } from '../../../engines/core/names.ts';
import type { ExtractOptions, SourceToken } from '../../../shared/contract/calls.ts';
import { errorOf, services } from '../../app/services.ts';
import { type Dialog, getApp, useApp } from '../../app/state.ts';
import { extract } from '../../app/transfers.ts';
import { Check } from '../../ui/check.tsx';
import { ModalDialog } from '../../ui/modal.tsx';
import { texts } from '../../texts/index.ts';
import { closeDialog } from './Dialogs.tsx';
import { PathInput } from './OpenPathDialog.tsx';

const t = texts.extract;

/** The folder of the last extraction: the next one mostly goes there, too. */
let lastFolder: SourceToken | undefined;

const CONFLICTS = ['ask', 'keep-both', 'skip', 'newer', 'replace'] as const;

/** Where to, and what to keep. */
export function ExtractDialog({ dialog }: { dialog: Extract<Dialog, { kind: 'extract' }> }) {
  const native = useApp((state) => state.info?.dialogs !== 'path');
  const [folder, setFolder] = useState(lastFolder);
  const [path, setPath] = useState(lastFolder?.path ?? '');
  const [conflict, setConflict] = useState<NonNullable<ExtractOptions['conflict']>>('ask');
  const [owners, setOwners] = useState(false);
  const [special, setSpecial] = useState(false);
  const [wrong, setWrong] = useState<string>();
  const [busy, setBusy] = useState(false);
  const { entries } = dialog.what;
  const shown = folder && displayName(folder.path).slice(0, 4096);
  const what = entries === undefined ? t.all : entries.length === 1 ? entries[0]!.display.slice(0, 80) : t.items(entries.length);

  const choose = async (): Promise<void> => {
    try {
      const chosen = await services().app.call('dialog.folder', {});
      if (chosen !== undefined) setFolder(chosen);
      setWrong(undefined);
    } catch (error) {
      setWrong(errorOf(error).message);
    }
  };
  const start = async (): Promise<void> => {
    setBusy(true);
    try {
      const target = native ? folder : await services().app.call('path.folder', { path });
      if (target === undefined) return;
      lastFolder = target;
      await extract(dialog.tab, dialog.what, target, { conflict, ...(owners ? { owners } : {}), ...(special ? { special } : {}) });
      if (getApp().dialog === dialog) closeDialog();
    } catch (error) {
      setWrong(errorOf(error).message);
    } finally {
      setBusy(false);
    }
  };
  return (
    <ModalDialog title={t.title} onClose={closeDialog}>
      <Form className="form" onSubmit={(event) => { event.preventDefault(); void start(); }}>
        <p><bdi>{t.what(what)}</bdi></p>
        {native ? (
          <div className="field">
            <span className="label" id="extract-target">{t.target}</span>
            <div className="chooser" role="group" aria-labelledby="extract-target">
              <span className={folder === undefined ? 'chosen dim' : 'chosen'} title={shown}><bdi>{shown ?? t.none}</bdi></span>
              <Button className="button" autoFocus={folder === undefined} onPress={() => void choose()}><FolderOpen aria-hidden />{t.choose}</Button>
            </div>
            {wrong === undefined ? null : <span className="field-error" role="alert">{wrong}</span>}
          </div>
        ) : <PathInput label={t.target} example={t.example} value={path} wrong={wrong} onChange={(value) => { setPath(value); setWrong(undefined); }} />}
        <Select className="field" value={conflict} onChange={(key) => setConflict(key as typeof conflict)}>
          <Label>{t.conflict}</Label>
          <Button className="button select"><SelectValue /></Button>
          <Popover className="popover">
            <ListBox className="menu">{CONFLICTS.map((id) => <ListBoxItem key={id} id={id} className="menu-item">{t.conflicts[id]}</ListBoxItem>)}</ListBox>
          </Popover>
        </Select>
        <Check isSelected={owners} onChange={setOwners} label={t.owners} />
        <Check isSelected={special} onChange={setSpecial} label={t.special} />
        <footer className="dialog-foot">
          <Button className="button" onPress={closeDialog}>{texts.cancel}</Button>
          <Button className="button is-primary" type="submit" autoFocus={native && folder !== undefined} isDisabled={busy || (native ? folder === undefined : path.trim() === '')}>{busy ? t.starting : t.start}</Button>
        </footer>
      </Form>
    </ModalDialog>
  );
}
