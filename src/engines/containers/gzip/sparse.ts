import type { ScratchDevice } from '../../core/probe.ts';

/** Zeros are left out in runs of whole blocks of this many bytes: the usual block of the filesystem that holds the scratch file. */
const BLOCK = 4096;

/**
 * Writes `bytes` at `at`, but for aligned blocks of zeros: an unpacked image is mostly holes, and what was never written
 * to a scratch device reads as zeros.
 */
export function writeSparse(scratch: ScratchDevice, at: number, bytes: Uint8Array): void {
  const words = wordsOf(bytes);
  let from = -1;
  for (let start = 0; start < bytes.length;) {
    const end = Math.min(bytes.length, start + BLOCK - ((at + start) % BLOCK));
    if (isZero(bytes, words, start, end)) {
      if (from >= 0) scratch.write(at + from, bytes.subarray(from, start));
      from = -1;
    } else if (from < 0) {
      from = start;
    }
    start = end;
  }
  if (from >= 0) scratch.write(at + from, bytes.subarray(from));
}

/** The aligned 32-bit words in `bytes`, wherever it starts in its buffer. */
function wordsOf(bytes: Uint8Array): Int32Array {
  // Of less than a word at the buffer's end there is none, and the next border would lie outside.
  const first = Math.min(Math.ceil(bytes.byteOffset / 4), Math.floor(bytes.buffer.byteLength / 4)) * 4;
  return new Int32Array(bytes.buffer, first, Math.max(0, Math.floor((bytes.byteOffset + bytes.length - first) / 4)));
}

/** By words, because most of an image is zeros: byte by byte this took longer than inflating them. */
function isZero(bytes: Uint8Array, words: Int32Array, start: number, end: number): boolean {
  const skew = words.byteOffset - bytes.byteOffset;
  const firstWord = Math.max(0, Math.ceil((start - skew) / 4));
  const endWord = Math.max(firstWord, Math.floor((end - skew) / 4));
  const wordsFrom = Math.min(end, skew + firstWord * 4);
  for (let i = start; i < wordsFrom; i++) if (bytes[i] !== 0) return false;
  for (let i = firstWord; i < endWord; i++) if (words[i] !== 0) return false;
  for (let i = Math.max(wordsFrom, skew + endWord * 4); i < end; i++) if (bytes[i] !== 0) return false;
  return true;
}
