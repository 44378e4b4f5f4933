import type { Reader } from './signatures.ts';

/**
 * Members of Linux software RAID whose superblock lies at the end (metadata 0.90 and 1.0): what lies before it looks like the filesystem that is on
 * the array, and of a mirror it is. Layouts of include/uapi/linux/raid/md_p.h; places and checks of super_90_load and super_1_load in drivers/md/md.c.
 */
export interface MdMember {
  readonly version: '0.90' | '1.0';
  /** Byte offset of the superblock. */
  readonly at: number;
  /** 1 of a mirror; negative ones are linear, multipath and the like. */
  readonly level: number;
  /** Disks of the whole array. */
  readonly disks: number;
  /** Bytes of the device that the array uses; 0 where the superblock has none (RAID0, linear). */
  readonly used: number;
  /** The superblock tells its own place: a partition's can't be taken for one of the whole disk. */
  readonly placed: boolean;
}

const MAGIC = 0xa92b_4efc;
const SECTOR = 512;
/** Bytes that a superblock takes. */
const LENGTH = 4096;
/** 0.90 lies in the last whole block of this many bytes. */
const RESERVED = 65_536;

/** The superblock at the end of a device of `size` bytes; undefined where none is whole and fits. */
export function mdMemberAtEnd(read: Reader, size: number): MdMember | undefined {
  return version0(read, Math.floor(size / RESERVED) * RESERVED - RESERVED) ?? version1(read, Math.floor((size - 8192) / LENGTH) * LENGTH);
}

/** struct mdp_superblock_s, in the byte order of the computer that made it. */
function version0(read: Reader, at: number): MdMember | undefined {
  const sb = at > 0 ? read(at, LENGTH) : undefined;
  if (sb === undefined) return undefined;
  const little = sb.getUint32(0, true) === MAGIC;
  const word = (index: number): number => sb.getUint32(index * 4, little);
  const [level, used, disks] = [word(7) | 0, word(8) * 1024, word(10)];
  const fits = word(0) === MAGIC && word(1) === 0 && (word(2) === 90 || word(2) === 91) && disks > 0 && (level < 1 || used <= at);
  // Older kernels summed otherwise; folded to 16 bits all of them come to the same (md_csum_fold).
  if (!fits || folded(sum(sb, LENGTH, CSUM_0, little)) !== folded(word(CSUM_0 / 4))) return undefined;
  return { version: '0.90', at, level, disks, used, placed: false };
}

/** struct mdp_superblock_1, little-endian. */
function version1(read: Reader, at: number): MdMember | undefined {
  const sb = at > 0 ? read(at, LENGTH) : undefined;
  if (sb === undefined || sb.getUint32(0, true) !== MAGIC || sb.getUint32(4, true) !== 1) return undefined;
  const long = (offset: number): bigint => sb.getBigUint64(offset, true);
  const most = sb.getUint32(220, true);
  const [used, dataSize, place] = [long(80), long(136), long(144)];
  const fits = place * BigInt(SECTOR) === BigInt(at) && dataSize <= place && used <= dataSize && 256 + most * 2 <= LENGTH;
  if (!fits || sum(sb, 256 + most * 2, CSUM_1, true) !== sb.getUint32(CSUM_1, true)) return undefined;
  return { version: '1.0', at, level: sb.getInt32(72, true), disks: sb.getUint32(92, true), used: Number(used) * SECTOR, placed: true };
}

/** Byte offsets of the checksums, which are left out of their own sums. */
const CSUM_0 = 152;
const CSUM_1 = 216;

/** Words of 32 bits, and a half one at the end, added up; what is above 32 bits is added at last (calc_sb_csum, calc_sb_1_csum). */
function sum(sb: DataView, length: number, leaveOut: number, little: boolean): number {
  let total = 0;
  for (let at = 0; at + 4 <= length; at += 4) if (at !== leaveOut) total += sb.getUint32(at, little);
  if (length % 4 === 2) total += sb.getUint16(length - 2, little);
  return ((total % 2 ** 32) + Math.floor(total / 2 ** 32)) >>> 0;
}

function folded(value: number): number {
  const once = (value & 0xffff) + (value >>> 16);
  return (once & 0xffff) + (once >>> 16);
}
