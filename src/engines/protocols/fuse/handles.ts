import { DiskError, usage } from '../../core/errors.ts';
import type { NodeId } from '../../core/filesystem.ts';
import type { Listing } from '../shared/listing.ts';

/** What an opened file or directory is to the kernel's number for it (`fh`). */
export interface Handle {
  readonly node: NodeId;
  /** There for a directory. */
  readonly listing?: Listing;
  /** Until when its file is known to have no capabilities (privileges.ts). */
  checked?: number;
}

/** More is refused: the kernel's own limit for one process is a million (fs.nr_open). */
const MOST = 1_048_576;

/** The kernel's numbers of open files. A number is not used again. */
export class Handles {
  readonly #open = new Map<number, Handle>();
  #next = 1;

  get count(): number {
    return this.#open.size;
  }

  /** @throws busy when there are too many */
  add(handle: Handle): number {
    if (this.#open.size >= MOST) throw new DiskError({ kind: 'busy' }, `More than ${MOST} files are open`);
    this.#open.set(this.#next, handle);
    return this.#next++;
  }

  /** @throws usage EBADF when there is none of that number, or it is another node's */
  get(fh: number, node: NodeId): Handle {
    const found = this.#open.get(fh);
    if (found === undefined || found.node !== node) throw usage('EBADF', `There is no open file ${fh} of node ${node}`);
    return found;
  }

  remove(fh: number, node: NodeId): Handle {
    const found = this.get(fh, node);
    this.#open.delete(fh);
    return found;
  }

  /** Takes all of them. */
  clear(): Handle[] {
    const all = [...this.#open.values()];
    this.#open.clear();
    return all;
  }
}
