import { crc32c } from '../../../codecs/crc32c.ts';
import { decodeName, type Name } from '../../../core/names.ts';
import { processBadInode } from './bad-inode.ts';
import { type CheckContext, firstInode, type Tables } from './context.ts';
import { checksumMatches, ENTRY_HEADER, entryLength, hasTail, insertTail, putU16, putU32, recordAt, salvage, setChecksum, setRecord, SMALLEST, TAIL, u16, u32 } from './dir-block.ts';
import { PASS_2 } from './directory-problems.ts';
import { encryptionPolicy, NO_POLICY } from './encryption.ts';
import { firstInvalidUtf8 } from './encoded-names.ts';
import type { IndexCheck } from './index-check.ts';
import { MODE } from './raw-inode.ts';

/** What is known of the directory whose block is scanned. */
export interface ScannedDirectory {
  readonly inode: number;
  /** What its blocks' checksums start from. */
  readonly seed: number;
  readonly encrypted: boolean;
  readonly casefolded: boolean;
  /** Names must be UTF-8: casefolded in a filesystem that is strict about it. */
  readonly strict: boolean;
  /** Undefined where there is none, or where it was given up. */
  readonly index: IndexCheck | undefined;
}

const DOT = 0x2e;
const SLASH = 0x2f;
const ROOT = 2;
const TYPE_FILE = 1;
const TYPE_DIRECTORY = 2;
const TYPE_SYMLINK = 7;
/** file_type of each kind of inode, by the upper four bits of i_mode. */
const TYPES = [0, 5, 3, 0, 2, 0, 4, 0, 1, 0, 7, 0, 6, 0, 0, 0] as const;
/** Bytes of i_block that an inline directory has for entries, behind the number of its parent. */
const INLINE_BLOCK = 60;
const INLINE_PARENT = 4;
const LARGE_BLOCK = 65536;

/**
 * Scans the entries of one block after another (check_dir_block in e2fsck's pass 2). Sound entries of plain directories are the fast way;
 * all others are looked at one by one, rule by rule.
 */
export class DirectoryScan {
  /** A repair wants everything to begin again, once the pass is over. */
  restart: string | undefined;
  readonly #context: CheckContext;
  readonly #tables: Tables;
  readonly #filetype: boolean;
  readonly #checksums: boolean;
  readonly #blockSize: number;
  readonly #inodeCount: number;
  /** Entries to inodes up to this one are looked at one by one: reserved ones, quota files. */
  readonly #careful: number;
  readonly #special: ReadonlySet<number>;
  readonly #first: number;
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
  #changed = false;
  #twins = true;
  #index: IndexCheck | undefined;
  #bound = 0;

  constructor(context: CheckContext) {
    const { superblock, tables } = context;
    const { raw, features } = superblock;
    this.#context = context;
    this.#tables = tables;
    this.#filetype = features.filetype;
    this.#checksums = features.metadataChecksum;
    this.#blockSize = superblock.blockSize;
    this.#inodeCount = superblock.inodeCount;
    this.#first = firstInode(superblock);
    this.#special = new Set([raw.s_usr_quota_inum, raw.s_grp_quota_inum, raw.s_prj_quota_inum, raw.s_orphan_file_inum].filter((inode) => inode !== 0));
    this.#careful = Math.max(this.#first - 1, ...this.#special);
    let slots = 64;
    while (slots < (this.#blockSize / SMALLEST) * 2) slots *= 2;
    this.#mask = slots - 1;
    this.#stamps = new Uint32Array(slots);
    this.#hashes = new Uint32Array(slots);
    this.#places = new Uint32Array(slots);
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
      this.#changed = true;
    }
    if (this.#changed) {
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
    let changed = this.#changed;
    if (changed) putU32(first, 0, u32(dots, SMALLEST));
    for (const [part, bytes, start, end] of [[0, first, INLINE_PARENT, INLINE_BLOCK], [1, more, 0, more?.length ?? 0]] as const) {
      if (bytes === undefined || start >= end) continue;
      this.#start(directory, part + 1, bytes);
      this.#logical = part;
      this.#at = start;
      this.#end = end;
      this.#scan();
      changed ||= this.#changed;
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
    this.#changed = false;
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
      this.#context.problem(PASS_2['duplicate-name'], { inode: this.#directory.inode, name: this.#name(at) });
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
        this.#changed = true;
        this.#at = next;
        return true;
      }
    }
    const dots = this.#dots;
    if (dots === 0) this.#checkDot(at);
    else if (dots === 1) this.#checkDotDot(at);
    if (u32(bytes, at) !== 0) this.#checkEntry(at, dots);
    this.#previous = at;
    this.#at = at + recordAt(bytes, at, this.#blockSize);
    if (dots < 2) this.#dots++;
    return true;
  }

  #checkDot(at: number): void {
    const context = this.#context;
    const bytes = this.#bytes;
    const inode = this.#directory.inode;
    let length = recordAt(bytes, at, this.#blockSize);
    let made = false;
    let problem;
    if (u32(bytes, at) === 0) problem = PASS_2['missing-dot'];
    else if (bytes[at + 6] !== 1 || bytes[at + 8] !== DOT) problem = PASS_2['first-not-dot'];
    else if (bytes[at + 9] !== 0) problem = PASS_2['dot-not-terminated'];
    if (problem !== undefined && context.problem(problem, { inode, name: this.#name(at) })) {
      if (length < SMALLEST) setRecord(bytes, at, (length = SMALLEST), this.#blockSize);
      putU32(bytes, at, inode);
      bytes[at + 6] = 1;
      bytes[at + 7] = this.#filetype ? TYPE_DIRECTORY : 0;
      bytes[at + 8] = DOT;
      bytes[at + 9] = 0;
      this.#changed = made = true;
    }
    if (u32(bytes, at) !== inode && context.problem(PASS_2['bad-dot-inode'], { inode, other: u32(bytes, at) })) {
      putU32(bytes, at, inode);
      this.#changed = true;
    }
    // The entry of ".." would begin behind its twelve bytes.
    if (length - SMALLEST > SMALLEST && (made || context.problem(PASS_2['split-dot'], { inode }))) {
      setRecord(bytes, at, SMALLEST, this.#blockSize);
      const next = at + SMALLEST;
      if (bytes[next + 8] !== DOT || bytes[next + 9] !== DOT || bytes[next + 10] !== 0) {
        putU32(bytes, next, 0);
        setRecord(bytes, next, length - SMALLEST, this.#blockSize);
        bytes[next + 6] = 0;
        bytes[next + 7] = this.#filetype ? TYPE_DIRECTORY : 0;
      }
      this.#changed = true;
    }
  }

  /** Which inode ".." leads to is for pass 3 to say. */
  #checkDotDot(at: number): void {
    const bytes = this.#bytes;
    const inode = this.#directory.inode;
    let problem;
    if (u32(bytes, at) === 0) problem = PASS_2['missing-dotdot'];
    else if (bytes[at + 6] !== 2 || bytes[at + 8] !== DOT || bytes[at + 9] !== DOT) problem = PASS_2['second-not-dotdot'];
    else if (bytes[at + 10] !== 0) problem = PASS_2['dotdot-not-terminated'];
    if (problem !== undefined) {
      if (this.#context.problem(problem, { inode, name: this.#name(at) })) {
        putU32(bytes, at, ROOT);
        bytes[at + 6] = 2;
        bytes[at + 7] = this.#filetype ? TYPE_DIRECTORY : 0;
        bytes[at + 8] = DOT;
        bytes[at + 9] = DOT;
        bytes[at + 10] = 0;
        this.#changed = true;
      }
      return;
    }
    const info = this.#tables.directoryInfo.find(inode);
    if (info >= 0) this.#tables.directoryInfo.setDotdot(info, u32(bytes, at));
  }

  /** An entry in use: what it leads to, its name, and its type. */
  #checkEntry(at: number, dots: number): void {
    const context = this.#context;
    const bytes = this.#bytes;
    const self = this.#directory.inode;
    const inode = u32(bytes, at);
    if (dots > 1 && inode === self && this.#clear(at, 'link-to-dot')) return;
    const wrong = this.#wrongTarget(at, dots);
    if (wrong !== undefined && (this.#clear(at, wrong) || wrong === 'bad-inode-number')) return;
    if (this.#tables.badInodes.has(inode) && processBadInode(context, inode)) {
      this.#drop(at);
      return;
    }
    if (!this.#checkUse(at, inode)) return;
    this.#checkType(at, inode);
    if (!this.#checkName(at, dots, inode)) return;
    this.#index?.entry(this.#logical, bytes, at);
    if (dots > 1 && this.#tables.directories.has(inode) && !this.#checkParent(at, inode)) return;
    if (this.#twins) {
      const start = at + ENTRY_HEADER;
      let hash = bytes[at + 6]!;
      for (let i = start; i < start + bytes[at + 6]!; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
      this.#checkTwin(at, start, bytes[at + 6]!, hash);
    }
    this.#tables.foundLinks.add(inode, 1);
  }

  #wrongTarget(at: number, dots: number): 'bad-inode-number' | 'duplicate-dot' | 'duplicate-dotdot' | 'link-to-root' | 'empty-name' | 'inode-in-bad-block' | undefined {
    const bytes = this.#bytes;
    const inode = u32(bytes, at);
    const length = bytes[at + 6]!;
    if ((inode !== ROOT && inode < this.#first) || inode > this.#inodeCount || this.#special.has(inode)) return 'bad-inode-number';
    if (this.#tables.inBadBlocks.has(inode)) return 'inode-in-bad-block';
    if (dots > 1) {
      if (length === 1 && bytes[at + 8] === DOT) return 'duplicate-dot';
      if (length === 2 && bytes[at + 8] === DOT && bytes[at + 9] === DOT) return 'duplicate-dotdot';
      if (inode === ROOT) return 'link-to-root';
      if (length === 0) return 'empty-name';
    }
    return undefined;
  }

  /** Whether the inode is in use, as far as pass 1 could see. @returns false when the entry was cleared */
  #checkUse(at: number, inode: number): boolean {
    if (this.#tables.inodesUsed.has(inode)) return true;
    const context = this.#context;
    const { descriptors, superblock } = context;
    const group = Math.floor((inode - 1) / superblock.inodesPerGroup);
    const parts = { inode: this.#directory.inode, name: this.#name(at), other: inode, group };
    if (superblock.features.gdtChecksum || superblock.features.metadataChecksum) {
      if (descriptors.has(group, 'inodeUninit')) {
        if (context.problem(PASS_2['inode-in-unused-group'], parts)) {
          descriptors.clear(group, 'inodeUninit');
          this.restart = 'inodes of a group that was taken for unused';
        }
      } else if ((inode - 1) % superblock.inodesPerGroup >= superblock.inodesPerGroup - descriptors.unusedInodes(group)) {
        if (context.problem(PASS_2['inode-in-unused-part'], parts)) {
          descriptors.setUnusedInodes(group, 0);
          this.restart = 'inodes in a part of a table that was taken for unused';
        }
      }
    }
    // What pass 1 did not look at may be in use: everything begins again first.
    return this.restart !== undefined || !this.#clear(at, 'unused-inode');
  }

  #checkType(at: number, inode: number): void {
    const context = this.#context;
    const bytes = this.#bytes;
    const type = bytes[at + 7]!;
    const parts = { inode: this.#directory.inode, name: this.#name(at), type };
    if (!this.#filetype) {
      if (type === 0 || !context.problem(PASS_2['unexpected-file-type'], parts)) return;
      bytes[at + 7] = 0;
      this.#changed = true;
      return;
    }
    const { directories, regular, badInodes } = this.#tables;
    const right = directories.has(inode) ? TYPE_DIRECTORY : regular.has(inode) ? TYPE_FILE : badInodes.has(inode) ? 0 : TYPES[context.readInode(inode).mode >>> 12]!;
    if (type === right || !context.problem(PASS_2[type === 0 ? 'unset-file-type' : 'bad-file-type'], { ...parts, right })) return;
    bytes[at + 7] = right;
    this.#changed = true;
  }

  /** @returns false when the entry was cleared */
  #checkName(at: number, dots: number, inode: number): boolean {
    const context = this.#context;
    const bytes = this.#bytes;
    const start = at + ENTRY_HEADER;
    const length = bytes[at + 6]!;
    const directory = this.#directory;
    if (directory.encrypted) return dots < 2 || this.#checkEncrypted(at, inode);
    if (directory.strict) {
      const bad = firstInvalidUtf8(bytes, start, start + length);
      if (bad !== undefined && context.problem(PASS_2['bad-encoded-name'], { inode: directory.inode, name: this.#name(at) })) {
        bytes.fill(DOT, bad, start + length);
        this.#changed = true;
      }
    }
    let asked = false;
    for (let i = start; i < start + length; i++) {
      if (bytes[i] !== SLASH && bytes[i] !== 0) continue;
      if (!asked && !context.problem(PASS_2['bad-name'], { inode: directory.inode, name: this.#name(at) })) return true;
      asked = true;
      bytes[i] = DOT;
      this.#changed = true;
    }
    return true;
  }

  /** Names of encrypted directories, and that their files are encrypted by the same policy. @returns false when the entry was cleared */
  #checkEncrypted(at: number, inode: number): boolean {
    const length = this.#bytes[at + 6]!;
    if (length < 16 && this.#clear(at, 'bad-encrypted-name')) return false;
    const context = this.#context;
    const policy = encryptionPolicy(context, this.#directory.inode);
    const other = encryptionPolicy(context, inode);
    if (other === policy) return true;
    if (other !== NO_POLICY) return !this.#clear(at, 'other-encryption-policy');
    const { type } = context.readInode(inode);
    if (type !== MODE.file && type !== MODE.dir && type !== MODE.symlink) return true;
    return !this.#clear(at, 'unencrypted-file');
  }

  /** The first name of a directory that is found is its name. @returns false when the entry was cleared */
  #checkParent(at: number, inode: number): boolean {
    const { directoryInfo } = this.#tables;
    const info = directoryInfo.find(inode);
    if (info < 0) return true;
    const parent = directoryInfo.parent(info);
    if (parent === 0) {
      directoryInfo.setParent(info, this.#directory.inode);
      return true;
    }
    if (!this.#context.problem(PASS_2['link-to-directory'], { inode: this.#directory.inode, name: this.#name(at), other: inode, parent })) return true;
    this.#drop(at);
    return false;
  }

  /** @returns whether the entry was cleared */
  #clear(at: number, problem: keyof typeof PASS_2): boolean {
    const parts = { inode: this.#directory.inode, name: this.#name(at), other: u32(this.#bytes, at) };
    if (!this.#context.problem(PASS_2[problem], parts)) return false;
    this.#drop(at);
    return true;
  }

  #drop(at: number): void {
    putU32(this.#bytes, at, 0);
    this.#changed = true;
  }

  #name(at: number): Name {
    const start = at + ENTRY_HEADER;
    return decodeName(this.#bytes, start, Math.min(start + this.#bytes[at + 6]!, this.#bytes.length));
  }
}

