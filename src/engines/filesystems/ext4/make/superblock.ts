import { crc32c } from '../../../codecs/crc32c.ts';
import { Ext4SuperBlock, STATE, SUPERBLOCK_FLAGS, SUPERBLOCK_MAGIC, SUPERBLOCK_SIZE } from '../layout.ts';
import type { Geometry } from './geometry.ts';
import type { Wanted } from './options.ts';

/** DX_HASH_HALF_MD4, what mke2fs takes. */
const HALF_MD4 = 1;

/** EXT4_DEFM_XATTR_USER and EXT4_DEFM_ACL. */
const MOUNT_OPTIONS = 0xc;

/** The first inode that is not reserved: lost+found is it (EXT2_GOOD_OLD_FIRST_INO). */
export const FIRST_INODE = 11;

function high(value: number): number {
  return Math.floor(value / 2 ** 32);
}

/**
 * The primary superblock of a new filesystem, its counts of free blocks and inodes still 0.
 * @param seconds since 1970
 */
export function newSuperblock(geometry: Geometry, wanted: Wanted, seconds: number): Uint8Array {
  const bytes = new Uint8Array(SUPERBLOCK_SIZE);
  const raw = Ext4SuperBlock.at(bytes);
  const { features } = wanted;
  const logBlock = Math.log2(geometry.blockSize) - 10;
  raw.s_inodes_count = geometry.inodesPerGroup * geometry.groupCount;
  raw.s_blocks_count_lo = geometry.blockCount;
  raw.s_blocks_count_hi = high(geometry.blockCount);
  raw.s_r_blocks_count_lo = geometry.reserved;
  raw.s_r_blocks_count_hi = high(geometry.reserved);
  raw.s_first_data_block = geometry.firstDataBlock;
  raw.s_log_block_size = logBlock;
  raw.s_log_cluster_size = logBlock + Math.log2(geometry.clusterRatio);
  raw.s_blocks_per_group = geometry.blocksPerGroup;
  raw.s_clusters_per_group = geometry.blocksPerGroup / geometry.clusterRatio;
  raw.s_inodes_per_group = geometry.inodesPerGroup;
  raw.s_max_mnt_count = 0xffff;
  raw.s_magic = SUPERBLOCK_MAGIC;
  raw.s_state = STATE.valid;
  raw.s_errors = 1;
  raw.s_rev_level = 1;
  raw.s_first_ino = FIRST_INODE;
  raw.s_inode_size = geometry.inodeSize;
  raw.s_feature_compat = features.compat;
  raw.s_feature_incompat = features.incompat;
  raw.s_feature_ro_compat = features.roCompat;
  raw.s_uuid = wanted.uuid;
  raw.s_volume_name = wanted.label;
  raw.s_reserved_gdt_blocks = geometry.reservedDescriptorBlocks;
  const seed = new DataView(wanted.hashSeed.buffer, wanted.hashSeed.byteOffset, 16);
  raw.s_hash_seed = [0, 4, 8, 12].map((at) => seed.getUint32(at, true));
  raw.s_def_hash_version = HALF_MD4;
  raw.s_flags = SUPERBLOCK_FLAGS.signedHash;
  raw.s_desc_size = features.is64Bit ? geometry.descriptorSize : 0;
  raw.s_default_mount_opts = MOUNT_OPTIONS;
  for (const [low, upper] of [['s_mkfs_time', 's_mkfs_time_hi'], ['s_wtime', 's_wtime_hi'], ['s_lastcheck', 's_lastcheck_hi']] as const) {
    raw[low] = seconds;
    raw[upper] = high(seconds);
  }
  if (geometry.inodeSize > 128) {
    raw.s_min_extra_isize = 32;
    raw.s_want_extra_isize = 32;
  }
  raw.s_log_groups_per_flex = Math.log2(geometry.flexGroups);
  if (features.sparseSuper2) raw.s_backup_bgs = [geometry.groupCount > 1 ? 1 : 0, geometry.groupCount > 2 ? geometry.groupCount - 1 : 0];
  if (features.metadataChecksum) raw.s_checksum_type = 1;
  if (features.checksumSeed) raw.s_checksum_seed = crc32c(0xffffffff, wanted.uuid);
  return bytes;
}

/** Puts its checksum into a superblock, where there is one. */
export function sealSuperblock(bytes: Uint8Array, hasChecksum: boolean): void {
  if (hasChecksum) Ext4SuperBlock.at(bytes).s_checksum = crc32c(0xffffffff, bytes, 0, SUPERBLOCK_SIZE - 4);
}
