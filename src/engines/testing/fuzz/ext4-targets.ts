import { crc32c, crc32cOf32, crc32cOfZeros } from '../../codecs/crc32c.ts';
import { groupChecksum16, groupChecksum32, inodeChecksum, inodeSeed } from '../../filesystems/ext4/checksum.ts';
import {
  COMMIT_BLOCK, COMMIT_CHECKSUM_AT, INCOMPAT_CSUM_V2, INCOMPAT_CSUM_V3, JournalHeader, JournalSuperblock, MAGIC as JOURNAL_MAGIC, SUPERBLOCK_V2,
} from '../../filesystems/ext4/journal/layout.ts';
import {
  Ext4Extent, Ext4ExtentHeader, Ext4GroupDesc, Ext4GroupDesc64, Ext4Inode, Ext4InodeExtra, Ext4SuperBlock, EXTENT_MAGIC, INODE_FLAGS, SUPERBLOCK_AT, SUPERBLOCK_MAGIC,
} from '../../filesystems/ext4/layout.ts';
import { fieldsOf, type Seal, type Target, type TargetField } from './targets.ts';

/** Most structures of one image: enough to meet every kind, few enough to find quickly. */
const MOST_INODES = 300;
const MOST_BLOCKS = 600;

const XATTR_MAGIC = 0xea020000;
const COMPAT_HAS_JOURNAL = 0x4;
const INCOMPAT_64BIT = 0x80;
const INCOMPAT_CSUM_SEED = 0x2000;
const RO_COMPAT_GDT_CSUM = 0x10;
const RO_COMPAT_METADATA_CSUM = 0x400;

/** Numbers of an entry, as offsets and widths in bytes: these structures have no fixed length, so no declaration. */
const plain = (...widths: readonly (readonly [offset: number, size: number])[]): TargetField[] => widths.map(([offset, size]) => ({ offset, size, bigEndian: false }));
const bigEndian = (...offsets: readonly number[]): TargetField[] => offsets.map((offset) => ({ offset, size: 4, bigEndian: true }));

const DIRECTORY_ENTRY = plain([0, 4], [4, 2], [6, 1], [7, 1], [8, 1]);
/** struct dx_root after its two fake entries: hash version, length, levels, flags, limit, count, first block, first hash. */
const DX_ROOT = plain([0x1c, 1], [0x1d, 1], [0x1e, 1], [0x1f, 1], [0x20, 2], [0x22, 2], [0x24, 4], [0x28, 4], [0x2c, 4], [0x30, 4]);
const XATTR_HEADER = plain([0, 4], [4, 4], [8, 4], [12, 4]);
const XATTR_ENTRY = plain([0, 1], [1, 1], [2, 2], [4, 4], [8, 4], [12, 4], [16, 1]);
const EXTENT = fieldsOf(Ext4Extent);

/** Every structure of an ext2/3/4 seed image that is found by a plain walk; of a damaged seed, what is found until the walk fails. */
export function ext4Targets(image: Uint8Array, at = 0): Target[] {
  if (image.length < at + 4096 || Ext4SuperBlock.at(image, at + SUPERBLOCK_AT).s_magic !== SUPERBLOCK_MAGIC) return [];
  const finder = new Finder(image.subarray(at), at);
  try {
    finder.find();
  } catch (error) {
    // A seed that is damaged itself (they are good seeds too): a structure would lie outside. What was found so far will do.
    if (!(error instanceof RangeError)) throw error;
  }
  return finder.targets;
}

class Finder {
  readonly targets: Target[] = [];
  /** The filesystem's bytes while finding. Seals get the whole image, of which the filesystem starts at `#base`. */
  readonly #bytes: Uint8Array;
  readonly #base: number;
  readonly #blockSize: number;
  readonly #inodeSize: number;
  readonly #checksums: boolean;
  readonly #fsSeed: number;
  #blocks = 0;
  #inodes = 0;

  constructor(bytes: Uint8Array, base: number) {
    this.#bytes = bytes;
    this.#base = base;
    const sb = Ext4SuperBlock.at(bytes, SUPERBLOCK_AT);
    this.#blockSize = 1024 << (sb.s_log_block_size & 7);
    this.#inodeSize = sb.s_rev_level === 0 ? 128 : sb.s_inode_size;
    this.#checksums = (sb.s_feature_ro_compat & RO_COMPAT_METADATA_CSUM) !== 0;
    this.#fsSeed = sb.s_feature_incompat & INCOMPAT_CSUM_SEED ? sb.s_checksum_seed : crc32c(0xffffffff, sb.s_uuid);
  }

  find(): void {
    const sb = Ext4SuperBlock.at(this.#bytes, SUPERBLOCK_AT);
    this.#add('ext4 superblock', SUPERBLOCK_AT, fieldsOf(Ext4SuperBlock), this.#checksums ? this.#seal32(SUPERBLOCK_AT + 0x3fc, (fs) => crc32c(0xffffffff, fs, SUPERBLOCK_AT, SUPERBLOCK_AT + 0x3fc)) : undefined);
    // The features decide what is read at all: they get a kind of their own.
    this.#add('ext4 features', SUPERBLOCK_AT, plain([0x5c, 4], [0x60, 4], [0x64, 4], [0x18, 4], [0x1c, 4], [0x58, 2], [0xfe, 2], [0x28, 4], [0x20, 4]), this.targets[0]!.seal);
    const wide = (sb.s_feature_incompat & INCOMPAT_64BIT) !== 0;
    const descSize = wide ? Math.max(64, sb.s_desc_size) : 32;
    // Behind the superblock's block; with bigalloc, block 0 is the first even where blocks are 1 KiB long.
    const table = this.#blockSize === 1024 ? 2048 : this.#blockSize;
    const groups = Math.min(64, Math.ceil((sb.s_blocks_count_lo - sb.s_first_data_block) / sb.s_blocks_per_group));
    for (let group = 0; group < groups; group++) {
      const at = table + group * descSize;
      const descriptor = wide ? Ext4GroupDesc64.at(this.#bytes, at) : Ext4GroupDesc.at(this.#bytes, at);
      this.#add('ext4 group descriptor', at, fieldsOf(wide ? Ext4GroupDesc64 : Ext4GroupDesc), this.#sealGroup(group, at, descSize, sb.s_feature_ro_compat));
      for (let i = 0; i < sb.s_inodes_per_group && this.targets.length < 8000; i++) this.#inode(group * sb.s_inodes_per_group + i + 1, descriptor.bg_inode_table_lo * this.#blockSize + i * this.#inodeSize, sb.s_journal_inum);
    }
    if (sb.s_feature_compat & COMPAT_HAS_JOURNAL) this.#journal();
  }

  #inode(number: number, at: number, journal: number): void {
    const inode = Ext4Inode.at(this.#bytes, at);
    if (inode.i_mode === 0 || inode.i_links_count === 0 || this.#inodes >= MOST_INODES) return;
    this.#inodes++;
    const wide = this.#inodeSize > 128 && Ext4InodeExtra.at(this.#bytes, at).i_extra_isize >= 4;
    const seal = this.#checksums ? this.#sealInode(number, at, wide) : undefined;
    const kind = number === 2 ? 'ext4 root inode' : number === journal ? 'ext4 journal inode' : (inode.i_mode & 0xf000) === 0x4000 ? 'ext4 directory inode' : 'ext4 inode';
    this.#add(kind, at, fieldsOf(this.#inodeSize > 128 ? Ext4InodeExtra : Ext4Inode), seal);
    const inBody = at + 128 + (this.#inodeSize > 128 ? Ext4InodeExtra.at(this.#bytes, at).i_extra_isize : 0);
    if (this.#inodeSize > 128 && inBody + 20 < at + this.#inodeSize && this.#u32(inBody) === XATTR_MAGIC) this.#xattrEntries('ext4 in-inode attribute', inBody + 4, at + this.#inodeSize, seal);
    if (inode.i_file_acl_lo !== 0) this.#xattrBlock(inode.i_file_acl_lo);
    const blockSeed = inodeSeed(this.#fsSeed, number, inode.i_generation);
    const blocks: number[] = [];
    if (inode.i_flags & INODE_FLAGS.inlineData) this.#add('ext4 inline data', at + 0x28, plain([0, 4], [4, 4], [8, 2], [10, 1], [11, 1], [16, 4], [20, 2]), seal);
    else if (inode.i_flags & INODE_FLAGS.extents) this.#extents(at + 0x28, 60, blockSeed, seal, blocks, 0);
    else this.#blockMap(at + 0x28, seal, blocks);
    if ((inode.i_mode & 0xf000) === 0x4000) blocks.forEach((block, i) => this.#directoryBlock(block, blockSeed, i === 0 && (inode.i_flags & INODE_FLAGS.index) !== 0));
  }

  #extents(at: number, size: number, seed: number, seal: Seal | undefined, blocks: number[], depth: number): void {
    const header = Ext4ExtentHeader.at(this.#bytes, at);
    if (header.eh_magic !== EXTENT_MAGIC || depth > 5) return;
    this.#add('ext4 extent header', at, fieldsOf(Ext4ExtentHeader), seal);
    for (let i = 0; i < Math.min(header.eh_entries, Math.floor((size - 12) / 12)); i++) {
      const entry = at + 12 + i * 12;
      if (i < 8) this.#add(header.eh_depth === 0 ? 'ext4 extent' : 'ext4 extent index', entry, EXTENT, seal);
      const view = Ext4Extent.at(this.#bytes, entry);
      if (header.eh_depth === 0) {
        for (let k = 0; k < Math.min(view.ee_len, 64); k++) blocks.push(view.ee_start_lo + k);
      } else if (this.#blocks++ < MOST_BLOCKS) {
        const child = this.#u32(entry + 4) * this.#blockSize;
        const tail = child + 12 + Math.floor((this.#blockSize - 12) / 12) * 12;
        const childSeal = this.#checksums ? this.#seal32(tail, (fs) => crc32c(seed, fs, child, tail)) : undefined;
        this.#extents(child, this.#blockSize, seed, childSeal, blocks, depth + 1);
      }
    }
  }

  #blockMap(at: number, seal: Seal | undefined, blocks: number[]): void {
    this.#add('ext4 block map', at, plain(...Array.from({ length: 15 }, (_, i) => [i * 4, 4] as const)), seal);
    for (let i = 0; i < 12; i++) if (this.#u32(at + i * 4) !== 0) blocks.push(this.#u32(at + i * 4));
    for (let i = 12; i < 15; i++) {
      const block = this.#u32(at + i * 4);
      if (block !== 0 && this.#blocks++ < MOST_BLOCKS) this.#add('ext4 indirect block', block * this.#blockSize, plain(...Array.from({ length: 16 }, (_, k) => [k * 4, 4] as const)), undefined);
    }
  }

  #directoryBlock(block: number, seed: number, root: boolean): void {
    if (this.#blocks++ > MOST_BLOCKS) return;
    const at = block * this.#blockSize;
    const end = at + this.#blockSize;
    if (root) {
      // The checksum of an index block follows its `limit` entries.
      const count = 0x20;
      const limit = this.#bytes[at + count]! | (this.#bytes[at + count + 1]! << 8);
      const tail = at + count + limit * 8;
      const seal = this.#checksums ? this.#seal32(tail + 4, (fs) => {
        const used = Math.min(limit, fs[at + count + 2]! | (fs[at + count + 3]! << 8));
        return crc32cOfZeros(crc32c(crc32c(seed, fs, at, at + count + used * 8), fs, tail, tail + 4), 4);
      }) : undefined;
      this.#add('ext4 directory index', at, DX_ROOT, seal);
      return;
    }
    const seal = this.#checksums ? this.#seal32(end - 4, (fs) => crc32c(seed, fs, at, end - 12)) : undefined;
    let entries = 0;
    for (let entry = at; entry + 12 <= end && entries++ < 12;) {
      this.#add('ext4 directory entry', entry, DIRECTORY_ENTRY, seal);
      const length = this.#bytes[entry + 4]! | (this.#bytes[entry + 5]! << 8);
      if (length < 8) break;
      entry += length;
    }
  }

  #xattrBlock(block: number): void {
    if (this.#blocks++ > MOST_BLOCKS) return;
    const at = block * this.#blockSize;
    const end = at + this.#blockSize;
    const seal = this.#checksums ? this.#seal32(at + 16, (fs) => {
      const head = crc32cOf32(crc32cOf32(this.#fsSeed, block), 0);
      return crc32c(crc32cOfZeros(crc32c(head, fs, at, at + 16), 4), fs, at + 20, end);
    }) : undefined;
    this.#add('ext4 attribute block', at, XATTR_HEADER, seal);
    this.#xattrEntries('ext4 attribute', at + 32, end, seal);
  }

  #xattrEntries(kind: string, from: number, end: number, seal: Seal | undefined): void {
    for (let at = from; at + 20 <= end && this.#u32(at) !== 0;) {
      this.#add(kind, at, XATTR_ENTRY, seal);
      at += 16 + ((this.#bytes[at]! + 3) & ~3);
    }
  }

  /** The journal's blocks, wherever they are: they carry a magic, and the superblock comes first. */
  #journal(): void {
    let found = 0;
    let seed: number | undefined;
    for (let at = 0; at + this.#blockSize <= this.#bytes.length && found < 100; at += this.#blockSize) {
      const header = JournalHeader.at(this.#bytes, at);
      if (header.h_magic !== JOURNAL_MAGIC) continue;
      found++;
      const end = at + this.#blockSize;
      if (header.h_blocktype === SUPERBLOCK_V2) {
        const superblock = JournalSuperblock.at(this.#bytes, at);
        if (superblock.s_feature_incompat & (INCOMPAT_CSUM_V2 | INCOMPAT_CSUM_V3)) seed = crc32c(0xffffffff, superblock.s_uuid);
        this.#add('journal superblock', at, fieldsOf(JournalSuperblock, 256), seed === undefined ? undefined : this.#sealAround(0xffffffff, at, at + 252, at + 1024));
        continue;
      }
      // Descriptor and revoke blocks end in their checksum, commit blocks have it in their header.
      const sum = header.h_blocktype === COMMIT_BLOCK ? at + COMMIT_CHECKSUM_AT : end - 4;
      const seal = seed === undefined ? undefined : this.#sealAround(seed, at, sum, end);
      this.#add('journal block header', at, bigEndian(0, 4, 8), seal);
      this.#add(`journal block of type ${header.h_blocktype}`, at, bigEndian(12, 16, 20, 24, 28, 32, 36, 40, 48, 52), seal);
    }
  }

  /** A big-endian checksum at `sum` over [from, end), its own four bytes counted as zero. */
  #sealAround(seed: number, from: number, sum: number, end: number): Seal {
    return this.#seal32(sum, (fs) => crc32c(crc32cOfZeros(crc32c(seed, fs, from, sum), 4), fs, sum + 4, end), true);
  }

  #sealGroup(group: number, at: number, size: number, roCompat: number): Seal | undefined {
    if (!this.#checksums && !(roCompat & RO_COMPAT_GDT_CSUM)) return undefined;
    const uuid = Ext4SuperBlock.at(this.#bytes, SUPERBLOCK_AT).s_uuid.slice();
    return this.#seal(at + 0x1e, 2, (fs) => {
      const descriptor = fs.subarray(at, at + size);
      const sum = this.#checksums ? groupChecksum32(this.#fsSeed, group, descriptor) : groupChecksum16(uuid, group, descriptor);
      descriptor[0x1e] = sum;
      descriptor[0x1f] = sum >>> 8;
    });
  }

  #sealInode(number: number, at: number, wide: boolean): Seal {
    return this.#seal(at + 0x7c, wide ? 8 : 2, (fs) => {
      const inode = Ext4Inode.at(fs, at);
      const sum = inodeChecksum(inodeSeed(this.#fsSeed, number, inode.i_generation), inode.$view, inode.$at, this.#inodeSize, wide);
      inode.i_checksum_lo = sum & 0xffff;
      if (wide) Ext4InodeExtra.at(fs, at).i_checksum_hi = sum >>> 16;
    });
  }

  /** A checksum of four bytes at `at`. */
  #seal32(at: number, sum: (fs: Uint8Array) => number, big = false): Seal {
    return this.#seal(at, 4, (fs) => { new DataView(fs.buffer, fs.byteOffset).setUint32(at, sum(fs), !big); });
  }

  #seal(at: number, length: number, apply: (fs: Uint8Array) => void): Seal {
    if (at + length > this.#bytes.length) throw new RangeError('the checksum would lie outside');
    return { writes: [[this.#base + at, length]], apply: (image) => apply(image.subarray(this.#base)) };
  }

  #add(kind: string, at: number, fields: readonly TargetField[], seal: Seal | undefined): void {
    this.targets.push({ kind, at: this.#base + at, fields, ...(seal ? { seal } : {}) });
  }

  #u32(at: number): number {
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.length).getUint32(at, true);
  }
}
