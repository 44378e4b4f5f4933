import type { Check, CheckResult } from '../../../core/check.ts';
import { isDiskError, toDiskError } from '../../../core/errors.ts';
import { Abort, CheckContext, emptyTables } from './context.ts';
import { checkJournal } from './journal.ts';
import { recreateJournal } from './journal-create.ts';
import { emptyOrphanFile } from './orphans.ts';
import { pass1 } from './pass1.ts';
import { pass1b } from './pass1b.ts';
import { writeWideExtents } from './pass1e.ts';
import { checkDirectories } from './pass2.ts';
import { checkTree } from './pass3.ts';
import { checkLinkCounts } from './pass4.ts';
import { checkBitmaps } from './pass5.ts';
import { checkQuota } from './quota.ts';
import { finish, openFilesystem, writeChanges } from './superblock.ts';
import { checkSuperblock } from './superblock-check.ts';

/** How often everything may begin again: e2fsck has no bound, and loops for ever over two of the images of its own tests. */
const MOST_RESTARTS = 5;

type Pass = (context: CheckContext) => Promise<void> | void;

/** In this order. Each returns early when it wants everything to begin again. */
const PASSES: readonly Pass[] = [openFilesystem, checkJournal, beginTables, checkSuperblock, pass1, pass1b, writeWideExtents, checkDirectories, checkTree, checkLinkCounts, recreateJournal, checkQuota, checkBitmaps, emptyOrphanFile];

function beginTables(context: CheckContext): void {
  const { superblock } = context;
  const tables = context.tables = emptyTables(superblock);
  if (!context.replayedFastCommits) return;
  context.replayedFastCommits = false;
  const { descriptors } = context;
  let clusters = 0;
  let inodes = 0;
  for (let group = 0; group < superblock.groupCount; group++) {
    descriptors.setUnusedInodes(group, 0);
    descriptors.clear(group, 'inodeUninit');
    clusters += descriptors.freeClusters(group);
    inodes += descriptors.freeInodes(group);
  }
  descriptors.seal();
  const blocks = clusters * superblock.clusterRatio;
  superblock.raw.s_free_blocks_count_lo = blocks % 2 ** 32;
  if (superblock.features.is64Bit) superblock.raw.s_free_blocks_count_hi = Math.floor(blocks / 2 ** 32);
  superblock.raw.s_free_inodes_count = inodes;
  context.superblockChanged = true;
  tables.changedClusters.addRange(0, tables.changedClusters.count);
  tables.changedInodes.addRange(1, superblock.inodeCount);
}

/** Checks an ext2, ext3 or ext4 filesystem in the order of e2fsck: superblock, journal, and five passes over everything. */
export const checkExt4: Check = async (device, options, job) => {
  const context = new CheckContext(device, options, job);
  try {
    for (let run = 0; ; run++) {
      context.begin();
      for (const pass of PASSES) {
        await pass(context);
        if (context.restart !== undefined) break;
      }
      if (context.restart === undefined) break;
      // What was changed so far is what the next run begins with.
      writeChanges(context);
      if (run === MOST_RESTARTS) {
        context.left++;
        break;
      }
    }
    finish(context);
    // A run that repaired is kept, whatever it could not look at.
    const { unchecked, accepted } = context;
    return unchecked === undefined || accepted > 0 ? result(context) : { ...result(context), state: 'unchecked', error: unchecked.toJSON() };
  } catch (error) {
    if (isDiskError(error) && error.kind === 'cancelled') throw error;
    // A fault of ours: where it lies helps whoever mends it.
    if (error instanceof Error && !isDiskError(error) && !(error instanceof Abort)) job.log({ level: 'error', message: error.stack ?? error.message });
    return { ...result(context), state: context.left > 0 ? 'errors' : 'unchecked', error: (error instanceof Abort ? error.error : toDiskError(error)).toJSON() };
  }
};

function result({ findings, repaired, left }: CheckContext): CheckResult {
  return { state: left > 0 ? 'errors' : repaired > 0 ? 'fixed' : 'clean', findings, repaired };
}
