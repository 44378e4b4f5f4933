import { ArrowDown, ArrowUp } from 'lucide-react';
import { type KeyboardEvent, type PointerEvent, useRef, useState } from 'react';
import { chooseWidths, columnSettings, fitColumns, moveColumn, openColumnMenu } from '../../app/columns.ts';
import { activeTab, getApp } from '../../app/state.ts';
import { sortBy } from '../../commands/view.ts';
import { type ColumnId, columnOf, shownColumns } from '../../models/columns.ts';
import { texts } from '../../texts/index.ts';
import type { ColumnHeader, Columns } from './columns.ts';

const t = texts.grid;

/** Pixels that an arrow key changes a width by, and Page Up and Page Down. */
const STEP = 8;
const LEAP = 48;

/** The id of what tells the header's keys. */
const HINT = 'grid-head-keys';

/** Pixels that the pointer moves before a press on a header moves it and no longer sorts. */
const SLACK = 6;

/**
 * The row of headers. One of them is in the Tab order; arrows go from one to the next, and down to the list. A header sorts, is dragged
 * to another place, and has a menu; its edge is dragged to change the width, or, from the menu, moved with the arrow keys.
 */
export function GridHeader({ columns, rtl, onLeave }: { columns: Columns; rtl: boolean; onLeave: () => void }) {
  const { format, headers } = columns;
  const row = useRef<HTMLDivElement>(null);
  const [reached, setReached] = useState<ColumnId>();
  const [dragged, setDragged] = useState<{ id: ColumnId; to: number }>();
  const press = useRef<{ x: number; moved: boolean }>(undefined);
  const tabStop = headers.some(({ id }) => id === reached) ? reached : (headers.find(({ order }) => order !== undefined) ?? headers[0])?.id;

  const buttonOf = (id: ColumnId | undefined): HTMLElement | null => row.current?.querySelector<HTMLElement>(`[data-column="${id}"] .head-button`) ?? null;
  const placeOf = (id: ColumnId): number => shownColumns(columnSettings(format)).indexOf(id);

  const onKeyDown = (event: KeyboardEvent, { id, sort }: ColumnHeader, i: number): void => {
    const forward = rtl ? 'ArrowLeft' : 'ArrowRight';
    const backward = rtl ? 'ArrowRight' : 'ArrowLeft';
    const { key } = event;
    const plain = !event.ctrlKey && !event.altKey && !event.shiftKey && !event.metaKey;
    const focus = (to: number): void => buttonOf(headers[Math.min(headers.length - 1, Math.max(0, to))]?.id)?.focus();
    if (event.altKey && event.shiftKey && (key === forward || key === backward)) moveColumn(format, id, placeOf(id) + (key === forward ? 2 : -1));
    else if (key === 'ContextMenu' || (key === 'F10' && event.shiftKey) || (event.altKey && key === 'ArrowDown')) menuUnder(event.currentTarget, id);
    else if (!plain) return;
    else if (key === forward || key === backward) focus(i + (key === forward ? 1 : -1));
    else if (key === 'Home') focus(0);
    else if (key === 'End') focus(headers.length - 1);
    else if (key === 'ArrowDown' || key === 'Escape') onLeave();
    else if (key === 'Enter' || key === ' ') sortBy(sort);
    else if (key !== 'Backspace' && [...key].length > 1) return;
    event.preventDefault();
    event.stopPropagation();
  };

  /** The place before which a header comes that is let go at `x`. */
  const placeAt = (x: number): number => {
    const cells = [...(row.current?.querySelectorAll<HTMLElement>('.head-cell') ?? [])];
    const before = cells.findIndex((cell) => {
      const { left, width } = cell.getBoundingClientRect();
      return rtl ? x > left + width / 2 : x < left + width / 2;
    });
    return before < 0 ? cells.length : before;
  };

  const drag = (id: ColumnId) => ({
    onPointerDown(event: PointerEvent<HTMLElement>): void {
      if (event.button !== 0) return;
      press.current = { x: event.clientX, moved: false };
      // A quick pointer is over another header before it is told of.
      event.currentTarget.setPointerCapture(event.pointerId);
    },
    onPointerMove(event: PointerEvent<HTMLElement>): void {
      const from = press.current;
      if (from === undefined || (!from.moved && Math.abs(event.clientX - from.x) < SLACK)) return;
      from.moved = true;
      setDragged({ id, to: placeAt(event.clientX) });
    },
    onPointerUp(event: PointerEvent<HTMLElement>): void {
      setDragged(undefined);
      if (press.current?.moved !== true) return;
      // Columns that are left out for want of room keep their places: what is dropped comes before a header that is seen, or last.
      const before = headers[placeAt(event.clientX)]?.id;
      moveColumn(format, id, before === undefined ? shownColumns(columnSettings(format)).length : placeOf(before));
    },
    onPointerCancel(): void {
      press.current = undefined;
      setDragged(undefined);
    },
  });

  const resize = (event: KeyboardEvent, { id, width }: ColumnHeader): void => {
    const { least, most } = columnOf(id);
    const wider = rtl ? 'ArrowLeft' : 'ArrowRight';
    const narrower = rtl ? 'ArrowRight' : 'ArrowLeft';
    const to = { [wider]: width + STEP, [narrower]: width - STEP, ArrowUp: width + STEP, ArrowDown: width - STEP, PageUp: width + LEAP, PageDown: width - LEAP, Home: least }[event.key];
    if (to !== undefined) chooseWidths(format, { ...columnSettings(format)?.widths, [id]: Math.min(most, Math.max(least, to)) });
    else if (event.key === 'Enter' || event.key === 'Escape' || event.key === ' ') buttonOf(id)?.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div role="rowgroup" className="grid-head">
      <span id={HINT} hidden>{t.headKeys}</span>
      <div role="row" aria-rowindex={1} className="grid-row" ref={row}>
        {headers.map((header, i) => {
          const { id, title, sort, width, order, resizing, onResize } = header;
          const { least, most, atEnd } = columnOf(id);
          const dropBefore = dragged !== undefined && dragged.to === i;
          const dropAfter = dragged !== undefined && dragged.to === headers.length && i === headers.length - 1;
          return (
            <div
              key={id} role="columnheader" data-column={id} aria-colindex={i + 1} {...(order === undefined ? {} : { 'aria-sort': order })}
              className={`head-cell is-${id} ${atEnd === true ? 'at-end' : ''} ${dragged?.id === id ? 'is-dragged' : ''} ${dropBefore ? 'is-drop-before' : ''} ${dropAfter ? 'is-drop-after' : ''}`}
            >
              <button
                type="button" tabIndex={id === tabStop ? 0 : -1} className="head-button" aria-describedby={HINT}
                onFocus={() => setReached(id)} onKeyDown={(event) => onKeyDown(event, header, i)} {...drag(id)}
                onContextMenu={(event) => {
                  event.preventDefault();
                  event.stopPropagation();
                  if (event.button === 2) openColumnMenu(event.clientX, event.clientY, id);
                  else menuUnder(event.currentTarget, id);
                }}
                onClick={() => {
                  const { moved } = press.current ?? { moved: false };
                  press.current = undefined;
                  if (!moved) sortBy(sort);
                }}
              >
                <span>{title}</span>
                {order === undefined ? null : order === 'ascending' ? <ArrowUp aria-hidden /> : <ArrowDown aria-hidden />}
              </button>
              <div
                role="slider" aria-orientation="horizontal" aria-label={t.resize(title)} aria-valuenow={width} aria-valuemin={least} aria-valuemax={most} aria-valuetext={t.pixels(width)} tabIndex={-1}
                className={resizing ? 'resizer is-resizing' : 'resizer'}
                onMouseDown={onResize} onTouchStart={onResize}
                onDoubleClick={() => fitColumns(activeTab(getApp()), [id])}
                onKeyDown={(event) => resize(event, header)}
              />
            </div>
          );
        })}
      </div>
    </div>
  );
}

function menuUnder(element: Element, id: ColumnId): void {
  const { left, bottom } = element.getBoundingClientRect();
  openColumnMenu(left + 8, bottom, id);
}

/** Gives the edge of a column the keyboard: arrows change the width until Enter or Escape. */
export function resizeByKeys(id: ColumnId): void {
  document.querySelector<HTMLElement>(`.grid-head [data-column="${id}"] .resizer`)?.focus();
}

/** Gives a header the keyboard; the one that the list is sorted by unless told. */
export function focusHeader(id?: ColumnId): void {
  const head = document.querySelector('.grid-head');
  (head?.querySelector<HTMLElement>(id === undefined ? '.head-button[tabindex="0"]' : `[data-column="${id}"] .head-button`) ?? head?.querySelector<HTMLElement>('.head-button'))?.focus();
}

