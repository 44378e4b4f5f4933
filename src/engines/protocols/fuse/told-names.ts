import type { NodeId } from '../../core/filesystem.ts';
import type { Name } from '../../core/names.ts';

/** Names that are remembered at most: some ten megabytes. */
const MOST = 200_000;

/**
 * Names that the kernel was told, there or not there, by their folders: kernels before 7.44 must be told each name that they are to look up again. A folder's
 * go when the kernel forgets the folder, for it forgets no folder before what is in it. Where there are too many, a name is told for a moment alone.
 */
export class ToldNames {
  readonly #names = new Map<NodeId, Set<Name>>();
  #count = 0;

  /** @returns whether it is remembered, so that the kernel may keep it for long */
  add(folder: NodeId, name: Name): boolean {
    const known = this.#names.get(folder);
    if (known?.has(name)) return true;
    if (this.#count >= MOST) return false;
    if (known === undefined) this.#names.set(folder, new Set([name]));
    else known.add(name);
    this.#count++;
    return true;
  }

  folders(): NodeId[] {
    return [...this.#names.keys()];
  }

  /** A folder's names, which are not remembered any more. */
  take(folder: NodeId): Set<Name> | undefined {
    const names = this.#names.get(folder);
    this.#names.delete(folder);
    this.#count -= names?.size ?? 0;
    return names;
  }
}
