/**
 * CRC-32C (Castagnoli, reflected polynomial 0x82F63B78; RFC 3720 appendix B.4), slicing by 16: sixteen table look-ups that don't
 * depend on one another for every 16 bytes, about three times as fast as one look-up a byte.
 */

const SLICES = 16;

/** Slice k of byte b: the CRC of b followed by k zero bytes. One flat array keeps every look-up one load. */
const TABLE = makeTable();

function makeTable(): Int32Array {
  const table = new Int32Array(SLICES * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    table[byte] = crc;
  }
  for (let i = 256; i < table.length; i++) {
    const previous = table[i - 256]!;
    table[i] = (previous >>> 8) ^ table[previous & 0xff]!;
  }
  return table;
}

/**
 * Goes on from `crc` over bytes [at, end), with no inversion before or after: the kernel's `crc32c()`, which ext4, btrfs and JBD2
 * chain seeds with. The common checksum of a message is `~crc32c(0xFFFFFFFF, message)`.
 * @returns an unsigned 32-bit number
 */
export function crc32c(crc: number, bytes: Uint8Array, at = 0, end = bytes.length): number {
  return crc32cOfView(crc, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), at, end);
}

/**
 * The same over a DataView, for structures that are small and many. Words of zeros, of which inodes are full, need no look-up: a
 * zero byte that no byte of the running CRC falls on adds nothing.
 */
export function crc32cOfView(crc: number, view: DataView, at: number, end: number): number {
  return extendView(crc, view, at, end) >>> 0;
}

/**
 * `crc32cOfView` with a signed result, for chains over many small structures: half of all unsigned 32-bit numbers are none of V8's
 * small integers, and returning one allocates.
 */
export function extendView(crc: number, view: DataView, at: number, end: number): number {
  const t = TABLE;
  let c = crc | 0;
  let i = at;
  for (const stop = end - 15; i < stop; i += 16) {
    const word0 = view.getInt32(i, true) ^ c;
    const word1 = view.getInt32(i + 4, true);
    const word2 = view.getInt32(i + 8, true);
    const word3 = view.getInt32(i + 12, true);
    c = t[3840 + (word0 & 0xff)]! ^ t[3584 + ((word0 >>> 8) & 0xff)]! ^ t[3328 + ((word0 >>> 16) & 0xff)]! ^ t[3072 + (word0 >>> 24)]!;
    if (word1 !== 0) c ^= t[2816 + (word1 & 0xff)]! ^ t[2560 + ((word1 >>> 8) & 0xff)]! ^ t[2304 + ((word1 >>> 16) & 0xff)]! ^ t[2048 + (word1 >>> 24)]!;
    if (word2 !== 0) c ^= t[1792 + (word2 & 0xff)]! ^ t[1536 + ((word2 >>> 8) & 0xff)]! ^ t[1280 + ((word2 >>> 16) & 0xff)]! ^ t[1024 + (word2 >>> 24)]!;
    if (word3 !== 0) c ^= t[768 + (word3 & 0xff)]! ^ t[512 + ((word3 >>> 8) & 0xff)]! ^ t[256 + ((word3 >>> 16) & 0xff)]! ^ t[word3 >>> 24]!;
  }
  for (const stop = end - 3; i < stop; i += 4) {
    const word = view.getInt32(i, true) ^ c;
    c = t[768 + (word & 0xff)]! ^ t[512 + ((word >>> 8) & 0xff)]! ^ t[256 + ((word >>> 16) & 0xff)]! ^ t[word >>> 24]!;
  }
  for (; i < end; i++) c = (c >>> 8) ^ t[(c ^ view.getUint8(i)) & 0xff]!;
  return c | 0;
}

/** Goes on over a little-endian 32-bit number: inode numbers, generations and group numbers are chained in this way. */
export function crc32cOf32(crc: number, value: number): number {
  return extend32(crc, value) >>> 0;
}

/** `crc32cOf32` with a signed result. */
export function extend32(crc: number, value: number): number {
  const c = crc ^ value;
  // A word's four bytes stand before three, two, one and no others.
  return TABLE[768 + (c & 0xff)]! ^ TABLE[512 + ((c >>> 8) & 0xff)]! ^ TABLE[256 + ((c >>> 16) & 0xff)]! ^ TABLE[c >>> 24]!;
}

/** Goes on over `count` zero bytes: what a checksum field counts as while it is computed. */
export function crc32cOfZeros(crc: number, count: number): number {
  return extendZeros(crc, count) >>> 0;
}

/** `crc32cOfZeros` with a signed result. */
export function extendZeros(crc: number, count: number): number {
  let c = crc | 0;
  for (let i = 0; i < count; i++) c = (c >>> 8) ^ TABLE[c & 0xff]!;
  return c | 0;
}
