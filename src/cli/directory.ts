import { corrupt } from '../engines/core/errors.ts';
import type { Cursor, DirEntry, FileSystem, NodeId } from '../engines/core/filesystem.ts';
import { compareNames } from '../engines/core/names.ts';

/**
 * A directory's entries in byte order of their names.
 * @param hidden whether entries that begin with a dot are wanted too
 */
export async function sortedEntries(fs: FileSystem, dir: NodeId, hidden: boolean): Promise<DirEntry[]> {
  const found: DirEntry[] = [];
  let cursor: Cursor | undefined;
  do {
    const listed = fs.list(dir, cursor);
    const batch = listed instanceof Promise ? await listed : listed;
    for (const entry of batch.entries) {
      if (hidden || !entry.name.startsWith('.')) found.push(entry);
    }
    cursor = batch.next;
  } while (cursor !== undefined);
  return found.toSorted((a, b) => compareNames(a.name, b.name));
}

/** Remembers the directories that a descent has been in: in a sound filesystem each has one parent, in a crafted one they may form a ring. */
export class Visited {
  readonly #seen = new Set<NodeId>();

  /** @throws DiskError corrupt when it was entered before */
  enter(dir: NodeId): void {
    if (this.#seen.has(dir)) throw corrupt(`directory ${dir}`, 'is linked from a second place');
    this.#seen.add(dir);
  }
}
