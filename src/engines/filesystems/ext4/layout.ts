import { bytes, i32, struct, u16, u32, u32s, u64, u8, type View } from '../../core/layout/struct.ts';

/**
 * On-disk structures of ext2, ext3 and ext4, with the field names of the Linux kernel (fs/ext4/ext4.h, ext4_extents.h) and of its
 * documentation (Documentation/filesystems/ext4). Little-endian. Directories, attributes and the journal have files of their own.
 */

/** struct ext4_super_block: 1024 bytes at byte 1024 of the filesystem, and at the start of the groups that hold a backup. */
export const Ext4SuperBlock = struct('ext4_super_block', 1024, {
  s_inodes_count: u32(0x0),
  s_blocks_count_lo: u32(0x4),
  s_r_blocks_count_lo: u32(0x8),
  s_free_blocks_count_lo: u32(0xc),
  s_free_inodes_count: u32(0x10),
  s_first_data_block: u32(0x14),
  s_log_block_size: u32(0x18),
  s_log_cluster_size: u32(0x1c),
  s_blocks_per_group: u32(0x20),
  s_clusters_per_group: u32(0x24),
  s_inodes_per_group: u32(0x28),
  s_mtime: u32(0x2c),
  s_wtime: u32(0x30),
  s_mnt_count: u16(0x34),
  s_max_mnt_count: u16(0x36),
  s_magic: u16(0x38),
  s_state: u16(0x3a),
  s_errors: u16(0x3c),
  s_minor_rev_level: u16(0x3e),
  s_lastcheck: u32(0x40),
  s_checkinterval: u32(0x44),
  s_creator_os: u32(0x48),
  s_rev_level: u32(0x4c),
  s_def_resuid: u16(0x50),
  s_def_resgid: u16(0x52),
  s_first_ino: u32(0x54),
  s_inode_size: u16(0x58),
  s_block_group_nr: u16(0x5a),
  s_feature_compat: u32(0x5c),
  s_feature_incompat: u32(0x60),
  s_feature_ro_compat: u32(0x64),
  s_uuid: bytes(0x68, 16),
  s_volume_name: bytes(0x78, 16),
  s_last_mounted: bytes(0x88, 64),
  s_algorithm_usage_bitmap: u32(0xc8),
  s_prealloc_blocks: u8(0xcc),
  s_prealloc_dir_blocks: u8(0xcd),
  s_reserved_gdt_blocks: u16(0xce),
  s_journal_uuid: bytes(0xd0, 16),
  s_journal_inum: u32(0xe0),
  s_journal_dev: u32(0xe4),
  s_last_orphan: u32(0xe8),
  s_hash_seed: u32s(0xec, 4),
  s_def_hash_version: u8(0xfc),
  s_jnl_backup_type: u8(0xfd),
  s_desc_size: u16(0xfe),
  s_default_mount_opts: u32(0x100),
  s_first_meta_bg: u32(0x104),
  s_mkfs_time: u32(0x108),
  s_jnl_blocks: u32s(0x10c, 17),
  s_blocks_count_hi: u32(0x150),
  s_r_blocks_count_hi: u32(0x154),
  s_free_blocks_count_hi: u32(0x158),
  s_min_extra_isize: u16(0x15c),
  s_want_extra_isize: u16(0x15e),
  s_flags: u32(0x160),
  s_raid_stride: u16(0x164),
  s_mmp_update_interval: u16(0x166),
  s_mmp_block: u64(0x168),
  s_raid_stripe_width: u32(0x170),
  s_log_groups_per_flex: u8(0x174),
  s_checksum_type: u8(0x175),
  s_encryption_level: u8(0x176),
  s_kbytes_written: u64(0x178),
  s_snapshot_inum: u32(0x180),
  s_snapshot_id: u32(0x184),
  s_snapshot_r_blocks_count: u64(0x188),
  s_snapshot_list: u32(0x190),
  s_error_count: u32(0x194),
  s_first_error_time: u32(0x198),
  s_first_error_ino: u32(0x19c),
  s_first_error_block: u64(0x1a0),
  s_first_error_func: bytes(0x1a8, 32),
  s_first_error_line: u32(0x1c8),
  s_last_error_time: u32(0x1cc),
  s_last_error_ino: u32(0x1d0),
  s_last_error_line: u32(0x1d4),
  s_last_error_block: u64(0x1d8),
  s_last_error_func: bytes(0x1e0, 32),
  s_mount_opts: bytes(0x200, 64),
  s_usr_quota_inum: u32(0x240),
  s_grp_quota_inum: u32(0x244),
  s_overhead_clusters: u32(0x248),
  s_backup_bgs: u32s(0x24c, 2),
  s_encrypt_algos: bytes(0x254, 4),
  s_encrypt_pw_salt: bytes(0x258, 16),
  s_lpf_ino: u32(0x268),
  s_prj_quota_inum: u32(0x26c),
  s_checksum_seed: u32(0x270),
  s_wtime_hi: u8(0x274),
  s_mtime_hi: u8(0x275),
  s_mkfs_time_hi: u8(0x276),
  s_lastcheck_hi: u8(0x277),
  s_first_error_time_hi: u8(0x278),
  s_last_error_time_hi: u8(0x279),
  s_first_error_errcode: u8(0x27a),
  s_last_error_errcode: u8(0x27b),
  s_encoding: u16(0x27c),
  s_encoding_flags: u16(0x27e),
  s_orphan_file_inum: u32(0x280),
  s_checksum: u32(0x3fc),
});

/** Where the primary superblock lies, in bytes, and how long it is. */
export const SUPERBLOCK_AT = 1024;
export const SUPERBLOCK_SIZE = 1024;
export const SUPERBLOCK_MAGIC = 0xef53;

/** Bits of s_state. */
export const STATE = { valid: 0x1, error: 0x2, orphans: 0x4, fastCommit: 0x20 } as const;

/** Bits of s_flags. */
export const SUPERBLOCK_FLAGS = { signedHash: 0x1, unsignedHash: 0x2, testFilesystem: 0x4 } as const;

/** struct ext4_group_desc: 32 bytes. The second half is there when s_desc_size says so (incompat 64bit). */
export const Ext4GroupDesc = struct('ext4_group_desc', 32, {
  bg_block_bitmap_lo: u32(0x0),
  bg_inode_bitmap_lo: u32(0x4),
  bg_inode_table_lo: u32(0x8),
  bg_free_blocks_count_lo: u16(0xc),
  bg_free_inodes_count_lo: u16(0xe),
  bg_used_dirs_count_lo: u16(0x10),
  bg_flags: u16(0x12),
  bg_exclude_bitmap_lo: u32(0x14),
  bg_block_bitmap_csum_lo: u16(0x18),
  bg_inode_bitmap_csum_lo: u16(0x1a),
  bg_itable_unused_lo: u16(0x1c),
  bg_checksum: u16(0x1e),
});

/** The upper half of a 64-byte descriptor, by offsets from the descriptor's start. */
export const Ext4GroupDesc64 = struct('ext4_group_desc (64bit)', 64, {
  ...Ext4GroupDesc.fields,
  bg_block_bitmap_hi: u32(0x20),
  bg_inode_bitmap_hi: u32(0x24),
  bg_inode_table_hi: u32(0x28),
  bg_free_blocks_count_hi: u16(0x2c),
  bg_free_inodes_count_hi: u16(0x2e),
  bg_used_dirs_count_hi: u16(0x30),
  bg_itable_unused_hi: u16(0x32),
  bg_exclude_bitmap_hi: u32(0x34),
  bg_block_bitmap_csum_hi: u16(0x38),
  bg_inode_bitmap_csum_hi: u16(0x3a),
});

/** Bits of bg_flags. */
export const GROUP_FLAGS = { inodeUninit: 0x1, blockUninit: 0x2, inodeZeroed: 0x4 } as const;

/** struct ext4_inode, its first 128 bytes: all there is of an inode in revision 0 and where s_inode_size is 128. */
export const Ext4Inode = struct('ext4_inode', 128, {
  i_mode: u16(0x0),
  i_uid: u16(0x2),
  i_size_lo: u32(0x4),
  i_atime: i32(0x8),
  i_ctime: i32(0xc),
  i_mtime: i32(0x10),
  i_dtime: u32(0x14),
  i_gid: u16(0x18),
  i_links_count: u16(0x1a),
  i_blocks_lo: u32(0x1c),
  i_flags: u32(0x20),
  i_version: u32(0x24),
  i_block: bytes(0x28, 60),
  i_generation: u32(0x64),
  i_file_acl_lo: u32(0x68),
  i_size_high: u32(0x6c),
  i_obso_faddr: u32(0x70),
  i_blocks_high: u16(0x74),
  i_file_acl_high: u16(0x76),
  i_uid_high: u16(0x78),
  i_gid_high: u16(0x7a),
  i_checksum_lo: u16(0x7c),
});

/** struct ext4_inode with its extra fields; a field counts only when i_extra_isize reaches past it. */
export const Ext4InodeExtra = struct('ext4_inode (extra fields)', 160, {
  ...Ext4Inode.fields,
  i_extra_isize: u16(0x80),
  i_checksum_hi: u16(0x82),
  i_ctime_extra: u32(0x84),
  i_mtime_extra: u32(0x88),
  i_atime_extra: u32(0x8c),
  i_crtime: i32(0x90),
  i_crtime_extra: u32(0x94),
  i_version_hi: u32(0x98),
  i_projid: u32(0x9c),
});
export type Ext4InodeView = View<typeof Ext4InodeExtra>;

/** Length of i_block: fifteen block numbers, or an extent root, or a short link's target, or the first inline bytes. */
export const I_BLOCK_SIZE = 60;

/** i_block of files mapped without extents: block numbers, direct and indirect. */
export const Ext4BlockNumbers = struct('ext4_inode.i_block', I_BLOCK_SIZE, { direct: u32s(0x0, 12), indirect: u32(0x30), double_indirect: u32(0x34), triple_indirect: u32(0x38) });

/** Inodes with a fixed meaning. */
export const INODE = { root: 2, journal: 8 } as const;

/** Bits of i_flags. */
export const INODE_FLAGS = {
  encrypt: 0x800, index: 0x1000, hugeFile: 0x40000, extents: 0x80000, verity: 0x100000, eaInode: 0x200000, inlineData: 0x10000000, casefold: 0x40000000,
} as const;

/** struct ext4_extent_header: starts i_block and every extent block. */
export const Ext4ExtentHeader = struct('ext4_extent_header', 12, {
  eh_magic: u16(0x0),
  eh_entries: u16(0x2),
  eh_max: u16(0x4),
  eh_depth: u16(0x6),
  eh_generation: u32(0x8),
});
export const EXTENT_MAGIC = 0xf30a;

/** struct ext4_extent_idx: an entry of an inner node. */
export const Ext4ExtentIdx = struct('ext4_extent_idx', 12, {
  ei_block: u32(0x0),
  ei_leaf_lo: u32(0x4),
  ei_leaf_hi: u16(0x8),
});

/** struct ext4_extent: an entry of a leaf. */
export const Ext4Extent = struct('ext4_extent', 12, {
  ee_block: u32(0x0),
  ee_len: u16(0x4),
  ee_start_hi: u16(0x6),
  ee_start_lo: u32(0x8),
});

/** ee_len above this means an unwritten extent, of ee_len minus this (EXT_INIT_MAX_LEN). */
export const EXTENT_INIT_MAX = 32768;

/** struct ext4_extent_tail: after the eh_max entries of an extent block. */
export const Ext4ExtentTail = struct('ext4_extent_tail', 4, { et_checksum: u32(0x0) });

/** struct mmp_struct: the block at s_mmp_block. */
export const MmpStruct = struct('mmp_struct', 1024, {
  mmp_magic: u32(0x0),
  mmp_seq: u32(0x4),
  mmp_time: u64(0x8),
  mmp_nodename: bytes(0x10, 64),
  mmp_bdevname: bytes(0x50, 32),
  mmp_check_interval: u16(0x70),
  mmp_checksum: u32(0x3fc),
});
export const MMP_MAGIC = 0x004d4d50;
/** Values of mmp_seq that are not sequence numbers. */
export const MMP_SEQ = { clean: 0xff4d4d50, fsck: 0xe24d4d50, max: 0xe24d4d4f } as const;

/** struct ext4_orphan_block_tail: the last eight bytes of a block of the orphan file. */
export const Ext4OrphanBlockTail = struct('ext4_orphan_block_tail', 8, { ob_magic: u32(0x0), ob_checksum: u32(0x4) });
export const ORPHAN_MAGIC = 0x0b10ca04;
