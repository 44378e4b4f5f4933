import { usage } from '../../engines/core/errors.ts';
import type { FileSystem, NodeId } from '../../engines/core/filesystem.ts';
import type { Name } from '../../engines/core/names.ts';

/** A tree as one mount of it has it; its node numbers are good for that mount alone. */
export interface MountedTree {
  readonly fs: FileSystem;
  /** Counts the mounts: numbers of another one are of another tree. */
  readonly epoch: number;
}

/** Nothing of this mount is known of a node. */
const NOWHERE = 0;

/** The root's number. */
export const ROOT: NodeId = 1;

/**
 * Node numbers that outlive the mounts of a guest: each is a name in a folder, and is found again by it when the tree is mounted anew. What a mount shows
 * under two names with one number is one node (a hard link), as long as that mount lasts; a folder's names keep their numbers over mounts.
 */
export class GuestNodes {
  readonly #parents: NodeId[] = [0, 0];
  readonly #names: Name[] = ['', ''];
  /** The mount's own number of each, and the mount that it is of. */
  readonly #inner: NodeId[] = [0, 0];
  readonly #epochs: number[] = [NOWHERE, NOWHERE];
  readonly #children = new Map<NodeId, Map<Name, NodeId>>();
  /** Numbers by those of the newest mount. */
  readonly #byInner = new Map<NodeId, NodeId>();
  #epoch = NOWHERE;

  /** The number of what a mount calls `inner`, under a name in a folder. */
  number({ fs, epoch }: MountedTree, dir: NodeId, name: Name, inner: NodeId): NodeId {
    this.#enter(fs, epoch);
    const known = this.#byInner.get(inner);
    if (known !== undefined) {
      // A second name of a node that is known: its folder leads to it from now on.
      this.#childrenOf(dir).set(name, known);
      return known;
    }
    const before = this.#childrenOf(dir).get(name);
    // The number that the name had, unless that is another node of this mount by now.
    const id = before !== undefined && this.#epochs[before] !== epoch ? before : this.#parents.length;
    this.#parents[id] = dir;
    this.#names[id] = name;
    this.#inner[id] = inner;
    this.#epochs[id] = epoch;
    this.#childrenOf(dir).set(name, id);
    this.#byInner.set(inner, id);
    return id;
  }

  /**
   * What a mount calls a node: known, or found by its name in its folder.
   * @throws DiskError usage ESTALE when it is not there any more
   */
  async find(tree: MountedTree, node: NodeId): Promise<NodeId> {
    const known = this.known(tree, node);
    if (known !== undefined) return known;
    const above: NodeId[] = [];
    let at = node;
    while (this.known(tree, at) === undefined) {
      above.push(at);
      at = this.#parents[at] ?? 0;
      if (at === 0) throw stale();
    }
    let inner = this.known(tree, at)!;
    for (const id of above.toReversed()) {
      const found = await tree.fs.lookup(inner, this.#names[id]!);
      if (found === undefined) throw stale();
      this.#inner[id] = found;
      this.#epochs[id] = tree.epoch;
      if (!this.#byInner.has(found)) this.#byInner.set(found, id);
      inner = found;
    }
    return inner;
  }

  /** The same where nothing must be looked up. */
  known({ fs, epoch }: MountedTree, node: NodeId): NodeId | undefined {
    this.#enter(fs, epoch);
    return this.#epochs[node] === epoch ? this.#inner[node] : undefined;
  }

  /** A name became another one, or moved. */
  moved(fromDir: NodeId, from: Name, toDir: NodeId, to: Name, exchanged: boolean): void {
    const one = this.#childrenOf(fromDir).get(from);
    const other = this.#childrenOf(toDir).get(to);
    this.#childrenOf(fromDir).delete(from);
    this.#childrenOf(toDir).delete(to);
    if (one !== undefined) this.#place(one, toDir, to);
    if (other !== undefined && exchanged) this.#place(other, fromDir, from);
  }

  /** A name is gone. */
  removed(dir: NodeId, name: Name): void {
    this.#childrenOf(dir).delete(name);
  }

  #place(id: NodeId, dir: NodeId, name: Name): void {
    this.#parents[id] = dir;
    this.#names[id] = name;
    this.#childrenOf(dir).set(name, id);
  }

  #enter(fs: FileSystem, epoch: number): void {
    if (epoch === this.#epoch) return;
    this.#epoch = epoch;
    this.#byInner.clear();
    this.#inner[ROOT] = fs.root;
    this.#epochs[ROOT] = epoch;
    this.#byInner.set(fs.root, ROOT);
  }

  #childrenOf(dir: NodeId): Map<Name, NodeId> {
    let children = this.#children.get(dir);
    if (children === undefined) this.#children.set(dir, (children = new Map()));
    return children;
  }
}

function stale(): Error {
  return usage('ESTALE', 'It is not there any more');
}
