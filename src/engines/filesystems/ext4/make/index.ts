import type { BlockDevice } from '../../../core/bytes/device.ts';
import { DiskError } from '../../../core/errors.ts';
import type { MakeOptions } from '../../../core/probe.ts';
import { crc32c } from '../../../codecs/crc32c.ts';
import { groupChecksum16, groupChecksum32 } from '../checksum.ts';
import { Ext4GroupDesc, Ext4GroupDesc64, Ext4SuperBlock, GROUP_FLAGS, SUPERBLOCK_AT, SUPERBLOCK_SIZE } from '../layout.ts';
import { Superblock } from '../superblock.ts';
import { decideGeometry, type Geometry } from './geometry.ts';
import { furnish } from './furnish.ts';
import { writeInodes } from './inodes.ts';
import { readOptions } from './options.ts';
import { FIRST_INODE, newSuperblock, sealSuperblock } from './superblock.ts';
import { setBits } from '../write/bitmap.ts';
import { Space } from './space.ts';
import { zero } from './zero.ts';

/** has_journal and resize_inode. */
const NEEDS_INODES = 0x4 | 0x10;

/** Inodes that are taken from the beginning: the reserved ones and lost+found. */
const FIRST_FREE = FIRST_INODE + 1;

/** Where a group's tables lie. Blocks. */
interface Tables {
  readonly blockBitmap: number;
  readonly inodeBitmap: number;
  readonly inodeTable: number;
}

/**
 * Writes an empty ext2, ext3 or ext4 over a whole device, as mke2fs would: superblock with its backups, descriptors, bitmaps and tables here;
 * the root directory, lost+found, the journal and what else has an inode by the writer (furnish.ts).
 * @throws DiskError usage for options that don't go together or don't fit, unsupported for features that can't be made, io
 */
export function makeExt4(device: BlockDevice, options: MakeOptions): void {
  if (!device.write) throw new DiskError({ kind: 'usage', errno: 'EROFS' }, 'The device can only be read');
  const wanted = readOptions(options);
  const geometry = decideGeometry(device.size, wanted);
  const seconds = Number(options.write.now() / 1_000_000_000n);
  const bytes = newSuperblock(geometry, wanted, seconds);
  const superblock = new Superblock(bytes, SUPERBLOCK_AT);
  const space = new Space(geometry, superblock);
  const tables = placeTables(geometry, space);
  zero(device, 0, Math.min(SUPERBLOCK_AT, geometry.blockSize));
  for (const { inodeTable } of tables) zero(device, inodeTable * geometry.blockSize, geometry.tableBlocks * geometry.blockSize);
  writeInodes(device, tables[0]!.inodeTable, superblock, geometry, wanted, options.write.now());
  const descriptors = writeBitmaps(device, geometry, superblock, space, tables, bytes);
  // While the journal and the inode for growing are not there, the superblock must not say that they are.
  const bare = bytes.slice();
  Ext4SuperBlock.at(bare).s_feature_compat &= ~NEEDS_INODES;
  writeHead(device, geometry, superblock, 0, bare, descriptors);
  furnish(device, wanted, geometry, options.write);
  finish(device, geometry, superblock, seconds);
}

/** The copies in other groups, and a superblock of a filesystem that was never mounted: the writer has counted itself as a mount. */
function finish(device: BlockDevice, geometry: Geometry, superblock: Superblock, seconds: number): void {
  const bytes = new Uint8Array(SUPERBLOCK_SIZE);
  device.read(SUPERBLOCK_AT, bytes);
  const raw = Ext4SuperBlock.at(bytes);
  raw.s_mtime = 0;
  raw.s_mtime_hi = 0;
  raw.s_mnt_count = 0;
  raw.s_lastcheck = seconds;
  raw.s_overhead_clusters += Math.ceil(geometry.journalBlocks / geometry.clusterRatio);
  const { blockSize, descriptorBlocks } = geometry;
  const descriptors = new Uint8Array(descriptorBlocks * blockSize);
  device.read((Math.floor(SUPERBLOCK_AT / blockSize) + 1) * blockSize, descriptors);
  for (let group = geometry.groupCount - 1; group >= 0; group--) {
    if (superblock.hasBackup(group)) writeHead(device, geometry, superblock, group, bytes, descriptors);
  }
  device.flush?.();
}

/** Bitmaps and tables, those of a flex group together in its first group. */
function placeTables({ groupCount, flexGroups, tableBlocks }: Geometry, space: Space): Tables[] {
  const all: Tables[] = [];
  for (let first = 0; first < groupCount; first += flexGroups) {
    const count = Math.min(flexGroups, groupCount - first);
    const blockBitmaps = space.take(count, first);
    const inodeBitmaps = space.take(count, first);
    // One after another, not all at once: so many need not lie together, least of all across the backups of the next groups.
    for (let i = 0; i < count; i++) all.push({ blockBitmap: blockBitmaps + i, inodeBitmap: inodeBitmaps + i, inodeTable: space.take(tableBlocks, first) });
  }
  return all;
}

/** Writes the bitmaps, and makes the descriptor table with its counts and checksums; the superblock's counts follow. */
function writeBitmaps(device: BlockDevice, geometry: Geometry, superblock: Superblock, space: Space, tables: readonly Tables[], bytes: Uint8Array): Uint8Array {
  const { blockSize, descriptorSize, descriptorBlocks, groupCount, inodesPerGroup, clusterRatio } = geometry;
  const { features } = superblock;
  const hasFlags = features.metadataChecksum || features.gdtChecksum;
  const table = new Uint8Array(descriptorBlocks * blockSize);
  let freeBlocks = 0;
  for (const [group, { blockBitmap, inodeBitmap, inodeTable }] of tables.entries()) {
    const blockBits = space.bitmap(group);
    const inodeBits = inodeBitmapOf(group, inodesPerGroup, blockSize);
    const reservedInodes = group === 0 ? FIRST_FREE - 1 : 0;
    // What the kernel can make by itself is not written: groups of nothing but copies, except the first and the last.
    const blockUninit = hasFlags && group > 0 && group < groupCount - 1 && space.isUntouched(group);
    const inodeUninit = hasFlags && group > 0;
    const free = space.free(group);
    freeBlocks += free * clusterRatio;
    if (!blockUninit) device.write!(blockBitmap * blockSize, blockBits);
    if (!inodeUninit) device.write!(inodeBitmap * blockSize, inodeBits);
    const raw = descriptorSize >= 64 ? Ext4GroupDesc64.at(table, group * descriptorSize) : undefined;
    const low = Ext4GroupDesc.at(table, group * descriptorSize);
    const set = (name: 'block_bitmap' | 'inode_bitmap' | 'inode_table', block: number): void => {
      low[`bg_${name}_lo`] = block;
      if (raw) raw[`bg_${name}_hi`] = Math.floor(block / 2 ** 32);
    };
    set('block_bitmap', blockBitmap);
    set('inode_bitmap', inodeBitmap);
    set('inode_table', inodeTable);
    low.bg_free_blocks_count_lo = free;
    low.bg_free_inodes_count_lo = inodesPerGroup - reservedInodes;
    // The root and lost+found.
    if (group === 0) low.bg_used_dirs_count_lo = 2;
    if (hasFlags) {
      low.bg_itable_unused_lo = inodesPerGroup - reservedInodes;
      low.bg_flags = (blockUninit ? GROUP_FLAGS.blockUninit : 0) | (inodeUninit ? GROUP_FLAGS.inodeUninit : 0) | GROUP_FLAGS.inodeZeroed;
    }
    if (features.metadataChecksum) {
      const blockSum = blockUninit ? 0 : crc32c(superblock.checksumSeed, blockBits, 0, Math.floor(superblock.raw.s_clusters_per_group / 8));
      const inodeSum = inodeUninit ? 0 : crc32c(superblock.checksumSeed, inodeBits, 0, Math.floor(inodesPerGroup / 8));
      low.bg_block_bitmap_csum_lo = blockSum & 0xffff;
      low.bg_inode_bitmap_csum_lo = inodeSum & 0xffff;
      if (raw) {
        raw.bg_block_bitmap_csum_hi = blockSum >>> 16;
        raw.bg_inode_bitmap_csum_hi = inodeSum >>> 16;
      }
    }
    const one = table.subarray(group * descriptorSize, (group + 1) * descriptorSize);
    if (features.metadataChecksum) low.bg_checksum = groupChecksum32(superblock.checksumSeed, group, one);
    else if (features.gdtChecksum) low.bg_checksum = groupChecksum16(superblock.raw.s_uuid, group, one);
  }
  const head = Ext4SuperBlock.at(bytes);
  head.s_free_blocks_count_lo = freeBlocks;
  head.s_free_blocks_count_hi = Math.floor(freeBlocks / 2 ** 32);
  head.s_free_inodes_count = inodesPerGroup * groupCount - (FIRST_FREE - 1);
  head.s_overhead_clusters = Math.min(0xffffffff, Math.ceil((geometry.blockCount - freeBlocks) / clusterRatio));
  return table;
}

/** The taken inodes in the first group; what lies behind the last inode counts as taken. */
function inodeBitmapOf(group: number, inodesPerGroup: number, blockSize: number): Uint8Array {
  const bits = new Uint8Array(blockSize);
  if (group === 0) setBits(bits, 0, FIRST_FREE - 1);
  setBits(bits, inodesPerGroup, blockSize * 8 - inodesPerGroup);
  return bits;
}

/** Superblock and descriptors at the start of a group. */
function writeHead(device: BlockDevice, { blockSize }: Geometry, superblock: Superblock, group: number, bytes: Uint8Array, descriptors: Uint8Array): void {
  const copy = bytes.slice();
  const raw = Ext4SuperBlock.at(copy);
  raw.s_block_group_nr = group;
  // Whoever comes to need a copy should check what it describes (lib/ext2fs/closefs.c).
  if (group > 0) raw.s_state = 0;
  sealSuperblock(copy, superblock.features.metadataChecksum);
  const block = group === 0 ? Math.floor(SUPERBLOCK_AT / blockSize) : superblock.groupStart(group);
  device.write!(group === 0 ? SUPERBLOCK_AT : block * blockSize, copy);
  device.write!((block + 1) * blockSize, descriptors);
}
