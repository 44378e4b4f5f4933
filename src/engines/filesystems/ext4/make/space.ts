import { usage } from '../../../core/errors.ts';
import type { Superblock } from '../superblock.ts';
import { clearRun, countClear, setBits } from '../write/bitmap.ts';
import type { Geometry } from './geometry.ts';

/**
 * Which clusters of a new filesystem are taken. A group's bitmap is made when something beyond its copies of superblock and descriptors is
 * put into it: of a large filesystem most never are.
 */
export class Space {
  readonly #geometry: Geometry;
  readonly #superblock: Superblock;
  readonly #bitmaps = new Map<number, Uint8Array>();

  constructor(geometry: Geometry, superblock: Superblock) {
    this.#geometry = geometry;
    this.#superblock = superblock;
  }

  /** Blocks at the start of a group for the superblock, the descriptors and those kept for more of them. */
  fixedBlocks(group: number): number {
    const { descriptorBlocks, reservedDescriptorBlocks, blockSize, firstDataBlock } = this.#geometry;
    if (!this.#superblock.hasBackup(group)) return 0;
    // Blocks of 1 KiB that are counted from 0 (bigalloc): the superblock is the second.
    const before = group === 0 && blockSize === 1024 && firstDataBlock === 0 ? 1 : 0;
    return before + 1 + descriptorBlocks + reservedDescriptorBlocks;
  }

  /** Blocks that a group has: the last may be short. */
  blocksIn(group: number): number {
    const { blocksPerGroup, blockCount } = this.#geometry;
    return Math.min(blocksPerGroup, blockCount - this.#superblock.groupStart(group));
  }

  /** Whether a group holds nothing but what the kernel puts into a bitmap that was never written (ext4_init_block_bitmap). */
  isUntouched(group: number): boolean {
    return !this.#bitmaps.has(group);
  }

  /** A block of bits, one a cluster; what lies behind the group's end counts as taken. */
  bitmap(group: number): Uint8Array {
    const known = this.#bitmaps.get(group);
    if (known !== undefined) return known;
    const { blockSize, clusterRatio } = this.#geometry;
    const bits = new Uint8Array(blockSize);
    setBits(bits, 0, Math.ceil(this.fixedBlocks(group) / clusterRatio));
    const clusters = Math.ceil(this.blocksIn(group) / clusterRatio);
    setBits(bits, clusters, blockSize * 8 - clusters);
    return bits;
  }

  /** Free clusters of a group. */
  free(group: number): number {
    const bits = this.bitmap(group);
    return countClear(bits, bits.length * 8);
  }

  /**
   * Takes the first `count` free blocks that lie together, from a group on.
   * @throws DiskError usage ENOSPC
   */
  take(count: number, fromGroup: number): number {
    const { clusterRatio, groupCount } = this.#geometry;
    const clusters = Math.ceil(count / clusterRatio);
    for (let i = 0; i < groupCount; i++) {
      const group = (fromGroup + i) % groupCount;
      const bits = this.bitmap(group);
      const { start: at, length } = clearRun(bits, 0, bits.length * 8, clusters);
      if (length < clusters) continue;
      setBits(bits, at, clusters);
      this.#bitmaps.set(group, bits);
      return this.#superblock.groupStart(group) + at * clusterRatio;
    }
    throw usage('ENOSPC', `There is no room for ${count} blocks of tables together`, 'Take larger blocks, fewer inodes or smaller flex groups.');
  }
}
