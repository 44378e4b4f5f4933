/** Bytes that a disk writes whole or not at all. */
export const SECTOR = 512;

/**
 * Bytes to be looked at sector by sector: an Apply does it a million times a gigabyte, and a slice of each sector would cost more than to
 * compare it.
 */
export class Sectors {
  readonly #bytes: Uint8Array;
  /** The whole words of them; absent where they don't begin at one. */
  readonly #words: Int32Array | undefined;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#words = bytes.byteOffset % 4 === 0 ? new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2) : undefined;
  }

  /** Whether a sector holds nothing but zeros. @param at of its first byte, a multiple of 512 */
  isZero(at: number): boolean {
    const end = Math.min(at + SECTOR, this.#bytes.length);
    let i = at;
    if (this.#words !== undefined) {
      for (; i + 4 <= end; i += 4) if (this.#words[i >>> 2] !== 0) return false;
    }
    for (; i < end; i++) if (this.#bytes[i] !== 0) return false;
    return true;
  }

  /** Whether a sector is the same in both, which are of one length. @param at of its first byte, a multiple of 512 */
  isSame(other: Sectors, at: number): boolean {
    const end = Math.min(at + SECTOR, this.#bytes.length);
    let i = at;
    if (this.#words !== undefined && other.#words !== undefined) {
      for (; i + 4 <= end; i += 4) if (this.#words[i >>> 2] !== other.#words[i >>> 2]) return false;
    }
    for (; i < end; i++) if (this.#bytes[i] !== other.#bytes[i]) return false;
    return true;
  }
}
