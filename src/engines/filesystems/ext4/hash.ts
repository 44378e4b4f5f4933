/** The hashes of directory indexes, as fs/ext4/hash.c computes them. */

/** Hash versions as dx_root_info.hash_version and s_def_hash_version number them (fs/ext4/ext4.h). */
export const HASH_LEGACY = 0;
export const HASH_HALF_MD4 = 1;
export const HASH_TEA = 2;
/** Added to one of the three above where the filesystem was made on a machine with unsigned chars. */
export const HASH_UNSIGNED_STEP = 3;
/** Keyed, of encrypted and casefolded directories: stored beside each entry, as it can't be computed without the key. */
export const HASH_SIPHASH = 6;

export interface HashParameters {
  /** 0 to 5: what `hashVersion` gives. */
  readonly version: number;
  /** s_hash_seed: four 32-bit numbers; all zero means the default. */
  readonly seed: readonly number[];
}

/** Both parts as unsigned 32-bit numbers; the index is sorted by `hash`, whose lowest bit is 0. */
export interface NameHash {
  readonly hash: number;
  readonly minor: number;
}

/** The largest hash would read as "end of directory" in telldir, so it is not given out. */
const EOF_HASH = 0xfffffffe;

/** The version that is meant: what is stored, made unsigned where the superblock says so. */
export function hashVersion(stored: number, signedness: 'signed' | 'unsigned'): number {
  return stored <= HASH_TEA && signedness === 'unsigned' ? stored + HASH_UNSIGNED_STEP : stored;
}

/** Hashes the bytes of a name (folded already, where the directory casefolds). undefined for versions that need a key or are unknown. */
export function hashName(name: Uint8Array, parameters: HashParameters): NameHash | undefined {
  if (parameters.version >= HASH_SIPHASH) return undefined;
  const hasher = new NameHasher(parameters);
  return { hash: hasher.hash(name, 0, name.length), minor: hasher.minor };
}

/** Hashes name after name without an allocation. Not for HASH_SIPHASH, which needs a key. */
export class NameHasher {
  /** The second part of the hash made last. */
  minor = 0;
  readonly #kind: number;
  readonly #signed: boolean;
  readonly #seed: Int32Array;
  readonly #state = new Int32Array(4);
  readonly #words = new Int32Array(8);

  constructor(parameters: HashParameters) {
    const { version, seed } = parameters;
    this.#signed = version < HASH_UNSIGNED_STEP;
    this.#kind = version % HASH_UNSIGNED_STEP;
    this.#seed = seed.some((part) => part !== 0) ? Int32Array.from(seed.slice(0, 4), (part) => part | 0) : Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476);
  }

  /** The hash of the name in bytes [at, end). */
  hash(bytes: Uint8Array, at: number, end: number): number {
    if (this.#kind === HASH_LEGACY) {
      this.minor = 0;
      return finish(legacy(bytes, at, end, this.#signed));
    }
    const state = this.#state;
    const words = this.#words;
    state[0] = this.#seed[0]!;
    state[1] = this.#seed[1]!;
    state[2] = this.#seed[2]!;
    state[3] = this.#seed[3]!;
    const half = this.#kind === HASH_HALF_MD4;
    const step = half ? 32 : 16;
    for (let from = at; from < end; from += step) {
      pack(bytes, from, end, words, step >> 2, this.#signed);
      if (half) halfMd4(state, words);
      else tea(state, words);
    }
    this.minor = state[half ? 2 : 1]! >>> 0;
    return finish(state[half ? 1 : 0]! >>> 0);
  }
}

function finish(hash: number): number {
  const even = (hash & ~1) >>> 0;
  return even === EOF_HASH ? EOF_HASH - 2 : even;
}

const signedByte = (byte: number): number => (byte << 24) >> 24;

/** The hash of ext2's first indexed directories (dx_hack_hash). */
function legacy(bytes: Uint8Array, at: number, end: number, signed: boolean): number {
  let hash0 = 0x12a3fe2d;
  let hash1 = 0x37abe8f9;
  for (let i = at; i < end; i++) {
    const byte = bytes[i]!;
    let hash = (hash1 + (hash0 ^ Math.imul(signed ? signedByte(byte) : byte, 7152373))) >>> 0;
    if (hash >= 0x80000000) hash = (hash - 0x7fffffff) >>> 0;
    hash1 = hash0;
    hash0 = hash;
  }
  return (hash0 << 1) >>> 0;
}

/** Fills `count` words from the name's bytes at `at`, padded with its remaining length (str2hashbuf). */
function pack(bytes: Uint8Array, at: number, end: number, words: Int32Array, count: number, signed: boolean): void {
  const left = end - at;
  let pad = left | (left << 8);
  pad |= pad << 16;
  const length = Math.min(left, count * 4);
  let word = 0;
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    const b0 = bytes[at + i]!;
    const b1 = bytes[at + i + 1]!;
    const b2 = bytes[at + i + 2]!;
    const b3 = bytes[at + i + 3]!;
    // The sum of four shifted bytes; a signed one borrows from those above it. The padding is shifted out.
    words[word++] = signed ? (signedByte(b0) << 24) + (signedByte(b1) << 16) + (signedByte(b2) << 8) + signedByte(b3) : (b0 << 24) | (b1 << 16) | (b2 << 8) | b3;
  }
  if (i < length) {
    let value = pad;
    for (; i < length; i++) value = ((signed ? signedByte(bytes[at + i]!) : bytes[at + i]!) + (value << 8)) | 0;
    words[word++] = value;
  }
  while (word < count) words[word++] = pad;
}

/** TEA's 16 rounds (TEA_transform): only the first two words of the state take part. */
function tea(state: Int32Array, words: Int32Array): void {
  let b0 = state[0]!;
  let b1 = state[1]!;
  let sum = 0;
  for (let round = 0; round < 16; round++) {
    sum = (sum + 0x9e3779b9) | 0;
    b0 = (b0 + ((((b1 << 4) + words[0]!) ^ (b1 + sum) ^ ((b1 >>> 5) + words[1]!)) | 0)) | 0;
    b1 = (b1 + ((((b0 << 4) + words[2]!) ^ (b0 + sum) ^ ((b0 >>> 5) + words[3]!)) | 0)) | 0;
  }
  state[0] = (state[0]! + b0) | 0;
  state[1] = (state[1]! + b1) | 0;
}

/**
 * MD4 with half of its steps (half_md4_transform). Written out: a million names are hashed in one check, and a loop over the steps takes
 * three times as long.
 */
function halfMd4(state: Int32Array, words: Int32Array): void {
  const w0 = words[0]!;
  const w1 = words[1]!;
  const w2 = words[2]!;
  const w3 = words[3]!;
  const w4 = words[4]!;
  const w5 = words[5]!;
  const w6 = words[6]!;
  const w7 = words[7]!;
  let a = state[0]!;
  let b = state[1]!;
  let c = state[2]!;
  let d = state[3]!;
  a = (a + (d ^ (b & (c ^ d))) + w0) | 0;
  a = (a << 3) | (a >>> 29);
  d = (d + (c ^ (a & (b ^ c))) + w1) | 0;
  d = (d << 7) | (d >>> 25);
  c = (c + (b ^ (d & (a ^ b))) + w2) | 0;
  c = (c << 11) | (c >>> 21);
  b = (b + (a ^ (c & (d ^ a))) + w3) | 0;
  b = (b << 19) | (b >>> 13);
  a = (a + (d ^ (b & (c ^ d))) + w4) | 0;
  a = (a << 3) | (a >>> 29);
  d = (d + (c ^ (a & (b ^ c))) + w5) | 0;
  d = (d << 7) | (d >>> 25);
  c = (c + (b ^ (d & (a ^ b))) + w6) | 0;
  c = (c << 11) | (c >>> 21);
  b = (b + (a ^ (c & (d ^ a))) + w7) | 0;
  b = (b << 19) | (b >>> 13);
  a = (a + ((b & c) + ((b ^ c) & d)) + w1 + 0x5a827999) | 0;
  a = (a << 3) | (a >>> 29);
  d = (d + ((a & b) + ((a ^ b) & c)) + w3 + 0x5a827999) | 0;
  d = (d << 5) | (d >>> 27);
  c = (c + ((d & a) + ((d ^ a) & b)) + w5 + 0x5a827999) | 0;
  c = (c << 9) | (c >>> 23);
  b = (b + ((c & d) + ((c ^ d) & a)) + w7 + 0x5a827999) | 0;
  b = (b << 13) | (b >>> 19);
  a = (a + ((b & c) + ((b ^ c) & d)) + w0 + 0x5a827999) | 0;
  a = (a << 3) | (a >>> 29);
  d = (d + ((a & b) + ((a ^ b) & c)) + w2 + 0x5a827999) | 0;
  d = (d << 5) | (d >>> 27);
  c = (c + ((d & a) + ((d ^ a) & b)) + w4 + 0x5a827999) | 0;
  c = (c << 9) | (c >>> 23);
  b = (b + ((c & d) + ((c ^ d) & a)) + w6 + 0x5a827999) | 0;
  b = (b << 13) | (b >>> 19);
  a = (a + (b ^ c ^ d) + w3 + 0x6ed9eba1) | 0;
  a = (a << 3) | (a >>> 29);
  d = (d + (a ^ b ^ c) + w7 + 0x6ed9eba1) | 0;
  d = (d << 9) | (d >>> 23);
  c = (c + (d ^ a ^ b) + w2 + 0x6ed9eba1) | 0;
  c = (c << 11) | (c >>> 21);
  b = (b + (c ^ d ^ a) + w6 + 0x6ed9eba1) | 0;
  b = (b << 15) | (b >>> 17);
  a = (a + (b ^ c ^ d) + w1 + 0x6ed9eba1) | 0;
  a = (a << 3) | (a >>> 29);
  d = (d + (a ^ b ^ c) + w5 + 0x6ed9eba1) | 0;
  d = (d << 9) | (d >>> 23);
  c = (c + (d ^ a ^ b) + w0 + 0x6ed9eba1) | 0;
  c = (c << 11) | (c >>> 21);
  b = (b + (c ^ d ^ a) + w4 + 0x6ed9eba1) | 0;
  b = (b << 15) | (b >>> 17);
  state[0] = (state[0]! + a) | 0;
  state[1] = (state[1]! + b) | 0;
  state[2] = (state[2]! + c) | 0;
  state[3] = (state[3]! + d) | 0;
}
