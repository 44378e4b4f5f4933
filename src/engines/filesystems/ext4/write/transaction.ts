import { type BlockDevice, readBytes } from '../../../core/bytes/device.ts';
import { corrupt } from '../../../core/errors.ts';
import type { Blocks } from '../blocks.ts';

/** Blocks of metadata that are held changed before they are committed by themselves: 4096 of 4 KiB are 16 MiB. */
const MOST_CHANGED = 4096;

/** A changed block that the device does not have yet. */
export interface Changed {
  readonly block: number;
  readonly bytes: Uint8Array;
}

/** Makes a transaction's blocks durable: through the journal, or straight in place. */
export interface Committer {
  /** Blocks that one transaction may change, at most. */
  readonly capacity: number;
  /**
   * @param changed the blocks with their new contents, in no order
   * @param revoked blocks of metadata that were freed: older copies of them in the journal must not come back
   */
  commit(changed: readonly Changed[], revoked: readonly number[]): void;
}

/**
 * The blocks of a filesystem while it is changed. Metadata is changed in private copies, which the device gets when the transaction is
 * committed; an operation that throws leaves no trace in them. Contents of files go straight to the device, before the commit (ordered mode).
 *
 * A view that `edit` or `fresh` gave is good until the operation ends.
 */
export class Transaction implements Blocks {
  readonly blockSize: number;
  readonly count: number;
  readonly #device: BlockDevice;
  readonly #committer: Committer;
  /** Changed since the last commit. */
  readonly #changed = new Map<number, Uint8Array>();
  readonly #revoked = new Set<number>();
  /** How the running operation can be undone: contents of each block before it; undefined where it was not changed yet. */
  #before: Map<number, Uint8Array | undefined> | undefined;
  #revokedBefore: readonly number[] = [];
  readonly #ends = new Map<string | number, () => void>();
  readonly #undone: (() => void)[] = [];
  readonly #watchers: (() => void)[] = [];
  readonly #committing: (() => void)[] = [];
  readonly #committed: (() => void)[] = [];

  /** @param device cached; everything that is written goes through it */
  constructor(device: BlockDevice, blockSize: number, count: number, committer: Committer) {
    this.#device = device;
    this.#committer = committer;
    this.blockSize = blockSize;
    this.count = count;
  }

  at(block: number): number {
    return block * this.blockSize;
  }

  get(block: number, structure: string): Uint8Array {
    return this.#changed.get(block) ?? this.#read(block, structure);
  }

  /** The changed copy of a block, where there is one: what readers must see instead of the device's. */
  changed(block: number): Uint8Array | undefined {
    return this.#changed.get(block);
  }

  /** A block to be changed in place. Only within an operation. @throws DiskError corrupt, io */
  edit(block: number, structure: string): Uint8Array {
    const there = this.#changed.get(block);
    if (there !== undefined) {
      if (!this.#running.has(block)) this.#running.set(block, there.slice());
      return there;
    }
    const bytes = this.#read(block, structure).slice();
    this.#running.set(block, undefined);
    this.#changed.set(block, bytes);
    return bytes;
  }

  /** A block of zeros to be filled, whatever the device has there: a newly allocated block of metadata. */
  fresh(block: number, structure: string): Uint8Array {
    this.#check(block, structure);
    const there = this.#changed.get(block);
    if (!this.#running.has(block)) this.#running.set(block, there);
    const bytes = new Uint8Array(this.blockSize);
    this.#changed.set(block, bytes);
    this.#revoked.delete(block);
    return bytes;
  }

  /** A block of metadata was freed: its change is dropped, and what the journal has of it is revoked. */
  forget(block: number): void {
    if (!this.#running.has(block)) this.#running.set(block, this.#changed.get(block));
    this.#changed.delete(block);
    this.#revoked.add(block);
  }

  /** Contents of files: written at once. @param at bytes of the filesystem; the range lies in allocated blocks of a file */
  writeData(at: number, from: Uint8Array): void {
    if (!(at >= 0 && at + from.length <= this.count * this.blockSize)) throw corrupt('block of a file', `bytes at ${at} are outside the filesystem`);
    this.#device.write!(at, from);
  }

  /** Runs at the end of the operation, once a key: checksums that are made over all its edits. Not when it throws. */
  atEnd(key: string | number, run: () => void): void {
    this.#ends.set(key, run);
  }

  /** Runs when the running operation throws: memory that follows the blocks is put back. Innermost change first. */
  onUndo(run: () => void): void {
    if (this.#before !== undefined) this.#undone.push(run);
  }

  /** Runs after every operation, whether it threw or not: what readers keep is out of date. */
  onChange(run: () => void): void {
    this.#watchers.push(run);
  }

  /** Runs before every commit, as a part of it: checksums of bitmaps and descriptors, counts of the superblock. */
  beforeCommit(run: () => void): void {
    this.#committing.push(run);
  }

  /** Runs after every commit: blocks that were freed may be used again. */
  afterCommit(run: () => void): void {
    this.#committed.push(run);
  }

  /** All or nothing. Operations within it are a part of it. */
  operation<T>(run: () => T): T {
    if (this.#before !== undefined) return run();
    if (this.#changed.size > Math.min(MOST_CHANGED, this.#committer.capacity / 2)) this.commit();
    this.#before = new Map();
    this.#revokedBefore = [...this.#revoked];
    try {
      const result = run();
      for (const end of this.#ends.values()) end();
      return result;
    } catch (error) {
      this.#undo();
      throw error;
    } finally {
      this.#before = undefined;
      this.#ends.clear();
      this.#undone.length = 0;
      for (const watch of this.#watchers) watch();
    }
  }

  /** Everything before is durable when it returns. Not within an operation. */
  commit(): void {
    if (this.#before !== undefined) throw new Error('an operation is running');
    if (this.#changed.size > 0 || this.#revoked.size > 0) {
      this.#before = new Map();
      try {
        for (const prepare of this.#committing) prepare();
        for (const end of this.#ends.values()) end();
      } finally {
        this.#before = undefined;
        this.#ends.clear();
      }
      this.#committer.commit([...this.#changed].map(([block, bytes]) => ({ block, bytes })), [...this.#revoked]);
      this.#changed.clear();
      this.#revoked.clear();
    }
    for (const run of this.#committed) run();
  }

  get #running(): Map<number, Uint8Array | undefined> {
    // A change outside of an operation could not be undone: a fault of ours.
    if (this.#before === undefined) throw new Error('no operation is running');
    return this.#before;
  }

  #undo(): void {
    for (const [block, bytes] of this.#before!) {
      if (bytes === undefined) this.#changed.delete(block);
      else this.#changed.set(block, bytes);
    }
    this.#revoked.clear();
    for (const block of this.#revokedBefore) this.#revoked.add(block);
    for (const put of this.#undone.toReversed()) put();
  }

  #check(block: number, structure: string): void {
    // The negated form also refuses NaN.
    if (!(block >= 0 && block < this.count)) throw corrupt(structure, `block ${block} is outside the filesystem of ${this.count} blocks`);
  }

  #read(block: number, structure: string): Uint8Array {
    this.#check(block, structure);
    return readBytes(this.#device, block * this.blockSize, this.blockSize);
  }
}

/** Without a journal, or over an overlay: changed blocks go to their places. */
export class InPlaceCommitter implements Committer {
  readonly capacity = Infinity;
  readonly #device: BlockDevice;
  readonly #blockSize: number;

  constructor(device: BlockDevice, blockSize: number) {
    this.#device = device;
    this.#blockSize = blockSize;
  }

  commit(changed: readonly Changed[]): void {
    for (const { block, bytes } of changed.toSorted((a, b) => a.block - b.block)) this.#device.write!(block * this.#blockSize, bytes);
    this.#device.flush?.();
  }
}
