import type { BlockDevice } from '../../../core/bytes/device.ts';
import { unsupported } from '../../../core/errors.ts';
import { blocksOf, type LogFormat, logBlocks } from '../journal/append.ts';
import { INCOMPAT_64BIT, INCOMPAT_CSUM_V3, INCOMPAT_REVOKE } from '../journal/layout.ts';
import type { JournalSource } from '../journal/replay.ts';
import { type JournalHead, writeJournalState } from '../journal/superblock.ts';
import { SUPERBLOCK_AT } from '../layout.ts';
import type { Superblock } from '../superblock.ts';
import { writeInPlace } from './committers.ts';
import { withMountFlag } from './mount-flags.ts';
import type { Changed, Committer } from './transaction.ts';

/** A journal of fewer blocks is refused by the kernel (JBD2_MIN_JOURNAL_BLOCKS). */
const LEAST_BLOCKS = 1024;
/** One transaction takes a quarter of the journal (JBD2_MAX_TXN_RATIO, jbd2_journal_get_max_txn_bufs). */
const QUARTER = 4;
/** What the operations of one transaction may take of the log in changed blocks and in revoke blocks; the rest is for what the commit adds. */
const SHARE_OF_CHANGES = 0.4;
const SHARE_OF_REVOKES = 0.1;
/** Bytes of neighbouring log blocks that are written in one go at most. */
const MOST_AT_ONCE = 1024 * 1024;

export interface JournalOptions {
  /** Cached; everything is written through it. */
  readonly device: BlockDevice;
  readonly superblock: Superblock;
  readonly journal: JournalSource;
  /** Of an empty journal. */
  readonly head: JournalHead;
  /** Nanoseconds since 1970. */
  now(): bigint;
}

/**
 * Commits through the journal (fs/jbd2/commit.c, checkpoint.c), in ordered mode. The order on the device, with | for a flush:
 *
 *     contents of files, log blocks | commit block | blocks in their places, contents and log blocks of the next transaction | …
 *
 * So at every moment either the commit block is missing, and nothing of the transaction is in its place, or the log has all of it. A flush
 * between contents and log blocks would say nothing more: before the commit block, both count for nothing. Blocks are in their places as soon
 * as they are committed, so the log is given up as a whole when it is full.
 */
export class JournalCommitter implements Committer {
  readonly capacity: number;
  readonly most: number;
  readonly mostRevoked: number;
  readonly #options: JournalOptions;
  readonly #blockSize: number;
  readonly #format: LogFormat;
  readonly #incompat: number;
  readonly #first: number;
  readonly #last: number;
  /** The next block of the log, and how many before it hold transactions that recovery would replay. */
  #head: number;
  #used = 0;
  #sequence: number;
  /** The journal's superblock says where the log starts. */
  #open = false;
  #lastTime = 0n;

  /** @throws DiskError unsupported */
  constructor(options: JournalOptions) {
    const { head, superblock } = options;
    if (head.version !== 1 && head.length < LEAST_BLOCKS) throw unsupported('journal', `The journal has ${head.length} blocks; one of fewer than ${LEAST_BLOCKS} is refused by Linux, and nothing is written through it`);
    if (head.version === 1) throw unsupported('journal version 1', 'The journal is of version 1, in which nothing can be revoked');
    // What the kernel turns on when it mounts (ext4_load_and_init_journal, set_journal_csum_feature), and before it revokes.
    const checksums = head.checksums === 0 && superblock.features.metadataChecksum ? 3 : head.checksums;
    const has64bit = head.has64bit || superblock.features.is64Bit;
    this.#incompat = INCOMPAT_REVOKE | (has64bit ? INCOMPAT_64BIT : 0) | (checksums === 3 ? INCOMPAT_CSUM_V3 : 0);
    this.#format = { blockSize: superblock.blockSize, seed: head.seed, checksums, has64bit };
    this.#options = options;
    this.#blockSize = superblock.blockSize;
    this.#first = head.first;
    this.#last = head.last;
    this.#head = head.first;
    this.#sequence = head.sequence;
    const length = head.last - head.first;
    this.capacity = Math.floor(length / QUARTER);
    this.most = Math.floor(length * SHARE_OF_CHANGES);
    // A revoke record has at most 8 bytes; headers and checksum take less than a tenth of the smallest block.
    this.mostRevoked = Math.floor(length * SHARE_OF_REVOKES * ((superblock.blockSize * 0.9) / 8));
  }

  commit(changed: readonly Changed[], revoked: readonly number[]): void {
    const needed = blocksOf(this.#format, changed.length, revoked.length);
    const length = this.#last - this.#first;
    // One block stays free, so that the end of a full log is not its start.
    if (needed >= length) throw unsupported('journal', `A transaction of ${needed} blocks does not fit into the journal's ${length}`);
    const { device } = this.#options;
    if (!this.#open) this.#begin();
    else if (this.#used + needed >= length) this.#checkpoint();
    const now = this.#options.now();
    // Recovery takes a time that goes back for the end of the log.
    if (now > this.#lastTime) this.#lastTime = now;
    const blocks = logBlocks(this.#format, { sequence: this.#sequence, changed, revoked, time: this.#lastTime });
    this.#append(blocks.body);
    device.flush?.();
    this.#append([blocks.commit]);
    device.flush?.();
    this.#sequence = (this.#sequence + 1) >>> 0;
    this.#used += needed;
    writeInPlace(device, this.#blockSize, changed);
  }

  close(): void {
    if (!this.#open) return;
    const { device } = this.#options;
    device.flush?.();
    this.#writeState(0);
    device.flush?.();
    this.#flag(false);
    device.flush?.();
    this.#open = false;
    this.#used = 0;
  }

  /** The filesystem says that its journal counts before the journal does. */
  #begin(): void {
    this.#flag(true);
    this.#options.device.flush?.();
    // Durable together with the log blocks of the first transaction: before its commit block, there is nothing to be found.
    this.#writeState(this.#head, this.#incompat);
    this.#open = true;
  }

  /** All that the log has is in its place; it starts anew at its head. */
  #checkpoint(): void {
    const { device } = this.#options;
    device.flush?.();
    this.#writeState(this.#head);
    // Before anything is written over blocks that the old start needs.
    device.flush?.();
    this.#used = 0;
  }

  #flag(on: boolean): void {
    const bytes = withMountFlag(this.#options.device, 'recover', on);
    if (bytes !== undefined) this.#options.device.write!(SUPERBLOCK_AT, bytes);
  }

  #writeState(start: number, incompat?: number): void {
    const { journal, device } = this.#options;
    const block = journal.block(0).slice();
    writeJournalState(block, { start, sequence: this.#sequence, ...(incompat === undefined ? {} : { incompat }) });
    device.write!(journal.physical(0), block.subarray(0, 1024));
  }

  /** Writes blocks at the head of the log, neighbours on the device together. */
  #append(blocks: readonly Uint8Array[]): void {
    const { journal, device } = this.#options;
    let run: Uint8Array[] = [];
    let runAt = 0;
    const write = (): void => {
      if (run.length === 1) device.write!(runAt, run[0]!);
      else if (run.length > 1) device.write!(runAt, joined(run, this.#blockSize));
      run = [];
    };
    for (const block of blocks) {
      const at = journal.physical(this.#head);
      if (run.length > 0 && (at !== runAt + run.length * this.#blockSize || run.length * this.#blockSize >= MOST_AT_ONCE)) write();
      if (run.length === 0) runAt = at;
      run.push(block);
      this.#head = this.#head + 1 === this.#last ? this.#first : this.#head + 1;
    }
    write();
  }
}

function joined(blocks: readonly Uint8Array[], blockSize: number): Uint8Array {
  const bytes = new Uint8Array(blocks.length * blockSize);
  blocks.forEach((block, i) => { bytes.set(block, i * blockSize); });
  return bytes;
}
