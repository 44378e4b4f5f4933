import { isDiskError, usage } from '../../../core/errors.ts';
import type { NodeId } from '../../../core/filesystem.ts';
import type { Inode } from '../inode.ts';
import { INODE_FLAGS } from '../layout.ts';
import { setTime } from './times.ts';
import type { Volume } from './volume.ts';
import type { Attributes } from './xattrs.ts';

/** Files with more bytes than this are freed in several operations, as orphans in between. */
const LARGE_FILE = 64 << 20;
/** What becomes of nodes that lose a name: those without any are freed, unless they are held as an open file is. */
export class Removal {
  readonly #volume: Volume;
  readonly #attributes: Attributes;
  /** Nodes that outlive their last name, and how often they are held. */
  readonly #held = new Map<NodeId, number>();

  constructor(volume: Volume, attributes: Attributes) {
    this.#volume = volume;
    this.#attributes = attributes;
  }

  isHeld(node: NodeId): boolean {
    return this.#held.has(node);
  }

  hold(node: NodeId): void {
    this.#held.set(node, (this.#held.get(node) ?? 0) + 1);
  }

  /** @throws DiskError usage EBADF for a node that is not held */
  release(node: NodeId): void {
    const count = this.#held.get(node);
    if (count === undefined) throw usage('EBADF', `Inode ${node} is not held`);
    if (count > 1) {
      this.#held.set(node, count - 1);
      return;
    }
    this.#held.delete(node);
    if (this.#volume.inodes.get(node).raw.i_links_count === 0) this.#freeOrphan(node);
  }

  /** Lets go of all that is held. */
  close(): void {
    for (const node of this.#held.keys()) {
      this.#held.set(node, 1);
      this.release(node);
    }
  }

  /** A node lost a name. @returns its number when it is to be freed after the operation, as it is large */
  loseName(inode: Inode): NodeId | undefined {
    const { inodes, orphans } = this.#volume;
    const { node } = inode;
    const raw = inodes.edit(node);
    const left = inode.type === 'dir' ? 0 : raw.i_links_count - 1;
    raw.i_links_count = left;
    setTime(raw, inode.extraSize, 'ctime', this.#volume.access.now());
    if (left > 0) return undefined;
    if (inode.type === 'dir') {
      // An empty directory's blocks are no directory any more, and nothing is made in it.
      raw.i_size_lo = inode.has(INODE_FLAGS.inlineData) ? raw.i_size_lo : 0;
      raw.i_size_high = 0;
    }
    if (!this.#held.has(node) && inode.allocated <= LARGE_FILE) {
      this.#free(inodes.get(node));
      return undefined;
    }
    orphans.add(node);
    return this.#held.has(node) ? undefined : node;
  }

  /** Frees an inode with all that it has, as a part of an operation. */
  #free(inode: Inode): void {
    const { contents, inodes } = this.#volume;
    const { node } = inode;
    const hasMap = inode.type === 'file' || inode.type === 'dir' || (inode.type === 'symlink' && !inode.isFastSymlink);
    if (hasMap && !inode.has(INODE_FLAGS.inlineData)) contents.free(node, 0);
    this.#attributes.release(node);
    inodes.free(node);
  }

  /** Frees what `loseName` left, in operations of its own. What is damaged in it is no fault of the removal, which has happened: it stays an orphan, for a check to free. */
  freeLarge(node: NodeId | undefined): void {
    if (node === undefined) return;
    try {
      this.#freeOrphan(node);
    } catch (error) {
      if (!isDiskError(error) || error.kind === 'io') throw error;
      this.#volume.note({ severity: 'warning', message: `Inode ${node} is deleted, but its blocks could not be freed: ${error.message}` });
    }
  }

  /** A power cut in between leaves an orphan, which the next mount frees. */
  #freeOrphan(node: NodeId): void {
    const { contents, inodes, orphans } = this.#volume;
    const inode = inodes.get(node);
    // Each turn frees some blocks.
    if (inode.type === 'file' && inode.allocated > LARGE_FILE) while (!this.#volume.operation(() => contents.freeSome(node, 0)));
    this.#volume.operation(() => {
      orphans.remove(node);
      this.#free(inodes.get(node));
    });
  }
}
