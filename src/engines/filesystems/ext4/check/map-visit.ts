import { crc32c } from '../../../codecs/crc32c.ts';
import { EXTENT_INIT_MAX, I_BLOCK_SIZE, INODE_FLAGS } from '../layout.ts';
import type { CheckContext } from './context.ts';
import { I_BLOCK_AT, isExtentHeader } from './extent-walk.ts';
import { hasBlocks } from './inode-check.ts';
import { BAD_BLOCKS_INODE } from './metadata.ts';
import type { RawInode } from './raw-inode.ts';

/** What is told of an inode's map, in its order. */
export interface MapVisitor {
  /** A block of the map itself. @returns the block that takes its place: its contents were copied there already */
  node(block: number): number;
  /** Blocks of contents. @returns for single blocks (not of extents) the one that takes its place */
  data(logical: number, block: number, count: number, unwritten: boolean): number;
}

const DIRECT = 12;
const HEADER = 12;
const ENTRY = 12;
const DEEPEST = 8;

/**
 * Visits an inode's map as it lies there, sound or not: what can't be read is left out. Each block of a map is visited once, however often it is
 * named. Replaced numbers are written, the inode itself by the caller.
 * @returns whether i_block was changed
 */
export function visitMap(context: CheckContext, inode: RawInode, visitor: MapVisitor): boolean {
  // The list of bad blocks has a map, and is no kind of file.
  if (inode.number !== BAD_BLOCKS_INODE && !hasBlocks(context, inode)) return false;
  const seen = new Set<number>();
  return inode.has(INODE_FLAGS.extents) ? visitExtents(context, inode, visitor, seen) : visitNumbers(context, inode, visitor, seen);
}

function visitExtents(context: CheckContext, inode: RawInode, visitor: MapVisitor, seen: Set<number>): boolean {
  const { superblock } = context;
  const seed = inode.seed(superblock);
  const depth = inode.view.getUint16(I_BLOCK_AT + 6, true);
  if (!isExtentHeader(inode.view, I_BLOCK_AT, I_BLOCK_SIZE) || depth > DEEPEST) return false;
  const visit = (view: DataView, at: number, level: number): boolean => {
    let changed = false;
    for (let i = 0; i < view.getUint16(at + 2, true); i++) {
      const entry = at + HEADER + i * ENTRY;
      if (level === depth) {
        const length = view.getUint16(entry + 4, true);
        visitor.data(view.getUint32(entry, true), view.getUint32(entry + 8, true) + view.getUint16(entry + 6, true) * 2 ** 32, length > EXTENT_INIT_MAX ? length - EXTENT_INIT_MAX : length, length > EXTENT_INIT_MAX);
        continue;
      }
      const block = view.getUint32(entry + 4, true) + view.getUint16(entry + 8, true) * 2 ** 32;
      if (seen.has(block) || !(block > 0 && block < superblock.blockCount)) continue;
      seen.add(block);
      const now = visitor.node(block);
      if (now !== block) {
        view.setUint32(entry + 4, now % 2 ** 32, true);
        view.setUint16(entry + 8, Math.floor(now / 2 ** 32), true);
        changed = true;
      }
      const bytes = new Uint8Array(superblock.blockSize);
      const inner = new DataView(bytes.buffer);
      if (!context.tryRead(now, bytes) || !isExtentHeader(inner, 0, bytes.length)) continue;
      if (!visit(inner, 0, level + 1)) continue;
      const tail = HEADER + inner.getUint16(4, true) * ENTRY;
      if (superblock.features.metadataChecksum && tail + 4 <= bytes.length) inner.setUint32(tail, crc32c(seed, bytes, 0, tail), true);
      context.write(now, bytes);
    }
    return changed;
  };
  return visit(inode.view, I_BLOCK_AT, 0);
}

function visitNumbers(context: CheckContext, inode: RawInode, visitor: MapVisitor, seen: Set<number>): boolean {
  const { blockSize, blockCount } = context.superblock;
  const perBlock = blockSize / 4;
  const slot = (view: DataView, at: number, logical: number, level: number): boolean => {
    const block = view.getUint32(at, true);
    if (!(block > 0 && block < blockCount) || (level > 0 && seen.has(block))) return false;
    const now = level > 0 ? visitor.node(block) : visitor.data(logical, block, 1, false);
    if (now !== block) view.setUint32(at, now, true);
    if (level > 0) {
      seen.add(block);
      const bytes = new Uint8Array(blockSize);
      if (context.tryRead(now, bytes)) {
        const inner = new DataView(bytes.buffer);
        let changed = false;
        for (let i = 0; i < perBlock; i++) if (slot(inner, i * 4, logical + i * perBlock ** (level - 1), level - 1)) changed = true;
        if (changed) context.write(now, bytes);
      }
    }
    return now !== block;
  };
  let changed = false;
  for (let i = 0; i < DIRECT; i++) if (slot(inode.view, I_BLOCK_AT + i * 4, i, 0)) changed = true;
  let logical = DIRECT;
  for (let level = 1; level <= 3; level++) {
    if (slot(inode.view, I_BLOCK_AT + (DIRECT + level - 1) * 4, logical, level)) changed = true;
    logical += perBlock ** level;
  }
  return changed;
}
