import type { BlockDevice } from '../../../core/bytes/device.ts';
import type { CheckOptions, Finding } from '../../../core/check.ts';
import { corrupt, type DiskError, isDiskError, type Place } from '../../../core/errors.ts';
import type { JobContext } from '../../../core/job.ts';
import { SUPERBLOCK_AT, SUPERBLOCK_SIZE } from '../layout.ts';
import { Superblock } from '../superblock.ts';
import { Bits, Counts } from './bits.ts';
import { descriptorBlock } from './descriptor-blocks.ts';
import type { Descriptors } from './descriptors.ts';
import { DirectoryBlocks, DirectoryInfo, type HashedDirectory } from './directories.ts';
import { type Parts, type Problem, sentence } from './problems.ts';
import { RawInode } from './raw-inode.ts';

/** Different findings whose repetitions are counted for their ids; behind them ids are numbered in order. */
const MOST_IDS = 500_000;
/** Findings that are left alone before a check ends: a crafted directory of 2 GiB without blocks has two millions of them. */
const MOST_LEFT = 200_000;

/** The ro-compat feature shared_blocks. */
const SHARED_BLOCKS = 0x4000;

/** The check can't go on: what is wrong, for CheckResult.error. */
export class Abort extends Error {
  readonly error: DiskError;

  constructor(error: DiskError) {
    super(error.message);
    this.error = error;
  }
}

/** How much somebody owns: what a quota file should say. Blocks in bytes. */
export interface Usage {
  bytes: number;
  inodes: number;
}

/** Groups whose structures must move. */
export interface Relocations {
  readonly blockBitmaps: Set<number>;
  readonly inodeBitmaps: Set<number>;
  readonly inodeTables: Set<number>;
}

export type QuotaKind = 'user' | 'group' | 'project';

/** What the passes of a check share: the device, the superblock and descriptors, the findings, and the tables that one pass hands to the next. */
export class CheckContext {
  readonly device: BlockDevice;
  readonly options: CheckOptions;
  readonly job: JobContext;
  /** Findings so far; those that were repaired; those that are left and matter. */
  findings = 0;
  repaired = 0;
  left = 0;
  /** Repairs that were made, housekeeping among them. */
  accepted = 0;
  /** Repairs that count only when the superblock changes as well. */
  quiet = 0;
  /** The superblock in memory: `superblock.raw` may be changed, and `superblockChanged` set. Made anew when its features or numbers changed. */
  superblock!: Superblock;
  superblockChanged = false;
  /** Backups of the superblock and the descriptors are to be written as well. */
  backupsToo = false;
  /** Superblock and descriptors are those of a backup. */
  usedBackup = false;
  descriptors!: Descriptors;
  /** A pass sets it when everything must begin again, with the reason; it returns as soon as it can. */
  restart: string | undefined;
  /** Everything is to begin again after the blocks that are claimed twice got copies of their own. */
  restartLater = false;
  /** Groups whose bitmaps or tables are nowhere, or in each other's way: pass 1 finds places for them. */
  readonly relocations: Relocations = { blockBitmaps: new Set(), inodeBitmaps: new Set(), inodeTables: new Set() };
  /** What pass 1 and the later ones found. Made anew at every start. */
  tables!: Tables;
  /** The journal was given up: a new one is made when it is known what is free. */
  recreateJournal = false;
  /** Fast commits were replayed, which say nothing of bitmaps: all of them are made anew, and that is no finding. */
  replayedFastCommits = false;
  /** A part that could not be looked at: everything else was, but nobody can say that the filesystem was checked. */
  unchecked: DiskError | undefined;
  /** What the orphans that were released had used: quota files count it still, and that is no finding. */
  readonly releasedUsage: { readonly kind: QuotaKind; readonly id: number; readonly usage: Usage }[] = [];
  /** The resize inode was cleared: pass 1 makes it anew, when it knows what is free. */
  recreateResizeInode = false;
  /** Directories that need the feature large_dir, and regular files of 2 GiB and more, which need large_file. */
  largeDirectories = 0;
  largeFiles = 0;
  /** Blocks that are kept for a new root directory; 0 = none. */
  rootRepairBlock = 0;
  /** Encryption policies that were met, as text → their numbers in Tables.encryption. */
  readonly policies = new Map<string, number>();
  /** Answers of this run that were "no", by the finding's id: they are not asked again after a restart. */
  readonly #refused = new Set<string>();
  /** Findings without a repair, by their ids. */
  readonly #told = new Set<string>();
  readonly #ids = new Map<string, number>();
  #numbered = 0;
  #pass = '';
  #done = 0;
  #total: number | undefined;

  constructor(device: BlockDevice, options: CheckOptions, job: JobContext) {
    this.device = device;
    this.options = options;
    this.job = job;
  }

  /** What a repair stamps: seconds since 1970, as 32 bits. */
  get seconds(): number {
    return Number(BigInt.asUintN(32, this.options.now() / 1_000_000_000n));
  }

  // ---- findings

  /**
   * Records a finding, and asks whether its repair is wanted.
   * @param parts for the sentence; those named inode, group, block, entry and the like also make the id
   * @param at where it is; else the inode, the group's descriptor or the superblock that the parts tell of
   * @returns whether the repair is to be made now; true as well for a problem without one
   */
  problem(problem: Problem, parts: Parts = {}, at?: Place): boolean {
    const id = this.#id(problem, parts);
    if (this.#refused.has(id)) return false;
    const { code, severity, meaning, repair } = problem;
    const place = at ?? this.#placeOf(code, parts);
    const finding: Omit<Finding, 'repaired'> = {
      id, code, severity, message: sentence(problem, parts), meaning, ...(place === undefined ? {} : { place }), ...(repair === undefined ? {} : { repair }),
    };
    // After a restart it is met again.
    if (repair === undefined && this.#told.has(id)) return true;
    this.findings++;
    if (repair === undefined) {
      if (this.#told.size < MOST_IDS) this.#told.add(id);
      this.options.found({ ...finding, repaired: false });
      return true;
    }
    const repaired = this.options.accept(finding);
    if (repaired) {
      this.accepted++;
      if (problem.housekeeping === undefined) this.repaired++;
      else if (problem.housekeeping === 'with-changes') this.quiet++;
    } else {
      this.#refused.add(id);
      if (severity !== 'note') this.left++;
    }
    this.options.found({ ...finding, repaired });
    if (this.left > MOST_LEFT) throw new Abort(corrupt('filesystem', `${MOST_LEFT} findings were left alone, and more are not told`));
    return repaired;
  }

  #placeOf(code: string, { inode, group }: Parts): Place | undefined {
    if (this.superblock === undefined) return undefined;
    const { inodeCount, groupCount, descriptorsPerBlock, descriptorSize, blockSize } = this.superblock;
    if (typeof inode === 'number' && inode >= 1 && inode <= inodeCount) return this.inodePlace(inode);
    if (typeof group === 'number' && group >= 0 && group < groupCount) {
      const block = descriptorBlock(this.superblock, Math.floor(group / descriptorsPerBlock));
      return { structure: `descriptor of group ${group}`, at: block * blockSize + (group % descriptorsPerBlock) * descriptorSize, length: descriptorSize };
    }
    return code.startsWith('0/') ? { structure: 'superblock', at: SUPERBLOCK_AT, length: SUPERBLOCK_SIZE } : undefined;
  }

  #id(problem: Problem, parts: Parts): string {
    const key = [problem.code, ...Object.values(parts)].join(':');
    const times = (this.#ids.get(key) ?? 0) + 1;
    if (times > 1 || this.#ids.size < MOST_IDS) this.#ids.set(key, times);
    else return `${problem.code}#${++this.#numbered}`;
    return times === 1 ? key : `${key}#${times}`;
  }

  // ---- the course of the check

  /** A cluster is claimed: for the second time, when it is in use already. @param block any block of it */
  claim(block: number): void {
    const { tables, superblock } = this;
    const cluster = superblock.clusterRatio === 1 ? block : Math.floor(block / superblock.clusterRatio);
    // ro-compat shared_blocks: files share blocks on purpose.
    if (tables.clustersUsed.test(cluster) && (superblock.features.roCompat & SHARED_BLOCKS) === 0) tables.clustersShared.add(cluster);
  }

  /** As `claim`, for a run of clusters. */
  claimClusters(from: number, length: number): void {
    const { clustersUsed, clustersShared } = this.tables;
    if (clustersUsed.isFree(from, length)) {
      clustersUsed.addRange(from, length);
      return;
    }
    if ((this.superblock.features.roCompat & SHARED_BLOCKS) !== 0) return;
    for (let cluster = from; cluster < from + length; cluster++) if (clustersUsed.test(cluster)) clustersShared.add(cluster);
  }

  /** Everything begins again: tables are empty, answers are kept. */
  begin(): void {
    this.restart = undefined;
    this.restartLater = false;
    this.recreateResizeInode = false;
    this.usedBackup = false;
    this.rootRepairBlock = 0;
    this.unchecked = undefined;
    this.largeDirectories = 0;
    this.largeFiles = 0;
    for (const groups of Object.values(this.relocations)) groups.clear();
    this.#ids.clear();
    this.#numbered = 0;
  }

  /** A pass begins. @param total of what it counts, where known */
  startPass(name: string, total?: number): void {
    this.#pass = name;
    this.#done = 0;
    this.#total = total;
    this.#report();
  }

  /** The pass has done so much. Call it often: `const pause = context.progress(n); if (pause) await pause;`. @throws DiskError cancelled */
  progress(done: number): Promise<void> | undefined {
    this.#done = done;
    const pause = this.job.breathe();
    if (pause !== undefined) this.#report();
    return pause;
  }

  #report(): void {
    this.job.report({ done: this.#done, ...(this.#total === undefined ? {} : { total: this.#total }), unit: 'entries', now: this.#pass });
  }

  /** Sets feature bits in the superblock, for good; what depends on them is read anew. */
  setFeatures(compat: number, incompat: number, roCompat: number): void {
    const { raw } = this.superblock;
    this.#changeFeatures(raw.s_feature_compat | compat, raw.s_feature_incompat | incompat, raw.s_feature_ro_compat | roCompat);
  }

  clearFeatures(compat: number, incompat: number, roCompat: number): void {
    const { raw } = this.superblock;
    this.#changeFeatures(raw.s_feature_compat & ~compat, raw.s_feature_incompat & ~incompat, raw.s_feature_ro_compat & ~roCompat);
  }

  #changeFeatures(compat: number, incompat: number, roCompat: number): void {
    const { raw } = this.superblock;
    raw.s_feature_compat = compat >>> 0;
    raw.s_feature_incompat = incompat >>> 0;
    raw.s_feature_ro_compat = roCompat >>> 0;
    this.superblockChanged = true;
    // Backups must know what is needed to read the filesystem.
    this.backupsToo = true;
    this.superblock = new Superblock(new Uint8Array(raw.$view.buffer, raw.$view.byteOffset + raw.$at, SUPERBLOCK_SIZE), this.superblock.at);
  }

  // ---- blocks

  /** Fills `into` (a whole number of blocks) from `block` on. @throws DiskError corrupt when they are outside the filesystem, io */
  read(block: number, into: Uint8Array): void {
    const { blockSize, blockCount } = this.superblock;
    // The negated form also refuses NaN.
    if (!(block >= 0 && block * blockSize + into.length <= blockCount * blockSize)) throw corrupt(`block ${block}`, `it is outside the filesystem of ${blockCount} blocks`);
    this.device.read(block * blockSize, into);
  }

  /** As `read`, but false (and zeros) where the blocks can't be read: the image may be cut short. */
  tryRead(block: number, into: Uint8Array): boolean {
    try {
      this.read(block, into);
      return true;
    } catch (error) {
      if (!isDiskError(error)) throw error;
      into.fill(0);
      return false;
    }
  }

  /** A block in a fresh array. @throws DiskError */
  block(block: number): Uint8Array {
    const bytes = new Uint8Array(this.superblock.blockSize);
    this.read(block, bytes);
    return bytes;
  }

  /** Only for a repair that was accepted. @throws DiskError corrupt when they are outside the filesystem, io */
  write(block: number, bytes: Uint8Array): void {
    const { blockSize, blockCount } = this.superblock;
    if (!(block >= 0 && block * blockSize + bytes.length <= blockCount * blockSize)) throw corrupt(`block ${block}`, `it is outside the filesystem of ${blockCount} blocks`);
    this.device.write!(block * blockSize, bytes);
  }

  /** Where a block is, for findings. */
  place(structure: string, block: number, length = this.superblock.blockSize): Place {
    return { structure, at: block * this.superblock.blockSize, length };
  }

  // ---- inodes

  /** Where an inode lies, in bytes. @throws DiskError corrupt when there is none of that number */
  inodeAt(number: number): number {
    const { inodeCount, inodesPerGroup, inodeSize, blockSize } = this.superblock;
    if (!(number >= 1 && number <= inodeCount)) throw corrupt(`inode ${number}`, `the filesystem has inodes 1 to ${inodeCount}`);
    return this.descriptors.inodeTable(Math.floor((number - 1) / inodesPerGroup)) * blockSize + ((number - 1) % inodesPerGroup) * inodeSize;
  }

  /** @throws DiskError */
  readInode(number: number): RawInode {
    const bytes = new Uint8Array(this.superblock.inodeSize);
    this.device.read(this.inodeAt(number), bytes);
    return new RawInode(number, bytes);
  }

  /** Writes an inode, with its checksum made. Only for a repair that was accepted. */
  writeInode(inode: RawInode): void {
    inode.seal(this.superblock);
    this.device.write!(this.inodeAt(inode.number), inode.bytes);
  }

  inodePlace(number: number): Place {
    return { structure: `inode ${number}`, at: this.inodeAt(number), length: this.superblock.inodeSize };
  }

  // ---- space for repairs

  /**
   * A free block for a repair, marked as used: a whole cluster with bigalloc. undefined when the filesystem is full. Only after pass 1.
   * @param goal where to begin looking
   */
  allocateBlock(goal = 0): number | undefined {
    const { clustersUsed, changedClusters } = this.tables;
    const { clusterRatio, firstDataBlock } = this.superblock;
    const from = Math.floor(Math.max(goal, firstDataBlock) / clusterRatio);
    const first = Math.floor(firstDataBlock / clusterRatio);
    const cluster = clustersUsed.nextFree(from) ?? clustersUsed.nextFree(first, from);
    if (cluster === undefined) return undefined;
    clustersUsed.add(cluster);
    changedClusters.add(cluster);
    return Math.max(cluster * clusterRatio, firstDataBlock);
  }

  /** A free block that is kept for a later repair: no other gets it. 0 = there is none. */
  takeFreeBlock(): number {
    return this.allocateBlock() ?? 0;
  }

  /** A block (with bigalloc its whole cluster) is free again. Only after pass 1. */
  freeBlock(block: number): void {
    const cluster = Math.floor(block / this.superblock.clusterRatio);
    this.tables.clustersUsed.delete(cluster);
    this.tables.changedClusters.add(cluster);
  }

  /** A free inode for a repair, marked as used. @returns undefined when there is none */
  allocateInode(): number | undefined {
    const { inodesUsed, changedInodes } = this.tables;
    const number = inodesUsed.nextFree(firstInode(this.superblock), this.superblock.inodeCount + 1);
    if (number === undefined) return undefined;
    inodesUsed.add(number);
    changedInodes.add(number);
    this.#initialiseInode(number);
    return number;
  }

  /** An inode that is taken may lie in a part of its table that was never used: the next run must look at it. */
  #initialiseInode(number: number): void {
    const { features, inodesPerGroup } = this.superblock;
    if (!features.gdtChecksum && !features.metadataChecksum) return;
    const group = Math.floor((number - 1) / inodesPerGroup);
    const wasUninit = this.descriptors.has(group, 'inodeUninit');
    this.descriptors.clear(group, 'inodeUninit');
    const behind = inodesPerGroup - 1 - ((number - 1) % inodesPerGroup);
    this.descriptors.setUnusedInodes(group, Math.min(behind, wasUninit ? inodesPerGroup : this.descriptors.unusedInodes(group)));
  }

  /** An inode is free again: it is in no table from now on. Its blocks are freed apart. */
  freeInode(number: number): void {
    const { tables } = this;
    for (const bits of [tables.inodesUsed, tables.directories, tables.regular, tables.symlinks, tables.badInodes, tables.encrypted, tables.casefolded]) bits.delete(number);
    tables.linkCounts.set(number, 0);
    tables.changedInodes.add(number);
  }

  // ---- quota

  /** Charges (or with negative numbers refunds) an inode's owners. Nothing is kept without the quota feature. */
  charge(inode: RawInode, bytes: number, inodes: number): void {
    const { quota } = this.tables;
    for (const [kind, usage] of quota) {
      const id = kind === 'user' ? inode.uid : kind === 'group' ? inode.gid : inode.extraSize >= 32 ? inode.raw.i_projid : 0;
      const there = usage.get(id);
      if (there === undefined) {
        usage.set(id, { bytes, inodes });
      } else {
        there.bytes += bytes;
        there.inodes += inodes;
      }
    }
  }
}

/** What one pass hands to the next. Inodes are indexed by their number, which starts at 1. */
export interface Tables {
  /** Inodes that are in use. */
  readonly inodesUsed: Bits;
  readonly directories: Bits;
  readonly regular: Bits;
  /** Symbolic links that are sound. */
  readonly symlinks: Bits;
  /** Something about them is wrong that pass 2 decides, when it comes to a name of theirs (e2fsck's inode_bad_map). */
  readonly badInodes: Bits;
  /** They lie in a bad block of the inode table: nothing about them is known. */
  readonly inBadBlocks: Bits;
  /** imagic inodes of AFS: counted as used, nothing else. */
  readonly imagic: Bits;
  /** Directories with the flags encrypt and casefold. */
  readonly encrypted: Bits;
  readonly casefolded: Bits;
  /** Encrypted inodes → a number for each policy that their names and contents are encrypted with; 0 = its attribute can't be used. */
  readonly encryption: Map<number, number>;
  /** i_links_count as it stands in the inodes. */
  readonly linkCounts: Counts;
  /** Names that were found: counted by pass 2 and 3. */
  readonly foundLinks: Counts;
  /** References to inodes that hold attribute values, as pass 1 counted them; with eaInodes those that have the flag. */
  readonly eaInodes: Bits;
  readonly eaInodeReferences: Counts;
  /** Clusters in use, by block number / clusterRatio: without bigalloc clusters are blocks. */
  readonly clustersUsed: Bits;
  /** Clusters that are claimed more than once. */
  readonly clustersShared: Bits;
  /** Blocks of the filesystem's own: superblocks, descriptors, bitmaps, inode tables. */
  readonly metadata: Bits;
  /** Clusters and inodes whose use repairs changed: the bitmaps on the device differ from the tables there, and that is no finding. */
  readonly changedClusters: Bits;
  readonly changedInodes: Bits;
  readonly directoryBlocks: DirectoryBlocks;
  readonly directoryInfo: DirectoryInfo;
  /** Directories with an index, for pass 2. */
  readonly hashed: HashedDirectory[];
  /** Files that are mapped by block numbers, where bigalloc asks for extents. */
  readonly blockMaps: number[];
  /** Files whose extents are to be written anew, in fewer levels or blocks. */
  readonly wideExtents: number[];
  /** Directories that are to be built anew after pass 3. */
  readonly rehash: Set<number>;
  /** The inode of lost+found, once pass 3 knows it. */
  lostAndFound: number;
  /** What quota files should say: only kinds that the filesystem keeps. */
  readonly quota: ReadonlyMap<QuotaKind, Map<number, Usage>>;
}

/** Empty tables for a filesystem. */
export function emptyTables(superblock: Superblock): Tables {
  const inodes = (): Bits => new Bits(superblock.inodeCount + 1);
  const blocks = (): Bits => new Bits(superblock.blockCount);
  const clusters = (): Bits => new Bits(Math.ceil(superblock.blockCount / superblock.clusterRatio));
  const { raw, features } = superblock;
  const kinds: QuotaKind[] = [];
  if ((features.roCompat & 0x100) !== 0) {
    if (raw.s_usr_quota_inum !== 0) kinds.push('user');
    if (raw.s_grp_quota_inum !== 0) kinds.push('group');
    if (raw.s_prj_quota_inum !== 0 && features.project) kinds.push('project');
  }
  return {
    inodesUsed: inodes(), directories: inodes(), regular: inodes(), symlinks: inodes(), badInodes: inodes(), inBadBlocks: inodes(), imagic: inodes(), encrypted: inodes(), casefolded: inodes(),
    linkCounts: new Counts(), foundLinks: new Counts(), eaInodes: inodes(), eaInodeReferences: new Counts(),
    encryption: new Map(), clustersUsed: clusters(), clustersShared: clusters(), metadata: blocks(), changedClusters: clusters(), changedInodes: inodes(),
    directoryBlocks: new DirectoryBlocks(), directoryInfo: new DirectoryInfo(), hashed: [], blockMaps: [], wideExtents: [], rehash: new Set(), lostAndFound: 0,
    quota: new Map(kinds.map((kind) => [kind, new Map()])),
  };
}

/** The first inode that is not reserved. */
export function firstInode(superblock: Superblock): number {
  return superblock.raw.s_rev_level === 0 ? 11 : superblock.raw.s_first_ino;
}
