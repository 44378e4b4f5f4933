import { EXTRA_END } from '../inode.ts';
import type { Ext4InodeView } from '../layout.ts';

const NS = 1_000_000_000n;
/** Seconds that 32 signed bits and two more above hold: 1901 to 2446 (ext4_encode_extra_time). */
const FIRST = -(2n ** 31n);
const LAST = 2n ** 34n - 2n ** 31n - 1n;
const LAST_SHORT = 2n ** 31n - 1n;

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
  let seconds = nanoseconds / NS;
  if (seconds * NS > nanoseconds) seconds--;
  let rest = Number(nanoseconds - seconds * NS);
  const last = wide ? LAST : LAST_SHORT;
  if (seconds < FIRST || seconds > last) {
    seconds = seconds < FIRST ? FIRST : last;
    rest = 0;
  }
  const low = Number(BigInt.asIntN(32, seconds));
  if (name === 'crtime' && extraSize < EXTRA_END.crtime) return;
  raw[`i_${name}`] = low;
  if (!wide) return;
  const epoch = Number((seconds - BigInt(low)) >> 32n);
  raw[`i_${name}_extra`] = ((rest << 2) | epoch) >>> 0;
}
