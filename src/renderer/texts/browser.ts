import { formatCount, formatSize } from '../models/format.ts';
import { plural } from './plural.ts';

/** Folders: the list, the path, the status bar. */
export const browserTexts = {
  toolbar: { label: 'Navigation', menu: 'Menu', path: 'Path', editPath: 'Type a path', go: 'Go' },
  crumbs: { label: 'Folders', space: 'Space', bytes: (name: string | undefined) => (name === undefined ? 'Bytes' : `Bytes of ${name}`), placeholder: '/folder/in/the/image' },
  grid: {
    label: (folder: string) => `Files in ${folder}`,
    columns: {
      name: 'Name', size: 'Size', allocated: 'On disk', mtime: 'Modified', ctime: 'Changed', atime: 'Accessed', btime: 'Created', type: 'Type', mode: 'Permissions', octal: 'Mode',
      owner: 'Owner', group: 'Group', uid: 'User ID', gid: 'Group ID', inode: 'Inode', links: 'Links', flags: 'Flags', target: 'Link target',
    },
    resize: (column: string) => `Width of ${column}`,
    pixels: (width: number) => `${width} pixels`,
    bytes: (count: string) => `${count} ${count === '1' ? 'byte' : 'bytes'}`,
    identity: (name: string, id: number) => `${name} (${id})`,
    columnsMenu: 'Columns',
    columnMenu: (column: string) => `Column ${column}`,
    sortUp: 'Sort ascending', sortDown: 'Sort descending', moveBefore: 'Move towards the start', moveAfter: 'Move towards the end', resizeColumn: 'Change width', fitColumn: 'Fit to its entries', hideColumn: 'Hide column',
    nameStays: 'An entry always has its name', noBtime: 'Not kept in this folder', firstAlready: 'It is the first', lastAlready: 'It is the last',
    moved: (column: string, place: number, count: number) => `${column} is column ${place} of ${count}`,
    shown: (column: string) => `${column} shown`, hiddenColumn: (column: string) => `${column} hidden`, fitted: 'Columns fitted', reset: 'Columns reset',
    headKeys: 'Enter sorts, the menu key opens its menu, Alt+Shift with an arrow moves it',
    empty: 'This folder is empty.',
    allHidden: (hidden: number) => `This folder has only hidden files (${formatCount(hidden)}).`,
    showHidden: 'Show hidden files',
    goUp: 'Go up',
    tooManyDragged: (most: number) => `At most ${formatCount(most)} entries can be dragged at once. Use “Extract to…” for more.`,
    loading: 'Reading the folder …',
    failed: 'This folder can’t be read',
    rowsFailed: 'These entries can’t be read',
    entryFailed: 'unreadable',
    target: (target: string) => `→ ${target}`,
    announce: (folder: string, count: number) => `${folder}, ${plural(count, 'item', 'items')}`,
  },
  types: {
    file: 'File', dir: 'Folder', symlink: 'Link', char: 'Character device', block: 'Block device', fifo: 'Pipe', socket: 'Socket',
    linkTo: { dir: 'Link to folder', file: 'Link to file' }, broken: 'Broken link', suffix: (suffix: string) => `${suffix} file`,
  },
  status: {
    label: 'Status',
    items: (count: number) => plural(count, 'item', 'items'),
    hidden: (count: number) => `${formatCount(count)} hidden`,
    filtered: (count: number) => `${formatCount(count)} filtered out`,
    readOnly: 'Read-only',
    selected: (count: number) => `${formatCount(count)} selected`,
    free: (free: number, size: number) => `${formatSize(free)} free of ${formatSize(size)}`,
    volumes: (count: number) => plural(count, 'volume', 'volumes'),
  },
} as const;
