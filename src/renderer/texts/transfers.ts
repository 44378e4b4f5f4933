import type { JobSummary } from '../../shared/contract/rows.ts';
import { formatCount, formatSize } from '../models/format.ts';
import { plural } from './plural.ts';

/** Extractions, their questions, and the panel of transfers. */
export const transfersTexts = {
  extract: {
    title: 'Extract to…',
    items: (count: number) => plural(count, 'item', 'items'),
    what: (what: string) => `Extract ${what} to a folder of this computer.`,
    all: 'everything in this folder',
    target: 'Destination folder', choose: 'Choose folder…', none: 'No folder chosen yet', example: '/home/me/extracted',
    conflict: 'When a name is taken',
    conflicts: { ask: 'Ask', 'keep-both': 'Keep both', skip: 'Skip', newer: 'Replace if newer', replace: 'Replace' },
    owners: 'Keep owners (needs permission to set them)',
    special: 'Keep setuid bits and device nodes',
    start: 'Extract',
    starting: 'Starting …',
    nothing: 'There is nothing to extract: the folder is empty.',
    broken: 'The connection ended before the work did.',
    done: (title: string, summary: JobSummary) => `${title}: extracted ${plural(summary.files, 'file', 'files')}, ${formatSize(summary.bytes)}${leftOut(summary)}`,
    cancelled: (title: string, summary: JobSummary) => `${title}: cancelled after ${plural(summary.files, 'file', 'files')}, ${formatSize(summary.bytes)}`,
    failed: (title: string) => `${title}: the extraction failed`,
    show: 'Show folder', showLog: 'Show log',
  },
  transfers: {
    label: 'Transfers', clear: 'Clear finished', close: 'Hide transfers', empty: 'Nothing was extracted yet.',
    retry: (title: string) => `Retry ${title}`, retryFailed: (count: number) => `Retry ${plural(count, 'failed entry', 'failed entries')}`,
    announce: { running: (title: string) => `${title}: extracting`, paused: (title: string) => `${title}: paused`, asking: (title: string) => `${title}: waiting for an answer` },
    percent: (percent: number, title: string) => `${percent} % – ${title}`,
    filter: 'Lines of the log', all: (count: number) => `All (${formatCount(count)})`, some: { info: (count: number) => `Info (${formatCount(count)})`, warning: (count: number) => `Warnings (${formatCount(count)})`, error: (count: number) => `Errors (${formatCount(count)})` },
    logOf: (title: string) => `Log of ${title}`,
    pause: (title: string) => `Pause ${title}`, resume: (title: string) => `Resume ${title}`, cancel: (title: string) => `Cancel ${title}`, log: (count: number) => `Log (${formatCount(count)})`,
    to: (target: string) => `to ${target}`,
    states: { running: 'Extracting', paused: 'Paused', asking: 'Waiting for an answer', done: 'Done', failed: 'Failed', cancelled: 'Cancelled' },
    of: (done: string, total: string | undefined) => (total === undefined ? done : `${done} of ${total}`),
    speed: (speed: string) => `${speed}/s`, left: (time: string) => `${time} left`, summary: (summary: JobSummary) => `${plural(summary.files, 'file', 'files')}, ${plural(summary.directories, 'folder', 'folders')}, ${formatSize(summary.bytes)}${leftOut(summary)}`,
    entries: (count: number) => plural(count, 'entry', 'entries'),
    dropped: (count: number) => `and ${formatCount(count)} more`,
    running: (count: number) => `${plural(count, 'transfer', 'transfers')} running`,
    levels: { info: 'Info', warning: 'Warning', error: 'Error' },
  },
  conflict: {
    title: 'This name is taken',
    there: 'Already in the folder', incoming: 'From the image', newer: 'newer', larger: 'larger', all: 'Do this for all further conflicts',
    keepBoth: 'Keep both', skip: 'Skip', replaceNewer: 'Replace if newer', replace: 'Replace', stop: 'Stop',
  },
} as const;

function leftOut({ skipped, problems }: JobSummary): string {
  return `${skipped > 0 ? `, ${formatCount(skipped)} skipped` : ''}${problems > 0 ? `, ${plural(problems, 'problem', 'problems')}` : ''}`;
}
