import { formatCount } from '../models/format.ts';
import { cut } from '../models/names.ts';
import { plural } from './plural.ts';

/** Checking and repairing a filesystem. */
export const checkingTexts = {
  check: {
    command: 'Check filesystem…', notFilesystem: 'Only filesystems can be checked', locked: 'Unlock the volume with its password first',
    title: (name: string) => `Check ${cut(name, 60)}`,
    running: 'Looking at every structure of the filesystem. Nothing is changed.', waiting: 'The check begins …', stop: 'Stop', again: 'Check again', stopped: 'The check was stopped; what it had found until then is below.',
    found: (count: number) => (count === 0 ? 'Nothing found so far' : `${plural(count, 'finding', 'findings')} so far`),
    clean: 'The filesystem is clean', cleanHint: 'All structures agree with one another. Nothing needs to be done.', cleanPending: 'This is with the changes that are pending.',
    errors: (count: number) => plural(count, 'finding', 'findings'), repairable: (count: number, ticked: number) => `${formatCount(ticked)} of ${formatCount(count)} that can be repaired ${ticked === 1 ? 'is' : 'are'} ticked`, noneRepairable: 'Nothing of it can be repaired by this program.',
    unchecked: 'It could not be checked', failed: 'The check failed', cut: (count: number) => `Only the first ${formatCount(count)} are listed; the saved report has all. Repair these first, then check again.`,
    severity: { error: 'Error', warning: 'Warning', note: 'Note' }, filter: 'Findings by severity', all: (count: number) => `All (${formatCount(count)})`, some: { error: (count: number) => `Errors (${formatCount(count)})`, warning: (count: number) => `Warnings (${formatCount(count)})`, note: (count: number) => `Notes (${formatCount(count)})` },
    list: 'Findings', where: 'Where', meaning: 'Meaning', repair: 'Repair', code: 'Class', noRepair: 'Nothing can be done about it here.', repaired: 'repaired', tick: (message: string) => `Repair: ${cut(message, 120)}`, tickAll: 'Tick all that are shown', untickAll: 'Untick all that are shown', nothingShown: 'No findings of this severity.', choose: 'Choose a finding to see what it means and what a repair would do.',
    details: 'The finding', showPlace: 'Show the bytes',
    go: (count: number) => `Repair ${formatCount(count)} ticked`, repairHint: 'A repair is a pending change: review it, then apply or discard it.', unlockFirst: (count: number) => `Unlock and repair ${formatCount(count)} ticked`, repairing: 'Repairing …', repairs: (done: number) => `${plural(done, 'finding', 'findings')} repaired. The repair is a pending change: nothing is written to the image before you apply.`,
    fixed: 'Everything that was found is repaired', left: (count: number) => `${plural(count, 'finding', 'findings')} left`,
    save: 'Save report…', copy: 'Copy report', saved: (name: string) => `Report saved as ${cut(name, 60)}`, saveTitle: 'Save report', report: (name: string) => `${cut(name, 60)} check.txt`,
    announce: { begun: 'Checking', clean: 'The filesystem is clean', findings: (count: number) => `The check found ${plural(count, 'problem', 'problems')}`, stopped: 'The check was stopped' },
    progress: (done: string, total: string | undefined) => (total === undefined ? done : `${done} of ${total}`),
  },
} as const;
