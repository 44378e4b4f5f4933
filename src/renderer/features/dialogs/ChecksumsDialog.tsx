import { ClipboardCheck, Pause, Play, Square } from 'lucide-react';
import { type DragEvent, useEffect, useMemo, useRef, useState } from 'react';
import { Button, Label, ListBox, ListBoxItem, Popover, ProgressBar, Select, SelectValue, TextArea, TextField } from 'react-aria-components';
import { HASHES, type HashName, type HashRow, type SumList } from '../../../shared/contract/checksums.ts';
import { parseSums } from '../../../shared/sums.ts';
import { useChanges } from '../../app/changes.ts';
import { Hashing } from '../../app/checksums.ts';
import { errorOf, isCancelled, services } from '../../app/services.ts';
import { announce, type Dialog, findTab } from '../../app/state.ts';
import { formatDuration, formatSize } from '../../models/format.ts';
import { compareSums, SumIndex } from '../../models/sums.ts';
import { ErrorPanel } from '../../ui/errors.tsx';
import { ModalDialog } from '../../ui/modal.tsx';
import { texts } from '../../texts/index.ts';
import { sentences } from '../../texts/sentences.ts';
import { ChecksumsResults } from './ChecksumsResults.tsx';
import { ChecksumsVerdict } from './ChecksumsVerdict.tsx';
import { closeDialog } from './Dialogs.tsx';
import { Check } from '../../ui/check.tsx';

const t = texts.checksums;

type ChecksumsState = Extract<Dialog, { kind: 'checksums' }>;

/** Characters of a dropped or pasted list that are read. */
const MAX_LIST = 16 * 1024 * 1024;

const NO_ROWS: readonly HashRow[] = [];

const NONE = 'none';
const PASTED = 'pasted';

/** The algorithms of the last time: who compares with one list mostly compares with another of its kind. */
let lastChosen: readonly HashName[] = ['sha256'];

/** Checksums of whatever was asked about, live against a list that lies beside it, the clipboard, or what is pasted and dropped. */
export function ChecksumsDialog({ dialog }: { dialog: ChecksumsState }) {
  const host = findTab(dialog.tab)?.host;
  const [chosen, setChosen] = useState<ReadonlySet<HashName>>(() => new Set(lastChosen));
  const [hashing, setHashing] = useState<Hashing>();
  const [lists, setLists] = useState<readonly SumList[]>([]);
  const [source, setSource] = useState(NONE);
  const [pasted, setPasted] = useState('');
  const [wrong, setWrong] = useState<string>();
  useChanges(hashing);
  useEffect(() => () => hashing?.close(), [hashing]);

  const { layer, lists: where } = dialog;
  useEffect(() => {
    if (host === undefined || where === undefined) return undefined;
    const abort = new AbortController();
    host.call('hash.lists', { layer, ...(where === 'beside' ? {} : { node: where }) }, abort.signal).then(
      (found) => {
        if (abort.signal.aborted || found.length === 0) return;
        setLists(found);
        // One that says something of what is asked about.
        const first = found.findIndex(({ lines }) => new SumIndex(lines).algorithms(dialog.names.map((path) => ({ path }))).size > 0);
        if (first < 0) return;
        setSource(String(first));
        const needed = new SumIndex(found[first]!.lines).algorithms(dialog.names.map((path) => ({ path })));
        setChosen((before) => new Set([...before, ...needed]));
      },
      (error: unknown) => { if (!abort.signal.aborted && !isCancelled(error)) setWrong(errorOf(error).message); },
    );
    return () => abort.abort();
  }, [host, layer, where, dialog.names]);

  const list = lists[Number(source)];
  const lines = useMemo(() => (source === PASTED ? parseSums(pasted.slice(0, MAX_LIST)) : (list?.lines ?? [])), [source, pasted, list]);
  const index = useMemo(() => (lines.length === 0 ? undefined : new SumIndex(lines)), [lines]);
  const rows = hashing?.rows ?? NO_ROWS;
  const comparison = useMemo(() => compareSums(rows, index), [rows, index]);
  const ended = hashing !== undefined && !hashing.running;

  const start = (): void => {
    if (host === undefined || chosen.size === 0) return;
    lastChosen = HASHES.filter((each) => chosen.has(each));
    hashing?.close();
    setHashing(new Hashing(host, dialog, lastChosen));
  };
  const compareText = (text: string, none: string): void => {
    const found = parseSums(text);
    setPasted(text);
    setSource(text.trim() === '' ? NONE : PASTED);
    setWrong(found.length === 0 && text.trim() !== '' ? none : undefined);
    if (found.length > 0) setChosen((before) => new Set([...before, ...new SumIndex(found).algorithms(dialog.names.map((path) => ({ path })))]));
  };
  const fromClipboard = async (): Promise<void> => {
    try {
      const { text } = await services().app.call('text.paste', {});
      compareText(text, t.emptyClipboard);
      if (parseSums(text).length === 0) setWrong(t.emptyClipboard);
    } catch (error) {
      const { message, advice } = errorOf(error);
      setWrong(sentences(message, advice));
    }
  };
  // A list dropped here is compared with; the window would open it as an image.
  const onDrop = (event: DragEvent): void => {
    const [file] = event.dataTransfer.files;
    if (file === undefined) return;
    event.preventDefault();
    event.nativeEvent.stopPropagation();
    void file.slice(0, MAX_LIST).text().then((text) => compareText(text, t.noSums));
  };
  const keep = (event: DragEvent): void => {
    event.preventDefault();
    event.nativeEvent.stopPropagation();
  };
  return (
    <ModalDialog title={t.title(dialog.title.slice(0, 80))} onClose={closeDialog} wide>
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- what is dropped can be pasted as well */}
      <div className="dialog-body checksums" role="region" aria-label={t.title(dialog.title.slice(0, 80))} onDrop={onDrop} onDragEnter={keep} onDragOver={keep}>
        <div className="checksums-algorithms" role="group" aria-label={t.algorithms}>
          {HASHES.map((each) => (
            <Check
              key={each} label={t.names[each]} isSelected={chosen.has(each)}
              onChange={(on) => setChosen((before) => new Set(HASHES.filter((other) => (other === each ? on : before.has(other)))))}
            />
          ))}
        </div>
        <div className="checksums-compare">
          <Select className="field" value={source} onChange={(key) => setSource(String(key))}>
            <Label>{t.compareWith}</Label>
            <Button className="button select"><SelectValue /></Button>
            <Popover className="popover">
              <ListBox className="menu">
                <ListBoxItem id={NONE} className="menu-item">{t.none}</ListBoxItem>
                {lists.map((each, i) => <ListBoxItem key={each.display} id={String(i)} textValue={each.display} className="menu-item"><bdi>{each.display}</bdi></ListBoxItem>)}
                {pasted.trim() === '' ? null : <ListBoxItem id={PASTED} className="menu-item">{t.pasted}</ListBoxItem>}
              </ListBox>
            </Popover>
          </Select>
          <Button className="button" onPress={() => void fromClipboard()}><ClipboardCheck aria-hidden />{t.clipboard}</Button>
        </div>
        <TextField className="field" aria-label={t.field} value={pasted.length > 4000 ? `${pasted.slice(0, 4000)}…` : pasted} onChange={(text) => compareText(text, t.noSums)}>
          <TextArea className="input checksums-field mono" rows={1} spellCheck={false} placeholder={t.example} />
        </TextField>
        {wrong === undefined ? null : <p className="field-error" role="alert">{wrong}</p>}
        {hashing?.error === undefined ? null : <ErrorPanel error={hashing.error} about={dialog.title} />}
        {hashing?.running ? <Running hashing={hashing} /> : null}
        {rows.length === 0 ? null : <ChecksumsVerdict comparison={comparison} index={index} rows={rows} list={source === PASTED ? t.thePasted : (list?.display ?? '')} computed={lastChosen} ended={ended} />}
        {rows.length > 0 ? <ChecksumsResults comparison={comparison} rows={rows} /> : ended && hashing.state === 'done' ? <p className="dim">{t.nothing}</p> : null}
        {ended ? <Ended hashing={hashing} quiet={index !== undefined && rows.length > 0} /> : null}
      </div>
      <footer className="dialog-foot">
        <Button className="button" onPress={closeDialog}>{texts.close}</Button>
        <Button className="button is-primary" autoFocus isDisabled={chosen.size === 0} isPending={hashing?.running ?? false} onPress={start}>{ended ? t.again : t.compute}</Button>
      </footer>
    </ModalDialog>
  );
}

function Running({ hashing }: { hashing: Hashing }) {
  const { progress, state } = hashing;
  const { done = 0, total, now = '' } = progress?.progress ?? {};
  const percent = total === undefined || total === 0 ? undefined : (done / total) * 100;
  return (
    <div className="checksums-running">
      <ProgressBar aria-label={t.progress} className={percent === undefined ? 'progress is-endless' : 'progress'} {...(percent === undefined ? { isIndeterminate: true } : { value: percent })}>
        <div className="progress-track"><div className="progress-fill" style={percent === undefined ? {} : { width: `${percent}%` }} /></div>
      </ProgressBar>
      <div className="checksums-facts dim">
        <span className="transfer-now"><bdi>{state === 'paused' ? t.paused : now === '' ? t.starting : now.slice(0, 300)}</bdi></span>
        {total === undefined ? null : <span className="number">{t.of(formatSize(done), formatSize(total))}</span>}
        {progress?.speed === undefined || state === 'paused' ? null : <span className="number">{t.speed(formatSize(progress.speed))}</span>}
        {progress?.remaining === undefined || state === 'paused' ? null : <span className="number">{t.left(formatDuration(progress.remaining))}</span>}
        <Button className="button is-small" onPress={() => hashing.pause(state !== 'paused')}>{state === 'paused' ? <Play aria-hidden /> : <Pause aria-hidden />}{state === 'paused' ? t.resume : t.pause}</Button>
        <Button className="button is-small" onPress={() => hashing.cancel()}><Square aria-hidden />{t.stop}</Button>
      </div>
    </div>
  );
}

/** How it ended, also for those who only hear it. @param quiet the verdict is told instead */
function Ended({ hashing, quiet }: { hashing: Hashing; quiet: boolean }) {
  const told = useRef<Hashing>(undefined);
  const { state, rows } = hashing;
  const text = state === 'cancelled' ? t.cancelled(rows.length) : state === 'done' ? t.done(rows.length) : '';
  useEffect(() => {
    if (told.current === hashing || text === '') return;
    told.current = hashing;
    if (!quiet) announce(text);
  }, [hashing, text, quiet]);
  return text === '' || rows.length === 1 ? null : <p className="dim">{text}</p>;
}
