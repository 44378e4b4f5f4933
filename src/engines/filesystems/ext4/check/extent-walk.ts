import { crc32c } from '../../../codecs/crc32c.ts';
import { EXTENT_INIT_MAX, EXTENT_MAGIC, I_BLOCK_SIZE, INODE_FLAGS } from '../layout.ts';
import type { BlockCount } from './block-count.ts';
import type { CheckContext } from './context.ts';
import { RESIZE_INODE } from './metadata.ts';
import { PASS1 } from './pass1-problems.ts';
import type { Problem } from './problems.ts';

/** Byte in an inode where its map starts. */
export const I_BLOCK_AT = 0x28;
const HEADER = 12;
const ENTRY = 12;
/** Levels below the root that a walk goes down: eh_depth may claim 65,535, the kernel takes 5. */
const DEEPEST = 8;

/** Whether an extent header can be one (ext2fs_extent_header_verify). @param at byte of the header @param size bytes of the node */
export function isExtentHeader(view: DataView, at: number, size: number): boolean {
  const most = Math.floor((size - HEADER) / ENTRY);
  const max = view.getUint16(at + 4, true);
  return view.getUint16(at, true) === EXTENT_MAGIC && view.getUint16(at + 2, true) <= max && max <= most && max >= most - 2;
}

/** A node of an extent tree: the root in the inode, or a block. */
interface Node {
  readonly view: DataView;
  /** Byte of its header in `view`. */
  readonly at: number;
  /** The block it lies in; 0 = the inode. */
  readonly block: number;
  readonly level: number;
  changed: boolean;
}

/** Where the walk is in the tree. */
interface Walk {
  readonly context: CheckContext;
  readonly count: BlockCount;
  readonly depth: number;
  /** Logical number of the last block that i_size covers. */
  readonly lastOfSize: number;
  readonly seed: number;
  /** Blocks of the nodes from the root to here: a tree that comes to one again goes in circles. */
  readonly path: number[];
  /** Blocks of extents visited: a tree may be crafted so that its nodes share children. */
  visits: number;
  /** The tree can't be walked to its end: what to do is asked once. */
  failed: boolean;
}

/**
 * Walks the extents of an inode, counts and claims what they map, and asks about what is wrong (scan_extent_node in pass1.c).
 * Repairs of the root are made in the inode, and noted in `count.changed`; those of blocks are written at once.
 * @returns false when the tree can't be iterated, so that the inode should be cleared
 */
export function walkExtents(context: CheckContext, count: BlockCount): boolean {
  const { inode } = count;
  const { superblock } = context;
  const sizeInBlocks = Math.ceil(inode.size / superblock.blockSize);
  const root: Node = { view: inode.view, at: I_BLOCK_AT, block: 0, level: 0, changed: false };
  const walk: Walk = {
    context, count, depth: inode.view.getUint16(I_BLOCK_AT + 6, true), lastOfSize: sizeInBlocks - 1, seed: inode.seed(superblock), path: [], visits: 0, failed: false,
  };
  count.depth = walk.depth;
  scan(walk, root, { start: 0, end: 0, behind: sizeInBlocks }, true);
  if (root.changed) {
    count.changed = true;
    // A root that leads nowhere any more is a leaf without extents.
    if (entries(root) === 0) inode.view.setUint16(I_BLOCK_AT + 6, 0, true);
  }
  return !walk.failed;
}

interface Bounds {
  /** The logical block that entries start at, at least. */
  readonly start: number;
  /** The last logical block that they may reach; 0 = no bound. */
  readonly end: number;
  /** The logical block where the next node's entries start: what an index covers ends before it. */
  readonly behind: number;
}

const entries = (node: Node): number => node.view.getUint16(node.at + 2, true);

/** @param repairing entries may be changed: the node does not lie over the filesystem's own blocks */
function scan(walk: Walk, node: Node, bounds: Bounds, repairing: boolean): void {
  const { context, count, depth } = walk;
  const { view } = node;
  const isLeaf = node.level === depth;
  let { start } = bounds;
  if (depth > 0) countLevel(count, node);
  for (let i = 0; i < entries(node) && !walk.failed; i++) {
    const at = node.at + HEADER + i * ENTRY;
    const entry = isLeaf ? leafEntry(view, at) : indexEntry(view, at, i + 1 < entries(node) ? view.getUint32(at + ENTRY, true) : bounds.behind);
    const last = entry.logical + entry.length - 1;
    const wrong = problemOf(walk, entry, isLeaf, start, bounds.end, last);
    const parts = { inode: count.inode.number, logical: entry.logical, physical: entry.physical, length: entry.length };
    if (repairing && isLeaf && count.inode.isDirectory && wrong === undefined && entry.unwritten && context.problem(PASS1['directory-unwritten'], parts, place(walk, node))) {
      view.setUint16(at + 4, entry.length, true);
      node.changed = true;
    }
    if (wrong !== undefined) {
      if (repairing && context.problem(wrong, parts, place(walk, node))) {
        remove(node, i);
        i--;
        continue;
      }
      // What can't be repaired yet is counted all the same, where it can be: its blocks must not be given away.
      if (repairing || wrong === PASS1['extent-bad-start'] || wrong === PASS1['extent-past-end']) continue;
    }
    if (!isLeaf) {
      const went = descend(walk, node, at, entry, last, repairing);
      if (went === 'remove') {
        remove(node, i);
        i--;
      }
      continue;
    }
    countExtent(walk, node, at, entry, repairing);
    if (!(entry.length > 0)) continue;
    const logical = view.getUint32(at, true);
    start = logical + entry.length - 1;
  }
}

function countLevel({ levels }: BlockCount, node: Node): void {
  const room = node.view.getUint16(node.at + 4, true);
  const level = levels[node.level] ??= { entries: 0, room: 0 };
  level.entries += entries(node);
  // A block that was split at its end keeps one entry free: that alone is no reason to write the tree anew.
  level.room += node.level > 0 && entries(node) < room ? room - 1 : room;
}

interface ExtentEntry {
  readonly logical: number;
  readonly length: number;
  readonly physical: number;
  readonly unwritten: boolean;
}

function leafEntry(view: DataView, at: number): ExtentEntry {
  const length = view.getUint16(at + 4, true);
  const unwritten = length > EXTENT_INIT_MAX;
  return { logical: view.getUint32(at, true), length: unwritten ? length - EXTENT_INIT_MAX : length, physical: view.getUint32(at + 8, true) + view.getUint16(at + 6, true) * 2 ** 32, unwritten };
}

/** An index: its length is up to the next one's start, in 32 bits as e2fsck counts it. */
function indexEntry(view: DataView, at: number, behind: number): ExtentEntry {
  const logical = view.getUint32(at, true);
  return { logical, length: (behind - logical) >>> 0, physical: view.getUint32(at + 4, true) + view.getUint16(at + 8, true) * 2 ** 32, unwritten: false };
}

function problemOf({ context, count, lastOfSize }: Walk, entry: ExtentEntry, isLeaf: boolean, start: number, end: number, last: number): Problem | undefined {
  const { firstDataBlock, blockCount, features, raw } = context.superblock;
  const { inode } = count;
  // A last block before 0 is a huge number to e2fsck, which counts it without a sign.
  const reach = last < 0 ? Infinity : last;
  if (entry.physical === 0 || entry.physical < firstDataBlock || entry.physical >= blockCount) return PASS1['extent-bad-start'];
  if (entry.logical < start) return PASS1['extent-out-of-order'];
  if (end !== 0 && reach > end && !(reach > lastOfSize && (entry.unwritten || inode.has(INODE_FLAGS.verity)))) return PASS1['extent-past-bound'];
  if (!isLeaf) return undefined;
  if (entry.length === 0) return PASS1['extent-empty'];
  if (entry.physical + entry.length > blockCount) return PASS1['extent-past-end'];
  if (inode.isDirectory && inode.raw.i_size_high === 0 && !features.largeDir && entry.logical + entry.length > 2 ** (21 - raw.s_log_block_size)) return PASS1['directory-too-big'];
  if (entry.logical < count.next) return PASS1['extent-collision'];
  count.next = Math.max(count.next, entry.logical + entry.length);
  return undefined;
}

function remove(node: Node, index: number): void {
  const at = node.at + HEADER + index * ENTRY;
  const end = node.at + HEADER + entries(node) * ENTRY;
  const bytes = new Uint8Array(node.view.buffer, node.view.byteOffset);
  bytes.copyWithin(at, at + ENTRY, end);
  bytes.fill(0, end - ENTRY, end);
  node.view.setUint16(node.at + 2, entries(node) - 1, true);
  node.changed = true;
}

/** Goes down to a child. @returns 'remove' when its index is to be taken away */
function descend(walk: Walk, node: Node, at: number, entry: ExtentEntry, last: number, repairing: boolean): 'remove' | undefined {
  const { context, count } = walk;
  const { superblock } = context;
  const number = count.inode.number;
  // A node over the filesystem's own blocks is not repaired: pass 1B gives it a block of its own, and then everything begins again.
  const collides = number !== RESIZE_INODE && context.tables.metadata.has(entry.physical);
  if (collides) {
    context.problem(PASS1['metadata-collision'], { inode: number, block: entry.physical }, context.place(`extent block of inode ${number}`, entry.physical));
    context.restartLater = true;
  }
  const bytes = new Uint8Array(superblock.blockSize);
  const unusable = node.level === DEEPEST || walk.path.includes(entry.physical) || ++walk.visits > superblock.blockCount || !context.tryRead(entry.physical, bytes);
  const child: Node = { view: new DataView(bytes.buffer), at: 0, block: entry.physical, level: node.level + 1, changed: false };
  const parts = { inode: number, block: entry.physical, logical: entry.logical };
  if (!unusable && !isExtentHeader(child.view, 0, bytes.length)) {
    if (collides || !repairing) return undefined;
    return context.problem(PASS1['extent-node-invalid'], parts, place(walk, child)) ? 'remove' : undefined;
  }
  if (unusable || entries(child) === 0) {
    walk.failed = true;
    return undefined;
  }
  const sumFails = superblock.features.metadataChecksum && !nodeSumMatches(walk.seed, bytes);
  const first = child.view.getUint32(HEADER, true);
  if (first !== entry.logical && context.problem(PASS1['extent-index-start'], { ...parts, first, level: node.level }, place(walk, node))) {
    node.view.setUint32(at, first, true);
    node.changed = true;
  }
  walk.path.push(entry.physical);
  scan(walk, child, { start: first, end: last < 0 ? 0 : last, behind: entry.logical + entry.length }, repairing && !collides);
  walk.path.pop();
  if (walk.failed) return undefined;
  if (child.changed) {
    if (entries(child) === 0) return 'remove';
    writeNode(walk, child);
    const now = child.view.getUint32(HEADER, true);
    if (node.view.getUint32(at, true) !== now) {
      node.view.setUint32(at, now, true);
      node.changed = true;
    }
  } else if (sumFails && context.problem(PASS1['extent-checksum'], parts, place(walk, child))) {
    writeNode(walk, child);
  }
  context.claim(entry.physical);
  count.clusters++;
  return undefined;
}

/** One extent that is sound, or that nobody wants repaired. */
function countExtent(walk: Walk, node: Node, at: number, { logical: stored, length, physical, unwritten }: ExtentEntry, repairing: boolean): void {
  const { context, count } = walk;
  const { clusterRatio: ratio } = context.superblock;
  const { inode } = count;
  let logical = stored;
  // A directory has no holes: the blocks behind one are moved down, or pass 3 would fill it with empty blocks.
  if (repairing && inode.isDirectory && count.last + 1 < logical) {
    const to = ratio > 1 ? Math.ceil((count.last + 1) / ratio) * ratio + physical % ratio : count.last + 1;
    if (to !== logical && context.problem(PASS1['directory-hole'], { inode: inode.number, logical, to }, place(walk, node))) {
      logical = to;
      node.view.setUint32(at, logical, true);
      node.changed = true;
    }
  }
  count.listDirectory(context, logical, physical, length);
  if (count.isMisaligned(context, logical, physical)) for (let i = 0; i < length; i++) count.reportMisaligned(context, logical + i, physical + i);
  // The first cluster may be that of the run before.
  const first = Math.floor(physical / ratio);
  const from = ratio > 1 && count.previous !== 0 && first === Math.floor(count.previous / ratio) ? first + 1 : first;
  const to = Math.floor((physical + length - 1) / ratio);
  if (to >= from) {
    context.claimClusters(from, to - from + 1);
    count.clusters += to - from + 1;
  }
  if (length === 0) return;
  count.last = logical + length - 1;
  count.previous = physical + length - 1;
  if (!inode.isDirectory && !unwritten) count.lastWritten = count.last;
}

function place({ context, count }: Walk, node: Node): ReturnType<CheckContext['inodePlace']> {
  return node.block === 0 ? context.inodePlace(count.inode.number) : context.place(`extent block of inode ${count.inode.number}`, node.block);
}

/** The checksum lies behind the eh_max entries, over everything before it. */
function tailAt(bytes: Uint8Array): number {
  return HEADER + new DataView(bytes.buffer, bytes.byteOffset).getUint16(4, true) * ENTRY;
}

function nodeSumMatches(seed: number, bytes: Uint8Array): boolean {
  const tail = tailAt(bytes);
  return tail + 4 > bytes.length || new DataView(bytes.buffer, bytes.byteOffset).getUint32(tail, true) === crc32c(seed, bytes, 0, tail);
}

function writeNode({ context, seed }: Walk, node: Node): void {
  const bytes = new Uint8Array(node.view.buffer);
  const tail = tailAt(bytes);
  if (context.superblock.features.metadataChecksum && tail + 4 <= bytes.length) node.view.setUint32(tail, crc32c(seed, bytes, 0, tail), true);
  context.write(node.block, bytes);
}

/** Whether the map in an inode looks like an extent root. */
export function hasExtentRoot(view: DataView, at = I_BLOCK_AT): boolean {
  return isExtentHeader(view, at, I_BLOCK_SIZE);
}
