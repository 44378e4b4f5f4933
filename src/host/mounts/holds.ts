import { usage } from '../../engines/core/errors.ts';
import type { FileSystem, NodeId, Stat } from '../../engines/core/filesystem.ts';

/** A held node as it was before its filesystem was closed. */
export interface Held {
  readonly node: NodeId;
  readonly stat: Pick<Stat, 'type' | 'btime'> | undefined;
}

/**
 * The nodes that programs have open while they may be changed: those outlive their last name. A filesystem that is opened anew knows nothing of them. Those
 * that are still there under a name are held again; of the others nothing is left, and who has them open is told so (ESTALE), until he lets go.
 */
export class Holds {
  readonly #counts = new Map<NodeId, number>();
  /** Open, and not there any more. */
  readonly lost = new Set<NodeId>();

  get count(): number {
    return this.#counts.size;
  }

  add(node: NodeId): void {
    this.#counts.set(node, (this.#counts.get(node) ?? 0) + 1);
  }

  /** @returns whether the filesystem that is open now holds it, too */
  remove(node: NodeId): boolean {
    const left = (this.#counts.get(node) ?? 0) - 1;
    if (left < 0) return false;
    if (left > 0) {
      this.#counts.set(node, left);
      return !this.lost.has(node);
    }
    this.#counts.delete(node);
    return !this.lost.delete(node);
  }

  /** @returns what is to be released, each as often as it was held; nothing is held any more */
  takeAll(): NodeId[] {
    const held = [...this.#counts].flatMap(([node, count]) => (this.lost.has(node) ? [] : Array.from({ length: count }, () => node)));
    this.#counts.clear();
    this.lost.clear();
    return held;
  }

  /** @throws DiskError usage ESTALE */
  check(...nodes: readonly (NodeId | undefined)[]): void {
    for (const node of nodes) {
      if (node !== undefined && this.lost.has(node)) throw usage('ESTALE', 'What was open is not there any more: the image was taken back to an earlier state');
    }
  }

  async describe(fs: FileSystem): Promise<readonly Held[]> {
    const found: Held[] = [];
    for (const node of this.#counts.keys()) found.push({ node, stat: this.lost.has(node) ? undefined : await statOf(fs, node) });
    return found;
  }

  /** Holds again what is there still. */
  async takeUp(fs: FileSystem, before: readonly Held[]): Promise<void> {
    for (const { node, stat } of before) {
      const now = await statOf(fs, node);
      // A number may have been another file's in an earlier state.
      const isSame = stat !== undefined && now !== undefined && now.nlink > 0 && now.type === stat.type && now.btime === stat.btime;
      let again = 0;
      try {
        for (const count = isSame ? this.#counts.get(node)! : 0; again < count; again++) await fs.writer?.hold(node);
      } catch {
        // It can't be held: it is lost, as if it were not there.
        again = 0;
      }
      if (again === 0) this.lost.add(node);
    }
  }
}

/** Undefined for what can't be told: it is not there, or damaged. */
async function statOf(fs: FileSystem, node: NodeId): Promise<Stat | undefined> {
  try {
    return await fs.stat(node);
  } catch {
    return undefined;
  }
}
