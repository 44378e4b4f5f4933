import { inodeChecksum, inodeSeed, signedInodeChecksum } from '../checksum.ts';
import { Ext4InodeExtra, type Ext4InodeView } from '../layout.ts';
import type { Superblock } from '../superblock.ts';

/** S_IFMT and its values. */
export const MODE = { mask: 0o170000, fifo: 0o010000, char: 0o020000, dir: 0o040000, block: 0o060000, file: 0o100000, symlink: 0o120000, socket: 0o140000 } as const;

/** Bytes that the view of an inode needs, however small inodes are on disk. */
const LEAST = Ext4InodeExtra.size;

/** One inode as it lies on the device, sound or not. */
export class RawInode {
  readonly number: number;
  /** s_inode_size bytes. */
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Fields by name; those past i_extra_isize, or past inodes of 128 bytes, mean nothing. */
  readonly raw: Ext4InodeView;

  /** @param bytes copied */
  constructor(number: number, bytes: Uint8Array) {
    const room = new Uint8Array(Math.max(LEAST, bytes.length));
    room.set(bytes);
    this.number = number;
    this.bytes = room.subarray(0, bytes.length);
    this.view = new DataView(room.buffer);
    this.raw = Ext4InodeExtra.over(this.view, 0);
  }

  get mode(): number { return this.raw.i_mode; }
  get type(): number { return this.raw.i_mode & MODE.mask; }
  get isDirectory(): boolean { return this.type === MODE.dir; }
  get isRegular(): boolean { return this.type === MODE.file; }
  get size(): number { return this.raw.i_size_lo + this.raw.i_size_high * 2 ** 32; }
  set size(bytes: number) {
    this.raw.i_size_lo = bytes % 2 ** 32;
    this.raw.i_size_high = Math.floor(bytes / 2 ** 32);
  }
  has(flag: number): boolean { return (this.raw.i_flags & flag) !== 0; }
  set(flag: number): void { this.raw.i_flags = (this.raw.i_flags | flag) >>> 0; }
  clear(flag: number): void { this.raw.i_flags = (this.raw.i_flags & ~flag) >>> 0; }
  get uid(): number { return this.raw.i_uid + this.raw.i_uid_high * 0x10000; }
  get gid(): number { return this.raw.i_gid + this.raw.i_gid_high * 0x10000; }

  /** i_extra_isize where inodes are large enough for it. */
  get extraSize(): number { return this.bytes.length > 128 ? this.raw.i_extra_isize : 0; }

  /** i_file_acl: the block of attributes; 0 = none. */
  fileAcl(superblock: Superblock): number {
    return this.raw.i_file_acl_lo + (superblock.features.is64Bit ? this.raw.i_file_acl_high * 2 ** 32 : 0);
  }

  setFileAcl(superblock: Superblock, block: number): void {
    this.raw.i_file_acl_lo = block % 2 ** 32;
    if (superblock.features.is64Bit) this.raw.i_file_acl_high = Math.floor(block / 2 ** 32);
  }

  /** What the checksums of its blocks start from. */
  seed(superblock: Superblock): number {
    return inodeSeed(superblock.checksumSeed, this.number, this.raw.i_generation);
  }

  /** Whether its checksum is what it should be; true without metadata_csum. An inode of zeros alone needs none. */
  checksumMatches(superblock: Superblock): boolean {
    if (!superblock.features.metadataChecksum) return true;
    return inodeSumMatches(superblock.checksumSeed, this.number, this.view, 0, this.bytes.length);
  }

  /** Makes its checksum, where there are any. */
  seal(superblock: Superblock): void {
    if (!superblock.features.metadataChecksum) return;
    const wide = this.extraSize >= 4;
    const sum = inodeChecksum(this.seed(superblock), this.view, 0, this.bytes.length, wide);
    this.raw.i_checksum_lo = sum & 0xffff;
    if (wide) this.raw.i_checksum_hi = sum >>> 16;
  }
}

/** Whether an inode in a table has the checksum that it should have. @param at byte in `view` where it starts @param size bytes an inode */
export function inodeSumMatches(seed: number, number: number, view: DataView, at: number, size: number): boolean {
  const wide = size > 128 && view.getUint16(at + 0x80, true) >= 4;
  const sum = signedInodeChecksum(seed, number, view, at, size, wide);
  return wide
    ? (sum & 0xffff) === view.getUint16(at + 0x7c, true) && sum >>> 16 === view.getUint16(at + 0x82, true)
    : (sum & 0xffff) === view.getUint16(at + 0x7c, true);
}
