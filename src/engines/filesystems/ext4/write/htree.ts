import { crc32c, crc32cOfZeros } from '../../../codecs/crc32c.ts';
import { corrupt, usage } from '../../../core/errors.ts';
import type { DirectoryContext } from '../directory.ts';
import { Ext4DxCountLimit, Ext4DxRootInfo } from '../directory-layout.ts';
import { type DxBlock, type DxRoot, findPair, pairBlock, pairHash, readNode, readRoot } from '../dx-block.ts';
import { hashName, type NameHash } from '../hash.ts';
import { ENTRY_HEADER, type Entry, entryLength, initialiseLeaf, insertEntry, leafEnd, packLeaf, type PlacedEntry, placedEntries, sealLeaf, setLength, verifyLeaf, writeEntry } from './directory-blocks.ts';

/** The blocks of a directory while its hash index is changed. */
export interface DirectoryBlocks {
  readonly context: DirectoryContext;
  /** A block to be changed. @throws DiskError corrupt for a hole */
  edit(logical: number): Uint8Array;
  /** A new block of zeros behind the last. @throws DiskError usage ENOSPC */
  append(): { readonly logical: number; readonly bytes: Uint8Array };
}

/** Where the index's pairs begin in an inner block, behind the unused entry that it poses as. */
const NODE_ENTRIES_AT = 8;
/** Where dx_root_info lies: behind "." and "..". */
const INFO_AT = 24;
const PAIR = 8;
const TAIL = 8;

/** A block of the index on the way to a leaf, and the pair that was taken in it. */
interface Step {
  readonly logical: number;
  readonly block: DxBlock;
  readonly pair: number;
}

/** An index leads somewhere: the leaf for a hash, and the way to it. */
interface Way {
  readonly root: DxRoot;
  readonly path: readonly Step[];
  readonly leaf: number;
}

/** The leaves in which a name with this hash may lie, in order: more than one where a hash was split over several. @throws DiskError corrupt */
export function* hashedLeaves(context: DirectoryContext, name: Uint8Array): Iterable<number> {
  const root = rootOf(context);
  const { hash } = nameHash(context, root.version, name);
  const way = walk(context, root, hash);
  yield way.leaf;
  const path = way.path.map((step) => ({ ...step }));
  // Each turn moves to a later pair, and there are no more sound leaves than blocks.
  for (let left = context.size / context.blockSize; left > 0; left--) {
    let level = path.length - 1;
    while (path[level]!.pair + 1 >= path[level]!.block.count) {
      if (level === 0) return;
      level--;
    }
    const step = path[level]!;
    path[level] = { ...step, pair: step.pair + 1 };
    if ((pairHash(step.block, step.pair + 1) & ~1) >>> 0 !== hash) return;
    for (; level < path.length - 1; level++) {
      const above = path[level]!;
      const logical = pairBlock(above.block, above.pair);
      path[level + 1] = { logical, block: nodeOf(context, logical), pair: 0 };
    }
    const last = path.at(-1)!;
    yield leafOf(context, last);
  }
}

/**
 * Adds an entry to a hashed directory, splitting leaves and blocks of the index where they are full (ext4_dx_add_entry).
 * @throws DiskError usage ENOSPC when the index is full: two levels, or three with large_dir
 */
export function insertHashed(blocks: DirectoryBlocks, entry: Entry): void {
  const { context } = blocks;
  // Every turn but the last splits a block on the way, so that the next finds more room; each level can be full once, and a leaf of equal hashes is halved.
  for (let turns = 0; turns < 16; turns++) {
    const root = rootOf(context);
    const { hash } = nameHash(context, root.version, entry.name);
    const way = walk(context, root, hash);
    const there = context.block(way.leaf);
    if (there !== undefined) verifyLeaf(context, there, way.leaf);
    const leaf = blocks.edit(way.leaf);
    if (insertEntry(context, leaf, 0, leafEnd(context), entry)) {
      sealLeaf(context, leaf);
      return;
    }
    if (!splitIndex(blocks, way, way.path.length - 1)) splitLeaf(blocks, way, leaf);
  }
  throw corrupt(`directory inode ${context.inode}`, 'its hash index makes no room for a name');
}

/** Turns a directory of one full block into a hashed one: its entries go to a leaf of their own (make_indexed_dir). The caller sets the flag of the inode. */
export function makeIndexed(blocks: DirectoryBlocks, parent: number): void {
  const { context } = blocks;
  const there = context.block(0);
  if (there !== undefined) verifyLeaf(context, there, 0);
  const root = blocks.edit(0);
  const entries = [...placedEntries(context, root, 0, leafEnd(context))].filter(({ inode }) => inode !== 0).slice(2);
  const leaf = blocks.append();
  packLeaf(context, leaf.bytes, root, entries);
  root.fill(0);
  writeEntry(context, root, 0, 12, { name: DOT, inode: context.inode, type: 'dir' });
  writeEntry(context, root, 12, context.blockSize, { name: DOTDOT, inode: parent, type: 'dir' });
  const info = Ext4DxRootInfo.at(root, INFO_AT);
  info.hash_version = context.hashVersionDefault;
  info.info_length = Ext4DxRootInfo.size;
  const entriesAt = INFO_AT + Ext4DxRootInfo.size;
  setPairs(context, root, entriesAt, [{ hash: 0, block: leaf.logical }]);
}

export const DOT = Uint8Array.of(0x2e);
export const DOTDOT = Uint8Array.of(0x2e, 0x2e);

/** Makes the checksum of a block of the index new: after ".." in its root was changed. */
export function sealRoot(context: DirectoryContext, root: Uint8Array): void {
  sealIndex(context, root, INFO_AT + Ext4DxRootInfo.at(root, INFO_AT).info_length);
}

function rootOf(context: DirectoryContext): DxRoot {
  const root = readRoot(context);
  if (typeof root === 'string') throw corrupt(`hash index of directory inode ${context.inode}`, root);
  return root;
}

function nodeOf(context: DirectoryContext, logical: number): DxBlock {
  const node = readNode(context, logical);
  if (typeof node === 'string') throw corrupt(`hash index of directory inode ${context.inode}`, node);
  return node;
}

function leafOf(context: DirectoryContext, step: Step): number {
  const leaf = pairBlock(step.block, step.pair);
  if (leaf === 0 || leaf >= context.size / context.blockSize) throw corrupt(`hash index of directory inode ${context.inode}`, `it leads to block ${leaf}`);
  return leaf;
}

function walk(context: DirectoryContext, root: DxRoot, hash: number): Way {
  const path: Step[] = [];
  let logical = 0;
  let block: DxBlock = root;
  for (let level = 0; ; level++) {
    const step = { logical, block, pair: findPair(block, hash) };
    path.push(step);
    if (level === root.levels) return { root, path, leaf: leafOf(context, step) };
    logical = leafOf(context, step);
    // A block of the index that is met twice would be changed under its own feet.
    if (path.some((each) => each.logical === logical)) throw corrupt(`hash index of directory inode ${context.inode}`, `block ${logical} leads back to itself`);
    block = nodeOf(context, logical);
  }
}

function nameHash(context: DirectoryContext, version: number, name: Uint8Array): NameHash {
  const hash = hashName(name, { version, seed: context.hashSeed });
  if (hash === undefined) throw corrupt(`hash index of directory inode ${context.inode}`, `hash version ${version} is not for plain names`);
  return hash;
}

/** Makes room for one more pair at `level` of the way. @returns true when blocks were moved: the way is to be walked anew */
function splitIndex(blocks: DirectoryBlocks, way: Way, level: number): boolean {
  const { context } = blocks;
  const { logical, block } = way.path[level]!;
  if (block.count < limitOf(context, block.entriesAt)) return false;
  if (level > 0 && splitIndex(blocks, way, level - 1)) return true;
  if (level === 0 && way.root.levels + 1 >= (context.largeDir ? 3 : 2)) {
    throw usage('ENOSPC', `The index of directory inode ${context.inode} is full`, context.largeDir ? undefined : 'The feature large_dir allows more names in a directory.');
  }
  const pairs = pairsOf(block);
  const added = blocks.append();
  setLength(added.bytes, 0, context.blockSize);
  if (level === 0) {
    // The root's pairs move down a level.
    setPairs(context, added.bytes, NODE_ENTRIES_AT, pairs);
    const root = blocks.edit(0);
    Ext4DxRootInfo.at(root, INFO_AT).indirect_levels = way.root.levels + 1;
    setPairs(context, root, block.entriesAt, [{ hash: 0, block: added.logical }]);
    return true;
  }
  const half = pairs.length >>> 1;
  const above = way.path[level - 1]!;
  setPairs(context, added.bytes, NODE_ENTRIES_AT, pairs.slice(half));
  setPairs(context, blocks.edit(logical), block.entriesAt, pairs.slice(0, half));
  addPair(blocks, above, { hash: pairs[half]!.hash, block: added.logical });
  return true;
}

/** Moves the upper half of a leaf's hashes to a new one (do_split). The block of the index above has room for a pair. */
function splitLeaf(blocks: DirectoryBlocks, way: Way, leaf: Uint8Array): void {
  const { context } = blocks;
  const from = leaf.slice();
  const entries = [...placedEntries(context, from, 0, leafEnd(context))]
    .filter(({ inode }) => inode !== 0)
    .map((entry) => ({ entry, hash: nameHash(context, way.root.version, from.subarray(entry.at + ENTRY_HEADER, entry.at + ENTRY_HEADER + entry.nameLength)).hash }))
    .toSorted((a, b) => a.hash - b.hash);
  if (entries.length < 2) {
    // Unused entries that nobody joined: close together there is room.
    if (entries.length === 0) initialiseLeaf(context, leaf);
    else packLeaf(context, leaf, from, entries.map(({ entry }) => entry));
    return;
  }
  // Halved by bytes.
  let size = 0;
  let split = entries.length;
  while (split > 1 && size + entryLength(entries[split - 1]!.entry.nameLength) / 2 <= context.blockSize / 2) size += entryLength(entries[--split]!.entry.nameLength);
  const added = blocks.append();
  const plain = (part: typeof entries): PlacedEntry[] => part.map(({ entry }) => entry);
  packLeaf(context, added.bytes, from, plain(entries.slice(split)));
  packLeaf(context, leaf, from, plain(entries.slice(0, split)));
  const { hash } = entries[split]!;
  // The lowest bit says that names with this hash begin in the leaf before.
  addPair(blocks, way.path.at(-1)!, { hash: hash === entries[split - 1]!.hash ? hash + 1 : hash, block: added.logical });
}

interface Pair {
  readonly hash: number;
  readonly block: number;
}

function pairsOf(block: DxBlock): Pair[] {
  return Array.from({ length: block.count }, (_, i) => ({ hash: pairHash(block, i), block: pairBlock(block, i) }));
}

/** Puts a pair behind the one that was taken. */
function addPair(blocks: DirectoryBlocks, step: Step, pair: Pair): void {
  const pairs = pairsOf(step.block);
  setPairs(blocks.context, blocks.edit(step.logical), step.block.entriesAt, pairs.toSpliced(step.pair + 1, 0, pair));
}

function limitOf(context: DirectoryContext, entriesAt: number): number {
  return Math.floor((context.blockSize - entriesAt - (context.hasChecksum ? TAIL : 0)) / PAIR);
}

/** Writes the pairs of a block of the index, with limit and count in the place of the first one's hash, and the checksum. */
function setPairs(context: DirectoryContext, bytes: Uint8Array, entriesAt: number, pairs: readonly Pair[]): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const head = Ext4DxCountLimit.over(view, entriesAt);
  head.limit = limitOf(context, entriesAt);
  head.count = pairs.length;
  pairs.forEach(({ hash, block }, i) => {
    if (i > 0) view.setUint32(entriesAt + i * PAIR, hash, true);
    view.setUint32(entriesAt + i * PAIR + 4, block, true);
  });
  sealIndex(context, bytes, entriesAt);
}

/** ext4_dx_csum: over the pairs in use, then the tail with its checksum as zero. */
function sealIndex(context: DirectoryContext, bytes: Uint8Array, entriesAt: number): void {
  if (!context.hasChecksum) return;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const head = Ext4DxCountLimit.over(view, entriesAt);
  const tailAt = entriesAt + head.limit * PAIR;
  const sum = crc32c(crc32c(context.checksumSeed, bytes, 0, entriesAt + head.count * PAIR), bytes, tailAt, tailAt + 4);
  view.setUint32(tailAt + 4, crc32cOfZeros(sum, 4), true);
}
