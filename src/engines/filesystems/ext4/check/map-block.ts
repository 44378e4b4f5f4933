import { BlockMapping } from '../block-map.ts';
import type { Blocks } from '../blocks.ts';
import { isDiskError } from '../../../core/errors.ts';
import { ExtentMapping } from '../extents.ts';
import { I_BLOCK_SIZE, INODE_FLAGS } from '../layout.ts';
import type { Mapping } from '../mapping.ts';
import type { CheckContext } from './context.ts';
import { I_BLOCK_AT } from './extent-walk.ts';
import type { RawInode } from './raw-inode.ts';

/** The blocks of the device as the reading engine wants them. */
export function blocksOf(context: CheckContext): Blocks {
  const { blockSize, blockCount } = context.superblock;
  return { blockSize, count: blockCount, get: (block) => context.block(block), at: (block) => block * blockSize };
}

/** Where an inode's blocks lie, by the reading engine. Checksums are not looked at: pass 1 has seen to them. */
export function mappingOf(context: CheckContext, inode: RawInode): Mapping {
  const blocks = blocksOf(context);
  const root = inode.bytes.slice(I_BLOCK_AT, I_BLOCK_AT + I_BLOCK_SIZE);
  if (!inode.has(INODE_FLAGS.extents)) return new BlockMapping(blocks, inode.number, root);
  return new ExtentMapping({ blocks, inode: inode.number, root, rootAt: context.inodeAt(inode.number) + I_BLOCK_AT, checksumSeed: undefined, note() {} });
}

/** The physical block of a logical one; 0 = a hole, or a map that can't be followed. */
export function mapBlock(context: CheckContext, inode: RawInode, logical: number): number {
  try {
    return mappingOf(context, inode).find(logical).physical ?? 0;
  } catch (error) {
    if (!isDiskError(error)) throw error;
    return 0;
  }
}
