/** Bytes that wait to be taken before the channel is held back. Nothing larger is taken as one: a large write is taken piece by piece. */
const MOST_WAITING = 1024 * 1024;

/** What a client sent, as a row of bytes that is taken from its start. */
export class Inbox {
  readonly #pieces: Uint8Array[] = [];
  /** Bytes of the first piece that are taken. */
  #taken = 0;
  #length = 0;
  #ended = false;
  #wake: (() => void) | undefined;
  #release: (() => void) | undefined;

  /** Bytes that wait. */
  get length(): number {
    return this.#length;
  }

  /** Nothing more comes than what waits. */
  get ended(): boolean {
    return this.#ended;
  }

  /** @returns holds the channel back until enough was taken */
  push(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#ended || bytes.length === 0) return undefined;
    this.#pieces.push(bytes);
    this.#length += bytes.length;
    this.#wake?.();
    if (this.#length < MOST_WAITING) return undefined;
    return new Promise((resolve) => { this.#release = resolve; });
  }

  /** Nothing more comes. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
    this.#release?.();
  }

  /** What waits is not wanted, and nothing more comes. */
  discard(): void {
    this.#pieces.length = 0;
    this.#taken = 0;
    this.#length = 0;
    this.end();
  }

  /** Waits until something more came, or nothing will. */
  more(): Promise<void> {
    if (this.#ended) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        resolve();
      };
    });
  }

  /** The next bytes, `length` at most, in one piece and without a copy. At least one must wait. */
  takeSome(length: number): Uint8Array {
    const piece = this.#pieces[0]!;
    const bytes = piece.subarray(this.#taken, this.#taken + length);
    this.#drop(bytes.length);
    return bytes;
  }

  /**
   * The next `length` bytes; as many must wait. A copy only where they came in pieces.
   * @param staging what they are put together in, where it must be done; a new array unless given
   */
  take(length: number, staging?: Uint8Array): Uint8Array {
    if (length === 0) return new Uint8Array(0);
    if (this.#pieces[0]!.length - this.#taken >= length) return this.takeSome(length);
    const bytes = staging?.subarray(0, length) ?? new Uint8Array(length);
    for (let done = 0; done < length;) {
      const some = this.takeSome(length - done);
      bytes.set(some, done);
      done += some.length;
    }
    return bytes;
  }

  #drop(length: number): void {
    this.#taken += length;
    this.#length -= length;
    if (this.#taken === this.#pieces[0]!.length) {
      this.#pieces.shift();
      this.#taken = 0;
    }
    if (this.#length < MOST_WAITING / 2 && this.#release !== undefined) {
      this.#release();
      this.#release = undefined;
    }
  }
}
