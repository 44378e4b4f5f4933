import { crc32c, crc32cOf32, crc32cOfZeros } from '../../codecs/crc32c.ts';
import { corrupt, isDiskError } from '../../core/errors.ts';
import type { Note } from '../../core/filesystem.ts';
import { decodeName, type Name } from '../../core/names.ts';
import { aclFromDisk } from './acl.ts';

/** An inode that holds one large value (incompat ea_inode). */
export interface EaInode {
  /** i_flags: EXT4_EA_INODE_FL must be set. */
  readonly flags: number;
  readonly size: number;
  readonly generation: number;
  /** i_atime's low 32 bits: the crc32c of the value, seeded with the filesystem's seed. */
  readonly hash: number;
  /** i_mtime's low 32 bits: in Lustre's older form the number of the owner. */
  readonly parent: number;
  /** The whole value. */
  read(): Uint8Array;
}

/** What reading an inode's extended attributes needs. */
export interface XattrContext {
  readonly inode: number;
  readonly generation: number;
  /** The whole on-disk inode (s_inode_size bytes), and where it lies on the device (bytes). */
  readonly raw: Uint8Array;
  readonly rawAt: number;
  /** i_extra_isize; 0 for 128-byte inodes. */
  readonly extraSize: number;
  /** i_file_acl with its high part; 0 = no block. */
  readonly aclBlock: number;
  readonly blockSize: number;
  /** The filesystem block `block`, and its byte offset on the device. @throws DiskError */
  block(block: number): Uint8Array;
  place(block: number): number;
  readonly hasChecksum: boolean;
  /** s_checksum_seed or crc32c(~0, uuid): also without metadata_csum, the values in ea_inodes are hashed with it. */
  readonly filesystemSeed: number;
  readonly inodeCount: number;
  /** Absent when the filesystem has not the ea_inode feature. */
  eaInode?(inode: number): EaInode;
  note(note: Note): void;
}

/** One attribute. */
export interface Xattr {
  readonly name: Name;
  /** Bytes, on disk. */
  readonly size: number;
  /** As the Linux kernel hands it out: ACLs as version 2. @throws DiskError corrupt */
  value(): Uint8Array;
}

/** EXT4_XATTR_MAGIC, of the in-inode header and of blocks. */
export const XATTR_MAGIC = 0xea020000;
/** struct ext4_xattr_header, of which h_checksum is the fifth word. */
export const BLOCK_HEADER = 32;
const CHECKSUM_AT = 16;
const BODY_HEADER = 4;
/** struct ext4_xattr_entry without the name. */
export const ENTRY = 16;
/** EXT4_XATTR_SIZE_MAX. */
const LARGEST = 1 << 24;
const EA_INODE_FLAG = 0x200000;
const ROOT_INODE = 2;
/** The part of an inode that every revision has; i_extra_isize counts from there. */
const OLD_INODE = 128;

/** e_name_index of ACLs, whose whole name it is, and of inline data ("system.data"). */
export const ACL_ACCESS = 2;
export const ACL_DEFAULT = 3;
export const SYSTEM = 7;
const ENCRYPTION = 9;
/** e_name_index → the name's beginning, for those that the kernel shows. 7 ("system.": inline data) and 9 (the encryption context) are its own. */
export const PREFIXES: ReadonlyMap<number, string> = new Map([
  [1, 'user.'], [ACL_ACCESS, 'system.posix_acl_access'], [ACL_DEFAULT, 'system.posix_acl_default'], [4, 'trusted.'], [6, 'security.'], [8, 'system.richacl'], [10, 'gnu.'],
]);

/** An entry as it lies on the disk, checked. */
export interface RawEntry {
  readonly index: number;
  /** Bytes of the name without its prefix. */
  readonly name: Uint8Array;
  readonly size: number;
  readonly hash: number;
  /** 0: the value lies at `valueAt` of `area`. */
  readonly valueInode: number;
  readonly area: Uint8Array;
  readonly valueAt: number;
  /** Byte offset of the value on the device. */
  readonly place: number;
}

/** The attributes by name, those in the inode first, as listxattr(2) gives them to root. A damaged part is noted and left out. */
export function readXattrs(context: XattrContext): Map<Name, Xattr> {
  const xattrs = new Map<Name, Xattr>();
  for (const entry of rawEntries(context)) {
    const prefix = PREFIXES.get(entry.index);
    if (prefix === undefined) continue;
    const name = prefix + decodeName(entry.name);
    if (xattrs.has(name)) continue;
    const isAcl = entry.index === ACL_ACCESS || entry.index === ACL_DEFAULT;
    xattrs.set(name, {
      name,
      size: entry.size,
      value: () => (isAcl ? aclFromDisk(valueOf(context, entry), context.inode, entry.place) : valueOf(context, entry)),
    });
  }
  return xattrs;
}

/**
 * The value of system.data: what an inline file or directory has past the 60 bytes of i_block. undefined when there is none.
 * @throws DiskError corrupt
 */
export function readInlineData(context: XattrContext): Uint8Array | undefined {
  const entry = bodyEntries(context).find(({ index, name }) => index === SYSTEM && decodeName(name) === 'data');
  return entry === undefined ? undefined : valueOf(context, entry);
}

/** The encryption context of an inode (EXT4_XATTR_INDEX_ENCRYPTION, "c"), which is no attribute to anybody else. undefined when there is none. @throws DiskError corrupt */
export function readEncryptionContext(context: XattrContext): Uint8Array | undefined {
  const entry = rawEntries(context).find(({ index, name }) => index === ENCRYPTION && decodeName(name) === 'c');
  return entry === undefined ? undefined : valueOf(context, entry);
}

function rawEntries(context: XattrContext): RawEntry[] {
  return [...bodyEntries(context), ...blockEntries(context)];
}

/** The attributes between the inode's last field and its end. */
export function bodyEntries(context: XattrContext): RawEntry[] {
  const { raw, rawAt } = context;
  const headerAt = OLD_INODE + context.extraSize;
  // No magic, no attributes: the space is unused in most inodes.
  if (raw.length <= OLD_INODE || context.extraSize === 0 || headerAt + BODY_HEADER > raw.length || u32(raw, headerAt) !== XATTR_MAGIC) return [];
  const found = readEntries(context, raw, headerAt + BODY_HEADER, headerAt + BODY_HEADER, rawAt);
  if (typeof found !== 'string') return found;
  noteDamage(context, `extended attributes in inode ${context.inode}`, found, rawAt + headerAt, raw.length - headerAt);
  return [];
}

/** The attributes in the inode's block of them. */
export function blockEntries(context: XattrContext): RawEntry[] {
  const { aclBlock } = context;
  if (aclBlock === 0) return [];
  const structure = `extended attribute block ${aclBlock} of inode ${context.inode}`;
  try {
    const block = context.block(aclBlock);
    const at = context.place(aclBlock);
    const found = blockFault(context, block) ?? readEntries(context, block, BLOCK_HEADER, 0, at);
    if (typeof found !== 'string') return found;
    noteDamage(context, structure, found, at, block.length);
  } catch (error) {
    if (!isDiskError(error)) throw error;
    noteDamage(context, structure, error.message);
  }
  return [];
}

/** What is wrong with a block's header or checksum. */
function blockFault(context: XattrContext, block: Uint8Array): string | undefined {
  if (u32(block, 0) !== XATTR_MAGIC || u32(block, 8) !== 1) return 'its header is invalid';
  if (!context.hasChecksum) return undefined;
  let sum = crc32cOf32(context.filesystemSeed, context.aclBlock % 2 ** 32);
  sum = crc32cOf32(sum, Math.floor(context.aclBlock / 2 ** 32));
  sum = crc32cOfZeros(crc32c(sum, block, 0, CHECKSUM_AT), 4);
  return crc32c(sum, block, CHECKSUM_AT + 4) === u32(block, CHECKSUM_AT) ? undefined : 'its checksum is wrong';
}

/** The entries from `start` on, checked as check_xattrs does; a sentence says what is wrong. Value offsets count from `base`. */
function readEntries(context: XattrContext, area: Uint8Array, start: number, base: number, place: number): RawEntry[] | string {
  const end = area.length;
  const offsets: number[] = [];
  let at = start;
  for (;;) {
    if (at + 4 > end) return 'the names run over its end';
    if (u32(area, at) === 0) break;
    // A header that is cut off would be read past the end below.
    if (at + ENTRY > end) return 'the names run over its end';
    const next = at + padded(ENTRY + area[at]!);
    if (next >= end) return 'the names run over its end';
    if (area.subarray(at + ENTRY, at + ENTRY + area[at]!).includes(0)) return 'a name has a zero byte';
    offsets.push(at);
    at = next;
  }
  const namesEnd = at + 4;
  const entries: RawEntry[] = [];
  for (const entry of offsets) {
    const nameLength = area[entry]!;
    const valueInode = u32(area, entry + 4);
    const size = u32(area, entry + 8);
    const valueAt = base + (area[entry + 2]! | (area[entry + 3]! << 8));
    if (valueInode !== 0) {
      if (context.eaInode === undefined) return 'a value lies in an inode, but the filesystem has not the ea_inode feature';
      if (valueInode === ROOT_INODE || valueInode > context.inodeCount) return `a value lies in inode ${valueInode}, which can't be`;
      if (size === 0) return 'a value in an inode has no size';
    }
    if (size > LARGEST) return `a value has ${size} bytes`;
    if (size !== 0 && valueInode === 0 && (valueAt < namesEnd || valueAt + padded(size) > end)) return 'a value overlaps the names or runs over its end';
    entries.push({
      index: area[entry + 1]!, name: area.subarray(entry + ENTRY, entry + ENTRY + nameLength), size, hash: u32(area, entry + 12),
      valueInode, area, valueAt, place: place + valueAt,
    });
  }
  return entries;
}

/** A value as it is on the disk. @throws DiskError corrupt */
export function valueOf(context: XattrContext, entry: RawEntry): Uint8Array {
  if (entry.valueInode === 0) return entry.area.slice(entry.valueAt, entry.valueAt + entry.size);
  const structure = `extended attribute inode ${entry.valueInode} of inode ${context.inode}`;
  const holder = context.eaInode!(entry.valueInode);
  if ((holder.flags & EA_INODE_FLAG) === 0) throw corrupt(structure, 'it has not the flag of such inodes');
  if (holder.size !== entry.size) throw corrupt(structure, `it has ${holder.size} bytes, the attribute ${entry.size}`);
  const value = holder.read();
  // Lustre's older form keeps no hash there: its inode belongs to one owner, whom it names.
  if (entry.hash !== holder.hash && holder.parent === context.inode && holder.generation === context.generation) return value;
  if (crc32c(context.filesystemSeed, value) !== holder.hash) throw corrupt(structure, "its value's hash is wrong");
  // The sign of chars was the compiler's choice once; the kernel takes both.
  if (entry.hash !== entryHash(entry.name, holder.hash, false) && entry.hash !== entryHash(entry.name, holder.hash, true)) {
    throw corrupt(structure, "the attribute's hash is wrong");
  }
  return value;
}

/** ext4_xattr_hash_entry over a name and one word of value. */
export function entryHash(name: Uint8Array, value: number, signed: boolean): number {
  let hash = 0;
  for (const byte of name) hash = (hash << 5) ^ (hash >>> 27) ^ (signed ? (byte << 24) >> 24 : byte);
  return ((hash << 16) ^ (hash >>> 16) ^ value) >>> 0;
}

function noteDamage(context: XattrContext, structure: string, message: string, at?: number, length?: number): void {
  const place = { structure, ...(at === undefined ? {} : { at }), ...(length === undefined ? {} : { length }) };
  context.note({ severity: 'error', message: `${structure[0]!.toUpperCase()}${structure.slice(1)}: ${message}`, place });
}

const padded = (size: number): number => Math.ceil(size / 4) * 4;
const u32 = (bytes: Uint8Array, at: number): number => (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
