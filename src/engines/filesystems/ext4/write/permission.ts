import { DiskError, unsupported } from '../../../core/errors.ts';
import { STATE } from '../layout.ts';
import type { Superblock } from '../superblock.ts';

const CHECK = 'Check the filesystem first.';

/**
 * Why a filesystem may not be written to, as far as its superblock tells: features that can't be kept right, recorded errors, another device's
 * journal. What recovery would mend does not count.
 * @returns undefined when nothing stands against it
 */
export function whyReadOnly(superblock: Superblock): DiskError | undefined {
  const { features, raw } = superblock;
  if (raw.s_rev_level === 0) return unsupported('revision 0', 'The filesystem is of revision 0, from before 1995, and can only be read');
  const feature = features.readOnly;
  if (feature !== undefined) return feature;
  if (features.hasJournal && raw.s_journal_inum === 0) return unsupported('external journal', 'The journal is on another device, so changes could not be kept in step with it: the filesystem can only be read');
  if (!features.hasJournal && features.needsRecovery) return new DiskError({ kind: 'dirty' }, 'The filesystem says that its journal needs recovery, but it has none', CHECK);
  if ((raw.s_state & STATE.error) !== 0) return new DiskError({ kind: 'dirty' }, 'Errors were found in the filesystem and recorded: it must be repaired before anything is changed', CHECK);
  // With a journal, only tools clear this bit, to ask for a check; without one, every mount does until it ends.
  if ((raw.s_state & STATE.valid) === 0) {
    return new DiskError({ kind: 'dirty' }, features.hasJournal ? 'The filesystem asks to be checked' : 'The filesystem was not unmounted, and has no journal to recover from', CHECK);
  }
  return undefined;
}
