import { crc32be } from '../../../codecs/crc32be.ts';
import { crc32c } from '../../../codecs/crc32c.ts';
import * as layout from './layout.ts';
import type { JournalHead } from './superblock.ts';
import { tagSize } from './tags.ts';

/** What decides how a log's blocks look. */
export interface LogFormat extends Pick<JournalHead, 'checksums' | 'has64bit' | 'seed'> {
  /** Bytes. */
  readonly blockSize: number;
}

/** What one transaction changes. */
export interface LogTransaction {
  readonly sequence: number;
  /** Blocks of the filesystem with their new contents, each once. */
  readonly changed: readonly { readonly block: number; readonly bytes: Uint8Array }[];
  /** Blocks of the filesystem whose copies in this and earlier transactions count no more; none of them is among `changed`. */
  readonly revoked: readonly number[];
  /** Nanoseconds since 1970. */
  readonly time: bigint;
}

/** The blocks of a transaction in the order of the log (fs/jbd2/commit.c). */
export interface LogBlocks {
  /** Revoke blocks, then descriptor blocks, each followed by what it describes. */
  readonly body: readonly Uint8Array[];
  /** To be written when all of the body is durable. */
  readonly commit: Uint8Array;
}

const tailSize = ({ checksums }: LogFormat): number => (checksums >= 2 ? layout.BlockTail.size : 0);
const tagsADescriptor = (format: LogFormat): number => Math.floor((format.blockSize - layout.JournalHeader.size - layout.UUID_SIZE - tailSize(format)) / tagSize(format));
const revokesABlock = (format: LogFormat): number => Math.floor((format.blockSize - layout.RevokeHeader.size - tailSize(format)) / revokeSize(format));
const revokeSize = ({ has64bit }: LogFormat): number => (has64bit ? 8 : 4);

/** Blocks of the log that a transaction takes. */
export function blocksOf(format: LogFormat, changed: number, revoked: number): number {
  return Math.ceil(revoked / revokesABlock(format)) + Math.ceil(changed / tagsADescriptor(format)) + changed + 1;
}

/** Makes the blocks of a transaction. */
export function logBlocks(format: LogFormat, transaction: LogTransaction): LogBlocks {
  const body: Uint8Array[] = [];
  // Version 1: one CRC over the descriptors and copies of the transaction.
  let sum = 0xffffffff;
  for (const part of parts(transaction.revoked, revokesABlock(format))) body.push(revokeBlock(format, transaction.sequence, part));
  for (const part of parts(transaction.changed, tagsADescriptor(format))) {
    const copies = part.map(({ block, bytes }) => ({ block, ...escape(bytes) }));
    const described = [descriptorBlock(format, transaction.sequence, copies), ...copies.map(({ bytes }) => bytes)];
    if (format.checksums === 1) for (const bytes of described) sum = crc32be(sum, bytes);
    body.push(...described);
  }
  return { body, commit: commitBlock(format, transaction, sum) };
}

function* parts<T>(all: readonly T[], size: number): Iterable<readonly T[]> {
  for (let from = 0; from < all.length; from += size) yield all.slice(from, from + size);
}

/** A copy that begins like a block of the journal could be taken for one: its first word is zeroed, and the tag says so. */
function escape(bytes: Uint8Array): { readonly bytes: Uint8Array; readonly escaped: boolean } {
  if (new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) !== layout.MAGIC) return { bytes, escaped: false };
  const copy = bytes.slice();
  copy.fill(0, 0, 4);
  return { bytes: copy, escaped: true };
}

function header(format: LogFormat, type: number, sequence: number): Uint8Array {
  const bytes = new Uint8Array(format.blockSize);
  Object.assign(layout.JournalHeader.at(bytes), { h_magic: layout.MAGIC, h_blocktype: type, h_sequence: sequence });
  return bytes;
}

function descriptorBlock(format: LogFormat, sequence: number, copies: readonly { readonly block: number; readonly bytes: Uint8Array; readonly escaped: boolean }[]): Uint8Array {
  const descriptor = header(format, layout.DESCRIPTOR_BLOCK, sequence);
  const view = new DataView(descriptor.buffer);
  const size = tagSize(format);
  let at = layout.JournalHeader.size;
  for (const [index, { block, bytes, escaped }] of copies.entries()) {
    const flags = (escaped ? layout.FLAG_ESCAPE : 0) | (index > 0 ? layout.FLAG_SAME_UUID : 0) | (index === copies.length - 1 ? layout.FLAG_LAST_TAG : 0);
    const low = block % 2 ** 32;
    const high = Math.floor(block / 2 ** 32);
    if (format.checksums === 3) {
      Object.assign(layout.BlockTag3.over(view, at), { t_blocknr: low, t_flags: flags, t_blocknr_high: high, t_checksum: copyChecksum(format, sequence, bytes) });
    } else {
      const tag = layout.BlockTag.over(view, at);
      tag.t_blocknr = low;
      tag.t_flags = flags;
      if (format.checksums === 2) tag.t_checksum = copyChecksum(format, sequence, bytes) & 0xffff;
      if (format.has64bit) tag.t_blocknr_high = high;
    }
    // The UUID that follows the first tag stays zero, as the kernel leaves it: there is only one filesystem.
    at += size + (index === 0 ? layout.UUID_SIZE : 0);
  }
  return seal(format, descriptor);
}

/** crc32c over the sequence number and the copy as it stands in the log. */
function copyChecksum(format: LogFormat, sequence: number, bytes: Uint8Array): number {
  return crc32c(crc32c(format.seed, Uint8Array.of(sequence >>> 24, sequence >>> 16, sequence >>> 8, sequence)), bytes);
}

function revokeBlock(format: LogFormat, sequence: number, revoked: readonly number[]): Uint8Array {
  const bytes = header(format, layout.REVOKE_BLOCK, sequence);
  const view = new DataView(bytes.buffer);
  let at = layout.RevokeHeader.size;
  for (const block of revoked) {
    if (format.has64bit) view.setUint32(at, Math.floor(block / 2 ** 32));
    view.setUint32(at + revokeSize(format) - 4, block % 2 ** 32);
    at += revokeSize(format);
  }
  layout.RevokeHeader.at(bytes).r_count = at;
  return seal(format, bytes);
}

/** Descriptor and revoke blocks end in the crc32c over the rest of them. */
function seal(format: LogFormat, bytes: Uint8Array): Uint8Array {
  if (format.checksums >= 2) layout.BlockTail.at(bytes, bytes.length - layout.BlockTail.size).t_checksum = crc32c(format.seed, bytes);
  return bytes;
}

function commitBlock(format: LogFormat, { sequence, time }: LogTransaction, sum: number): Uint8Array {
  const bytes = header(format, layout.COMMIT_BLOCK, sequence);
  const commit = layout.CommitHeader.at(bytes);
  commit.h_commit_sec = time / 1_000_000_000n;
  commit.h_commit_nsec = Number(time % 1_000_000_000n);
  if (format.checksums === 1) {
    commit.h_chksum_type = layout.CHECKSUM_CRC32;
    commit.h_chksum_size = 4;
    commit.h_chksum = sum;
  } else if (format.checksums >= 2) {
    commit.h_chksum = crc32c(format.seed, bytes);
  }
  return bytes;
}
