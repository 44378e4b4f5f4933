import { isDiskError } from '../../engines/core/errors.ts';
import type { Cursor, FileSystem, NodeId } from '../../engines/core/filesystem.ts';
import { displayName, type Name } from '../../engines/core/names.ts';

/** Entries that are looked at to find a folder's name in the one above. */
const MOST_LOOKED = 20_000;

const MAX_DEPTH = 256;

/** The path of a folder from the root, escaped for showing; "" where it is not soon found. Formats keep the folder above, not the name in it. */
export async function pathOf(fs: FileSystem, folder: NodeId): Promise<string> {
  const names: Name[] = [];
  let looked = 0;
  try {
    for (let node = folder; node !== fs.root;) {
      const above = await fs.lookup(node, '..');
      if (above === undefined || names.length >= MAX_DEPTH) return '';
      let name: Name | undefined;
      let cursor: Cursor | undefined;
      do {
        const { entries, next } = await fs.list(above, cursor);
        name = entries.find((entry) => entry.node === node)?.name;
        looked += entries.length;
        cursor = next;
      } while (name === undefined && cursor !== undefined && looked < MOST_LOOKED);
      if (name === undefined) return '';
      names.unshift(name);
      node = above;
    }
  } catch (error) {
    // Of a damaged tree the operation itself tells.
    if (isDiskError(error)) return '';
    throw error;
  }
  return `/${displayName(names.join('/'))}`;
}
