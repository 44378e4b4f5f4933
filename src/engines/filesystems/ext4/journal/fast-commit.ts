import { crc32c } from '../../../codecs/crc32c.ts';
import type { Note } from '../../../core/filesystem.ts';
import type { JournalSource } from './replay.ts';
import type { JournalHead } from './superblock.ts';

/**
 * Fast commits (fs/ext4/fast_commit.h): after the log, the journal keeps an area of small records that describe changes since the last
 * whole transaction in terms of inodes and names, not of blocks. Little-endian: tag, length, value.
 */

const TAG = { addRange: 1, delRange: 2, create: 3, link: 4, unlink: 5, inode: 6, pad: 7, tail: 8, head: 9 } as const;
const TAG_HEADER = 4;

/** How many records of valid fast commits follow transaction `tid` - 1 (ext4_fc_replay_scan); `tid` is the journal's end. */
export function countFastCommits(journal: JournalSource, head: JournalHead, tid: number): number {
  if (head.fastCommits === undefined) return 0;
  const { from, to } = head.fastCommits;
  let valid = 0;
  let count = 0;
  let sum = 0;
  for (let logical = from; logical < to; logical++) {
    const block = journal.block(logical);
    const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
    if (logical === from && view.getUint16(0, true) !== TAG.head) return 0;
    for (let at = 0; at + TAG_HEADER <= block.length;) {
      const tag = view.getUint16(at, true);
      const length = view.getUint16(at + 2, true);
      const value = at + TAG_HEADER;
      if (value + length > block.length || !isLength(tag, length)) return valid;
      if (tag === TAG.head && (view.getUint32(value, true) !== 0 || view.getUint32(value + 4, true) !== tid)) return valid;
      count++;
      if (tag === TAG.tail) {
        sum = crc32c(sum, block, at, value + 4);
        if (view.getUint32(value, true) !== tid || view.getUint32(value + 4, true) !== sum) return valid;
        valid = count;
        sum = 0;
      } else {
        sum = crc32c(sum, block, at, value + length);
      }
      at = value + length;
    }
  }
  return valid;
}

/** Says so when there are valid fast commits: they are not part of what is shown. */
export function noteFastCommits(journal: JournalSource, head: JournalHead, tid: number, note: (note: Note) => void): void {
  const count = countFastCommits(journal, head, tid);
  if (count === 0) return;
  note({
    severity: 'warning',
    message: `The journal ends in fast commits (feature fast_commit, ${count} records), which are not replayed: the very last changes before the crash are not shown`,
    place: { structure: 'fast commit area of the journal', at: journal.physical(head.fastCommits!.from) },
  });
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
