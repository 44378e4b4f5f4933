import { DiskError } from '../../core/errors.ts';
import type { NodeId } from '../../core/filesystem.ts';

/** A range of a file that somebody locked. */
export interface Lock {
  readonly exclusive: boolean;
  readonly start: bigint;
  /** Behind the last byte. */
  readonly end: bigint;
  readonly process: number;
  readonly client: string;
}

/** Locks that are kept in all: a client that takes more gets an error. */
const MAX_LOCKS = 65_536;

/** Advisory locks of byte ranges with the rules of POSIX: an owner is a process of a client, and its own locks give way to its new ones. */
export class Locks {
  readonly #files = new Map<NodeId, Lock[]>();
  #count = 0;

  /** The first lock of another that stands in the way. */
  conflict(node: NodeId, wanted: Lock): Lock | undefined {
    return this.#files.get(node)?.find((lock) => !isSameOwner(lock, wanted) && overlaps(lock, wanted) && (lock.exclusive || wanted.exclusive));
  }

  /** @returns whether it was taken @throws busy when there are too many */
  take(node: NodeId, wanted: Lock): boolean {
    if (this.conflict(node, wanted) !== undefined) return false;
    if (this.#count >= MAX_LOCKS) throw new DiskError({ kind: 'busy' }, `More than ${MAX_LOCKS} locks`);
    this.free(node, wanted);
    this.#set(node, [...this.#files.get(node) ?? [], wanted]);
    return true;
  }

  /** The owner's locks in that range end; what lies beside it stays locked. */
  free(node: NodeId, range: Lock): void {
    const left = (this.#files.get(node) ?? []).flatMap((lock) => {
      if (!isSameOwner(lock, range) || !overlaps(lock, range)) return [lock];
      return [{ ...lock, end: range.start }, { ...lock, start: range.end }].filter(({ start, end }) => start < end);
    });
    this.#set(node, left);
  }

  clear(): void {
    this.#files.clear();
    this.#count = 0;
  }

  #set(node: NodeId, locks: Lock[]): void {
    this.#count += locks.length - (this.#files.get(node)?.length ?? 0);
    if (locks.length === 0) this.#files.delete(node);
    else this.#files.set(node, locks);
  }
}

function isSameOwner(a: Lock, b: Lock): boolean {
  return a.process === b.process && a.client === b.client;
}

function overlaps(a: Lock, b: Lock): boolean {
  return a.start < b.end && b.start < a.end;
}
