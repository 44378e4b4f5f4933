import { corrupt } from '../../core/errors.ts';
import type { Cursor, DirEntry, FileSystem, ListBatch, Maybe, NodeId } from '../../core/filesystem.ts';

/** A run of a directory's entries. */
export interface NumberedBatch {
  /** Number of its first entry, from 0. */
  readonly first: number;
  readonly entries: readonly DirEntry[];
}

interface Kept {
  readonly first: number;
  /** Where the engine's listing goes on with it. */
  readonly cursor: Cursor | undefined;
  readonly next: Cursor | undefined;
  readonly count: number;
  /** Let go of where too many are kept. */
  entries: readonly DirEntry[] | undefined;
}

/** Entries that one open directory keeps, at most (beside its last batch): 64 Ki names are a few megabytes. */
const MOST_KEPT = 65_536;

/**
 * An open directory whose entries have numbers, in the order in which they were first read: a client goes on at any number that it was told, also when
 * entries are made and removed meanwhile. What was read is kept, so that a client which removes what it was shown neither misses entries nor sees them
 * twice. Of directories larger than that, what was read long ago is read again by the engine's own cursor.
 */
export class Listing {
  readonly #fs: FileSystem;
  readonly #dir: NodeId;
  #batches: Kept[] = [];
  /** Entries in all that are kept, and the first batch that may have some. */
  #kept = 0;
  #oldest = 0;

  constructor(fs: FileSystem, dir: NodeId) {
    this.#fs = fs;
    this.#dir = dir;
  }

  /** From the beginning, as it is now (rewinddir(3)). */
  rewind(): void {
    this.#batches = [];
    this.#kept = 0;
    this.#oldest = 0;
  }

  /** The batch that holds the entry of that number; undefined behind the last. @throws DiskError of the engine's list */
  batch(number: number): Maybe<NumberedBatch | undefined> {
    for (;;) {
      const last = this.#batches.at(-1);
      if (last !== undefined && number < last.first + last.count) return this.#known(number);
      if (last !== undefined && last.next === undefined) return undefined;
      const batch = this.#fs.list(this.#dir, last?.next);
      if (batch instanceof Promise) return batch.then((listed) => { this.#add(last, listed); return this.batch(number); });
      this.#add(last, batch);
    }
  }

  #add(last: Kept | undefined, { entries, next }: ListBatch): void {
    // Another request went on meanwhile.
    if (last !== this.#batches.at(-1)) return;
    if (next !== undefined && next === last?.next) throw corrupt('directory', 'its listing goes on where it was');
    this.#batches.push({ first: last === undefined ? 0 : last.first + last.count, cursor: last?.next, next, count: entries.length, entries });
    this.#kept += entries.length;
    for (; this.#kept > MOST_KEPT && this.#oldest < this.#batches.length - 1; this.#oldest++) {
      const old = this.#batches[this.#oldest]!;
      this.#kept -= old.entries?.length ?? 0;
      old.entries = undefined;
    }
  }

  #known(number: number): Maybe<NumberedBatch | undefined> {
    let [low, high] = [0, this.#batches.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#batches[middle]!.first <= number) low = middle;
      else high = middle - 1;
    }
    const { first, entries, cursor, count } = this.#batches[low]!;
    if (entries !== undefined) return { first, entries };
    const again = this.#fs.list(this.#dir, cursor);
    // Some of it may be gone by now: what follows keeps its numbers.
    const answer = (listed: ListBatch): Maybe<NumberedBatch | undefined> => (number < first + Math.min(count, listed.entries.length) ? { first, entries: listed.entries.slice(0, count) } : this.batch(first + count));
    return again instanceof Promise ? again.then(answer) : answer(again);
  }
}
