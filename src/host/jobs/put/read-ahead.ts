import type { BigIntStats } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { Name } from '../../../engines/core/names.ts';
import { findBuilt } from '../../built.ts';

/** Bytes of contents a piece. */
export const PIECE = 1024 * 1024;

/** Bytes of a file whose contents are sent along; larger ones are better read by whoever writes them, a run at a time. */
export const MOST_CONTENTS = 512 * 1024;

/** Indexes in the shared numbers: which walk is wanted; whether the first thread has nothing to do until something comes. */
export const WALK = 0;
export const WAITING = 1;

/** Numbers of an entry: listing and place in it, its own listing, where its contents lie; mode, uid, gid, size, nlink, blocks. */
export const NUMBERS = 10;
/** More of them: mtime, atime, ctime, btime, dev, ino, rdev. */
export const FACTS = 7;

/** In place of an offset: the contents are not there. */
export const NO_CONTENTS = -1;
/** In place of a listing's number: it is no folder, or one that could not be listed. */
export const NO_LISTING = -1;

/** What the thread is started with. */
export interface ReaderData {
  /** Indexed by WALK and WAITING. */
  readonly shared: Int32Array;
}

/** Begins a walk at a folder, or gives a piece's buffer back. */
export interface ToReader {
  readonly walk?: number;
  readonly path?: Uint8Array;
  readonly contents?: ArrayBuffer;
}

/** What few entries have. */
export interface Extra {
  /** Which one of the piece. */
  readonly entry: number;
  /** Of a symlink. */
  readonly target?: Name;
  readonly xattrs: readonly (readonly [Name, Uint8Array])[];
}

/** The names in a folder. */
export interface Listing {
  /** Which entry of the piece it comes before. */
  readonly before: number;
  /** Counted from 0, the folder at which the walk began. */
  readonly listing: number;
  /** With "/" between them, which no name holds. */
  readonly names: string;
}

/** A piece of what was found, packed: a structured clone of as many objects would take as long as to look at the files. */
export interface FromReader {
  readonly walk: number;
  readonly count: number;
  readonly numbers: Float64Array;
  readonly facts: BigInt64Array;
  readonly extras: readonly Extra[];
  readonly listings: readonly Listing[];
  readonly contents: ArrayBuffer;
  readonly last: boolean;
}

/** Where an entry stands in a walk. */
export interface Spot {
  readonly listing: number;
  readonly index: number;
}

/** What lstat(2) tells of a file, as small numbers. */
export interface Numbers {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly nlink: number;
  /** Of 512 bytes. */
  readonly blocks: number;
}

/** And what may be more than a number holds. */
export type Facts = Pick<BigIntStats, 'mtimeNs' | 'atimeNs' | 'ctimeNs' | 'birthtimeNs' | 'dev' | 'ino' | 'rdev'>;

/** An entry that was read ahead. */
export interface ReadEntry {
  /** Of its own names; NO_LISTING where there is none. */
  readonly listing: number;
  readonly numbers: Numbers;
  readonly facts: Facts;
  readonly target: Name | undefined;
  readonly xattrs: readonly (readonly [Name, Uint8Array])[];
  /** All of it, good until the next entry or listing is asked for; undefined where it was not read. */
  readonly contents: Uint8Array | undefined;
}

const NO_XATTRS: readonly never[] = [];

/**
 * A thread that walks a folder of this computer, ahead of a copy that goes through it in the same order, depth first. What the copy leaves out is passed
 * over; what it asks for that is not there (the file can't be read, or was passed already) is the first thread's to read.
 */
export class ReadAhead {
  readonly #worker: Worker;
  readonly #shared: Int32Array;
  readonly #queue: FromReader[] = [];
  /** The piece at the front of the queue: what of it was taken. */
  #entry = 0;
  #listing = 0;
  /** The listings that are not at their end, innermost last, and the last place in them that was taken or passed. */
  readonly #open: { readonly listing: number; index: number }[] = [];
  #walk = 0;
  #ended = true;
  #gone = false;
  #wake: (() => void) | undefined;

  private constructor(worker: Worker, shared: Int32Array) {
    this.#worker = worker;
    this.#shared = shared;
    worker.on('message', (piece: FromReader) => this.#receive(piece));
    worker.on('error', () => this.#lose());
    worker.on('exit', () => this.#lose());
    worker.unref();
  }

  /** undefined where there is none to be had. */
  static start(): ReadAhead | undefined {
    const shared = new Int32Array(new SharedArrayBuffer(8));
    try {
      return new ReadAhead(new Worker(findBuilt().reader, { workerData: { shared } satisfies ReaderData, execArgv: [], trackUnmanagedFds: false }), shared);
    } catch {
      return undefined;
    }
  }

  /** Begins to read a folder, in place of what was read before. @returns the walk's number */
  begin(folder: Uint8Array): number {
    this.#walk++;
    for (const piece of this.#queue.splice(0)) this.#giveBack(piece);
    this.#entry = 0;
    this.#listing = 0;
    this.#open.length = 0;
    this.#ended = false;
    Atomics.store(this.#shared, WALK, this.#walk);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port, no window
    this.#worker.postMessage({ walk: this.#walk, path: folder } satisfies ToReader);
    return this.#walk;
  }

  /** The names of a listing, in their order; undefined where it was passed. */
  names(listing: number): readonly Name[] | undefined | Promise<readonly Name[] | undefined> {
    for (;;) {
      const piece = this.#front();
      if (piece === undefined) {
        if (this.#ended || this.#gone) return undefined;
        return this.#later(() => this.names(listing));
      }
      const next = piece.listings[this.#listing];
      if (next?.before !== this.#entry) {
        // The listing of an entry comes right behind it: others are of what nobody asked for.
        if (piece.numbers[this.#entry * NUMBERS]! >= listing) return undefined;
        this.#pass(piece);
        continue;
      }
      if (next.listing > listing) return undefined;
      this.#takeListing(next);
      if (next.listing === listing) return next.names === '' ? [] : next.names.split('/');
    }
  }

  /** An entry of a listing that was taken; undefined where it was passed, or could not be read. */
  entry(spot: Spot): ReadEntry | undefined | Promise<ReadEntry | undefined> {
    for (;;) {
      const open = this.#open.find(({ listing }) => listing === spot.listing);
      if (open === undefined || open.index >= spot.index) return undefined;
      const piece = this.#front();
      if (piece === undefined) {
        if (this.#ended || this.#gone) return undefined;
        return this.#later(() => this.entry(spot));
      }
      const next = piece.listings[this.#listing];
      if (next?.before === this.#entry) {
        this.#takeListing(next);
        continue;
      }
      const at = this.#entry * NUMBERS;
      const [listing, index] = [piece.numbers[at]!, piece.numbers[at + 1]!];
      // What is deeper is below an entry that was passed; what is not ends the listing.
      if (listing < spot.listing || (listing === spot.listing && index > spot.index)) return undefined;
      const found = listing === spot.listing && index === spot.index ? this.#read(piece) : undefined;
      this.#pass(piece);
      if (found !== undefined) return found;
    }
  }

  /** Ends the thread. */
  close(): void {
    this.#gone = true;
    void this.#worker.terminate();
  }

  /** The piece that has more; those before it go back to be filled again. */
  #front(): FromReader | undefined {
    for (;;) {
      const piece = this.#queue[0];
      if (piece === undefined) return undefined;
      if (this.#entry < piece.count || this.#listing < piece.listings.length) return piece;
      this.#queue.shift();
      this.#entry = 0;
      this.#listing = 0;
      if (piece.last) this.#ended = true;
      this.#giveBack(piece);
    }
  }

  #takeListing({ listing }: Listing): void {
    this.#listing++;
    this.#open.push({ listing, index: -1 });
  }

  #pass(piece: FromReader): void {
    const at = this.#entry++ * NUMBERS;
    const [listing, index] = [piece.numbers[at]!, piece.numbers[at + 1]!];
    while (this.#open.length > 0 && this.#open.at(-1)!.listing > listing) this.#open.pop();
    const open = this.#open.at(-1);
    if (open !== undefined) open.index = index;
  }

  #read(piece: FromReader): ReadEntry {
    const { numbers, facts, extras } = piece;
    const entry = this.#entry;
    const [at, more] = [entry * NUMBERS, entry * FACTS];
    const extra = extras.length === 0 ? undefined : extras.find((each) => each.entry === entry);
    const [contents, size] = [numbers[at + 3]!, numbers[at + 7]!];
    return {
      listing: numbers[at + 2]!, target: extra?.target, xattrs: extra?.xattrs ?? NO_XATTRS,
      numbers: { mode: numbers[at + 4]!, uid: numbers[at + 5]!, gid: numbers[at + 6]!, size, nlink: numbers[at + 8]!, blocks: numbers[at + 9]! },
      facts: { mtimeNs: facts[more]!, atimeNs: facts[more + 1]!, ctimeNs: facts[more + 2]!, birthtimeNs: facts[more + 3]!, dev: facts[more + 4]!, ino: facts[more + 5]!, rdev: facts[more + 6]! },
      contents: contents === NO_CONTENTS ? undefined : new Uint8Array(piece.contents, contents, size),
    };
  }

  /** Tries again when something came. */
  async #later<T>(again: () => T | Promise<T>): Promise<T> {
    Atomics.store(this.#shared, WAITING, 1);
    // While somebody waits for it, it keeps the process alive.
    this.#worker.ref();
    await new Promise<void>((resolve) => { this.#wake = resolve; });
    this.#worker.unref();
    Atomics.store(this.#shared, WAITING, 0);
    return again();
  }

  #receive(piece: FromReader): void {
    if (piece.walk === this.#walk) this.#queue.push(piece);
    else this.#giveBack(piece);
    this.#wake?.();
  }

  #giveBack({ contents }: FromReader): void {
    if (!this.#gone) this.#worker.postMessage({ contents } satisfies ToReader, [contents]);
  }

  #lose(): void {
    this.#gone = true;
    this.#wake?.();
  }
}
