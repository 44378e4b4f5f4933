import type { BlockCount } from './block-count.ts';
import type { CheckContext } from './context.ts';
import { I_BLOCK_AT } from './extent-walk.ts';
import { RESIZE_INODE } from './metadata.ts';
import { PASS1 } from './pass1-problems.ts';
import type { Problem } from './problems.ts';

const DIRECT = 12;
/** So many bad numbers in one inode, and what is left of it is worth nothing (process_block in pass1.c). */
const TOO_MANY = 12;

/** A list of block numbers: i_block, or an indirect block. */
interface List {
  readonly view: DataView;
  readonly at: number;
  /** Where it lies; 0 = in the inode. */
  readonly block: number;
  changed: boolean;
}

/** What a number in a map stands for: the logical number of a block, or an indirect block of a level (1 to 3), in e2fsck's count -1 to -3. */
interface Slot {
  readonly logical: number;
  readonly level: number;
}

/** Walks the block map of an inode without extents: counts, claims, and asks about what is wrong. */
export function walkIndirect(context: CheckContext, count: BlockCount): void {
  const { view } = count.inode;
  const root: List = { view, at: I_BLOCK_AT, block: 0, changed: false };
  const perBlock = context.superblock.blockSize / 4;
  for (let i = 0; i < DIRECT && !count.clear; i++) visit(context, count, root, i, { logical: i, level: 0 });
  let logical = DIRECT;
  for (let level = 1; level <= 3 && !count.clear; level++) {
    follow(context, count, root, DIRECT + level - 1, { logical, level }, perBlock);
    logical += perBlock ** level;
  }
  if (root.changed) count.changed = true;
  count.lastWritten = count.last;
}

/** An indirect block: first itself, then what it lists. */
function follow(context: CheckContext, count: BlockCount, list: List, index: number, slot: Slot, perBlock: number): void {
  const block = visit(context, count, list, index, slot);
  if (block === 0 || count.clear) return;
  const { firstDataBlock, blockCount, blockSize } = context.superblock;
  if (block < firstDataBlock || block >= blockCount) return;
  const bytes = new Uint8Array(blockSize);
  if (!context.tryRead(block, bytes)) return;
  const inner: List = { view: new DataView(bytes.buffer), at: 0, block, changed: false };
  const step = perBlock ** (slot.level - 1);
  for (let i = 0; i < perBlock && !count.clear; i++) {
    if (slot.level === 1) visit(context, count, inner, i, { logical: slot.logical + i, level: 0 });
    else follow(context, count, inner, i, { logical: slot.logical + i * step, level: slot.level - 1 }, perBlock);
  }
  if (inner.changed) context.write(block, bytes);
}

/** One number (process_block). @returns the block that is to be followed, 0 = none */
function visit(context: CheckContext, count: BlockCount, list: List, index: number, { logical, level }: Slot): number {
  const { inode } = count;
  const { tables } = context;
  const block = list.view.getUint32(list.at + index * 4, true);
  // Without its first block a directory has no "." and "..": pass 2 must see that.
  if (block === 0 && level === 0 && logical === 0) count.listDirectory(context, 0, 0, 1);
  if (block === 0) return 0;
  const place = list.block === 0 ? context.inodePlace(inode.number) : context.place(`indirect block of inode ${inode.number}`, list.block);
  const isResize = inode.number === RESIZE_INODE;
  if (level > 0 && !isResize && tables.metadata.has(block)) {
    context.problem(PASS1['metadata-collision'], { inode: inode.number, block }, place);
    context.restartLater = true;
  }
  const wrong = problemOf(context, count, block, logical, level);
  if (wrong !== undefined) {
    // What the resize inode leads to was looked at with the superblock: what lies below that is not its own, and is left alone.
    if (isResize) return 0;
    count.illegal++;
    // The list lies over the filesystem's own blocks: nothing is written there.
    if (list.block !== 0 && tables.metadata.has(list.block)) return 0;
    if (count.illegal % TOO_MANY === 0 && context.problem(PASS1['too-many-illegal'], { inode: inode.number }, place)) {
      count.clear = true;
      return 0;
    }
    // As in e2fsck, a number that is cleared in a block of numbers, and not in the inode, is no change of the filesystem by itself.
    if (!context.problem(list.block === 0 ? wrong : { ...wrong, housekeeping: 'with-changes' }, { inode: inode.number, block, logical: level === 0 ? logical : -level }, place)) return wrong === PASS1['illegal-block'] ? 0 : block;
    list.view.setUint32(list.at + index * 4, 0, true);
    list.changed = true;
    if (level === 0 && wrong !== PASS1['directory-too-big']) count.listDirectory(context, logical, 0, 1);
    return 0;
  }
  claim(context, count, block, logical, level);
  if (level === 0) count.last = logical;
  count.previous = block;
  if (level === 0) count.listDirectory(context, logical, block, 1);
  return block;
}

function problemOf(context: CheckContext, count: BlockCount, block: number, logical: number, level: number): Problem | undefined {
  const { inode, clusters } = count;
  const { features, raw, firstDataBlock, blockCount } = context.superblock;
  if (block < firstDataBlock || block >= blockCount) return PASS1['illegal-block'];
  const most = 2 ** (31 - raw.s_log_block_size);
  if (!inode.isDirectory && !inode.isRegular && level === 0 && logical > 0) return PASS1['symlink-too-big'];
  if (inode.isRegular && clusters + 1 >= most) return PASS1['file-too-big'];
  if (!inode.isDirectory) return undefined;
  const tooBig = !features.largeDir && inode.raw.i_size_high === 0 && level === 0 && logical > 2 ** (21 - raw.s_log_block_size);
  return tooBig || clusters + 1 >= most ? PASS1['directory-too-big'] : undefined;
}

function claim(context: CheckContext, count: BlockCount, block: number, logical: number, level: number): void {
  const ratio = context.superblock.clusterRatio;
  if (count.inode.number === RESIZE_INODE) {
    // Its other blocks are reserved for descriptors, and are the filesystem's own already.
    if (level === 2) context.claim(block);
    count.clusters++;
    return;
  }
  const place = level === 0 ? logical : -level;
  const sameCluster = ratio > 1 && count.previous !== 0 && Math.floor(block / ratio) === Math.floor(count.previous / ratio) && block % ratio === ((place % ratio) + ratio) % ratio;
  if (!sameCluster) {
    context.claim(block);
    count.clusters++;
  } else if (count.isMisaligned(context, logical, block)) {
    count.reportMisaligned(context, logical, block);
  }
}
