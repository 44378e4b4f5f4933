import { formatCount } from '../models/format.ts';
import { plural } from './plural.ts';

/** Searching below a folder, filtering a list, selecting by pattern. */
export const searchTexts = {
  search: {
    label: 'Search',
    field: (folder: string) => `Search below ${folder}`,
    placeholder: 'A part of the name, or a pattern such as *.txt',
    leave: 'Leave the search',
    stop: 'Stop',
    results: (query: string, folder: string) => `Found for ${query} below ${folder}`,
    running: (found: number) => `Searching … ${formatCount(found)} found`,
    looked: (names: number, folders: number) => `${plural(names, 'name', 'names')} in ${plural(folders, 'folder', 'folders')}`,
    found: (found: number) => `${formatCount(found)} found`,
    stopped: (found: number) => `Stopped; ${formatCount(found)} found until then`,
    capped: (found: number) => `The first ${formatCount(found)} are shown. Type more of the name to narrow it.`,
    damaged: (folders: number) => `${plural(folders, 'folder', 'folders')} could not be read`,
    failed: 'The search could not go on',
    crumb: (query: string) => `Search: ${query}`,
    /** The path of a hit in the folder where the search began. */
    here: '.',
    folder: 'Folder',
    nothing: (query: string, folder: string) => `Nothing below ${folder} is named like “${query}”.`,
    searching: (folder: string) => `Looking below ${folder} …`,
    stoppedEarly: 'The search was stopped before anything was found.',
    hint: 'A part of a name is enough; case makes no difference. * stands for any characters, ? for one.',
    hidden: (count: number) => `Search hidden files too (${formatCount(count)} left out)`,
    everywhere: 'Search the whole volume',
    again: 'Search again',
    announce: { begun: (folder: string) => `Searching below ${folder}`, soFar: (found: number) => `${formatCount(found)} found so far`, done: (found: number) => (found === 0 ? 'Nothing found' : `Search finished, ${formatCount(found)} found`), stopped: 'Search stopped' },
  },
  filter: {
    label: 'Filter',
    field: 'Filter this folder by name',
    placeholder: 'Filter by name',
    count: (shown: number, all: number) => `${formatCount(shown)} of ${formatCount(all)}`,
    clear: 'Clear filter',
    nothing: (filter: string) => `Nothing here matches “${filter}”.`,
  },
  pattern: {
    title: 'Select by pattern',
    label: 'Names to select',
    example: '*.txt',
    hint: 'Adds to what is selected. * stands for any characters, ? for one; without either, a part of the name is enough.',
    select: 'Select',
    none: 'No name here is like that',
    selected: (count: number) => `${plural(count, 'entry', 'entries')} selected`,
  },
} as const;
