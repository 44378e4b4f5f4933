import { struct, u16, u32, u64 } from '../../core/layout/struct.ts';

/**
 * Quota files of format "vfsv1" (Documentation/filesystems/quota.rst; fs/quota/quota_tree.c, quotaio_v2.h): a header, then blocks of
 * 1 KiB that are a tree of four levels by the bytes of an id, highest first, whose lowest level leads to blocks of entries.
 */

/** struct v2_disk_dqheader and, behind it, v2_disk_dqinfo: at the start of the file. */
export const QuotaHeader = struct('v2_disk_dqheader, v2_disk_dqinfo', 32, {
  dqh_magic: u32(0x0), dqh_version: u32(0x4),
  dqi_bgrace: u32(0x8), dqi_igrace: u32(0xc), dqi_flags: u32(0x10), dqi_blocks: u32(0x14), dqi_free_blk: u32(0x18), dqi_free_entry: u32(0x1c),
});

/** At the start of a block of entries. */
export const QuotaBlockHeader = struct('qt_disk_dqdbheader', 16, { dqdh_next_free: u32(0x0), dqdh_prev_free: u32(0x4), dqdh_entries: u16(0x8) });

/** Version 1, 64-bit numbers. */
export const QuotaRecord = struct('v2r1_disk_dqblk', 72, {
  dqb_id: u32(0x0), dqb_ihardlimit: u64(0x8), dqb_isoftlimit: u64(0x10), dqb_curinodes: u64(0x18), dqb_bhardlimit: u64(0x20),
  dqb_bsoftlimit: u64(0x28), dqb_curspace: u64(0x30), dqb_btime: u64(0x38), dqb_itime: u64(0x40),
});

/** Version 0, most numbers of 32 bits. */
export const OldQuotaRecord = struct('v2r0_disk_dqblk', 48, {
  dqb_id: u32(0x0), dqb_ihardlimit: u32(0x4), dqb_isoftlimit: u32(0x8), dqb_curinodes: u32(0xc), dqb_bhardlimit: u32(0x10),
  dqb_bsoftlimit: u32(0x14), dqb_curspace: u64(0x18), dqb_btime: u64(0x20), dqb_itime: u64(0x28),
});

/** Users, groups, projects: what dqh_magic must be, in the order of their inodes in the superblock. */
export const QUOTA_MAGICS = [0xd9c01f11, 0xd9c01927, 0xd9c03f14] as const;
/** Bytes a block of a quota file, whatever the blocks of the filesystem have. */
export const QUOTA_BLOCK = 1024;
/** The block that the tree starts with, and its levels. */
export const QUOTA_ROOT = 1;
export const QUOTA_DEPTH = 4;
