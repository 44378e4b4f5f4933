import type { ScratchDevice } from '../../core/probe.ts';

/** Zeros are left out in runs of whole blocks of this many bytes: the usual block of the filesystem that holds the scratch file. */
const BLOCK = 4096;

/**
 * Writes `bytes` at `at`, but for aligned blocks of zeros: an unpacked image is mostly holes, and what was never written
 * to a scratch device reads as zeros.
 */
export function writeSparse(scratch: ScratchDevice, at: number, bytes: Uint8Array): void {
  let from = -1;
  for (let start = 0; start < bytes.length;) {
    const end = Math.min(bytes.length, start + BLOCK - ((at + start) % BLOCK));
    if (isZero(bytes, start, end)) {
      if (from >= 0) scratch.write(at + from, bytes.subarray(from, start));
      from = -1;
    } else if (from < 0) {
      from = start;
    }
    start = end;
  }
  if (from >= 0) scratch.write(at + from, bytes.subarray(from));
}

function isZero(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] !== 0) return false;
  return true;
}
