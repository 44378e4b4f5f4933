import { type Backing, type BlockDevice, checkRange, type Extent } from './device.ts';

/**
 * A read cache of fixed pages, least recently used out first. Pages are dropped, never reused, so a
 * view handed out stays valid. Reads of more than a quarter of the cache go past it (file contents
 * would only push out the metadata). Writes go through and drop the pages they touch.
 */
export class CacheDevice implements BlockDevice {
  readonly size: number;
  readonly blockSize: number;
  readonly #below: BlockDevice;
  readonly #pageSize: number;
  readonly #capacity: number;
  /** Page number → bytes, in order of use (a Map keeps insertion order). */
  readonly #pages = new Map<number, Uint8Array>();
  #lastNumber = -1;
  #lastPage: Uint8Array = new Uint8Array(0);

  /**
   * @param pageSize bytes a page
   * @param capacity bytes in all
   */
  constructor(below: BlockDevice, pageSize = 64 * 1024, capacity = 32 * 1024 * 1024) {
    this.#below = below;
    this.#pageSize = pageSize;
    this.#capacity = Math.max(4, Math.floor(capacity / pageSize));
    this.size = below.size;
    this.blockSize = below.blockSize;
    if (below.write) this.write = (at, from) => { this.#drop(at, from.length); below.write!(at, from); };
    if (below.flush) this.flush = () => below.flush!();
  }

  readonly write?: (at: number, from: Uint8Array) => void;
  readonly flush?: () => void;

  read(at: number, into: Uint8Array): void {
    checkRange(this, at, into.length);
    if (into.length > (this.#capacity * this.#pageSize) / 4) {
      this.#below.read(at, into);
      return;
    }
    let done = 0;
    while (done < into.length) {
      const number = Math.floor((at + done) / this.#pageSize);
      const inPage = at + done - number * this.#pageSize;
      const page = this.#page(number);
      const length = Math.min(into.length - done, page.length - inPage);
      into.set(page.subarray(inPage, inPage + length), done);
      done += length;
    }
  }

  view(at: number, length: number): Uint8Array | undefined {
    checkRange(this, at, length);
    const number = Math.floor(at / this.#pageSize);
    const inPage = at - number * this.#pageSize;
    if (inPage + length > this.#pageSize) return undefined;
    return this.#page(number).subarray(inPage, inPage + length);
  }

  holes(at: number, length: number): Iterable<Extent> {
    return this.#below.holes?.(at, length) ?? [];
  }

  backing(at: number, length: number): Backing | undefined {
    return this.#below.backing?.(at, length);
  }

  close(): void {
    this.#pages.clear();
    this.#lastNumber = -1;
    this.#below.close();
  }

  #page(number: number): Uint8Array {
    if (number === this.#lastNumber) return this.#lastPage;
    let page = this.#pages.get(number);
    if (page === undefined) {
      const at = number * this.#pageSize;
      page = new Uint8Array(Math.min(this.#pageSize, this.size - at));
      this.#below.read(at, page);
      if (this.#pages.size >= this.#capacity) this.#pages.delete(this.#pages.keys().next().value!);
    } else {
      this.#pages.delete(number);
    }
    this.#pages.set(number, page);
    this.#lastNumber = number;
    this.#lastPage = page;
    return page;
  }

  #drop(at: number, length: number): void {
    const last = Math.floor((at + length - 1) / this.#pageSize);
    for (let number = Math.floor(at / this.#pageSize); number <= last; number++) this.#pages.delete(number);
    this.#lastNumber = -1;
  }
}
