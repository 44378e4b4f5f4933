import { crc32c, crc32cOf32 } from '../../../codecs/crc32c.ts';
import { isDiskError } from '../../../core/errors.ts';
import { Ext4OrphanBlockTail, INODE_FLAGS, ORPHAN_MAGIC, STATE } from '../layout.ts';
import { type CheckContext, firstInode } from './context.ts';
import { deallocateInode } from './deallocate.ts';
import { mapBlocks, type MapRun, readRuns, writeRuns } from './file-map.ts';
import type { RawInode } from './raw-inode.ts';
import { hasBlocks } from './inode-check.ts';
import { PASS0 } from './superblock-problems.ts';

/** The kernel caps orphan files at so many bytes. */
const LARGEST_FILE = 8 << 20;

/**
 * Brings to its end what was begun when the filesystem went down: inodes without a name are freed, those with one are cut to their size
 * (release_orphan_inodes). Not where the kernel has found errors: then the list may say anything, and pass 1 finds the orphans by itself.
 */
export function releaseOrphans(context: CheckContext): void {
  const { superblock, tables, descriptors } = context;
  const { raw, features } = superblock;
  if (raw.s_last_orphan === 0 && !features.orphanPresent) return;
  const list = raw.s_last_orphan;
  if (list !== 0 && context.problem(PASS0['orphan-list'])) {
    raw.s_last_orphan = 0;
    context.superblockChanged = true;
  }
  if ((raw.s_state & STATE.error) !== 0 || context.relocations.inodeTables.size > 0) return;
  const damaged = !releaseList(context, list) || !releaseFile(context);
  if (damaged && raw.s_last_orphan === 0) {
    raw.s_state &= ~STATE.valid;
    context.superblockChanged = true;
  }
  // What was freed is counted at once: the counts are no finding either.
  const { blocksPerGroup, clusterRatio, firstDataBlock, inodesPerGroup } = superblock;
  let clusters = 0;
  for (const cluster of tables.changedClusters.members()) {
    const group = Math.floor((cluster * clusterRatio - firstDataBlock) / blocksPerGroup);
    descriptors.setFreeClusters(group, descriptors.freeClusters(group) + 1);
    clusters++;
  }
  const blocks = superblock.raw.s_free_blocks_count_lo + (features.is64Bit ? superblock.raw.s_free_blocks_count_hi * 2 ** 32 : 0) + clusters * clusterRatio;
  let inodes = 0;
  for (const number of tables.changedInodes.members()) {
    const group = Math.floor((number - 1) / inodesPerGroup);
    descriptors.setFreeInodes(group, descriptors.freeInodes(group) + 1);
    inodes++;
  }
  if (clusters + inodes > 0) {
    raw.s_free_blocks_count_lo = blocks % 2 ** 32;
    if (features.is64Bit) raw.s_free_blocks_count_hi = Math.floor(blocks / 2 ** 32);
    raw.s_free_inodes_count += inodes;
    context.superblockChanged = true;
  }
  // Pass 1 charges what is left from the start.
  for (const [kind, usages] of tables.quota) {
    for (const [id, usage] of usages) context.releasedUsage.push({ kind, id, usage });
    usages.clear();
  }
}

/** The list through i_dtime. @returns false where it is damaged */
function releaseList(context: CheckContext, head: number): boolean {
  const seen = new Set<number>();
  for (let number = head; number !== 0;) {
    if (!isPossible(context, number) || seen.has(number)) {
      context.problem(PASS0['orphan-illegal'], { inode: number });
      return false;
    }
    seen.add(number);
    const next = release(context, number);
    if (next === undefined) return false;
    number = next;
  }
  return true;
}

function isPossible({ superblock }: CheckContext, number: number): boolean {
  return number >= firstInode(superblock) && number <= superblock.inodeCount;
}

/** @returns the next one of the list; undefined where the inode can't be released */
function release(context: CheckContext, number: number): number | undefined {
  try {
    const inode = context.readInode(number);
    const next = inode.raw.i_dtime;
    if (!context.problem(PASS0['orphan'], { inode: number }, context.inodePlace(number))) return next;
    if (next !== 0 && !isPossible(context, next)) {
      context.problem(PASS0['orphan-illegal'], { inode: next });
      return undefined;
    }
    if (inode.raw.i_links_count === 0) {
      if (inode.isDirectory) {
        const group = Math.floor((number - 1) / context.superblock.inodesPerGroup);
        context.descriptors.setUsedDirectories(group, Math.max(0, context.descriptors.usedDirectories(group) - 1));
      }
      const own = takeBlocks(context, inode);
      deallocateInode(context, number);
      // Pass 1 has not begun: nothing is in use yet.
      for (const cluster of own) context.tables.clustersUsed.delete(cluster);
    } else {
      truncate(context, inode);
    }
    return next;
  } catch (error) {
    if (!isDiskError(error)) throw error;
    return undefined;
  }
}

/** Marks the blocks of an inode as in use, so that they can be freed. @returns their clusters */
function takeBlocks(context: CheckContext, inode: RawInode): Set<number> {
  const { clusterRatio } = context.superblock;
  const mapped = hasBlocks(context, inode);
  const clusters = new Set((mapped ? readRuns(context, inode) : []).flatMap((run) => [...clustersOf(run, clusterRatio)]));
  for (const block of [...(mapped ? mapBlocks(context, inode) : []), inode.fileAcl(context.superblock)]) if (block !== 0) clusters.add(Math.floor(block / clusterRatio));
  for (const cluster of clusters) context.tables.clustersUsed.add(cluster);
  return clusters;
}

function truncate(context: CheckContext, inode: RawInode): void {
  const { blockSize, clusterRatio } = context.superblock;
  inode.raw.i_dtime = 0;
  if (inode.has(INODE_FLAGS.inlineData) || (!inode.isRegular && !inode.isDirectory)) {
    context.writeInode(inode);
    return;
  }
  const end = Math.ceil(inode.size / blockSize);
  const runs = readRuns(context, inode);
  const kept: MapRun[] = runs.filter(({ logical }) => logical < end).map((run) => ({ ...run, count: Math.min(run.count, end - run.logical) }));
  const clusters = new Set(kept.flatMap((run) => [...clustersOf(run, clusterRatio)]));
  const freed = new Set(runs.flatMap((run) => [...clustersOf(run, clusterRatio)]).filter((cluster) => !clusters.has(cluster)));
  if (freed.size === 0 || !writeRuns(context, inode, kept, -freed.size * clusterRatio)) {
    context.writeInode(inode);
    return;
  }
  for (const cluster of freed) context.freeBlock(cluster * clusterRatio);
}

function* clustersOf({ physical, count }: MapRun, ratio: number): Iterable<number> {
  for (let cluster = Math.floor(physical / ratio); cluster * ratio < physical + count; cluster++) yield cluster;
}

/** The orphan file: numbers in blocks, each with a checksum (process_orphan_file). @returns false where it is damaged */
function releaseFile(context: CheckContext): boolean {
  const { superblock } = context;
  const { raw, features, blockSize } = superblock;
  if (!features.orphanPresent) return true;
  if (!features.orphanFile) return false;
  const damaged = (reason: string): false => {
    context.problem(PASS0['orphan-file-damaged'], { reason });
    return false;
  };
  const inode = context.readInode(raw.s_orphan_file_inum);
  if (inode.size % blockSize !== 0 || inode.size > LARGEST_FILE) return damaged(`it has ${inode.size} bytes`);
  const seed = inode.seed(superblock);
  let logical = 0;
  for (const run of readRuns(context, inode)) {
    if (run.logical !== logical) return damaged(`it has a hole at block ${logical}`);
    for (let i = 0; i < run.count; i++) {
      const block = context.block(run.physical + i);
      const wrong = blockProblem(superblock.features.metadataChecksum ? seed : undefined, block, run.physical + i);
      if (wrong !== undefined) return damaged(`block ${logical + i}: ${wrong}`);
      const view = new DataView(block.buffer);
      for (let at = 0; at + 4 <= blockSize - Ext4OrphanBlockTail.size; at += 4) {
        const number = view.getUint32(at, true);
        if (number !== 0 && (!isPossible(context, number) || release(context, number) === undefined)) return false;
      }
    }
    logical += run.count;
  }
  return true;
}

function blockProblem(seed: number | undefined, block: Uint8Array, physical: number): string | undefined {
  const tail = Ext4OrphanBlockTail.at(block, block.length - Ext4OrphanBlockTail.size);
  if (tail.ob_magic !== ORPHAN_MAGIC) return 'its magic number is missing';
  if (seed !== undefined && orphanBlockChecksum(seed, block, physical) !== tail.ob_checksum) return 'its checksum is wrong';
  return undefined;
}

function orphanBlockChecksum(seed: number, block: Uint8Array, physical: number): number {
  const numbered = crc32cOf32(crc32cOf32(seed, physical % 2 ** 32), Math.floor(physical / 2 ** 32));
  return crc32c(numbered, block, 0, block.length - Ext4OrphanBlockTail.size);
}

const ORPHAN_PRESENT = 0x10000;

/** After all passes: the orphan file is empty, and so it says (check_init_orphan_file). */
export function emptyOrphanFile(context: CheckContext): void {
  const { superblock } = context;
  const { raw, features, blockSize } = superblock;
  if (!features.orphanFile) {
    if (features.orphanPresent && context.problem(PASS0['orphan-present'])) context.clearFeatures(0, 0, ORPHAN_PRESENT);
    return;
  }
  let cleared = false;
  try {
    const inode = context.readInode(raw.s_orphan_file_inum);
    const seed = inode.seed(superblock);
    for (const run of readRuns(context, inode)) {
      if (run.logical * blockSize >= LARGEST_FILE) break;
      for (let i = 0; i < run.count; i++) {
        const empty = new Uint8Array(blockSize);
        const tail = Ext4OrphanBlockTail.at(empty, blockSize - Ext4OrphanBlockTail.size);
        tail.ob_magic = ORPHAN_MAGIC;
        if (features.metadataChecksum) tail.ob_checksum = orphanBlockChecksum(seed, empty, run.physical + i);
        const there = context.block(run.physical + i);
        if (there.every((byte, at) => byte === empty[at])) continue;
        if (!cleared && !context.problem(PASS0['orphan-file-dirty'], { block: run.logical + i })) return;
        cleared = true;
        context.write(run.physical + i, empty);
      }
    }
  } catch (error) {
    if (!isDiskError(error)) throw error;
    context.problem(PASS0['orphan-file-damaged'], { reason: error.message });
    return;
  }
  if (features.orphanPresent && (cleared || context.problem(PASS0['orphan-present']))) context.clearFeatures(0, 0, ORPHAN_PRESENT);
}
