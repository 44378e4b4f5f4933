import { corrupt, isDiskError } from '../../core/errors.ts';
import type { Note } from '../../core/filesystem.ts';
import type { Blocks } from './blocks.ts';
import { groupChecksum16, groupChecksum32 } from './checksum.ts';
import { Ext4GroupDesc, Ext4GroupDesc64, GROUP_FLAGS } from './layout.ts';
import type { Superblock } from './superblock.ts';

/** A group descriptor, checked. Block numbers are of the filesystem. */
export interface Group {
  readonly number: number;
  readonly blockBitmap: number;
  readonly inodeBitmap: number;
  readonly inodeTable: number;
  /** In clusters. */
  readonly freeClusters: number;
  readonly freeInodes: number;
  readonly usedDirectories: number;
  /** Inodes at the end of the table that were never used. */
  readonly unusedInodes: number;
  readonly inodeUninit: boolean;
  readonly blockUninit: boolean;
  readonly inodeZeroed: boolean;
}

/** The block of the table where the primary copy of a group's descriptor lies. */
export function descriptorBlock(sb: Superblock, number: number): number {
  const index = Math.floor(number / sb.descriptorsPerBlock);
  // The primary table follows block 1 for 1 KiB blocks, block 0 otherwise; bigalloc with 1 KiB blocks has its superblock in block 1 as well.
  return isInMetaGroup(sb, index) ? blockInMetaGroup(sb, index * sb.descriptorsPerBlock) : Math.floor(1024 / sb.blockSize) + 1 + index;
}

/** That block, then those of its backups. */
export function descriptorBlocks(sb: Superblock, number: number): number[] {
  const index = Math.floor(number / sb.descriptorsPerBlock);
  const primary = descriptorBlock(sb, number);
  if (!isInMetaGroup(sb, index)) return [primary, ...sb.backupGroups(4).map((group) => sb.groupStart(group) + 1 + index)];
  const first = index * sb.descriptorsPerBlock;
  return [primary, ...[first + 1, first + sb.descriptorsPerBlock - 1].filter((group) => group < sb.groupCount).map((group) => blockInMetaGroup(sb, group))];
}

/** meta_bg: a block of descriptors lies in the first, second and last of the groups that it describes (ext4 documentation, "Meta Block Groups"). */
function isInMetaGroup(sb: Superblock, index: number): boolean {
  return sb.features.metaBg && index >= sb.raw.s_first_meta_bg;
}

function blockInMetaGroup(sb: Superblock, group: number): number {
  return sb.groupStart(group) + (sb.hasBackup(group) ? 1 : 0) + (group === 0 && sb.blockSize === 1024 && sb.firstDataBlock === 0 ? 1 : 0);
}

/** The group descriptors, read and verified when a group is first asked for. */
export class Groups {
  readonly #superblock: Superblock;
  readonly #blocks: Blocks;
  readonly #note: (note: Note) => void;
  readonly #known = new Map<number, Group>();

  constructor(superblock: Superblock, blocks: Blocks, note: (note: Note) => void) {
    this.#superblock = superblock;
    this.#blocks = blocks;
    this.#note = note;
  }

  /**
   * A damaged descriptor is replaced by its copy in a backup, and noted.
   * @param number of a group of this filesystem
   * @throws DiskError corrupt when no copy is sound
   */
  get(number: number): Group {
    let group = this.#known.get(number);
    if (group === undefined) {
      group = this.#read(number);
      // Bounded: a filesystem of 16 TiB has 131,072 groups, and they are cheap to read again.
      if (this.#known.size >= 131_072) this.#known.clear();
      this.#known.set(number, group);
    }
    return group;
  }

  #read(number: number): Group {
    const sb = this.#superblock;
    const size = sb.descriptorSize;
    const offset = (number % sb.descriptorsPerBlock) * size;
    let damage: Note | undefined;
    let usable: Group | undefined;
    for (const block of descriptorBlocks(sb, number)) {
      const at = this.#blocks.at(block) + offset;
      const place = { structure: `group descriptor ${number}`, at, length: size };
      let wrong: string;
      try {
        const bytes = this.#blocks.get(block, place.structure).subarray(offset, offset + size);
        const group = this.#decode(number, bytes);
        const outside = this.#implausible(group);
        if (outside === undefined && this.#checksumMatches(number, bytes)) {
          if (damage !== undefined) {
            this.#note(damage);
            this.#note({ severity: 'warning', message: `The copy of group descriptor ${number} in block ${block} is used instead`, place });
          }
          return group;
        }
        if (outside === undefined) usable ??= group;
        wrong = outside ?? 'its checksum does not match';
      } catch (error) {
        if (!isDiskError(error)) throw error;
        wrong = error.message;
      }
      damage ??= { severity: 'error', message: `Group descriptor ${number}: ${wrong}`, place };
    }
    // Every copy fails its checksum, but the numbers can be used.
    if (usable !== undefined) {
      this.#note(damage!);
      return usable;
    }
    throw corrupt(`group descriptor ${number}`, damage?.message ?? 'there is none', damage?.place?.at, size);
  }

  #decode(number: number, bytes: Uint8Array): Group {
    const low = Ext4GroupDesc.at(bytes);
    const high = this.#superblock.descriptorSize >= 64 ? Ext4GroupDesc64.at(bytes) : undefined;
    const flags = this.#superblock.features.gdtChecksum || this.#superblock.features.metadataChecksum ? low.bg_flags : 0;
    return {
      number,
      blockBitmap: low.bg_block_bitmap_lo + (high?.bg_block_bitmap_hi ?? 0) * 2 ** 32,
      inodeBitmap: low.bg_inode_bitmap_lo + (high?.bg_inode_bitmap_hi ?? 0) * 2 ** 32,
      inodeTable: low.bg_inode_table_lo + (high?.bg_inode_table_hi ?? 0) * 2 ** 32,
      freeClusters: low.bg_free_blocks_count_lo + (high?.bg_free_blocks_count_hi ?? 0) * 2 ** 16,
      freeInodes: low.bg_free_inodes_count_lo + (high?.bg_free_inodes_count_hi ?? 0) * 2 ** 16,
      usedDirectories: low.bg_used_dirs_count_lo + (high?.bg_used_dirs_count_hi ?? 0) * 2 ** 16,
      unusedInodes: low.bg_itable_unused_lo + (high?.bg_itable_unused_hi ?? 0) * 2 ** 16,
      inodeUninit: (flags & GROUP_FLAGS.inodeUninit) !== 0,
      blockUninit: (flags & GROUP_FLAGS.blockUninit) !== 0,
      inodeZeroed: (flags & GROUP_FLAGS.inodeZeroed) !== 0,
    };
  }

  /** What makes the inode table unusable, if anything: reading needs nothing else of the descriptor. */
  #implausible(group: Group): string | undefined {
    const sb = this.#superblock;
    const length = Math.ceil((sb.inodesPerGroup * sb.inodeSize) / sb.blockSize);
    if (group.inodeTable > sb.firstDataBlock && group.inodeTable + length <= sb.blockCount) return undefined;
    return `the inode table at block ${group.inodeTable} is outside the filesystem`;
  }

  #checksumMatches(number: number, bytes: Uint8Array): boolean {
    const sb = this.#superblock;
    const stored = Ext4GroupDesc.at(bytes).bg_checksum;
    if (sb.features.metadataChecksum) return groupChecksum32(sb.checksumSeed, number, bytes) === stored;
    if (sb.features.gdtChecksum) return groupChecksum16(sb.raw.s_uuid, number, bytes) === stored;
    return true;
  }
}
