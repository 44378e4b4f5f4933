import { type BlockDevice, readBytes } from '../../../core/bytes/device.ts';
import { corrupt, type DiskError, usage } from '../../../core/errors.ts';
import type { Blocks } from '../blocks.ts';

/** Bytes of changed metadata that are held before they are committed by themselves. */
const MOST_CHANGED = 16 * 1024 * 1024;

/** Copies of blocks that are kept for the next operations. */
const MOST_SPARE = 64;

/** A changed block that the device does not have yet. */
export interface Changed {
  readonly block: number;
  readonly bytes: Uint8Array;
}

/** Makes a transaction's blocks durable: through the journal, or straight in place. */
export interface Committer {
  /** Blocks of metadata that one transaction should change, at most. */
  readonly capacity: number;
  /** Blocks that the operations of one transaction may change in all, whatever they are: more could not be committed as a whole. */
  readonly most: number;
  /** Blocks that one transaction may revoke. */
  readonly mostRevoked: number;
  /**
   * @param changed the blocks with their new contents, in no order
   * @param revoked blocks of metadata that were freed: older copies of them in the journal must not come back
   */
  commit(changed: readonly Changed[], revoked: readonly number[]): void;
  /** Leaves the device as an unmounted filesystem is left. After the last commit. */
  close(): void;
}

/** Blocks that are the filesystem's own. */
interface Protected {
  /** @throws DiskError corrupt when one of the blocks is */
  refuse(block: number, count: number): void;
}

/** What a block was before an operation. */
interface Before {
  /** Its changed copy, if it had one. */
  readonly bytes: Uint8Array | undefined;
  /** What stood in that copy; absent where it is not changed in place. */
  readonly contents: Uint8Array | undefined;
  readonly revoked: boolean;
}

/** An operation that runs: what puts it back. */
interface Running {
  readonly before: Map<number, Before>;
  readonly undone: (() => void)[];
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
  /** The running operations, each within the one before it. */
  readonly #running: Running[] = [];
  readonly #spare: Uint8Array[] = [];
  readonly #ends = new Map<string | number, () => void>();
  readonly #watchers: (() => void)[] = [];
  readonly #committing: (() => void)[] = [];
  readonly #committed: (() => void)[] = [];
  /** Contents of files were written since the last commit. */
  #hasData = false;
  /** The running operation was refused, as the transaction became too large for the journal. */
  #outgrown = false;
  #zone: Protected | undefined;
  /** A commit failed: what the device has is not known, so nothing more is changed. */
  #failure: unknown;

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

  /** Whether an operation is running. */
  get isRunning(): boolean {
    return this.#running.length > 0;
  }

  /** Blocks that the next commit writes so far. */
  get size(): number {
    return this.#changed.size;
  }

  /** A block to be changed in place. Only within an operation. @throws DiskError corrupt, io; usage ENOSPC when the operation grows too large */
  edit(block: number, structure: string): Uint8Array {
    const there = this.#changed.get(block);
    if (there !== undefined) {
      this.#remember(block, true);
      return there;
    }
    const bytes = this.#read(block, structure).slice();
    this.#hold(block, bytes);
    return bytes;
  }

  /**
   * As `edit`, for a block that a file's map or an attribute's number led to: a crafted one leads to the filesystem's own structures.
   * @throws DiskError corrupt for those, too
   */
  editOfFile(block: number, structure: string): Uint8Array {
    this.#zone?.refuse(block, 1);
    return this.edit(block, structure);
  }

  /** A block of zeros to be filled, whatever the device has there: a newly allocated block of metadata. @throws as `edit` */
  fresh(block: number, structure: string): Uint8Array {
    this.#check(block, structure);
    const bytes = new Uint8Array(this.blockSize);
    this.#hold(block, bytes);
    return bytes;
  }

  /** A block of metadata was freed: its change is dropped, and what the journal has of it is revoked. @throws DiskError usage ENOSPC when there are too many */
  forget(block: number): void {
    if (this.#revoked.size >= this.#committer.mostRevoked) throw this.#tooLarge(`${this.#revoked.size} blocks are freed in it`);
    this.#remember(block, false);
    this.#changed.delete(block);
    this.#revoked.add(block);
  }

  /** Contents of files: written at once. @param at bytes of the filesystem; the range lies in allocated blocks of a file */
  writeData(at: number, from: Uint8Array): void {
    if (!(at >= 0 && at + from.length <= this.count * this.blockSize)) throw corrupt('block of a file', `bytes at ${at} are outside the filesystem`);
    this.#refuseAfterFailure();
    this.#hasData = true;
    this.#device.write!(at, from);
  }

  /** Runs at the end of the operation, once a key: checksums that are made over all its edits. Not when it throws. */
  atEnd(key: string | number, run: () => void): void {
    this.#ends.set(key, run);
  }

  /** Runs when the running operation throws: memory that follows the blocks is put back. Innermost change first. */
  onUndo(run: () => void): void {
    this.#running.at(-1)?.undone.push(run);
  }

  /** Where nothing that belongs to a file can lie. */
  protect(zone: Protected): void {
    this.#zone = zone;
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

  /**
   * All or nothing. An operation within another one is a part of it; when it throws and the outer one goes on, what the inner one did is
   * undone alone. It may run twice: when the changes before it have to be committed to make room for its own.
   */
  operation<T>(run: () => T): T {
    if (this.#running.length > 0) return this.#undoable(run);
    this.#refuseAfterFailure();
    if (this.#changed.size > Math.min(MOST_CHANGED / this.blockSize, this.#committer.capacity / 2) || this.#revoked.size > this.#committer.mostRevoked / 2) this.commit();
    this.#outgrown = false;
    try {
      return this.#outermost(run);
    } catch (error) {
      // Those before it took a part of what a transaction may change: with all of it to itself, it may fit.
      if (!this.#outgrown || (this.#changed.size === 0 && this.#revoked.size === 0)) throw error;
      this.commit();
      return this.#outermost(run);
    }
  }

  /**
   * Everything before is durable when it returns. Not within an operation.
   * @throws DiskError io; from then on nothing can be changed any more, as it is not known what the device has
   */
  commit(): void {
    if (this.#running.length > 0) throw new Error('an operation is running');
    this.#refuseAfterFailure();
    if (this.#changed.size > 0 || this.#revoked.size > 0) {
      try {
        this.#undoable(() => {
          for (const prepare of this.#committing) prepare();
          this.#runEnds();
        });
      } finally {
        this.#ends.clear();
      }
      this.#guarded(() => { this.#committer.commit([...this.#changed].map(([block, bytes]) => ({ block, bytes })), [...this.#revoked]); });
      this.#changed.clear();
      this.#revoked.clear();
    } else if (this.#hasData) {
      this.#guarded(() => { this.#device.flush?.(); });
    }
    this.#hasData = false;
    for (const run of this.#committed) run();
    for (const watch of this.#watchers) watch();
  }

  /** Commits, and leaves the device as an unmounted filesystem is left. After a failed commit it is left for recovery instead. */
  close(): void {
    if (this.#failure !== undefined) return;
    this.commit();
    this.#guarded(() => { this.#committer.close(); });
  }

  #outermost<T>(run: () => T): T {
    try {
      return this.#undoable(() => {
        const result = run();
        this.#runEnds();
        return result;
      });
    } finally {
      this.#ends.clear();
      for (const watch of this.#watchers) watch();
    }
  }

  /** Runs a part that is taken back when it throws. */
  #undoable<T>(run: () => T): T {
    const running: Running = { before: new Map(), undone: [] };
    this.#running.push(running);
    let result: T;
    try {
      result = run();
    } catch (error) {
      this.#undo(running);
      this.#running.pop();
      this.#recycle(running);
      throw error;
    }
    this.#running.pop();
    const outer = this.#running.at(-1);
    if (outer === undefined) {
      this.#recycle(running);
    } else {
      // The outer one can still be undone, back to what it found.
      for (const [block, before] of running.before) {
        if (!outer.before.has(block)) outer.before.set(block, before);
      }
      outer.undone.push(...running.undone);
    }
    return result;
  }

  /** Every operation copies the few blocks that it changes: the copies take one another's place. */
  #recycle({ before }: Running): void {
    for (const { contents } of before.values()) if (contents !== undefined && this.#spare.length < MOST_SPARE) this.#spare.push(contents);
  }

  #copy(bytes: Uint8Array): Uint8Array {
    const copy = this.#spare.pop() ?? new Uint8Array(this.blockSize);
    copy.set(bytes);
    return copy;
  }

  #runEnds(): void {
    for (const end of this.#ends.values()) end();
  }

  #guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }

  #refuseAfterFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Keeps what a block is now, once an operation. @param copy the bytes are about to be changed in place */
  #remember(block: number, copy: boolean): void {
    const running = this.#running.at(-1);
    // A change outside of an operation could not be undone: a fault of ours.
    if (running === undefined) throw new Error('no operation is running');
    if (running.before.has(block)) return;
    const bytes = this.#changed.get(block);
    running.before.set(block, { bytes, contents: copy && bytes !== undefined ? this.#copy(bytes) : undefined, revoked: this.#revoked.has(block) });
  }

  #hold(block: number, bytes: Uint8Array): void {
    // Half of what the log takes is left for what the commit itself adds: at most a descriptor block a changed bitmap, and the superblock.
    if (!this.#changed.has(block) && this.#changed.size >= this.#committer.most) throw this.#tooLarge(`it changes ${this.#changed.size} blocks`);
    this.#remember(block, false);
    this.#changed.set(block, bytes);
    // What is written again in the same transaction must come back from it (jbd2_journal_cancel_revoke).
    this.#revoked.delete(block);
  }

  #undo({ before, undone }: Running): void {
    for (const [block, { bytes, contents, revoked }] of before) {
      if (bytes === undefined) this.#changed.delete(block);
      else this.#changed.set(block, bytes);
      // In place: an outer operation may hold a view of it.
      if (contents !== undefined) bytes!.set(contents);
      if (revoked) this.#revoked.add(block);
      else this.#revoked.delete(block);
    }
    for (const put of undone.toReversed()) put();
  }

  #tooLarge(why: string): DiskError {
    this.#outgrown = true;
    return usage('ENOSPC', `The change is too large for the journal: ${why}`, 'Do it in smaller parts, or change an overlay, which needs no journal.');
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
