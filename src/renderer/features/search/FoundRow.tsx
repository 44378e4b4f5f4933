import { memo } from 'react';
import { searchOf } from '../../app/search.ts';
import { activeTab, getApp } from '../../app/state.ts';
import { formatCount, formatSize, formatTime } from '../../models/format.ts';
import { LONGEST_SHOWN } from '../../models/names.ts';
import { texts } from '../../texts/index.ts';
import { EntryIcon, typeText } from '../../ui/entry-icon.tsx';
import { Name } from '../../ui/name.tsx';
import { type RowProps, rowId } from '../browser/GridRow.tsx';

const t = texts.grid;

/** Characters of a tooltip. */
const TIP = 1000;

const COLUMNS = [
  { id: 'name', title: t.columns.name, width: 'minmax(180px, 3fr)' },
  { id: 'folder', title: texts.search.folder, width: 'minmax(120px, 2fr)' },
  { id: 'size', title: t.columns.size, width: '88px' },
  { id: 'mtime', title: t.columns.mtime, width: '148px' },
  { id: 'type', title: t.columns.type, width: '112px' },
] as const;

/** The columns of what a search found. They stand in the order in which it was found, and fit every window. */
export const FOUND_COLUMNS = { headers: COLUMNS, template: COLUMNS.map(({ width }) => width).join(' '), least: '648px', sized: true };

export function FoundHeader() {
  return (
    <div role="rowgroup" className="grid-head">
      <div role="row" aria-rowindex={1} className="grid-row">
        {COLUMNS.map(({ id, title }, i) => <div key={id} role="columnheader" aria-colindex={i + 1} className={`head-cell is-${id}`}><span className="head-button">{title}</span></div>)}
      </div>
    </div>
  );
}

/** One hit, with the folder that it is in. */
export const FoundRow = memo(function FoundRow({ index, top, row, selected, focused, draggable }: RowProps) {
  if (row === undefined) return null;
  const path = searchOf(activeTab(getApp())?.listing?.search)?.rows.folderPath(row) ?? '';
  const shown = path === '' ? texts.search.here : path.length > LONGEST_SHOWN ? `…${path.slice(-LONGEST_SHOWN)}` : path;
  return (
    <div
      role="row" id={rowId(index)} data-index={index} aria-rowindex={index + 2} aria-selected={selected} style={{ transform: `translateY(${top}px)` }}
      className={`grid-row entry-row ${selected ? 'is-selected' : ''} ${focused ? 'is-focused' : ''} ${row.name.startsWith('.') ? 'is-hidden' : ''}`}
    >
      <div role="gridcell" aria-colindex={1} className="cell is-name">
        <span className="entry" draggable={draggable} title={row.display.length > 40 ? row.display.slice(0, TIP) : undefined}><EntryIcon row={row} /><Name display={row.display} /></span>
      </div>
      <div role="gridcell" aria-colindex={2} className="cell is-folder" title={path.length > 20 ? path.slice(-TIP) : undefined}><bdi>{shown}</bdi></div>
      <div role="gridcell" aria-colindex={3} className="cell is-size number" title={row.type === 'file' ? formatCount(row.size) : undefined}>{row.error === undefined && row.type === 'file' ? formatSize(row.size) : ''}</div>
      <div role="gridcell" aria-colindex={4} className="cell number">{row.error === undefined ? formatTime(row.mtime) : <span className="error-text" title={row.error.message}>{t.entryFailed}</span>}</div>
      <div role="gridcell" aria-colindex={5} className="cell">{row.error === undefined ? typeText(row) : ''}</div>
    </div>
  );
});
