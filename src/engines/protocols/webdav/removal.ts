import type { FileSystem, NodeId } from '../../core/filesystem.ts';
import type { Name } from '../../core/names.ts';
import type { Writer } from '../../core/writer.ts';
import type { Path } from './paths.ts';

/** Entries that are gathered before they are removed: a listing is not walked while it changes. */
const AT_ONCE = 4096;

/** What could not be removed that is told one by one; there may be a million. */
const MOST_FAILURES = 100;

/** What keeps a tree from going. */
export interface RemovalFailure {
  readonly path: Path;
  readonly error: unknown;
}

/**
 * Removes an entry with everything below it, what WebDAV does not show as well. What can't be removed stays, with the folders that it is in.
 * @param path for what is told of failures
 * @returns what stayed, and why; empty when all is gone
 */
export async function removeTree(fs: FileSystem, writer: Writer, dir: NodeId, name: Name, path: Path, breathe: () => Promise<void> | undefined): Promise<RemovalFailure[]> {
  const failures: RemovalFailure[] = [];
  const note = (failure: RemovalFailure): void => { if (failures.length < MOST_FAILURES) failures.push(failure); };

  /** @returns whether it is gone */
  const remove = async (parent: NodeId, entry: Name, node: NodeId, at: Path): Promise<boolean> => {
    const pause = breathe();
    if (pause) await pause;
    try {
      if ((await fs.stat(node)).type !== 'dir') {
        await writer.unlink(parent, entry);
        return true;
      }
      if (!await empty(node, at)) return false;
      await writer.rmdir(parent, entry);
      return true;
    } catch (error) {
      note({ path: at, error });
      return false;
    }
  };

  const empty = async (node: NodeId, at: Path): Promise<boolean> => {
    const stayed = new Set<Name>();
    for (;;) {
      // From the beginning each time: where a listing goes on is not sure after its folder was changed.
      const entries: { name: Name; node: NodeId }[] = [];
      let batch = await fs.list(node);
      for (;;) {
        for (const each of batch.entries) if (!stayed.has(each.name)) entries.push(each);
        if (batch.next === undefined || entries.length >= AT_ONCE) break;
        batch = await fs.list(node, batch.next);
      }
      if (entries.length === 0) return stayed.size === 0;
      for (const each of entries) if (!await remove(node, each.name, each.node, [...at, each.name])) stayed.add(each.name);
      // One that is damaged throughout is not walked to its end.
      if (stayed.size > AT_ONCE) return false;
    }
  };

  const node = await fs.lookup(dir, name);
  if (node !== undefined) await remove(dir, name, node, path);
  return failures;
}
