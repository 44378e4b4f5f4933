import { crc32c, crc32cOfZeros } from '../../../codecs/crc32c.ts';
import { corrupt, unsupported } from '../../../core/errors.ts';
import * as layout from './layout.ts';
import type { JournalSource } from './replay.ts';

/** A journal's superblock, checked, as far as recovery needs it. Block numbers are logical blocks of the journal. */
export interface JournalHead {
  /** The first block of the log, and the one after its last: where it wraps. */
  readonly first: number;
  readonly last: number;
  /** Blocks of the journal in all. */
  readonly length: number;
  /** 1 has no features: nothing can be revoked. */
  readonly version: 1 | 2;
  /** Where the log starts; 0 = the journal is empty. */
  readonly start: number;
  /** The sequence number that is expected there. */
  readonly sequence: number;
  /** The error with which the filesystem was aborted, as a positive errno; 0 = none. */
  readonly errno: number;
  readonly has64bit: boolean;
  readonly asyncCommit: boolean;
  /** 0 = none, 1 = one CRC a transaction, 2 and 3 = crc32c of every block. */
  readonly checksums: 0 | 1 | 2 | 3;
  /** crc32c of the journal's UUID: where the checksums of versions 2 and 3 start from. */
  readonly seed: number;
  /** The features by the names that dumpe2fs prints. */
  readonly features: readonly string[];
  /** The area of fast commits [from, to) behind the log; absent without the feature. */
  readonly fastCommits?: { readonly from: number; readonly to: number };
}

const STRUCTURE = 'journal superblock';
const FEATURES: readonly (readonly [number, string])[] = [
  [layout.INCOMPAT_REVOKE, 'journal_incompat_revoke'], [layout.INCOMPAT_64BIT, 'journal_64bit'], [layout.INCOMPAT_ASYNC_COMMIT, 'journal_async_commit'],
  [layout.INCOMPAT_CSUM_V2, 'journal_checksum_v2'], [layout.INCOMPAT_CSUM_V3, 'journal_checksum_v3'], [layout.INCOMPAT_FAST_COMMIT, 'fast_commit'],
];
const CHECKSUM_AT = 252;
/** The log never gives up so many blocks for fast commits that fewer than these are left (JBD2_MIN_JOURNAL_BLOCKS). */
const LEAST_LOG = 1024;
/** JBD2_DEFAULT_FAST_COMMIT_BLOCKS, where s_num_fc_blks is 0. */
const FAST_COMMIT_BLOCKS = 256;

/**
 * Reads block 0 of the journal (journal_check_superblock, journal_load_superblock in fs/jbd2/journal.c).
 * @throws DiskError corrupt, or unsupported with the feature's name
 */
export function readJournalSuperblock(journal: JournalSource): JournalHead {
  const block = journal.block(0);
  const at = journal.physical(0);
  const wrong = (message: string) => corrupt(STRUCTURE, message, at, layout.JournalSuperblock.size);
  if (block.length < layout.JournalSuperblock.size) throw wrong(`a block of ${block.length} bytes can't hold it`);
  const raw = layout.JournalSuperblock.at(block);
  if (raw.h_magic !== layout.MAGIC) throw wrong('its magic number is missing');
  if (raw.h_blocktype !== layout.SUPERBLOCK_V1 && raw.h_blocktype !== layout.SUPERBLOCK_V2) throw wrong(`block type ${raw.h_blocktype} is not a superblock's`);
  if (raw.s_blocksize !== journal.blockSize) throw wrong(`its block size of ${raw.s_blocksize} bytes is not the filesystem's ${journal.blockSize}`);
  const version2 = raw.h_blocktype === layout.SUPERBLOCK_V2;
  const compat = version2 ? raw.s_feature_compat : 0;
  const incompat = version2 ? raw.s_feature_incompat : 0;
  const known = FEATURES.reduce((bits, [bit]) => bits | bit, 0);
  if ((incompat & ~known) !== 0) throw unsupported(`journal feature ${hex(incompat & ~known)}`, `The journal uses unknown features (${hex(incompat & ~known)}), so its last changes can't be read`);
  if (version2 && raw.s_feature_ro_compat !== 0) throw unsupported(`journal ro-compat feature ${hex(raw.s_feature_ro_compat)}`, 'The journal uses unknown features, so its last changes can\'t be read');
  const checksums = checksumVersion(compat, incompat, wrong);
  if (checksums >= 2) {
    if (raw.s_checksum_type !== layout.CHECKSUM_CRC32C) throw wrong(`checksum type ${raw.s_checksum_type} is unknown`);
    if (checksumOf(block) !== raw.s_checksum) throw wrong('its checksum is wrong');
  }
  const length = raw.s_maxlen;
  if (length > journal.count) throw wrong(`it counts ${length} blocks, the journal has ${journal.count}`);
  if (raw.s_first === 0 || raw.s_first >= length) throw wrong(`the log can't start at block ${raw.s_first} of ${length}`);
  let last = length;
  let fastCommits: JournalHead['fastCommits'];
  if ((incompat & layout.INCOMPAT_FAST_COMMIT) !== 0) {
    const reserved = raw.s_num_fc_blks === 0 ? FAST_COMMIT_BLOCKS : raw.s_num_fc_blks;
    if (last - reserved >= LEAST_LOG) last -= reserved;
    fastCommits = { from: last + 1, to: length };
  }
  if (raw.s_first >= last || (raw.s_start !== 0 && (raw.s_start < raw.s_first || raw.s_start >= last))) throw wrong(`block ${raw.s_start} is outside the log`);
  return {
    first: raw.s_first, last, length, version: version2 ? 2 : 1, start: raw.s_start, sequence: raw.s_sequence,
    // On disk it is the negative errno of the kernel, as 32 bits.
    errno: Math.abs(raw.s_errno | 0),
    has64bit: (incompat & layout.INCOMPAT_64BIT) !== 0, asyncCommit: (incompat & layout.INCOMPAT_ASYNC_COMMIT) !== 0,
    features: [...(checksums === 1 ? ['journal_checksum'] : []), ...FEATURES.filter(([bit]) => (incompat & bit) !== 0).map(([, name]) => name)],
    checksums, seed: crc32c(0xffffffff, raw.s_uuid), ...(fastCommits === undefined ? {} : { fastCommits }),
  };
}

/** What a journal's superblock is to say. */
export interface JournalState {
  /** The block where the log starts; 0 = it is empty. */
  readonly start: number;
  /** The sequence number of the transaction there, or of the next one. */
  readonly sequence: number;
  /** Features that it has from now on, beside those that it had: only while the log is empty, as they change what its blocks look like. */
  readonly incompat?: number;
}

/**
 * Changes block 0 of a journal (jbd2_journal_update_sb_log_tail, jbd2_journal_set_features). All that changes lies in its first 512 bytes.
 * @param block of a version 2 journal, or of a version 1 without new features
 */
export function writeJournalState(block: Uint8Array, { start, sequence, incompat }: JournalState): void {
  const raw = layout.JournalSuperblock.at(block);
  raw.s_start = start;
  raw.s_sequence = sequence;
  if (raw.h_blocktype !== layout.SUPERBLOCK_V2) return;
  if (incompat !== undefined) raw.s_feature_incompat |= incompat;
  if ((raw.s_feature_incompat & (layout.INCOMPAT_CSUM_V2 | layout.INCOMPAT_CSUM_V3)) === 0) return;
  raw.s_checksum_type = layout.CHECKSUM_CRC32C;
  raw.s_checksum = checksumOf(block);
}

function checksumOf(block: Uint8Array): number {
  const sum = crc32cOfZeros(crc32c(0xffffffff, block, 0, CHECKSUM_AT), 4);
  return crc32c(sum, block, CHECKSUM_AT + 4, layout.JournalSuperblock.size);
}

function checksumVersion(compat: number, incompat: number, wrong: (message: string) => Error): JournalHead['checksums'] {
  const versions: (1 | 2 | 3)[] = [];
  if ((compat & layout.COMPAT_CHECKSUM) !== 0) versions.push(1);
  if ((incompat & layout.INCOMPAT_CSUM_V2) !== 0) versions.push(2);
  if ((incompat & layout.INCOMPAT_CSUM_V3) !== 0) versions.push(3);
  if (versions.length > 1) throw wrong(`it claims checksum versions ${versions.join(' and ')} at once`);
  return versions[0] ?? 0;
}

const hex = (bits: number): string => `0x${(bits >>> 0).toString(16)}`;
