import { SECTOR } from './sectors.ts';

/** Bytes of a sector's sum. */
export const SUM = 8;

/** Words of 32 bits in a sector, and in its sum. */
const WORDS = SECTOR / 4;
const SUM_WORDS = SUM / 4;

/** Odd, with bits all over: a multiplication by one loses nothing. */
const [EVEN, ODD] = [0x9e3779b1, 0x85ebca77];

/**
 * Sums of sectors, quick ones: two gigabytes a second, where SHA-256 of each sector takes a microsecond. They tell accidents: another image, a sector that was
 * written since. They stop nobody who wants two sectors to have one sum; whoever could gain by that may write to the image anyway.
 *
 * Every second word goes into one half, the others into the other half: h = (h xor word) × odd number, then h = h xor (h >>> 15), since a multiplication brings bits
 * upwards only. Each step can be undone, so that a change of one word always shows. The sum of zeros, and of nothing else, is zero.
 * @param bytes in the order of the computer, which is little-endian wherever this runs. A part of a sector at the end counts as if zeros followed
 * @returns two words a sector, in `into` where that is given
 */
export function sumSectors(bytes: Uint8Array, into = new Int32Array(Math.ceil(bytes.length / SECTOR) * SUM_WORDS)): Int32Array {
  const whole = Math.floor(bytes.length / SECTOR);
  // A view of words has to begin at a multiple of four.
  const { buffer, byteOffset } = bytes.byteOffset % 4 === 0 ? bytes : Uint8Array.from(bytes);
  sumWords(new Int32Array(buffer, byteOffset, whole * WORDS), into);
  if (whole * SECTOR < bytes.length) {
    const last = new Uint8Array(SECTOR);
    last.set(bytes.subarray(whole * SECTOR));
    sumWords(new Int32Array(last.buffer), into.subarray(whole * SUM_WORDS));
  }
  return into;
}

function sumWords(words: Int32Array, into: Int32Array): void {
  for (let at = 0, to = 0; at < words.length; to += SUM_WORDS) {
    let [even, odd] = [0, 0];
    for (const end = at + WORDS; at < end; at += 2) {
      even = Math.imul(even ^ words[at]!, EVEN);
      even ^= even >>> 15;
      odd = Math.imul(odd ^ words[at + 1]!, ODD);
      odd ^= odd >>> 15;
    }
    into[to] = even;
    into[to + 1] = even === 0 && odd === 0 && !isZero(words, at - WORDS) ? 1 : odd;
  }
}

function isZero(words: Int32Array, from: number): boolean {
  for (let at = from; at < from + WORDS; at++) if (words[at] !== 0) return false;
  return true;
}
