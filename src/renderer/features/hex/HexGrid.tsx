import { type KeyboardEvent, type PointerEvent, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { type HexCursor, moved, selected } from '../../models/hex-cursor.ts';
import { clampTop, contentHeight, HEX_ROW, type HexScroll, isScaled, pixelsAt, rowsInView, topAt, topShowing } from '../../models/hex-scroll.ts';
import { spotAt } from '../../models/hex-block.ts';
import { texts } from '../../texts/index.ts';
import { byteId, HexRow } from './HexRow.tsx';
import { HexTip } from './HexTip.tsx';
import { blockAt, type HexLines, LINE } from './use-bytes.ts';

/** Pixels that a row of sixteen bytes and their text takes, with an offset of so many digits: see styles/hex.css. */
const wideRow = (digits: number): number => 52 + (digits + 66.6) * CHARACTER;
/** Pixels of a character, a little more than the usual fonts have at this size. */
const CHARACTER = 7.3;

/** Lines fetched around the window. */
const AROUND = 64;

/** The largest number of a row that ARIA's integers hold. */
const MOST_ROWS = 2 ** 31 - 1;

/**
 * The dump: an ARIA grid of virtual rows over up to 2^53 bytes. The rows stand in a window that sticks to the scroller's top; the scroller's
 * own height is only what the scroll bar needs. The focus stays on the grid, `aria-activedescendant` says which byte it means.
 */
export function HexGrid({ lines, size, label, cursor, onCursor, hover, onHover, onCopy }: {
  lines: HexLines; size: number; label: string; cursor: HexCursor; onCursor: (cursor: HexCursor) => void;
  hover: number | undefined; onHover: (at: number | undefined) => void; onCopy: (form: 'hex' | 'text') => void;
}) {
  const grid = useRef<HTMLDivElement>(null);
  const [{ viewport, columns }, setShape] = useState({ viewport: 0, columns: LINE });
  const [top, setTop] = useState(0);
  /** The scroll position that we set: its event is not the person's. */
  const expected = useRef(0);
  const scroll: HexScroll = { rows: Math.ceil(size / columns), viewport };
  const first = Math.floor(top);
  const count = Math.min(scroll.rows - first, Math.ceil(viewport / HEX_ROW) + 1);
  const digits = Math.max(8, (size - 1).toString(16).length);

  const scrollTo = (to: number): void => {
    const element = grid.current;
    if (element === null) return;
    const next = clampTop(scroll, to);
    setTop(next);
    element.scrollTop = pixelsAt(scroll, next);
    // As the browser rounded it.
    expected.current = element.scrollTop;
  };

  useLayoutEffect(() => {
    const element = grid.current!;
    // Never more than the window: were the grid as tall as its content, all rows would be in view.
    const measure = (): void => setShape({ viewport: Math.min(element.clientHeight, window.innerHeight), columns: element.clientWidth < wideRow(digits) ? LINE / 2 : LINE });
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [digits]);

  const row = Math.floor(cursor.at / columns);
  useLayoutEffect(() => {
    if (viewport === 0) return;
    const far = row < top - 1 || row > top + rowsInView(scroll) + 1;
    scrollTo(topShowing(scroll, top, row, far));
    // When the cursor moves or the rows change their shape, not when one scrolls away from it.
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, [row, columns, viewport]);

  const line = Math.floor((first * columns) / LINE);
  // What failed is asked for again once it is forgotten.
  const version = lines.version();
  useEffect(() => lines.want(line - AROUND, line + Math.ceil((count * columns) / LINE) + AROUND), [lines, line, count, columns, version]);

  // Over a scale, a turn of the wheel would be millions of rows: rows are moved by their own height instead. React's own listener may not prevent.
  const wheel = useRef<(event: WheelEvent) => void>(() => {});
  wheel.current = (event) => {
    if (!isScaled(scroll) || event.ctrlKey || event.deltaY === 0) return;
    event.preventDefault();
    const rows = event.deltaMode === 1 ? event.deltaY : event.deltaMode === 2 ? event.deltaY * rowsInView(scroll) : event.deltaY / HEX_ROW;
    scrollTo(Math.round(top + (Math.abs(rows) < 1 ? Math.sign(rows) : rows)));
  };
  useEffect(() => {
    const element = grid.current!;
    const onWheel = (event: WheelEvent): void => wheel.current(event);
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => element.removeEventListener('wheel', onWheel);
  }, []);

  const onKeyDown = (event: KeyboardEvent): void => {
    const mod = event.ctrlKey || event.metaKey;
    if (event.altKey) return;
    if (mod && event.key.toLowerCase() === 'c') {
      event.preventDefault();
      onCopy(event.shiftKey ? 'text' : 'hex');
      return;
    }
    if (mod && event.key.toLowerCase() === 'a') {
      event.preventDefault();
      onCursor({ at: cursor.at, anchor: cursor.at });
      onCursor({ at: size - 1, anchor: 0 });
      return;
    }
    if (event.key === 'Escape') {
      onHover(undefined);
      onCursor({ at: cursor.at, anchor: cursor.at });
      return;
    }
    // Ctrl+PageDown is another tab.
    if (mod && event.key !== 'Home' && event.key !== 'End') return;
    const next = moved(cursor, { key: event.key, shift: event.shiftKey, mod }, size, columns, rowsInView(scroll));
    if (next === undefined) return;
    event.preventDefault();
    onHover(undefined);
    onCursor(next);
  };

  const onPointer = (event: PointerEvent): void => {
    const cell = event.target instanceof Element ? event.target.closest<HTMLElement>('[data-at]') : null;
    const at = cell === null ? undefined : Number(cell.dataset['at']);
    if (event.type === 'pointerdown') {
      if (at === undefined || event.button !== 0) return;
      onHover(undefined);
      onCursor({ at, anchor: event.shiftKey ? cursor.anchor : at });
    } else if ((event.buttons & 1) !== 0) {
      if (at !== undefined) onCursor({ at, anchor: cursor.anchor });
    } else {
      onHover(at);
    }
  };

  const chosen = selected(cursor);
  const hovered = hover === undefined ? undefined : spotAt(blockAt(lines, hover), hover);
  const lit = hovered?.field === undefined ? undefined : hovered;
  const rows = Array.from({ length: Math.max(0, count) }, (_, i) => {
    const number = first + i;
    const at = number * columns;
    const within = (from: number, to: number): [number, number] => (from < at + columns && to > at ? [Math.max(from, at), Math.min(to, at + columns)] : [at, at]);
    const [selectedFrom, selectedTo] = chosen.to - chosen.from > 1 ? within(chosen.from, chosen.to) : [at, at];
    const [litFrom, litTo] = lit === undefined ? [at, at] : within(lit.at, lit.at + lit.length);
    return (
      <HexRow
        key={number} at={at} columns={columns} size={size} digits={digits} index={scroll.rows > MOST_ROWS ? undefined : number + 1} block={blockAt(lines, at)}
        active={cursor.at >= at && cursor.at < at + columns ? cursor.at : undefined}
        selectedFrom={selectedFrom} selectedTo={selectedTo} litFrom={litFrom} litTo={litTo} offset={(number - top) * HEX_ROW}
      />
    );
  });
  const inView = row >= first && row < first + count;
  return (
    <div className={`hex-dump is-${columns}`} dir="ltr">
      <div className="hex-row hex-head" aria-hidden>
        <span className="hex-offset" style={{ width: `${digits}ch` }}>{texts.hex.offset}</span>
        <span className="hex-bytes">{Array.from({ length: columns }, (_, i) => <span key={i} className="hex-byte">{i.toString(16)}</span>)}</span>
        <span className="hex-letters">{texts.hex.text}</span>
      </div>
      <div
        ref={grid} role="grid" tabIndex={0} className="hex-grid" aria-label={label} aria-multiselectable="true" aria-readonly="true"
        aria-rowcount={scroll.rows > MOST_ROWS ? -1 : scroll.rows} aria-colcount={columns + 1} {...(inView ? { 'aria-activedescendant': byteId(cursor.at) } : {})}
        onKeyDown={onKeyDown} onPointerDown={onPointer} onPointerMove={onPointer} onPointerLeave={() => onHover(undefined)}
        onScroll={(event) => {
          const { scrollTop } = event.currentTarget;
          if (Math.abs(scrollTop - expected.current) < 1) return;
          expected.current = scrollTop;
          onHover(undefined);
          setTop(topAt(scroll, scrollTop));
        }}
      >
        <div role="rowgroup" className="hex-window" style={{ height: viewport }}>{rows}</div>
        <div aria-hidden style={{ height: Math.max(0, contentHeight(scroll) - viewport) }} />
      </div>
      {hover === undefined || hovered === undefined ? null : <HexTip at={hover} spot={hovered} within={grid} />}
    </div>
  );
}
