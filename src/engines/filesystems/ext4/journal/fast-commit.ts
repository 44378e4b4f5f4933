import { crc32c } from '../../../codecs/crc32c.ts';
import type { JournalSource } from './replay.ts';
import type { JournalHead } from './superblock.ts';

/**
 * Fast commits (fs/ext4/fast_commit.h): after the log, the journal keeps an area of small records that describe changes since the last
 * whole transaction in terms of inodes and names, not of blocks. Little-endian: tag, length, value.
 */

export const TAG = { addRange: 1, delRange: 2, create: 3, link: 4, unlink: 5, inode: 6, pad: 7, tail: 8, head: 9 } as const;
const TAG_HEADER = 4;

/** One change. */
export interface FastCommitRecord {
  /** TAG.addRange to TAG.inode. */
  readonly tag: number;
  readonly value: Uint8Array;
}

/** The valid fast commits that follow the log (ext4_fc_replay_scan). */
export interface FastCommits {
  readonly records: readonly FastCommitRecord[];
  /** Byte offset of the area on the device, for notes. */
  readonly at: number;
  /** Byte offsets of the area's blocks: nothing of the filesystem lies there. */
  readonly area: readonly number[];
}

/** @param tid the sequence number after the log's last transaction: fast commits that belong to another are old */
export function readFastCommits(journal: JournalSource, head: JournalHead, tid: number): FastCommits | undefined {
  if (head.fastCommits === undefined) return undefined;
  const { from, to } = head.fastCommits;
  const records = scan(journal, from, to, tid);
  if (records.length === 0) return undefined;
  const area = Array.from({ length: to - from }, (_, i) => journal.physical(from + i));
  return { records, at: journal.physical(from), area };
}

/** The records up to the last tail whose checksum is right. */
function scan(journal: JournalSource, from: number, to: number, tid: number): FastCommitRecord[] {
  const records: FastCommitRecord[] = [];
  let valid = 0;
  let sum = 0;
  for (let logical = from; logical < to; logical++) {
    const block = journal.block(logical);
    const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
    if (logical === from && view.getUint16(0, true) !== TAG.head) break;
    for (let at = 0; at + TAG_HEADER <= block.length;) {
      const tag = view.getUint16(at, true);
      const length = view.getUint16(at + 2, true);
      const value = at + TAG_HEADER;
      if (value + length > block.length || !isLength(tag, length)) return records.slice(0, valid);
      if (tag === TAG.head && (view.getUint32(value, true) !== 0 || view.getUint32(value + 4, true) !== tid)) return records.slice(0, valid);
      if (tag === TAG.tail) {
        sum = crc32c(sum, block, at, value + 4);
        if (view.getUint32(value, true) !== tid || view.getUint32(value + 4, true) !== sum) return records.slice(0, valid);
        valid = records.length;
        sum = 0;
      } else {
        sum = crc32c(sum, block, at, value + length);
        if (tag <= TAG.inode) records.push({ tag, value: block.subarray(value, value + length) });
      }
      at = value + length;
    }
  }
  return records.slice(0, valid);
}

/** ext4_fc_value_len_isvalid. */
function isLength(tag: number, length: number): boolean {
  switch (tag) {
    case TAG.addRange: return length === 16;
    case TAG.delRange: return length === 12;
    case TAG.create: case TAG.link: case TAG.unlink: return length > 8 && length <= 8 + 255;
    case TAG.inode: return length >= 4 + 128;
    case TAG.pad: return true;
    case TAG.tail: return length >= 8;
    case TAG.head: return length === 8;
    default: return false;
  }
}
