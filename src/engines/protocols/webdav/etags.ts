import type { NodeId, Stat } from '../../core/filesystem.ts';
import type { TreeChanged } from '../../core/served.ts';

/** Nodes whose changes are remembered; beyond it everything counts as changed once. */
const MAX_KNOWN = 10_000;

/**
 * Strong entity tags (RFC 9110, section 8.8.3): of the node, its size and time, and how often it was seen to change. The last is what tells apart two
 * contents of one size within one tick of the filesystem's clock (two seconds in FAT).
 */
export class Etags {
  #all = 0;
  readonly #changes = new Map<NodeId, number>();

  of({ node, mtime, size }: Stat): string {
    const changes = this.#changes.get(node) ?? 0;
    return `"${node.toString(36)}-${size.toString(36)}-${mtime.toString(36)}${this.#all + changes > 0 ? `-${this.#all.toString(36)}.${changes.toString(36)}` : ''}"`;
  }

  /** The node's contents are not what they were. */
  changed(node: NodeId): void {
    if (this.#changes.size >= MAX_KNOWN) this.changedAll();
    this.#changes.set(node, (this.#changes.get(node) ?? 0) + 1);
  }

  changedAll(): void {
    this.#changes.clear();
    this.#all++;
  }

  told(change: TreeChanged): void {
    if (change.what === 'all') this.changedAll();
    else for (const node of change.nodes) this.changed(node);
  }
}
