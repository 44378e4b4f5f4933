import type { HashName } from '../../shared/contract/checksums.ts';
import { formatCount } from '../models/format.ts';
import { plural } from './plural.ts';

const NAMES: Readonly<Record<HashName, string>> = { md5: 'MD5', sha1: 'SHA-1', sha256: 'SHA-256', sha512: 'SHA-512', crc32: 'CRC-32' };

/** Checksums and what they are compared with. */
export const checksumsTexts = {
  checksums: {
    title: (what: string) => `Checksums of ${what}`, entries: (count: number) => plural(count, 'entry', 'entries'), image: (name: string) => `the image ${name}`,
    algorithms: 'Algorithms', names: NAMES, compute: 'Compute', again: 'Compute again', pause: 'Pause', resume: 'Resume', stop: 'Stop',
    progress: 'Progress', starting: 'Looking for files …', paused: 'Paused', speed: (speed: string) => `${speed}/s`, left: (time: string) => `${time} left`, of: (done: string, total: string) => `${done} of ${total}`,
    cancelled: (count: number) => `Stopped after ${plural(count, 'file', 'files')}`, done: (count: number) => `${plural(count, 'file', 'files')} done`, nothing: 'There are no files in what is selected.',
    compareWith: 'Compare with', none: 'Nothing', pasted: 'What was pasted', clipboard: 'Compare with clipboard', field: 'Checksum or list to compare with', example: 'Paste a checksum or a list, or drop its file here',
    noSums: 'There is no checksum in that text.', emptyClipboard: 'There is no checksum on the clipboard.', tooLong: 'The list is too long for the clipboard.',
    results: 'Results', file: 'Name', algorithm: 'Algorithm', digest: 'Checksum', verdict: 'Verdict', copy: (what: string) => `Copy ${what}`, copyAll: 'Copy all', onlyMismatches: 'Only what does not match', allMatch: 'Everything matches.',
    verdicts: { matches: 'Matches', differs: 'Differs', unlisted: 'Not listed', other: 'Listed by another algorithm' }, unread: 'Could not be read',
    matched: (list: string, matches: number, total: number) => (matches === total ? (total === 1 ? `It matches ${list}.` : `All ${formatCount(total)} files match ${list}.`) : `${formatCount(matches)} of ${formatCount(total)} files match ${list}.`),
    differ: (count: number) => (count === 1 ? '1 file differs.' : `${formatCount(count)} files differ.`), itDiffers: (list: string) => `It differs from ${list}.`,
    unlisted: (count: number) => (count === 1 ? '1 file is not listed.' : `${formatCount(count)} files are not listed.`), notListed: (list: string) => `It is not listed in ${list}.`,
    needs: (algorithms: readonly HashName[], list: string) => `${list} needs ${algorithms.map((each) => NAMES[each]).join(' and ')}: choose it and compute again.`,
    unreadable: (count: number) => (count === 1 ? '1 file could not be read.' : `${formatCount(count)} files could not be read.`), thePasted: 'what was pasted',
  },
} as const;
