import { usage } from '../../core/errors.ts';
import type { NodeId } from '../../core/filesystem.ts';
import { ROOT_ID } from './layout.ts';

/**
 * The kernel's numbers of nodes, and what it knows of them. Its number 1 is the root; another node has its own number and 2, so no table leads from one
 * to the other. What is counted is how often the kernel was told each node (it counts the same, and says when it forgets them), for two things: to
 * know whom a notice can be about, and to tell a number that was used again from the node that had it before.
 */
export class Nodes {
  readonly #root: NodeId;
  /** Times that the kernel was told of a node and has not forgotten yet. */
  readonly #lookups = new Map<NodeId, number>();
  /** Of nodes whose number had another node while the kernel knew that one: the kernel takes (number, generation) for one inode (fs/fuse/inode.c, fuse_iget). */
  readonly #generations = new Map<NodeId, number>();
  #generation = 0;

  constructor(root: NodeId) {
    this.#root = root;
  }

  idOf(node: NodeId): number {
    return node === this.#root ? ROOT_ID : node + 2;
  }

  /** @throws usage ESTALE for a number that was never told */
  nodeOf(id: number): NodeId {
    if (id === ROOT_ID) return this.#root;
    if (id < 2 || id > Number.MAX_SAFE_INTEGER) throw usage('ESTALE', `There is no node ${id}`);
    return id - 2;
  }

  /** The kernel is told of it. */
  told(node: NodeId): void {
    this.#lookups.set(node, (this.#lookups.get(node) ?? 0) + 1);
  }

  /** It was just made: whoever had the number is another one. */
  made(node: NodeId): void {
    if (this.#lookups.has(node)) this.#generations.set(node, ++this.#generation);
  }

  generationOf(node: NodeId): number {
    return this.#generations.size === 0 ? 0 : this.#generations.get(node) ?? 0;
  }

  forget(node: NodeId, times: number): void {
    const left = (this.#lookups.get(node) ?? 0) - times;
    if (left > 0) {
      this.#lookups.set(node, left);
    } else {
      this.#lookups.delete(node);
      this.#generations.delete(node);
    }
  }

  knows(node: NodeId): boolean {
    return node === this.#root || this.#lookups.has(node);
  }

  /** All that the kernel may know, the root first. */
  known(): NodeId[] {
    return [this.#root, ...this.#lookups.keys()];
  }
}
