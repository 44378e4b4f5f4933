import type { CheckContext } from './context.ts';
import { PASS1 } from './pass1-problems.ts';
import type { Superblock } from '../superblock.ts';

/** Inodes with a fixed meaning. */
export const BAD_BLOCKS_INODE = 1;
export const RESIZE_INODE = 7;

/** Blocks of a group that hold a superblock and descriptors, those that are reserved for more of them among them (ext2fs_reserve_super_and_bgd). */
export function* ownBlocks(superblock: Superblock, group: number): Iterable<{ readonly block: number; readonly count: number }> {
  const { blockSize, features, raw, descriptorsPerBlock, groupCount, blockCount, clusterRatio } = superblock;
  const start = superblock.groupStart(group);
  const hasSuper = group === 0 || superblock.hasBackup(group);
  // With bigalloc, 1 KiB blocks start at 0 and the superblock lies in block 1.
  const own = group === 0 && blockSize === 1024 && start === 0 ? 1 : start;
  if (hasSuper) yield { block: own, count: 1 };
  if (group === 0 && blockSize === 1024 && clusterRatio > 1) yield { block: 0, count: 1 };
  const index = Math.floor(group / descriptorsPerBlock);
  if (!features.metaBg || index < raw.s_first_meta_bg) {
    const count = features.metaBg ? raw.s_first_meta_bg : Math.ceil(groupCount / descriptorsPerBlock) + raw.s_reserved_gdt_blocks;
    if (hasSuper && count > 0) yield { block: own + 1, count: Math.min(count, blockCount - own - 1) };
  } else if (group % descriptorsPerBlock <= 1 || group % descriptorsPerBlock === descriptorsPerBlock - 1) {
    yield { block: own + (hasSuper ? 1 : 0), count: 1 };
  }
}

/** Blocks of a group's inode table. */
export function tableBlocks(superblock: Superblock): number {
  return Math.ceil((superblock.inodesPerGroup * superblock.inodeSize) / superblock.blockSize);
}

/** Marks what the filesystem has for itself, and finds what lies on top of one another (mark_table_blocks in pass1.c). */
export function markMetadata(context: CheckContext): void {
  const { superblock, descriptors, tables, relocations } = context;
  const { metadata, clustersUsed } = tables;
  const ratio = superblock.clusterRatio;
  const length = tableBlocks(superblock);
  for (let group = 0; group < superblock.groupCount; group++) {
    for (const { block, count } of ownBlocks(superblock, group)) metadata.addRange(block, count);
    const table = descriptors.inodeTable(group);
    if (table !== 0) {
      if (metadata.isFree(table, length)) {
        metadata.addRange(table, length);
      } else {
        for (let block = table; block < table + length; block++) {
          if (!metadata.test(block) || relocations.inodeTables.has(group)) continue;
          if (context.problem(PASS1['inode-table-conflict'], { group, block }, context.place(`inode table of group ${group}`, block))) relocations.inodeTables.add(group);
        }
      }
    }
    for (const [at, problem, groups, structure] of [
      [descriptors.blockBitmap(group), PASS1['block-bitmap-conflict'], relocations.blockBitmaps, 'block bitmap'],
      [descriptors.inodeBitmap(group), PASS1['inode-bitmap-conflict'], relocations.inodeBitmaps, 'inode bitmap'],
    ] as const) {
      if (at !== 0 && metadata.test(at) && context.problem(problem, { group, block: at }, context.place(`${structure} of group ${group}`, at))) groups.add(group);
    }
  }
  for (let block = metadata.next(0); block !== undefined; block = metadata.next(block)) {
    const end = metadata.nextFree(block) ?? superblock.blockCount;
    clustersUsed.addRange(Math.floor(block / ratio), Math.floor((end - 1) / ratio) - Math.floor(block / ratio) + 1);
    block = end;
  }
}

/** Gives places of their own to bitmaps and tables that have none (handle_fs_bad_blocks). Moved inode tables mean that everything begins again. */
export function relocate(context: CheckContext): void {
  const { descriptors, relocations } = context;
  const { blockBitmaps, inodeBitmaps, inodeTables } = relocations;
  for (const group of [...new Set([...blockBitmaps, ...inodeBitmaps, ...inodeTables])].toSorted((a, b) => a - b)) {
    if (blockBitmaps.has(group)) descriptors.setBlockBitmap(group, move(context, group, 'block bitmap', 1, descriptors.blockBitmap(group)));
    if (inodeBitmaps.has(group)) descriptors.setInodeBitmap(group, move(context, group, 'inode bitmap', 1, descriptors.inodeBitmap(group)));
    if (inodeTables.has(group)) {
      descriptors.setInodeTable(group, move(context, group, 'inode table', tableBlocks(context.superblock), descriptors.inodeTable(group)));
      context.restart = `the inode table of group ${group} was moved`;
    }
  }
  for (const groups of Object.values(relocations)) groups.clear();
}

/** @returns where it lies now: where it was, when there is no room */
function move(context: CheckContext, group: number, structure: string, count: number, from: number): number {
  const { superblock, tables } = context;
  const { features, raw, groupCount, blockCount, blocksPerGroup, clusterRatio } = superblock;
  const flexBg = (features.incompat & FLEX_BG) !== 0;
  const flexSize = flexBg ? 2 ** raw.s_log_groups_per_flex : 1;
  const firstGroup = Math.floor(group / flexSize) * flexSize;
  const lastGroup = Math.min(firstGroup + flexSize, groupCount) - 1;
  const end = Math.min(superblock.groupStart(lastGroup) + blocksPerGroup, blockCount);
  const to = freeRun(context, superblock.groupStart(firstGroup), end, count) ?? (flexBg ? freeRun(context, superblock.firstDataBlock, blockCount, count) : undefined);
  if (to === undefined) {
    context.problem(PASS1['no-room'], { group, structure, count });
    context.left++;
    return from;
  }
  context.problem(PASS1['moved'], { group, structure, from, to });
  tables.metadata.addRange(to, count);
  const first = Math.floor(to / clusterRatio);
  tables.clustersUsed.addRange(first, Math.floor((to + count - 1) / clusterRatio) - first + 1);
  const block = new Uint8Array(superblock.blockSize);
  for (let i = 0; i < count; i++) {
    block.fill(0);
    if (from !== 0) context.tryRead(from + i, block);
    context.write(to + i, block);
  }
  return to;
}

/** The incompat feature flex_bg. */
const FLEX_BG = 0x200;

function freeRun(context: CheckContext, from: number, end: number, count: number): number | undefined {
  const ratio = context.superblock.clusterRatio;
  const { clustersUsed } = context.tables;
  const clusters = Math.ceil(count / ratio);
  const last = Math.floor(end / ratio);
  for (let cluster = clustersUsed.nextFree(Math.ceil(from / ratio), last); cluster !== undefined && cluster + clusters <= last;) {
    const taken = clustersUsed.next(cluster, cluster + clusters);
    if (taken === undefined) return cluster * ratio;
    cluster = clustersUsed.nextFree(taken, last);
  }
  return undefined;
}
