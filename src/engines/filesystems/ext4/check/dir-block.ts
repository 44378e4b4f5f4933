import { crc32c, crc32cOfZeros } from '../../../codecs/crc32c.ts';
import { recordLength } from '../directory.ts';

/**
 * Blocks of directories as bytes: their entries (struct ext4_dir_entry_2), their checksums, and how a damaged one is made readable
 * again. Lengths are bytes.
 */

/** Bytes before the name: inode, rec_len, name_len, file_type. */
export const ENTRY_HEADER = 8;
/** The least rec_len, of a name of one to four bytes; also struct ext4_dir_entry_tail, and the length of "." and of "..". */
export const SMALLEST = 12;
/** struct ext4_dir_entry_hash behind names that are encrypted and casefolded. */
export const ENTRY_HASH = 8;
export const TAIL = 12;
/** struct dx_tail. */
export const INDEX_TAIL = 8;
/** Of the tail's file_type (EXT4_FT_DIR_CSUM). */
const TAIL_TYPE = 0xde;
/** The first pair of an index block: in the root behind "." and ".." and dx_root_info, else behind the unused entry. */
const ROOT_PAIRS = 32;
const NODE_PAIRS = 8;
const PAIR = 8;

export const u16 = (bytes: Uint8Array, at: number): number => bytes[at]! | (bytes[at + 1]! << 8);
export const u32 = (bytes: Uint8Array, at: number): number => (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;

export function putU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
}

export function putU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

/** The length of an entry with a name of `nameLength` bytes. @param hashed with the hash behind the name */
export function entryLength(nameLength: number, hashed: boolean): number {
  return (nameLength + ENTRY_HEADER + (hashed ? ENTRY_HASH : 0) + 3) & ~3;
}

/** rec_len of the entry at `at`. */
export function recordAt(block: Uint8Array, at: number, blockSize: number): number {
  return recordLength(u16(block, at + 4), blockSize);
}

/** Sets rec_len: blocks of 64 KiB keep its two high bits in the low ones. */
export function setRecord(block: Uint8Array, at: number, length: number, blockSize: number): void {
  if (blockSize < 65536) putU16(block, at + 4, length);
  else if (length === blockSize) putU16(block, at + 4, 0xffff);
  else putU16(block, at + 4, (length & 0xfffc) | ((length >>> 16) & 3));
}

/** Writes an entry at `at`; the name is ASCII. */
export function putEntry(block: Uint8Array, at: number, inode: number, length: number, name: string, type: number, blockSize: number): void {
  putU32(block, at, inode);
  setRecord(block, at, length, blockSize);
  block[at + 6] = name.length;
  block[at + 7] = type;
  for (let i = 0; i < name.length; i++) block[at + ENTRY_HEADER + i] = name.charCodeAt(i);
}

/** A block without entries. @param tail with room for a checksum (metadata_csum) */
export function emptyBlock(blockSize: number, tail: boolean): Uint8Array {
  const block = new Uint8Array(blockSize);
  setRecord(block, 0, tail ? blockSize - TAIL : blockSize, blockSize);
  if (tail) putTail(block);
  return block;
}

/** The first block of a new directory: "." and "..". @param type of its entries: 2 with filetype, else 0 */
export function firstBlock(blockSize: number, tail: boolean, inode: number, parent: number, type: number): Uint8Array {
  const block = emptyBlock(blockSize, tail);
  putEntry(block, 0, inode, SMALLEST, '.', type, blockSize);
  putEntry(block, SMALLEST, parent, blockSize - SMALLEST - (tail ? TAIL : 0), '..', type, blockSize);
  return block;
}

/** The entry in the block's last bytes that holds its checksum, with none in it yet. */
export function putTail(block: Uint8Array): void {
  const at = block.length - TAIL;
  block.fill(0, at);
  putU16(block, at + 4, TAIL);
  block[at + 7] = TAIL_TYPE;
}

/** Whether the block's entries end at a tail for a checksum (get_dirent_tail). */
export function hasTail(block: Uint8Array): boolean {
  const top = block.length - TAIL;
  if (u32(block, top) !== 0 || u16(block, top + 4) !== TAIL || block[top + 6] !== 0 || block[top + 7] !== TAIL_TYPE) return false;
  let at = 0;
  while (at < top) {
    const length = recordAt(block, at, block.length);
    if (length < ENTRY_HEADER || length % 4 !== 0) return false;
    at += length;
  }
  return at === top;
}

/** Makes room for a tail where the entries leave it. @returns whether there is one now */
export function insertTail(block: Uint8Array): boolean {
  const top = block.length - TAIL;
  let at = 0;
  for (;;) {
    const length = recordAt(block, at, block.length);
    if (length === 0 || length % 4 !== 0 || at + length > top) break;
    at += length;
    if (at === top) break;
  }
  if (at !== top) {
    // The last entry reaches into the tail's place: it is cut, if its name leaves room.
    if (entryLength(u32(block, at) === 0 ? 0 : block[at + 6]!, false) > top - at) return false;
    setRecord(block, at, top - at, block.length);
  }
  if (!hasTail(block)) putTail(block);
  return true;
}

/** Where the pairs of an index block begin; undefined when it looks like no index block (get_dx_countlimit). */
function pairsAt(block: Uint8Array): number | undefined {
  const size = block.length;
  const length = recordAt(block, 0, size);
  let at: number;
  if (length === size && block[6] === 0) {
    at = NODE_PAIRS;
  } else if (length === SMALLEST && recordAt(block, SMALLEST, size) === size - SMALLEST) {
    // dx_root_info: a reserved word, then its own length at byte 5.
    if (u32(block, 24) !== 0 || block[29] !== 8) return undefined;
    at = ROOT_PAIRS;
  } else {
    return undefined;
  }
  const most = Math.floor((size - at) / PAIR);
  return u16(block, at) > most || u16(block, at + 2) > most ? undefined : at;
}

/** The checksum of an index block; undefined when it has no room for one. */
function indexChecksum(seed: number, block: Uint8Array, at: number): { readonly sum: number; readonly at: number } | undefined {
  const tail = at + u16(block, at) * PAIR;
  if (tail > block.length - INDEX_TAIL) return undefined;
  const sum = crc32c(crc32c(seed, block, 0, at + u16(block, at + 2) * PAIR), block, tail, tail + 4);
  return { sum: crc32cOfZeros(sum, 4), at: tail + 4 };
}

/** Whether a directory block's checksum is right, by its tail or as an index block. @param seed of the directory's inode */
export function checksumMatches(seed: number, block: Uint8Array): boolean {
  const top = block.length - TAIL;
  // Asked first, as nearly all blocks are leaves that are right; what leads to the tail is looked at with the entries.
  if (block[top + 7] === TAIL_TYPE && u16(block, top + 4) === TAIL && hasTail(block)) return u32(block, top + 8) === crc32c(seed, block, 0, top);
  const at = pairsAt(block);
  const index = at === undefined ? undefined : indexChecksum(seed, block, at);
  return index !== undefined && index.sum === u32(block, index.at);
}

/** Sets the checksum of a directory block. @returns false where it has no place for one */
export function setChecksum(seed: number, block: Uint8Array): boolean {
  const top = block.length - TAIL;
  if (hasTail(block)) {
    putU32(block, top + 8, crc32c(seed, block, 0, top));
    return true;
  }
  const at = pairsAt(block);
  const index = at === undefined ? undefined : indexChecksum(seed, block, at);
  if (index === undefined) return false;
  putU32(block, index.at, index.sum);
  return true;
}

/**
 * Makes the entry at `at` readable, or lets the one before it swallow it, as e2fsck's salvage does; the scan goes on at what it returns.
 * It always ends: each call takes bytes from what is left of the block, or leaves a sound entry.
 * @param previous the entry before it; -1 when it is the first
 * @param end where the entries end
 */
export function salvage(block: Uint8Array, at: number, previous: number, end: number, hashed: boolean, inodeCount: number, blockSize: number): number {
  const room = end - at;
  const tooShort = room < ENTRY_HEADER;
  const nameLength = tooShort ? 0 : block[at + 6]!;
  const length = tooShort ? room : recordAt(block, at, blockSize);
  const left = room - length;
  // A header alone, with something behind it: what is behind it moves up.
  if (left >= entryLength(1, hashed) && length === ENTRY_HEADER) {
    block.copyWithin(at, at + ENTRY_HEADER, end);
    block.fill(0, end - ENTRY_HEADER, end);
    return at;
  }
  // It runs over the end, and its name does not: it is cut.
  if (left < 0 && room > ENTRY_HEADER && entryLength(nameLength, hashed) <= room && u32(block, at) <= inodeCount
    && block.subarray(at + ENTRY_HEADER, at + ENTRY_HEADER + nameLength).every((byte) => byte !== 0)) {
    setRecord(block, at, room, blockSize);
    return at;
  }
  if (previous >= 0 && length !== 0 && length % 4 === 0 && length <= room) {
    setRecord(block, previous, recordAt(block, previous, blockSize) + length, blockSize);
    return at + length;
  }
  if (previous >= 0) {
    setRecord(block, previous, recordAt(block, previous, blockSize) + room, blockSize);
    return end;
  }
  putU32(block, at, 0);
  setRecord(block, at, room, blockSize);
  block[at + 6] = 0;
  block[at + 7] = 0;
  return at;
}
