import { plainStructure, type Structure, structureOf } from '../../../core/layout/annotate.ts';
import { decodeName } from '../../../core/names.ts';
import { Ext4BlockNumbers, Ext4Extent, Ext4ExtentHeader, Ext4ExtentIdx, Ext4Inode, Ext4InodeExtra, EXTENT_MAGIC, I_BLOCK_SIZE, INODE_FLAGS } from '../layout.ts';
import { extentHeaderMeanings, extentIndexMeanings, extentMeanings, inodeMeanings, RESERVED_INODES } from '../meanings.ts';
import type { Superblock } from '../superblock.ts';

/** Where i_block lies in an inode. */
const I_BLOCK_AT = Ext4Inode.fields.i_block.offset;

const DIRECTORY = 4;
const FILE = 8;
const SYMLINK = 10;

/** "inode 8 (journal)". */
export function inodeName(node: number): string {
  const meaning = RESERVED_INODES[node];
  return meaning === undefined ? `inode ${node}` : `inode ${node} (${meaning})`;
}

/**
 * An inode and what is spelled inside it: the root of its extents, its block numbers, a link's target.
 * @param bytes of the inode table, with the inode at byte `from`
 * @param at where the inode lies on the device
 */
export function* inodeStructures(superblock: Superblock, node: number, bytes: Uint8Array, from: number, at: number): Iterable<Structure> {
  const name = inodeName(node);
  const raw = Ext4Inode.at(bytes, from);
  const wide = superblock.inodeSize >= Ext4InodeExtra.size;
  const meanings = inodeMeanings(superblock, node);
  const meaning = raw.i_mode === 0 ? 'not in use' : raw.i_links_count === 0 ? 'deleted' : undefined;
  const inode = wide ? structureOf(Ext4InodeExtra, bytes, from, at, name, meanings, meaning) : structureOf(Ext4Inode, bytes, from, at, name, meanings as object, meaning);
  // What follows the known fields is room for extended attributes: the inode is as long as the table says.
  if (inode !== undefined) yield { ...inode, length: superblock.inodeSize };
  if (raw.i_mode === 0) return;
  const kind = raw.i_mode >>> 12;
  const root = raw.i_block;
  const place = at + I_BLOCK_AT;
  if ((raw.i_flags & INODE_FLAGS.inlineData) !== 0) {
    yield plainStructure(place, I_BLOCK_SIZE, `first inline bytes of inode ${node}`);
  } else if ((raw.i_flags & INODE_FLAGS.extents) !== 0) {
    yield* extentNode(superblock, root, place, `inode ${node}`);
  } else if (kind === FILE || kind === DIRECTORY || (kind === SYMLINK && raw.i_size_lo >= I_BLOCK_SIZE)) {
    const numbers = structureOf(Ext4BlockNumbers, root, 0, place, `block numbers of inode ${node}`);
    if (numbers !== undefined) yield numbers;
  } else if (kind === SYMLINK) {
    yield plainStructure(place, I_BLOCK_SIZE, `target of symbolic link inode ${node}`, `"${decodeName(root, 0, Math.min(raw.i_size_lo, I_BLOCK_SIZE))}"`);
  }
}

/** A node of an extent tree. Nothing where its magic is missing; at most as many entries as fit. */
function* extentNode(superblock: Superblock, bytes: Uint8Array, at: number, owner: string): Iterable<Structure> {
  const head = structureOf(Ext4ExtentHeader, bytes, 0, at, `extent header of ${owner}`, extentHeaderMeanings);
  if (head === undefined) return;
  const { eh_magic: magic, eh_entries: entries, eh_depth: depth } = Ext4ExtentHeader.at(bytes);
  if (magic !== EXTENT_MAGIC) return;
  yield head;
  for (let i = 0; i < entries; i++) {
    const from = Ext4ExtentHeader.size + i * Ext4Extent.size;
    const entry = depth === 0
      ? structureOf(Ext4Extent, bytes, from, at + from, `extent ${i} of ${owner}`, extentMeanings(superblock.blockSize))
      : structureOf(Ext4ExtentIdx, bytes, from, at + from, `extent index ${i} of ${owner}`, extentIndexMeanings(superblock.blockSize));
    if (entry === undefined) return;
    yield entry;
  }
}
