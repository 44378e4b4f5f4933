import { memo } from 'react';
import type { EntryRow } from '../../../shared/contract/rows.ts';
import { errorOf } from '../../app/services.ts';
import { useApp } from '../../app/state.ts';
import { type ColumnId, columnOf } from '../../models/columns.ts';
import { cut } from '../../models/names.ts';
import { texts } from '../../texts/index.ts';
import { cellText, cellTitle, isForeign } from '../../ui/cells.ts';
import { EntryIcon } from '../../ui/entry-icon.tsx';
import { Name } from '../../ui/name.tsx';
import { RenameField } from '../editing/RenameField.tsx';

export function rowId(index: number): string {
  return `row-${index}`;
}

/** Characters of a tooltip, and of a name that is read aloud. */
const TIP = 1000;
const SPOKEN = 200;

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
  /** Something that is dragged would go into it. */
  readonly dropped: boolean;
}

/** One entry, or its place while it is on its way. */
export const GridRow = memo(function GridRow({ index, top, columns, row, error, selected, focused, draggable, dropped }: RowProps) {
  const classes = `grid-row entry-row ${dropped ? 'is-drop' : ''} ${selected ? 'is-selected' : ''} ${focused ? 'is-focused' : ''} ${row?.name.startsWith('.') ? 'is-hidden' : ''}`;
  return (
    <div role="row" id={rowId(index)} data-index={index} aria-rowindex={index + 2} aria-selected={selected} className={classes} style={{ transform: `translateY(${top}px)` }}>
      {row === undefined ? (
        <div role="gridcell" aria-colindex={1} className="cell is-name is-waiting">{error === undefined ? <span className="placeholder" style={{ width: `${80 + ((index * 37) % 120)}px` }} /> : <span className="error-text">{texts.grid.rowsFailed}: {errorOf(error).message}</span>}</div>
      ) : columns.map((id, i) => (id === 'name'
        ? <NameCell key={id} place={i + 1} row={row} draggable={draggable} target={!columns.includes('target')} />
        : <Cell key={id} id={id} place={i + 1} row={row} failed={row.error !== undefined && id === columns.find((each) => each !== 'name')} />))}
    </div>
  );
});

/** `target`: where a link leads, unless that has a column of its own. */
export function NameCell({ place, row, draggable, target = true }: { place: number; row: EntryRow; draggable: boolean; target?: boolean }) {
  const renaming = useApp((state) => (state.renaming?.row === row ? state.renaming : undefined));
  const leads = row.target === undefined || !target ? '' : ` ${texts.grid.target(cut(row.target, SPOKEN))}`;
  return (
    // Labelled, for Chromium leaves what a box clips out of a name, and a screen reader should not read ten thousand characters.
    <div role="gridcell" aria-colindex={place} aria-label={`${cut(row.display, SPOKEN)}${leads}`} className="cell is-name">
      {renaming !== undefined ? <RenameField renaming={renaming} row={row} /> : (
        <span className="entry" draggable={draggable} title={row.display.length > 40 ? cut(row.display, TIP) : undefined}>
          <EntryIcon row={row} />
          <Name display={row.display} />
          {row.target === undefined || !target ? null : <bdi className="target">{texts.grid.target(cut(row.target, 200))}</bdi>}
        </span>
      )}
    </div>
  );
}

/** `failed`: here it is told that the entry can't be read. */
export function Cell({ id, place, row, failed = row.error !== undefined && id === 'type' }: { id: ColumnId; place: number; row: EntryRow; failed?: boolean }) {
  const { atEnd, mono } = columnOf(id);
  const text = cellText(id, row);
  return (
    <div role="gridcell" aria-colindex={place} title={failed ? row.error?.message : cellTitle(id, row)} className={`cell number ${atEnd === true ? 'at-end' : ''} ${mono === true ? 'mono' : ''}`}>
      {failed ? <span className="error-text">{texts.grid.entryFailed}</span> : isForeign(id) ? <bdi>{text}</bdi> : text}
    </div>
  );
}
