import type { EntryRow } from '../../shared/contract/rows.ts';
import type { ColumnId } from '../models/columns.ts';
import { formatCount, formatMode, formatOctal, formatSize, formatTime } from '../models/format.ts';
import { texts } from '../texts/index.ts';
import { typeText } from './entry-icon.tsx';

/** Characters of a target that a cell holds; the tooltip has more. */
const LONGEST = 200;

/** What a cell shows. The name's has an icon and the target besides. */
export function cellText(id: ColumnId, row: EntryRow): string {
  if (id === 'name') return row.display;
  if (row.error !== undefined) return '';
  switch (id) {
    case 'size': return row.type === 'file' ? formatSize(row.size) : '';
    case 'allocated': return formatSize(row.allocated);
    case 'mtime': return formatTime(row.mtime);
    case 'ctime': return formatTime(row.ctime);
    case 'atime': return formatTime(row.atime);
    case 'btime': return row.btime === undefined ? '' : formatTime(row.btime);
    case 'type': return typeText(row);
    case 'mode': return formatMode(row.type, row.mode);
    case 'octal': return formatOctal(row.mode);
    case 'owner': return row.owner ?? String(row.uid);
    case 'group': return row.group ?? String(row.gid);
    case 'uid': return String(row.uid);
    case 'gid': return String(row.gid);
    case 'inode': return String(row.node);
    case 'links': return String(row.nlink);
    case 'flags': return row.flags.join(', ');
    case 'target': return (row.target ?? '').slice(0, LONGEST);
  }
}

/** More than the cell shows, where there is more. */
export function cellTitle(id: ColumnId, row: EntryRow): string | undefined {
  if (row.error !== undefined) return undefined;
  switch (id) {
    case 'size': return row.type === 'file' ? texts.grid.bytes(formatCount(row.size)) : undefined;
    case 'allocated': return texts.grid.bytes(formatCount(row.allocated));
    case 'owner': return row.owner === undefined ? undefined : texts.grid.identity(row.owner, row.uid);
    case 'group': return row.group === undefined ? undefined : texts.grid.identity(row.group, row.gid);
    case 'target': return row.target !== undefined && row.target.length > 20 ? row.target.slice(0, 1000) : undefined;
    case 'flags': return row.flags.length > 1 ? row.flags.join(', ') : undefined;
    default: return undefined;
  }
}

/** Text that an image wrote, which may run the other way. */
export function isForeign(id: ColumnId): boolean {
  return id === 'owner' || id === 'group' || id === 'target';
}
