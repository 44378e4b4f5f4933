import { type BlockDevice, readBytes } from '../../../core/bytes/device.ts';
import { isDiskError } from '../../../core/errors.ts';
import { type Landmark, plainStructure, type Structure, type Structures, structureOf } from '../../../core/layout/annotate.ts';
import type { Groups } from '../groups.ts';
import type { Inode } from '../inode.ts';
import { INCOMPAT_CSUM_V3, JournalSuperblock } from '../journal/layout.ts';
import { Ext4GroupDesc, Ext4GroupDesc64, Ext4SuperBlock, INODE, MmpStruct, SUPERBLOCK_AT, SUPERBLOCK_SIZE } from '../layout.ts';
import { mappedRuns, type Mapping } from '../mapping.ts';
import { groupMeanings, superblockMeanings } from '../meanings.ts';
import type { Superblock } from '../superblock.ts';
import { beginsDirectory, directoryStructures } from './directories.ts';
import { inodeStructures } from './inodes.ts';
import { journalStructures } from './journal.ts';
import { fixedBlock, type Region, Regions, superblockBlock } from './regions.ts';

/** What telling structures needs of an open filesystem. */
export interface StructuresContext {
  readonly superblock: Superblock;
  readonly groups: Groups;
  /** The bytes as they lie in the image: what a journal would change is shown where the journal has it. */
  readonly device: BlockDevice;
  /** An inode with its map. @throws DiskError */
  mapped(node: number): { readonly inode: Inode; readonly mapping: Mapping };
}

/** Runs of a journal or a directory that are remembered; sound ones have few. */
const MOST_RUNS = 1024;
/** Directories that are remembered, so that their blocks without a "." are told too. */
const MOST_DIRECTORIES = 64;
/** Backups and inode tables among the landmarks. */
const MOST_LANDMARKS = 32;

/** Blocks of a file that lie together. */
interface KnownRun { readonly block: number; readonly count: number; readonly logical: number }
interface KnownFile { readonly inode: Inode; readonly runs: readonly KnownRun[] }

/**
 * What the blocks of an ext filesystem are: by their numbers, by the descriptors, and for the journal and for directories that were met by
 * their maps. A directory is met when its first block, which names its inode, is looked at. Blocks of files are not told: that would take every map of the filesystem.
 */
export class Ext4Structures implements Structures {
  readonly #context: StructuresContext;
  readonly #regions: Regions;
  readonly #directories = new Map<number, KnownFile | undefined>();
  #journal: KnownFile | undefined | null = null;

  constructor(context: StructuresContext) {
    this.#context = context;
    this.#regions = new Regions(context.superblock, context.groups);
  }

  *within(at: number, length: number): Iterable<Structure> {
    const { superblock, device } = this.#context;
    const size = superblock.blockSize;
    const end = Math.min(at + length, device.size, superblock.blockCount * size);
    for (let block = Math.floor(at / size); block * size < end; block++) {
      for (const structure of this.#block(block, Math.max(at, block * size), end)) {
        if (structure.at < end && structure.at + structure.length > at) yield structure;
      }
    }
  }

  *landmarks(): Iterable<Landmark> {
    const { superblock: sb } = this.#context;
    const size = sb.blockSize;
    const landmark = (name: string, block: number, length = size): Landmark => ({ at: block * size, length, name });
    yield { at: SUPERBLOCK_AT, length: SUPERBLOCK_SIZE, name: 'superblock' };
    const first = this.#descriptor(0);
    if (first !== undefined) yield { at: first, length: sb.descriptorSize, name: 'group descriptors' };
    const root = this.#directory(INODE.root)?.runs[0];
    if (root !== undefined) yield landmark('root directory', root.block);
    const journal = this.#journalFile()?.runs[0];
    if (journal !== undefined) yield landmark('journal', journal.block);
    if (sb.features.mmp) yield landmark('MMP block', Number(sb.raw.s_mmp_block));
    for (let group = 0; group < Math.min(sb.groupCount, MOST_LANDMARKS); group++) {
      for (const region of this.#regions.of(group)) {
        if (group === 0 || region.kind === 'inode table') yield landmark(nameOf(region), region.block, region.count * size);
      }
    }
    for (const group of sb.backupGroups(MOST_LANDMARKS)) yield landmark(`backup superblock of group ${group}`, sb.groupStart(group), SUPERBLOCK_SIZE);
  }

  /** Byte offset of the primary descriptor table; undefined where meta_bg has none of the old form. */
  #descriptor(group: number): number | undefined {
    const { superblock } = this.#context;
    const block = superblockBlock(superblock, group) + 1;
    return fixedBlock(superblock, block)?.kind === 'descriptors' ? block * superblock.blockSize : undefined;
  }

  *#block(block: number, from: number, end: number): Iterable<Structure> {
    const { superblock: sb } = this.#context;
    const at = block * sb.blockSize;
    if (at < SUPERBLOCK_AT) yield plainStructure(at, Math.min(SUPERBLOCK_AT, sb.blockSize), 'boot block');
    const fixed = fixedBlock(sb, block);
    if (fixed?.kind === 'superblock') yield* this.#superblockAt(fixed.group, at);
    else if (fixed?.kind === 'descriptors') yield* this.#descriptors(fixed.group, fixed.first, at);
    else if (fixed?.kind === 'reserved') yield plainStructure(at, sb.blockSize, `block kept for more descriptors, group ${fixed.group}`);
    if (fixed !== undefined) return;
    const region = this.#regions.find(block);
    if (region !== undefined) {
      yield* region.kind === 'inode table' ? this.#inodes(region, from, Math.min(end, at + sb.blockSize)) : this.#bitmap(region);
      return;
    }
    if (sb.features.mmp && sb.raw.s_mmp_block === BigInt(block)) {
      const mmp = this.#made((bytes) => structureOf(MmpStruct, bytes, 0, at, 'MMP block'), at, MmpStruct.size);
      if (mmp !== undefined) yield mmp;
      return;
    }
    yield* this.#fileBlock(block, at);
  }

  *#superblockAt(group: number, blockAt: number): Iterable<Structure> {
    const at = group === 0 ? SUPERBLOCK_AT : blockAt;
    const name = group === 0 ? 'superblock' : `backup superblock of group ${group}`;
    const made = this.#made((bytes) => structureOf(Ext4SuperBlock, bytes, 0, at, name, superblockMeanings), at, SUPERBLOCK_SIZE);
    if (made !== undefined) yield made;
  }

  *#descriptors(group: number, first: number, at: number): Iterable<Structure> {
    const { superblock: sb } = this.#context;
    const bytes = this.#read(at, sb.blockSize);
    if (bytes === undefined) return;
    for (let i = 0; i < sb.descriptorsPerBlock && first + i < sb.groupCount; i++) {
      const number = first + i;
      const name = group === 0 || Math.floor(group / sb.descriptorsPerBlock) * sb.descriptorsPerBlock === group && sb.features.metaBg ? `group descriptor ${number}` : `copy in group ${group} of group descriptor ${number}`;
      const from = i * sb.descriptorSize;
      const meanings = groupMeanings(sb, number);
      // Longer descriptors than 64 bytes hold nothing more that is known.
      const made = sb.descriptorSize >= 64 ? structureOf(Ext4GroupDesc64, bytes, from, at + from, name, meanings) : structureOf(Ext4GroupDesc, bytes, from, at + from, name, meanings as object);
      if (made !== undefined) yield made;
    }
  }

  *#bitmap(region: Region): Iterable<Structure> {
    const { superblock: sb, groups } = this.#context;
    const at = region.block * sb.blockSize;
    const name = nameOf(region);
    const meaning = (): string => {
      const bytes = this.#read(at, sb.blockSize);
      const group = groups.get(region.group);
      if (bytes === undefined) return 'not readable';
      if (region.kind === 'block bitmap' ? group.blockUninit : group.inodeUninit) return 'not initialised';
      const blocks = Math.min(sb.blocksPerGroup, sb.blockCount - sb.groupStart(region.group));
      const count = region.kind === 'inode bitmap' ? sb.inodesPerGroup : Math.ceil(blocks / sb.clusterRatio);
      return `${bitsSet(bytes, count)} of ${count} in use`;
    };
    yield plainStructure(at, sb.blockSize, name, meaning());
  }

  *#inodes(region: Region, from: number, end: number): Iterable<Structure> {
    const { superblock: sb } = this.#context;
    const start = region.block * sb.blockSize;
    yield plainStructure(start, region.count * sb.blockSize, nameOf(region));
    const firstIndex = Math.max(0, Math.floor((from - start) / sb.inodeSize));
    const lastIndex = Math.min(sb.inodesPerGroup, Math.ceil((end - start) / sb.inodeSize));
    const bytes = this.#read(start + firstIndex * sb.inodeSize, Math.max(0, lastIndex - firstIndex) * sb.inodeSize);
    if (bytes === undefined) return;
    for (let index = firstIndex; index < lastIndex; index++) {
      const inBytes = (index - firstIndex) * sb.inodeSize;
      yield* inodeStructures(sb, region.group * sb.inodesPerGroup + index + 1, bytes, inBytes, start + index * sb.inodeSize);
    }
  }

  *#fileBlock(block: number, at: number): Iterable<Structure> {
    const { superblock: sb } = this.#context;
    const bytes = this.#read(at, sb.blockSize);
    if (bytes === undefined) return;
    const journal = this.#journalFile();
    const inJournal = logicalOf(journal, block);
    if (inJournal !== undefined) {
      yield* journalStructures(bytes, at, inJournal, this.#tagsOfVersion3(journal!));
      return;
    }
    this.#directory(INODE.root);
    if (beginsDirectory(bytes)) this.#directory((bytes[0]! | (bytes[1]! << 8) | (bytes[2]! << 16) | (bytes[3]! << 24)) >>> 0);
    for (const [node, directory] of this.#directories) {
      const logical = logicalOf(directory, block);
      if (logical === undefined) continue;
      const { inode } = directory!;
      yield* directoryStructures({
        node, logical, bytes, at, flags: inode.raw.i_flags, hasFiletype: sb.features.filetype,
        checksumSeed: sb.features.metadataChecksum ? inode.checksumSeed : undefined,
      });
      return;
    }
  }

  /** A directory and where it lies; undefined where the inode is none, or is damaged. The oldest is forgotten. */
  #directory(node: number): KnownFile | undefined {
    if (this.#directories.has(node)) return this.#directories.get(node);
    if (this.#directories.size >= MOST_DIRECTORIES) this.#directories.delete(this.#directories.keys().next().value!);
    const file = this.#file(node);
    const known = file?.inode.type === 'dir' ? file : undefined;
    this.#directories.set(node, known);
    return known;
  }

  #journalFile(): KnownFile | undefined {
    const { raw, features } = this.#context.superblock;
    if (this.#journal === null) this.#journal = features.hasJournal && raw.s_journal_inum !== 0 ? this.#file(raw.s_journal_inum) : undefined;
    return this.#journal;
  }

  #tagsOfVersion3(journal: KnownFile): boolean {
    const bytes = this.#read(journal.runs[0]!.block * this.#context.superblock.blockSize, JournalSuperblock.size);
    return bytes !== undefined && (JournalSuperblock.at(bytes).s_feature_incompat & INCOMPAT_CSUM_V3) !== 0;
  }

  #file(node: number): KnownFile | undefined {
    try {
      const { inode, mapping } = this.#context.mapped(node);
      const runs: KnownRun[] = [];
      for (const { physical, count, logical } of mappedRuns(mapping)) {
        runs.push({ block: physical, count, logical });
        if (runs.length >= MOST_RUNS) break;
      }
      return runs.length === 0 ? undefined : { inode, runs };
    } catch (error) {
      // A damaged inode has no blocks that could be told; reading it as a file says what is wrong.
      if (!isDiskError(error)) throw error;
      return undefined;
    }
  }

  #made<T>(make: (bytes: Uint8Array) => T, at: number, length: number): T | undefined {
    const bytes = this.#read(at, length);
    return bytes === undefined ? undefined : make(bytes);
  }

  #read(at: number, length: number): Uint8Array | undefined {
    try {
      return readBytes(this.#context.device, at, length);
    } catch (error) {
      // What can't be read is shown so by whoever reads the bytes.
      if (!isDiskError(error)) throw error;
      return undefined;
    }
  }
}

function nameOf({ kind, group }: Region): string {
  return `${kind} of group ${group}`;
}

function logicalOf(file: KnownFile | undefined, block: number): number | undefined {
  const run = file?.runs.find((each) => block >= each.block && block < each.block + each.count);
  return run === undefined ? undefined : run.logical + block - run.block;
}

/** Bits set among the first `count`. */
function bitsSet(bytes: Uint8Array, count: number): number {
  let set = 0;
  for (let i = 0; i < Math.min(count, bytes.length * 8); i++) set += (bytes[i >>> 3]! >>> (i & 7)) & 1;
  return set;
}
