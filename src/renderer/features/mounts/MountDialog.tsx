import { ChevronRight, FolderOpen, LockOpen } from 'lucide-react';
import { type ReactNode, useEffect, useId, useState } from 'react';
import { Button, Disclosure, DisclosurePanel, FieldError, Form, Heading, Input, Label, Radio, RadioGroup, TextField } from 'react-aria-components';
import { displayName } from '../../../engines/core/names.ts';
import type { SourceToken } from '../../../shared/contract/calls.ts';
import type { MountOptions, MountProviderId, MountProviderRow } from '../../../shared/contract/mounts.ts';
import { unlockImage } from '../../app/editing.ts';
import { askProviders, nameOfMounted, startMount } from '../../app/mounts.ts';
import { type ErrorData, errorOf, services } from '../../app/services.ts';
import { type Dialog, getApp, setApp, type Tab, useApp } from '../../app/state.ts';
import { parseId } from '../../models/attributes.ts';
import { canEdit } from '../../models/editing.ts';
import { layerAt } from '../../models/layers.ts';
import { parseUmask, usable } from '../../models/mounts.ts';
import { visibleText } from '../../models/visible-text.ts';
import { ErrorPanel } from '../../ui/errors.tsx';
import { ModalDialog } from '../../ui/modal.tsx';
import { texts } from '../../texts/index.ts';
import { sentences } from '../../texts/sentences.ts';

const t = texts.mountDialog;

const close = (): void => setApp({ dialog: undefined });

/** How a volume is mounted: in which way, where, and for what. */
export function MountDialog({ dialog }: { dialog: Extract<Dialog, { kind: 'mount' }> }) {
  const tab = useApp((state) => state.tabs.find(({ id }) => id === dialog.tab));
  const [failed, setFailed] = useState<ErrorData>();
  const [asked, setAsked] = useState<readonly MountProviderRow[]>();
  const [tries, setTries] = useState(0);
  useEffect(() => {
    // What can be used may have changed since the image was opened.
    let gone = false;
    askProviders(dialog.tab).then((rows) => { if (!gone) setAsked(rows); }, (error: unknown) => { if (!gone) setFailed(errorOf(error)); });
    return () => { gone = true; };
    // Another try.
    // oxlint-disable-next-line react/exhaustive-effect-dependencies
  }, [dialog.tab, tries]);
  if (tab?.info === undefined) return null;
  const name = nameOfMounted(tab, dialog.layer);
  return (
    <ModalDialog title={t.title(name)} onClose={close} wide>
      {failed !== undefined ? <ErrorPanel error={failed} title={t.failed} about={tab.source.name}><Button className="button" onPress={() => { setFailed(undefined); setTries(tries + 1); }}>{texts.tryAgain}</Button></ErrorPanel>
      : asked === undefined ? <p className="late dim" role="status">{t.loading}</p>
      : <MountForm dialog={dialog} tab={tab} providers={asked} />}
    </ModalDialog>
  );
}

/** A number, or nothing: `undefined` where it is neither. */
const idOf = (text: string): number | '' | undefined => (text.trim() === '' ? '' : parseId(text.trim()));

function MountForm({ dialog, tab, providers }: { dialog: Extract<Dialog, { kind: 'mount' }>; tab: Tab; providers: readonly MountProviderRow[] }) {
  const native = useApp((state) => state.info?.dialogs !== 'path');
  const [best] = usable(providers);
  const [provider, setProvider] = useState<MountProviderId | undefined>(best?.id);
  const [own, setOwn] = useState(false);
  const [folder, setFolder] = useState<SourceToken>();
  const [path, setPath] = useState('');
  const editable = canEdit(tab.edit, layerAt(tab.info!, dialog.layer));
  const locked = tab.edit?.state === 'read-only' && tab.edit.canUnlock.ok && layerAt(tab.info!, dialog.layer)?.filesystem?.access.write === true;
  const [wanted, setWanted] = useState(editable === true);
  const write = wanted && editable === true;
  const [uid, setUid] = useState('');
  const [gid, setGid] = useState('');
  const [umask, setUmask] = useState('');
  const [wrong, setWrong] = useState<ErrorData>();
  const [busy, setBusy] = useState(false);
  const ids = { uid: idOf(uid), gid: idOf(gid) };
  const mask = umask.trim() === '' ? '' : parseUmask(umask.trim());
  const valid = ids.uid !== undefined && ids.gid !== undefined && mask !== undefined && provider !== undefined && (!own || (native ? folder !== undefined : path.trim() !== ''));

  const mount = async (): Promise<void> => {
    setBusy(true);
    setWrong(undefined);
    try {
      const at = !own ? undefined : native ? folder : await services().app.call('path.folder', { path });
      // The image's host writes at no place that it was not granted.
      if (at !== undefined && tab.image !== undefined) await services().app.call('image.grant', { image: tab.image, token: at.token });
      const options: MountOptions = {
        ...(provider === undefined ? {} : { provider }), ...(write ? { write } : {}),
        ...(typeof ids.uid === 'number' ? { uid: ids.uid } : {}), ...(typeof ids.gid === 'number' ? { gid: ids.gid } : {}), ...(typeof mask === 'number' ? { umask: mask } : {}),
      };
      await startMount(tab.id, { layer: dialog.layer, options, target: at?.token });
      if (getApp().dialog === dialog) close();
    } catch (error) {
      setWrong(errorOf(error));
      setBusy(false);
    }
  };
  const choose = async (): Promise<void> => {
    try {
      const chosen = await services().app.call('dialog.folder', {});
      if (chosen !== undefined) setFolder(chosen);
      setWrong(undefined);
    } catch (error) {
      setWrong(errorOf(error));
    }
  };
  const shown = folder && displayName(folder.path).slice(0, 4096);
  return (
    <Form className="form mount-form" onSubmit={(event) => { event.preventDefault(); void mount(); }}>
      <div className="dialog-body">
        {best === undefined ? <p className="error-text" role="alert">{t.none}</p> : null}
        <RadioGroup className="choice" value={provider ?? null} onChange={(id) => setProvider(id as MountProviderId)}>
          <Label>{t.how}</Label>
          {providers.map((each) => (
            <Option key={each.id} value={each.id} title={each.title} mark={each === best ? t.best : undefined} isDisabled={!each.available.ok}>
              {visibleText(each.available.ok ? each.summary : each.available.reason)}
            </Option>
          ))}
        </RadioGroup>
        <RadioGroup className="choice" value={own ? 'own' : 'made'} onChange={(value) => setOwn(value === 'own')}>
          <Label>{t.place}</Label>
          <Option value="made" title={t.made} />
          <Option value="own" title={t.folder} />
        </RadioGroup>
        {!own ? null : native ? (
          <div className="chooser mount-under" role="group" aria-label={t.folder}>
            <span className={folder === undefined ? 'chosen dim' : 'chosen'} title={shown}><bdi>{shown ?? t.noFolder}</bdi></span>
            <Button className="button" onPress={() => void choose()}><FolderOpen aria-hidden />{t.choose}</Button>
          </div>
        ) : <div className="mount-under"><Field label={t.folderField} value={path} hint={t.example} onChange={setPath} /></div>}
        <RadioGroup className="choice" value={write ? 'write' : 'read'} onChange={(value) => setWanted(value === 'write')}>
          <Label>{t.access}</Label>
          <Option value="read" title={t.read} />
          <Option value="write" title={t.write} isDisabled={editable !== true}>{editable === true ? t.writeHint : locked ? t.lockedHint : visibleText(editable)}</Option>
        </RadioGroup>
        {locked ? <UnlockOffer id={tab.id} onUnlocked={() => setWanted(true)} /> : null}
        <Disclosure className="log">
          <Heading level={3} className="log-head"><Button slot="trigger" className="link"><ChevronRight aria-hidden />{t.more}</Button></Heading>
          <DisclosurePanel className="log-panel">
            <p className="dim">{t.moreHint}</p>
            <div className="form-line">
              <Field label={t.owner} value={uid} hint={t.asVolume} wrong={ids.uid === undefined ? t.wrongId : undefined} onChange={setUid} />
              <Field label={t.group} value={gid} hint={t.asVolume} wrong={ids.gid === undefined ? t.wrongId : undefined} onChange={setGid} />
              <Field label={t.umask} value={umask} hint={t.asVolume} wrong={mask === undefined ? t.wrongUmask : undefined} onChange={setUmask} />
            </div>
          </DisclosurePanel>
        </Disclosure>
        {wrong === undefined ? null : <p className="error-text" role="alert"><bdi>{visibleText(sentences(wrong.message, wrong.advice))}</bdi></p>}
      </div>
      <footer className="dialog-foot">
        <Button className="button" onPress={close}>{texts.cancel}</Button>
        <Button className="button is-primary" type="submit" autoFocus={best !== undefined} isDisabled={busy || !valid}>{busy ? t.mounting : t.mount}</Button>
      </footer>
    </Form>
  );
}

/** Where the image alone stands in the way of writing, the one act that changes it. */
function UnlockOffer({ id, onUnlocked }: { id: number; onUnlocked: () => void }) {
  const [busy, setBusy] = useState(false);
  const run = async (): Promise<void> => {
    setBusy(true);
    if (await unlockImage(id)) onUnlocked();
    setBusy(false);
  };
  return <div className="mount-under"><Button className="button is-small" isDisabled={busy} onPress={() => void run()}><LockOpen aria-hidden />{t.unlock}</Button></div>;
}

/** One of several, with what it means or why it can't be. */
function Option({ value, title, mark, isDisabled = false, children }: { value: string; title: string; mark?: string | undefined; isDisabled?: boolean; children?: ReactNode }) {
  const hint = useId();
  return (
    <div className="option">
      <Radio value={value} className="radio" isDisabled={isDisabled} {...(children === undefined ? {} : { 'aria-describedby': hint })}>
        <span className="radio-mark" aria-hidden />{title}{mark === undefined ? null : <span className="side-mark">{mark}</span>}
      </Radio>
      {children === undefined ? null : <span id={hint} className="dim option-hint"><bdi>{children}</bdi></span>}
    </div>
  );
}

function Field({ label, value, hint, wrong, onChange }: { label: string; value: string; hint: string; wrong?: string | undefined; onChange: (value: string) => void }) {
  return (
    <TextField className="field" value={value} onChange={onChange} isInvalid={wrong !== undefined} validationBehavior="aria">
      <Label>{label}</Label>
      <Input className="input" spellCheck={false} autoComplete="off" placeholder={hint} />
      <FieldError className="field-error">{wrong}</FieldError>
    </TextField>
  );
}
