import type { TarBytes } from '../../engines/archives/tar/reader.ts';

/** Bytes that come in pieces (a pipe, a file), for a reader of tars. */
export class TarStream implements TarBytes {
  readonly #pieces: AsyncIterator<Uint8Array> | Iterator<Uint8Array>;
  /** What came and is not taken yet. */
  #rest: Uint8Array = new Uint8Array(0);

  /** @param pieces of any length, e.g. process.stdin */
  constructor(pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) {
    this.#pieces = Symbol.asyncIterator in pieces ? pieces[Symbol.asyncIterator]() : pieces[Symbol.iterator]();
  }

  take(length: number): Uint8Array | Promise<Uint8Array> {
    if (this.#rest.length < length) return this.#gather(length);
    // A copy: members' names and records are kept longer than the piece.
    const bytes = Uint8Array.prototype.slice.call(this.#rest, 0, length);
    this.#rest = this.#rest.subarray(length);
    return bytes;
  }

  some(most: number): Uint8Array | Promise<Uint8Array> {
    if (this.#rest.length === 0) return this.#more().then((came) => (came ? this.some(most) : this.#rest));
    const bytes = this.#rest.subarray(0, most);
    this.#rest = this.#rest.subarray(bytes.length);
    return bytes;
  }

  async #gather(length: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    let got = 0;
    while (got < length && (this.#rest.length > 0 || await this.#more())) {
      const part = this.#rest.subarray(0, length - got);
      this.#rest = this.#rest.subarray(part.length);
      parts.push(part);
      got += part.length;
    }
    const bytes = new Uint8Array(got);
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  async #more(): Promise<boolean> {
    for (;;) {
      const { done, value } = await this.#pieces.next();
      if (done === true) return false;
      if (value.length === 0) continue;
      this.#rest = value;
      return true;
    }
  }
}
