import { sha256 } from '../../codecs/sha256.ts';
import type { Name } from '../../core/names.ts';

/**
 * Names of encrypted directories without the key, spelled as the kernel spells them (fs/crypto/fname.c, "no-key names"): base64url of
 * struct fscrypt_nokey_name { u32 dirhash[2]; u8 bytes[149]; u8 sha256[32]; }. They are unambiguous, printable, at most 252
 * characters long, and lead back to their entry.
 */

/** Ciphertext bytes that a no-key name spells out; what is longer is hashed. */
const SPELLED = 149;
const HASHES = 8;
const LONGEST = HASHES + SPELLED + 32;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Ciphertext shorter than an AES block can't be: FSCRYPT_FNAME_MIN_MSG_LEN. */
export const SHORTEST_CIPHERTEXT = 16;

/** A no-key name taken apart. */
export interface NokeyName {
  readonly hash: number;
  readonly minor: number;
  /** The ciphertext, or its first 149 bytes. */
  readonly bytes: Uint8Array;
  /** Of the ciphertext past those, when there is more. */
  readonly digest: Uint8Array | undefined;
}

/** Spells the ciphertext `name`. `hash` and `minor` are the directory index's hashes of it, 0 where there is no index. */
export function encodeNokeyName(name: Uint8Array, hash: number, minor: number): Name {
  const whole = new Uint8Array(name.length <= SPELLED ? HASHES + name.length : LONGEST);
  const view = new DataView(whole.buffer);
  view.setUint32(0, hash, true);
  view.setUint32(4, minor, true);
  whole.set(name.subarray(0, SPELLED), HASHES);
  if (name.length > SPELLED) whole.set(sha256(name.subarray(SPELLED)), HASHES + SPELLED);
  return toBase64Url(whole);
}

/** undefined when `name` is not the spelling of any ciphertext. */
export function decodeNokeyName(name: Name): NokeyName | undefined {
  const whole = fromBase64Url(name);
  if (whole === undefined || whole.length <= HASHES || whole.length > LONGEST) return undefined;
  if (whole.length > HASHES + SPELLED && whole.length !== LONGEST) return undefined;
  const view = new DataView(whole.buffer);
  return {
    hash: view.getUint32(0, true),
    minor: view.getUint32(4, true),
    bytes: whole.subarray(HASHES, HASHES + SPELLED),
    digest: whole.length === LONGEST ? whole.subarray(HASHES + SPELLED) : undefined,
  };
}

/** Whether the entry with ciphertext bytes [at, end) is the one that `name` spells (fscrypt_match_name). */
export function matchesNokeyName(name: NokeyName, block: Uint8Array, at: number, end: number): boolean {
  const length = end - at;
  if (name.digest === undefined ? length !== name.bytes.length : length <= SPELLED) return false;
  for (let i = 0; i < name.bytes.length; i++) {
    if (block[at + i] !== name.bytes[i]) return false;
  }
  if (name.digest === undefined) return true;
  const digest = sha256(block.subarray(at + SPELLED, end));
  return digest.every((byte, i) => byte === name.digest![i]);
}

/** RFC 4648 section 5, without padding. */
function toBase64Url(bytes: Uint8Array): string {
  let text = '';
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xffff;
    bits += 8;
    while (bits >= 6) {
      bits -= 6;
      text += ALPHABET[(held >> bits) & 63];
    }
  }
  if (bits > 0) text += ALPHABET[(held << (6 - bits)) & 63];
  return text;
}

function fromBase64Url(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array((text.length * 6) >> 3);
  let length = 0;
  let held = 0;
  let bits = 0;
  for (const character of text) {
    const value = ALPHABET.indexOf(character);
    if (value < 0) return undefined;
    held = ((held << 6) | value) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[length++] = (held >> bits) & 255;
    }
  }
  return (held & ((1 << bits) - 1)) === 0 ? bytes : undefined;
}
