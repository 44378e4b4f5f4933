import { isDiskError } from '../../../core/errors.ts';
import type { Groups } from '../groups.ts';
import type { Superblock } from '../superblock.ts';

/** Blocks that a group descriptor names. Block numbers of the filesystem. */
export interface Region {
  readonly kind: 'block bitmap' | 'inode bitmap' | 'inode table';
  readonly group: number;
  readonly block: number;
  readonly count: number;
}

/** Groups whose regions are known all at once; beyond (16 TiB of blocks of 4 KiB) those of the groups nearby are. */
const MOST_GROUPS = 131_072;

/** Groups without a usable descriptor after which no more are tried: a superblock may claim a hundred thousand that its image does not have, and each costs a refusal. */
const MOST_DAMAGED = 1024;

/** Groups that flex_bg may keep the regions of together, at most that are looked at around a block. */
const NEARBY = 256;

/** Where bitmaps and inode tables lie. Made when the first is asked for: it takes every descriptor. */
export class Regions {
  readonly #superblock: Superblock;
  readonly #groups: Groups;
  #sorted: Region[] | undefined;

  constructor(superblock: Superblock, groups: Groups) {
    this.#superblock = superblock;
    this.#groups = groups;
  }

  /** Blocks of an inode table. */
  get tableLength(): number {
    return Math.ceil((this.#superblock.inodesPerGroup * this.#superblock.inodeSize) / this.#superblock.blockSize);
  }

  /** The regions of a group; none where its descriptor can't be used. */
  of(group: number): Region[] {
    try {
      const { blockBitmap, inodeBitmap, inodeTable } = this.#groups.get(group);
      return [
        { kind: 'block bitmap', group, block: blockBitmap, count: 1 },
        { kind: 'inode bitmap', group, block: inodeBitmap, count: 1 },
        { kind: 'inode table', group, block: inodeTable, count: this.tableLength },
      ];
    } catch (error) {
      if (!isDiskError(error)) throw error;
      return [];
    }
  }

  /** The region that a block is part of. In a damaged filesystem several may claim it: one of them. */
  find(block: number): Region | undefined {
    const { groupCount, firstDataBlock, blocksPerGroup, raw } = this.#superblock;
    if (groupCount <= MOST_GROUPS) return this.#search(block);
    const together = Math.min(NEARBY, 2 ** Math.min(raw.s_log_groups_per_flex, 8));
    const first = Math.floor(Math.max(0, block - firstDataBlock) / blocksPerGroup / together) * together;
    for (let group = first; group < Math.min(groupCount, first + together); group++) {
      const found = this.of(group).find((region) => block >= region.block && block < region.block + region.count);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #all(): Region[] {
    const all: Region[] = [];
    for (let group = 0, damaged = 0; group < this.#superblock.groupCount && damaged < MOST_DAMAGED; group++) {
      const regions = this.of(group);
      if (regions.length === 0) damaged++;
      all.push(...regions);
    }
    return all;
  }

  #search(block: number): Region | undefined {
    this.#sorted ??= this.#all().toSorted((a, b) => a.block - b.block);
    let low = 0;
    let high = this.#sorted.length - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      if (this.#sorted[middle]!.block > block) high = middle - 1;
      else low = middle + 1;
    }
    // Where regions begin at the same block, any of them will do.
    const found = this.#sorted[low - 1];
    return found !== undefined && block < found.block + found.count ? found : undefined;
  }
}

/** What a block is by its number alone: copies of the superblock and of the descriptors. */
export type FixedBlock =
  | { readonly kind: 'superblock'; readonly group: number }
  /** `first`: the group whose descriptor comes first in it. */
  | { readonly kind: 'descriptors'; readonly group: number; readonly first: number }
  | { readonly kind: 'reserved'; readonly group: number };

/** Blocks of descriptors in a table of all of them. */
function descriptorBlocks(superblock: Superblock): number {
  const all = Math.ceil(superblock.groupCount / superblock.descriptorsPerBlock);
  return superblock.features.metaBg ? Math.min(all, superblock.raw.s_first_meta_bg) : all;
}

/** The block that holds a group's copy of the superblock. In group 0 it lies at byte 1024, whatever the block size. */
export function superblockBlock(superblock: Superblock, group: number): number {
  return group === 0 ? Math.floor(1024 / superblock.blockSize) : superblock.groupStart(group);
}

/** What the layout of groups says that a block is (ext4 documentation, "Layout" and "Meta Block Groups"). */
export function fixedBlock(superblock: Superblock, block: number): FixedBlock | undefined {
  const group = Math.max(0, Math.floor((block - superblock.firstDataBlock) / superblock.blocksPerGroup));
  if (group >= superblock.groupCount) return undefined;
  const { metaBg } = superblock.features;
  const perBlock = superblock.descriptorsPerBlock;
  const copy = superblock.hasBackup(group);
  const base = superblockBlock(superblock, group);
  if (copy) {
    if (block === base) return { kind: 'superblock', group };
    const count = descriptorBlocks(superblock);
    const index = block - base - 1;
    if (index >= 0 && index < count) return { kind: 'descriptors', group, first: index * perBlock };
    if (index >= count && index < count + superblock.raw.s_reserved_gdt_blocks && !metaBg) return { kind: 'reserved', group };
  }
  const meta = Math.floor(group / perBlock);
  if (!metaBg || meta < superblock.raw.s_first_meta_bg) return undefined;
  const place = group % perBlock;
  if (place !== 0 && place !== 1 && place !== perBlock - 1) return undefined;
  return block === (copy ? base + 1 : superblock.groupStart(group)) ? { kind: 'descriptors', group, first: meta * perBlock } : undefined;
}
