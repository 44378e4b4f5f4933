import { isDiskError, usage } from '../../../core/errors.ts';
import { INODE } from '../layout.ts';
import type { Superblock } from '../superblock.ts';
import { firstClear } from './bitmap.ts';
import type { GroupTable } from './groups.ts';

/**
 * The group for a new inode (after fs/ext4/ialloc.c). Files lie with their directory; folders near the one that holds them while there is
 * room around it, those in the root are spread over the groups.
 * @param parentGroup of the directory that will name it
 * @throws DiskError usage ENOSPC when no group has a free inode
 */
export function choosePlace(superblock: Superblock, table: GroupTable, parentGroup: number, isDirectory: boolean, parent: number): number {
  const found = (isDirectory ? forDirectory(superblock, table, parentGroup, parent) : forFile(superblock, table, parentGroup)) ?? anywhere(superblock, table, parentGroup);
  if (found === undefined) throw usage('ENOSPC', 'No inode is free: the filesystem can hold no more files');
  return found;
}

/** Groups whose metadata lies together (flex_bg). */
export function flexSize(superblock: Superblock): number {
  return superblock.features.flexBg && superblock.raw.s_log_groups_per_flex < 31 ? 1 << superblock.raw.s_log_groups_per_flex : 1;
}

/** The parent's group, then its neighbours in the flex group, then farther and farther away (find_group_other). */
function forFile(superblock: Superblock, table: GroupTable, parentGroup: number): number | undefined {
  const { groupCount } = superblock;
  const fits = (group: number): boolean => table.freeInodes(group) > 0 && table.freeClusters(group) > 0 && hasInode(superblock, table, group);
  if (fits(parentGroup)) return parentGroup;
  const flex = flexSize(superblock);
  const first = parentGroup - (parentGroup % flex);
  for (let group = first; group < Math.min(first + flex, groupCount); group++) if (fits(group)) return group;
  for (let step = 1, group = parentGroup; step < groupCount; step *= 2) {
    group = (group + step) % groupCount;
    if (fits(group)) return group;
  }
  return undefined;
}

/** Orlov's rules (find_group_orlov). */
function forDirectory(superblock: Superblock, table: GroupTable, parentGroup: number, parent: number): number | undefined {
  const { groupCount, inodesPerGroup } = superblock;
  const { clusters, inodes, directories } = table.totals;
  const averageInodes = inodes / groupCount;
  const averageClusters = clusters / groupCount;
  if (parent === INODE.root) {
    let best: number | undefined;
    let fewest = Infinity;
    for (let i = 0; i < groupCount; i++) {
      const group = (parentGroup + i) % groupCount;
      if (table.directories(group) >= fewest || table.freeInodes(group) < Math.max(1, averageInodes) || table.freeClusters(group) < averageClusters) continue;
      if (!hasInode(superblock, table, group)) continue;
      best = group;
      fewest = table.directories(group);
      if (fewest === 0) break;
    }
    if (best !== undefined) return best;
  }
  const flex = flexSize(superblock);
  const mostDirectories = directories / groupCount + inodesPerGroup * flex / 16;
  const leastInodes = Math.max(1, averageInodes - inodesPerGroup * flex / 4);
  const leastClusters = averageClusters - (superblock.blocksPerGroup / superblock.clusterRatio) * flex / 4;
  for (let i = 0; i < groupCount; i++) {
    const group = (parentGroup + i) % groupCount;
    if (table.directories(group) < mostDirectories && table.freeInodes(group) >= leastInodes && table.freeClusters(group) >= leastClusters && hasInode(superblock, table, group)) return group;
  }
  return undefined;
}

function anywhere(superblock: Superblock, table: GroupTable, parentGroup: number): number | undefined {
  for (let i = 0; i < superblock.groupCount; i++) {
    const group = (parentGroup + i) % superblock.groupCount;
    if (table.freeInodes(group) > 0 && hasInode(superblock, table, group)) return group;
  }
  return undefined;
}

/** Whether the bitmap has what the descriptor promises: a damaged one is left out, as the kernel does. */
function hasInode(superblock: Superblock, table: GroupTable, group: number): boolean {
  try {
    const first = group === 0 ? Math.max(1, superblock.raw.s_rev_level === 0 ? 11 : superblock.raw.s_first_ino) - 1 : 0;
    return firstClear(table.inodeBitmap(group), first, superblock.inodesPerGroup) < superblock.inodesPerGroup;
  } catch (error) {
    if (isDiskError(error) && error.kind === 'corrupt') return false;
    throw error;
  }
}
