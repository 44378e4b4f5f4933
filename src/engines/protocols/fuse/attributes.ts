import type { Stat } from '../../core/filesystem.ts';
import { NANO, TYPE_BITS } from '../shared/linux.ts';
import { Attr, STATX, Statx } from './layout.ts';

const scratch = new DataView(new ArrayBuffer(8));

/** Nanoseconds that are the first of either sign not to fit 64 bits. */
const FAR = 2n ** 63n;

/**
 * A time as seconds and nanoseconds. Divides by hand in halves of 16 bits: with BigInts, the six times of a Stat would cost a third of the whole request.
 * @param secondsAt of a signed 64-bit number
 */
export function putTime(view: DataView, secondsAt: number, nanosecondsAt: number, time: bigint): void {
  if (time >= FAR || time < -FAR) {
    // After 2262, as ext4 has them: rare, and no nanoseconds of 64 bits.
    const nanoseconds = ((time % NANO) + NANO) % NANO;
    view.setBigInt64(secondsAt, BigInt.asIntN(64, (time - nanoseconds) / NANO), true);
    view.setUint32(nanosecondsAt, Number(nanoseconds), true);
    return;
  }
  scratch.setBigInt64(0, time, true);
  const low = scratch.getUint32(0, true);
  const high = scratch.getInt32(4, true);
  // Every product stays below 2^47, so that doubles are exact and a quotient is never rounded up.
  const a = Math.floor(high / 1e9);
  const b = (high - a * 1e9) * 0x1_0000 + (low >>> 16);
  const c = Math.floor(b / 1e9);
  const d = (b - c * 1e9) * 0x1_0000 + (low & 0xffff);
  const e = Math.floor(d / 1e9);
  const seconds = a * 0x1_0000_0000 + c * 0x1_0000 + e;
  view.setUint32(secondsAt, seconds >>> 0, true);
  view.setInt32(secondsAt + 4, Math.floor(seconds / 0x1_0000_0000), true);
  view.setUint32(nanosecondsAt, d - e * 1e9, true);
}

/** The other way round. @param seconds at a signed 64-bit number */
export function getTime(view: DataView, secondsAt: number, nanoseconds: number): bigint {
  return view.getBigInt64(secondsAt, true) * NANO + BigInt(nanoseconds);
}

/** A device's number in 32 bits (include/linux/kdev_t.h, new_encode_dev): 12 bits of the major one, 20 of the minor one. */
export function encodeDevice({ major, minor }: { readonly major: number; readonly minor: number }): number {
  return ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xfff00) << 12)) >>> 0;
}

/** The other way round (new_decode_dev). */
export function decodeDevice(rdev: number): { readonly major: number; readonly minor: number } {
  return { major: (rdev >>> 8) & 0xfff, minor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00) };
}

/**
 * st_ino of a node: its own number, so that what a person sees is the inode number of the format. 0 means none to programs (readdir skips it), and
 * becomes one that no node has.
 */
export function inoOf(node: number): number {
  return node === 0 ? 2 ** 53 : node;
}

/** Writes a Stat as a fuse_attr, all of its 88 bytes. @param blockSize st_blksize, in bytes */
export function putAttr(view: DataView, at: number, stat: Stat, blockSize: number): void {
  const attr = Attr.over(view, at);
  attr.ino = inoOf(stat.node);
  attr.size = stat.size;
  attr.blocks = Math.ceil(stat.allocated / 512);
  putTime(view, at + Attr.fields.atime.offset, at + Attr.fields.atimensec.offset, stat.atime);
  putTime(view, at + Attr.fields.mtime.offset, at + Attr.fields.mtimensec.offset, stat.mtime);
  putTime(view, at + Attr.fields.ctime.offset, at + Attr.fields.ctimensec.offset, stat.ctime);
  attr.mode = stat.mode | TYPE_BITS[stat.type];
  attr.nlink = stat.nlink;
  attr.uid = stat.uid;
  attr.gid = stat.gid;
  attr.rdev = stat.device === undefined ? 0 : encodeDevice(stat.device);
  attr.blksize = blockSize;
  attr.flags = 0;
}

/** Writes a Stat as a fuse_statx into 256 zeros: as putAttr, and with the creation time. */
export function putStatx(view: DataView, at: number, stat: Stat, blockSize: number): void {
  const statx = Statx.over(view, at);
  const put = (name: 'atime' | 'btime' | 'ctime' | 'mtime', time: bigint): void => { putTime(view, at + Statx.fields[name].offset, at + Statx.fields[`${name}nsec`].offset, time); };
  statx.mask = STATX.BASIC_STATS | (stat.btime === undefined ? 0 : STATX.BTIME);
  statx.blksize = blockSize;
  statx.nlink = stat.nlink;
  statx.uid = stat.uid;
  statx.gid = stat.gid;
  statx.mode = stat.mode | TYPE_BITS[stat.type];
  statx.ino = inoOf(stat.node);
  statx.size = stat.size;
  statx.blocks = Math.ceil(stat.allocated / 512);
  put('atime', stat.atime);
  put('mtime', stat.mtime);
  put('ctime', stat.ctime);
  if (stat.btime !== undefined) put('btime', stat.btime);
  if (stat.device !== undefined) {
    statx.rdev_major = stat.device.major;
    statx.rdev_minor = stat.device.minor;
  }
}

