import { crc32c } from '../../../codecs/crc32c.ts';
import { type CheckContext, firstInode, type Tables } from './context.ts';
import { checksumMatches, ENTRY_HEADER, entryLength, hasTail, insertTail, putU16, putU32, recordAt, salvage, setChecksum, setRecord, SMALLEST, TAIL, u16, u32 } from './dir-block.ts';
import { PASS_2 } from './directory-problems.ts';
import { EntryCheck, type ScannedDirectory, specialInodes } from './entry-check.ts';
import type { IndexCheck } from './index-check.ts';

const DOT = 0x2e;
const SLASH = 0x2f;
const TYPE_FILE = 1;
const TYPE_DIRECTORY = 2;
const TYPE_SYMLINK = 7;
/** Bytes of i_block that an inline directory has for entries, behind the number of its parent. */
const INLINE_BLOCK = 60;
const INLINE_PARENT = 4;
const LARGE_BLOCK = 65536;

/**
 * Scans the entries of one block after another (check_dir_block in e2fsck's pass 2). Sound entries of plain directories are the fast way;
 * all others are looked at one by one, rule by rule.
 */
export class DirectoryScan {
  readonly #entries: EntryCheck;
  readonly #context: CheckContext;
  readonly #tables: Tables;
  readonly #filetype: boolean;
  readonly #checksums: boolean;
  readonly #blockSize: number;
  readonly #inodeCount: number;
  /** Entries to inodes up to this one are looked at one by one: reserved ones, quota files. */
  readonly #careful: number;
  /** Names of the block, for twins: open addressing; a slot counts where its stamp is the block's. */
  readonly #mask: number;
  readonly #stamps: Uint32Array;
  readonly #hashes: Uint32Array;
  readonly #places: Uint32Array;
  #stamp = 0;

  // The block that is scanned.
  #directory!: ScannedDirectory;
  #bytes!: Uint8Array;
  #logical = 0;
  #at = 0;
  #previous = -1;
  #end = 0;
  /** 0: "." comes next; 1: "..". */
  #dots = 2;
  #twins = true;
  #index: IndexCheck | undefined;
  #bound = 0;

  constructor(context: CheckContext) {
    const { superblock, tables } = context;
    const { features } = superblock;
    this.#entries = new EntryCheck(context);
    this.#context = context;
    this.#tables = tables;
    this.#filetype = features.filetype;
    this.#checksums = features.metadataChecksum;
    this.#blockSize = superblock.blockSize;
    this.#inodeCount = superblock.inodeCount;
    this.#careful = Math.max(firstInode(superblock) - 1, ...specialInodes(context));
    let slots = 64;
    while (slots < (this.#blockSize / SMALLEST) * 2) slots *= 2;
    this.#mask = slots - 1;
    this.#stamps = new Uint32Array(slots);
    this.#hashes = new Uint32Array(slots);
    this.#places = new Uint32Array(slots);
  }

  /** A repair wants everything to begin again, once the pass is over: why. */
  get restart(): string | undefined {
    return this.#entries.restart;
  }

  /** Scans a block; changes it in place. @returns whether it must be written */
  block(directory: ScannedDirectory, logical: number, bytes: Uint8Array): boolean {
    const { inode, seed } = directory;
    const context = this.#context;
    this.#index = directory.index?.dead === false ? directory.index : undefined;
    let leaf = true;
    if (this.#index !== undefined) {
      const kind = this.#index.begin(logical, bytes);
      // A root that was given up still holds no entries but "." and "..".
      leaf = kind === 'leaf' || (kind === 'dead' && logical > 0);
      if (kind === 'dead') this.#index = undefined;
    }
    this.#start(directory, logical, bytes);
    let end = bytes.length;
    let sound = true;
    if (this.#checksums) {
      sound = this.#checksumIsRight(seed, bytes);
      if (leaf) end -= TAIL;
      if (leaf && !sound && !hasTail(bytes)) {
        end = bytes.length;
        if (!this.#tables.rehash.has(inode) && context.problem(PASS_2['missing-checksum'], { inode, block: logical })) this.#rehash();
        sound = true;
      }
    }
    this.#end = end;
    this.#scan();
    if (!leaf && this.#index !== undefined) this.#index.pairs(logical, bytes, sound);
    if (this.#at !== this.#end && context.problem(PASS_2['bad-last-length'], { inode, block: logical })) {
      setRecord(bytes, this.#previous, this.#end - this.#previous, this.#blockSize);
      this.#entries.changed = true;
    }
    if (this.#entries.changed) {
      if (this.#checksums && leaf && !hasTail(bytes) && !insertTail(bytes)) this.#rehash();
      if (this.#checksums) setChecksum(seed, bytes);
      return true;
    }
    if (leaf && !sound && context.problem(PASS_2['wrong-checksum'], { inode, block: logical })) return setChecksum(seed, bytes);
    return false;
  }

  /**
   * Scans a directory inside its inode: i_block, whose first four bytes are its parent, then the value of system.data.
   * @returns whether it must be written
   */
  inline(directory: ScannedDirectory, first: Uint8Array, more: Uint8Array | undefined): boolean {
    this.#index = undefined;
    const { inode } = directory;
    const dots = new Uint8Array(2 * SMALLEST);
    const type = this.#filetype ? TYPE_DIRECTORY : 0;
    dots.set([DOT], ENTRY_HEADER);
    putU32(dots, 0, inode);
    putU16(dots, 4, SMALLEST);
    dots[6] = 1;
    dots[7] = type;
    putU32(dots, SMALLEST, u32(first, 0));
    putU16(dots, SMALLEST + 4, SMALLEST);
    dots[SMALLEST + 6] = 2;
    dots[SMALLEST + 7] = type;
    dots.set([DOT, DOT], SMALLEST + ENTRY_HEADER);
    this.#start(directory, 0, dots);
    this.#end = dots.length;
    this.#scan();
    let changed = this.#entries.changed;
    if (changed) putU32(first, 0, u32(dots, SMALLEST));
    for (const [part, bytes, start, end] of [[0, first, INLINE_PARENT, INLINE_BLOCK], [1, more, 0, more?.length ?? 0]] as const) {
      if (bytes === undefined || start >= end) continue;
      this.#start(directory, part + 1, bytes);
      this.#logical = part;
      this.#at = start;
      this.#end = end;
      this.#scan();
      changed ||= this.#entries.changed;
    }
    return changed;
  }

  #start(directory: ScannedDirectory, logical: number, bytes: Uint8Array): void {
    this.#directory = directory;
    this.#bytes = bytes;
    this.#logical = logical;
    this.#at = 0;
    this.#previous = -1;
    this.#dots = logical === 0 ? 0 : 2;
    this.#entries.start(directory, bytes);
    this.#twins = !this.#tables.rehash.has(directory.inode);
    if (++this.#stamp === 0xffffffff) {
      this.#stamps.fill(0);
      this.#stamp = 1;
    }
    // A repair of an entry takes bytes or makes it sound: more rounds than this are none of a block's.
    this.#bound = bytes.length * 2;
  }

  #scan(): void {
    const plain = !this.#directory.encrypted && !this.#directory.strict && this.#filetype && this.#blockSize < LARGE_BLOCK;
    while (this.#at < this.#end) {
      if (plain && this.#dots === 2) {
        this.#scanPlain();
        if (this.#at >= this.#end) break;
      }
      if (!this.#entry() || --this.#bound < 0) {
        this.#at = this.#end;
        break;
      }
    }
  }

  #checksumIsRight(seed: number, bytes: Uint8Array): boolean {
    const top = bytes.length - TAIL;
    // A tail is nearly always there; whether the entries lead to it, their scan tells.
    if (bytes[top + 7] === 0xde && bytes[top + 6] === 0 && u16(bytes, top + 4) === TAIL && u32(bytes, top) === 0 && u32(bytes, top + 8) === crc32c(seed, bytes, 0, top)) return true;
    return checksumMatches(seed, bytes);
  }

  /** Sound entries one after another, until one needs a closer look; its place is `#at` then. */
  #scanPlain(): void {
    const bytes = this.#bytes;
    const end = this.#end;
    const { regular, directories, symlinks, badInodes, foundLinks, directoryInfo, inBadBlocks } = this.#tables;
    const self = this.#directory.inode;
    const careful = this.#careful;
    const count = this.#inodeCount;
    const index = this.#index;
    let at = this.#at;
    let previous = this.#previous;
    while (at + SMALLEST <= end) {
      const length = bytes[at + 4]! | (bytes[at + 5]! << 8);
      const nameLength = bytes[at + 6]!;
      if (length < SMALLEST || (length & 3) !== 0 || at + length > end || ((nameLength + ENTRY_HEADER + 3) & ~3) > length) break;
      const inode = (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
      if (inode !== 0) {
        if (inode <= careful || inode > count || inode === self || nameLength === 0) break;
        const type = bytes[at + 7]!;
        const directory = type === TYPE_DIRECTORY;
        if (directory ? !directories.has(inode) : type === TYPE_FILE ? !regular.has(inode) : type !== TYPE_SYMLINK || !symlinks.has(inode)) break;
        if (badInodes.has(inode) || inBadBlocks.has(inode)) break;
        const start = at + ENTRY_HEADER;
        if (bytes[start] === DOT && (nameLength === 1 || (nameLength === 2 && bytes[start + 1] === DOT))) break;
        let hash = nameLength;
        let bad = false;
        for (let i = start, stop = start + nameLength; i < stop; i++) {
          const byte = bytes[i]!;
          if (byte === SLASH || byte === 0) bad = true;
          hash = Math.imul(hash ^ byte, 0x01000193);
        }
        if (bad) break;
        if (directory) {
          const info = directoryInfo.find(inode);
          if (info < 0 || directoryInfo.parent(info) !== 0) break;
          directoryInfo.setParent(info, self);
        }
        if (index !== undefined) index.entry(this.#logical, bytes, at);
        if (this.#twins) this.#checkTwin(at, start, nameLength, hash);
        foundLinks.add(inode, 1);
      }
      previous = at;
      at += length;
    }
    this.#at = at;
    this.#previous = previous;
  }

  /** Keeps a name of the block; the first that is there twice has the directory built anew. */
  #checkTwin(at: number, start: number, length: number, hash: number): void {
    const bytes = this.#bytes;
    const key = hash >>> 0;
    let slot = (hash ^ (hash >>> 15)) & this.#mask;
    for (; this.#stamps[slot] === this.#stamp; slot = (slot + 1) & this.#mask) {
      if (this.#hashes[slot] !== key) continue;
      const other = this.#places[slot]!;
      if (bytes[other + 6] !== length) continue;
      let i = 0;
      while (i < length && bytes[other + ENTRY_HEADER + i] === bytes[start + i]) i++;
      if (i < length) continue;
      this.#context.problem(PASS_2['duplicate-name'], { inode: this.#directory.inode, name: this.#entries.name(at) });
      this.#rehash();
      return;
    }
    this.#stamps[slot] = this.#stamp;
    this.#hashes[slot] = key;
    this.#places[slot] = at;
  }

  #rehash(): void {
    this.#tables.rehash.add(this.#directory.inode);
    this.#twins = false;
  }

  /** One entry, whatever it is; `#at` moves on. @returns false when the rest of the block is given up */
  #entry(): boolean {
    const context = this.#context;
    const bytes = this.#bytes;
    const at = this.#at;
    const end = this.#end;
    const self = this.#directory.inode;
    const { encrypted, casefolded } = this.#directory;
    const hashed = this.#dots > 1 && encrypted && casefolded;
    const room = end - at;
    const length = room < ENTRY_HEADER ? entryLength(1, hashed) : recordAt(bytes, at, this.#blockSize);
    if (length > room || length < entryLength(1, hashed) || length % 4 !== 0 || entryLength(bytes[at + 6]!, hashed) > length) {
      // A former index block, whose directory is built anew anyhow: one unused entry over the tail's place as well.
      if (at === 0 && length === bytes.length && u32(bytes, 0) === 0 && this.#tables.rehash.has(self)) {
        this.#end = bytes.length;
      } else {
        if (!context.problem(PASS_2['corrupt-block'], { inode: self, block: this.#logical, offset: at })) return false;
        const next = salvage(bytes, at, this.#previous, end, encrypted && casefolded, this.#inodeCount, this.#blockSize);
        this.#entries.changed = true;
        this.#at = next;
        return true;
      }
    }
    const dots = this.#dots;
    if (dots === 0) this.#entries.checkDot(at);
    else if (dots === 1) this.#entries.checkDotDot(at);
    if (u32(bytes, at) !== 0) this.#checkEntry(at, dots);
    this.#previous = at;
    this.#at = at + recordAt(bytes, at, this.#blockSize);
    if (dots < 2) this.#dots++;
    return true;
  }

  /** An entry in use. */
  #checkEntry(at: number, dots: number): void {
    const bytes = this.#bytes;
    const inode = u32(bytes, at);
    if (!this.#entries.check(at, dots)) return;
    this.#index?.entry(this.#logical, bytes, at);
    if (dots > 1 && this.#tables.directories.has(inode) && !this.#entries.checkParent(at, inode)) return;
    if (this.#twins) {
      const start = at + ENTRY_HEADER;
      let hash = bytes[at + 6]!;
      for (let i = start; i < start + bytes[at + 6]!; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
      this.#checkTwin(at, start, bytes[at + 6]!, hash);
    }
    this.#tables.foundLinks.add(inode, 1);
  }
}
