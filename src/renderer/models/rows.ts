/**
 * Rows of a long listing, fetched by range. Only what the window shows, and a little around it, is asked for; what scrolled
 * away before it came is cancelled; what was seen lately is kept.
 */
export const BLOCK = 200;

/** Blocks kept: 64 × 200 rows. */
const KEPT = 64;

export type FetchRows<R> = (from: number, count: number, signal: AbortSignal) => Promise<readonly R[]>;

interface Pending {
  readonly abort: AbortController;
}

export class RowCache<R> {
  readonly count: number;
  readonly #fetch: FetchRows<R>;
  /** In order of use, the latest last. */
  readonly #blocks = new Map<number, readonly R[]>();
  readonly #pending = new Map<number, Pending>();
  readonly #failed = new Map<number, unknown>();
  readonly #listeners = new Set<() => void>();
  #version = 0;
  #closed = false;

  /** @param page rows that came together with the count; only whole blocks of them count */
  constructor(count: number, fetch: FetchRows<R>, page?: { readonly from: number; readonly rows: readonly R[] }) {
    this.count = count;
    this.#fetch = fetch;
    if (page === undefined) return;
    for (let block = Math.ceil(page.from / BLOCK); block * BLOCK < count; block++) {
      const from = block * BLOCK - page.from;
      const whole = Math.min(BLOCK, count - block * BLOCK);
      if (from + whole > page.rows.length) break;
      this.#blocks.set(block, page.rows.slice(from, from + whole));
    }
  }

  /** Grows with every change. */
  readonly version = (): number => this.#version;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** The row, or undefined while it is on its way. */
  get(index: number): R | undefined {
    return this.#blocks.get(Math.floor(index / BLOCK))?.[index % BLOCK];
  }

  /** Whether all of rows [from, to) are here, or can't be read. */
  has(from: number, to: number): boolean {
    for (let block = Math.floor(Math.max(0, from) / BLOCK); block * BLOCK < Math.min(to, this.count); block++) {
      if (!this.#blocks.has(block) && !this.#failed.has(block)) return false;
    }
    return true;
  }

  /** The rows that are here, in any order. */
  *loaded(): Iterable<R> {
    for (const rows of this.#blocks.values()) yield* rows;
  }

  /** Why the row's range could not be read. */
  errorAt(index: number): unknown {
    return this.#failed.get(Math.floor(index / BLOCK));
  }

  /** Fetches what of rows [from, to) is missing, what is nearest to `first` first, and cancels requests for anything else. */
  want(from: number, to: number, first = from): void {
    if (this.#closed || this.count === 0) return;
    const least = Math.floor(Math.max(0, from) / BLOCK);
    const last = Math.floor(Math.min(this.count - 1, Math.max(from, to - 1)) / BLOCK);
    for (const [block, { abort }] of this.#pending) {
      if (block < least || block > last) {
        this.#pending.delete(block);
        abort.abort();
      }
    }
    const nearest = Math.floor(first / BLOCK);
    const blocks = Array.from({ length: Math.max(0, last - least + 1) }, (_, i) => least + i).toSorted((a, b) => Math.abs(a - nearest) - Math.abs(b - nearest));
    for (const block of blocks) {
      const rows = this.#blocks.get(block);
      if (rows !== undefined) {
        this.#blocks.delete(block);
        this.#blocks.set(block, rows);
      } else if (!this.#pending.has(block) && !this.#failed.has(block)) {
        void this.#load(block);
      }
    }
  }

  /** Asks again for what failed. */
  retry(): void {
    this.#failed.clear();
    this.#changed();
  }

  /** All rows of a range, past the cache where it has to. `each` is called with ranges in order. */
  async read(from: number, to: number, signal?: AbortSignal): Promise<R[]> {
    const rows: R[] = [];
    for (let at = from; at < to; at += 1000) {
      rows.push(...(await this.#fetch(at, Math.min(1000, to - at), signal ?? new AbortController().signal)));
    }
    return rows;
  }

  /** Cancels everything; nothing is heard from it again. */
  close(): void {
    this.#closed = true;
    for (const { abort } of this.#pending.values()) abort.abort();
    this.#pending.clear();
    this.#listeners.clear();
  }

  async #load(block: number): Promise<void> {
    const abort = new AbortController();
    const pending = { abort };
    this.#pending.set(block, pending);
    const from = block * BLOCK;
    try {
      const rows = await this.#fetch(from, Math.min(BLOCK, this.count - from), abort.signal);
      if (this.#pending.get(block) !== pending) return;
      this.#blocks.set(block, rows);
      for (const [oldest] of this.#blocks) {
        if (this.#blocks.size <= KEPT) break;
        this.#blocks.delete(oldest);
      }
    } catch (error) {
      if (this.#pending.get(block) !== pending) return;
      this.#failed.set(block, error);
    }
    this.#pending.delete(block);
    this.#changed();
  }

  #changed(): void {
    if (this.#closed) return;
    this.#version++;
    for (const listener of this.#listeners) listener();
  }
}
