import { crc32be } from '../../../codecs/crc32be.ts';
import { crc32c, crc32cOfZeros } from '../../../codecs/crc32c.ts';
import { corrupt, isDiskError } from '../../../core/errors.ts';
import type { Note } from '../../../core/filesystem.ts';
import { type FastCommits, readFastCommits } from './fast-commit.ts';
import * as layout from './layout.ts';
import { type JournalHead, readJournalSuperblock } from './superblock.ts';
import { readTags, type Tag } from './tags.ts';

/** A journal as blocks: of the journal inode, or of an external device. */
export interface JournalSource {
  /** Bytes: the filesystem's block size. */
  readonly blockSize: number;
  /** Blocks that the journal's inode (or device) has. */
  readonly count: number;
  /** @throws DiskError when the block cannot be read or is not mapped */
  block(logical: number): Uint8Array;
  /** Byte offset of the block on the device: for notes, and for reading the copies in place. @throws DiskError when it is not mapped */
  physical(logical: number): number;
}

/** The filesystem's blocks as they will be after recovery: a map over the image, which is not touched. */
export interface JournalMap {
  /** The journal has a log that recovery would look at (s_start is not 0). */
  readonly dirty: boolean;
  /** The sequence numbers of the first transaction of the log, and of the one after the last that is whole. They wrap at 2^32. */
  readonly firstSequence: number;
  readonly endSequence: number;
  /** Filesystem blocks that have a newer copy here. */
  readonly size: number;
  /** Copies that a revoke record made void. */
  readonly revoked: number;
  /** s_errno: the filesystem was aborted with this error (a positive errno); 0 = none. */
  readonly errno: number;
  /** The features by the names that dumpe2fs prints. */
  readonly features: readonly string[];
  /** Changes after the last transaction, which are not of blocks: see fast-commits.ts. */
  readonly fastCommits: FastCommits | undefined;
  /** What stands in the journal for filesystem block `block`, or undefined where the image's own block is the newest. Read-only by agreement. */
  get(block: number): Uint8Array | undefined;
  /** Byte offset on the journal's device where those bytes lie unchanged; undefined where there is no copy, or an escaped one. */
  at(block: number): number | undefined;
  /** The numbers of the filesystem blocks with a newer copy. */
  blocks(): Iterable<number>;
}

/** Where the newest committed copy of a filesystem block lies. */
interface Copy {
  /** Logical block of the journal. */
  readonly logical: number;
  /** Its first four bytes were zeroed because they spelled the journal's magic number. */
  readonly escaped: boolean;
}

/** Sequence numbers wrap at 2^32: true when `a` comes after `b` (tid_gt). */
const isAfter = (a: number, b: number): boolean => ((a - b) | 0) > 0;
const CHECKSUM_TAIL = layout.BlockTail.size;

/**
 * Reads the journal as fs/jbd2/recovery.c replays it — find the end of the log, collect the revoke records, take the blocks that are not
 * revoked — but into a map. The log ends at the first transaction that is not whole. Where the kernel would refuse to mount,
 * nothing (or, for single damaged blocks, all but these) is taken and a note says why.
 * @throws DiskError when the superblock is damaged or has unknown features
 */
export function readJournal(journal: JournalSource, note: (note: Note) => void): JournalMap {
  const head = readJournalSuperblock(journal);
  if (head.errno !== 0) {
    note({ severity: 'warning', message: `The filesystem was shut down after error ${head.errno} (the journal's s_errno); check it`, place: { structure: 'journal superblock', at: journal.physical(0) } });
  }
  let end = head.sequence;
  let failed = false;
  let found: Replayed = { copies: new Map(), revoked: 0 };
  if (head.start !== 0) {
    try {
      const log = new Log(journal, head, note);
      end = log.scan();
      log.collectRevokes(end);
      found = log.replay(end);
    } catch (error) {
      if (!isDiskError(error)) throw error;
      end = head.sequence;
      failed = true;
      const place = error.fault.kind === 'corrupt' ? error.fault.place : { structure: 'journal' };
      note({ severity: 'error', message: `The journal can't be replayed, so the last changes are not shown: ${error.message}`, place });
    }
  }
  const fastCommits = head.start === 0 || failed ? undefined : readFastCommits(journal, head, end);
  return mapOf(journal, head, end, found, fastCommits);
}

interface Replayed {
  readonly copies: Map<number, Copy>;
  readonly revoked: number;
}

function mapOf(journal: JournalSource, head: JournalHead, end: number, { copies, revoked }: Replayed, fastCommits: FastCommits | undefined): JournalMap {
  return {
    dirty: head.start !== 0, firstSequence: head.sequence, endSequence: end, size: copies.size, revoked, errno: head.errno, features: head.features, fastCommits,
    get(block) {
      const copy = copies.get(block);
      if (copy === undefined) return undefined;
      const bytes = journal.block(copy.logical);
      if (!copy.escaped) return bytes;
      // Not slice(): where the bytes are a Node Buffer, that would not copy.
      const restored = new Uint8Array(bytes);
      new DataView(restored.buffer).setUint32(0, layout.MAGIC);
      return restored;
    },
    at(block) {
      const copy = copies.get(block);
      return copy === undefined || copy.escaped ? undefined : journal.physical(copy.logical);
    },
    blocks: () => copies.keys(),
  };
}

/** A block of the log that belongs to the transaction that is expected. */
interface LogBlock {
  readonly logical: number;
  readonly bytes: Uint8Array;
  readonly type: number;
}

class Log {
  readonly #journal: JournalSource;
  readonly #head: JournalHead;
  readonly #note: (note: Note) => void;
  /** Filesystem block → the last transaction that revokes it. */
  readonly #revokes = new Map<number, number>();
  #at = 0;
  /** Device offsets of the control blocks of this pass: a log that comes to one again goes in circles. */
  #seen = new Set<number>();

  constructor(journal: JournalSource, head: JournalHead, note: (note: Note) => void) {
    this.#journal = journal;
    this.#head = head;
    this.#note = note;
  }

  /** Finds the sequence number after the last whole transaction (PASS_SCAN). @throws DiskError corrupt where the kernel gives up */
  scan(): number {
    const head = this.#head;
    let sequence = head.sequence;
    let end: number | undefined;
    // The CRC over a transaction's descriptors and blocks (version 1).
    let sum = 0xffffffff;
    let lastTime = 0n;
    // A descriptor or revoke block has failed: whether that is damage or an old log shows in the commit's time.
    let doubtful: number | undefined;
    this.#rewind();
    for (let block = this.#next(sequence); block !== undefined; block = this.#next(sequence)) {
      if (block.type === layout.DESCRIPTOR_BLOCK) {
        if (!this.#tailIsSound(block.bytes)) doubtful ??= block.logical;
        const tags = readTags(block.bytes, head);
        if (head.checksums === 1 && doubtful === undefined && end === undefined) sum = this.#sumOf(block.bytes, tags, sum);
        else this.#skip(tags.length);
      } else if (block.type === layout.REVOKE_BLOCK) {
        if (!this.#tailIsSound(block.bytes)) doubtful ??= block.logical;
      } else if (block.type === layout.COMMIT_BLOCK) {
        const commit = layout.CommitHeader.at(block.bytes);
        const time = commit.h_commit_sec;
        if (doubtful !== undefined) {
          if (time >= lastTime) throw corrupt('journal block', `the checksum of block ${doubtful} in transaction ${sequence} is wrong`, this.#journal.physical(doubtful));
          break;
        }
        if (head.checksums === 1 && end !== undefined) break;
        if (!this.#commitIsSound(block.bytes, sum)) {
          if (time < lastTime) break;
          this.#note({
            severity: 'warning',
            message: `The journal's transaction ${sequence} was not written completely; it and what follows is left out, as recovery does`,
            place: { structure: 'journal commit block', at: this.#journal.physical(block.logical) },
          });
          end = sequence;
          // With asynchronous commits, the kernel reads on to tell damage from an interrupted write; what it replays ends here all the same.
          break;
        }
        sum = 0xffffffff;
        lastTime = time;
        sequence = (sequence + 1) >>> 0;
      } else {
        break;
      }
    }
    return end ?? sequence;
  }

  /** PASS_REVOKE. */
  collectRevokes(end: number): void {
    this.#walk(end, (block, sequence) => {
      if (block.type === layout.DESCRIPTOR_BLOCK) this.#skip(readTags(block.bytes, this.#head).length);
      else if (block.type === layout.REVOKE_BLOCK) this.#revoke(block, sequence);
    });
  }

  /** PASS_REPLAY. */
  replay(end: number): Replayed {
    const copies = new Map<number, Copy>();
    let revoked = 0;
    this.#walk(end, (block, sequence) => {
      if (block.type !== layout.DESCRIPTOR_BLOCK) return;
      for (const tag of readTags(block.bytes, this.#head)) {
        const logical = this.#at;
        this.#skip(1);
        const revokedBy = this.#revokes.get(tag.block);
        if (revokedBy !== undefined && !isAfter(sequence, revokedBy)) {
          revoked++;
          continue;
        }
        if (!this.#copyIsSound(logical, tag, sequence)) continue;
        copies.set(tag.block, { logical, escaped: tag.escaped });
      }
    });
    return { copies, revoked };
  }

  /** Visits the blocks of the transactions before `end`. */
  #walk(end: number, visit: (block: LogBlock, sequence: number) => void): void {
    let sequence = this.#head.sequence;
    this.#rewind();
    while (isAfter(end, sequence)) {
      const block = this.#next(sequence);
      if (block === undefined) return;
      if (block.type === layout.COMMIT_BLOCK) sequence = (sequence + 1) >>> 0;
      else visit(block, sequence);
    }
  }

  #rewind(): void {
    this.#at = this.#head.start;
    this.#seen = new Set();
  }

  /** The block at the place that the log has come to; undefined where the log ends. */
  #next(sequence: number): LogBlock | undefined {
    const logical = this.#at;
    const bytes = this.#journal.block(logical);
    this.#skip(1);
    const header = layout.JournalHeader.at(bytes);
    if (header.h_magic !== layout.MAGIC || header.h_sequence !== sequence) return undefined;
    const place = this.#journal.physical(logical);
    if (this.#seen.has(place)) throw corrupt('journal block', `the log comes to block ${logical} twice`, place);
    this.#seen.add(place);
    return { logical, bytes, type: header.h_blocktype };
  }

  /** Moves on, around the log's end. */
  #skip(count: number): void {
    const { first, last } = this.#head;
    this.#at += count;
    // By the remainder, as a hostile descriptor may have more tags than the log has blocks.
    if (this.#at >= last) this.#at = first + ((this.#at - last) % (last - first));
  }

  #sumOf(descriptor: Uint8Array, tags: readonly Tag[], before: number): number {
    let sum = crc32be(before, descriptor);
    for (let i = 0; i < tags.length; i++) {
      sum = crc32be(sum, this.#journal.block(this.#at));
      this.#skip(1);
    }
    return sum;
  }

  /** Descriptor and revoke blocks end in their crc32c. */
  #tailIsSound(bytes: Uint8Array): boolean {
    if (this.#head.checksums < 2) return true;
    const at = bytes.length - CHECKSUM_TAIL;
    return crc32cOfZeros(crc32c(this.#head.seed, bytes, 0, at), CHECKSUM_TAIL) === layout.BlockTail.at(bytes, at).t_checksum;
  }

  #commitIsSound(bytes: Uint8Array, sum: number): boolean {
    const commit = layout.CommitHeader.at(bytes);
    if (this.#head.checksums === 1) {
      const { h_chksum_type: type, h_chksum_size: size, h_chksum: stored } = commit;
      return (type === layout.CHECKSUM_CRC32 && size === 4 && stored === sum) || (type === 0 && size === 0 && stored === 0);
    }
    if (this.#head.checksums < 2) return true;
    if (this.#commitSum(bytes) === commit.h_chksum) return true;
    // Only the first sector may have reached the disk; the rest of a commit block is zeros (jbd2_commit_block_csum_verify_partial).
    const partial = new Uint8Array(bytes.length);
    partial.set(bytes.subarray(0, layout.CommitHeader.size));
    return this.#commitSum(partial) === commit.h_chksum;
  }

  #commitSum(bytes: Uint8Array): number {
    const at = layout.COMMIT_CHECKSUM_AT;
    return crc32c(crc32cOfZeros(crc32c(this.#head.seed, bytes, 0, at), 4), bytes, at + 4);
  }

  #copyIsSound(logical: number, tag: Tag, sequence: number): boolean {
    let message: string;
    try {
      if (this.#head.checksums < 2) return true;
      const prefix = Uint8Array.of(sequence >>> 24, sequence >>> 16, sequence >>> 8, sequence);
      const sum = crc32c(crc32c(this.#head.seed, prefix), this.#journal.block(logical));
      if ((this.#head.checksums === 3 ? sum : sum & 0xffff) === tag.checksum) return true;
      message = 'its checksum is wrong';
    } catch (error) {
      if (!isDiskError(error)) throw error;
      message = error.message;
    }
    this.#note({
      severity: 'error',
      message: `The journal's copy of block ${tag.block} in transaction ${sequence} can't be used: ${message}; an older state of that block is shown`,
      place: { structure: 'journal data block', at: this.#journal.physical(logical), length: this.#journal.blockSize },
    });
    return false;
  }

  #revoke(block: LogBlock, sequence: number): void {
    const { bytes } = block;
    const { checksums, has64bit } = this.#head;
    const used = layout.RevokeHeader.at(bytes).r_count;
    if (used > bytes.length - (checksums >= 2 ? CHECKSUM_TAIL : 0)) throw corrupt('journal revoke block', `it counts ${used} bytes`, this.#journal.physical(block.logical));
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const size = has64bit ? 8 : 4;
    for (let at = layout.RevokeHeader.size; at + size <= used; at += size) {
      const revoked = has64bit ? view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4) : view.getUint32(at);
      const before = this.#revokes.get(revoked);
      if (before === undefined || isAfter(sequence, before)) this.#revokes.set(revoked, sequence);
    }
  }
}
