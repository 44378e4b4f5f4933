import { createHash, randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { FileState } from './identity.ts';
import { SECTOR } from './sectors.ts';

/**
 * The file that makes an Apply whole: what brings an image to its new state, or back to its old one, durable before the first change reaches it. Little-endian.
 *
 * ```
 * "CLUTCHAP"  u32 version  u32 length of the identity   identity (JSON, UTF-8)
 * record      u64 place in the image  u32 length  u32 kind   8 bytes a sector: its sum   redo: the new bytes
 * …           zeros to a multiple of 512
 * mark        512 bytes: "CLUTCHOK"  32 bytes SHA-256 of the tail  zeros; nothing but zeros until the Apply is committed
 * tail        512 bytes, of which the last: "CLUTCHEN"  u64 bytes before it  32 bytes SHA-256 of all before the mark  8 bytes: the start of the SHA-256 of the tail before
 * ```
 *
 * | kind | the sums are of | in the image |
 * | --- | --- | --- |
 * | 0, redo | what the sectors held before | it gets the new bytes when the Apply is committed |
 * | 1, witness | what the sectors hold | it stays as it is: it tells the image from another one |
 * | 2, fresh | the new bytes | was nothing but zeros, and gets the new bytes before the Apply is committed. They are not in the file: zeros are the way back |
 *
 * The tail is written when all before it is durable, and made durable before the image is touched. The mark is made durable when all fresh bytes are in the
 * image; where there are none, together with the tail. So a file without a tail means that the image is as it was; one without a mark, that fresh
 * sectors may be old or new, and all else is old; one with it, that all fresh sectors are new, and those of redo records may be either.
 *
 * Version 1 had no fresh records, no mark and no zeros before the tail, sums of 16 bytes (the start of the SHA-256, or zeros), and bytes in witnesses too.
 * What it left is finished still. It finds this one's tail in its place, takes the file for damaged, and leaves it alone.
 */

/** Bytes of a record at most: what is held in memory. */
export const MOST_DATA = 1024 * 1024;

export const MAGIC = Buffer.from('CLUTCHAP');
const MARK_MAGIC = Buffer.from('CLUTCHOK');
export const TAIL_MAGIC = Buffer.from('CLUTCHEN');
export const VERSION = 2;
export const HEADER = 16;
export const RECORD = 16;
export const TAIL = 56;
/** Mark and tail have a sector each: a write of one that is cut off can't hurt the other. */
export const END = 2 * SECTOR;

export const REDO = 0;
export const WITNESS = 1;
export const FRESH = 2;

/** Which image the changes belong to, and who applies them. */
export interface Identity {
  /** Unique for each Apply. */
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly made: number;
  /** Bytes of the image, of all files together. */
  readonly size: number;
  /** The files that it is made of. */
  readonly files: readonly { readonly path: string; readonly size: number; /** Absent for disks. */ readonly inode?: string }[];
  /** The process that applies, and the computer that it runs on: it may be at it still. */
  readonly process: { readonly pid: number; readonly host: string };
}

/** The identity of an image as it is now, for changes that this process is about to apply. */
export function identityOf(size: number, files: readonly FileState[]): Identity {
  return {
    id: randomUUID(), made: Date.now(), size, process: { pid: process.pid, host: hostname() },
    files: files.map(({ path, size: length, inode }) => ({ path, size: length, ...(inode === undefined ? {} : { inode }) })),
  };
}

/** What a tail ends with: whether it is one at all. */
export function tailSum(tail: Uint8Array): Buffer {
  return createHash('sha256').update(tail.subarray(0, 48)).digest().subarray(0, 8);
}

/** The sector that says that an Apply is committed. It fits to one tail alone: old blocks of a disk hold nothing that could be taken for it. */
export function markOf(tail: Uint8Array): Buffer {
  const mark = Buffer.alloc(SECTOR);
  MARK_MAGIC.copy(mark);
  createHash('sha256').update(tail).digest().copy(mark, MARK_MAGIC.length);
  return mark;
}
