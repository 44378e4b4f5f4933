import { memo } from 'react';
import type { EntryRow } from '../../../shared/contract/rows.ts';
import { errorOf } from '../../app/services.ts';
import { type ColumnId, columnOf } from '../../models/columns.ts';
import { cut } from '../../models/names.ts';
import { texts } from '../../texts/index.ts';
import { cellText, cellTitle, isForeign } from '../../ui/cells.ts';
import { EntryIcon } from '../../ui/entry-icon.tsx';
import { Name } from '../../ui/name.tsx';

export function rowId(index: number): string {
  return `row-${index}`;
}

/** Characters of a tooltip. */
const TIP = 1000;

export interface RowProps {
  readonly index: number;
  /** Pixels from the start of the layer that rows stand in. */
  readonly top: number;
  readonly columns: readonly ColumnId[];
  readonly row: EntryRow | undefined;
  /** Why the row could not be read. */
  readonly error: unknown;
  readonly selected: boolean;
  readonly focused: boolean;
  readonly draggable: boolean;
}

/** One entry, or its place while it is on its way. */
export const GridRow = memo(function GridRow({ index, top, columns, row, error, selected, focused, draggable }: RowProps) {
  const classes = `grid-row entry-row ${selected ? 'is-selected' : ''} ${focused ? 'is-focused' : ''} ${row?.name.startsWith('.') ? 'is-hidden' : ''}`;
  return (
    <div role="row" id={rowId(index)} data-index={index} aria-rowindex={index + 2} aria-selected={selected} className={classes} style={{ transform: `translateY(${top}px)` }}>
      {row === undefined ? (
        <div role="gridcell" aria-colindex={1} className="cell is-name is-waiting">{error === undefined ? <span className="placeholder" style={{ width: `${80 + ((index * 37) % 120)}px` }} /> : <span className="error-text">{texts.grid.rowsFailed}: {errorOf(error).message}</span>}</div>
      ) : columns.map((id, i) => (id === 'name'
        ? <NameCell key={id} place={i + 1} row={row} draggable={draggable} />
        : <Cell key={id} id={id} place={i + 1} row={row} />))}
    </div>
  );
});

export function NameCell({ place, row, draggable }: { place: number; row: EntryRow; draggable: boolean }) {
  return (
    <div role="gridcell" aria-colindex={place} className="cell is-name">
      <span className="entry" draggable={draggable} title={row.display.length > 40 ? cut(row.display, TIP) : undefined}>
        <EntryIcon row={row} />
        <Name display={row.display} />
        {row.target === undefined ? null : <bdi className="target">{texts.grid.target(cut(row.target, 200))}</bdi>}
      </span>
    </div>
  );
}

export function Cell({ id, place, row }: { id: ColumnId; place: number; row: EntryRow }) {
  const { atEnd, mono } = columnOf(id);
  const text = cellText(id, row);
  const failed = row.error !== undefined && text !== '';
  return (
    <div role="gridcell" aria-colindex={place} title={cellTitle(id, row)} className={`cell number ${atEnd === true ? 'at-end' : ''} ${mono === true ? 'mono' : ''}`}>
      {failed ? <span className="error-text">{text}</span> : isForeign(id) ? <bdi>{text}</bdi> : text}
    </div>
  );
}
