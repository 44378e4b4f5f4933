import { inlineParts } from '../inline-data.ts';
import { I_BLOCK_SIZE, INODE_FLAGS } from '../layout.ts';
import { xattrContext } from './contexts.ts';
import type { Volume } from './volume.ts';
import type { Attributes } from './xattrs.ts';

/** Files whose contents lie in the inode (incompat inline_data; documentation "Inline Data"): in i_block, and what is longer in the value of system.data. */
export class InlineFiles {
  readonly #volume: Volume;
  readonly #attributes: Attributes;

  constructor(volume: Volume, attributes: Attributes) {
    this.#volume = volume;
    this.#attributes = attributes;
  }

  /** A file's contents, as long as i_size says: what is promised past the data is zeros. */
  read(node: number): Uint8Array {
    const inode = this.#volume.inodes.get(node);
    const parts = inlineParts(inode, xattrContext(this.#volume, inode));
    const bytes = new Uint8Array(Math.min(inode.size, parts.reduce((sum, { length }) => sum + length, 0)));
    let at = 0;
    for (const part of parts) {
      bytes.set(part.subarray(0, Math.max(0, bytes.length - at)), at);
      at += part.length;
    }
    return bytes;
  }

  /** Puts contents into the inode; i_size follows. @returns false, with nothing changed, when they are too long for it */
  store(node: number, bytes: Uint8Array): boolean {
    if (bytes.length > I_BLOCK_SIZE + Math.max(0, this.#attributes.longestData(node))) return false;
    if (!this.#attributes.setData(node, bytes.slice(I_BLOCK_SIZE))) return false;
    const block = this.#volume.inodes.edit(node).i_block;
    block.fill(0);
    block.set(bytes.subarray(0, I_BLOCK_SIZE));
    this.#volume.contents.setSize(node, bytes.length);
    return true;
  }

  /** Leaves the inode as an empty file with a map. @returns what it held */
  takeOut(node: number): Uint8Array {
    const { inodes, contents } = this.#volume;
    const bytes = this.read(node);
    this.#attributes.setData(node, undefined);
    const raw = inodes.edit(node);
    raw.i_flags = (raw.i_flags & ~INODE_FLAGS.inlineData) >>> 0;
    contents.initialise(node);
    contents.setSize(node, 0);
    return bytes;
  }
}
