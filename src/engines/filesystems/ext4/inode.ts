import { corrupt, type DiskError } from '../../core/errors.ts';
import type { EntryType, Note, Stat } from '../../core/filesystem.ts';
import type { Blocks } from './blocks.ts';
import { inodeChecksum, inodeSeed } from './checksum.ts';
import type { Groups } from './groups.ts';
import { Ext4InodeExtra, type Ext4InodeView, I_BLOCK_SIZE, INODE_FLAGS } from './layout.ts';
import type { Mapping } from './mapping.ts';
import type { Superblock } from './superblock.ts';

/** File types by the upper four bits of i_mode. */
const TYPES: readonly (EntryType | undefined)[] = [
  undefined, 'fifo', 'char', undefined, 'dir', undefined, 'block', undefined, 'file', undefined, 'symlink', undefined, 'socket', undefined, undefined, undefined,
];

/** Bits of i_flags by name, in the order of lsattr. */
export const FLAG_NAMES: readonly (readonly [bit: number, name: string])[] = [
  [0x1, 'secure-deletion'], [0x2, 'undelete'], [0x8, 'sync'], [0x10000, 'dirsync'], [0x10, 'immutable'], [0x20, 'append'], [0x40, 'nodump'], [0x80, 'noatime'],
  [0x4, 'compress'], [0x200, 'compressed'], [0x800, 'encrypted'], [0x4000, 'journal-data'], [0x1000, 'index'], [0x8000, 'notail'], [0x20000, 'topdir'],
  [0x40000, 'huge-file'], [0x80000, 'extents'], [0x100000, 'verity'], [0x200000, 'ea-inode'], [0x2000000, 'dax'], [0x10000000, 'inline-data'],
  [0x20000000, 'project'], [0x40000000, 'casefold'],
];

const S_IFDIR_BITS = 4;
const S_IFREG_BITS = 8;

/** EXT4_OS_HURD in s_creator_os: other uses of the fields that Linux extends i_file_acl with. */
const OS_HURD = 1;

/** Byte after i_ctime_extra and its like, counted from byte 128 as i_extra_isize is: what it must reach for the field to be there. */
export const EXTRA_END = { checksumHi: 4, ctime: 8, mtime: 12, atime: 16, crtime: 20, crtimeExtra: 24, versionHi: 28, projid: 32 } as const;

const NS = 1_000_000_000n;

/** An inode, checked as ext4_iget does. Its Stat is computed field by field when asked for: a walk asks for few of them. */
export class Inode implements Stat {
  readonly node: number;
  readonly type: EntryType;
  /** Bytes. */
  readonly size: number;
  /** i_extra_isize where it is believable, else 0. */
  readonly extraSize: number;
  readonly raw: Ext4InodeView;
  readonly #superblock: Superblock;
  /** Where the inode lies on the device. */
  readonly at: number;
  /** Where its blocks lie: made when its contents are first read. */
  mapping: Mapping | undefined;

  constructor(superblock: Superblock, node: number, type: EntryType, size: number, extraSize: number, raw: Ext4InodeView, at: number) {
    this.#superblock = superblock;
    this.node = node;
    this.type = type;
    this.size = size;
    this.extraSize = extraSize;
    this.raw = raw;
    this.at = at;
  }

  get mode(): number { return this.raw.i_mode & 0o7777; }
  get uid(): number { return this.raw.i_uid + this.raw.i_uid_high * 0x10000; }
  get gid(): number { return this.raw.i_gid + this.raw.i_gid_high * 0x10000; }
  get nlink(): number { return this.raw.i_links_count; }
  get mtime(): bigint { return time(this.raw.i_mtime, this.extraSize >= EXTRA_END.mtime ? this.raw.i_mtime_extra : 0); }
  get atime(): bigint { return time(this.raw.i_atime, this.extraSize >= EXTRA_END.atime ? this.raw.i_atime_extra : 0); }
  get ctime(): bigint { return time(this.raw.i_ctime, this.extraSize >= EXTRA_END.ctime ? this.raw.i_ctime_extra : 0); }

  /** Creation; undefined in inodes too small for it. The kernel shows 0 as it is. */
  get btime(): bigint | undefined {
    if (this.extraSize < EXTRA_END.crtime) return undefined;
    return time(this.raw.i_crtime, this.extraSize >= EXTRA_END.crtimeExtra ? this.raw.i_crtime_extra : 0);
  }

  /**
   * i_blocks in bytes, and for inline files their own sectors, as the kernel reports them (ext4_file_getattr): a file with data and no
   * blocks would be taken for a hole.
   */
  get allocated(): number {
    const inline = this.type === 'file' && this.has(INODE_FLAGS.inlineData) ? Math.ceil(this.size / 512) * 512 : 0;
    // 48 bits of blocks of 64 KiB are more than a number holds: a crafted inode may claim them, no device has them.
    return Math.min(Number.MAX_SAFE_INTEGER, this.#blockBytes + inline);
  }

  /** i_blocks counts sectors of 512 or, with the huge_file flag, blocks (ext4_inode_blocks). */
  get #blockBytes(): number {
    const { raw } = this;
    if (!this.#superblock.features.hugeFile) return raw.i_blocks_lo * 512;
    const count = raw.i_blocks_lo + raw.i_blocks_high * 2 ** 32;
    return count * ((raw.i_flags & INODE_FLAGS.hugeFile) !== 0 ? this.#superblock.blockSize : 512);
  }

  /** Old numbers (8 bits each) stand in the first word of i_block, new ones (12 and 20 bits) in the second. */
  get device(): { readonly major: number; readonly minor: number } | undefined {
    if (this.type !== 'char' && this.type !== 'block') return undefined;
    const { $view: view, $at: at } = this.raw;
    const old = view.getUint32(at + 0x28, true);
    if (old !== 0) return { major: (old >>> 8) & 0xff, minor: old & 0xff };
    const number = view.getUint32(at + 0x2c, true);
    return { major: (number >>> 8) & 0xfff, minor: (number & 0xff) | ((number >>> 12) & 0xfff00) };
  }

  get flags(): readonly string[] {
    const bits = this.raw.i_flags;
    return FLAG_NAMES.filter(([bit]) => (bits & bit) !== 0).map(([, name]) => name);
  }

  has(flag: number): boolean { return (this.raw.i_flags & flag) !== 0; }

  /** The block of extended attributes; 0 = none. */
  get aclBlock(): number {
    const { raw } = this;
    return raw.i_file_acl_lo + (this.#superblock.raw.s_creator_os === OS_HURD ? 0 : raw.i_file_acl_high * 2 ** 32);
  }

  /** False where there are certainly no extended attributes: no block of them, and no header of them (EXT4_XATTR_MAGIC) in the inode. */
  get mayHaveAttributes(): boolean {
    if (this.aclBlock !== 0) return true;
    const { $view: view, $at: at } = this.raw;
    return this.extraSize > 0 && 128 + this.extraSize + 4 <= this.#superblock.inodeSize && view.getUint32(at + 128 + this.extraSize, true) === 0xea020000;
  }

  /** Project number; 0 where the filesystem has none. */
  get project(): number {
    return this.#superblock.features.project && this.extraSize >= EXTRA_END.projid ? this.raw.i_projid : 0;
  }

  /** The stored checksum of the inode and the one that it should have; undefined without metadata_csum. */
  get checksum(): { readonly stored: number; readonly computed: number } | undefined {
    return this.#superblock.features.metadataChecksum ? checksumsOf(this.#superblock, this.node, this.raw, this.extraSize) : undefined;
  }

  /** i_version with its upper half, which NFS and others watch for changes. */
  get version(): bigint {
    const high = this.extraSize >= EXTRA_END.versionHi ? this.raw.i_version_hi : 0;
    return (BigInt(high) << 32n) + BigInt(this.raw.i_version);
  }

  /** What the checksums of its extent and directory blocks start from. */
  get checksumSeed(): number {
    return inodeSeed(this.#superblock.checksumSeed, this.node, this.raw.i_generation);
  }

  /** i_block: a view. */
  get block(): Uint8Array { return this.raw.i_block; }

  /** The whole inode on disk: a view. */
  get bytes(): Uint8Array {
    const { $view: view, $at: at } = this.raw;
    return new Uint8Array(view.buffer, view.byteOffset + at, this.#superblock.inodeSize);
  }

  /** The target lies in i_block (ext4_inode_is_fast_symlink, and ext2fs_is_fast_symlink for the links of other systems). */
  get isFastSymlink(): boolean {
    // Attribute values in inodes count as blocks of this one, so with that feature the size alone tells (ext4_inode_is_fast_symlink).
    if (this.#superblock.features.eaInode) return this.size > 0 && this.size < I_BLOCK_SIZE;
    if (this.size >= I_BLOCK_SIZE || this.has(INODE_FLAGS.inlineData | INODE_FLAGS.extents)) return false;
    const attributes = this.aclBlock === 0 ? 0 : this.#superblock.blockSize * this.#superblock.clusterRatio;
    return this.#blockBytes <= attributes;
  }
}

/** What stands in an inode as its checksum, and what should: 16 bits where it is too small for the upper half. */
export function checksumsOf(superblock: Superblock, node: number, raw: Ext4InodeView, extraSize: number): { readonly stored: number; readonly computed: number } {
  const wide = extraSize >= EXTRA_END.checksumHi;
  const sum = inodeChecksum(inodeSeed(superblock.checksumSeed, node, raw.i_generation), raw.$view, raw.$at, superblock.inodeSize, wide);
  return wide ? { stored: raw.i_checksum_lo + raw.i_checksum_hi * 0x10000, computed: sum } : { stored: raw.i_checksum_lo, computed: sum & 0xffff };
}

/** Seconds are signed 32 bits; the extra word holds two more bits of them, and nanoseconds above (ext4_decode_extra_time). */
function time(seconds: number, extra: number): bigint {
  return BigInt(seconds + (extra & 3) * 2 ** 32) * NS + BigInt(extra >>> 2);
}

/**
 * An inode from its raw bytes.
 * @param lenient it may be deleted (no links), and its checksum is not looked at: an inode that is being changed
 * @param damaged called for damage that does not stop the reading
 * @throws DiskError corrupt when it is deleted, or says what can't be
 */
export function decodeInode(sb: Superblock, node: number, raw: Ext4InodeView, at: number, lenient: boolean, damaged: (message: string) => void): Inode {
  const fail = (message: string): DiskError => corrupt(`inode ${node}`, message, at, sb.inodeSize);
  const storedExtra = sb.inodeSize > 128 ? raw.i_extra_isize : 0;
  const extraSize = storedExtra % 4 === 0 && 128 + storedExtra <= sb.inodeSize ? storedExtra : 0;
  if (sb.features.metadataChecksum && !lenient) {
    const { stored, computed } = checksumsOf(sb, node, raw, extraSize);
    if (computed !== stored) damaged('its checksum does not match');
  }
  if (extraSize !== storedExtra) damaged(`i_extra_isize is ${storedExtra} in an inode of ${sb.inodeSize} bytes; its extra fields are not used`);
  const kind = raw.i_mode >>> 12;
  const type = TYPES[kind];
  if (raw.i_links_count === 0 && !lenient) throw fail('it is deleted (no links), but a directory names it');
  if (type === undefined) throw fail(`its mode 0${raw.i_mode.toString(8)} is of no file type`);
  // Only these two use the high word for their size: in other inodes it may hold old directory ACLs (ext4_isize).
  const size = raw.i_size_lo + (kind === S_IFREG_BITS || (kind === S_IFDIR_BITS && sb.features.largeDir) ? raw.i_size_high * 2 ** 32 : 0);
  if (!Number.isSafeInteger(size)) throw fail(`its size is ${size} bytes`);
  return new Inode(sb, node, type, size, extraSize, raw, at);
}

/** The inode tables of all groups. */
export class InodeTable {
  readonly #superblock: Superblock;
  readonly #blocks: Blocks;
  readonly #groups: Groups;
  readonly #note: (note: Note) => void;
  /** The block of the table looked at last, and a view of it: neighbours lie in it. */
  #block = -1;
  #view: DataView = new DataView(new ArrayBuffer(0));

  constructor(superblock: Superblock, blocks: Blocks, groups: Groups, note: (note: Note) => void) {
    this.#superblock = superblock;
    this.#blocks = blocks;
    this.#groups = groups;
    this.#note = note;
  }

  /**
   * @throws DiskError corrupt when there is no such inode, when it is deleted, or when it says what can't be. A wrong checksum is
   * noted, and what the inode says is taken as far as it makes sense
   */
  get(node: number): Inode {
    const sb = this.#superblock;
    if (!(node >= 1 && node <= sb.inodeCount) || !Number.isInteger(node)) throw corrupt(`inode ${node}`, `the filesystem has inodes 1 to ${sb.inodeCount}`);
    const group = Math.floor((node - 1) / sb.inodesPerGroup);
    const offset = ((node - 1) % sb.inodesPerGroup) * sb.inodeSize;
    const block = this.#groups.get(group).inodeTable + Math.floor(offset / sb.blockSize);
    if (block !== this.#block) {
      const bytes = this.#blocks.get(block, `inode table of group ${group}`);
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      this.#block = block;
    }
    const inBlock = offset % sb.blockSize;
    const at = this.#blocks.at(block) + inBlock;
    return decodeInode(sb, node, Ext4InodeExtra.over(this.#view, inBlock), at, false, (message) => { this.#damaged(node, message, at); });
  }

  /** The tables have changed. */
  forget(): void {
    this.#block = -1;
  }

  #damaged(node: number, message: string, at: number): void {
    this.#note({ severity: 'error', message: `Inode ${node}: ${message}`, place: { structure: `inode ${node}`, at, length: this.#superblock.inodeSize } });
  }
}
