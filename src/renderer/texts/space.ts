import { formatCount, formatSize } from '../models/format.ts';
import { plural } from './plural.ts';

/** What takes the space below a folder. */
export const spaceTexts = {
  space: {
    label: 'Space',
    title: (name: string) => `Space in ${name}`,
    map: (name: string) => `Map of the space in ${name}; the list beside it tells the same`,
    list: (name: string) => `Largest first, in ${name}`,
    measuring: 'Measuring …',
    facts: (size: number, files: number, directories: number) => `${formatSize(size)} in ${plural(files, 'file', 'files')} and ${plural(directories, 'folder', 'folders')}`,
    done: (name: string, size: number) => `${name} takes ${formatSize(size)}`,
    percent: (share: number) => (share > 0 && share < 0.001 ? '< 0.1 %' : `${(share * 100).toFixed(1)} %`),
    smaller: (count: number) => plural(count, 'smaller entry', 'smaller entries'),
    hint: 'Point at a part of the map to see what it is; double-click goes into a folder.',
    unreadable: (count: number) => `${plural(count, 'entry', 'entries')} could not be read, and ${count === 1 ? 'is' : 'are'} not counted`,
    partly: 'Not all of it could be read',
    more: (count: number) => `and ${formatCount(count)} more`,
    empty: 'Nothing in this folder takes space.',
    up: 'Go up', toList: 'Show as a list',
    failed: 'What is in this folder can’t be measured',
  },
  spaceCommands: { show: 'Show where space goes', reveal: 'Reveal in list' },
  spaceReasons: { noFiles: 'Open a filesystem first', shown: 'It is shown already', noSpace: 'Show where space goes first', noChoice: 'Choose something in the map or the list first' },
} as const;
