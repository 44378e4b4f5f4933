import { corrupt, unsupported, usage } from '../../../core/errors.ts';
import type { EntryType } from '../../../core/filesystem.ts';
import { decodeName } from '../../../core/names.ts';
import { type DirectoryContext, INDEX_FLAG, recordLength } from '../directory.ts';
import type { Inode } from '../inode.ts';
import { INODE_FLAGS, SUPERBLOCK_FLAGS } from '../layout.ts';
import { directoryContext } from './contexts.ts';
import {
  ENTRY_HEADER, type Entry, findEntry, initialiseLeaf, insertEntry, leafEnd, type PlacedEntry, placedEntries, pointEntry, removeEntry, sealLeaf, verifyLeaf, writeEntry,
} from './directory-blocks.ts';
import { DOT, DOTDOT, type DirectoryBlocks, hashedLeaves, insertHashed, makeIndexed, sealRoot } from './htree.ts';
import { INLINE_ENTRIES_AT, type InlineDirectories } from './inline-directories.ts';
import type { Volume } from './volume.ts';

/** No directory is longer without large_dir, whose size has upper 32 bits. Bytes. */
const LONGEST = 2 ** 31 - 1;
/** Where ".." stands in the first block, behind ".". */
const DOTDOT_AT = 12;

/** What a name leads to. */
export interface Found {
  readonly node: number;
}

/** The names of directories, as they are changed: in blocks one after another, in blocks with a hash index, or in the inode. Each call is a part of an operation. */
export class Directories {
  readonly #volume: Volume;
  readonly #inline: InlineDirectories;

  constructor(volume: Volume, inline: InlineDirectories) {
    this.#volume = volume;
    this.#inline = inline;
  }

  /** @throws DiskError usage ENOTDIR; unsupported where names are encrypted or folded */
  check(dir: number): Inode {
    const inode = this.#volume.inodes.get(dir);
    if (inode.type !== 'dir') throw usage('ENOTDIR', `Inode ${dir} is no directory`);
    if (inode.has(INODE_FLAGS.encrypt)) throw unsupported('encrypt', 'The names in this folder are encrypted, and there is no key to write others');
    if (inode.has(INODE_FLAGS.casefold)) throw unsupported('casefold', 'This folder ignores case by the tables of the kernel that made it: names can\'t be changed here without those');
    // Names would be put where its end is, and those behind it come back or be lost. A deleted one has no size.
    const { blockSize } = this.#volume.superblock;
    if (!inode.has(INODE_FLAGS.inlineData) && inode.raw.i_links_count > 0 && (inode.size === 0 || inode.size % blockSize !== 0)) throw corrupt(`directory inode ${dir}`, `it has ${inode.size} bytes, which are no whole blocks`, inode.at);
    return inode;
  }

  /** @throws DiskError corrupt */
  find(dir: number, name: Uint8Array): Found | undefined {
    const inode = this.#volume.inodes.get(dir);
    if (inode.has(INODE_FLAGS.inlineData)) return this.#inline.find(inode, name);
    const context = directoryContext(this.#volume, inode);
    for (const { bytes } of this.#leaves(context, name)) {
      const found = findEntry(context, bytes, 0, leafEnd(context), name);
      if (found !== undefined) return { node: found.inode };
    }
    return undefined;
  }

  /** Adds a name that is not there. @throws DiskError usage ENOSPC */
  add(dir: number, entry: Entry): void {
    const inode = this.#volume.inodes.get(dir);
    if (inode.has(INODE_FLAGS.inlineData)) {
      if (this.#inline.insert(inode, entry)) return;
      this.#growOut(dir);
      this.add(dir, entry);
      return;
    }
    const blocks = this.#blocks(inode);
    const { context } = blocks;
    if (isHashed(context)) {
      insertHashed(blocks, entry);
      return;
    }
    for (const { logical, bytes } of this.#leaves(context)) {
      if (!hasRoom(context, bytes, entry)) continue;
      const leaf = blocks.edit(logical);
      insertEntry(context, leaf, 0, leafEnd(context), entry);
      sealLeaf(context, leaf);
      return;
    }
    // One block is full: with the feature it becomes hashed, else it is the first of many.
    if (context.dirIndex && context.size === context.blockSize) {
      makeIndexed(blocks, this.parent(dir));
      const raw = this.#volume.inodes.edit(dir);
      raw.i_flags = (raw.i_flags | INDEX_FLAG) >>> 0;
      this.#keepSign();
      this.add(dir, entry);
      return;
    }
    const added = blocks.append();
    initialiseLeaf(context, added.bytes);
    insertEntry(context, added.bytes, 0, leafEnd(context), entry);
    sealLeaf(context, added.bytes);
  }

  /** Old filesystems don't say how hashes take the upper half of bytes: as on x86, and from the first index on they say so (ext4_fill_super). */
  #keepSign(): void {
    const { s_flags: flags } = this.#volume.superblock.raw;
    if ((flags & (SUPERBLOCK_FLAGS.signedHash | SUPERBLOCK_FLAGS.unsignedHash)) !== 0) return;
    const raw = this.#volume.editSuperblock();
    raw.s_flags = (raw.s_flags | SUPERBLOCK_FLAGS.signedHash) >>> 0;
  }

  /** Takes away a name that is there. */
  remove(dir: number, name: Uint8Array): void {
    const inode = this.#volume.inodes.get(dir);
    if (inode.has(INODE_FLAGS.inlineData)) {
      this.#inline.remove(inode, name);
      return;
    }
    this.#editEntry(inode, name, (context, leaf, { at }) => { removeEntry(context, leaf, 0, leafEnd(context), at); });
  }

  /** Lets a name that is there lead to another node. */
  point(dir: number, name: Uint8Array, node: number, type: EntryType): void {
    const inode = this.#volume.inodes.get(dir);
    if (inode.has(INODE_FLAGS.inlineData)) this.#inline.point(inode, name, node, type);
    else this.#editEntry(inode, name, (context, leaf, { at }) => { pointEntry(context, leaf, at, node, type); });
  }

  /** Whether there is nothing but "." and "..". */
  isEmpty(dir: number): boolean {
    const inode = this.#volume.inodes.get(dir);
    if (inode.has(INODE_FLAGS.inlineData)) return this.#inline.isEmpty(inode);
    const context = directoryContext(this.#volume, inode);
    for (const { bytes } of this.#leaves(context)) {
      for (const entry of placedEntries(context, bytes, 0, leafEnd(context))) {
        if (entry.inode !== 0 && !isDots(bytes, entry)) return false;
      }
    }
    return true;
  }

  /** The directory that "..", in its first block, leads to. @throws DiskError corrupt */
  parent(dir: number): number {
    const inode = this.#volume.inodes.get(dir);
    if (inode.has(INODE_FLAGS.inlineData)) return this.#inline.parent(inode);
    const context = directoryContext(this.#volume, inode);
    return dotDot(context, this.#first(context)).inode;
  }

  setParent(dir: number, parent: number): void {
    const inode = this.#volume.inodes.get(dir);
    if (inode.has(INODE_FLAGS.inlineData)) {
      this.#inline.setParent(inode, parent);
      return;
    }
    const blocks = this.#blocks(inode);
    const { context } = blocks;
    const { at } = dotDot(context, this.#first(context));
    const block = blocks.edit(0);
    pointEntry(context, block, at, parent, 'dir');
    if (isHashed(context)) sealRoot(context, block);
    else sealLeaf(context, block);
  }

  /** Makes the contents of a new directory. Its inode has no map yet. */
  make(dir: number, parent: number): void {
    if (this.#inline.make(dir, parent)) return;
    this.#volume.contents.initialise(dir);
    this.#makeFirst(dir, parent);
  }

  #makeFirst(dir: number, parent: number): void {
    const blocks = this.#blocks(this.#volume.inodes.get(dir));
    const { context } = blocks;
    const { bytes } = blocks.append();
    writeEntry(context, bytes, 0, DOTDOT_AT, { name: DOT, inode: dir, type: 'dir' });
    writeEntry(context, bytes, DOTDOT_AT, leafEnd(context), { name: DOTDOT, inode: parent, type: 'dir' });
    sealLeaf(context, bytes);
  }

  /** An inline directory that is full gets a block (ext4_convert_inline_data). */
  #growOut(dir: number): void {
    const inode = this.#volume.inodes.get(dir);
    const parent = this.#inline.parent(inode);
    const parts = this.#inline.takeOut(inode);
    this.#volume.contents.initialise(dir);
    this.#makeFirst(dir, parent);
    const blocks = this.#blocks(this.#volume.inodes.get(dir));
    const { context } = blocks;
    const block = blocks.edit(0);
    parts.forEach((bytes, i) => {
      for (const entry of placedEntries(context, bytes, i === 0 ? INLINE_ENTRIES_AT : 0, bytes.length)) {
        if (entry.inode === 0) continue;
        const name = bytes.slice(entry.at + ENTRY_HEADER, entry.at + ENTRY_HEADER + entry.nameLength);
        const { type } = this.#volume.inodes.get(entry.inode);
        // An inode is smaller than a block but for one size, whose first bytes are no names.
        if (!insertEntry(context, block, 0, leafEnd(context), { name, inode: entry.inode, type })) throw corrupt(`inode ${dir}`, 'its inline names don\'t fit into a block');
      }
    });
    sealLeaf(context, block);
  }

  /** Edits the leaf that holds a name. */
  #editEntry(inode: Inode, name: Uint8Array, edit: (context: DirectoryContext, leaf: Uint8Array, entry: PlacedEntry) => void): void {
    const blocks = this.#blocks(inode);
    const { context } = blocks;
    for (const { logical, bytes } of this.#leaves(context, name)) {
      const found = findEntry(context, bytes, 0, leafEnd(context), name);
      if (found === undefined) continue;
      const leaf = blocks.edit(logical);
      edit(context, leaf, found);
      sealLeaf(context, leaf);
      return;
    }
    throw corrupt(`directory inode ${inode.node}`, `the name ${decodeName(name)} was there, and is not found any more`);
  }

  /** The leaves, verified: all of them, or those in which a name may lie. */
  * #leaves(context: DirectoryContext, name?: Uint8Array): Iterable<{ readonly logical: number; readonly bytes: Uint8Array }> {
    const hashed = isHashed(context);
    if (hashed && name !== undefined) {
      for (const logical of hashedLeaves(context, name)) {
        const bytes = context.block(logical);
        if (bytes === undefined) throw corrupt(`directory inode ${context.inode}`, `block ${logical} of its hash index is a hole`);
        verifyLeaf(context, bytes, logical);
        yield { logical, bytes };
      }
      return;
    }
    const count = Math.floor(context.size / context.blockSize);
    // The root of an index holds no names but "." and "..".
    for (let logical = hashed ? 1 : 0; logical < count; logical++) {
      const bytes = context.block(logical);
      // Holes have no names; blocks of the index pose as one unused entry, and have a checksum of another kind.
      if (bytes === undefined || (hashed && recordLength(bytes[4]! | (bytes[5]! << 8), context.blockSize) === context.blockSize)) continue;
      verifyLeaf(context, bytes, logical);
      yield { logical, bytes };
    }
  }

  #first(context: DirectoryContext): Uint8Array {
    const bytes = context.block(0);
    if (bytes === undefined) throw corrupt(`directory inode ${context.inode}`, 'its first block is a hole');
    if (!isHashed(context)) verifyLeaf(context, bytes, 0);
    return bytes;
  }

  #blocks(inode: Inode): DirectoryBlocks {
    const { transaction, contents } = this.#volume;
    const { node } = inode;
    const context = directoryContext(this.#volume, inode);
    return {
      context,
      edit: (logical) => {
        const physical = context.physical(logical);
        if (physical === undefined) throw corrupt(`directory inode ${node}`, `its block ${logical} is a hole`);
        return transaction.editOfFile(physical, `directory block ${logical} of inode ${node}`);
      },
      append: () => {
        const logical = Math.ceil(context.size / context.blockSize);
        // A directory with blocks behind its end, which the kernel does not append to either (ext4_append).
        if (context.physical(logical) !== undefined) throw corrupt(`directory inode ${node}`, `its block ${logical}, behind its end, is mapped`);
        const size = (logical + 1) * context.blockSize;
        if (size > LONGEST && !context.largeDir) throw usage('ENOSPC', `Directory inode ${node} has the greatest size`);
        const { block } = contents.allocate(node, logical, 1, 'metadata');
        contents.setSize(node, size);
        context.forgetMap();
        context.size = size;
        return { logical, bytes: transaction.fresh(block, `directory block ${logical} of inode ${node}`) };
      },
    };
  }
}

function isHashed(context: DirectoryContext): boolean {
  return context.dirIndex && (context.flags & INDEX_FLAG) !== 0;
}

/** Looks before the block is taken to be changed: a directory of many full blocks is gone through for every new name. */
function hasRoom(context: DirectoryContext, bytes: Uint8Array, entry: Entry): boolean {
  const wanted = (ENTRY_HEADER + entry.name.length + 3) & ~3;
  for (const there of placedEntries(context, bytes, 0, leafEnd(context))) {
    const used = there.inode === 0 ? 0 : (ENTRY_HEADER + there.nameLength + 3) & ~3;
    if (there.next - there.at - used >= wanted) return true;
  }
  return false;
}

function dotDot(context: DirectoryContext, first: Uint8Array): PlacedEntry {
  const entries = placedEntries(context, first, 0, context.blockSize)[Symbol.iterator]();
  entries.next();
  const second: PlacedEntry | undefined = entries.next().value;
  if (second === undefined || second.nameLength !== 2 || !isDots(first, second)) throw corrupt(`directory inode ${context.inode}`, 'its second entry is not ".."');
  return second;
}

function isDots(bytes: Uint8Array, { at, nameLength }: PlacedEntry): boolean {
  return bytes[at + ENTRY_HEADER] === 0x2e && (nameLength === 1 || (nameLength === 2 && bytes[at + ENTRY_HEADER + 1] === 0x2e));
}
