import { crc32c, crc32cOf32, crc32cOfZeros } from '../../../codecs/crc32c.ts';
import { compareBytes } from '../../../core/names.ts';
import { BLOCK_HEADER, ENTRY, entryHash, type RawEntry, XATTR_MAGIC } from '../xattr.ts';

/** An attribute as it is to be laid out. */
export interface Attribute {
  /** e_name_index. */
  readonly index: number;
  /** Without the prefix that the index stands for. */
  readonly name: Uint8Array;
  /** The value; or where it lies in an inode of its own, how long it is, and the hash that that inode keeps. */
  readonly value: Uint8Array | { readonly inode: number; readonly size: number; readonly hash: number };
}

/** The 32-bit magic before the attributes in an inode. */
const BODY_HEADER = 4;
const HASH_AT = 12;
const CHECKSUM_AT = 16;

/** The attributes of an area that was read. @param eaHash of the inode that holds a value */
export function attributesOf(entries: readonly RawEntry[], eaHash: (inode: number) => number): Attribute[] {
  return entries.map(({ index, name, size, valueInode, area, valueAt }) => ({
    index, name: name.slice(),
    value: valueInode === 0 ? area.slice(valueAt, valueAt + size) : { inode: valueInode, size, hash: eaHash(valueInode) },
  }));
}

/** Lays attributes out in the end of an inode; none at all leave it empty. @returns false, with nothing changed, when they don't fit */
export function layOutBody(body: Uint8Array, attributes: readonly Attribute[]): boolean {
  if (attributes.length === 0) {
    body.fill(0);
    return true;
  }
  if (bodyBytes(attributes) > body.length) return false;
  body.fill(0);
  const view = viewOf(body);
  view.setUint32(0, XATTR_MAGIC, true);
  // Entries in an inode have no hash, but for values in inodes.
  layOut(body, BODY_HEADER, BODY_HEADER, attributes, (attribute) => (attribute.value instanceof Uint8Array ? 0 : hashOf(attribute)));
  return true;
}

/** Bytes that attributes take in an inode. */
export function bodyBytes(attributes: readonly Attribute[]): number {
  return BODY_HEADER + bytesNeeded(attributes);
}

/** Lays attributes out in a block, sorted as ext4_xattr_find_entry searches them. @returns false, with nothing changed, when they don't fit */
export function layOutBlock(block: Uint8Array, attributes: readonly Attribute[], count: number): boolean {
  if (bytesNeeded(attributes) + BLOCK_HEADER > block.length) return false;
  block.fill(0);
  const view = viewOf(block);
  const sorted = attributes.toSorted((a, b) => a.index - b.index || a.name.length - b.name.length || compareBytes(a.name, b.name));
  view.setUint32(0, XATTR_MAGIC, true);
  view.setUint32(4, count, true);
  view.setUint32(8, 1, true);
  view.setUint32(HASH_AT, blockHash(layOut(block, BLOCK_HEADER, 0, sorted, hashOf)), true);
  return true;
}

/** h_refcount: how many inodes have this block. */
export function references(block: Uint8Array): number {
  return viewOf(block).getUint32(4, true);
}

export function setReferences(block: Uint8Array, count: number): void {
  viewOf(block).setUint32(4, count, true);
}

/** h_hash: equal blocks have equal ones. 0 = not to be shared. */
export function hashOfBlock(block: Uint8Array): number {
  return viewOf(block).getUint32(HASH_AT, true);
}

/** Whether two blocks hold the same attributes, each as often as it is referred to. */
export function sameAttributes(a: Uint8Array, b: Uint8Array): boolean {
  return compareBytes(a.subarray(8, CHECKSUM_AT), b.subarray(8, CHECKSUM_AT)) === 0 && compareBytes(a.subarray(CHECKSUM_AT + 4), b.subarray(CHECKSUM_AT + 4)) === 0;
}

/** Makes h_checksum (ext4_xattr_block_csum). @param number of the block in the filesystem */
export function sealAttributes(block: Uint8Array, number: number, filesystemSeed: number): void {
  let sum = crc32cOf32(crc32cOf32(filesystemSeed, number % 2 ** 32), Math.floor(number / 2 ** 32));
  sum = crc32cOfZeros(crc32c(sum, block, 0, CHECKSUM_AT), 4);
  viewOf(block).setUint32(CHECKSUM_AT, crc32c(sum, block, CHECKSUM_AT + 4), true);
}

/** Bytes of entries, the zero word behind them, and values. */
function bytesNeeded(attributes: readonly Attribute[]): number {
  return attributes.reduce((sum, { name, value }) => sum + padded(ENTRY + name.length) + (value instanceof Uint8Array ? padded(value.length) : 0), 4);
}

/** Entries from `start` on, values from the end down. @returns the entries' hashes */
function layOut(area: Uint8Array, start: number, base: number, attributes: readonly Attribute[], hash: (attribute: Attribute) => number): number[] {
  const view = viewOf(area);
  let at = start;
  let valueAt = area.length;
  return attributes.map((attribute) => {
    const { index, name, value } = attribute;
    area[at] = name.length;
    area[at + 1] = index;
    if (value instanceof Uint8Array) {
      if (value.length > 0) {
        valueAt -= padded(value.length);
        area.set(value, valueAt);
        view.setUint16(at + 2, valueAt - base, true);
      }
      view.setUint32(at + 8, value.length, true);
    } else {
      view.setUint32(at + 4, value.inode, true);
      view.setUint32(at + 8, value.size, true);
    }
    const sum = hash(attribute);
    view.setUint32(at + HASH_AT, sum, true);
    area.set(name, at + ENTRY);
    at += padded(ENTRY + name.length);
    return sum;
  });
}

/** e_hash: over the name and the value's words, or the hash that the value's inode keeps (ext4_xattr_hash_entry). */
function hashOf({ name, value }: Attribute): number {
  if (!(value instanceof Uint8Array)) return entryHash(name, value.hash, false);
  const words = new Uint8Array(padded(value.length));
  words.set(value);
  const view = viewOf(words);
  let hash = 0;
  for (const byte of name) hash = (hash << 5) ^ (hash >>> 27) ^ byte;
  for (let at = 0; at < words.length; at += 4) hash = (hash << 16) ^ (hash >>> 16) ^ view.getUint32(at, true);
  return hash >>> 0;
}

/** ext4_xattr_rehash. An entry whose hash is 0 keeps its block from being shared. */
function blockHash(hashes: readonly number[]): number {
  if (hashes.includes(0)) return 0;
  return hashes.reduce((hash, each) => ((hash << 16) ^ (hash >>> 16) ^ each) >>> 0, 0);
}

const padded = (size: number): number => (size + 3) & ~3;
const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
