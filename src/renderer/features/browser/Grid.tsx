import { type ComponentType, type KeyboardEvent, type MouseEvent, type ReactNode, useEffect, useLayoutEffect, useRef } from 'react';
import type { EntryRow, View } from '../../../shared/contract/rows.ts';
import { commandOf, runCommand } from '../../commands/index.ts';
import { useChanges } from '../../app/changes.ts';
import { enter, folderOf, leaveScroll, leftScroll, provideScroll } from '../../app/navigation.ts';
import { forgetAhead, listAhead } from '../../app/ahead.ts';
import { dragWithin, isDragWithin } from '../../app/drag-within.ts';
import { isFocusFree } from '../../app/focus.ts';
import { errorOf, isCancelled, services } from '../../app/services.ts';
import { announce, findTab, getApp, loadedRows, selectIn, setApp, type Tab, useApp } from '../../app/state.ts';
import { ROWS } from '../../models/list-scroll.ts';
import { countOf, hasIndex, onlyIndex, type Ranges } from '../../models/ranges.ts';
import type { RowCache } from '../../models/rows.ts';
import { SearchRows } from '../../models/search-rows.ts';
import { cleared, extended, focused, isMoveKey, moved, only, toggled } from '../../models/selection.ts';
import { isTyping, NOTHING_TYPED, typed } from '../../models/type-ahead.ts';
import { texts } from '../../texts/index.ts';
import { notify, notifyError } from '../../ui/toasts.ts';
import type { ColumnId } from '../../models/columns.ts';
import { focusHeader } from './GridHeader.tsx';
import { GridRow, rowId, type RowProps } from './GridRow.tsx';
import { useListScroll } from './list-scroll.ts';
import { useRubberBand } from './rubber-band.tsx';

/** Pixels of the header. */
const HEAD = 26;

/** Rows that share a base: they keep their place in it while the list scrolls, and their pixels never grow beyond what CSS can tell apart. */
const BASE = 1000;

/** Rows beyond the window that are in the page, where assistive technology and the browser's own search reach them. */
const OVER = 10;

/** Pixels from the window at which the focused row is kept while it is out of sight. */
const AWAY = 100_000;

/** Entries that a drag takes along; the contract's own limit. */
const DRAGGED = 1000;

export interface GridColumns {
  readonly headers: readonly unknown[];
  /** For grid-template-columns. */
  readonly template: string;
  /** The width that all columns take at least, for min-width. */
  readonly least: string;
  /** What the rows show, where it can be chosen. */
  readonly ids?: readonly ColumnId[];
}

const NO_IDS: readonly ColumnId[] = [];

/**
 * The details list: an ARIA grid of virtual rows. The focus stays on the grid, and `aria-activedescendant` says which row it
 * means: rows come and go while they are scrolled, the focus must not.
 */
export function Grid({ tab, view, rows, scroll: remembered, columns, label, header, row: Row = GridRow }: {
  tab: Tab; view: View; rows: RowCache<EntryRow>; scroll: number; columns: GridColumns; label: string; header: ReactNode; row?: ComponentType<RowProps>;
}) {
  const { count } = view;
  const { selection } = tab;
  const grid = useRef<HTMLDivElement>(null);
  const row = useApp((state) => ROWS[state.settings.density]);
  const typing = useRef(NOTHING_TYPED);
  const dragOut = useApp((state) => state.info?.dragOut ?? false);
  const editable = isDragWithin(tab);
  const dropNode = useApp((state) => state.dragWithin?.to?.node ?? (state.dragging?.zone === 'copy' ? state.dragging.into?.crumbs.at(-1)?.node : undefined));
  useChanges(rows);

  const list = useListScroll({ grid, rows, count, row, head: HEAD, start: leftScroll(rows) ?? remembered, centre: selection.focus });
  // A name that is being changed stays in sight in a window that gets smaller.
  const renaming = useApp((state) => state.renaming?.tab === tab.id);
  const { viewport } = list.size;
  useEffect(() => {
    if (renaming && selection.focus >= 0) list.show(selection.focus);
    // Only the size of the window matters: a list that is scrolled by hand stays there.
    // oxlint-disable-next-line react-hooks/exhaustive-deps, react/exhaustive-effect-dependencies
  }, [renaming, viewport]);

  const { position } = list;
  const { top, first, end } = list;

  useEffect(() => provideScroll(position), [position]);
  useLayoutEffect(() => () => leaveScroll(rows, position()), [rows, position]);
  useLayoutEffect(() => {
    if (isFocusFree()) grid.current?.focus({ preventScroll: true });
  }, []);

  const settings = useApp((state) => state.settings);
  const pointed = useRef(false);
  const { host } = tab;
  const layer = folderOf(tab)?.layer;
  const alone = selection.focus >= 0 && onlyIndex(selection.ranges) === selection.focus ? rows.get(selection.focus) : undefined;
  const ahead = alone?.type === 'dir' && alone.error === undefined ? alone.node : undefined;
  useEffect(() => {
    if (host === undefined || layer === undefined || ahead === undefined) forgetAhead();
    else listAhead(host, layer, ahead, settings);
  }, [host, layer, ahead, settings]);
  useEffect(() => forgetAhead, []);

  const select = (next: Tab['selection'], follow = true): void => {
    selectIn(tab.id, next);
    if (follow && next.focus >= 0) list.show(next.focus);
    const chosen = countOf(next.ranges);
    if (chosen !== 1) announce(texts.announcements.selected(chosen));
  };

  const click = (index: number, event: { ctrlKey: boolean; metaKey: boolean; shiftKey: boolean }): void => {
    pointed.current = true;
    const ctrl = event.ctrlKey || event.metaKey;
    select(event.shiftKey ? extended(selection, index, ctrl) : ctrl ? toggled(selection, index) : only(index), false);
  };

  const activate = async (index: number): Promise<void> => {
    const entry = rows.get(index);
    const now = findTab(tab.id);
    if (entry === undefined || now === undefined) return;
    if (await enter(now, entry)) return;
    const reason = commandOf('open-entry').enabled(getApp());
    if (entry.error !== undefined) notifyError(entry.error);
    else if (entry.type === 'symlink' && entry.targetType === undefined) notify({ text: typeof reason === 'string' ? reason : texts.reasons.brokenLink });
    else setApp({ quickLook: true });
  };

  const openMenu = (x: number, y: number): void => setApp({ menu: { x, y } });

  const openMenuAtFocus = (): void => {
    const box = document.getElementById(rowId(selection.focus))?.getBoundingClientRect() ?? grid.current!.getBoundingClientRect();
    openMenu(box.left + 32, box.bottom);
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    pointed.current = false;
    if (event.target !== event.currentTarget) return;
    const ctrl = event.ctrlKey || event.metaKey;
    const handled = (): void => {
      event.preventDefault();
      event.stopPropagation();
    };
    if (event.key === 'ArrowUp' && selection.focus <= 0 && !ctrl && !event.shiftKey && !event.altKey) {
      handled();
      focusHeader();
    } else if (isMoveKey(event.key) && !event.altKey && !(event.ctrlKey && event.key.startsWith('Page'))) {
      handled();
      const page = Math.floor(list.size.viewport / row);
      const to = moved(selection.focus, event.key, count, page);
      if (to >= 0) select(event.shiftKey ? extended(selection, to, ctrl) : ctrl ? focused(selection, to) : only(to));
    } else if (event.key === 'Enter' && !event.altKey && !ctrl) {
      handled();
      if (selection.focus >= 0) void activate(selection.focus);
    } else if (event.key === 'Backspace') {
      handled();
      runCommand('up');
    } else if (event.key === ' ' && event.ctrlKey) {
      handled();
      if (selection.focus >= 0) select(event.shiftKey ? extended(selection, selection.focus, true) : toggled(selection, selection.focus));
    } else if (event.key === ' ' && event.shiftKey && selection.focus >= 0) {
      handled();
      select(extended(selection, selection.focus));
    } else if (event.key === 'Escape' && countOf(selection.ranges) > 0) {
      handled();
      select(cleared(selection), false);
    } else if (event.key === 'ContextMenu' || (event.key === 'F10' && event.shiftKey)) {
      handled();
      openMenuAtFocus();
    } else if ([...event.key].length === 1 && event.key !== '/' && !ctrl && !event.altKey && (event.key !== ' ' || isTyping(typing.current, event.timeStamp))) {
      handled();
      void search(event.key, event.timeStamp);
    }
  };

  const search = async (letter: string, now: number): Promise<void> => {
    const { next, prefix, from } = typed(typing.current, letter, now, selection.focus);
    typing.current = next;
    try {
      const start = count === 0 ? 0 : from % count;
      const index = rows instanceof SearchRows ? rows.find(prefix, start) : (await tab.host?.call('view.find', { view: view.view, prefix, from: start }))?.index;
      // In another list, or another order, that row is another one.
      if (index !== undefined && typing.current === next && findTab(tab.id)?.listing?.rows === rows) select(only(index));
    } catch (error) {
      const data = errorOf(error);
      // The list was closed with what it was of, and comes anew: the next letter finds it.
      const closed = data.fault.kind === 'usage' && data.fault.errno === 'EBADF';
      if (!isCancelled(error) && !closed) notifyError(data);
    }
  };

  const onContextMenu = (event: MouseEvent): void => {
    if ((event.target as Element).closest('.grid-head') !== null) return;
    event.preventDefault();
    if (event.button !== 2) {
      openMenuAtFocus();
      return;
    }
    const index = indexOf(event.target);
    if (index === undefined) select(cleared(selection), false);
    else if (!hasIndex(selection.ranges, index)) select(only(index), false);
    openMenu(event.clientX, event.clientY);
  };

  const band = useRubberBand({ grid, list, count, selection, select: (next) => select(next, false), click, head: HEAD, row });

  const onDragStart = (event: React.DragEvent): void => {
    event.preventDefault();
    const index = indexOf(event.target);
    const folder = folderOf(tab);
    const { image } = tab;
    const within = isDragWithin(tab);
    if ((!dragOut && !within) || index === undefined || folder === undefined || image === undefined) return;
    const ranges: Ranges = hasIndex(selection.ranges, index) ? selection.ranges : [[index, index + 1]];
    // Far rows of a selection may never have been on the screen.
    const read = async (): Promise<EntryRow[]> => loadedRows(tab, ranges, DRAGGED) ?? (await Promise.all(ranges.map(([from, to]) => rows.read(from, to)))).flat();
    const dragged = countOf(ranges);
    const start = (): void => {
      if (dragged > DRAGGED) {
        notify({ text: texts.grid.tooManyDragged(DRAGGED) });
        return;
      }
      read().then((chosen) => services().app.call('drag.start', { image, layer: folder.layer, entries: chosen.map(({ node, name }) => ({ node, name })) })).catch((error: unknown) => notifyError(errorOf(error)));
    };
    if (within) dragWithin(tab, read(), dragged, event, dragOut ? start : undefined);
    else start();
  };

  const base = Math.floor(first / BASE) * BASE;
  // The focused row stays in the page wherever the window is, or aria-activedescendant would point nowhere.
  const { focus } = selection;
  const [from, to] = [Math.max(0, first - OVER), Math.min(count, end + OVER)];
  const shown = Array.from({ length: to - from }, (_, i) => from + i);
  if (focus >= 0 && focus < count && (focus < from || focus >= to)) shown.push(focus);
  const placeOf = (index: number): number => (index < from ? -AWAY : index >= to ? AWAY : (index - base) * row);

  return (
    <div
      ref={grid} className={`grid grid-body ${count === 0 ? 'is-empty' : ''}`} role="grid" tabIndex={0} aria-label={label} aria-multiselectable
      aria-rowcount={count + 1} aria-colcount={columns.headers.length}
      aria-activedescendant={focus >= 0 && focus < count ? rowId(focus) : undefined}
      style={{ '--columns': columns.template, '--least': columns.least, '--row': `${row}px`, '--head': `${HEAD}px` } as React.CSSProperties}
      onKeyDown={onKeyDown} onContextMenu={onContextMenu} onDragStart={onDragStart} {...band.handlers}
      onDoubleClick={(event) => {
        const index = indexOf(event.target);
        if (index !== undefined && !event.ctrlKey && !event.shiftKey) void activate(index);
      }}
    >
      {header}
      <div role="rowgroup" className="grid-rows" style={{ height: list.height }}>
        <div role="presentation" className={list.waits ? 'grid-window is-late' : 'grid-window'} style={{ height: Math.min(list.size.content, list.size.viewport) }}>
          <div role="presentation" className="grid-layer" style={{ transform: `translateY(${base * row - top}px)` }}>
            {shown.map((index) => (
              <Row
                key={index} index={index} top={placeOf(index)} columns={columns.ids ?? NO_IDS} row={rows.get(index)} error={rows.errorAt(index)} draggable={dragOut || editable} dropped={dropNode !== undefined && rows.get(index)?.node === dropNode}
                selected={hasIndex(selection.ranges, index)} focused={focus === index}
              />
            ))}
          </div>
          {band.box === undefined ? null : <div className="band" aria-hidden style={band.box} />}
        </div>
      </div>
    </div>
  );
}

/** The row that an element belongs to. */
export function indexOf(target: EventTarget | null): number | undefined {
  const row = target instanceof Element ? target.closest<HTMLElement>('[data-index]') : null;
  return row === null ? undefined : Number(row.dataset['index']);
}
