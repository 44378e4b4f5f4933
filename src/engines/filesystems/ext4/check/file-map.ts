import { crc32c } from '../../../codecs/crc32c.ts';
import { isDiskError } from '../../../core/errors.ts';
import { BlockMapping } from '../block-map.ts';
import type { Blocks } from '../blocks.ts';
import { ExtentMapping } from '../extents.ts';
import { EXTENT_INIT_MAX, EXTENT_MAGIC, I_BLOCK_SIZE, INODE_FLAGS } from '../layout.ts';
import { type Mapping, mappedRuns } from '../mapping.ts';
import { type CheckContext, firstInode } from './context.ts';
import { putU16, putU32, u16, u32 } from './dir-block.ts';
import type { RawInode } from './raw-inode.ts';

/** The blocks of one inode, to be read as runs and written anew as a whole: for directories that repairs change. */

/** Blocks that lie together. */
export interface MapRun {
  readonly logical: number;
  readonly physical: number;
  readonly count: number;
  readonly unwritten: boolean;
}

const I_BLOCK_AT = 40;
const HEADER = 12;
const ENTRY = 12;
const ROOT_ENTRIES = 4;
const DIRECT = 12;
const ROOT = 2;
/** EXT4_MAX_EXTENT_DEPTH; and what damaged or crafted trees may have, as pass 1 walks them. */
const MAX_DEPTH = 5;
const DEEPEST = 8;

/** The filesystem's blocks as the repairs so far leave them. */
function checkedBlocks(context: CheckContext): Blocks {
  const { blockSize, blockCount } = context.superblock;
  return { blockSize, count: blockCount, get: (block) => context.block(block), at: (block) => block * blockSize };
}

/** Where an inode's blocks lie. @throws DiskError corrupt: pass 1 has made maps sound, or has left what nobody wanted repaired */
export function mappingOf(context: CheckContext, inode: RawInode): Mapping {
  const root = iBlock(inode);
  const blocks = checkedBlocks(context);
  if (!inode.has(INODE_FLAGS.extents)) return new BlockMapping(blocks, inode.number, root);
  return new ExtentMapping({ blocks, inode: inode.number, root, rootAt: context.inodeAt(inode.number) + I_BLOCK_AT, checksumSeed: undefined, note: () => {} });
}

/** The block of a file at `logical`; undefined for holes, and where the map is damaged. */
export function blockAt(context: CheckContext, inode: RawInode, logical: number): number | undefined {
  if (inode.has(INODE_FLAGS.inlineData)) return undefined;
  try {
    return mappingOf(context, inode).find(logical).physical;
  } catch (error) {
    if (!isDiskError(error)) throw error;
    return undefined;
  }
}

/** All mapped blocks in order. @throws DiskError corrupt */
export function readRuns(context: CheckContext, inode: RawInode): MapRun[] {
  return inode.has(INODE_FLAGS.inlineData) ? [] : [...mappedRuns(mappingOf(context, inode))];
}

/** The blocks that hold the map itself, deepest first. Bounded: each is followed once. @throws DiskError corrupt, io */
export function mapBlocks(context: CheckContext, inode: RawInode): number[] {
  const found = new Set<number>();
  const { blockSize, blockCount } = context.superblock;
  const root = iBlock(inode);
  if (inode.has(INODE_FLAGS.inlineData)) return [];
  if (inode.has(INODE_FLAGS.extents)) {
    const walk = (bytes: Uint8Array, depth: number): void => {
      if (u16(bytes, 0) !== EXTENT_MAGIC || u16(bytes, 6) !== depth || depth === 0) return;
      const entries = Math.min(u16(bytes, 2), Math.floor((bytes.length - HEADER) / ENTRY));
      for (let i = 0; i < entries; i++) {
        const block = u32(bytes, HEADER + i * ENTRY + 4) + u16(bytes, HEADER + i * ENTRY + 8) * 2 ** 32;
        if (block === 0 || block >= blockCount || found.has(block)) continue;
        found.add(block);
        walk(context.block(block), depth - 1);
      }
    };
    walk(root, Math.min(u16(root, 6), DEEPEST));
  } else {
    const walk = (block: number, levels: number): void => {
      if (block === 0 || block >= blockCount || found.has(block)) return;
      found.add(block);
      if (levels === 0) return;
      const bytes = context.block(block);
      for (let at = 0; at < blockSize; at += 4) walk(u32(bytes, at), levels - 1);
    };
    for (let level = 0; level < 3; level++) walk(u32(root, (DIRECT + level) * 4), level);
  }
  return [...found].toReversed();
}

/**
 * Maps an inode's blocks anew: the blocks of the map are taken from the ones that it had, then from free ones. i_blocks and the quota
 * follow the map; `inode` is written.
 * @param runs in order of their logical blocks; they are allocated already
 * @param dataBlocks by how many blocks there are more (or, negative, fewer) of them than before
 * @returns false when there is no space for the map: nothing was changed then
 */
export function writeRuns(context: CheckContext, inode: RawInode, runs: readonly MapRun[], dataBlocks: number): boolean {
  const { superblock } = context;
  const { clusterRatio, blockSize } = superblock;
  const old = mapBlocks(context, inode);
  const spare = [...old];
  const taken: number[] = [];
  const goal = runs[0]?.physical ?? 0;
  const take = (): number | undefined => {
    const block = spare.shift() ?? context.allocateBlock(goal);
    if (block !== undefined) taken.push(block);
    return block;
  };
  const before = inode.bytes.slice(I_BLOCK_AT, I_BLOCK_AT + I_BLOCK_SIZE);
  const pieces: { readonly block: number; readonly bytes: Uint8Array }[] = [];
  const done = inode.has(INODE_FLAGS.extents) ? buildExtents(inode, blockSize, runs, take, pieces) : buildNumbers(inode, blockSize, runs, take, pieces);
  if (!done) {
    inode.bytes.set(before, I_BLOCK_AT);
    for (const block of taken) if (!old.includes(block)) context.freeBlock(block);
    return false;
  }
  const seed = superblock.features.metadataChecksum && inode.has(INODE_FLAGS.extents) ? inode.seed(superblock) : undefined;
  for (const { block, bytes } of pieces) {
    if (seed !== undefined) {
      const tail = HEADER + u16(bytes, 4) * ENTRY;
      putU32(bytes, tail, crc32c(seed, bytes, 0, tail));
    }
    context.write(block, bytes);
  }
  for (const block of spare) context.freeBlock(block);
  addBlocks(context, inode, (dataBlocks + (taken.length - old.length) * clusterRatio) * blockSize);
  context.writeInode(inode);
  return true;
}

/** i_blocks and quota of an inode that has `bytes` more. */
export function addBlocks(context: CheckContext, inode: RawInode, bytes: number): void {
  const unit = context.superblock.features.hugeFile && inode.has(INODE_FLAGS.hugeFile) ? context.superblock.blockSize : 512;
  const high = context.superblock.features.hugeFile ? inode.raw.i_blocks_high * 2 ** 32 : 0;
  const count = Math.max(0, inode.raw.i_blocks_lo + high + bytes / unit);
  inode.raw.i_blocks_lo = count % 2 ** 32;
  if (context.superblock.features.hugeFile) inode.raw.i_blocks_high = Math.floor(count / 2 ** 32);
  if (isCharged(context, inode)) context.charge(inode, bytes, 0);
}

/** Whether an inode counts for its owner's quota: the filesystem's own files belong to nobody. */
export function isCharged(context: CheckContext, inode: RawInode): boolean {
  const { superblock } = context;
  const { s_prj_quota_inum: projects, s_orphan_file_inum: orphans } = superblock.raw;
  const { number } = inode;
  return (number === ROOT || number >= firstInode(superblock)) && number !== projects && number !== orphans && !inode.has(INODE_FLAGS.eaInode);
}

function iBlock(inode: RawInode): Uint8Array {
  return inode.bytes.subarray(I_BLOCK_AT, I_BLOCK_AT + I_BLOCK_SIZE);
}

type Take = () => number | undefined;
type Pieces = { readonly block: number; readonly bytes: Uint8Array }[];

/** An extent tree over the runs, its leaves filled one after another. */
function buildExtents(inode: RawInode, blockSize: number, runs: readonly MapRun[], take: Take, pieces: Pieces): boolean {
  const room = Math.floor((blockSize - HEADER) / ENTRY);
  // One entry each: 12 bytes as they stand on disk, and the first logical block is their first word.
  let level = runs.flatMap(extentsOf);
  let depth = 0;
  while (level.length > ROOT_ENTRIES) {
    const above: Uint8Array[] = [];
    for (let from = 0; from < level.length; from += room) {
      const block = take();
      if (block === undefined || depth === MAX_DEPTH) return false;
      const bytes = new Uint8Array(blockSize);
      putNode(bytes, level.slice(from, from + room), room, depth);
      pieces.push({ block, bytes });
      const entry = new Uint8Array(ENTRY);
      putU32(entry, 0, u32(level[from]!, 0));
      putU32(entry, 4, block % 2 ** 32);
      putU16(entry, 8, Math.floor(block / 2 ** 32));
      above.push(entry);
    }
    level = above;
    depth++;
  }
  const root = iBlock(inode);
  root.fill(0);
  putNode(root, level, ROOT_ENTRIES, depth);
  return true;
}

function putNode(bytes: Uint8Array, entries: readonly Uint8Array[], room: number, depth: number): void {
  putU16(bytes, 0, EXTENT_MAGIC);
  putU16(bytes, 2, entries.length);
  putU16(bytes, 4, room);
  putU16(bytes, 6, depth);
  for (const [i, entry] of entries.entries()) bytes.set(entry, HEADER + i * ENTRY);
}

function extentsOf(run: MapRun): Uint8Array[] {
  const most = run.unwritten ? EXTENT_INIT_MAX - 1 : EXTENT_INIT_MAX;
  const extents: Uint8Array[] = [];
  for (let done = 0; done < run.count; done += most) {
    const count = Math.min(most, run.count - done);
    const entry = new Uint8Array(ENTRY);
    putU32(entry, 0, run.logical + done);
    putU16(entry, 4, run.unwritten ? count + EXTENT_INIT_MAX : count);
    putU16(entry, 6, Math.floor((run.physical + done) / 2 ** 32));
    putU32(entry, 8, (run.physical + done) % 2 ** 32);
    extents.push(entry);
  }
  return extents;
}

/** Block numbers, direct and indirect. */
function buildNumbers(inode: RawInode, blockSize: number, runs: readonly MapRun[], take: Take, pieces: Pieces): boolean {
  const root = iBlock(inode);
  root.fill(0);
  const fan = blockSize / 4;
  const nodes = new Map<number, Uint8Array>();
  /** The block of numbers that `holder` names at `at`, made where there is none. */
  const below = (holder: Uint8Array, at: number): Uint8Array | undefined => {
    const there = u32(holder, at);
    if (there !== 0) return nodes.get(there);
    const block = take();
    if (block === undefined) return undefined;
    const bytes = new Uint8Array(blockSize);
    nodes.set(block, bytes);
    pieces.push({ block, bytes });
    putU32(holder, at, block);
    return bytes;
  };
  for (const run of runs) {
    for (let i = 0; i < run.count; i++) {
      let logical = run.logical + i;
      if (logical < DIRECT) {
        putU32(root, logical * 4, run.physical + i);
        continue;
      }
      logical -= DIRECT;
      let level = 0;
      let width = fan;
      while (logical >= width && level < 2) {
        logical -= width;
        width *= fan;
        level++;
      }
      if (logical >= width) return false;
      let holder = below(root, (DIRECT + level) * 4);
      for (; holder !== undefined && level > 0; level--) {
        width /= fan;
        const index = Math.floor(logical / width);
        logical %= width;
        holder = below(holder, index * 4);
      }
      if (holder === undefined) return false;
      putU32(holder, logical * 4, run.physical + i);
    }
  }
  return true;
}
