import { crc32c } from '../../../codecs/crc32c.ts';
import { corrupt, type DiskError } from '../../../core/errors.ts';
import type { EntryType } from '../../../core/filesystem.ts';
import { type DirectoryContext, recordLength } from '../directory.ts';
import { Ext4DirEntry2, Ext4DirEntryTail } from '../directory-layout.ts';

/** What the entries of a directory's blocks depend on. */
export type Shape = Pick<DirectoryContext, 'inode' | 'blockSize' | 'hasFiletype' | 'hasChecksum' | 'checksumSeed' | 'inodeCount' | 'trusts'>;

/** One entry: a name and the inode that it leads to. */
export interface Entry {
  readonly name: Uint8Array;
  readonly inode: number;
  readonly type: EntryType;
}

/** An entry where it lies. Unused ones have inode 0. */
export interface PlacedEntry {
  /** Offset of its header, and of the next entry's. */
  readonly at: number;
  readonly next: number;
  readonly inode: number;
  readonly nameLength: number;
  /** file_type; 0 without the filetype feature. */
  readonly type: number;
}

/** Bytes before a name. */
export const ENTRY_HEADER = Ext4DirEntry2.size;
/** Bytes of struct ext4_dir_entry_tail, which poses as an unused entry. */
const TAIL = Ext4DirEntryTail.size;
/** EXT4_FT_DIR_CSUM. */
const TAIL_TYPE = 0xde;

/** EXT4_FT_*. */
const FILE_TYPES: Readonly<Record<EntryType, number>> = { file: 1, dir: 2, char: 3, block: 4, fifo: 5, socket: 6, symlink: 7 };

/** Bytes that an entry with a name of `nameLength` bytes takes at least (ext4_dir_rec_len). */
export function entryLength(nameLength: number): number {
  return (ENTRY_HEADER + nameLength + 3) & ~3;
}

/** Where the entries of a leaf end: before its checksum, where there is one. */
export function leafEnd(shape: Shape): number {
  return shape.blockSize - (shape.hasChecksum ? TAIL : 0);
}

/** The entries in bytes [start, end), each checked. @throws DiskError corrupt: nothing is written into what can't be read */
export function* placedEntries(shape: Shape, bytes: Uint8Array, start: number, end: number): Iterable<PlacedEntry> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = start; at < end;) {
    if (at + ENTRY_HEADER > end) throw damaged(shape, at, 'it runs over the end');
    const inode = view.getUint32(at, true);
    const length = recordLength(view.getUint16(at + 4, true), shape.blockSize);
    const nameLength = bytes[at + 6]!;
    if (length < entryLength(Math.max(1, nameLength)) || length % 4 !== 0) throw damaged(shape, at, `its rec_len is ${length} with a name of ${nameLength} bytes`);
    if (at + length > end) throw damaged(shape, at, 'it runs over the end');
    if (inode > shape.inodeCount) throw damaged(shape, at, `it leads to inode ${inode}, which can't be`);
    yield { at, next: at + length, inode, nameLength, type: bytes[at + 7]! };
    at += length;
  }
}

/** The entry of that name in bytes [start, end). @throws DiskError corrupt */
export function findEntry(shape: Shape, bytes: Uint8Array, start: number, end: number, name: Uint8Array): PlacedEntry | undefined {
  for (const entry of placedEntries(shape, bytes, start, end)) {
    if (entry.inode !== 0 && entry.nameLength === name.length && sameBytes(bytes, entry.at + ENTRY_HEADER, name)) return entry;
  }
  return undefined;
}

/** Puts an entry into an unused one or into the slack behind another, the first that is large enough (ext4_find_dest_de). @returns false when none is */
export function insertEntry(shape: Shape, bytes: Uint8Array, start: number, end: number, entry: Entry): boolean {
  const wanted = entryLength(entry.name.length);
  for (const there of placedEntries(shape, bytes, start, end)) {
    const used = there.inode === 0 ? 0 : entryLength(there.nameLength);
    if (there.next - there.at - used < wanted) continue;
    if (used > 0) setLength(bytes, there.at, used);
    writeEntry(shape, bytes, there.at + used, there.next, entry);
    return true;
  }
  return false;
}

/** Takes an entry away: its bytes join the entry before, the first of a block becomes unused (ext4_generic_delete_entry). */
export function removeEntry(shape: Shape, bytes: Uint8Array, start: number, end: number, at: number): void {
  let before: PlacedEntry | undefined;
  for (const there of placedEntries(shape, bytes, start, end)) {
    if (there.at === at) {
      // Names of deleted files stay nowhere.
      bytes.fill(0, at, there.next);
      if (before === undefined) setLength(bytes, at, there.next - at);
      else setLength(bytes, before.at, there.next - before.at);
      return;
    }
    before = there;
  }
  throw new RangeError(`there is no entry at ${at}`);
}

/** Lets an entry lead to another inode. */
export function pointEntry(shape: Shape, bytes: Uint8Array, at: number, inode: number, type: EntryType): void {
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).setUint32(at, inode, true);
  if (shape.hasFiletype) bytes[at + 7] = FILE_TYPES[type];
}

/** An entry that takes all bytes from `at` to `end`. */
export function writeEntry(shape: Shape, bytes: Uint8Array, at: number, end: number, entry: Entry): void {
  bytes.fill(0, at, end);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  view.setUint32(at, entry.inode, true);
  setLength(bytes, at, end - at);
  bytes[at + 6] = entry.name.length;
  if (shape.hasFiletype) bytes[at + 7] = FILE_TYPES[entry.type];
  bytes.set(entry.name, at + ENTRY_HEADER);
}

/** One unused entry over bytes [at, end). */
export function writeUnused(bytes: Uint8Array, at: number, end: number): void {
  bytes.fill(0, at, end);
  setLength(bytes, at, end - at);
}

/** Fills a block of zeros as an empty leaf. */
export function initialiseLeaf(shape: Shape, block: Uint8Array): void {
  writeUnused(block, 0, leafEnd(shape));
  sealLeaf(shape, block);
}

/** Copies entries, each as it is in `from`, into an empty leaf, close together; the last one reaches to the end. There is at least one. */
export function packLeaf(shape: Shape, block: Uint8Array, from: Uint8Array, entries: readonly PlacedEntry[]): void {
  const end = leafEnd(shape);
  block.fill(0);
  let at = 0;
  entries.forEach((entry, i) => {
    const length = entryLength(entry.nameLength);
    block.set(from.subarray(entry.at, entry.at + ENTRY_HEADER + entry.nameLength), at);
    const next = i === entries.length - 1 ? end : at + length;
    setLength(block, at, next - at);
    at = next;
  });
  sealLeaf(shape, block);
}

/** Makes a leaf's tail with its checksum (ext4_initialize_dirent_tail, ext4_dirblock_csum). */
export function sealLeaf(shape: Shape, block: Uint8Array): void {
  if (!shape.hasChecksum) return;
  const at = leafEnd(shape);
  block.fill(0, at, at + TAIL);
  const tail = Ext4DirEntryTail.at(block, at);
  tail.det_rec_len = TAIL;
  tail.det_reserved_ft = TAIL_TYPE;
  tail.det_checksum = crc32c(shape.checksumSeed, block, 0, at);
}

/** @throws DiskError corrupt when a leaf has no tail or a wrong checksum */
export function verifyLeaf(shape: Shape, block: Uint8Array, logical: number): void {
  if (!shape.hasChecksum || shape.trusts?.(logical) === true) return;
  const at = leafEnd(shape);
  const tail = Ext4DirEntryTail.at(block, at);
  if (tail.det_reserved_zero1 !== 0 || tail.det_rec_len !== TAIL || tail.det_reserved_ft !== TAIL_TYPE || tail.det_checksum !== crc32c(shape.checksumSeed, block, 0, at)) {
    throw corrupt(`directory block ${logical} of inode ${shape.inode}`, 'its checksum is wrong');
  }
}

/** Sets rec_len: in blocks of 64 KiB the whole block is written as 65535 (ext4_rec_len_to_disk). */
export function setLength(bytes: Uint8Array, at: number, length: number): void {
  const raw = length === 65536 ? 65535 : length;
  bytes[at + 4] = raw & 0xff;
  bytes[at + 5] = raw >>> 8;
}

function damaged(shape: Shape, at: number, message: string): DiskError {
  return corrupt(`directory inode ${shape.inode}`, `the entry at offset ${at} of a block is bad: ${message}`);
}

export function sameBytes(bytes: Uint8Array, at: number, other: Uint8Array): boolean {
  for (let i = 0; i < other.length; i++) {
    if (bytes[at + i] !== other[i]) return false;
  }
  return true;
}
