import { crc32c } from '../../../codecs/crc32c.ts';
import { corrupt, type DiskError, isDiskError } from '../../../core/errors.ts';
import type { Note } from '../../../core/filesystem.ts';
import { groupChecksum16, groupChecksum32 } from '../checksum.ts';
import { descriptorBlock } from '../groups.ts';
import { Ext4GroupDesc, Ext4GroupDesc64, GROUP_FLAGS } from '../layout.ts';
import type { Superblock } from '../superblock.ts';
import { countClear, setBits } from './bitmap.ts';
import type { Transaction } from './transaction.ts';

/** Not read yet. */
const UNKNOWN = -1;

/** A group descriptor to be read or changed in place. Free blocks are counted in clusters. */
export class Descriptor {
  readonly #low;
  readonly #high;

  constructor(bytes: Uint8Array, offset: number, size: number) {
    this.#low = Ext4GroupDesc.at(bytes, offset);
    this.#high = size >= Ext4GroupDesc64.size ? Ext4GroupDesc64.at(bytes, offset) : undefined;
  }

  get blockBitmap(): number { return this.#low.bg_block_bitmap_lo + (this.#high?.bg_block_bitmap_hi ?? 0) * 2 ** 32; }
  get inodeBitmap(): number { return this.#low.bg_inode_bitmap_lo + (this.#high?.bg_inode_bitmap_hi ?? 0) * 2 ** 32; }
  get inodeTable(): number { return this.#low.bg_inode_table_lo + (this.#high?.bg_inode_table_hi ?? 0) * 2 ** 32; }
  get flags(): number { return this.#low.bg_flags; }
  set flags(value: number) { this.#low.bg_flags = value; }

  get freeClusters(): number { return this.#low.bg_free_blocks_count_lo + (this.#high?.bg_free_blocks_count_hi ?? 0) * 2 ** 16; }
  set freeClusters(value: number) {
    this.#low.bg_free_blocks_count_lo = value & 0xffff;
    if (this.#high !== undefined) this.#high.bg_free_blocks_count_hi = value >>> 16;
  }

  get freeInodes(): number { return this.#low.bg_free_inodes_count_lo + (this.#high?.bg_free_inodes_count_hi ?? 0) * 2 ** 16; }
  set freeInodes(value: number) {
    this.#low.bg_free_inodes_count_lo = value & 0xffff;
    if (this.#high !== undefined) this.#high.bg_free_inodes_count_hi = value >>> 16;
  }

  get usedDirectories(): number { return this.#low.bg_used_dirs_count_lo + (this.#high?.bg_used_dirs_count_hi ?? 0) * 2 ** 16; }
  set usedDirectories(value: number) {
    this.#low.bg_used_dirs_count_lo = value & 0xffff;
    if (this.#high !== undefined) this.#high.bg_used_dirs_count_hi = value >>> 16;
  }

  get unusedInodes(): number { return this.#low.bg_itable_unused_lo + (this.#high?.bg_itable_unused_hi ?? 0) * 2 ** 16; }
  set unusedInodes(value: number) {
    this.#low.bg_itable_unused_lo = value & 0xffff;
    if (this.#high !== undefined) this.#high.bg_itable_unused_hi = value >>> 16;
  }

  setBlockBitmapChecksum(sum: number): void {
    this.#low.bg_block_bitmap_csum_lo = sum & 0xffff;
    if (this.#high !== undefined) this.#high.bg_block_bitmap_csum_hi = sum >>> 16;
  }

  setInodeBitmapChecksum(sum: number): void {
    this.#low.bg_inode_bitmap_csum_lo = sum & 0xffff;
    if (this.#high !== undefined) this.#high.bg_inode_bitmap_csum_hi = sum >>> 16;
  }

  get blockBitmapChecksum(): number { return this.#high === undefined ? this.#low.bg_block_bitmap_csum_lo : this.#low.bg_block_bitmap_csum_lo + this.#high.bg_block_bitmap_csum_hi * 0x10000; }
  get inodeBitmapChecksum(): number { return this.#high === undefined ? this.#low.bg_inode_bitmap_csum_lo : this.#low.bg_inode_bitmap_csum_lo + this.#high.bg_inode_bitmap_csum_hi * 0x10000; }
  get checksum(): number { return this.#low.bg_checksum; }
  set checksum(value: number) { this.#low.bg_checksum = value; }
}

/**
 * The group descriptors and bitmaps of a filesystem that is being changed. Only the primary descriptors are written, as the kernel does it:
 * backups keep what mke2fs, resize2fs and e2fsck put there, which is enough to find everything. Checksums are made before the commit.
 * A group whose descriptor or bitmap is damaged is full to whoever allocates, and can't be changed.
 */
export class GroupTable {
  readonly #superblock: Superblock;
  readonly #transaction: Transaction;
  readonly #note: (note: Note) => void;
  /** Whether descriptors have flags and checksums (gdt_csum, metadata_csum). */
  readonly #hasFlags: boolean;
  /** Free clusters, free inodes and directories by group, as the descriptors say: read once, and again after an undo. */
  readonly #clusters: Int32Array;
  readonly #inodes: Int32Array;
  readonly #directories: Int32Array;
  /** Bits: 1 descriptor, 2 block bitmap, 4 inode bitmap were found sound. */
  readonly #sound: Uint8Array;
  readonly #damaged = new Map<number, DiskError>();
  /** Groups whose checksums are to be made: bits as in `#sound`. */
  readonly #dirty = new Map<number, number>();
  #sums: { clusters: number; inodes: number; directories: number } | undefined;
  #countsChanged = false;
  /** The descriptor that was looked at last: an operation asks for one many times. */
  #last: { readonly group: number; readonly bytes: Uint8Array; readonly descriptor: Descriptor } | undefined;

  constructor(superblock: Superblock, transaction: Transaction, note: (note: Note) => void) {
    this.#superblock = superblock;
    this.#transaction = transaction;
    this.#note = note;
    this.#hasFlags = superblock.features.gdtChecksum || superblock.features.metadataChecksum;
    this.#clusters = new Int32Array(superblock.groupCount).fill(UNKNOWN);
    this.#inodes = new Int32Array(superblock.groupCount);
    this.#directories = new Int32Array(superblock.groupCount);
    this.#sound = new Uint8Array(superblock.groupCount);
    transaction.beforeCommit(() => { this.#seal(); });
  }

  get count(): number { return this.#superblock.groupCount; }

  /** Clusters of a group: the last one may have fewer. */
  clustersOf(group: number): number {
    const { blockCount, blocksPerGroup, clusterRatio } = this.#superblock;
    return Math.ceil(Math.min(blocksPerGroup, blockCount - this.#superblock.groupStart(group)) / clusterRatio);
  }

  freeClusters(group: number): number { this.#load(group); return this.#clusters[group]!; }
  freeInodes(group: number): number { this.#load(group); return this.#inodes[group]!; }
  directories(group: number): number { this.#load(group); return this.#directories[group]!; }

  /** Free clusters, free inodes and directories of all groups. */
  get totals(): { readonly clusters: number; readonly inodes: number; readonly directories: number } {
    if (this.#sums === undefined) {
      const sums = { clusters: 0, inodes: 0, directories: 0 };
      for (let group = 0; group < this.count; group++) {
        sums.clusters += this.freeClusters(group);
        sums.inodes += this.#inodes[group]!;
        sums.directories += this.#directories[group]!;
      }
      this.#sums = sums;
    }
    return this.#sums;
  }

  /** Whether counts of descriptors changed since they were last asked for: the superblock's follow at the commit. */
  takeCountsChanged(): boolean {
    const changed = this.#countsChanged;
    this.#countsChanged = false;
    return changed;
  }

  /** The descriptor, for reading. @throws DiskError corrupt */
  get(group: number): Descriptor {
    const { block, offset } = this.#place(group);
    return this.#over(group, this.#transaction.get(block, `group descriptor ${group}`), offset);
  }

  /** Adds to the counts of a group, in its descriptor. @throws DiskError corrupt */
  add(group: number, change: { readonly clusters?: number; readonly inodes?: number; readonly directories?: number; /** Inodes of the table that were used so far, at least. */ readonly usedInodes?: number }): void {
    const descriptor = this.#edit(group);
    const { clusters = 0, inodes = 0, directories = 0, usedInodes } = change;
    descriptor.freeClusters = this.#clusters[group]! += clusters;
    descriptor.freeInodes = this.#inodes[group]! += inodes;
    descriptor.usedDirectories = this.#directories[group]! += directories;
    if (usedInodes !== undefined && this.#hasFlags) descriptor.unusedInodes = Math.min(descriptor.unusedInodes, this.#superblock.inodesPerGroup - usedInodes);
    if (this.#sums !== undefined) {
      this.#sums.clusters += clusters;
      this.#sums.inodes += inodes;
      this.#sums.directories += directories;
    }
  }

  /** The block bitmap, for reading; a group that was never used gets the one that it would have. @throws DiskError corrupt */
  blockBitmap(group: number): Uint8Array {
    const descriptor = this.#usable(group);
    if (this.#has(descriptor, GROUP_FLAGS.blockUninit)) return this.#initialBlockBitmap(group, descriptor, new Uint8Array(this.#superblock.blockSize));
    const bitmap = this.#transaction.get(descriptor.blockBitmap, `block bitmap of group ${group}`);
    this.#verifyBitmap(group, 2, bitmap, this.#superblock.blocksPerGroup / this.#superblock.clusterRatio, descriptor.blockBitmapChecksum, 'block bitmap');
    return bitmap;
  }

  /** The block bitmap to be changed, with its checksum made before the commit. A group that was never used is set up (ext4_init_block_bitmap). @throws DiskError corrupt */
  editBlockBitmap(group: number): Uint8Array {
    const structure = `block bitmap of group ${group}`;
    const readable = this.#usable(group);
    if (this.#has(readable, GROUP_FLAGS.blockUninit)) {
      const descriptor = this.#edit(group, 1 | 2);
      const bitmap = this.#initialBlockBitmap(group, descriptor, this.#transaction.fresh(descriptor.blockBitmap, structure));
      descriptor.flags &= ~GROUP_FLAGS.blockUninit;
      const free = countClear(bitmap, this.clustersOf(group));
      this.add(group, { clusters: free - this.#clusters[group]! });
      this.#sound[group]! |= 2;
      return bitmap;
    }
    this.blockBitmap(group);
    this.#markDirty(group, 1 | 2);
    return this.#transaction.edit(readable.blockBitmap, structure);
  }

  /** The inode bitmap, for reading. @throws DiskError corrupt */
  inodeBitmap(group: number): Uint8Array {
    const descriptor = this.#usable(group);
    if (this.#has(descriptor, GROUP_FLAGS.inodeUninit)) return this.#initialInodeBitmap(new Uint8Array(this.#superblock.blockSize));
    const bitmap = this.#transaction.get(descriptor.inodeBitmap, `inode bitmap of group ${group}`);
    this.#verifyBitmap(group, 4, bitmap, this.#superblock.inodesPerGroup, descriptor.inodeBitmapChecksum, 'inode bitmap');
    return bitmap;
  }

  /** The inode bitmap to be changed. Where it was never used, it is set up, and with it the block bitmap, as the kernel does it: e2fsck wants them together. @throws DiskError corrupt */
  editInodeBitmap(group: number): Uint8Array {
    const structure = `inode bitmap of group ${group}`;
    const readable = this.#usable(group);
    if (this.#has(readable, GROUP_FLAGS.blockUninit)) this.editBlockBitmap(group);
    if (this.#has(readable, GROUP_FLAGS.inodeUninit)) {
      const descriptor = this.#edit(group, 1 | 4);
      const bitmap = this.#initialInodeBitmap(this.#transaction.fresh(descriptor.inodeBitmap, structure));
      descriptor.flags &= ~GROUP_FLAGS.inodeUninit;
      this.#sound[group]! |= 4;
      return bitmap;
    }
    this.inodeBitmap(group);
    this.#markDirty(group, 1 | 4);
    return this.#transaction.edit(readable.inodeBitmap, structure);
  }

  /** A descriptor in its block. An array that is the same has the same bytes: all changes are made in place. */
  #over(group: number, bytes: Uint8Array, offset: number): Descriptor {
    if (this.#last?.group !== group || this.#last.bytes !== bytes) this.#last = { group, bytes, descriptor: new Descriptor(bytes, offset, this.#superblock.descriptorSize) };
    return this.#last.descriptor;
  }

  #has(descriptor: Descriptor, flag: number): boolean {
    return this.#hasFlags && (descriptor.flags & flag) !== 0;
  }

  #place(group: number): { readonly block: number; readonly offset: number } {
    const sb = this.#superblock;
    return { block: descriptorBlock(sb, group), offset: (group % sb.descriptorsPerBlock) * sb.descriptorSize };
  }

  /** A descriptor to be changed. */
  #edit(group: number, dirty = 1): Descriptor {
    this.#usable(group);
    const { block, offset } = this.#place(group);
    const bytes = this.#transaction.edit(block, `group descriptor ${group}`);
    this.#transaction.onUndo(() => {
      this.#clusters[group] = UNKNOWN;
      this.#sums = undefined;
    });
    this.#countsChanged = true;
    this.#markDirty(group, dirty);
    return this.#over(group, bytes, offset);
  }

  #markDirty(group: number, bits: number): void {
    this.#dirty.set(group, (this.#dirty.get(group) ?? 0) | bits);
  }

  /** The descriptor of a group that may be changed. */
  #usable(group: number): Descriptor {
    this.#load(group);
    const damage = this.#damaged.get(group);
    if (damage !== undefined) throw damage;
    return this.get(group);
  }

  #load(group: number): void {
    if (this.#clusters[group] !== UNKNOWN) return;
    const damage = this.#damaged.get(group);
    try {
      if (damage !== undefined) throw damage;
      const descriptor = this.get(group);
      this.#verify(group, descriptor);
      this.#clusters[group] = descriptor.freeClusters;
      this.#inodes[group] = descriptor.freeInodes;
      this.#directories[group] = descriptor.usedDirectories;
    } catch (error) {
      if (!isDiskError(error) || error.kind !== 'corrupt') throw error;
      this.#damage(group, error);
    }
  }

  #damage(group: number, error: DiskError): void {
    this.#clusters[group] = 0;
    this.#inodes[group] = 0;
    this.#sums = undefined;
    if (this.#damaged.has(group)) return;
    this.#damaged.set(group, error);
    this.#note({ severity: 'error', message: `${error.message}; nothing is allocated in group ${group}` });
  }

  #verify(group: number, descriptor: Descriptor): void {
    if ((this.#sound[group]! & 1) !== 0) return;
    const sb = this.#superblock;
    const { block, offset } = this.#place(group);
    const fail = (message: string): DiskError => corrupt(`group descriptor ${group}`, message, this.#transaction.at(block) + offset, sb.descriptorSize);
    const bytes = this.#transaction.get(block, `group descriptor ${group}`).subarray(offset, offset + sb.descriptorSize);
    if (this.#checksum(group, bytes) !== (this.#hasFlags ? descriptor.checksum : 0)) throw fail('its checksum does not match');
    const table = Math.ceil((sb.inodesPerGroup * sb.inodeSize) / sb.blockSize);
    const places: readonly (readonly [number, number])[] = [[descriptor.blockBitmap, 1], [descriptor.inodeBitmap, 1], [descriptor.inodeTable, table]];
    if (places.some(([start, length]) => start <= sb.firstDataBlock || start + length > sb.blockCount)) throw fail('its bitmaps or its inode table are outside the filesystem');
    if (descriptor.freeClusters > this.clustersOf(group) || descriptor.freeInodes > sb.inodesPerGroup) throw fail('it counts more that is free than there is');
    this.#sound[group]! |= 1;
  }

  #verifyBitmap(group: number, bit: 2 | 4, bitmap: Uint8Array, bits: number, stored: number, what: string): void {
    if ((this.#sound[group]! & bit) !== 0) return;
    const sb = this.#superblock;
    if (sb.features.metadataChecksum && this.#bitmapChecksum(bitmap, bits) !== stored) {
      const error = corrupt(`${what} of group ${group}`, 'its checksum does not match');
      this.#damage(group, error);
      throw error;
    }
    this.#sound[group]! |= bit;
  }

  /** As much of the checksum as the descriptor has room for. */
  #bitmapChecksum(bitmap: Uint8Array, bits: number): number {
    const sum = crc32c(this.#superblock.checksumSeed, bitmap, 0, bits >>> 3);
    return this.#superblock.descriptorSize >= Ext4GroupDesc64.size ? sum : sum & 0xffff;
  }

  #checksum(group: number, descriptor: Uint8Array): number {
    const { features, checksumSeed, raw } = this.#superblock;
    if (features.metadataChecksum) return groupChecksum32(checksumSeed, group, descriptor);
    return features.gdtChecksum ? groupChecksum16(raw.s_uuid, group, descriptor) : 0;
  }

  /**
   * What the block bitmap of a group that was never used holds: the superblock's copy and the descriptors at its start, its own bitmaps and
   * inode table where they lie in it, and the bits past its end (ext4_init_block_bitmap).
   */
  #initialBlockBitmap(group: number, descriptor: Descriptor, bitmap: Uint8Array): Uint8Array {
    const sb = this.#superblock;
    const start = sb.groupStart(group);
    const clusters = this.clustersOf(group);
    const mark = (block: number, count: number): void => {
      const from = Math.max(block, start);
      const to = Math.min(block + count, start + sb.blocksPerGroup, sb.blockCount);
      if (from >= to) return;
      const first = Math.floor((from - start) / sb.clusterRatio);
      setBits(bitmap, first, Math.floor((to - 1 - start) / sb.clusterRatio) - first + 1);
    };
    mark(start, this.#baseBlocks(group));
    mark(descriptor.blockBitmap, 1);
    mark(descriptor.inodeBitmap, 1);
    mark(descriptor.inodeTable, Math.ceil((sb.inodesPerGroup * sb.inodeSize) / sb.blockSize));
    setBits(bitmap, clusters, sb.blockSize * 8 - clusters);
    return bitmap;
  }

  /** Blocks at a group's start: superblock, descriptors, those kept for more descriptors (ext4_num_base_meta_blocks). */
  #baseBlocks(group: number): number {
    const sb = this.#superblock;
    const { descriptorsPerBlock: perBlock, features, raw } = sb;
    const backup = sb.hasBackup(group);
    const meta = Math.floor(group / perBlock);
    if (!features.metaBg || meta < raw.s_first_meta_bg) {
      if (!backup) return 0;
      const table = features.metaBg ? raw.s_first_meta_bg : Math.ceil(sb.groupCount / perBlock);
      return 1 + table + raw.s_reserved_gdt_blocks;
    }
    const first = meta * perBlock;
    return (backup ? 1 : 0) + (group === first || group === first + 1 || group === first + perBlock - 1 ? 1 : 0);
  }

  #initialInodeBitmap(bitmap: Uint8Array): Uint8Array {
    const { inodesPerGroup, blockSize } = this.#superblock;
    setBits(bitmap, inodesPerGroup, blockSize * 8 - inodesPerGroup);
    return bitmap;
  }

  /** Makes the checksums of what was changed since the last commit: bitmaps first, as descriptors hold theirs. */
  #seal(): void {
    const sb = this.#superblock;
    for (const [group, bits] of this.#dirty) {
      if (!this.#hasFlags || this.#damaged.has(group)) continue;
      const { block, offset } = this.#place(group);
      const bytes = this.#transaction.edit(block, `group descriptor ${group}`);
      const descriptor = new Descriptor(bytes, offset, sb.descriptorSize);
      if (sb.features.metadataChecksum) {
        if ((bits & 2) !== 0 && (descriptor.flags & GROUP_FLAGS.blockUninit) === 0) {
          descriptor.setBlockBitmapChecksum(this.#bitmapChecksum(this.#transaction.get(descriptor.blockBitmap, 'block bitmap'), sb.blocksPerGroup / sb.clusterRatio));
        }
        if ((bits & 4) !== 0 && (descriptor.flags & GROUP_FLAGS.inodeUninit) === 0) {
          descriptor.setInodeBitmapChecksum(this.#bitmapChecksum(this.#transaction.get(descriptor.inodeBitmap, 'inode bitmap'), sb.inodesPerGroup));
        }
      }
      descriptor.checksum = this.#checksum(group, bytes.subarray(offset, offset + sb.descriptorSize));
    }
    this.#dirty.clear();
  }
}
