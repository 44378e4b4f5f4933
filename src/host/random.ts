import { randomFillSync } from 'node:crypto';

/** Random bytes that are fetched ahead: every new inode takes four, and a call of the system's generator costs more than to make the inode. */
const pool = new Uint8Array(4096);
let used = pool.length;

/** Fills all of `into` with random bytes. None is given out twice. */
export function fillRandom(into: Uint8Array): void {
  if (into.length > pool.length) {
    randomFillSync(into);
    return;
  }
  if (used + into.length > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  into.set(pool.subarray(used, used + into.length));
  pool.fill(0, used, used + into.length);
  used += into.length;
}
