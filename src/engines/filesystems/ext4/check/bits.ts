/** Bits a page, as in 4 KiB. */
const PAGE_BITS = 32_768;
const PAGE_BYTES = PAGE_BITS / 8;

/** Bits set in a byte. */
const ONES = Uint8Array.from({ length: 256 }, (_, byte) => {
  let count = 0;
  for (let rest = byte; rest !== 0; rest >>>= 1) count += rest & 1;
  return count;
});

/**
 * A set of numbers below `count` as a bitmap in pages, which are made when a bit in them is first set: a filesystem may claim 2^48 blocks
 * and use ten. Bits lie as in the bitmaps on disk: bit n % 8 of byte n / 8. Numbers outside are in no set, and adding them does nothing.
 */
export class Bits {
  readonly count: number;
  readonly #pages: (Uint8Array | undefined)[] = [];

  constructor(count: number) {
    this.count = count;
  }

  has(n: number): boolean {
    const page = this.#pages[Math.floor(n / PAGE_BITS)];
    return page !== undefined && ((page[(n % PAGE_BITS) >>> 3]! >>> (n & 7)) & 1) !== 0;
  }

  add(n: number): void {
    if (!(n >= 0 && n < this.count)) return;
    this.#page(Math.floor(n / PAGE_BITS))[(n % PAGE_BITS) >>> 3]! |= 1 << (n & 7);
  }

  /** @returns whether it was there already */
  test(n: number): boolean {
    if (!(n >= 0 && n < this.count)) return false;
    const page = this.#page(Math.floor(n / PAGE_BITS));
    const at = (n % PAGE_BITS) >>> 3;
    const bit = 1 << (n & 7);
    if ((page[at]! & bit) !== 0) return true;
    page[at]! |= bit;
    return false;
  }

  delete(n: number): void {
    const page = this.#pages[Math.floor(n / PAGE_BITS)];
    if (page !== undefined) page[(n % PAGE_BITS) >>> 3]! &= ~(1 << (n & 7));
  }

  /** Adds [from, from + length). @returns false when one of them was there already (all are there now) */
  addRange(from: number, length: number): boolean {
    let free = true;
    const end = Math.min(from + length, this.count);
    for (let n = Math.max(0, from); n < end;) {
      const page = this.#page(Math.floor(n / PAGE_BITS));
      const inPage = n % PAGE_BITS;
      const stop = Math.min(PAGE_BITS, inPage + (end - n));
      for (let bit = inPage; bit < stop;) {
        const at = bit >>> 3;
        if ((bit & 7) === 0 && stop - bit >= 8) {
          if (page[at] !== 0) free = false;
          page[at] = 0xff;
          bit += 8;
        } else {
          const mask = 1 << (bit & 7);
          if ((page[at]! & mask) !== 0) free = false;
          page[at]! |= mask;
          bit++;
        }
      }
      n += stop - inPage;
    }
    return free;
  }

  /** Whether none of [from, from + length) is in it. */
  isFree(from: number, length: number): boolean {
    return this.next(from, from + length) === undefined;
  }

  /** The first member in [from, end). */
  next(from: number, end = this.count): number | undefined {
    for (let n = Math.max(0, from); n < end;) {
      const page = this.#pages[Math.floor(n / PAGE_BITS)];
      const inPage = n % PAGE_BITS;
      if (page === undefined) {
        n += PAGE_BITS - inPage;
        continue;
      }
      const rest = page[inPage >>> 3]! >>> (inPage & 7);
      if (rest !== 0) {
        n += 31 - Math.clz32(rest & -rest);
        return n < end ? n : undefined;
      }
      n += 8 - (inPage & 7);
      for (let byte = (inPage >>> 3) + 1; byte < PAGE_BYTES && n < end && page[byte] === 0; byte++) n += 8;
    }
    return undefined;
  }

  /** The first number in [from, end) that is not in it. */
  nextFree(from: number, end = this.count): number | undefined {
    const stop = Math.min(end, this.count);
    for (let n = Math.max(0, from); n < stop;) {
      const page = this.#pages[Math.floor(n / PAGE_BITS)];
      const inPage = n % PAGE_BITS;
      if (page === undefined) return n;
      const byte = page[inPage >>> 3]!;
      if (byte === 0xff && (inPage & 7) === 0) n += 8;
      else if (((byte >>> (inPage & 7)) & 1) === 0) return n;
      else n++;
    }
    return undefined;
  }

  /** The members in order. */
  *members(from = 0): Iterable<number> {
    for (let n = this.next(from); n !== undefined; n = this.next(n + 1)) yield n;
  }

  /** Members in all. */
  size(): number {
    let size = 0;
    for (const page of this.#pages) if (page !== undefined) for (const byte of page) size += ONES[byte]!;
    return size;
  }

  /** Members in [from, from + length). */
  sizeOf(from: number, length: number): number {
    let size = 0;
    const end = Math.min(from + length, this.count);
    for (let n = Math.max(0, from); n < end;) {
      const page = this.#pages[Math.floor(n / PAGE_BITS)];
      const inPage = n % PAGE_BITS;
      if (page === undefined) {
        n += PAGE_BITS - inPage;
      } else if ((n & 7) === 0 && end - n >= 8) {
        size += ONES[page[inPage >>> 3]!]!;
        n += 8;
      } else {
        size += (page[inPage >>> 3]! >>> (inPage & 7)) & 1;
        n++;
      }
    }
    return size;
  }

  /** Copies the bits [from, from + length) to the start of `into`, where bit 0 is `from`; bits behind are left as they are. */
  copy(from: number, length: number, into: Uint8Array): void {
    const bytes = length >>> 3;
    if (from % 8 === 0) {
      for (let done = 0; done < bytes;) {
        const n = from + done * 8;
        const page = this.#pages[Math.floor(n / PAGE_BITS)];
        const at = (n % PAGE_BITS) >>> 3;
        const part = Math.min(bytes - done, PAGE_BYTES - at);
        if (page === undefined) into.fill(0, done, done + part);
        else into.set(page.subarray(at, at + part), done);
        done += part;
      }
    } else {
      for (let i = 0; i < bytes; i++) {
        let byte = 0;
        for (let bit = 0; bit < 8; bit++) if (this.has(from + i * 8 + bit)) byte |= 1 << bit;
        into[i] = byte;
      }
    }
    for (let i = bytes * 8; i < length; i++) {
      const mask = 1 << (i & 7);
      if (this.has(from + i)) into[i >>> 3]! |= mask;
      else into[i >>> 3]! &= ~mask;
    }
  }

  #page(number: number): Uint8Array {
    return (this.#pages[number] ??= new Uint8Array(PAGE_BYTES));
  }
}

/** Entries a page of counts. */
const PAGE_COUNTS = 16_384;

/** A number for each index, 0 where none was set, in pages that are made when they are needed. */
export class Counts {
  readonly #pages: (Uint32Array | undefined)[] = [];

  get(n: number): number {
    const page = this.#pages[Math.floor(n / PAGE_COUNTS)];
    return page === undefined ? 0 : page[n % PAGE_COUNTS]!;
  }

  set(n: number, value: number): void {
    if (value === 0 && this.#pages[Math.floor(n / PAGE_COUNTS)] === undefined) return;
    this.#page(n)[n % PAGE_COUNTS] = value;
  }

  /** @returns what it is now */
  add(n: number, more: number): number {
    const page = this.#page(n);
    const at = n % PAGE_COUNTS;
    return (page[at] = Math.max(0, page[at]! + more));
  }

  #page(n: number): Uint32Array {
    return (this.#pages[Math.floor(n / PAGE_COUNTS)] ??= new Uint32Array(PAGE_COUNTS));
  }
}
