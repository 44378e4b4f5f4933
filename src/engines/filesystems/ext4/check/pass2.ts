import { inodeSeed } from '../checksum.ts';
import { INODE_FLAGS } from '../layout.ts';
import type { CheckContext } from './context.ts';
import { emptyBlock, firstBlock } from './dir-block.ts';
import { PASS_2 } from './directory-problems.ts';
import { DirectoryScan } from './directory-scan.ts';
import type { ScannedDirectory } from './entry-check.ts';
import { type MapRun, readRuns, writeRuns } from './file-map.ts';
import { IndexCheck } from './index-check.ts';
import { fixInlineSize, forgetInlineHash, inlineDirectory } from './inline-directory.ts';
import type { RawInode } from './raw-inode.ts';

/** Bytes read at once, and the widest gap in blocks that is read over rather than around. */
const PIECE = 1 << 20;
const GAP = 16;
/** Directories whose checksum seeds are kept. */
const MOST_KEPT = 65_536;
/** Blocks that an index may claim beyond twice those that its directory has. */
const SPARE = 64;
const ROOT = 2;
/** ro-compat large_file. */
const LARGE_FILE = 0x2;
/** s_encoding_flags: names must be well-formed. */
const STRICT = 1;

/** Pass 2: the contents of all directories, in the order in which their blocks lie on the device. */
export async function checkDirectories(context: CheckContext): Promise<void> {
  await new DirectoryPass(context).run();
}

class DirectoryPass {
  readonly #context: CheckContext;
  readonly #scan: DirectoryScan;
  readonly #indexes = new Map<number, IndexCheck>();
  readonly #known = new Map<number, ScannedDirectory>();
  readonly #strict: boolean;
  readonly #piece: Uint8Array;
  /** The blocks that are in the piece. */
  #first = 0;
  #count = 0;

  constructor(context: CheckContext) {
    const { superblock, tables } = context;
    this.#context = context;
    this.#scan = new DirectoryScan(context);
    this.#strict = (superblock.features.incompat & 0x20000) !== 0 && (superblock.raw.s_encoding_flags & STRICT) !== 0;
    this.#piece = new Uint8Array(Math.max(PIECE, superblock.blockSize));
    const counts = blockCounts(context);
    for (const { inode, blocks } of tables.hashed) this.#indexes.set(inode, new IndexCheck(context, inode, Math.min(blocks, (counts.get(inode) ?? 0) * 2 + SPARE)));
  }

  async run(): Promise<void> {
    const context = this.#context;
    const { directoryBlocks: blocks, directoryInfo, inodesUsed } = context.tables;
    context.startPass('Directories', blocks.length);
    const root = directoryInfo.find(ROOT);
    if (root >= 0) directoryInfo.setParent(root, ROOT);
    const all = blocks.inOrder();
    // Roots of indexes go first: they say by which hash the others are sorted.
    const orders = this.#indexes.size === 0 ? [all] : [all.filter((index) => blocks.logical(index) === 0), all.filter((index) => blocks.logical(index) !== 0)];
    let done = 0;
    for (const order of orders) {
      for (let i = 0; i < order.length; i++) {
        const pause = (done++ & 31) === 0 ? context.progress(done) : undefined;
        if (pause !== undefined) await pause;
        const index = order[i]!;
        const inode = blocks.inode(index);
        // Pass 1 or an entry before this may have cleared it.
        if (!inodesUsed.has(inode)) continue;
        if (blocks.physical(index) === 0) this.#unplaced(index);
        else this.#block(index, this.#read(order, i));
      }
    }
    for (const check of this.#indexes.values()) {
      const pause = context.progress(done);
      if (pause !== undefined) await pause;
      if (inodesUsed.has(check.inode)) check.finish();
    }
    checkLargeFiles(context);
    if (this.#scan.restart !== undefined) context.restart = this.#scan.restart;
  }

  /** The bytes of block `order[i]`, with as many of the next ones as lie close; undefined when it can't be read. */
  #read(order: Uint32Array, i: number): Uint8Array | undefined {
    const { blockSize, blockCount } = this.#context.superblock;
    const { directoryBlocks: blocks } = this.#context.tables;
    const block = blocks.physical(order[i]!);
    if (!(block >= this.#first && block < this.#first + this.#count)) {
      const room = Math.floor(this.#piece.length / blockSize);
      let end = block + 1;
      for (let next = i + 1; next < order.length; next++) {
        const other = blocks.physical(order[next]!);
        if (other < end - 1 || other - end > GAP || other + 1 - block > room || other >= blockCount) break;
        end = other + 1;
      }
      this.#first = block;
      this.#count = end - block;
      if (!this.#context.tryRead(block, this.#piece.subarray(0, this.#count * blockSize))) {
        // Somewhere in the piece; this block alone then.
        this.#count = 1;
        if (!this.#context.tryRead(block, this.#piece.subarray(0, blockSize))) return undefined;
      }
    }
    const at = (block - this.#first) * blockSize;
    return this.#piece.subarray(at, at + blockSize);
  }

  #block(index: number, bytes: Uint8Array | undefined): void {
    const context = this.#context;
    const { directoryBlocks: blocks } = context.tables;
    const inode = blocks.inode(index);
    const logical = blocks.logical(index);
    let block = bytes;
    if (block === undefined) {
      if (!context.problem(PASS_2['unreadable-block'], { inode, block: logical }, context.place(`directory block ${logical} of inode ${inode}`, blocks.physical(index)))) return;
      block = this.#fresh(inode, logical);
    }
    if (this.#scan.block(this.#directory(inode), logical, block) || block !== bytes) context.write(blocks.physical(index), block);
  }

  /** A hole, or a directory that lies inside its inode. */
  #unplaced(index: number): void {
    const context = this.#context;
    const { directoryBlocks: blocks } = context.tables;
    const { features, clusterRatio } = context.superblock;
    const number = blocks.inode(index);
    const logical = blocks.logical(index);
    const inode = context.readInode(number);
    if (inode.has(INODE_FLAGS.inlineData)) {
      if (logical === 0) this.#inline(inode);
      return;
    }
    // Large directories may have holes where their blocks were emptied.
    if (features.largeDir && (features.incompat & 0x8000) === 0) return;
    if (!context.problem(PASS_2.hole, { inode: number, block: logical })) return;
    const runs = readRuns(context, inode);
    const allocated = this.#clusterMate(runs, logical) ?? context.allocateBlock(runs.findLast((run) => run.logical < logical)?.physical ?? 0);
    const added = allocated !== undefined && clusterRatio > 1 && this.#clusterMate(runs, logical) !== undefined ? 0 : clusterRatio;
    if (allocated === undefined || !writeRuns(context, inode, inserted(runs, logical, allocated), added)) {
      if (allocated !== undefined && added > 0) context.freeBlock(allocated);
      context.problem(PASS_2['no-space-for-hole'], { inode: number, block: logical });
      return;
    }
    if (inode.size < (logical + 1) * context.superblock.blockSize) {
      inode.size = (logical + 1) * context.superblock.blockSize;
      context.writeInode(inode);
    }
    blocks.move(index, allocated);
    const block = this.#fresh(number, logical);
    this.#scan.block(this.#directory(number), logical, block);
    context.write(allocated, block);
  }

  /** With bigalloc: the block of the cluster that the file has around a hole. */
  #clusterMate(runs: readonly MapRun[], logical: number): number | undefined {
    const { clusterRatio } = this.#context.superblock;
    if (clusterRatio === 1) return undefined;
    const cluster = Math.floor(logical / clusterRatio);
    for (const run of runs) {
      for (let i = 0; i < run.count; i++) {
        if (Math.floor((run.logical + i) / clusterRatio) === cluster) return run.physical + i + logical - run.logical - i;
      }
    }
    return undefined;
  }

  #inline(inode: RawInode): void {
    const context = this.#context;
    fixInlineSize(context, inode);
    const { first, more } = inlineDirectory(context, inode);
    if (!this.#scan.inline(this.#directory(inode.number), first, more)) return;
    // Where "." leads to an inode that is repaired, that was this one.
    const now = context.readInode(inode.number);
    for (const part of more === undefined ? [first] : [first, more]) now.bytes.set(part, part.byteOffset - inode.bytes.byteOffset);
    forgetInlineHash(now);
    context.writeInode(now);
  }

  /** An empty block in place of one that is not there. */
  #fresh(inode: number, logical: number): Uint8Array {
    const { blockSize, features } = this.#context.superblock;
    return logical === 0 ? firstBlock(blockSize, features.metadataChecksum, inode, ROOT, features.filetype ? 2 : 0) : emptyBlock(blockSize, features.metadataChecksum);
  }

  #directory(inode: number): ScannedDirectory {
    const known = this.#known.get(inode);
    if (known !== undefined) return known;
    const context = this.#context;
    const { encrypted, casefolded, directoryInfo } = context.tables;
    const info = directoryInfo.find(inode);
    if (this.#known.size >= MOST_KEPT) this.#known.clear();
    const directory: ScannedDirectory = {
      inode,
      seed: context.superblock.features.metadataChecksum && info >= 0 ? inodeSeed(context.superblock.checksumSeed, inode, directoryInfo.generation(info)) : 0,
      encrypted: encrypted.has(inode),
      casefolded: casefolded.has(inode),
      strict: this.#strict && casefolded.has(inode),
      index: this.#indexes.get(inode),
    };
    this.#known.set(inode, directory);
    return directory;
  }
}

/** How many blocks each directory with an index has: one that claims a size of terabytes must not take memory for all of them. */
function blockCounts({ tables }: CheckContext): Map<number, number> {
  const counts = new Map(tables.hashed.map(({ inode }) => [inode, 0]));
  const { directoryBlocks } = tables;
  for (let i = 0; i < directoryBlocks.length; i++) {
    const inode = directoryBlocks.inode(i);
    const count = counts.get(inode);
    if (count !== undefined) counts.set(inode, count + 1);
  }
  return counts;
}

/** Files that old kernels can't deal with need a feature that keeps those away. */
function checkLargeFiles(context: CheckContext): void {
  const { raw } = context.superblock;
  if (context.largeFiles <= 0 || (raw.s_feature_ro_compat & LARGE_FILE) !== 0 || !context.problem(PASS_2['large-files'])) return;
  if (raw.s_rev_level === 0) {
    // There are no features before revision 1, and the numbers that came with it are what revision 0 takes for granted.
    raw.s_rev_level = 1;
    raw.s_first_ino = 11;
    raw.s_inode_size = 128;
    raw.s_feature_compat = 0;
    raw.s_feature_incompat = 0;
    raw.s_feature_ro_compat = 0;
  }
  raw.s_feature_ro_compat = (raw.s_feature_ro_compat | LARGE_FILE) >>> 0;
  context.superblockChanged = true;
}

/** The runs with one more block. */
function inserted(runs: readonly MapRun[], logical: number, physical: number): MapRun[] {
  const all = [...runs, { logical, physical, count: 1, unwritten: false }];
  return all.toSorted((a, b) => a.logical - b.logical);
}

