import type { JobSummary } from '../../shared/contract/rows.ts';
import { editingTexts } from './editing.ts';
import { formatCount, formatSize } from '../models/format.ts';
import { plural } from './plural.ts';

type Kind = keyof typeof editingTexts.jobs;

const { jobs } = editingTexts;

/** Work of which it does not matter how many files it was about. */
const WHOLE: ReadonlySet<Kind> = new Set(['apply', 'save', 'finish', 'undo', 'repair', 'pack', 'build']);

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
    show: 'Show folder', showLog: 'Show log',
  },
  transfers: {
    label: 'Transfers', clear: 'Clear finished', close: 'Hide transfers', empty: 'Nothing was copied or written yet.',
    retry: (title: string) => `Retry ${title}`, retryFailed: (count: number) => `Retry ${plural(count, 'failed entry', 'failed entries')}`,
    announce: { begun: (title: string, kind: Kind) => `${title}: ${jobs[kind].begun}`, paused: (title: string) => `${title}: paused`, asking: (title: string) => `${title}: waiting for an answer` },
    gone: 'The image’s process ended before this did',
    goneAdvice: (kind: Kind) => (kind === 'apply' || kind === 'finish' || kind === 'undo' ? 'Open the image again: it is then brought to its end, or the image is as it was.' : kind === 'extract' || kind === 'pack' || kind === 'save' ? 'Open the image again, and begin anew.' : kind === 'build' ? 'Load the window anew, and build it again.' : 'Open the image again. Changes that were not applied are lost; the image is as it was.'),
    percent: (percent: number, title: string) => `${percent} % – ${title}`,
    filter: 'Lines of the log', all: (count: number) => `All (${formatCount(count)})`, some: { info: (count: number) => `Info (${formatCount(count)})`, warning: (count: number) => `Warnings (${formatCount(count)})`, error: (count: number) => `Errors (${formatCount(count)})` },
    logOf: (title: string) => `Log of ${title}`,
    pause: (title: string) => `Pause ${title}`, resume: (title: string) => `Resume ${title}`, cancel: (title: string) => `Cancel ${title}`, log: (count: number) => `Log (${formatCount(count)})`,
    to: (target: string) => `to ${target}`,
    working: (kind: Kind) => jobs[kind].running,
    ended,
    states: { paused: 'Paused', asking: 'Waiting for an answer', done: 'Done', failed: 'Failed', cancelled: 'Cancelled' },
    of: (done: string, total: string | undefined) => (total === undefined ? done : `${done} of ${total}`),
    speed: (speed: string) => `${speed}/s`, left: (time: string) => `${time} left`, summary: (summary: JobSummary) => `${plural(summary.files, 'file', 'files')}, ${plural(summary.directories, 'folder', 'folders')}, ${formatSize(summary.bytes)}${leftOut(summary)}`,
    entries: (count: number) => plural(count, 'entry', 'entries'),
    dropped: (count: number) => `and ${formatCount(count)} more`,
    running: (count: number) => `${plural(count, 'transfer', 'transfers')} running`,
    levels: { info: 'Info', warning: 'Warning', error: 'Error' },
  },
  conflict: {
    title: 'This name is taken',
    there: 'Already in the folder', incoming: { extract: 'From the image', put: 'From this computer', other: 'What is to go there' }, newer: 'newer', larger: 'larger', all: 'Do this for all further conflicts',
    keepBoth: 'Keep both', skip: 'Skip', replaceNewer: 'Replace if newer', replace: 'Replace', merge: 'Merge', mergeHint: 'Merge puts the entries of both folders into one; names that both have are asked about.', stop: 'Stop',
  },
} as const;

/** What became of long work, in a sentence. */
function ended(title: string, kind: Kind, state: 'done' | 'failed' | 'cancelled', summary: JobSummary): string {
  if (state === 'failed') return `${title}: ${jobs[kind].failed}`;
  const amount = WHOLE.has(kind) ? '' : amountOf(summary);
  if (state === 'cancelled') return `${title}: cancelled${amount === '' ? '' : ` after ${amount}`}`;
  return kind === 'extract' ? `${title}: extracted ${amount}${leftOut(summary)}` : `${title}: ${jobs[kind].done}${amount === '' ? '' : ` (${amount}${leftOut(summary)})`}`;
}

function amountOf({ files, directories, bytes }: JobSummary): string {
  return [files > 0 || directories === 0 ? plural(files, 'file', 'files') : '', files === 0 && directories > 0 ? plural(directories, 'folder', 'folders') : '', bytes > 0 ? formatSize(bytes) : ''].filter((part) => part !== '').join(', ');
}

function leftOut({ skipped, problems }: JobSummary): string {
  return `${skipped > 0 ? `, ${formatCount(skipped)} skipped` : ''}${problems > 0 ? `, ${plural(problems, 'problem', 'problems')}` : ''}`;
}
