import { crc32c, crc32cOfZeros } from '../../../codecs/crc32c.ts';
import { asExpected, bitNames, inHex, isoTime, type Meanings } from '../../../core/layout/annotate.ts';
import { uuidText } from '../info.ts';
import * as layout from './layout.ts';

/** What the fields of JBD2's structures mean. */

const BLOCK_TYPES: readonly (string | undefined)[] = [undefined, 'descriptor', 'commit', 'superblock, version 1', 'superblock, version 2', 'revoke'];
const INCOMPAT = [
  [layout.INCOMPAT_REVOKE, 'revoke'], [layout.INCOMPAT_64BIT, '64bit'], [layout.INCOMPAT_ASYNC_COMMIT, 'async_commit'],
  [layout.INCOMPAT_CSUM_V2, 'csum_v2'], [layout.INCOMPAT_CSUM_V3, 'csum_v3'], [layout.INCOMPAT_FAST_COMMIT, 'fast_commit'],
] as const;
const CHECKSUM_AT = layout.JournalSuperblock.fields.s_checksum.offset;
const TAG_FLAGS = [[layout.FLAG_ESCAPE, 'escaped'], [layout.FLAG_SAME_UUID, 'same UUID'], [4, 'deleted'], [layout.FLAG_LAST_TAG, 'last tag']] as const;

export const headerMeanings: Meanings<typeof layout.JournalHeader.fields> = {
  h_magic: (value) => asExpected(value, layout.MAGIC, 'JBD2'),
  h_blocktype: (value) => BLOCK_TYPES[value],
};

export const journalSuperblockMeanings: Meanings<typeof layout.JournalSuperblock.fields> = {
  h_magic: (value) => asExpected(value, layout.MAGIC, 'JBD2'),
  h_blocktype: (value) => BLOCK_TYPES[value],
  s_start: (value) => (value === 0 ? 'the journal is empty' : 'where the log begins'),
  s_errno: (value) => (value === 0 ? undefined : `error ${Math.abs(value | 0)}`),
  s_feature_compat: (value) => inHex(value, bitNames(value, [[layout.COMPAT_CHECKSUM, 'checksum']])),
  s_feature_incompat: (value) => inHex(value, bitNames(value, INCOMPAT)),
  s_feature_ro_compat: (value) => inHex(value),
  s_uuid: (value) => uuidText(value),
  s_checksum_type: (value) => (value === layout.CHECKSUM_CRC32C ? 'crc32c' : undefined),
  s_checksum: (stored, head) => {
    if ((head.s_feature_incompat & (layout.INCOMPAT_CSUM_V2 | layout.INCOMPAT_CSUM_V3)) === 0) return inHex(stored, 'not in use');
    const all = new Uint8Array(head.$view.buffer, head.$view.byteOffset + head.$at, layout.JournalSuperblock.size);
    return asExpected(stored, crc32c(crc32cOfZeros(crc32c(0xffffffff, all, 0, CHECKSUM_AT), 4), all, CHECKSUM_AT + 4), 'right');
  },
};

export const tagMeanings: Meanings<typeof layout.BlockTag3.fields> = {
  t_flags: (value) => inHex(value, bitNames(value, TAG_FLAGS)),
  t_checksum: (value) => inHex(value),
};

export const commitMeanings: Meanings<typeof layout.CommitHeader.fields> = {
  h_magic: (value) => asExpected(value, layout.MAGIC, 'JBD2'),
  h_blocktype: (value) => BLOCK_TYPES[value],
  h_chksum: (value) => inHex(value),
  h_commit_sec: (value) => isoTime(value),
};
