import { EXTRA_END } from '../inode.ts';
import type { Ext4InodeView } from '../layout.ts';

const NS = 1_000_000_000n;
/** Seconds that 32 signed bits and two more above hold: 1901 to 2446 (ext4_encode_extra_time). */
const FIRST = -(2 ** 31);
const LAST = 2 ** 34 - 2 ** 31 - 1;
const LAST_SHORT = 2 ** 31 - 1;

/** The times of an inode. */
export type TimeName = 'atime' | 'ctime' | 'mtime' | 'crtime';

/**
 * Sets a time of an inode, as exactly as the inode has room for it: without its extra fields seconds up to 2038, and no creation time at all.
 * Times outside are moved to the nearest that can be told, as the kernel does.
 * @param nanoseconds since 1970
 * @param extraSize i_extra_isize
 */
export function setTime(raw: Ext4InodeView, extraSize: number, name: TimeName, nanoseconds: bigint): void {
  const wide = extraSize >= (name === 'crtime' ? EXTRA_END.crtimeExtra : EXTRA_END[name]);
  let { seconds, rest } = split(nanoseconds);
  const last = wide ? LAST : LAST_SHORT;
  if (seconds < FIRST || seconds > last) {
    seconds = seconds < FIRST ? FIRST : last;
    rest = 0;
  }
  if (name === 'crtime' && extraSize < EXTRA_END.crtime) return;
  const low = seconds | 0;
  raw[`i_${name}`] = low;
  if (wide) raw[`i_${name}_extra`] = ((rest << 2) | ((seconds - low) / 2 ** 32)) >>> 0;
}

let lastTime = 0n;
let lastParts = { seconds: 0, rest: 0 };

/** Seconds and nanoseconds. One moment is set several times in a row: dividing it each time was a tenth of the time that making a file took. */
function split(nanoseconds: bigint): { readonly seconds: number; readonly rest: number } {
  if (nanoseconds !== lastTime) {
    let seconds = nanoseconds / NS;
    if (seconds * NS > nanoseconds) seconds--;
    lastParts = { seconds: Number(seconds), rest: Number(nanoseconds - seconds * NS) };
    lastTime = nanoseconds;
  }
  return lastParts;
}
