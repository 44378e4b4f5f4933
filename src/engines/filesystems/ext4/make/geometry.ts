import { usage } from '../../../core/errors.ts';
import { type Wanted, wrong } from './options.ts';

const MIB = 1024 * 1024;

/** The numbers of a new filesystem. In blocks unless said otherwise. */
export interface Geometry {
  /** Bytes. */
  readonly blockSize: number;
  /** Blocks a cluster. */
  readonly clusterRatio: number;
  readonly blockCount: number;
  readonly firstDataBlock: number;
  readonly blocksPerGroup: number;
  readonly groupCount: number;
  readonly inodesPerGroup: number;
  /** Bytes. */
  readonly inodeSize: number;
  /** Bytes. */
  readonly descriptorSize: number;
  readonly descriptorBlocks: number;
  readonly reservedDescriptorBlocks: number;
  /** Blocks of one group's inode table. */
  readonly tableBlocks: number;
  /** Groups whose tables lie together; 1 = each has its own. */
  readonly flexGroups: number;
  readonly reserved: number;
  /** 0 = none. */
  readonly journalBlocks: number;
}

/** Blocks that a last group must have beyond its own tables, else it is left out (lib/ext2fs/initialize.c). */
const LEAST_IN_LAST_GROUP = 50;

/**
 * Decides as mke2fs does (misc/mke2fs.c, lib/ext2fs/initialize.c): small filesystems get small blocks and more inodes.
 * @param bytes of the device
 * @throws DiskError usage where it can't be done
 */
export function decideGeometry(bytes: number, wanted: Wanted): Geometry {
  const { features, inodeSize } = wanted;
  const [usualBlock, usualRatio] = bytes < 512 * MIB ? [1024, bytes < 3 * MIB ? 8192 : 4096] : [4096, bytes < 4 * MIB * MIB ? 16_384 : bytes < 16 * MIB * MIB ? 32_768 : 65_536];
  const blockSize = wanted.blockSize ?? usualBlock;
  if (inodeSize > blockSize) throw wrong(`An inode of ${inodeSize} bytes does not fit a block of ${blockSize}`);
  if (inodeSize === 128 && features.inlineData) throw wrong('inline_data needs inodes of 256 bytes or more');
  const clusterRatio = clusterRatioOf(wanted, blockSize);
  // With bigalloc the first of such small groups begins a block later than the others, and the inode for growing can't say so.
  if (clusterRatio > 1 && blockSize === 1024 && (features.compat & 0x10) !== 0) throw wrong('bigalloc with blocks of 1 KiB can not have resize_inode');
  const firstDataBlock = blockSize === 1024 && clusterRatio === 1 ? 1 : 0;
  const descriptorSize = features.is64Bit ? 64 : 32;
  let blockCount = Math.floor(bytes / blockSize);
  if (clusterRatio > 1) blockCount -= blockCount % clusterRatio;
  if (!features.is64Bit && blockCount > 0xffffffff) throw usage('EFBIG', `${blockCount} blocks need the 64bit feature, or larger blocks`);
  // s_clusters_per_group: a multiple of 8 that 16 bits of a free count can hold.
  const blocksPerGroup = Math.min(blockSize * 8, 65_528) * clusterRatio;
  for (;;) {
    if (blockCount < firstDataBlock + 8) throw usage('ENOSPC', `${bytes} bytes are too few for a filesystem`);
    const groupCount = Math.ceil((blockCount - firstDataBlock) / blocksPerGroup);
    const descriptorBlocks = Math.ceil((groupCount * descriptorSize) / blockSize);
    const inodesPerGroup = inodesPerGroupOf(wanted, bytes, wanted.bytesPerInode ?? usualRatio, groupCount, blockSize);
    const tableBlocks = Math.ceil((inodesPerGroup * inodeSize) / blockSize);
    const reservedDescriptorBlocks = (features.compat & 0x10) === 0 ? 0 : reservedDescriptors(blockCount, firstDataBlock, blocksPerGroup, blockSize, descriptorSize, descriptorBlocks);
    const inLast = (blockCount - firstDataBlock) % blocksPerGroup;
    const overhead = 3 + descriptorBlocks + reservedDescriptorBlocks + tableBlocks;
    if (groupCount === 1 && blockCount < overhead + 16) throw usage('ENOSPC', `${bytes} bytes are too few: the tables alone take ${overhead} blocks of ${blockSize} bytes`);
    if (groupCount > 1 && inLast > 0 && inLast < overhead + LEAST_IN_LAST_GROUP) {
      blockCount -= inLast;
      continue;
    }
    const reserved = Math.floor((blockCount * wanted.reservedPercent) / 100);
    return {
      blockSize, clusterRatio, blockCount, firstDataBlock, blocksPerGroup, groupCount, inodesPerGroup, inodeSize, descriptorSize, descriptorBlocks, reservedDescriptorBlocks, tableBlocks,
      flexGroups: (features.incompat & 0x200) === 0 ? 1 : wanted.flexGroups, reserved, journalBlocks: features.hasJournal ? journalOf(wanted, blockSize, blockCount) : 0,
    };
  }
}

function clusterRatioOf({ features, clusterSize }: Wanted, blockSize: number): number {
  if (!features.bigalloc) {
    if (clusterSize !== undefined) throw wrong('cluster-size needs the feature bigalloc');
    return 1;
  }
  const size = clusterSize ?? blockSize * 16;
  if (size <= blockSize) throw wrong(`A cluster of ${size} bytes is no larger than a block`);
  return size / blockSize;
}

/** The reserved inodes and lost+found lie in the first group, whatever number of groups there is; a multiple of 8. */
const LEAST_INODES = 16;

/** Whole blocks of inodes, a multiple of 8, at most what a bitmap of one block counts. */
function inodesPerGroupOf(wanted: Wanted, bytes: number, ratio: number, groups: number, blockSize: number): number {
  const inodes = Math.max(wanted.inodes ?? Math.floor(bytes / ratio), 16);
  const aBlock = Math.max(8, blockSize / wanted.inodeSize);
  const each = Math.ceil(Math.max(Math.ceil(inodes / groups), LEAST_INODES) / aBlock) * aBlock;
  const most = Math.min(blockSize * 8, 65_528);
  const limit = Math.floor(Math.min(most, Math.floor(0xffffffff / groups)) / aBlock) * aBlock;
  if ((wanted.inodes !== undefined && each > limit) || limit < LEAST_INODES) throw usage('ENOSPC', `${wanted.inodes ?? each * groups} inodes are more than ${groups} groups can hold`);
  return Math.min(each, limit);
}

/** Blocks kept so that the filesystem can grow a thousandfold (calc_reserved_gdt_blocks). */
function reservedDescriptors(blocks: number, first: number, perGroup: number, blockSize: number, descriptorSize: number, descriptorBlocks: number): number {
  const most = Math.min(0xffffffff, blocks * 1024);
  const groups = Math.ceil((most - first) / perGroup);
  return Math.max(0, Math.min(Math.ceil(groups / (blockSize / descriptorSize)) - descriptorBlocks, blockSize / 4));
}

/** Blocks of the journal by the size of the filesystem (ext2fs_default_journal_size), none where it would take more than half. */
function journalOf({ journalBytes }: Wanted, blockSize: number, blocks: number): number {
  const steps: readonly (readonly [below: number, size: number])[] = [[32_768, 1024], [256 * 1024, 4096], [512 * 1024, 8192], [4096 * 1024, 16_384], [8192 * 1024, 32_768], [16_384 * 1024, 65_536], [32_768 * 1024, 131_072]];
  const size = journalBytes === undefined ? (steps.find(([below]) => blocks < below)?.[1] ?? 262_144) : Math.floor(journalBytes / blockSize);
  if (journalBytes === undefined && blocks < 2048) return 0;
  if (size < 1024) throw wrong(`A journal has at least 1024 blocks: ${Math.ceil(blockSize / 1024)} MiB here`);
  if (size > blocks / 2) throw usage('ENOSPC', `A journal of ${size} blocks would take more than half of ${blocks}`, 'Leave the journal out (^has_journal) or make it smaller.');
  return size;
}
