/** Bytes that are held until they are written together. */
const MOST_HELD = 512 * 1024;

/**
 * Writes that follow one another, put together: most files are small and lie behind one another, and a call of the system for each takes
 * longer than its bytes. Whoever reads what was written says so before.
 */
export class GatheredWrites {
  readonly #write: (at: number, from: Uint8Array) => void;
  #held: Uint8Array | undefined;
  #at = 0;
  #length = 0;
  /** Bytes of them that nobody wants any more. */
  #forgotten = 0;

  /** @param write writes for good; what it refuses stays held, so that nothing is lost by trying again */
  constructor(write: (at: number, from: Uint8Array) => void) {
    this.#write = write;
  }

  /** @throws what `write` throws, of these bytes or of those before; then these are not written */
  write(at: number, from: Uint8Array): void {
    // Whatever does not go on where the last one ended is written after it, so that the later of two writes to one place wins.
    if (at !== this.#at + this.#length || this.#length + from.length > MOST_HELD) this.flush();
    if (from.length > MOST_HELD / 2) {
      // Bytes that are held end where these begin: the two may come in any order.
      this.#write(at, from);
      return;
    }
    this.#held ??= new Uint8Array(MOST_HELD);
    if (this.#length === 0) this.#at = at;
    this.#held.set(from, this.#length);
    this.#length += from.length;
  }

  /** Reads what is held of a range. @returns where in the range that is; undefined where nothing of it is held */
  read(at: number, into: Uint8Array): { readonly from: number; readonly to: number } | undefined {
    const from = Math.max(at, this.#at);
    const to = Math.min(at + into.length, this.#at + this.#length);
    if (from >= to) return undefined;
    into.set(this.#held!.subarray(from - this.#at, to - this.#at), from - at);
    return { from: from - at, to: to - at };
  }

  /** A range is not wanted any more. When that is so of all that is held, it need not be written: where it can't be, it stands in nobody's way. */
  forget(at: number, length: number): void {
    if (at < this.#at || at + length > this.#at + this.#length) return;
    this.#forgotten += length;
    if (this.#forgotten < this.#length) return;
    this.#length = 0;
    this.#forgotten = 0;
  }

  /** A range is about to be read. */
  settle(at: number, length: number): void {
    if (at < this.#at + this.#length && at + length > this.#at) this.flush();
  }

  /** Nothing is held any more when it returns. */
  flush(): void {
    if (this.#length === 0) return;
    this.#write(this.#at, this.#held!.subarray(0, this.#length));
    this.#length = 0;
    this.#forgotten = 0;
  }
}
