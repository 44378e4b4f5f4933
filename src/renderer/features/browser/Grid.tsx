import { defaultRangeExtractor, useVirtualizer } from '@tanstack/react-virtual';
import { type ComponentType, type KeyboardEvent, type MouseEvent, type ReactNode, useEffect, useLayoutEffect, useRef, useState, useSyncExternalStore } from 'react';
import type { EntryRow, View } from '../../../shared/contract/rows.ts';
import { commandOf, runCommand } from '../../commands/index.ts';
import { enter, folderOf, provideScroll } from '../../app/navigation.ts';
import { errorOf, isCancelled, services } from '../../app/services.ts';
import { announce, findTab, getApp, loadedRows, selectIn, setApp, type Tab, useApp } from '../../app/state.ts';
import { countOf, hasIndex } from '../../models/ranges.ts';
import type { RowCache } from '../../models/rows.ts';
import { SearchRows } from '../../models/search-rows.ts';
import { cleared, extended, focused, isMoveKey, moved, only, toggled } from '../../models/selection.ts';
import { isTyping, NOTHING_TYPED, typed } from '../../models/type-ahead.ts';
import { texts } from '../../texts/index.ts';
import { notify, notifyError } from '../../ui/toasts.ts';
import type { Columns } from './columns.tsx';
import { GridRow, rowId, type RowProps } from './GridRow.tsx';
import { useRubberBand } from './rubber-band.tsx';

/** Pixels. */
export const ROW = 24;
const HEAD = 26;

/** Rows fetched around the window, so that a slow scroll never meets an empty one. */
const AROUND = 100;

/** Entries that a drag takes along; the contract's own limit. */
const DRAGGED = 1000;

/** Where listings were scrolled to when their tab was left for another. */
const leftAt = new WeakMap<RowCache<EntryRow>, number>();

/**
 * The details list: an ARIA grid of virtual rows. The focus stays on the grid, and `aria-activedescendant` says which row it
 * means: rows come and go while they are scrolled, the focus must not.
 */
export function Grid({ tab, view, rows, scroll: remembered, columns, label, header, row: Row = GridRow }: {
  tab: Tab; view: View; rows: RowCache<EntryRow>; scroll: number; columns: Pick<Columns, 'template' | 'least' | 'sized'> & { readonly headers: readonly unknown[] }; label: string; header: ReactNode; row?: ComponentType<RowProps>;
}) {
  const { count } = view;
  const { selection } = tab;
  const grid = useRef<HTMLDivElement>(null);
  const [scroll] = useState(() => leftAt.get(rows) ?? remembered);
  const typing = useRef(NOTHING_TYPED);
  const dragOut = useApp((state) => state.info?.dragOut ?? false);
  useSyncExternalStore(rows.subscribe, rows.version);

  const virtual = useVirtualizer({
    count, getScrollElement: () => grid.current, estimateSize: () => ROW, overscan: 12, initialOffset: scroll, scrollMargin: HEAD, scrollPaddingStart: HEAD,
    // The focused row stays in the page wherever the window is, or aria-activedescendant would point nowhere.
    rangeExtractor: (range) => {
      const shown = defaultRangeExtractor(range);
      const { focus } = selection;
      if (focus < 0 || focus >= count || (focus >= shown[0]! && focus <= shown.at(-1)!)) return shown;
      return focus < shown[0]! ? [focus, ...shown] : [...shown, focus];
    },
  });
  const first = virtual.range?.startIndex ?? 0;
  const last = virtual.range?.endIndex ?? 0;
  useEffect(() => rows.want(first - AROUND, last + AROUND), [rows, first, last]);

  useEffect(() => provideScroll(() => grid.current?.scrollTop ?? 0), []);
  useLayoutEffect(() => {
    const element = grid.current;
    if (element === null) return undefined;
    if (scroll > 0) element.scrollTop = scroll;
    else if (selection.focus >= 0) virtual.scrollToIndex(selection.focus, { align: 'center' });
    if (document.activeElement === document.body || document.activeElement === null) element.focus({ preventScroll: true });
    return () => void leftAt.set(rows, element.scrollTop);
    // Once, when the listing appears.
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, []);

  const select = (next: Tab['selection'], follow = true): void => {
    selectIn(tab.id, next);
    if (follow && next.focus >= 0) virtual.scrollToIndex(next.focus, { align: 'auto' });
    const chosen = countOf(next.ranges);
    if (chosen !== 1) announce(texts.announcements.selected(chosen));
  };

  const click = (index: number, event: { ctrlKey: boolean; metaKey: boolean; shiftKey: boolean }): void => {
    const ctrl = event.ctrlKey || event.metaKey;
    select(event.shiftKey ? extended(selection, index, ctrl) : ctrl ? toggled(selection, index) : only(index), false);
  };

  const activate = async (index: number): Promise<void> => {
    const row = rows.get(index);
    const now = findTab(tab.id);
    if (row === undefined || now === undefined) return;
    if (await enter(now, row)) return;
    const reason = commandOf('open-entry').enabled(getApp());
    if (row.error !== undefined) notifyError(row.error);
    else if (row.type === 'symlink' && row.targetType === undefined) notify({ text: typeof reason === 'string' ? reason : texts.reasons.brokenLink });
    else setApp({ quickLook: true });
  };

  const openMenu = (x: number, y: number): void => setApp({ menu: { x, y } });

  const openMenuAtFocus = (): void => {
    const box = document.getElementById(rowId(selection.focus))?.getBoundingClientRect() ?? grid.current!.getBoundingClientRect();
    openMenu(box.left + 32, box.bottom);
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.target !== event.currentTarget) return;
    const ctrl = event.ctrlKey || event.metaKey;
    const handled = (): void => {
      event.preventDefault();
      event.stopPropagation();
    };
    if (isMoveKey(event.key) && !event.altKey && !(event.ctrlKey && event.key.startsWith('Page'))) {
      handled();
      const page = Math.floor(((grid.current?.clientHeight ?? 0) - HEAD) / ROW);
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
      if (selection.focus >= 0) select(toggled(selection, selection.focus));
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
      if (index !== undefined && typing.current === next) select(only(index));
    } catch (error) {
      if (!isCancelled(error)) notifyError(errorOf(error));
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

  const band = useRubberBand({ grid, count, selection, select: (next) => select(next, false), click, head: HEAD, row: ROW });

  const onDragStart = (event: React.DragEvent): void => {
    event.preventDefault();
    const index = indexOf(event.target);
    const folder = folderOf(tab);
    const { image } = tab;
    if (!dragOut || index === undefined || folder === undefined || image === undefined) return;
    const chosen = loadedRows(tab, hasIndex(selection.ranges, index) ? selection.ranges : [[index, index + 1]], DRAGGED);
    if (chosen === undefined) {
      notify({ text: texts.grid.tooManyDragged(DRAGGED) });
      return;
    }
    services().app.call('drag.start', { image, layer: folder.layer, entries: chosen.map(({ node, name }) => ({ node, name })) }).catch((error: unknown) => notifyError(errorOf(error)));
  };

  return (
    <div
      ref={grid} className={`grid grid-body ${count === 0 ? 'is-empty' : ''} ${columns.sized ? 'is-sized' : ''}`} role="grid" tabIndex={0} aria-label={label} aria-multiselectable
      aria-rowcount={count + 1} aria-colcount={columns.headers.length}
      aria-activedescendant={selection.focus >= 0 && selection.focus < count ? rowId(selection.focus) : undefined}
      style={{ '--columns': columns.template, '--least': columns.least, '--row': `${ROW}px`, '--head': `${HEAD}px` } as React.CSSProperties}
      onKeyDown={onKeyDown} onContextMenu={onContextMenu} onDragStart={onDragStart} {...band.handlers}
      onDoubleClick={(event) => {
        const index = indexOf(event.target);
        if (index !== undefined && !event.ctrlKey && !event.shiftKey) void activate(index);
      }}
    >
      {header}
      <div role="rowgroup" className="grid-rows" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map(({ index, start }) => (
          <Row
            key={index} index={index} top={start - HEAD} row={rows.get(index)} error={rows.errorAt(index)} draggable={dragOut}
            selected={hasIndex(selection.ranges, index)} focused={selection.focus === index}
          />
        ))}
        {band.box === undefined ? null : <div className="band" aria-hidden style={band.box} />}
      </div>
    </div>
  );
}

/** The row that an element belongs to. */
export function indexOf(target: EventTarget | null): number | undefined {
  const row = target instanceof Element ? target.closest<HTMLElement>('[data-index]') : null;
  return row === null ? undefined : Number(row.dataset['index']);
}
