import { corrupt } from '../../../core/errors.ts';
import type { EntryType } from '../../../core/filesystem.ts';
import type { Inode } from '../inode.ts';
import { I_BLOCK_SIZE, INODE_FLAGS } from '../layout.ts';
import { bodyEntries, SYSTEM } from '../xattr.ts';
import { xattrContext } from './contexts.ts';
import { ENTRY_HEADER, type Entry, findEntry, insertEntry, placedEntries, pointEntry, removeEntry, type Shape, writeUnused } from './directory-blocks.ts';
import type { Found } from './directories.ts';
import type { Volume } from './volume.ts';
import type { Attributes } from './xattrs.ts';

/** Where the entries begin in i_block: behind the number of the parent, which stands for ".." (documentation "Inline Directories"). */
export const INLINE_ENTRIES_AT = 4;
/** An entry with the shortest name: less is no room. */
const SHORTEST = ENTRY_HEADER + 4;

/** A run of entries in an inode: in i_block, and in the value of system.data. */
interface Part {
  readonly bytes: Uint8Array;
  readonly start: number;
}

/** Directories whose names lie in the inode (incompat inline_data). */
export class InlineDirectories {
  readonly #volume: Volume;
  readonly #attributes: Attributes;

  constructor(volume: Volume, attributes: Attributes) {
    this.#volume = volume;
    this.#attributes = attributes;
  }

  /** Makes a new directory inline. @returns false where the filesystem does not, or the inode has no room for system.data */
  make(dir: number, parent: number): boolean {
    if (!this.#volume.superblock.features.inlineData) return false;
    const raw = this.#volume.inodes.edit(dir);
    raw.i_flags = (raw.i_flags | INODE_FLAGS.inlineData) >>> 0;
    if (!this.#attributes.setData(dir, new Uint8Array(0))) {
      raw.i_flags = (raw.i_flags & ~INODE_FLAGS.inlineData) >>> 0;
      return false;
    }
    const block = raw.i_block;
    block.fill(0);
    new DataView(block.buffer, block.byteOffset).setUint32(0, parent, true);
    writeUnused(block, INLINE_ENTRIES_AT, I_BLOCK_SIZE);
    raw.i_size_lo = I_BLOCK_SIZE;
    return true;
  }

  find(inode: Inode, name: Uint8Array): Found | undefined {
    for (const { bytes, start } of this.#parts(inode)) {
      const found = findEntry(this.#shape(inode), bytes, start, bytes.length, name);
      if (found !== undefined) return { node: found.inode };
    }
    return undefined;
  }

  /** @returns false when it has to grow out of the inode */
  insert({ node }: Inode, entry: Entry): boolean {
    this.#volume.inodes.edit(node);
    const inode = this.#volume.inodes.get(node);
    if (this.#parts(inode).some(({ bytes, start }) => insertEntry(this.#shape(inode), bytes, start, bytes.length, entry))) return true;
    return this.#lengthen(node) && this.insert(this.#volume.inodes.get(node), entry);
  }

  remove({ node }: Inode, name: Uint8Array): void {
    this.#edit(node, name, (shape, { bytes, start }, at) => { removeEntry(shape, bytes, start, bytes.length, at); });
  }

  point({ node }: Inode, name: Uint8Array, target: number, type: EntryType): void {
    this.#edit(node, name, (shape, { bytes }, at) => { pointEntry(shape, bytes, at, target, type); });
  }

  isEmpty(inode: Inode): boolean {
    return this.#parts(inode).every(({ bytes, start }) => [...placedEntries(this.#shape(inode), bytes, start, bytes.length)].every((entry) => entry.inode === 0));
  }

  parent(inode: Inode): number {
    return viewOf(inode.block).getUint32(0, true);
  }

  setParent({ node }: Inode, parent: number): void {
    viewOf(this.#volume.inodes.edit(node).i_block).setUint32(0, parent, true);
  }

  /** Leaves the inode as an empty one without a map. @returns copies of its parts; the entries of the first begin at INLINE_ENTRIES_AT */
  takeOut(inode: Inode): Uint8Array[] {
    const parts = this.#parts(inode).map(({ bytes }) => bytes.slice());
    const raw = this.#volume.inodes.edit(inode.node);
    this.#attributes.setData(inode.node, undefined);
    raw.i_flags = (raw.i_flags & ~INODE_FLAGS.inlineData) >>> 0;
    raw.i_block.fill(0);
    raw.i_size_lo = 0;
    return parts;
  }

  #edit(node: number, name: Uint8Array, edit: (shape: Shape, part: Part, at: number) => void): void {
    this.#volume.inodes.edit(node);
    const inode = this.#volume.inodes.get(node);
    for (const part of this.#parts(inode)) {
      const found = findEntry(this.#shape(inode), part.bytes, part.start, part.bytes.length, name);
      if (found === undefined) continue;
      edit(this.#shape(inode), part, found.at);
      return;
    }
    throw corrupt(`directory inode ${node}`, 'a name that was there is not found any more');
  }

  /** Lets system.data take what is left of the inode, as one unused entry more. @returns false when that is too little */
  #lengthen(node: number): boolean {
    const inode = this.#volume.inodes.get(node);
    const old = this.#parts(inode)[1]?.bytes ?? new Uint8Array(0);
    const longest = this.#attributes.longestData(node) & ~3;
    if (longest - old.length < SHORTEST) return false;
    const value = new Uint8Array(longest);
    value.set(old);
    writeUnused(value, old.length, longest);
    this.#attributes.setData(node, value);
    this.#volume.inodes.edit(node).i_size_lo = I_BLOCK_SIZE + longest;
    return true;
  }

  /** Views of the inode's bytes. */
  #parts(inode: Inode): Part[] {
    const more = bodyEntries(xattrContext(this.#volume, inode)).find(({ index, name }) => index === SYSTEM && name.length === 4);
    const first = { bytes: inode.block, start: INLINE_ENTRIES_AT };
    if (more === undefined || more.size === 0) return [first];
    return [first, { bytes: more.area.subarray(more.valueAt, more.valueAt + more.size), start: 0 }];
  }

  #shape(inode: Inode): Shape {
    const { superblock } = this.#volume;
    return {
      inode: inode.node, blockSize: superblock.blockSize, hasFiletype: superblock.features.filetype, hasChecksum: false, checksumSeed: 0, inodeCount: superblock.inodeCount,
    };
  }
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
