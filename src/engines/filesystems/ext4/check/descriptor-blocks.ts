import type { Superblock } from '../superblock.ts';
import { Bits } from './bits.ts';
import type { CheckContext } from './context.ts';
import { Descriptors } from './descriptors.ts';
import { ownBlocks, tableBlocks } from './metadata.ts';

/** The incompat feature flex_bg: bitmaps and tables may lie in another group than their own. */
export const FLEX_BG = 0x200;

/**
 * The descriptors as they lie on the device; those that can't be read are zeros.
 * @param group whose copy: 0 = the primary
 */
export function readDescriptors(context: CheckContext, group = 0): Descriptors {
  const { superblock } = context;
  const { blockSize, descriptorsPerBlock, groupCount, descriptorSize } = superblock;
  const blocks = Math.ceil(groupCount / descriptorsPerBlock);
  const bytes = new Uint8Array(blocks * blockSize);
  for (let index = 0; index < blocks; index++) context.tryRead(descriptorBlock(superblock, index, group), bytes.subarray(index * blockSize, (index + 1) * blockSize));
  return new Descriptors(superblock, bytes.subarray(0, groupCount * descriptorSize));
}

/** Where a copy of a block of descriptors lies (ext2fs_descriptor_block_loc2). */
export function descriptorBlock(superblock: Superblock, index: number, backup = 0): number {
  const { blockSize, features, raw, descriptorsPerBlock, blockCount, blocksPerGroup, firstDataBlock } = superblock;
  const shift = blockSize === 1024 && firstDataBlock === 0 ? 1 : 0;
  if (!features.metaBg || index < raw.s_first_meta_bg) {
    return (backup === 0 ? Math.floor(1024 / blockSize) : superblock.groupStart(backup)) + 1 + index;
  }
  const group = index * descriptorsPerBlock;
  const block = superblock.groupStart(group) + (superblock.hasBackup(group) ? 1 : 0) + (group === 0 ? shift : 0);
  // The copy is in the next group.
  return backup !== 0 && block + blocksPerGroup < blockCount ? superblock.groupStart(group + 1) + (superblock.hasBackup(group + 1) ? 1 : 0) : block;
}

/** Writes the descriptors to their places, and to those of their copies where they must be the same. */
export function writeDescriptors(context: CheckContext): void {
  const { superblock, descriptors } = context;
  descriptors.seal();
  const { blockSize, descriptorsPerBlock, descriptorSize, features, raw, groupCount } = superblock;
  const end = descriptors.count * descriptorSize;
  for (let index = 0; index * descriptorsPerBlock < descriptors.count; index++) {
    const part = descriptors.bytes.subarray(index * blockSize, Math.min((index + 1) * blockSize, end));
    const places = new Set([descriptorBlock(superblock, index)]);
    if (context.backupsToo || context.usedBackup) {
      const inMeta = features.metaBg && index >= raw.s_first_meta_bg;
      if (inMeta) {
        for (const group of [1, descriptorsPerBlock - 1].map((offset) => index * descriptorsPerBlock + offset)) {
          if (group < groupCount) places.add(superblock.groupStart(group) + (superblock.hasBackup(group) ? 1 : 0));
        }
      } else {
        for (let group = 1; group < groupCount; group++) if (superblock.hasBackup(group)) places.add(superblock.groupStart(group) + 1 + index);
      }
    }
    for (const place of places) {
      const block = new Uint8Array(blockSize);
      if (!context.tryRead(place, block)) continue;
      block.set(part);
      context.write(place, block);
    }
  }
}

/** Whether all bitmaps and tables lie where they may, and none on top of another (ext2fs_check_desc). */
export function areDescriptorsSane(context: CheckContext): boolean {
  const { superblock, descriptors } = context;
  const taken = new Bits(superblock.blockCount);
  for (let group = 0; group < superblock.groupCount; group++) for (const { block, count } of ownBlocks(superblock, group)) taken.addRange(block, count);
  const length = tableBlocks(superblock);
  for (let group = 0; group < superblock.groupCount; group++) {
    const { first, last } = bounds(superblock, group);
    for (const block of [descriptors.blockBitmap(group), descriptors.inodeBitmap(group)]) if (block < first || block > last || taken.test(block)) return false;
    const table = descriptors.inodeTable(group);
    if (table < first || table + length - 1 > last || !taken.addRange(table, length)) return false;
  }
  return true;
}

/** The blocks that a group's bitmaps and table may lie in. */
export function bounds(superblock: Superblock, group: number): { readonly first: number; readonly last: number } {
  const { firstDataBlock, blockCount, blocksPerGroup, features } = superblock;
  if ((features.incompat & FLEX_BG) !== 0) return { first: firstDataBlock, last: blockCount - 1 };
  const first = superblock.groupStart(group);
  return { first, last: Math.min(first + blocksPerGroup, blockCount) - 1 };
}
