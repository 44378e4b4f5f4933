import { crc32c } from '../../codecs/crc32c.ts';
import { isDiskError, usage } from '../../core/errors.ts';
import type { Cursor, DirEntry, EntryType, ListBatch, NodeId, Note } from '../../core/filesystem.ts';
import { decodeName, encodeName, type Name } from '../../core/names.ts';
import { foldName, sameFolded } from './casefold.ts';
import { decodeNokeyName, encodeNokeyName, matchesNokeyName, SHORTEST_CIPHERTEXT } from './encrypted-names.ts';
import { hashName, hashVersion, type HashParameters } from './hash.ts';
import { readRoot } from './dx-block.ts';

/** What reading a directory needs to know of its inode and of the filesystem. */
export interface DirectoryContext {
  /** The directory's inode number and i_generation: for messages and checksums. */
  readonly inode: number;
  readonly generation: number;
  /** i_size in bytes. */
  readonly size: number;
  /** i_flags: EXT4_INDEX_FL (0x1000) says that there is a hash index. */
  readonly flags: number;
  readonly blockSize: number;
  /** A logical block of the directory; undefined = hole. */
  block(logical: number): Uint8Array | undefined;
  /** Byte offset on the device of a logical block, for notes. */
  place(logical: number): number | undefined;
  /** The first mapped logical block at or after `logical` (undefined: none), so that huge holes cost nothing. Default: every block is asked for. */
  next?(logical: number): number | undefined;
  /** Blocks whose checksum need not be looked at: those that were changed, and found sound before. Default: none. */
  trusts?(logical: number): boolean;
  /** Blocks of the filesystem: no sound directory has more. */
  readonly blockCount: number;
  /** For inline directories: the 60 bytes of i_block, then the value of system.data where there is one. */
  readonly inline?: readonly Uint8Array[];
  /** incompat filetype: entries carry their type. */
  readonly hasFiletype: boolean;
  /** ro-compat metadata_csum: blocks end in a checksum. */
  readonly hasChecksum: boolean;
  /** crc32c over uuid (or s_checksum_seed), inode number and generation. */
  readonly checksumSeed: number;
  /** s_inodes_count. */
  readonly inodeCount: number;
  /** EXT4_ENCRYPT_FL: names are ciphertext. */
  readonly encrypted: boolean;
  /** EXT4_CASEFOLD_FL. */
  readonly casefolded: boolean;
  /** compat dir_index. */
  readonly dirIndex: boolean;
  /** incompat large_dir: the index may be three levels deep. */
  readonly largeDir: boolean;
  /** s_hash_seed as four little-endian 32-bit numbers. */
  readonly hashSeed: readonly number[];
  /** s_def_hash_version. */
  readonly hashVersionDefault: number;
  /** s_flags EXT2_FLAGS_UNSIGNED_HASH. */
  readonly signedness: 'signed' | 'unsigned';
  note(note: Note): void;
}

/** What a lookup finds. */
export interface FoundEntry {
  readonly node: NodeId;
  readonly type: EntryType | undefined;
}

/** i_flags: the directory has a hash index (EXT4_INDEX_FL). */
export const INDEX_FLAG = 0x1000;

/** file_type of the fake entry that holds a block's checksum (EXT4_FT_DIR_CSUM). */
const TYPE_CHECKSUM = 0xde;
/** struct ext4_dir_entry_tail; also the least rec_len, of an entry with a name of one to four bytes. */
const TAIL_SIZE = 12;
/** Bytes before the name: inode, rec_len, name_len, file_type. */
const ENTRY_HEADER = 8;
/** struct ext4_dir_entry_hash after the names of directories that are both encrypted and casefolded. */
const ENTRY_HASH = 8;
/** A batch ends with the block in which it reaches this many entries. */
const BATCH = 2000;
/** An inline directory's i_block starts with the parent's inode number instead of "." and "..". */
const INLINE_DOTDOT = 4;

/** By file_type, as EXT4_FT_* number them; 0 and what is above is unknown. */
const TYPES: readonly (EntryType | undefined)[] = [undefined, 'file', 'dir', 'char', 'block', 'fifo', 'socket', 'symlink'];

/** Entries are looked at through this; returning true ends the scan. `at` is the entry's offset in the block. */
type Visitor = (block: Uint8Array, at: number, inode: number, nameLength: number, type: number) => boolean;

/**
 * A part of the directory, in the order of its blocks. A damaged block is noted, its sound first entries are kept, and reading
 * goes on at the next block, as ext4_readdir does.
 * @param cursor `next` of the batch before: a logical block number
 */
export function listDirectory(context: DirectoryContext, cursor?: Cursor): ListBatch {
  const entries: DirEntry[] = [];
  const spell = context.encrypted ? nokeySpeller(context) : undefined;
  const visit: Visitor = (block, at, inode, nameLength, type) => {
    const start = at + ENTRY_HEADER;
    if (inode === 0 || isDots(block, start, nameLength)) return false;
    const name = spell === undefined ? decodeName(block, start, start + nameLength) : spell(block, at, nameLength);
    if (nameLength === 0 || name.includes('/')) {
      report(context, `entry at offset ${at} of inode ${context.inode} has ${nameLength === 0 ? 'an empty name' : 'a slash in its name'}; it is left out`);
      return false;
    }
    entries.push({ name, node: inode, type: context.hasFiletype ? TYPES[type] : undefined });
    return false;
  };
  if (context.inline !== undefined) {
    scanInline(context, visit);
    return { entries };
  }
  const end = blockCount(context, cursor === undefined);
  for (let logical = startOf(cursor); logical < end; logical++) {
    const mapped = context.next === undefined ? logical : context.next(logical);
    if (mapped === undefined || mapped >= end) break;
    logical = mapped;
    scanBlock(context, logical, visit);
    if (entries.length >= BATCH && logical + 1 < end) return { entries, next: logical + 1 };
  }
  return { entries };
}

/** Finds a name by reading the whole directory. "." and ".." are found too. In casefolded directories, an exact match goes before a folded one. */
export function lookupLinear(context: DirectoryContext, name: Name): FoundEntry | undefined {
  let found: FoundEntry | undefined;
  const matches = matcher(context, name);
  const visit: Visitor = (block, at, inode, nameLength, type) => {
    if (inode === 0 || !matches(block, at + ENTRY_HEADER, nameLength)) return false;
    found = { node: inode, type: context.hasFiletype ? TYPES[type] : undefined };
    return true;
  };
  if (context.inline !== undefined) {
    if (name === '.') return { node: context.inode, type: 'dir' };
    if (name === '..') return inlineParent(context);
    scanInline(context, visit);
    return found;
  }
  const end = blockCount(context, true);
  for (let logical = 0; logical < end; logical++) {
    const mapped = context.next === undefined ? logical : context.next(logical);
    if (mapped === undefined || mapped >= end) break;
    logical = mapped;
    if (scanBlock(context, logical, visit)) return found;
  }
  return undefined;
}

/** Looks for a name in one leaf block. 'damaged' when it cannot be read as entries (noted). */
export function lookupInBlock(context: DirectoryContext, logical: number, matches: NameMatcher): FoundEntry | 'damaged' | undefined {
  let found: FoundEntry | undefined;
  let damaged = false;
  scanBlock(context, logical, (block, at, inode, nameLength, type) => {
    if (inode === 0 || !matches(block, at + ENTRY_HEADER, nameLength)) return false;
    found = { node: inode, type: context.hasFiletype ? TYPES[type] : undefined };
    return true;
  }, () => { damaged = true; });
  return found ?? (damaged ? 'damaged' : undefined);
}

/** Whether the bytes of an entry's name are the name that is looked for. */
export type NameMatcher = (block: Uint8Array, start: number, length: number) => boolean;

/** Compares as this directory does: byte for byte, folded, or by ciphertext. */
export function matcher(context: DirectoryContext, name: Name): NameMatcher {
  const wanted = encodeName(name);
  const exact: NameMatcher = (block, start, length) => {
    if (length !== wanted.length) return false;
    for (let i = 0; i < length; i++) {
      if (block[start + i] !== wanted[i]) return false;
    }
    return true;
  };
  if (name === '.' || name === '..') return exact;
  if (context.encrypted) {
    const spelled = decodeNokeyName(name);
    if (spelled === undefined) return () => false;
    return (block, start, length) => !isDots(block, start, length) && matchesNokeyName(spelled, block, start, start + length);
  }
  if (!context.casefolded) return exact;
  const folded = foldName(name);
  return (block, start, length) => exact(block, start, length) || sameFolded(name, folded, decodeName(block, start, start + length));
}

/** Writes a note on block `logical` of the directory. */
export function noteBlock(context: DirectoryContext, logical: number, message: string, severity: Note['severity'] = 'error'): void {
  const at = context.place(logical);
  context.note({
    severity,
    message: `Directory inode ${context.inode}, block ${logical}: ${message}`,
    place: { structure: `directory block ${logical} of inode ${context.inode}`, ...(at === undefined ? {} : { at }), length: context.blockSize },
  });
}

/** True when the hash of an entry is stored behind its name, because it can't be computed without the key (ext4_hash_in_dirent). */
export function hashInEntry(context: DirectoryContext): boolean {
  return context.encrypted && context.casefolded;
}

/** rec_len from disk: blocks of 64 KiB keep the two high bits of a length where others have zeros (ext4_rec_len_from_disk). */
export function recordLength(raw: number, blockSize: number): number {
  if (blockSize < 65536) return raw;
  return raw === 0xffff || raw === 0 ? blockSize : (raw & 0xfffc) | ((raw & 3) << 16);
}

/** The number of logical blocks to look at. */
function blockCount(context: DirectoryContext, tell: boolean): number {
  const count = Math.floor(context.size / context.blockSize);
  if (count <= context.blockCount) return count;
  if (tell) report(context, `size ${context.size} is larger than the filesystem; only its possible part is read`);
  return context.blockCount;
}

function startOf(cursor: Cursor | undefined): number {
  if (cursor === undefined) return 0;
  if (typeof cursor === 'number' && Number.isSafeInteger(cursor) && cursor >= 0) return cursor;
  throw usage('EINVAL', `${String(cursor)} is no place in a directory`);
}

function report(context: DirectoryContext, message: string): void {
  context.note({ severity: 'error', message: `Directory inode ${context.inode}: ${message}`, place: { structure: `directory inode ${context.inode}` } });
}

/** Scans one logical block; true when the visitor ended it. Holes are skipped. */
function scanBlock(context: DirectoryContext, logical: number, visit: Visitor, onDamage?: () => void): boolean {
  const block = readLeaf(context, logical, onDamage);
  return block !== undefined && scanEntries(context, block, 0, context.blockSize, (message) => {
    noteBlock(context, logical, message);
    onDamage?.();
  }, visit);
}

/** The block, verified; undefined for holes, for index blocks and after a note on damage. */
function readLeaf(context: DirectoryContext, logical: number, onDamage?: () => void): Uint8Array | undefined {
  let block: Uint8Array | undefined;
  try {
    block = context.block(logical);
  } catch (error) {
    if (!isDiskError(error)) throw error;
    noteBlock(context, logical, `it can't be read (${error.message}); its entries are missing`);
    onDamage?.();
    return undefined;
  }
  if (block === undefined || !context.hasChecksum) return block;
  // Index blocks look like one unused entry that fills the block; a leaf with a checksum never does, as its tail is an entry too.
  // Their own checksum is of no matter here: they hold no names but "." and "..".
  if ((context.flags & INDEX_FLAG) !== 0 && (logical === 0 || recordLength(u16(block, 4), context.blockSize) === context.blockSize)) return block;
  const stored = storedChecksum(block);
  if (stored === undefined) noteBlock(context, logical, 'it has no room for its checksum; its entries are left out');
  else if (stored !== crc32c(context.checksumSeed, block, 0, block.length - TAIL_SIZE)) noteBlock(context, logical, 'its checksum is wrong; its entries are left out');
  else return block;
  onDamage?.();
  return undefined;
}

/** det_checksum, or undefined where the tail is not there (get_dirent_tail). */
function storedChecksum(block: Uint8Array): number | undefined {
  const at = block.length - TAIL_SIZE;
  if (u32(block, at) !== 0 || u16(block, at + 4) !== TAIL_SIZE || block[at + 6] !== 0 || block[at + 7] !== TYPE_CHECKSUM) return undefined;
  return u32(block, at + 8);
}

/** Visits the entries in bytes [start, end) of `block`, each checked as __ext4_check_dir_entry does; stops at the first bad one. */
function scanEntries(context: DirectoryContext, block: Uint8Array, start: number, end: number, damaged: (message: string) => void, visit: Visitor): boolean {
  const { blockSize, inodeCount } = context;
  const large = blockSize >= 65536;
  const extra = hashInEntry(context) ? ENTRY_HASH : 0;
  const closest = TAIL_SIZE + (context.hasChecksum ? 0 : extra);
  for (let at = start; at < end;) {
    if (at + TAIL_SIZE > end) {
      damaged(`bad entry at offset ${at}: it runs over the block's end`);
      return false;
    }
    const inode = u32(block, at);
    const raw = u16(block, at + 4);
    const length = large ? recordLength(raw, blockSize) : raw;
    const nameLength = block[at + 6]!;
    const type = block[at + 7]!;
    const fake = type === TYPE_CHECKSUM || isFakeDots(block, at + ENTRY_HEADER, nameLength);
    const tail = fake ? 0 : extra;
    const next = at + length;
    let wrong: string | undefined;
    if (length < ((TAIL_SIZE + tail) & ~3)) wrong = 'rec_len is smaller than minimal';
    else if (length % 4 !== 0) wrong = 'rec_len is not a multiple of 4';
    else if (length < ((nameLength + ENTRY_HEADER + tail + 3) & ~3)) wrong = 'rec_len is too small for name_len';
    else if (next > end) wrong = "it runs over the block's end";
    else if (next > end - closest && next !== end) wrong = "it ends too close to the block's end";
    else if (inode > inodeCount) wrong = 'its inode number is out of bounds';
    if (wrong !== undefined) {
      damaged(`bad entry at offset ${at}: ${wrong} (inode ${inode}, rec_len ${length}, name_len ${nameLength})`);
      return false;
    }
    if (visit(block, at, inode, nameLength, type)) return true;
    at = next;
  }
  return false;
}

/** The parts of an inline directory are one run of entries; "." and ".." are not among them. */
function scanInline(context: DirectoryContext, visit: Visitor): void {
  const parts = context.inline!;
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  scanEntries(context, whole, INLINE_DOTDOT, length, (message) => report(context, `inline data: ${message}`), visit);
}

function inlineParent(context: DirectoryContext): FoundEntry | undefined {
  const first = context.inline![0];
  if (first === undefined || first.length < INLINE_DOTDOT) return undefined;
  const node = u32(first, 0);
  return node === 0 || node > context.inodeCount ? undefined : { node, type: 'dir' };
}

/**
 * How the kernel spells an encrypted name without the key: with the index's hashes, where the directory has or could have an
 * index (is_dx_dir), else with those in the entry, else with zeros.
 */
function nokeySpeller(context: DirectoryContext): (block: Uint8Array, at: number, nameLength: number) => Name {
  const inEntry = hashInEntry(context);
  const parameters = inEntry ? undefined : listingHash(context);
  return (block, at, nameLength) => {
    const start = at + ENTRY_HEADER;
    if (nameLength < SHORTEST_CIPHERTEXT) report(context, `the entry at offset ${at} has an encrypted name of ${nameLength} bytes, shorter than any ciphertext`);
    const name = block.subarray(start, start + nameLength);
    if (inEntry) {
      const hashAt = start + ((nameLength + 3) & ~3);
      return encodeNokeyName(name, u32(block, hashAt), u32(block, hashAt + 4));
    }
    const hash = parameters === undefined ? undefined : hashName(name, parameters);
    return encodeNokeyName(name, hash?.hash ?? 0, hash?.minor ?? 0);
  };
}

/** The hash that a listing in the order of the index would use; undefined for directories that are listed in block order. */
function listingHash(context: DirectoryContext): HashParameters | undefined {
  if (!context.dirIndex) return undefined;
  const seed = context.hashSeed;
  if ((context.flags & INDEX_FLAG) !== 0 && context.inline === undefined) {
    const root = readRoot(context);
    return typeof root === 'string' ? undefined : { version: root.version, seed };
  }
  if (context.inline === undefined && Math.floor(context.size / context.blockSize) !== 1) return undefined;
  return { version: hashVersion(context.hashVersionDefault, context.signedness), seed };
}

function isDots(block: Uint8Array, start: number, length: number): boolean {
  return block[start] === 0x2e && (length === 1 || (length === 2 && block[start + 1] === 0x2e));
}

/** The kernel's looser test for "." and ".." (is_fake_dir_entry): it reads the second byte even where the name has only one. */
function isFakeDots(block: Uint8Array, start: number, length: number): boolean {
  return length > 0 && length <= 2 && block[start] === 0x2e && (block[start + 1] === 0x2e || block[start + 1] === 0);
}

const u16 = (bytes: Uint8Array, at: number): number => bytes[at]! | (bytes[at + 1]! << 8);
const u32 = (bytes: Uint8Array, at: number): number => (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
