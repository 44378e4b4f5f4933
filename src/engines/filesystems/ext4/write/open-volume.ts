import { isDiskError, unsupported } from '../../../core/errors.ts';
import type { Superblock } from '../superblock.ts';
import { BlockAllocator } from './allocator.ts';
import { ContentsWriter } from './contents.ts';
import { GroupTable } from './groups.ts';
import { InlineFiles } from './inline.ts';
import { InodeWriter } from './inodes.ts';
import type { Foundation } from './open.ts';
import { OrphanWriter } from './orphans.ts';
import { QuotaFiles, unlimited, type Usage } from './quota.ts';
import type { Contents, Volume } from './volume.ts';
import { Attributes } from './xattrs.ts';
import { SystemZone } from './zones.ts';

/** More than any device has; counts of groups are held in arrays. */
const MOST_GROUPS = 1 << 22;

/** Who writes. */
export interface VolumeOptions {
  /**
   * Whether blocks reserved for root may be used for contents. As the kernel and debugfs let root use them, and whoever holds the image is root
   * of it, that is so unless it is told otherwise.
   */
  readonly asRoot?: boolean;
}

/**
 * A filesystem to be changed, on what openForWriting made.
 * @throws DiskError unsupported when its shape can't be written to
 */
export function openVolume(foundation: Foundation, options: VolumeOptions = {}): Volume {
  const { superblock, transaction, groups, access, note, editSuperblock } = foundation;
  refuseShape(superblock);
  const table = new GroupTable(superblock, transaction, note);
  // They know each other.
  const late: { contents?: Contents; inline?: InlineFiles; charges: Usage } = { charges: unlimited };
  const zone = new SystemZone(superblock, table, () => (superblock.features.hasJournal ? late.contents!.mapping(superblock.raw.s_journal_inum) : undefined));
  transaction.protect(zone);
  const inodes = new InodeWriter({ superblock, transaction, groups, table, get charges() { return late.charges; }, access, note });
  const allocator = new BlockAllocator({
    superblock, transaction, table, zone, waits: access.durability === 'direct',
    reserved: options.asRoot === false ? Math.ceil(superblock.reservedCount / superblock.clusterRatio) : 0,
  });
  const operation = <T>(run: () => T): T => {
    try {
      return transaction.operation(run);
    } catch (error) {
      // Within another operation nothing can be committed: the outermost one tries again.
      if (transaction.isRunning || allocator.waiting === 0 || !isDiskError(error) || error.fault.kind !== 'usage' || error.fault.errno !== 'ENOSPC') throw error;
      transaction.commit();
      return transaction.operation(run);
    }
  };
  const orphans = new OrphanWriter({ superblock, transaction, inodes, editSuperblock, get contents() { return late.contents!; } });
  const contents = late.contents = new ContentsWriter({ superblock, transaction, inodes, allocator, zone, access, orphans, operation, editSuperblock, note, get inline() { return late.inline!; } });

  transaction.beforeCommit(() => {
    if (!table.takeCountsChanged()) return;
    const raw = editSuperblock();
    const free = table.totals.clusters * superblock.clusterRatio;
    raw.s_free_blocks_count_lo = free % 2 ** 32;
    if (superblock.features.is64Bit) raw.s_free_blocks_count_hi = Math.floor(free / 2 ** 32);
    raw.s_free_inodes_count = table.totals.inodes;
  });

  const volume: Volume = {
    superblock, transaction, groups, inodes, allocator, contents, orphans, access, note, editSuperblock, operation,
    get free() { return { blocks: table.totals.clusters * superblock.clusterRatio, inodes: table.totals.inodes }; },
  };
  if (superblock.features.quota) late.charges = new QuotaFiles({ superblock, transaction, inodes, contents, access });
  late.inline = new InlineFiles(volume, new Attributes(volume));
  return volume;
}

/** What mke2fs never makes, and what a writer would have to trust. */
function refuseShape(superblock: Superblock): void {
  const { groupCount, blocksPerGroup, clusterRatio, inodesPerGroup } = superblock;
  if (groupCount > MOST_GROUPS) throw unsupported('groups', `The filesystem has ${groupCount} groups, more than can be held`);
  if ((blocksPerGroup / clusterRatio) % 8 !== 0 || inodesPerGroup % 8 !== 0) throw unsupported('group size', `A group has ${blocksPerGroup} blocks and ${inodesPerGroup} inodes, which its bitmaps can't be filled with`);
}
