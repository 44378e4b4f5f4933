import { corrupt, isDiskError, unsupported, usage } from '../../../core/errors.ts';
import type { WriteAccess } from '../../../core/probe.ts';
import type { Note } from '../../../core/filesystem.ts';
import { BlockMapping } from '../block-map.ts';
import { ExtentMapping } from '../extents.ts';
import type { Inode } from '../inode.ts';
import { Ext4ExtentHeader, type Ext4InodeView, INODE_FLAGS } from '../layout.ts';
import type { Mapping } from '../mapping.ts';
import type { Superblock } from '../superblock.ts';
import { ClusterUse } from './clusters.ts';
import { ExtentTree, LONGEST_EXTENT, LONGEST_UNWRITTEN } from './extents.ts';
import type { FileMap, MappedRun } from './file-map.ts';
import { type IndirectContext, IndirectMap } from './indirect.ts';
import type { InlineFiles } from './inline.ts';
import { largestFile } from './limits.ts';
import { flexSize } from './placement.ts';
import { setTime } from './times.ts';
import type { Transaction } from './transaction.ts';
import type { Allocator, BlockKind, Contents, Inodes, Orphans, Volume } from './volume.ts';
import type { SystemZone } from './zones.ts';

/** Bytes that one operation writes at most. */
const PIECE = 16 << 20;
/** Runs that one operation maps or frees at most: each may lie in another group, and a small journal must hold all their bitmaps. */
const MOST_RUNS = 24;
/** Nodes a level of trees that are packed: a journal must hold all of them. */
const MOST_PACKED = 4096;
const MOST_PACKED_DIRECT = 64;
/** Bytes that are put together with the zeros around them, to be written at once. */
const MOST_WHOLE = 64 * 1024;
/** Inodes whose trees are remembered for packing. */
const MOST_DEEP = 10_000;
/** Bit of s_feature_ro_compat: there is a file of 2 GiB or more. */
const LARGE_FILE = 0x2;
const S_IFREG = 0x8000;
const S_IFDIR = 0x4000;

/** What the contents of inodes are changed with. */
export interface ContentsContext {
  readonly superblock: Superblock;
  readonly transaction: Transaction;
  readonly inodes: Inodes;
  readonly allocator: Allocator;
  readonly zone: SystemZone;
  readonly access: WriteAccess;
  readonly orphans: Orphans;
  readonly inline: InlineFiles;
  operation: Volume['operation'];
  editSuperblock: Volume['editSuperblock'];
  note(note: Note): void;
}

/** The blocks of inodes, to be changed. */
export class ContentsWriter implements Contents {
  readonly #context: ContentsContext;
  readonly #blockSize: number;
  /** Inodes whose tree of more than one level was changed since they were settled. */
  readonly #deep = new Set<number>();
  /** Whole new blocks while they are put together. Devices keep nothing of what they are given. */
  readonly #whole = new Uint8Array(MOST_WHOLE);

  constructor(context: ContentsContext) {
    this.#context = context;
    this.#blockSize = context.superblock.blockSize;
  }

  mapping(node: number): Mapping {
    return this.#mapping(this.#context.inodes.get(node));
  }

  initialise(node: number): void {
    const { superblock, inodes } = this.#context;
    const raw = inodes.edit(node);
    if (superblock.features.extents) {
      raw.i_flags = (raw.i_flags | INODE_FLAGS.extents) >>> 0;
      ExtentTree.initialise(raw.i_block);
    } else {
      raw.i_block.fill(0);
    }
  }

  allocate(node: number, logical: number, count: number, kind: BlockKind): { readonly block: number; readonly count: number } {
    const { superblock, allocator, inodes } = this.#context;
    const inode = inodes.get(node);
    const mapping = this.#mapping(inode);
    const gap = mapping.find(logical);
    if (gap.physical !== undefined) throw new Error(`logical block ${logical} of inode ${node} is mapped already`);
    if ((logical + 1) * this.#blockSize > largestFile(superblock, inode.has(INODE_FLAGS.extents))) throw usage('EFBIG', `A file of this filesystem can't have a block ${logical}`);
    if (kind === 'unwritten' && !inode.has(INODE_FLAGS.extents)) throw usage('ENOTSUP', 'Space can be reserved only in files with extents');
    const most = Math.min(count, gap.count, kind === 'unwritten' ? LONGEST_UNWRITTEN : LONGEST_EXTENT);
    const map = this.#map(inode);
    const clusters = new ClusterUse(superblock.clusterRatio, mapping);
    const implied = clusters.implied(logical, most);
    if (implied !== undefined) {
      map.insert({ logical, count: implied.count, physical: implied.block, unwritten: kind === 'unwritten' });
      return implied;
    }
    const inCluster = logical % superblock.clusterRatio;
    const goal = map.goal(logical) ?? this.#goal(inode);
    const wanted = clusters.wanted(logical, most);
    const run = allocator.allocate(Math.max(0, goal - inCluster), wanted + inCluster, kind === 'metadata' ? 'metadata' : 'data');
    const got = { block: run.block + inCluster, count: Math.min(most, wanted, run.count - inCluster) };
    // The last cluster of a filesystem may be cut off by its end.
    if (got.count <= 0) throw usage('ENOSPC', 'No space is left on the filesystem');
    inodes.charge(node, Math.ceil(run.count / superblock.clusterRatio) * superblock.clusterRatio);
    map.insert({ logical, count: got.count, physical: got.block, unwritten: kind === 'unwritten' });
    return got;
  }

  free(node: number, logical: number, count = Infinity): void {
    this.#remove(node, logical, logical + count, Infinity);
  }

  freeSome(node: number, logical: number): boolean {
    return this.#remove(node, logical, Infinity, MOST_RUNS);
  }

  write(node: number, at: number, from: Uint8Array): number {
    const inode = this.#file(node);
    const room = largestFile(this.#context.superblock, inode.has(INODE_FLAGS.extents)) - at;
    if (!(Number.isSafeInteger(at) && at >= 0)) throw usage('EINVAL', `${at} is no offset`);
    if (from.length > 0 && room <= 0) throw usage('EFBIG', 'The file would be larger than this filesystem allows');
    const bytes = from.length > room ? from.subarray(0, room) : from;
    if (inode.has(INODE_FLAGS.inlineData) && bytes.length > 0 && this.#changeInline(node, Math.max(inode.size, at + bytes.length), (held) => { held.set(bytes, at); })) return bytes.length;
    let done = 0;
    while (done < bytes.length) {
      try {
        done += this.#context.operation(() => this.#writePiece(node, at + done, bytes.subarray(done, done + PIECE)));
      } catch (error) {
        if (done > 0 && isDiskError(error) && error.kind === 'usage') break;
        throw error;
      }
    }
    return done;
  }

  fill(node: number, bytes: Uint8Array): void {
    if (bytes.length > largestFile(this.#context.superblock, this.#file(node).has(INODE_FLAGS.extents))) throw usage('EFBIG', 'The file would be larger than this filesystem allows');
    for (let done = 0; done < bytes.length;) done += this.#writePiece(node, done, bytes.subarray(done));
  }

  truncate(node: number, size: number): void {
    const { superblock, orphans, operation, access } = this.#context;
    const inode = this.#file(node);
    if (!(Number.isSafeInteger(size) && size >= 0)) throw usage('EINVAL', `${size} is no size`);
    if (size > largestFile(superblock, inode.has(INODE_FLAGS.extents))) throw usage('EFBIG', 'The file would be larger than this filesystem allows');
    if (inode.has(INODE_FLAGS.inlineData) && this.#changeInline(node, size, () => {})) return;
    const end = Math.ceil(size / this.#blockSize);
    // Blocks may lie behind the end: they go with a truncation to the same size, too (ext4_truncate).
    let done = operation(() => {
      const old = this.#context.inodes.get(node).size;
      this.setSize(node, size);
      this.#touch(node);
      const all = size > old || this.freeSome(node, end);
      // The rest takes more operations: should the power go, recovery ends it.
      if (!all && access.durability === 'direct') orphans.add(node);
      // Last, as contents are written at once: a failure before would not bring them back.
      this.#zero(node, Math.min(old, size), end * this.#blockSize);
      return all;
    });
    while (!done) {
      done = operation(() => {
        const last = this.freeSome(node, end);
        // Without a name it stays one until it is freed.
        if (last && this.#context.inodes.get(node).raw.i_links_count > 0) orphans.remove(node);
        return last;
      });
    }
  }

  reserve(node: number, at: number, length: number): void {
    const { superblock, operation } = this.#context;
    const inode = this.#file(node);
    const end = at + length;
    if (!(Number.isSafeInteger(end) && at >= 0 && length > 0)) throw usage('EINVAL', `${length} bytes at ${at} can't be reserved`);
    if (!inode.has(INODE_FLAGS.extents | INODE_FLAGS.inlineData)) throw usage('ENOTSUP', 'Space can be reserved only in files with extents');
    if (inode.has(INODE_FLAGS.inlineData)) operation(() => { this.#growOut(node); });
    if (end > largestFile(superblock, true)) throw usage('EFBIG', 'The file would be larger than this filesystem allows');
    const stop = Math.ceil(end / this.#blockSize);
    for (let logical = Math.floor(at / this.#blockSize); logical < stop;) {
      logical = operation(() => {
        let next = logical;
        for (let runs = 0; next < stop && runs < MOST_RUNS; runs++) {
          const run = this.mapping(node).find(next);
          if (run.physical !== undefined) {
            next += run.count;
            continue;
          }
          const from = next;
          // What was had before the space ended stays, as with fallocate(2).
          if (!this.#unlessFull(from > logical, () => { next += this.allocate(node, from, stop - from, 'unwritten').count; })) break;
        }
        this.#growTo(node, Math.min(end, next * this.#blockSize));
        this.#touch(node);
        return next;
      });
    }
  }

  punch(node: number, at: number, length: number): void {
    const { operation } = this.#context;
    const inode = this.#file(node);
    if (!(Number.isSafeInteger(at + length) && at >= 0 && length > 0)) throw usage('EINVAL', `${length} bytes at ${at} can't be punched`);
    const end = Math.min(at + length, inode.size);
    if (at >= end) return;
    if (inode.has(INODE_FLAGS.inlineData) && this.#changeInline(node, inode.size, (held) => { held.fill(0, at, end); })) return;
    const size = this.#blockSize;
    const first = Math.ceil(at / size);
    // The last block goes wholly when the file ends in it.
    const stop = end === inode.size ? Math.ceil(end / size) : Math.floor(end / size);
    let done = operation(() => {
      this.#touch(node);
      const all = first >= stop || this.#remove(node, first, stop, MOST_RUNS);
      // Last, as in a truncation.
      if (first > stop) {
        this.#zero(node, at, end);
      } else {
        this.#zero(node, at, first * size);
        this.#zero(node, stop * size, end);
      }
      return all;
    });
    while (!done) done = operation(() => this.#remove(node, first, stop, MOST_RUNS));
  }

  settle(): void {
    const { inodes, operation, access } = this.#context;
    const nodes = [...this.#deep];
    this.#deep.clear();
    const most = access.durability === 'direct' ? MOST_PACKED_DIRECT : MOST_PACKED;
    for (const node of nodes) {
      try {
        operation(() => {
          const inode = inodes.get(node);
          // It may have been freed since, or be something else.
          if (inode.nlink > 0 && inode.has(INODE_FLAGS.extents)) this.#extents(inode).pack(most);
        });
      } catch (error) {
        // A tree that is damaged somewhere else, or too large for the journal, stays as wide as it is.
        if (!isDiskError(error) || (error.kind !== 'corrupt' && error.kind !== 'usage')) throw error;
      }
    }
    this.#deep.clear();
  }

  setSize(node: number, size: number): void {
    const { superblock, inodes, editSuperblock } = this.#context;
    const raw = inodes.edit(node);
    const kind = raw.i_mode & 0xf000;
    raw.i_size_lo = size % 2 ** 32;
    if (kind === S_IFREG || (kind === S_IFDIR && superblock.features.largeDir)) raw.i_size_high = Math.floor(size / 2 ** 32);
    if (kind !== S_IFREG || size <= 0x7fffffff || superblock.features.largeFile) return;
    const changed = editSuperblock();
    changed.s_feature_ro_compat = (changed.s_feature_ro_compat | LARGE_FILE) >>> 0;
  }

  /** A file that we may write to. */
  #file(node: number): Inode {
    const inode = this.#context.inodes.get(node);
    if (inode.type !== 'file') throw usage(inode.type === 'dir' ? 'EISDIR' : 'EINVAL', `Inode ${node} is a ${inode.type}`);
    if (inode.has(INODE_FLAGS.encrypt)) throw unsupported('encrypt', `Inode ${node} is encrypted, and Clutch has not its key`);
    if (inode.has(INODE_FLAGS.verity)) throw usage('EPERM', `Inode ${node} is sealed by verity`);
    return inode;
  }

  /** Changes contents that lie in the inode. @returns false when they are too long for it: the file has blocks then, with the old contents */
  #changeInline(node: number, size: number, change: (held: Uint8Array) => void): boolean {
    const { operation, inline, superblock } = this.#context;
    return operation(() => {
      if (size <= superblock.inodeSize) {
        const held = new Uint8Array(size);
        held.set(inline.read(node).subarray(0, size));
        change(held);
        if (inline.store(node, held)) {
          this.#touch(node);
          return true;
        }
      }
      this.#growOut(node);
      return false;
    });
  }

  /** Contents in the inode move into blocks. */
  #growOut(node: number): void {
    const held = this.#context.inline.takeOut(node);
    if (held.length > 0) this.#writePiece(node, 0, held);
    this.#growTo(node, held.length);
  }

  /** Writes as much as one operation should. @returns bytes, at least 1 */
  #writePiece(node: number, at: number, from: Uint8Array): number {
    const size = this.#blockSize;
    const old = this.#context.inodes.get(node).size;
    // What lies between the old end and the new bytes must read as zeros, whatever another system left in the last block.
    if (at > old) this.#zero(node, old, Math.min(at, Math.ceil(old / size) * size));
    let done = 0;
    for (let runs = 0; done < from.length && runs < MOST_RUNS; runs++) {
      if (!this.#unlessFull(done > 0, () => { done += this.#writeRun(node, at + done, from.subarray(done)); })) break;
    }
    this.#growTo(node, at + done);
    this.#touch(node);
    return done;
  }

  /** Runs a part of an operation; where `mayEnd`, the space may end in it, and that part alone is undone. @returns whether it was done */
  #unlessFull(mayEnd: boolean, run: () => void): boolean {
    if (!mayEnd) {
      // What it throws undoes the whole operation, this part with it.
      run();
      return true;
    }
    try {
      this.#context.transaction.operation(run);
      return true;
    } catch (error) {
      if (isDiskError(error) && error.kind === 'usage') return false;
      throw error;
    }
  }

  /** Writes into one run of blocks, which are mapped for it where they are a hole. @returns bytes */
  #writeRun(node: number, at: number, from: Uint8Array): number {
    const { transaction, zone } = this.#context;
    const size = this.#blockSize;
    const logical = Math.floor(at / size);
    const skip = at - logical * size;
    const needed = Math.ceil((skip + from.length) / size);
    const inode = this.#context.inodes.get(node);
    const run = this.#mapping(inode).find(logical);
    if (run.physical !== undefined && !run.unwritten) {
      const bytes = from.subarray(0, Math.min(from.length, run.count * size - skip));
      zone.refuse(run.physical, Math.ceil((skip + bytes.length) / size));
      transaction.writeData(run.physical * size + skip, bytes);
      return bytes.length;
    }
    let block = run.physical;
    let count = Math.min(needed, run.count);
    if (block === undefined) ({ block, count } = this.allocate(node, logical, count, 'data'));
    else {
      zone.refuse(block, count);
      this.#extents(inode).convert(logical, count);
    }
    const bytes = from.subarray(0, Math.min(from.length, count * size - skip));
    this.#fill(block * size, skip, bytes, count * size);
    return bytes.length;
  }

  /** Fills new blocks: `bytes` at `skip`, zeros before and behind. */
  #fill(at: number, skip: number, bytes: Uint8Array, length: number): void {
    const { transaction } = this.#context;
    const behind = length - skip - bytes.length;
    if (skip === 0 && behind === 0) {
      transaction.writeData(at, bytes);
    } else if (length <= MOST_WHOLE) {
      const whole = this.#whole.subarray(0, length);
      whole.fill(0, 0, skip);
      whole.set(bytes, skip);
      whole.fill(0, skip + bytes.length);
      transaction.writeData(at, whole);
    } else {
      if (skip > 0) transaction.writeData(at, new Uint8Array(skip));
      transaction.writeData(at + skip, bytes);
      if (behind > 0) transaction.writeData(at + length - behind, new Uint8Array(behind));
    }
  }

  /** Zeros bytes [from, to) of one block, where it is mapped. */
  #zero(node: number, from: number, to: number): void {
    if (from >= to) return;
    const { transaction, zone } = this.#context;
    const logical = Math.floor(from / this.#blockSize);
    const end = Math.min(to, (logical + 1) * this.#blockSize);
    const run = this.mapping(node).find(logical);
    if (run.physical === undefined || run.unwritten) return;
    zone.refuse(run.physical, 1);
    transaction.writeData(run.physical * this.#blockSize + from - logical * this.#blockSize, new Uint8Array(end - from));
  }

  #growTo(node: number, size: number): void {
    if (size > this.#context.inodes.get(node).size) this.setSize(node, size);
  }

  /** The contents changed now. */
  #touch(node: number): void {
    const { inodes, access } = this.#context;
    const { extraSize } = inodes.get(node);
    const raw: Ext4InodeView = inodes.edit(node);
    const now = access.now();
    setTime(raw, extraSize, 'mtime', now);
    setTime(raw, extraSize, 'ctime', now);
  }

  /** Unmaps [start, end) and frees what is not needed any more, of at most `most` runs. @returns whether all is done */
  #remove(node: number, start: number, end: number, most: number): boolean {
    const { superblock, allocator, inodes, transaction } = this.#context;
    const inode = inodes.get(node);
    const runs: MappedRun[] = [];
    let done = true;
    // No file has blocks from 2^32 on.
    this.#map(inode).remove(start, Math.min(end, 2 ** 32), (run) => {
      runs.push(run);
      done = runs.length < most;
      return done;
    });
    const clusters = new ClusterUse(superblock.clusterRatio, this.#mapping(inodes.get(node)));
    let freed = 0;
    for (const { block, count } of clusters.unused(runs)) {
      allocator.free(block, count);
      freed += Math.ceil(count / superblock.clusterRatio) * superblock.clusterRatio;
      // What is journaled of them must not come back over what they hold next.
      if (inode.type !== 'file') for (let i = 0; i < count; i++) transaction.forget(block + i);
    }
    inodes.charge(node, -freed);
    return done;
  }

  #mapping(inode: Inode): Mapping {
    const { transaction, superblock, note } = this.#context;
    if (inode.has(INODE_FLAGS.inlineData)) throw corrupt(`inode ${inode.node}`, 'it has no blocks: its contents are inside the inode', inode.at);
    if (!inode.has(INODE_FLAGS.extents)) return new BlockMapping(transaction, inode.node, inode.block);
    return new ExtentMapping({
      blocks: transaction, inode: inode.node, root: inode.block, rootAt: inode.at + 0x28,
      checksumSeed: superblock.features.metadataChecksum ? inode.checksumSeed : undefined, note,
    });
  }

  #map(inode: Inode): FileMap {
    if (inode.has(INODE_FLAGS.extents)) return this.#extents(inode);
    const { superblock, inodes } = this.#context;
    if (superblock.clusterRatio > 1) throw unsupported('bigalloc', `Inode ${inode.node} is mapped by block numbers in a filesystem of clusters`);
    return new IndirectMap({ ...this.#mapContext(inode), root: inodes.edit(inode.node).i_block });
  }

  #extents(inode: Inode): ExtentTree {
    const { superblock, inodes } = this.#context;
    const root = inodes.edit(inode.node).i_block;
    if (Ext4ExtentHeader.at(root).eh_depth > 0 && this.#deep.size < MOST_DEEP && !this.#deep.has(inode.node)) {
      this.#deep.add(inode.node);
      this.#context.transaction.onUndo(() => { this.#deep.delete(inode.node); });
    }
    return new ExtentTree({
      ...this.#mapContext(inode), root,
      checksumSeed: superblock.features.metadataChecksum ? inode.checksumSeed : undefined,
    });
  }

  /** Where a map takes blocks for itself, and gives them back. */
  #mapContext({ node }: Inode): Omit<IndirectContext, 'root'> {
    const { superblock, allocator, inodes, transaction } = this.#context;
    return {
      transaction, node,
      takeBlock(near) {
        const { block } = allocator.allocate(near, 1, 'metadata');
        inodes.charge(node, superblock.clusterRatio);
        return block;
      },
      giveBlock(block) {
        transaction.forget(block);
        allocator.free(block, 1);
        inodes.charge(node, -superblock.clusterRatio);
      },
    };
  }

  /** Where an inode's first block is best: in its group, and with flex_bg past the folders' part of the flex group (ext4_inode_to_goal_block). */
  #goal(inode: Inode): number {
    const { superblock } = this.#context;
    let group = Math.floor((inode.node - 1) / superblock.inodesPerGroup);
    const flex = flexSize(superblock);
    if (flex >= 4) {
      group -= group % flex;
      if (inode.type === 'file' && group + 1 < superblock.groupCount) group++;
    }
    return superblock.groupStart(group);
  }
}

