import { type BlockDevice, readBytes } from '../../core/bytes/device.ts';
import { corrupt, type DiskError, isDiskError } from '../../core/errors.ts';
import type { Note } from '../../core/filesystem.ts';
import { crc32c } from '../../codecs/crc32c.ts';
import { Features } from './features.ts';
import { Ext4SuperBlock, SUPERBLOCK_AT, SUPERBLOCK_MAGIC, SUPERBLOCK_SIZE } from './layout.ts';
import type { View } from '../../core/layout/struct.ts';

/** A superblock that was checked: every number here may be used for offsets. Counts in blocks unless said otherwise. */
export class Superblock {
  readonly raw: View<typeof Ext4SuperBlock>;
  readonly features: Features;
  /** Where these bytes lie on the device. */
  readonly at: number;
  /** Bytes. */
  readonly blockSize: number;
  /** Blocks a cluster: 1 without bigalloc. */
  readonly clusterRatio: number;
  readonly blockCount: number;
  readonly reservedCount: number;
  readonly freeCount: number;
  readonly firstDataBlock: number;
  readonly blocksPerGroup: number;
  readonly inodesPerGroup: number;
  readonly groupCount: number;
  /** Inodes that the groups have room for: the most that a number may be. */
  readonly inodeCount: number;
  /** Bytes an inode on disk. */
  readonly inodeSize: number;
  /** Bytes a group descriptor. */
  readonly descriptorSize: number;
  /** What checksums of metadata start from: s_checksum_seed, or CRC-32C over the UUID. */
  readonly checksumSeed: number;

  /**
   * @param bytes the 1024 bytes of a superblock
   * @param at where they lie on the device
   * @throws DiskError corrupt when the numbers contradict one another or the format
   */
  constructor(bytes: Uint8Array, at: number) {
    const raw = Ext4SuperBlock.at(bytes);
    const fail = (message: string): DiskError => corrupt('superblock', message, at, SUPERBLOCK_SIZE);
    this.raw = raw;
    this.at = at;
    if (raw.s_magic !== SUPERBLOCK_MAGIC) throw fail(`the magic is 0x${raw.s_magic.toString(16)}, not 0xef53`);
    const dynamic = raw.s_rev_level >= 1;
    // Revision 0 has no feature words: what stands there is not to be believed (kernel ext4_fill_super warns and goes on).
    this.features = dynamic ? new Features(raw.s_feature_compat, raw.s_feature_incompat, raw.s_feature_ro_compat) : new Features(0, 0, 0);
    const { features } = this;
    if (raw.s_log_block_size > 6) throw fail(`the block size is 2^${10 + raw.s_log_block_size} bytes, more than 64 KiB`);
    this.blockSize = 1024 << raw.s_log_block_size;
    if (features.bigalloc) {
      if (raw.s_log_cluster_size < raw.s_log_block_size || raw.s_log_cluster_size > 20) throw fail(`the cluster size is 2^${10 + raw.s_log_cluster_size} bytes with blocks of ${this.blockSize}`);
      this.clusterRatio = 1 << (raw.s_log_cluster_size - raw.s_log_block_size);
    } else {
      this.clusterRatio = 1;
    }
    const high = features.is64Bit ? 2 ** 32 : 0;
    this.blockCount = raw.s_blocks_count_lo + raw.s_blocks_count_hi * high;
    this.reservedCount = raw.s_r_blocks_count_lo + raw.s_r_blocks_count_hi * high;
    this.freeCount = raw.s_free_blocks_count_lo + raw.s_free_blocks_count_hi * high;
    this.firstDataBlock = raw.s_first_data_block;
    // The superblock lies in block 1 of 1 KiB blocks, and in block 0 of larger ones. With bigalloc, the first cluster holds both.
    const mayBeZero = this.blockSize > 1024 || features.bigalloc;
    if (this.firstDataBlock === 1 ? this.blockSize !== 1024 : this.firstDataBlock !== 0 || !mayBeZero) {
      throw fail(`the first data block is ${this.firstDataBlock} with blocks of ${this.blockSize} bytes`);
    }
    if (this.blockCount <= this.firstDataBlock || !Number.isSafeInteger(this.blockCount * this.blockSize)) throw fail(`it counts ${this.blockCount} blocks`);
    this.blocksPerGroup = raw.s_blocks_per_group;
    // One block of bitmap covers a group.
    if (this.blocksPerGroup === 0 || this.blocksPerGroup > this.blockSize * 8 * this.clusterRatio) throw fail(`a group has ${this.blocksPerGroup} blocks of ${this.blockSize} bytes`);
    if (features.bigalloc && raw.s_clusters_per_group * this.clusterRatio !== this.blocksPerGroup) throw fail(`a group has ${raw.s_clusters_per_group} clusters but ${this.blocksPerGroup} blocks`);
    this.inodeSize = dynamic ? raw.s_inode_size : 128;
    if (this.inodeSize < 128 || this.inodeSize > this.blockSize || (this.inodeSize & (this.inodeSize - 1)) !== 0) throw fail(`an inode has ${this.inodeSize} bytes`);
    this.inodesPerGroup = raw.s_inodes_per_group;
    if (this.inodesPerGroup === 0 || this.inodesPerGroup > this.blockSize * 8) throw fail(`a group has ${this.inodesPerGroup} inodes`);
    this.groupCount = Math.ceil((this.blockCount - this.firstDataBlock) / this.blocksPerGroup);
    this.inodeCount = Math.min(this.groupCount * this.inodesPerGroup, 0xffffffff);
    this.descriptorSize = features.is64Bit ? raw.s_desc_size : 32;
    if (features.is64Bit && (this.descriptorSize < 64 || this.descriptorSize > 1024 || (this.descriptorSize & (this.descriptorSize - 1)) !== 0)) {
      throw fail(`a group descriptor has ${this.descriptorSize} bytes`);
    }
    this.checksumSeed = features.checksumSeed ? raw.s_checksum_seed : crc32c(0xffffffff, raw.s_uuid);
  }

  get descriptorsPerBlock(): number {
    return this.blockSize / this.descriptorSize;
  }

  /** Whether s_checksum is what it should be; true where there is none. */
  get checksumMatches(): boolean {
    if (!this.features.metadataChecksum) return true;
    const { $view: view, $at: at, s_checksum: stored } = this.raw;
    return crc32c(0xffffffff, new Uint8Array(view.buffer, view.byteOffset + at, SUPERBLOCK_SIZE - 4)) === stored;
  }

  /** First block of a group. */
  groupStart(group: number): number {
    return this.firstDataBlock + group * this.blocksPerGroup;
  }

  /** Whether a group starts with a copy of the superblock (kernel ext4_bg_has_super). */
  hasBackup(group: number): boolean {
    if (group === 0) return true;
    if (this.features.sparseSuper2) return this.raw.s_backup_bgs.includes(group);
    if (group === 1 || !this.features.sparseSuper) return true;
    return (group & 1) === 1 && [3, 5, 7].some((base) => isPower(group, base));
  }

  /** Groups with a copy, the first of them only: enough to find one that is sound. */
  backupGroups(most = 16): number[] {
    if (this.features.sparseSuper2) return this.raw.s_backup_bgs.filter((group) => group > 0 && group < this.groupCount);
    const groups: number[] = [];
    for (let group = 1; group < Math.min(this.groupCount, 100_000) && groups.length < most; group++) {
      if (this.hasBackup(group)) groups.push(group);
    }
    return groups;
  }

  /** True when both describe the same filesystem in the same shape. */
  sameShape(other: Superblock): boolean {
    return this.blockSize === other.blockSize && this.blockCount === other.blockCount && this.blocksPerGroup === other.blocksPerGroup && this.inodesPerGroup === other.inodesPerGroup
      && this.inodeSize === other.inodeSize && this.descriptorSize === other.descriptorSize && this.checksumSeed === other.checksumSeed && this.features.metaBg === other.features.metaBg
      // needs_recovery and extent-like flags are set in the primary alone, after mkfs; what decides the checksums must agree.
      && this.features.metadataChecksum === other.features.metadataChecksum;
  }
}

function isPower(number: number, base: number): boolean {
  let power = base;
  while (power < number) power *= base;
  return power === number;
}

/** What was found where a superblock should be. */
export interface Located {
  readonly superblock: Superblock;
  /** Why it is not the primary, or what is wrong with it. */
  readonly notes: readonly Note[];
}

/**
 * The primary superblock, or a backup where the primary is damaged.
 * @param search looks for backups even when nothing says that there is an ext filesystem
 * @returns undefined when there is none; the error when the primary's magic is there, its numbers are impossible, and no backup helps
 */
export function locateSuperblock(device: BlockDevice, search: boolean): Located | DiskError | undefined {
  const primary = decodeAt(device, SUPERBLOCK_AT);
  if (primary instanceof Superblock && primary.checksumMatches) return { superblock: primary, notes: [] };
  const hasMagic = primary !== undefined;
  if (!hasMagic && !search) return undefined;
  const backup = findBackup(device, primary instanceof Superblock ? primary : undefined);
  if (primary instanceof Superblock) {
    const damage: Note = { severity: 'error', message: 'The superblock\'s checksum does not match', place: { structure: 'superblock', at: SUPERBLOCK_AT, length: SUPERBLOCK_SIZE } };
    // With the same shape the primary is used all the same: its counters and its state are newer than any backup's.
    if (backup === undefined || primary.sameShape(backup)) return { superblock: primary, notes: [damage] };
    return { superblock: backup, notes: [damage, usedBackup(backup)] };
  }
  if (backup !== undefined) {
    const message = primary === undefined ? 'The primary superblock is missing' : `The primary superblock is damaged: ${primary.message}`;
    return { superblock: backup, notes: [{ severity: 'error', message, place: { structure: 'superblock', at: SUPERBLOCK_AT, length: SUPERBLOCK_SIZE } }, usedBackup(backup)] };
  }
  return primary;
}

function usedBackup(backup: Superblock): Note {
  return {
    severity: 'warning', message: `The backup superblock at block ${Math.floor(backup.at / backup.blockSize)} is used instead`,
    place: { structure: 'backup superblock', at: backup.at, length: SUPERBLOCK_SIZE },
  };
}

/** A superblock, or what is wrong with the one that is there, or undefined where there is none. */
function decodeAt(device: BlockDevice, at: number): Superblock | DiskError | undefined {
  try {
    if (at + SUPERBLOCK_SIZE > device.size) return undefined;
    const bytes = readBytes(device, at, SUPERBLOCK_SIZE);
    if (bytes[0x38] !== 0x53 || bytes[0x39] !== 0xef) return undefined;
    // A copy: the view would keep a whole page of somebody's cache alive.
    return new Superblock(bytes.slice(), at);
  } catch (error) {
    if (!isDiskError(error)) throw error;
    // An unreadable sector is no superblock; a backup may still be readable.
    return error.kind === 'corrupt' ? error : undefined;
  }
}

/**
 * Tries the places where mke2fs puts backups. A group starts at its number times blocks per group times the block size: a power of two
 * times the number, for whatever block size, cluster size and group size (mke2fs -g aside), and 1024 bytes later with 1 KiB blocks.
 * At most some 600 reads of 1 KiB.
 */
export function findBackup(device: BlockDevice, like: Superblock | undefined): Superblock | undefined {
  if (like !== undefined) {
    for (const group of like.backupGroups()) {
      const found = backupAt(device, like.groupStart(group) * like.blockSize);
      if (found !== undefined) return found;
    }
  }
  for (const group of [1, 3, 5, 7, 9, 25, 27, 49]) {
    for (let unit = 256 * 1024; unit * group < device.size; unit *= 2) {
      const found = backupAt(device, unit * group) ?? backupAt(device, unit * group + 1024);
      if (found !== undefined) return found;
    }
  }
  // sparse_super2 keeps the second backup in the last group.
  for (let unit = 256 * 1024; unit < device.size; unit *= 2) {
    const last = Math.floor((device.size - 1) / unit) * unit;
    const found = backupAt(device, last) ?? backupAt(device, last + 1024);
    if (found !== undefined) return found;
  }
  return undefined;
}

function backupAt(device: BlockDevice, at: number): Superblock | undefined {
  const found = decodeAt(device, at);
  if (!(found instanceof Superblock) || !found.checksumMatches) return undefined;
  // It must say that it lies where it lies: an image inside a file of this one says something else. Revision 0 knew no number of its group.
  const group = (at / found.blockSize - found.firstDataBlock) / found.blocksPerGroup;
  const says = found.raw.s_rev_level === 0 ? group & 0xffff : found.raw.s_block_group_nr;
  return Number.isInteger(group) && group > 0 && group < found.groupCount && (group & 0xffff) === says ? found : undefined;
}
