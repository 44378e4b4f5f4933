import { crc32c } from '../../codecs/crc32c.ts';
import { asExpected, bitNames, type Explained, inHex, isoTime, type Meanings, sizeText } from '../../core/layout/annotate.ts';
import { decodeName } from '../../core/names.ts';
import { groupChecksum16, groupChecksum32, inodeChecksum, inodeSeed } from './checksum.ts';
import type { Ext4DirEntry2, Ext4DirEntryTail, Ext4DxRootInfo } from './directory-layout.ts';
import { COMPAT, type Feature, INCOMPAT, RO_COMPAT } from './features.ts';
import { HASH_NAMES, uuidText } from './info.ts';
import { FLAG_NAMES } from './inode.ts';
import { type Ext4Extent, type Ext4ExtentHeader, type Ext4ExtentIdx, type Ext4GroupDesc64, type Ext4InodeExtra, type Ext4SuperBlock, EXTENT_INIT_MAX, EXTENT_MAGIC, SUPERBLOCK_MAGIC, SUPERBLOCK_SIZE } from './layout.ts';
import type { Superblock } from './superblock.ts';

/** What the fields of ext2, ext3 and ext4 mean, for people: tables beside the layout, with no part in reading the filesystem. */

const STATES = [[0x1, 'clean'], [0x2, 'with errors'], [0x4, 'orphans being recovered'], [0x20, 'fast commits']] as const;
const ON_ERRORS = ['', 'continue', 'remount read-only', 'panic'] as const;
const SYSTEMS = ['Linux', 'Hurd', 'Masix', 'FreeBSD', 'Lites'] as const;
const SUPERBLOCK_FLAG_NAMES = [[0x1, 'signed directory hash'], [0x2, 'unsigned directory hash'], [0x4, 'test filesystem']] as const;
const MOUNT_OPTIONS = [[0x1, 'debug'], [0x2, 'bsdgroups'], [0x4, 'user_xattr'], [0x8, 'acl'], [0x10, 'uid16'], [0x100, 'nobarrier'], [0x200, 'block_validity'], [0x400, 'discard'], [0x800, 'nodelalloc']] as const;
/** Two bits of s_default_mount_opts that are one number (EXT4_DEFM_JMODE). */
const JOURNAL_MODES = [undefined, 'journal_data', 'journal_data_ordered', 'journal_data_writeback'] as const;

const high = (low: number, upper: number): number => low + upper * 2 ** 32;
const features = (word: number, table: ReadonlyMap<number, Feature>): Explained => inHex(word, bitNames(word, [...table].map(([bit, { name }]) => [(1 << bit) >>> 0, name] as const)));
const text = (field: Uint8Array): string => {
  const end = field.indexOf(0);
  return decodeName(field, 0, end < 0 ? field.length : end);
};
const quoted = (field: Uint8Array): Explained => (field[0] === 0 ? undefined : `"${text(field)}"`);
const uuid = (field: Uint8Array): Explained => (field.every((byte) => byte === 0) ? 'none' : uuidText(field));
const inodeName = (number: number): Explained => RESERVED_INODES[number] ?? (number === 0 ? 'none' : undefined);
/** Two to the power, where that is a number that the format knows: a hostile exponent says nothing. */
const power = (exponent: number, least: number): string | undefined => (exponent <= 40 ? String(2 ** exponent * least) : 'impossible');

/** Inodes with a meaning of their own (EXT4_*_INO). */
export const RESERVED_INODES: readonly (string | undefined)[] = [
  undefined, 'bad blocks', 'root directory', 'user quota', 'group quota', 'boot loader', 'undelete directory', 'reserved descriptor blocks', 'journal', 'exclude bitmaps', 'replicas',
];

export const superblockMeanings: Meanings<typeof Ext4SuperBlock.fields> = {
  s_blocks_count_lo: (low, sb) => { const count = high(low, sb.s_blocks_count_hi); return sb.s_log_block_size > 6 ? undefined : sizeText(count * (1024 << sb.s_log_block_size)); },
  s_free_blocks_count_lo: (low, sb) => (sb.s_log_block_size > 6 ? undefined : sizeText(high(low, sb.s_free_blocks_count_hi) * (1024 << sb.s_log_block_size))),
  s_r_blocks_count_lo: (low, sb) => (sb.s_log_block_size > 6 ? undefined : sizeText(high(low, sb.s_r_blocks_count_hi) * (1024 << sb.s_log_block_size))),
  s_log_block_size: (value) => power(value, 1024),
  s_log_cluster_size: (value) => power(value, 1024),
  s_mtime: (low, sb) => isoTime(high(low, sb.s_mtime_hi)) ?? 'never',
  s_wtime: (low, sb) => isoTime(high(low, sb.s_wtime_hi)) ?? 'never',
  s_lastcheck: (low, sb) => isoTime(high(low, sb.s_lastcheck_hi)) ?? 'never',
  s_mkfs_time: (low, sb) => isoTime(high(low, sb.s_mkfs_time_hi)) ?? 'never',
  s_first_error_time: (low, sb) => isoTime(high(low, sb.s_first_error_time_hi)) ?? 'never',
  s_last_error_time: (low, sb) => isoTime(high(low, sb.s_last_error_time_hi)) ?? 'never',
  s_max_mnt_count: (value) => (value === 0xffff || value === 0 ? 'no limit' : undefined),
  s_magic: (value) => asExpected(value, SUPERBLOCK_MAGIC, 'ext2, ext3 or ext4'),
  s_state: (value) => bitNames(value, STATES) ?? 'not clean',
  s_errors: (value) => ON_ERRORS[value],
  s_checkinterval: (value) => (value === 0 ? 'never' : `${Math.round(value / 86_400)} days`),
  s_creator_os: (value) => SYSTEMS[value],
  s_rev_level: (value) => (value === 0 ? 'original' : value === 1 ? 'dynamic' : undefined),
  s_feature_compat: (value) => features(value, COMPAT),
  s_feature_incompat: (value) => features(value, INCOMPAT),
  s_feature_ro_compat: (value) => features(value, RO_COMPAT),
  s_uuid: uuid,
  s_volume_name: quoted,
  s_last_mounted: quoted,
  s_journal_uuid: uuid,
  s_journal_inum: inodeName,
  s_last_orphan: (value) => (value === 0 ? 'none' : undefined),
  s_def_hash_version: (value) => HASH_NAMES[value],
  s_default_mount_opts: (value) => inHex(value, [bitNames(value & ~0x60, MOUNT_OPTIONS), JOURNAL_MODES[(value >>> 5) & 3]].filter(Boolean).join(', ')),
  s_flags: (value) => inHex(value, bitNames(value, SUPERBLOCK_FLAG_NAMES)),
  s_log_groups_per_flex: (value) => (value > 31 ? 'impossible' : `${2 ** value} groups`),
  s_checksum_type: (value) => (value === 1 ? 'crc32c' : undefined),
  s_kbytes_written: (value) => sizeText(Number(value) * 1024),
  s_first_error_func: quoted,
  s_last_error_func: quoted,
  s_mount_opts: quoted,
  s_checksum_seed: (value) => inHex(value),
  s_encoding: (value) => (value === 1 ? 'UTF-8 12.1' : undefined),
  s_usr_quota_inum: inodeName,
  s_grp_quota_inum: inodeName,
  s_checksum: (stored, sb) => {
    // ro-compat metadata_csum: without it the field means nothing.
    if ((sb.s_feature_ro_compat & 0x400) === 0) return inHex(stored, 'not in use');
    return asExpected(stored, crc32c(0xffffffff, new Uint8Array(sb.$view.buffer, sb.$view.byteOffset + sb.$at, SUPERBLOCK_SIZE - 4)), 'right');
  },
};

const GROUP_FLAG_NAMES = [[0x1, 'inodes not initialised'], [0x2, 'block bitmap not initialised'], [0x4, 'inode table zeroed']] as const;

/** Of the descriptor of group `number`; those of 32 bytes have no upper halves. */
export function groupMeanings(superblock: Superblock, number: number): Meanings<typeof Ext4GroupDesc64.fields> {
  const wide = superblock.descriptorSize >= 64;
  const block = (low: number, upper: () => number): Explained => `at byte 0x${((low + (wide ? upper() : 0) * 2 ** 32) * superblock.blockSize).toString(16)}`;
  return {
    bg_block_bitmap_lo: (value, group) => block(value, () => group.bg_block_bitmap_hi),
    bg_inode_bitmap_lo: (value, group) => block(value, () => group.bg_inode_bitmap_hi),
    bg_inode_table_lo: (value, group) => block(value, () => group.bg_inode_table_hi),
    bg_flags: (value) => inHex(value, bitNames(value, GROUP_FLAG_NAMES)),
    bg_block_bitmap_csum_lo: (value) => inHex(value),
    bg_inode_bitmap_csum_lo: (value) => inHex(value),
    bg_block_bitmap_csum_hi: (value) => inHex(value),
    bg_inode_bitmap_csum_hi: (value) => inHex(value),
    bg_checksum: (stored, group) => {
      const bytes = new Uint8Array(group.$view.buffer, group.$view.byteOffset + group.$at, superblock.descriptorSize);
      const { features: has } = superblock;
      if (has.metadataChecksum) return asExpected(stored, groupChecksum32(superblock.checksumSeed, number, bytes), 'right');
      if (has.gdtChecksum) return asExpected(stored, groupChecksum16(superblock.raw.s_uuid, number, bytes), 'right');
      return inHex(stored, 'not in use');
    },
  };
}

/** By the upper four bits of i_mode. */
const TYPES: readonly (string | undefined)[] = [undefined, 'FIFO', 'character device', undefined, 'directory', undefined, 'block device', undefined, 'file', undefined, 'symbolic link', undefined, 'socket'];

/** "0100644", "file, rw-r--r--". */
function mode(value: number): Explained {
  const spelled = `0${value.toString(8)}`;
  if (value === 0) return { value: '0', meaning: 'not in use' };
  const letters = Array.from({ length: 9 }, (_, i) => ((value >>> (8 - i)) & 1 ? 'rwx'[i % 3]! : '-')).join('');
  const special = [[0o4000, 'setuid'], [0o2000, 'setgid'], [0o1000, 'sticky']] as const;
  const names = special.filter(([bit]) => (value & bit) !== 0).map(([, name]) => name);
  return { value: spelled, meaning: [TYPES[value >>> 12] ?? 'no file type', letters, ...names].join(', ') };
}

/** Seconds are signed 32 bits; the extra word holds two more bits of them, and nanoseconds above (ext4_decode_extra_time). */
function inodeTime(seconds: number, extra: number): Explained {
  const time = isoTime(seconds + (extra & 3) * 2 ** 32);
  return time === undefined || extra >>> 2 === 0 ? time : `${time.replace(/(\.\d+)?Z$/, '')}.${String(extra >>> 2).padStart(9, '0')}Z`;
}

/** Of inode `node`. What its size has no room for is not asked for: the declaration of 128 bytes has no such fields. */
export function inodeMeanings(superblock: Superblock, node: number): Meanings<typeof Ext4InodeExtra.fields> {
  const wideInode = superblock.inodeSize > 128;
  /** i_extra_isize must reach past a field for it to count. */
  const extra = (inode: { readonly i_extra_isize: number }, end: number): boolean => wideInode && inode.i_extra_isize >= end;
  return {
    i_mode: mode,
    i_size_lo: (low, inode) => sizeText(inode.i_mode >>> 12 === 8 ? high(low, inode.i_size_high) : low),
    i_atime: (value, inode) => inodeTime(value, extra(inode, 16) ? inode.i_atime_extra : 0),
    i_ctime: (value, inode) => inodeTime(value, extra(inode, 8) ? inode.i_ctime_extra : 0),
    i_mtime: (value, inode) => inodeTime(value, extra(inode, 12) ? inode.i_mtime_extra : 0),
    i_crtime: (value, inode) => (extra(inode, 20) ? inodeTime(value, extra(inode, 24) ? inode.i_crtime_extra : 0) : 'not in use'),
    i_dtime: (value, inode) => (value === 0 ? undefined : inode.i_links_count === 0 ? `deleted ${isoTime(value)}` : 'next orphan'),
    i_blocks_lo: (value) => `${sizeText(value * 512)} on the device`,
    i_flags: (value) => inHex(value, bitNames(value, FLAG_NAMES)),
    i_generation: (value) => inHex(value),
    i_extra_isize: (value) => (128 + value <= superblock.inodeSize && value % 4 === 0 ? undefined : 'impossible'),
    i_file_acl_lo: (value) => (value === 0 ? 'none' : 'block of extended attributes'),
    i_checksum_lo: (stored, inode) => {
      if (!superblock.features.metadataChecksum) return inHex(stored, 'not in use');
      // A table of zeros was never written: there is nothing that a checksum could be of.
      if (inode.i_mode === 0 && inode.i_links_count === 0 && stored === 0) return inHex(stored, 'inode never used');
      const wide = extra(inode, 4);
      const sum = inodeChecksum(inodeSeed(superblock.checksumSeed, node, inode.i_generation), inode.$view, inode.$at, superblock.inodeSize, wide);
      const whole = wide ? stored + inode.i_checksum_hi * 0x10000 : stored;
      const expected = wide ? sum : sum & 0xffff;
      return inHex(stored, whole === expected ? 'right' : `wrong: it should be 0x${(expected & 0xffff).toString(16)}`);
    },
    i_checksum_hi: (value) => inHex(value),
  };
}

export const extentHeaderMeanings: Meanings<typeof Ext4ExtentHeader.fields> = {
  eh_magic: (value) => asExpected(value, EXTENT_MAGIC, 'extents'),
  eh_depth: (value) => (value === 0 ? 'a leaf: extents follow' : 'an inner node: indexes follow'),
};

const counted = (blocks: number): string => (blocks === 1 ? '1 block' : `${blocks} blocks`);

export const extentMeanings = (blockSize: number): Meanings<typeof Ext4Extent.fields> => ({
  ee_len: (value) => (value > EXTENT_INIT_MAX ? `${counted(value - EXTENT_INIT_MAX)}, unwritten` : counted(value)),
  ee_start_lo: (value, extent) => `at byte 0x${(high(value, extent.ee_start_hi) * blockSize).toString(16)}`,
});

export const extentIndexMeanings = (blockSize: number): Meanings<typeof Ext4ExtentIdx.fields> => ({
  ei_leaf_lo: (value, index) => `at byte 0x${(high(value, index.ei_leaf_hi) * blockSize).toString(16)}`,
});

const FILE_TYPES = ['unknown', 'file', 'directory', 'character device', 'block device', 'FIFO', 'socket', 'symbolic link'] as const;

export const entryMeanings: Meanings<typeof Ext4DirEntry2.fields> = {
  inode: (value) => (value === 0 ? 'not in use' : undefined),
  file_type: (value) => FILE_TYPES[value],
};

/** @param computed the checksum that the block should have */
export const tailMeanings = (computed: number): Meanings<typeof Ext4DirEntryTail.fields> => ({
  det_reserved_ft: (value) => inHex(value, value === 0xde ? 'marks the tail' : undefined),
  det_checksum: (value) => asExpected(value, computed, 'right'),
});

export const dxRootMeanings: Meanings<typeof Ext4DxRootInfo.fields> = {
  hash_version: (value) => HASH_NAMES[value],
  indirect_levels: (value) => (value === 0 ? 'the entries lead to leaves' : undefined),
};
