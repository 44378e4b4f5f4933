import type { Backing } from './device.ts';

/** Bytes a page of an overlay. */
export const PAGE = 4096;

/** Where an overlay keeps its changed pages. Positions are bytes of the store, multiples of PAGE at both ends; only what was written is read. */
export interface PageStore {
  read(at: number, into: Uint8Array): void;
  write(at: number, from: Uint8Array): void;
  /** As BlockDevice.view: the buffer is never used for another page. */
  view?(at: number, length: number): Uint8Array | undefined;
  backing?(at: number, length: number): Backing | undefined;
  /** The page there is not needed any more. */
  drop?(at: number): void;
  /** What was written is where it is kept. @throws DiskError io, usage ENOSPC: then it is kept in memory, and written later if that can be */
  flush?(): void;
  close(): void;
}

/** Pages in memory, for tests and small changes. */
export class MemoryPages implements PageStore {
  readonly #pages: (Uint8Array | undefined)[] = [];

  read(at: number, into: Uint8Array): void {
    for (let done = 0; done < into.length;) {
      const part = this.#part(at + done, into.length - done);
      into.set(part, done);
      done += part.length;
    }
  }

  write(at: number, from: Uint8Array): void {
    for (let done = 0; done < from.length;) {
      const part = this.#part(at + done, from.length - done);
      part.set(from.subarray(done, done + part.length));
      done += part.length;
    }
  }

  view(at: number, length: number): Uint8Array | undefined {
    const part = this.#part(at, length);
    return part.length === length ? part : undefined;
  }

  drop(at: number): void {
    this.#pages[at / PAGE] = undefined;
  }

  close(): void {
    this.#pages.length = 0;
  }

  /** The bytes at `at`, as far as they lie in one page. */
  #part(at: number, length: number): Uint8Array {
    const number = Math.floor(at / PAGE);
    const page = (this.#pages[number] ??= new Uint8Array(PAGE));
    const inPage = at - number * PAGE;
    return page.subarray(inPage, Math.min(PAGE, inPage + length));
  }
}

/** Pages a leaf of a table: 1 KiB of table for 1 MiB of device. */
const LEAF = 256;

/** What a PageTable answers for a page that it does not have. */
export const NONE = -1;

/** Page number → a 32-bit number, a slot of a store. Four bytes a page: gigabytes of changes cost megabytes of memory. */
export class PageTable {
  readonly #leaves = new Map<number, Int32Array>();
  #count = 0;

  /** Pages that are in it. */
  get count(): number {
    return this.#count;
  }

  /** @returns the slot, or NONE */
  get(page: number): number {
    const leaf = this.#leaves.get(Math.floor(page / LEAF));
    return leaf === undefined ? NONE : leaf[page % LEAF]!;
  }

  /** @param slot NONE takes the page out */
  set(page: number, slot: number): void {
    const number = Math.floor(page / LEAF);
    let leaf = this.#leaves.get(number);
    if (leaf === undefined) {
      if (slot === NONE) return;
      leaf = new Int32Array(LEAF).fill(NONE);
      this.#leaves.set(number, leaf);
    }
    if (leaf[page % LEAF] === NONE) this.#count++;
    if (slot === NONE) this.#count--;
    leaf[page % LEAF] = slot;
  }

  clear(): void {
    this.#leaves.clear();
    this.#count = 0;
  }

  /** [page, slot] in order of pages. The table may be changed at the page that was just given, and nowhere else meanwhile. */
  *entries(): Iterable<[page: number, slot: number]> {
    for (const number of [...this.#leaves.keys()].toSorted((a, b) => a - b)) {
      const leaf = this.#leaves.get(number)!;
      for (let i = 0; i < LEAF; i++) {
        if (leaf[i] !== NONE) yield [number * LEAF + i, leaf[i]!];
      }
    }
  }
}
