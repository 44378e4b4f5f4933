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
  const { version, seed } = parameters;
  const signed = version < HASH_UNSIGNED_STEP;
  const state = Uint32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476);
  if (seed.some((part) => part !== 0)) state.set(seed.slice(0, 4));
  switch (version % HASH_UNSIGNED_STEP) {
    case HASH_LEGACY:
      if (version >= HASH_SIPHASH) return undefined;
      return { hash: finish(legacy(name, signed)), minor: 0 };
    case HASH_HALF_MD4: {
      if (version >= HASH_SIPHASH) return undefined;
      const words = new Uint32Array(8);
      for (let at = 0; at < name.length; at += 32) {
        pack(name, at, words, signed);
        halfMd4(state, words);
      }
      return { hash: finish(state[1]!), minor: state[2]! };
    }
    default: {
      if (version >= HASH_SIPHASH) return undefined;
      const words = new Uint32Array(4);
      for (let at = 0; at < name.length; at += 16) {
        pack(name, at, words, signed);
        tea(state, words);
      }
      return { hash: finish(state[0]!), minor: state[1]! };
    }
  }
}

function finish(hash: number): number {
  const even = (hash & ~1) >>> 0;
  return even === EOF_HASH ? EOF_HASH - 2 : even;
}

const signedByte = (byte: number): number => (byte << 24) >> 24;

/** The hash of ext2's first indexed directories (dx_hack_hash). */
function legacy(name: Uint8Array, signed: boolean): number {
  let hash0 = 0x12a3fe2d;
  let hash1 = 0x37abe8f9;
  for (const byte of name) {
    let hash = (hash1 + (hash0 ^ Math.imul(signed ? signedByte(byte) : byte, 7152373))) >>> 0;
    if (hash >= 0x80000000) hash = (hash - 0x7fffffff) >>> 0;
    hash1 = hash0;
    hash0 = hash;
  }
  return (hash0 << 1) >>> 0;
}

/** Fills `words` from the name's bytes at `at`, padded with its remaining length (str2hashbuf). */
function pack(name: Uint8Array, at: number, words: Uint32Array, signed: boolean): void {
  const left = name.length - at;
  let pad = (left | (left << 8)) >>> 0;
  pad = (pad | (pad << 16)) >>> 0;
  const length = Math.min(left, words.length * 4);
  words.fill(pad);
  let value = pad;
  for (let i = 0; i < length; i++) {
    const byte = name[at + i]!;
    if (i % 4 === 0) value = pad;
    value = ((signed ? signedByte(byte) : byte) + (value << 8)) >>> 0;
    words[i >> 2] = value;
  }
}

/** TEA's 16 rounds (TEA_transform): only the first two words of the state take part. */
function tea(state: Uint32Array, words: Uint32Array): void {
  let b0 = state[0]!;
  let b1 = state[1]!;
  let sum = 0;
  for (let round = 0; round < 16; round++) {
    sum = (sum + 0x9e3779b9) >>> 0;
    b0 = (b0 + ((((b1 << 4) + words[0]!) ^ (b1 + sum) ^ ((b1 >>> 5) + words[1]!)) | 0)) >>> 0;
    b1 = (b1 + ((((b0 << 4) + words[2]!) ^ (b0 + sum) ^ ((b0 >>> 5) + words[3]!)) | 0)) >>> 0;
  }
  state[0] = (state[0]! + b0) >>> 0;
  state[1] = (state[1]! + b1) >>> 0;
}

const rotate = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits));
/** Per round of the cut-down MD4: the word order, the shifts and the added constant. */
const ROUNDS = [
  { order: [0, 1, 2, 3, 4, 5, 6, 7], shifts: [3, 7, 11, 19], add: 0, mix: (x: number, y: number, z: number) => z ^ (x & (y ^ z)) },
  { order: [1, 3, 5, 7, 0, 2, 4, 6], shifts: [3, 5, 9, 13], add: 0x5a827999, mix: (x: number, y: number, z: number) => ((x & y) + ((x ^ y) & z)) | 0 },
  { order: [3, 7, 2, 6, 1, 5, 0, 4], shifts: [3, 9, 11, 15], add: 0x6ed9eba1, mix: (x: number, y: number, z: number) => x ^ y ^ z },
] as const;

/** MD4 with half of its steps (half_md4_transform). */
function halfMd4(state: Uint32Array, words: Uint32Array): void {
  let a = state[0]! | 0;
  let b = state[1]! | 0;
  let c = state[2]! | 0;
  let d = state[3]! | 0;
  for (const { order, shifts, add, mix } of ROUNDS) {
    for (let step = 0; step < 8; step++) {
      const turned = rotate((a + mix(b, c, d) + words[order[step]!]! + add) | 0, shifts[step % 4]!);
      a = d;
      d = c;
      c = b;
      b = turned;
    }
  }
  state[0] = (state[0]! + a) >>> 0;
  state[1] = (state[1]! + b) >>> 0;
  state[2] = (state[2]! + c) >>> 0;
  state[3] = (state[3]! + d) >>> 0;
}
