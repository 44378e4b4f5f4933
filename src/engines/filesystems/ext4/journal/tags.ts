import * as layout from './layout.ts';
import type { JournalHead } from './superblock.ts';

/** A tag of a descriptor block: which filesystem block the next block of the log is a copy of. */
export interface Tag {
  /** Filesystem block number. */
  readonly block: number;
  /** The copy begins with zeros in place of the journal's magic number. */
  readonly escaped: boolean;
  /** crc32c of sequence and copy: the low 16 bits with checksum version 2, all with version 3; else without meaning. */
  readonly checksum: number;
}

/** Bytes a tag (journal_tag_bytes). */
export function tagSize(head: Pick<JournalHead, 'checksums' | 'has64bit'>): number {
  if (head.checksums === 3) return layout.BlockTag3.size;
  return layout.BlockTag.size + (head.checksums === 2 ? 2 : 0) - (head.has64bit ? 0 : 4);
}

/** The tags of a descriptor block, to the one that says it is the last or to the block's end. */
export function readTags(bytes: Uint8Array, head: Pick<JournalHead, 'checksums' | 'has64bit'>): Tag[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = tagSize(head);
  const end = bytes.length - (head.checksums >= 2 ? layout.BlockTail.size : 0);
  const tags: Tag[] = [];
  for (let at = layout.JournalHeader.size; at + size <= end;) {
    let flags: number;
    if (head.checksums === 3) {
      const tag = layout.BlockTag3.over(view, at);
      flags = tag.t_flags;
      tags.push({ block: blockNumber(tag.t_blocknr, head.has64bit ? tag.t_blocknr_high : 0), escaped: (flags & layout.FLAG_ESCAPE) !== 0, checksum: tag.t_checksum });
    } else {
      const tag = layout.BlockTag.over(view, at);
      flags = tag.t_flags;
      tags.push({ block: blockNumber(tag.t_blocknr, head.has64bit ? tag.t_blocknr_high : 0), escaped: (flags & layout.FLAG_ESCAPE) !== 0, checksum: tag.t_checksum });
    }
    if ((flags & layout.FLAG_LAST_TAG) !== 0) break;
    at += size + ((flags & layout.FLAG_SAME_UUID) === 0 ? layout.UUID_SIZE : 0);
  }
  return tags;
}

const blockNumber = (low: number, high: number): number => high * 2 ** 32 + low;
