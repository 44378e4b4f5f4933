import { isDiskError } from '../../../core/errors.ts';
import type { CheckContext } from './context.ts';
import type { RawInode } from './raw-inode.ts';

/** EXT4_XATTR_MAGIC. */
export const ATTRIBUTE_MAGIC = 0xea020000;
/** struct ext4_xattr_entry without its name. */
export const ENTRY_SIZE = 16;
/** struct ext4_xattr_header, the start of a block of attributes. */
export const BLOCK_HEADER = 32;
/** The magic number before the attributes in an inode. */
export const BODY_HEADER = 4;
/** EXT2_XATTR_SIZE_MAX. */
export const LARGEST_VALUE = 1 << 24;

/** Bytes that an entry takes with a name of `length` bytes, and a value of `size` bytes. */
export const entryLength = (length: number): number => (length + ENTRY_SIZE + 3) & ~3;
export const valueLength = (size: number): number => (size + 3) & ~3;

/** One entry, as it lies in a block or an inode. */
export interface Entry {
  /** Byte where it starts, in the array that was given. */
  readonly at: number;
  readonly nameLength: number;
  readonly nameIndex: number;
  /** e_value_offs, as it stands there. */
  readonly valueOffset: number;
  /** The inode that holds the value; 0 = it lies here. */
  readonly valueInode: number;
  readonly valueSize: number;
  readonly hash: number;
  /** Byte after it. */
  readonly next: number;
}

/** The entry at `at`; the caller has checked that 16 bytes are there. */
export function entryAt(view: DataView, at: number): Entry {
  const nameLength = view.getUint8(at);
  return {
    at, nameLength, nameIndex: view.getUint8(at + 1), valueOffset: view.getUint16(at + 2, true), valueInode: view.getUint32(at + 4, true),
    valueSize: view.getUint32(at + 8, true), hash: view.getUint32(at + 12, true), next: at + entryLength(nameLength),
  };
}

/** Entries from `at` on, as far as they lie before `end`. Bounded by the size of the array. */
export function* entries(view: DataView, at: number, end: number): Iterable<Entry> {
  for (let next = at; next + ENTRY_SIZE <= end && view.getUint32(next, true) !== 0;) {
    const entry = entryAt(view, next);
    if (entry.next > end) return;
    yield entry;
    next = entry.next;
  }
}

/**
 * e_hash of an entry (ext4_xattr_hash_entry): over the name, and over the words of the value or the hash of the inode that holds it.
 * @param signed name bytes above 127 count as negative: an older form, still to be accepted
 */
export function entryHash(name: Uint8Array, words: Iterable<number>, signed: boolean): number {
  let hash = 0;
  for (const byte of name) hash = ((hash << 5) ^ (hash >>> 27) ^ (signed && byte > 127 ? byte - 256 : byte)) >>> 0;
  for (const word of words) hash = ((hash << 16) ^ (hash >>> 16) ^ word) >>> 0;
  return hash;
}

/** The words of a value, the last one filled up with zeros. */
export function* valueWords(view: DataView, at: number, size: number): Iterable<number> {
  for (let i = 0; i < size; i += 4) yield at + i + 4 <= view.byteLength ? view.getUint32(at + i, true) : 0;
}

/** Intervals of bytes that are taken: two values must not overlap. */
export class Region {
  readonly #size: number;
  readonly #taken: (readonly [from: number, to: number])[] = [];

  constructor(size: number) {
    this.#size = size;
  }

  /** @returns false when the bytes are outside, or taken already */
  take(from: number, length: number): boolean {
    const to = from + length;
    if (!(from >= 0 && length > 0 && to <= this.#size)) return false;
    if (this.#taken.some(([start, end]) => from < end && start < to)) return false;
    this.#taken.push([from, to]);
    return true;
  }
}

/** An attribute's value, of an inode's body or its block of attributes. undefined: there is none; 'damaged': it can't be read. */
export function attributeValue(context: CheckContext, inode: RawInode, index: number, name: Uint8Array): Uint8Array | 'damaged' | undefined {
  const extra = inode.extraSize;
  const start = 128 + extra;
  const size = inode.bytes.length;
  if (size > 128 && start + BODY_HEADER <= size && inode.view.getUint32(start, true) === ATTRIBUTE_MAGIC) {
    const found = find(inode.view, inode.bytes, start + BODY_HEADER, size, start + BODY_HEADER, index, name);
    if (found !== undefined) return found;
  }
  const block = inode.fileAcl(context.superblock);
  if (block === 0) return undefined;
  try {
    const bytes = context.block(block);
    const view = new DataView(bytes.buffer);
    if (view.getUint32(0, true) !== ATTRIBUTE_MAGIC) return 'damaged';
    return find(view, bytes, BLOCK_HEADER, bytes.length, 0, index, name);
  } catch (error) {
    if (!isDiskError(error)) throw error;
    return 'damaged';
  }
}

/** Whether all attributes of an area can be read (read_xattrs_from_buffer in libext2fs): where one is damaged, e2fsck finds none of them. */
function areReadable(view: DataView, bytes: Uint8Array, start: number, end: number, values: number): boolean {
  let last = start;
  let room = end - start;
  for (let at = start; room >= ENTRY_SIZE && at + 4 <= end && view.getUint32(at, true) !== 0;) {
    room -= ENTRY_SIZE;
    const entry = entryAt(view, at);
    if (valueLength(entry.nameLength) > room) return false;
    room -= valueLength(entry.nameLength);
    at = last = entry.next;
  }
  room = end - start;
  for (const entry of entries(view, start, end)) {
    room -= entry.next - entry.at;
    if (entry.valueInode !== 0) continue;
    const at = values + entry.valueOffset;
    if (entry.valueSize > room || at + entry.valueSize > end || (entry.valueSize > 0 && at < last + 4)) return false;
    room -= entry.valueSize;
    if (entry.hash !== 0 && !hashMatches(view, bytes, entry, at)) return false;
  }
  return true;
}

/** Whether an entry's hash is that of its name and its value, which starts at `valueAt`; in either form. */
export function hashMatches(view: DataView, bytes: Uint8Array, entry: Entry, valueAt: number): boolean {
  const name = bytes.subarray(entry.at + ENTRY_SIZE, entry.at + ENTRY_SIZE + entry.nameLength);
  return [false, true].some((signed) => entryHash(name, valueWords(view, valueAt, entry.valueSize), signed) === entry.hash);
}

function find(view: DataView, bytes: Uint8Array, at: number, end: number, values: number, index: number, name: Uint8Array): Uint8Array | 'damaged' | undefined {
  if (!areReadable(view, bytes, at, end, values)) return 'damaged';
  for (const entry of entries(view, at, end)) {
    if (entry.nameIndex !== index || entry.nameLength !== name.length) continue;
    if (!name.every((byte, i) => bytes[entry.at + ENTRY_SIZE + i] === byte)) continue;
    if (entry.valueInode !== 0 || values + entry.valueOffset + entry.valueSize > end) return 'damaged';
    return bytes.subarray(values + entry.valueOffset, values + entry.valueOffset + entry.valueSize);
  }
  return undefined;
}
