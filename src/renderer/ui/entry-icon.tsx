import { Cable, CircleAlert, File, FileImage, FileSymlink, FileText, Folder, FolderSymlink, HardDrive, type LucideIcon, Plug, Terminal, Unlink } from 'lucide-react';
import { createElement } from 'react';
import type { EntryRow } from '../../shared/contract/rows.ts';
import { suffixOf } from '../models/names.ts';
import { texts } from '../texts/index.ts';

const PICTURES = new Set(['PNG', 'JPG', 'JPEG', 'GIF', 'WEBP', 'BMP', 'ICO', 'AVIF', 'SVG', 'TIFF']);
const WRITTEN = new Set(['TXT', 'MD', 'CONF', 'CFG', 'LOG', 'JSON', 'YML', 'YAML', 'XML', 'HTML', 'CSS', 'JS', 'TS', 'PY', 'SH', 'C', 'H', 'INI', 'CSV']);

function iconOf(row: EntryRow): LucideIcon {
  if (row.error !== undefined) return CircleAlert;
  switch (row.type) {
    case 'dir': return Folder;
    case 'symlink': return row.targetType === 'dir' ? FolderSymlink : row.targetType === undefined ? Unlink : FileSymlink;
    case 'char': return Terminal;
    case 'block': return HardDrive;
    case 'fifo': return Cable;
    case 'socket': return Plug;
    case 'file': {
      const suffix = suffixOf(row.name);
      return PICTURES.has(suffix) ? FileImage : WRITTEN.has(suffix) ? FileText : File;
    }
  }
}

export function EntryIcon({ row }: { row: EntryRow }) {
  return createElement(iconOf(row), { 'aria-hidden': true, className: `entry-icon is-${row.error === undefined ? row.type : 'bad'}` });
}

export function typeText(row: EntryRow): string {
  if (row.type === 'symlink') {
    if (row.targetType === undefined) return texts.types.broken;
    return row.targetType === 'dir' ? texts.types.linkTo.dir : row.targetType === 'file' ? texts.types.linkTo.file : texts.types.symlink;
  }
  const suffix = row.type === 'file' ? suffixOf(row.name) : '';
  return suffix === '' ? texts.types[row.type] : texts.types.suffix(suffix);
}
