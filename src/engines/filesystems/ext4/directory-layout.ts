import { struct, u16, u32, u8 } from '../../core/layout/struct.ts';

/**
 * On-disk structures of directories, with the names of the Linux kernel (fs/ext4/ext4.h, namei.c). Little-endian. A name of name_len bytes
 * follows each entry's header.
 */

/** struct ext4_dir_entry_2 without its name: with the filetype feature. */
export const Ext4DirEntry2 = struct('ext4_dir_entry_2', 8, { inode: u32(0x0), rec_len: u16(0x4), name_len: u8(0x6), file_type: u8(0x7) });

/** struct ext4_dir_entry without its name: the form before filetype. */
export const Ext4DirEntry = struct('ext4_dir_entry', 8, { inode: u32(0x0), rec_len: u16(0x4), name_len: u16(0x6) });

/** struct ext4_dir_entry_tail: the last bytes of a block of entries with metadata_csum. */
export const Ext4DirEntryTail = struct('ext4_dir_entry_tail', 12, {
  det_reserved_zero1: u32(0x0), det_rec_len: u16(0x4), det_reserved_zero2: u8(0x6), det_reserved_ft: u8(0x7), det_checksum: u32(0x8),
});

/** struct dx_root_info: behind "." and ".." in the first block of a hashed directory. */
export const Ext4DxRootInfo = struct('dx_root_info', 8, { reserved_zero: u32(0x0), hash_version: u8(0x4), info_length: u8(0x5), indirect_levels: u8(0x6), unused_flags: u8(0x7) });

/** struct dx_countlimit with the block of the first, hashless entry. */
export const Ext4DxCountLimit = struct('dx_countlimit', 8, { limit: u16(0x0), count: u16(0x2), block: u32(0x4) });

/** struct dx_entry. */
export const Ext4DxEntry = struct('dx_entry', 8, { hash: u32(0x0), block: u32(0x4) });
