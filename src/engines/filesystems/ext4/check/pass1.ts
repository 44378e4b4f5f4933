import { corrupt } from '../../../core/errors.ts';
import { EXTENT_INIT_MAX, I_BLOCK_SIZE, INODE, INODE_FLAGS } from '../layout.ts';
import type { Superblock } from '../superblock.ts';
import { AttributeBlocks, settleReferences } from './attributes.ts';
import { checkBadBlocks } from './bad-blocks.ts';
import type { CheckContext } from './context.ts';
import { I_BLOCK_AT, isExtentHeader } from './extent-walk.ts';
import { checkInode, type InodeCheck } from './inode-check.ts';
import { convertBlockMaps } from './map-conversion.ts';
import { markMetadata, relocate, tableBlocks } from './metadata.ts';
import { inodeSumMatches, MODE, RawInode } from './raw-inode.ts';
import { createResizeInode } from './resize-inode.ts';

/** Bytes of an inode table that are read at once. */
const PIECE = 1 << 20;
/** i_extra_isize that the fast way takes; others are looked at one by one. */
const USUAL_EXTRA = 32;

/**
 * Pass 1: every inode, its blocks and its size. Most inodes are regular files with a few extents, and sound: for them nothing is allocated
 * (`isPlain`). All others are looked at one by one (inode-check.ts).
 */
export async function pass1(context: CheckContext): Promise<void> {
  const { superblock, descriptors } = context;
  context.startPass('Inodes, blocks and sizes', superblock.inodeCount);
  markMetadata(context);
  const badBlocks = checkBadBlocks(context);
  if (context.restart !== undefined) return;
  if (superblock.features.mmp) {
    const block = Number(superblock.raw.s_mmp_block);
    if (block > superblock.firstDataBlock && block < superblock.blockCount) context.tables.clustersUsed.add(Math.floor(block / superblock.clusterRatio));
  }
  const check: InodeCheck = { context, attributes: new AttributeBlocks(), lowTimes: lowTimesAreLinks(superblock) };
  const buffer = new Uint8Array(Math.max(superblock.blockSize, PIECE));
  const { inodeSize, inodesPerGroup, blockSize } = superblock;
  const plain = new PlainInodes(context);
  const hasUnused = superblock.features.gdtChecksum || superblock.features.metadataChecksum;
  for (let group = 0; group < superblock.groupCount; group++) {
    const table = descriptors.inodeTable(group);
    if (table === 0 || context.relocations.inodeTables.has(group)) continue;
    if (table < superblock.firstDataBlock || table + tableBlocks(superblock) > superblock.blockCount) {
      context.unchecked ??= corrupt(`inode table of group ${group}`, `it would lie outside the filesystem, at block ${table}: what is in it could not be checked`);
      continue;
    }
    if (hasUnused && descriptors.has(group, 'inodeUninit')) continue;
    const inodes = hasUnused ? Math.max(0, inodesPerGroup - descriptors.unusedInodes(group)) : inodesPerGroup;
    const blocks = Math.min(tableBlocks(superblock), Math.ceil((inodes * inodeSize) / blockSize));
    const step = Math.floor(buffer.length / blockSize);
    for (let done = 0; done < blocks; done += step) {
      const bytes = buffer.subarray(0, Math.min(step, blocks - done) * blockSize);
      const readable = context.tryRead(table + done, bytes);
      const first = group * inodesPerGroup + (done * blockSize) / inodeSize + 1;
      const count = Math.min(bytes.length / inodeSize, inodes - (done * blockSize) / inodeSize);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      for (let i = 0; i < count; i++) {
        const number = first + i;
        if (!plain.take(number, view, i * inodeSize)) {
          if (badBlocks.size > 0 && badBlocks.has(table + done + Math.floor((i * inodeSize) / blockSize))) {
            context.tables.inodesUsed.add(number);
            context.tables.inBadBlocks.add(number);
            continue;
          }
          const inode = new RawInode(number, bytes.subarray(i * inodeSize, (i + 1) * inodeSize));
          const fails = readable && !inode.checksumMatches(superblock) && !inode.bytes.subarray(0, 128).every((byte) => byte === 0);
          const garbage = isGarbage(superblock, view, number, i * inodeSize);
          checkInode(check, inode, fails, garbage);
          if (context.restart !== undefined) return;
        }
        if ((i & 63) === 0) {
          const pause = context.progress(number);
          if (pause !== undefined) await pause;
        }
      }
    }
  }
  reserveForRepairs(context);
  settleReferences(context, check.attributes);
  relocate(context);
  convertBlockMaps(context);
  if (context.recreateResizeInode) createResizeInode(context);
}

/** Small numbers in i_dtime are links of the list of orphans, unless the clock of whoever made the filesystem stood near 1970. */
function lowTimesAreLinks({ raw }: Superblock): boolean {
  return ![raw.s_wtime, raw.s_mtime, raw.s_mkfs_time].some((time) => time !== 0 && time < raw.s_inodes_count);
}

/** A root directory or lost+found that is missing is made in pass 3: a block for each is kept (reserve_block_for_root_repair). */
function reserveForRepairs(context: CheckContext): void {
  if (!context.tables.inodesUsed.has(INODE.root)) context.rootRepairBlock = context.takeFreeBlock();
}

/** More than half of the inodes of a block of the table make no sense: it was overwritten (check_inode_block_sanity in libext2fs). */
function isGarbage(superblock: Superblock, view: DataView, number: number, at: number): boolean {
  const { inodeSize, blockSize, features, checksumSeed } = superblock;
  const perBlock = blockSize / inodeSize;
  if (perBlock < 2) return false;
  const start = Math.floor(at / blockSize) * blockSize;
  const first = number - (at - start) / inodeSize;
  let bad = 0;
  for (let i = 0; i < perBlock; i++) {
    const from = start + i * inodeSize;
    if (from + inodeSize > view.byteLength) break;
    if (features.metadataChecksum && !inodeSumMatches(checksumSeed, first + i, view, from, inodeSize) && !isEmpty(view, from)) bad++;
    else if (mapIsInsane(superblock, view, from)) bad++;
    if (bad > perBlock / 2) return true;
  }
  return false;
}

function isEmpty(view: DataView, at: number): boolean {
  for (let i = 0; i < 128; i += 4) if (view.getUint32(at + i, true) !== 0) return false;
  return true;
}

function mapIsInsane({ firstDataBlock, blockCount }: Superblock, view: DataView, at: number): boolean {
  const flags = view.getUint32(at + 0x20, true);
  if ((flags & INODE_FLAGS.extents) !== 0) return !isExtentHeader(view, at + I_BLOCK_AT, I_BLOCK_SIZE);
  if ((flags & INODE_FLAGS.inlineData) !== 0) return false;
  const type = view.getUint16(at, true) & MODE.mask;
  if ((type !== MODE.file && type !== MODE.symlink && type !== MODE.dir) || view.getUint16(at + 0x1a, true) === 0) return false;
  if (type === MODE.symlink && view.getUint32(at + 0x4, true) <= I_BLOCK_SIZE) return false;
  let bad = 0;
  for (let i = 0; i < 15; i++) {
    const block = view.getUint32(at + I_BLOCK_AT + i * 4, true);
    if (block !== 0 && (block < firstDataBlock || block >= blockCount)) bad++;
  }
  return bad > 7;
}

/** Regular files that are sound and simple, and inodes that were never used, straight from the table: exactly those of which `checkInode` would find nothing. */
class PlainInodes {
  readonly #context: CheckContext;
  readonly #superblock: Superblock;
  readonly #first: number;
  readonly #hasSum: boolean;
  readonly #usable: boolean;
  readonly #hasQuota: boolean;
  /** Inodes of the filesystem's own, which need not be reserved ones. */
  readonly #own: ReadonlySet<number>;

  constructor(context: CheckContext) {
    const { superblock } = context;
    this.#context = context;
    this.#superblock = superblock;
    this.#first = Math.max(12, superblock.raw.s_first_ino);
    this.#hasSum = superblock.features.metadataChecksum;
    this.#hasQuota = context.tables.quota.size > 0;
    const { raw, features } = superblock;
    this.#own = new Set([raw.s_journal_inum, raw.s_usr_quota_inum, raw.s_grp_quota_inum, raw.s_prj_quota_inum, raw.s_orphan_file_inum]);
    // Linux alone, with extents, and no clusters.
    this.#usable = raw.s_creator_os === 0 && raw.s_rev_level > 0 && (features.incompat & EXTENTS) !== 0 && superblock.clusterRatio === 1;
  }

  /** @returns true when the inode was dealt with */
  take(number: number, view: DataView, at: number): boolean {
    const { inodeSize, blockSize, firstDataBlock, blockCount, checksumSeed } = this.#superblock;
    if (number < this.#first || !this.#usable || this.#own.has(number)) return false;
    const mode = view.getUint16(at, true);
    const links = view.getUint16(at + 0x1a, true);
    if (links === 0) return mode === 0 && isEmpty(view, at);
    if ((mode & MODE.mask) !== MODE.file || view.getUint32(at + 0x14, true) !== 0 || (view.getUint32(at + 0x20, true) & ~PLAIN_FLAGS) !== 0) return false;
    // The flag of extents, no attribute block, i_size below 2^31, no fragment address, no high words.
    if ((view.getUint32(at + 0x20, true) & INODE_FLAGS.extents) === 0 || view.getUint32(at + 0x68, true) !== 0 || view.getUint32(at + 0x6c, true) !== 0 || view.getUint32(at + 0x70, true) !== 0
      || view.getUint32(at + 0x74, true) !== 0) return false;
    const size = view.getUint32(at + 0x4, true);
    if (size >= 0x8000_0000) return false;
    if (inodeSize > 128) {
      if (view.getUint16(at + 0x80, true) !== USUAL_EXTRA || view.getUint32(at + 128 + USUAL_EXTRA, true) !== 0) return false;
      // Times with both epoch bits may be misstored ones.
      if (((view.getUint32(at + 0x84, true) | view.getUint32(at + 0x88, true) | view.getUint32(at + 0x8c, true) | view.getUint32(at + 0x94, true)) & 3) !== 0) return false;
    }
    const root = at + I_BLOCK_AT;
    if (view.getUint16(root + 6, true) !== 0 || !isExtentHeader(view, root, I_BLOCK_SIZE)) return false;
    const entries = view.getUint16(root + 2, true);
    if (this.#hasSum && !inodeSumMatches(checksumSeed, number, view, at, inodeSize)) return false;
    let next = 0;
    let blocks = 0;
    for (let i = 0; i < entries; i++) {
      const entry = root + 12 + i * 12;
      const logical = view.getUint32(entry, true);
      const length = view.getUint16(entry + 4, true);
      const physical = view.getUint32(entry + 8, true);
      if (length === 0 || length > EXTENT_INIT_MAX || logical < next || view.getUint16(entry + 6, true) !== 0 || physical < firstDataBlock || physical === 0 || physical + length > blockCount) return false;
      next = logical + length;
      blocks += length;
    }
    // i_size reaches into the last block or past it, and i_blocks counts all of them.
    if ((next > 0 && size < (next - 1) * blockSize) || view.getUint32(at + 0x1c, true) !== blocks * (blockSize / 512)) return false;
    this.#count(number, links, view, at, root, entries, blocks);
    return true;
  }

  #count(number: number, links: number, view: DataView, at: number, root: number, entries: number, blocks: number): void {
    const context = this.#context;
    const { tables } = context;
    for (let i = 0; i < entries; i++) {
      const entry = root + 12 + i * 12;
      const length = view.getUint16(entry + 4, true);
      if (length === 1) context.claim(view.getUint32(entry + 8, true));
      else context.claimClusters(view.getUint32(entry + 8, true), length);
    }
    tables.linkCounts.set(number, links);
    tables.inodesUsed.add(number);
    tables.regular.add(number);
    if (this.#hasQuota) {
      const { inodeSize, blockSize } = this.#superblock;
      context.charge(new RawInode(number, new Uint8Array(view.buffer, view.byteOffset + at, inodeSize)), blocks * blockSize, 1);
    }
  }
}

/** The incompat feature extents. */
const EXTENTS = 0x40;
/** Flags that change nothing of how a file is stored: what chattr sets, and extents. */
const PLAIN_FLAGS = 0x1 | 0x2 | 0x8 | 0x10 | 0x20 | 0x40 | 0x80 | 0x4000 | 0x8000 | 0x10000 | 0x20000 | 0x80000 | 0x20000000;
