import { formatCount, formatSize } from '../models/format.ts';
import { plural } from './plural.ts';

/** Folders: the list, the path, the status bar. */
export const browserTexts = {
  toolbar: { label: 'Navigation', menu: 'Menu', path: 'Path', editPath: 'Type a path', go: 'Go' },
  crumbs: { label: 'Folders', root: 'Root', placeholder: '/folder/in/the/image' },
  grid: {
    label: (folder: string) => `Files in ${folder}`,
    name: 'Name', size: 'Size', mtime: 'Modified', type: 'Type', mode: 'Permissions', owner: 'Owner',
    resize: (column: string) => `Width of ${column}`,
    sortedUp: 'ascending', sortedDown: 'descending',
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
    selected: (count: number) => `${formatCount(count)} selected`,
    free: (free: number, size: number) => `${formatSize(free)} free of ${formatSize(size)}`,
    volumes: (count: number) => plural(count, 'volume', 'volumes'),
  },
} as const;
