import { catalogue } from './problems.ts';

const LAST_CHANGES = 'Changes that were made last may be lost.';

/** Problems of the journal. */
export const JOURNAL = catalogue('journal', {
  'bad-inode': { severity: 'error', says: 'The journal\'s inode {inode} can\'t be used ({reason})', meaning: LAST_CHANGES, repair: 'Give the journal up, and make a new one at the end' },
  'inode-restored': { severity: 'note', says: 'The journal\'s inode {inode} can\'t be used ({reason}), but the superblock has a copy of its map', meaning: 'Nothing is lost by it.', repair: 'Restore the inode', housekeeping: true },
  'bad-superblock': { severity: 'error', says: 'The journal\'s superblock is damaged ({reason})', meaning: LAST_CHANGES, repair: 'Empty the journal' },
  'unknown': { severity: 'error', says: 'The journal can\'t be read: {reason}', meaning: 'What it has is newer than everything else, so nothing is checked without it.' },
  'version-1-fields': { severity: 'error', says: 'The journal is of version 1, with fields of version 2', meaning: 'Who reads the fields takes it for another journal.', repair: 'Clear these fields' },
  'users': { severity: 'error', says: 'The journal says that {count} filesystems use it', meaning: 'A journal inside a filesystem has one user.', repair: 'Clear the number', housekeeping: 'with-changes' },
  'without-feature': { severity: 'note', says: 'There is a journal, but the feature has_journal is not set', meaning: 'Nobody uses the journal.', repair: 'Forget the journal' },
  'recovery-without-journal': { severity: 'error', says: 'The superblock says that the journal must be replayed, but there is none', meaning: LAST_CHANGES, repair: 'Clear the flag' },
  'not-empty': { severity: 'note', says: 'The journal is not empty, though the superblock says that it need not be replayed', meaning: 'The superblock may be an old one.', repair: 'Replay the journal', housekeeping: true },
  'replay': { severity: 'note', says: 'The journal has changes that were not written to their places', meaning: 'The filesystem was not unmounted.', repair: 'Write {count} blocks to their places', housekeeping: true },
  'corrupt': { severity: 'note', says: 'The journal is damaged: {reason}', meaning: LAST_CHANGES },
  'aborted': { severity: 'note', says: 'The kernel gave up the journal after error {errno}', meaning: 'Something was wrong with the device or the filesystem.', repair: 'Forget the error', housekeeping: true },
  'recreate': { severity: 'error', says: 'The journal was given up', meaning: 'Without a journal, a power cut can damage the filesystem.', repair: 'Make a new one' },
  'no-room': { severity: 'note', says: 'There are no {count} free blocks for a new journal', meaning: 'The filesystem is left without one, and works.' },
});
