import { bytes, struct, u16be, u32be, u64be, u8 } from '../../../core/layout/struct.ts';

/** JBD2's structures (include/linux/jbd2.h). All numbers are big-endian. */

export const MAGIC = 0xc03b3998;

/** h_blocktype. */
export const DESCRIPTOR_BLOCK = 1;
export const COMMIT_BLOCK = 2;
export const SUPERBLOCK_V1 = 3;
export const SUPERBLOCK_V2 = 4;
export const REVOKE_BLOCK = 5;

export const JournalHeader = struct('journal_header_t', 12, {
  h_magic: u32be(0), h_blocktype: u32be(4), h_sequence: u32be(8),
});

export const JournalSuperblock = struct('journal_superblock_t', 1024, {
  h_magic: u32be(0), h_blocktype: u32be(4), h_sequence: u32be(8),
  s_blocksize: u32be(12), s_maxlen: u32be(16), s_first: u32be(20),
  s_sequence: u32be(24), s_start: u32be(28), s_errno: u32be(32),
  // From here on in version 2 only.
  s_feature_compat: u32be(36), s_feature_incompat: u32be(40), s_feature_ro_compat: u32be(44),
  s_uuid: bytes(48, 16), s_nr_users: u32be(64), s_dynsuper: u32be(68), s_max_transaction: u32be(72), s_max_trans_data: u32be(76),
  s_checksum_type: u8(80), s_num_fc_blks: u32be(84), s_head: u32be(88), s_checksum: u32be(252), s_users: bytes(256, 768),
});

/** A descriptor's tag, up to checksum version 2. The last field is there with 64bit; with version 2, two bytes of padding follow. */
export const BlockTag = struct('journal_block_tag_t', 12, {
  t_blocknr: u32be(0), t_checksum: u16be(4), t_flags: u16be(6), t_blocknr_high: u32be(8),
});

/** A descriptor's tag with checksum version 3. */
export const BlockTag3 = struct('journal_block_tag3_t', 16, {
  t_blocknr: u32be(0), t_flags: u32be(4), t_blocknr_high: u32be(8), t_checksum: u32be(12),
});

/** t_flags. */
export const FLAG_ESCAPE = 1;
export const FLAG_SAME_UUID = 2;
export const FLAG_LAST_TAG = 8;
/** Bytes of UUID after a tag without FLAG_SAME_UUID. */
export const UUID_SIZE = 16;

/** At the end of descriptor and revoke blocks with checksum versions 2 and 3. */
export const BlockTail = struct('jbd2_journal_block_tail', 4, { t_checksum: u32be(0) });

/** r_count counts the bytes in use, this header included. */
export const RevokeHeader = struct('jbd2_journal_revoke_header_t', 16, {
  h_magic: u32be(0), h_blocktype: u32be(4), h_sequence: u32be(8), r_count: u32be(12),
});

export const CommitHeader = struct('commit_header', 60, {
  h_magic: u32be(0), h_blocktype: u32be(4), h_sequence: u32be(8),
  h_chksum_type: u8(12), h_chksum_size: u8(13), h_chksum: u32be(16), h_commit_sec: u64be(48), h_commit_nsec: u32be(56),
});
/** Where h_chksum lies: it counts as zero in the block's own checksum. */
export const COMMIT_CHECKSUM_AT = 16;

export const COMPAT_CHECKSUM = 1;
export const INCOMPAT_REVOKE = 1;
export const INCOMPAT_64BIT = 2;
export const INCOMPAT_ASYNC_COMMIT = 4;
export const INCOMPAT_CSUM_V2 = 8;
export const INCOMPAT_CSUM_V3 = 0x10;
export const INCOMPAT_FAST_COMMIT = 0x20;

/** h_chksum_type of version 1's transaction checksums. */
export const CHECKSUM_CRC32 = 1;
/** s_checksum_type of versions 2 and 3. */
export const CHECKSUM_CRC32C = 4;
