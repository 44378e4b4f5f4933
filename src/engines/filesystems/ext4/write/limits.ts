import type { Superblock } from '../superblock.ts';

/** EXT_MAX_BLOCKS: logical block numbers of extents have 32 bits. */
const EXTENT_BLOCKS = 0xffffffff;

/** Bytes that the largest file may have (ext4_max_size, ext4_max_bitmap_size). */
export function largestFile({ blockSize, features }: Superblock, hasExtents: boolean): number {
  // Without huge_file, i_blocks counts 2^32 - 1 sectors.
  const sectors = Math.floor(0xffffffff / (blockSize / 512));
  if (hasExtents) return (features.hugeFile ? EXTENT_BLOCKS : Math.min(EXTENT_BLOCKS, sectors)) * blockSize;
  const fan = blockSize / 4;
  const indirect = 1 + (1 + fan) + (1 + fan + fan * fan);
  const blocks = 12 + fan + fan ** 2 + fan ** 3;
  // Block numbers of logical blocks have 32 bits in the kernel here, too.
  return Math.min(blocks, EXTENT_BLOCKS, features.hugeFile ? Infinity : sectors - indirect) * blockSize;
}
