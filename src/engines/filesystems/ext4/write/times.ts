import { EXTRA_END } from '../inode.ts';
import { Ext4InodeExtra, type Ext4InodeView } from '../layout.ts';

const NS = 1_000_000_000n;
/** Seconds that 32 signed bits and two more above hold: 1901 to 2446 (ext4_encode_extra_time). */
const FIRST = -(2 ** 31);
const LAST = 2 ** 34 - 2 ** 31 - 1;
const LAST_SHORT = 2 ** 31 - 1;

/** The times of an inode. */
export type TimeName = 'atime' | 'ctime' | 'mtime' | 'crtime';

const { fields } = Ext4InodeExtra;
/** Bytes in the inode: the seconds, what goes on of them, and what i_extra_isize must reach for that to be there. */
const PLACES: Readonly<Record<TimeName, { readonly at: number; readonly extraAt: number; readonly end: number }>> = {
  atime: { at: fields.i_atime.offset, extraAt: fields.i_atime_extra.offset, end: EXTRA_END.atime },
  ctime: { at: fields.i_ctime.offset, extraAt: fields.i_ctime_extra.offset, end: EXTRA_END.ctime },
  mtime: { at: fields.i_mtime.offset, extraAt: fields.i_mtime_extra.offset, end: EXTRA_END.mtime },
  crtime: { at: fields.i_crtime.offset, extraAt: fields.i_crtime_extra.offset, end: EXTRA_END.crtimeExtra },
};

/**
 * Sets a time of an inode, as exactly as the inode has room for it: without its extra fields seconds up to 2038, and no creation time at all.
 * Times outside are moved to the nearest that can be told, as the kernel does.
 * @param nanoseconds since 1970
 * @param extraSize i_extra_isize
 */
export function setTime(raw: Ext4InodeView, extraSize: number, name: TimeName, nanoseconds: bigint): void {
  const { at, extraAt, end } = PLACES[name];
  const wide = extraSize >= end;
  let { seconds, rest } = split(nanoseconds);
  const last = wide ? LAST : LAST_SHORT;
  if (seconds < FIRST || seconds > last) {
    seconds = seconds < FIRST ? FIRST : last;
    rest = 0;
  }
  if (name === 'crtime' && extraSize < EXTRA_END.crtime) return;
  const low = seconds | 0;
  raw.$view.setInt32(raw.$at + at, low, true);
  if (wide) raw.$view.setUint32(raw.$at + extraAt, (rest << 2) | ((seconds - low) / 2 ** 32), true);
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
