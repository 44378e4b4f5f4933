import { memo } from 'react';
import { searchOf } from '../../app/search.ts';
import { activeTab, getApp } from '../../app/state.ts';
import { LONGEST_SHOWN } from '../../models/names.ts';
import { texts } from '../../texts/index.ts';
import type { GridColumns } from '../browser/Grid.tsx';
import { Cell, NameCell, type RowProps, rowId } from '../browser/GridRow.tsx';

/** Characters of a tooltip. */
const TIP = 1000;

const { columns } = texts.grid;
const COLUMNS = [
  { id: 'name', title: columns.name, width: 'minmax(140px, 3fr)' },
  { id: 'folder', title: texts.search.folder, width: 'minmax(100px, 2fr)' },
  { id: 'size', title: columns.size, width: '88px' },
  { id: 'mtime', title: columns.mtime, width: '148px' },
  { id: 'type', title: columns.type, width: '112px' },
] as const;

/** The columns of what a search found. They stand in the order in which it was found: the near ones first. */
export const FOUND_COLUMNS: GridColumns = { headers: COLUMNS, template: COLUMNS.map(({ width }) => width).join(' '), least: '588px' };

export function FoundHeader() {
  return (
    <div role="rowgroup" className="grid-head">
      <div role="row" aria-rowindex={1} className="grid-row">
        {COLUMNS.map(({ id, title }, i) => <div key={id} role="columnheader" aria-colindex={i + 1} className={`head-cell is-${id} ${id === 'size' ? 'at-end' : ''}`}><span className="head-button">{title}</span></div>)}
      </div>
    </div>
  );
}

/** One hit, with the folder that it is in. */
export const FoundRow = memo(function FoundRow({ index, top, row, selected, focused, draggable, dropped }: RowProps) {
  if (row === undefined) return null;
  const path = searchOf(activeTab(getApp())?.listing?.search)?.rows.folderPath(row) ?? '';
  const shown = path === '' ? texts.search.here : path.length > LONGEST_SHOWN ? `…${path.slice(-LONGEST_SHOWN)}` : path;
  return (
    <div
      role="row" id={rowId(index)} data-index={index} aria-rowindex={index + 2} aria-selected={selected} style={{ transform: `translateY(${top}px)` }}
      className={`grid-row entry-row ${dropped ? 'is-drop' : ''} ${selected ? 'is-selected' : ''} ${focused ? 'is-focused' : ''} ${row.name.startsWith('.') ? 'is-hidden' : ''}`}
    >
      <NameCell place={1} row={row} draggable={draggable} />
      <div role="gridcell" aria-colindex={2} className="cell is-folder" title={path.length > 20 ? path.slice(-TIP) : undefined}><bdi>{shown}</bdi></div>
      <Cell id="size" place={3} row={row} />
      <Cell id="mtime" place={4} row={row} />
      <Cell id="type" place={5} row={row} />
    </div>
  );
});
