import { memo } from 'react';
import type { EntryRow } from '../../../shared/contract/rows.ts';
import { errorOf } from '../../app/services.ts';
import { formatCount, formatMode, formatSize, formatTime } from '../../models/format.ts';
import { EntryIcon, typeText } from '../../ui/entry-icon.tsx';
import { Name } from '../../ui/name.tsx';
import { texts } from '../../texts/index.ts';

export function rowId(index: number): string {
  return `row-${index}`;
}

/** Characters of a tooltip. */
const TIP = 1000;

export interface RowProps {
  readonly index: number;
  /** Pixels from the first row. */
  readonly top: number;
  readonly row: EntryRow | undefined;
  /** Why the row could not be read. */
  readonly error: unknown;
  readonly selected: boolean;
  readonly focused: boolean;
  readonly draggable: boolean;
}

/** One entry, or its place while it is on its way. */
export const GridRow = memo(function GridRow({ index, top, row, error, selected, focused, draggable }: RowProps) {
  const classes = `grid-row entry-row ${selected ? 'is-selected' : ''} ${focused ? 'is-focused' : ''} ${row?.name.startsWith('.') ? 'is-hidden' : ''}`;
  return (
    <div role="row" id={rowId(index)} data-index={index} aria-rowindex={index + 2} aria-selected={selected} className={classes} style={{ transform: `translateY(${top}px)` }}>
      {row === undefined ? (
        <div role="gridcell" aria-colindex={1} className="cell is-name">{error === undefined ? <span className="placeholder" style={{ width: `${80 + ((index * 37) % 120)}px` }} /> : <span className="error-text">{texts.grid.rowsFailed}: {errorOf(error).message}</span>}</div>
      ) : (
        <>
          <div role="gridcell" aria-colindex={1} className="cell is-name">
            <span className="entry" draggable={draggable} title={row.display.length > 40 ? row.display.slice(0, TIP) : undefined}>
              <EntryIcon row={row} />
              <Name display={row.display} />
              {row.target === undefined ? null : <bdi className="target">{texts.grid.target(row.target.slice(0, 200))}</bdi>}
            </span>
          </div>
          <div role="gridcell" aria-colindex={2} className="cell is-size number" title={row.type === 'file' ? formatCount(row.size) : undefined}>{row.error === undefined && row.type === 'file' ? formatSize(row.size) : ''}</div>
          <div role="gridcell" aria-colindex={3} className="cell number">{row.error === undefined ? formatTime(row.mtime) : <span className="error-text" title={row.error.message}>{texts.grid.entryFailed}</span>}</div>
          <div role="gridcell" aria-colindex={4} className="cell">{row.error === undefined ? typeText(row) : ''}</div>
          <div role="gridcell" aria-colindex={5} className="cell mono">{row.error === undefined ? formatMode(row.type, row.mode) : ''}</div>
          <div role="gridcell" aria-colindex={6} className="cell number">{row.error === undefined ? `${row.uid}:${row.gid}` : ''}</div>
        </>
      )}
    </div>
  );
});
