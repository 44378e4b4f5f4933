/**
 * Bitmaps of groups: bit n is bit n % 8 of byte n / 8, set where the block, cluster or inode is in use. Searched by bytes, as most of
 * their bytes are all of one kind.
 */

/** The first clear bit in [from, end); `end` when there is none. */
export function firstClear(bits: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end) {
    const byte = bits[at >>> 3]!;
    if ((at & 7) === 0 && byte === 0xff) {
      at += 8;
      while (at < end && bits[at >>> 3] === 0xff) at += 8;
      continue;
    }
    if (((byte >>> (at & 7)) & 1) === 0) return at;
    at++;
  }
  return end;
}

/** The first set bit in [from, end); `end` when there is none. */
export function firstSet(bits: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end) {
    const byte = bits[at >>> 3]!;
    if ((at & 7) === 0 && byte === 0) {
      at += 8;
      while (at < end && bits[at >>> 3] === 0) at += 8;
      continue;
    }
    if (((byte >>> (at & 7)) & 1) !== 0) return at;
    at++;
  }
  return end;
}

/** A run of clear bits in [from, end): the first one of at least `wanted`, else the longest. Its length is 0 when there is none. */
export function clearRun(bits: Uint8Array, from: number, end: number, wanted: number): { readonly start: number; readonly length: number } {
  let best = 0;
  let bestAt = from;
  for (let at = firstClear(bits, from, end); at < end;) {
    const stop = Math.min(end, firstSet(bits, at, Math.min(end, at + wanted)));
    if (stop - at > best) {
      best = stop - at;
      bestAt = at;
      if (best >= wanted) break;
    }
    at = firstClear(bits, stop, end);
  }
  return { start: bestAt, length: best };
}

/** Sets the bits [start, start + count). */
export function setBits(bits: Uint8Array, start: number, count: number): void {
  let at = start;
  const end = start + count;
  while (at < end && (at & 7) !== 0) { bits[at >>> 3]! |= 1 << (at & 7); at++; }
  const whole = (end - at) >>> 3;
  if (whole > 0) bits.fill(0xff, at >>> 3, (at >>> 3) + whole);
  for (at += whole * 8; at < end; at++) bits[at >>> 3]! |= 1 << (at & 7);
}

/** Clears the bits [start, start + count). */
export function clearBits(bits: Uint8Array, start: number, count: number): void {
  let at = start;
  const end = start + count;
  while (at < end && (at & 7) !== 0) { bits[at >>> 3]! &= ~(1 << (at & 7)); at++; }
  const whole = (end - at) >>> 3;
  if (whole > 0) bits.fill(0, at >>> 3, (at >>> 3) + whole);
  for (at += whole * 8; at < end; at++) bits[at >>> 3]! &= ~(1 << (at & 7));
}

/** Clear bits in [0, end). */
export function countClear(bits: Uint8Array, end: number): number {
  let count = 0;
  for (let at = firstClear(bits, 0, end); at < end;) {
    const stop = Math.min(end, firstSet(bits, at, end));
    count += stop - at;
    at = firstClear(bits, stop, end);
  }
  return count;
}
