import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { flushSync } from 'react-dom';
import type { EntryRow } from '../../../shared/contract/rows.ts';
import { clampTop, isScaled, type ListSize, rowsAt, scrollAt, scrolledHeight, topAt, topShowing, wheelPixels } from '../../models/list-scroll.ts';
import type { RowCache } from '../../models/rows.ts';

/** Rows fetched around the window, so that a scroll by the wheel or by pages never meets one that is not there. */
const AROUND = 200;

/** Milliseconds that the rows of before stay, soon dimmed, while others are on their way; then their places are shown. */
const PATIENCE = 1500;

export interface ListScroll {
  /** The list's own pixel at the window's top: of what is shown, which may lag behind the bar. */
  readonly top: number;
  /** The rows in the window: [first, end). */
  readonly first: number;
  readonly end: number;
  readonly size: ListSize;
  /** Pixels of the scrolled element. */
  readonly height: number;
  /** What is shown is not what the list is scrolled to. */
  readonly waits: boolean;
  scrollTo(top: number): void;
  scrollBy(pixels: number): void;
  /** Brings a row into the window. */
  show(index: number, centred?: boolean): void;
  /** Where the list is scrolled to now, whatever is shown. */
  position(): number;
}

/**
 * Scrolls the list: its rows stand in a window that stays in place while the bar moves, so that the browser never shows a part that
 * nobody has drawn; what is drawn are the rows of before until those of the new place have come.
 * @param head pixels of the header above the window
 * @param start where the rows are scrolled to at first; at their beginning, `centre` is a row that is brought to the middle, unless it is -1
 */
export function useListScroll({ grid, rows, count, row, head, start, centre }: {
  readonly grid: RefObject<HTMLDivElement | null>; readonly rows: RowCache<EntryRow>; readonly count: number; readonly row: number; readonly head: number; readonly start: number; readonly centre: number;
}): ListScroll {
  const [viewport, setViewport] = useState(0);
  const [top, setTop] = useState(start);
  const [waits, setWaits] = useState(false);
  const size: ListSize = { content: count * row, viewport };
  // What is exact: a scaled bar can't tell one row from the next.
  const at = useRef({ top: start, scroll: -1 });
  const waiting = useRef<{ top: number; range: [number, number]; since: number }>(undefined);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);

  /** Shows the place that the list is scrolled to, or asks for its rows. */
  const advance = (): void => {
    const wanted = at.current.top;
    const range = rowsAt(size, wanted, row, count);
    const fetch = (): void => rows.want(range[0] - AROUND, range[1] + AROUND, range[0]);
    if (rows.has(...range)) {
      waiting.current = undefined;
      setWaits(false);
      setTop(wanted);
      fetch();
      return;
    }
    const before = waiting.current;
    if (before !== undefined) {
      const isHere = rows.has(...before.range);
      // One place at a time: a bar that is dragged would otherwise outrun every answer.
      if (!isHere && performance.now() - before.since < PATIENCE) return;
      setTop(isHere ? before.top : wanted);
    }
    waiting.current = { top: wanted, range, since: performance.now() };
    setWaits(true);
    fetch();
    clearTimeout(timer.current);
    timer.current = setTimeout(() => latest.current.advance(), PATIENCE);
  };
  const latest = useRef({ advance, size, row });
  useLayoutEffect(() => { latest.current = { advance, size, row }; });

  useLayoutEffect(() => {
    const element = grid.current!;
    const measure = (): void => setViewport(Math.max(0, element.clientHeight - head));
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    const onScroll = (): void => {
      const { scroll } = at.current;
      // The answer to what was set here tells nothing new.
      if (Math.abs(element.scrollTop - scroll) > 1) at.current = { top: topAt(latest.current.size, element.scrollTop), scroll: element.scrollTop };
      // Before the frame is drawn, not after it.
      flushSync(() => latest.current.advance());
    };
    const onWheel = (event: WheelEvent): void => {
      const { size: now } = latest.current;
      if (!isScaled(now) || event.ctrlKey || event.shiftKey || event.deltaY === 0) return;
      event.preventDefault();
      to(at.current.top + wheelPixels(event.deltaY, event.deltaMode, latest.current.row, now.viewport));
    };
    element.addEventListener('scroll', onScroll, { passive: true });
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => {
      observer.disconnect();
      clearTimeout(timer.current);
      element.removeEventListener('scroll', onScroll);
      element.removeEventListener('wheel', onWheel);
    };
    // The grid is the same for as long as it is there.
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, []);

  const to = (wanted: number): void => {
    const element = grid.current;
    const { size: now } = latest.current;
    if (element === null) return;
    const next = clampTop(now, wanted);
    const scroll = scrollAt(now, next);
    if (Math.abs(element.scrollTop - scroll) >= 0.5) element.scrollTop = scroll;
    at.current = { top: isScaled(now) ? next : element.scrollTop, scroll: element.scrollTop };
    latest.current.advance();
  };

  // Another listing begins where it was left; another height of rows, or of the window, keeps the place.
  const shownRows = useRef<RowCache<EntryRow>>(undefined);
  const shownRow = useRef(row);
  useLayoutEffect(() => {
    const isNew = shownRows.current !== rows;
    shownRows.current = rows;
    if (viewport === 0) return;
    if (isNew) waiting.current = undefined;
    const scale = shownRow.current === row ? 1 : row / shownRow.current;
    shownRow.current = row;
    const begins = isNew || at.current.scroll < 0;
    to(!begins ? at.current.top * scale : start > 0 || centre < 0 ? start : topShowing(size, 0, centre, row, true));
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, [rows, row, viewport, count]);
  useEffect(() => rows.subscribe(() => latest.current.advance()), [rows]);

  const position = useCallback(() => at.current.top, []);
  const [first, end] = rowsAt(size, top, row, count);
  return {
    top, first, end, size, height: scrolledHeight(size), waits,
    scrollTo: to,
    scrollBy: (pixels) => to(at.current.top + pixels),
    show: (index, centred = false) => to(topShowing(latest.current.size, at.current.top, index, row, centred)),
    position,
  };
}
