import type { Limits } from '../../../core/writer.ts';
import type { Superblock } from '../superblock.ts';

const SECOND = 1_000_000_000n;

/** What new inodes can't keep: those of 128 bytes have no room for nanoseconds and for seconds after 2038 (ext4_encode_extra_time). */
export function limitsOf(superblock: Superblock): Limits {
  const wide = superblock.inodeSize > 128;
  return {
    times: { from: -(2n ** 31n) * SECOND, to: (wide ? 2n ** 34n - 2n ** 31n : 2n ** 31n) * SECOND - (wide ? 1n : SECOND), step: wide ? 1n : SECOND },
    largest: largestFile(superblock, superblock.features.extents),
  };
}

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
