import { usage } from '../errors.ts';
import { type Backing, type BlockDevice, checkRange, type Extent } from './device.ts';
import { MemoryPages, NONE, PAGE, type PageStore, PageTable } from './pages.ts';

/** In the table of a step: the page was not changed before it. */
const UNCHANGED = -2;

/** Bytes that one piece of `changes` holds at most: what a processor keeps at hand while it is compared and summed up. */
const PIECE = 256 * 1024;

/** Most pages, as slots are 32-bit numbers: 8 TiB of changes and history. */
const MOST_SLOTS = 2 ** 31 - 1;

/** A run of changed bytes. They are good until the next run is asked for. */
export interface Change {
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** Slots of pages as they were on the other side of a step: before it while it is done, after it while it is undone. */
interface Step {
  readonly pages: PageTable;
}

/**
 * Changes over a device that stays as it is: copy on write in pages of 4 KiB, kept in a store. What is written can be looked at, thrown
 * away, and taken back step by step. The device below is never written to, writable or not.
 *
 * Without steps it costs one slot of the store a changed page; each step keeps the pages that it changed once more.
 */
export class OverlayDevice implements BlockDevice {
  readonly size: number;
  readonly blockSize: number;
  readonly #below: BlockDevice;
  readonly #store: PageStore;
  readonly #table = new PageTable();
  /** Slots that hold nothing: used again first. */
  readonly #free: number[] = [];
  #slots = 0;
  readonly #done: Step[] = [];
  readonly #undone: Step[] = [];
  #version = 0;

  /** @param below stays open when the overlay is closed; its bytes must not change meanwhile */
  constructor(below: BlockDevice, store: PageStore = new MemoryPages()) {
    this.#below = below;
    this.#store = store;
    this.size = below.size;
    this.blockSize = below.blockSize;
  }

  /** Bytes that lie in changed pages. What was written may be the same as before. */
  get changedBytes(): number {
    const last = this.#table.get(Math.floor(this.size / PAGE)) === NONE ? 0 : PAGE - (this.size % PAGE);
    return this.#table.count * PAGE - last;
  }

  /** Grows with every change, undo and redo: whoever keeps what it read knows by it that it is out of date. */
  get version(): number {
    return this.#version;
  }

  /** Steps that can be taken back, and forth again. */
  get steps(): { readonly undo: number; readonly redo: number } {
    const empty = this.#done.at(-1)?.pages.count === 0 ? 1 : 0;
    return { undo: this.#done.length - empty, redo: this.#undone.length };
  }

  /** Bytes of the pages that the last step changed. */
  get stepBytes(): number {
    return (this.#done.at(-1)?.pages.count ?? 0) * PAGE;
  }

  read(at: number, into: Uint8Array): void {
    checkRange(this, at, into.length);
    let done = 0;
    for (const run of this.#runs(at, into.length)) {
      const part = into.subarray(done, done + run.length);
      if (run.slot === NONE) this.#below.read(run.at, part);
      else this.#store.read(placeOf(run), part);
      done += run.length;
    }
  }

  view(at: number, length: number): Uint8Array | undefined {
    checkRange(this, at, length);
    const run = this.#only(at, length);
    if (run === undefined) return undefined;
    return run.slot === NONE ? this.#below.view?.(at, length) : this.#store.view?.(placeOf(run), length);
  }

  *holes(at: number, length: number): Iterable<Extent> {
    checkRange(this, at, length);
    for (const hole of this.#below.holes?.(at, length) ?? []) {
      for (const run of this.#runs(hole.at, hole.length)) {
        if (run.slot === NONE) yield { at: run.at, length: run.length };
      }
    }
  }

  backing(at: number, length: number): Backing | undefined {
    checkRange(this, at, length);
    const run = this.#only(at, length);
    if (run === undefined) return undefined;
    return run.slot === NONE ? this.#below.backing?.(at, length) : this.#store.backing?.(placeOf(run), length);
  }

  /** @throws DiskError io, usage ENOSPC of the store; then a first part may have been written, as on any device */
  write(at: number, from: Uint8Array): void {
    checkRange(this, at, from.length);
    if (from.length === 0) return;
    this.#version++;
    this.#forgetUndone();
    const end = at + from.length;
    const first = Math.floor(at / PAGE);
    const last = Math.floor((end - 1) / PAGE);
    for (let page = first; page <= last;) {
      const start = page * PAGE;
      const from0 = Math.max(start, at);
      const to0 = Math.min(start + PAGE, end);
      if (to0 - from0 < Math.min(PAGE, this.size - start)) {
        this.#writePart(page, from0, from.subarray(from0 - at, to0 - at));
        page++;
        continue;
      }
      // Whole pages that come to lie together in the store are written together.
      const slot = this.#slotFor(page);
      let count = 1;
      for (const most = Math.floor((end - start) / PAGE); count < most; count++) {
        const next = this.#slotFor(page + count);
        if (next === slot + count) continue;
        this.#giveBack(page + count, next);
        break;
      }
      try {
        this.#store.write(slot * PAGE, from.subarray(start - at, Math.min(start + count * PAGE, end) - at));
      } catch (error) {
        for (let i = 0; i < count; i++) this.#giveBack(page + i, slot + i);
        throw error;
      }
      for (let i = 0; i < count; i++) this.#put(page + i, slot + i);
      page += count;
    }
  }

  /**
   * All changes are where the store keeps them. That is no place that outlives a power cut: what is to last is applied.
   * @throws DiskError io, usage ENOSPC of the store
   */
  flush(): void {
    this.#store.flush?.();
  }

  /** All changed pages in order, neighbours together in pieces of up to 256 KiB. Nothing may be changed meanwhile. */
  *changes(): Iterable<Change> {
    // One buffer for all of them: of gigabytes of changes, each would be garbage at once.
    const buffer = new Uint8Array(Math.min(PIECE, this.#table.count * PAGE));
    let piece: { at: number; slot: number; length: number } | undefined;
    for (const [page, slot] of this.#table.entries()) {
      const length = Math.min(PAGE, this.size - page * PAGE);
      if (piece !== undefined && piece.at + piece.length === page * PAGE && piece.length < PIECE) {
        piece.length += length;
        continue;
      }
      if (piece !== undefined) yield this.#change(piece, buffer);
      piece = { at: page * PAGE, slot, length };
    }
    if (piece !== undefined) yield this.#change(piece, buffer);
  }

  /** Where changed pages lie, neighbours together, in order. */
  *changedExtents(): Iterable<Extent> {
    let run: { at: number; length: number } | undefined;
    for (const [page] of this.#table.entries()) {
      const length = Math.min(PAGE, this.size - page * PAGE);
      if (run !== undefined && run.at + run.length === page * PAGE) {
        run.length += length;
        continue;
      }
      if (run !== undefined) yield run;
      run = { at: page * PAGE, length };
    }
    if (run !== undefined) yield run;
  }

  /**
   * What is written from now on is one step, until the next mark. A step in which nothing was written counts for nothing.
   * What was written before the first mark can't be taken back, only discarded.
   */
  mark(): void {
    if (this.#done.at(-1)?.pages.count === 0) return;
    this.#done.push({ pages: new PageTable() });
  }

  /** The last step and the one before it are one from now on; there are two of them. */
  join(): void {
    const { pages } = this.#done.pop()!;
    const before = this.#done.at(-1)!.pages;
    for (const [page, slot] of pages.entries()) {
      // What both have changed was kept as it was before the first; how it was between them nobody asks for any more.
      if (before.get(page) === NONE) before.set(page, slot);
      else this.#release(slot);
    }
  }

  /** Takes the last step back. @returns false when there is none */
  undo(): boolean {
    return this.steps.undo > 0 && this.#swap(this.#done, this.#undone);
  }

  /** Takes back what was written since the last mark, for good. */
  rollBack(): void {
    const step = this.#done.at(-1);
    if (step === undefined || step.pages.count === 0) return;
    this.#swap(this.#done, this.#undone);
    this.#drop([this.#undone.pop()!]);
  }

  /** Makes the step that was undone last again. @returns false when there is none, or something was written since */
  redo(): boolean {
    return this.steps.redo > 0 && this.#swap(this.#undone, this.#done);
  }

  /** Everything is as the device below has it (the changes were thrown away, or it was given them), and there is nothing to undo. */
  discard(): void {
    for (const [, slot] of this.#table.entries()) this.#release(slot);
    this.#table.clear();
    for (const steps of [this.#done, this.#undone]) this.#drop(steps);
    this.#version++;
  }

  close(): void {
    this.#table.clear();
    this.#done.length = 0;
    this.#undone.length = 0;
    this.#store.close();
  }

  #change({ at, length }: Extent, buffer: Uint8Array): Change {
    const bytes = buffer.subarray(0, length);
    this.read(at, bytes);
    return { at, bytes };
  }

  /** Runs of [at, at + length) that lie together: unchanged ones (slot NONE), or in neighbouring slots. */
  *#runs(at: number, length: number): Iterable<Run> {
    const end = at + length;
    let run: Run | undefined;
    for (let from = at; from < end;) {
      const page = Math.floor(from / PAGE);
      const to = Math.min((page + 1) * PAGE, end);
      const slot = this.#table.get(page);
      const next = run === undefined ? NONE : Math.floor(run.at / PAGE);
      if (run !== undefined && (slot === NONE ? run.slot === NONE : run.slot !== NONE && slot === run.slot + (page - next))) run.length += to - from;
      else {
        if (run !== undefined) yield run;
        run = { at: from, length: to - from, slot };
      }
      from = to;
    }
    if (run !== undefined) yield run;
  }

  /** The one run that a range is; undefined when it is several. */
  #only(at: number, length: number): Run | undefined {
    if (length === 0) return { at, length, slot: NONE };
    for (const run of this.#runs(at, length)) return run.length === length ? run : undefined;
    return undefined;
  }

  /** A part of a page: the rest of it stays as it reads now. */
  #writePart(page: number, at: number, from: Uint8Array): void {
    const old = this.#table.get(page);
    const slot = this.#slotFor(page);
    const inPage = at - page * PAGE;
    if (slot === old) {
      this.#store.write(slot * PAGE + inPage, from);
      return;
    }
    const bytes = new Uint8Array(PAGE);
    const there = bytes.subarray(0, Math.min(PAGE, this.size - page * PAGE));
    try {
      if (old === NONE) this.#below.read(page * PAGE, there);
      else this.#store.read(old * PAGE, there);
      bytes.set(from, inPage);
      this.#store.write(slot * PAGE, bytes);
    } catch (error) {
      this.#giveBack(page, slot);
      throw error;
    }
    this.#put(page, slot);
  }

  /** The slot that a page is to be written to: its own, when the running step made it, else a new one. */
  #slotFor(page: number): number {
    const own = this.#table.get(page);
    const step = this.#done.at(-1);
    if (own !== NONE && (step === undefined || step.pages.get(page) !== NONE)) return own;
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#slots >= MOST_SLOTS) throw usage('ENOSPC', 'There are more changes than can be kept: apply them first');
    return this.#slots++;
  }

  /** A slot that `slotFor` gave is not used after all. */
  #giveBack(page: number, slot: number): void {
    if (this.#table.get(page) !== slot) this.#free.push(slot);
  }

  #put(page: number, slot: number): void {
    const old = this.#table.get(page);
    if (old === slot) return;
    const step = this.#done.at(-1);
    if (step !== undefined && step.pages.get(page) === NONE) step.pages.set(page, old === NONE ? UNCHANGED : old);
    this.#table.set(page, slot);
  }

  #swap(from: Step[], to: Step[]): boolean {
    // What was marked and not written to ends here.
    if (this.#done.at(-1)?.pages.count === 0) this.#done.pop();
    const step = from.pop()!;
    for (const [page, slot] of step.pages.entries()) {
      const now = this.#table.get(page);
      this.#table.set(page, slot === UNCHANGED ? NONE : slot);
      step.pages.set(page, now === NONE ? UNCHANGED : now);
    }
    to.push(step);
    this.#version++;
    return true;
  }

  #forgetUndone(): void {
    if (this.#undone.length > 0) this.#drop(this.#undone);
  }

  #drop(steps: Step[]): void {
    for (const { pages } of steps) {
      for (const [, slot] of pages.entries()) this.#release(slot);
    }
    steps.length = 0;
  }

  #release(slot: number): void {
    if (slot < 0) return;
    this.#free.push(slot);
    this.#store.drop?.(slot * PAGE);
  }
}

interface Run {
  at: number;
  length: number;
  /** Of its first page. */
  slot: number;
}

/** Where a run lies in the store. */
function placeOf({ at, slot }: Run): number {
  return slot * PAGE + (at % PAGE);
}
