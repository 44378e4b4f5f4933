import { decodeName, type Name } from '../../../core/names.ts';
import { processBadInode } from './bad-inode.ts';
import { type CheckContext, firstInode, type Tables } from './context.ts';
import { ENTRY_HEADER, putU32, recordAt, setRecord, SMALLEST, u32 } from './dir-block.ts';
import { PASS_2 } from './directory-problems.ts';
import { firstInvalidUtf8 } from './encoded-names.ts';
import { encryptionPolicy, NO_POLICY } from './encryption.ts';
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
/** file_type of each kind of inode, by the upper four bits of i_mode. */
const TYPES = [0, 5, 3, 0, 2, 0, 4, 0, 1, 0, 7, 0, 6, 0, 0, 0] as const;

/** One entry of a directory after the other, rule by rule: what it leads to, its name, and its type. Entries are changed in place. */
export class EntryCheck {
  /** A repair wants everything to begin again, once the pass is over. */
  restart: string | undefined;
  /** Something in the block was changed. */
  changed = false;
  readonly #context: CheckContext;
  readonly #tables: Tables;
  readonly #filetype: boolean;
  readonly #blockSize: number;
  readonly #inodeCount: number;
  readonly #special: ReadonlySet<number>;
  readonly #first: number;
  #directory!: ScannedDirectory;
  #bytes!: Uint8Array;

  constructor(context: CheckContext) {
    const { superblock, tables } = context;
    this.#context = context;
    this.#tables = tables;
    this.#filetype = superblock.features.filetype;
    this.#blockSize = superblock.blockSize;
    this.#inodeCount = superblock.inodeCount;
    this.#first = firstInode(superblock);
    this.#special = specialInodes(context);
  }

  /** A block begins, or a part of an inline directory. */
  start(directory: ScannedDirectory, bytes: Uint8Array): void {
    this.#directory = directory;
    this.#bytes = bytes;
    this.changed = false;
  }

  /** The first entry of a directory: ".", which leads to itself, and is as short as it can be. */
  checkDot(at: number): void {
    const context = this.#context;
    const bytes = this.#bytes;
    const inode = this.#directory.inode;
    let length = recordAt(bytes, at, this.#blockSize);
    let made = false;
    let problem;
    if (u32(bytes, at) === 0) problem = PASS_2['missing-dot'];
    else if (bytes[at + 6] !== 1 || bytes[at + 8] !== DOT) problem = PASS_2['first-not-dot'];
    else if (bytes[at + 9] !== 0) problem = PASS_2['dot-not-terminated'];
    if (problem !== undefined && context.problem(problem, { inode, name: this.name(at) })) {
      if (length < SMALLEST) setRecord(bytes, at, (length = SMALLEST), this.#blockSize);
      putU32(bytes, at, inode);
      bytes[at + 6] = 1;
      bytes[at + 7] = this.#filetype ? TYPE_DIRECTORY : 0;
      bytes[at + 8] = DOT;
      bytes[at + 9] = 0;
      this.changed = made = true;
    }
    if (u32(bytes, at) !== inode && context.problem(PASS_2['bad-dot-inode'], { inode, other: u32(bytes, at) })) {
      putU32(bytes, at, inode);
      this.changed = true;
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
      this.changed = true;
    }
  }

  /** Which inode ".." leads to is for pass 3 to say. */
  checkDotDot(at: number): void {
    const bytes = this.#bytes;
    const inode = this.#directory.inode;
    let problem;
    if (u32(bytes, at) === 0) problem = PASS_2['missing-dotdot'];
    else if (bytes[at + 6] !== 2 || bytes[at + 8] !== DOT || bytes[at + 9] !== DOT) problem = PASS_2['second-not-dotdot'];
    else if (bytes[at + 10] !== 0) problem = PASS_2['dotdot-not-terminated'];
    if (problem !== undefined) {
      if (this.#context.problem(problem, { inode, name: this.name(at) })) {
        putU32(bytes, at, ROOT);
        bytes[at + 6] = 2;
        bytes[at + 7] = this.#filetype ? TYPE_DIRECTORY : 0;
        bytes[at + 8] = DOT;
        bytes[at + 9] = DOT;
        bytes[at + 10] = 0;
        this.changed = true;
      }
      return;
    }
    const info = this.#tables.directoryInfo.find(inode);
    if (info >= 0) this.#tables.directoryInfo.setDotdot(info, u32(bytes, at));
  }

  /** An entry in use. @param dots 0 for the first one of its directory, 1 for the second, 2 for all others @returns false when it was cleared, or is not to be counted */
  check(at: number, dots: number): boolean {
    const self = this.#directory.inode;
    const inode = u32(this.#bytes, at);
    if (dots > 1 && inode === self && this.#clear(at, 'link-to-dot')) return false;
    const wrong = this.#wrongTarget(at, dots);
    if (wrong !== undefined && (this.#clear(at, wrong) || wrong === 'bad-inode-number')) return false;
    if (this.#tables.badInodes.has(inode) && processBadInode(this.#context, inode)) {
      this.#drop(at);
      return false;
    }
    if (!this.#checkUse(at, inode)) return false;
    this.#checkType(at, inode);
    return this.#checkName(at, dots, inode);
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
    const parts = { inode: this.#directory.inode, name: this.name(at), other: inode, group };
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
    const parts = { inode: this.#directory.inode, name: this.name(at), type };
    if (!this.#filetype) {
      if (type === 0 || !context.problem(PASS_2['unexpected-file-type'], parts)) return;
      bytes[at + 7] = 0;
      this.changed = true;
      return;
    }
    const { directories, regular, badInodes } = this.#tables;
    const right = directories.has(inode) ? TYPE_DIRECTORY : regular.has(inode) ? TYPE_FILE : badInodes.has(inode) ? 0 : TYPES[context.readInode(inode).mode >>> 12]!;
    if (type === right || !context.problem(PASS_2[type === 0 ? 'unset-file-type' : 'bad-file-type'], { ...parts, right })) return;
    bytes[at + 7] = right;
    this.changed = true;
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
      if (bad !== undefined && context.problem(PASS_2['bad-encoded-name'], { inode: directory.inode, name: this.name(at) })) {
        bytes.fill(DOT, bad, start + length);
        this.changed = true;
      }
    }
    let asked = false;
    for (let i = start; i < start + length; i++) {
      if (bytes[i] !== SLASH && bytes[i] !== 0) continue;
      if (!asked && !context.problem(PASS_2['bad-name'], { inode: directory.inode, name: this.name(at) })) return true;
      asked = true;
      bytes[i] = DOT;
      this.changed = true;
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
  checkParent(at: number, inode: number): boolean {
    const { directoryInfo } = this.#tables;
    const info = directoryInfo.find(inode);
    if (info < 0) return true;
    const parent = directoryInfo.parent(info);
    if (parent === 0) {
      directoryInfo.setParent(info, this.#directory.inode);
      return true;
    }
    if (!this.#context.problem(PASS_2['link-to-directory'], { inode: this.#directory.inode, name: this.name(at), other: inode, parent })) return true;
    this.#drop(at);
    return false;
  }

  /** @returns whether the entry was cleared */
  #clear(at: number, problem: keyof typeof PASS_2): boolean {
    const parts = { inode: this.#directory.inode, name: this.name(at), other: u32(this.#bytes, at) };
    if (!this.#context.problem(PASS_2[problem], parts)) return false;
    this.#drop(at);
    return true;
  }

  #drop(at: number): void {
    putU32(this.#bytes, at, 0);
    this.changed = true;
  }

  /** The name of an entry, as far as it lies in the block. */
  name(at: number): Name {
    const start = at + ENTRY_HEADER;
    return decodeName(this.#bytes, start, Math.min(start + this.#bytes[at + 6]!, this.#bytes.length));
  }
}

/** Inodes of quota and orphan files, which need not be reserved ones: no entry may lead to them. */
export function specialInodes({ superblock: { raw } }: CheckContext): ReadonlySet<number> {
  return new Set([raw.s_usr_quota_inum, raw.s_grp_quota_inum, raw.s_prj_quota_inum, raw.s_orphan_file_inum].filter((inode) => inode !== 0));
}
