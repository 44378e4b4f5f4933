import { type KeyboardEvent, useEffect, useRef, useState } from 'react';
import { Button } from 'react-aria-components';
import { provideBytesPage, rememberByte } from '../../app/bytes.ts';
import { goTo } from '../../app/navigation.ts';
import { type ErrorData, errorOf, services } from '../../app/services.ts';
import { announce, type BytesPlace, type Tab } from '../../app/state.ts';
import type { LayerRow } from '../../../shared/contract/rows.ts';
import { formatExactSize, formatOffset } from '../../models/format.ts';
import { printable, spotAt } from '../../models/hex-block.ts';
import { type HexCursor, selected } from '../../models/hex-cursor.ts';
import { layerAt } from '../../models/layers.ts';
import { ErrorPanel } from '../../ui/errors.tsx';
import { notify, notifyError } from '../../ui/toasts.ts';
import { texts } from '../../texts/index.ts';
import { HexBar } from './HexBar.tsx';
import { HexGrid } from './HexGrid.tsx';
import { Inspector } from './Inspector.tsx';
import { blockAt, bytesBetween, type BytesSource, LINE, useBytes } from './use-bytes.ts';
import { useFind } from './use-find.ts';

const t = texts.hex;

/** Milliseconds that the cursor stands still before the history keeps it. */
const SETTLE = 300;

/** The contract's own limit of one read. */
const MOST_COPIED = 65_536;

/** Bytes a sector where nothing says otherwise. */
const SECTOR = 512;

/** The bytes of a layer or of a file, with what they are. */
export function HexPage({ tab, layer, place }: { tab: Tab; layer: LayerRow; place: BytesPlace }) {
  const node = place.file?.node;
  const name = place.file?.display ?? (layer.label || layer.title);
  const [size, setSize] = useState<number>();
  const [error, setError] = useState<ErrorData>();
  const { host } = tab;
  useEffect(() => {
    const abort = new AbortController();
    host?.call('bytes.read', { layer: layer.path, at: 0, length: 0, ...(node === undefined ? {} : { node }) }, abort.signal).then(
      (read) => { if (!abort.signal.aborted) setSize(read.size); },
      (failure: unknown) => { if (!abort.signal.aborted) setError(errorOf(failure)); },
    );
    return () => abort.abort();
  }, [host, layer.path, node]);
  return (
    <section className="hex-page" aria-label={t.label(name)}>
      <header className="hex-title">
        <h2><bdi>{t.of(name.slice(0, 300))}</bdi></h2>
        {size === undefined ? null : <span className="dim number">{formatExactSize(size)}</span>}
      </header>
      {error !== undefined ? <div className="page"><ErrorPanel error={error} title={t.failed} about={`${tab.source.name}, ${name.slice(0, 300)}`} /></div>
        : size === undefined || host === undefined ? null
          : size === 0 ? <p className="empty">{t.empty}</p>
            : <Bytes tab={tab} layer={layer} place={place} name={name} source={{ host, layer: layer.path, node, size }} />}
    </section>
  );
}

function Bytes({ tab, layer, place, name, source }: { tab: Tab; layer: LayerRow; place: BytesPlace; name: string; source: BytesSource }) {
  const { host, node, size } = source;
  const within = (at: number): number => Math.min(size - 1, Math.max(0, at));
  const lines = useBytes(source);
  const [cursor, setCursor] = useState<HexCursor>(() => ({ at: within(place.at ?? 0), anchor: within(place.at ?? 0) }));
  const [hover, setHover] = useState<number>();
  const goField = useRef<HTMLInputElement>(null);
  const findField = useRef<HTMLInputElement>(null);
  const page = useRef<HTMLDivElement>(null);
  const block = node === undefined ? layer.filesystem?.blockSize : undefined;
  const units = { sector: SECTOR, ...(block === undefined ? {} : { block }) };

  // The history and the cursor follow one another: a step in it moves the cursor, a cursor that rests is kept in it.
  const known = useRef(place.at);
  useEffect(() => {
    if (place.at === undefined || place.at === known.current) return;
    known.current = place.at;
    setCursor({ at: within(place.at), anchor: within(place.at) });
    // For every step.
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, [place]);
  const keep = (): void => {
    known.current = cursor.at;
    rememberByte(tab.id, place, cursor.at);
  };
  useEffect(() => {
    const timer = setTimeout(keep, SETTLE);
    return () => clearTimeout(timer);
    // When the cursor moved.
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, [cursor.at]);

  const focusGrid = (): void => page.current?.querySelector<HTMLElement>('[role=grid]')?.focus({ preventScroll: true });
  const jump = (at: number, length = 1): void => {
    const to = within(at);
    if (place.at !== cursor.at) rememberByte(tab.id, place, cursor.at);
    known.current = to;
    setCursor({ at: to, anchor: within(to + length - 1) });
    goTo(tab.id, { ...place, at: to });
  };
  const go = (at: number): void => {
    jump(at);
    announce(formatOffset(at));
    // After a menu has given the focus back to its button.
    setTimeout(focusGrid);
  };
  const finder = useFind(source, Math.min(cursor.at, cursor.anchor), jump);

  const actions = useRef({ goToOffset: () => {}, find: () => {}, findNext: () => {} });
  actions.current = {
    goToOffset: () => { goField.current?.focus(); goField.current?.select(); },
    find: () => { findField.current?.focus(); findField.current?.select(); },
    findNext: () => { if (finder.text === '') actions.current.find(); else finder.run('forward'); },
  };
  useEffect(() => provideBytesPage({ goToOffset: () => actions.current.goToOffset(), find: () => actions.current.find(), findNext: () => actions.current.findNext() }), []);
  useEffect(focusGrid, []);

  const chosen = selected(cursor);
  const copy = async (form: 'hex' | 'text'): Promise<void> => {
    const length = chosen.to - chosen.from;
    if (length > MOST_COPIED) {
      notify({ text: t.tooMany });
      return;
    }
    try {
      const { bytes } = await host.call('bytes.read', { layer: source.layer, at: chosen.from, length, ...(node === undefined ? {} : { node }) });
      const text = form === 'hex' ? Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ') : printable(bytes);
      await services().app.call('text.copy', { text });
      notify({ text: t.copied(bytes.length) });
    } catch (failure) {
      notifyError(errorOf(failure));
    }
  };

  const failed = lines.errorAt(Math.floor(cursor.at / LINE));
  const at = hover ?? cursor.at;
  const spot = spotAt(blockAt(lines, at), at);
  const inner = spot === undefined || spot.structure.layer === layer.path ? undefined : layerAt(tab.info!, spot.structure.layer);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Escape' && event.target instanceof HTMLInputElement) focusGrid();
    // Here the bytes are searched, not the folder.
    const find = (event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === 'f';
    if (!find && event.key !== 'F3') return;
    event.preventDefault();
    if (find || finder.text === '') actions.current.find();
    else finder.run(event.shiftKey ? 'backward' : 'forward');
  };
  return (
    // oxlint-disable-next-line jsx-a11y/no-static-element-interactions
    <div ref={page} className="hex-body" onKeyDown={onKeyDown}>
      <HexBar host={host} layer={source.layer} isFile={node !== undefined} at={cursor.at} size={size} units={units} onGo={go} goField={goField} findField={findField} finder={finder} />
      {failed === undefined ? null : <ErrorPanel error={errorOf(failed)} title={t.failed} about={`${tab.source.name}, ${formatOffset(cursor.at)}`}><Button className="button" onPress={() => lines.retry()}>{texts.tryAgain}</Button></ErrorPanel>}
      <div className="hex-panes">
        <HexGrid lines={lines} size={size} label={t.label(name)} cursor={cursor} onCursor={setCursor} hover={hover} onHover={setHover} onCopy={(form) => void copy(form)} />
        <Inspector
          at={at} bytes={bytesBetween(lines, at, Math.min(size, at + LINE))} spot={spot} within={inner && (inner.label || inner.title)} units={units} selection={chosen} isFile={node !== undefined}
          onCopy={(form) => void copy(form)}
        />
      </div>
    </div>
  );
}
