import type { FileSystem, NodeId } from '../../core/filesystem.ts';
import { crc32c } from '../../codecs/crc32c.ts';

/** What a tree holds: its paths, each with its inode, all that stat and the attributes tell, and a checksum of its contents. */
export type Snapshot = ReadonlyMap<string, { readonly node: NodeId; readonly facts: string; readonly contents: string }>;

/** Reads a whole tree. lost+found is left out where it is empty. */
export async function snapshot(fs: FileSystem): Promise<Snapshot> {
  const found = new Map<string, { node: NodeId; facts: string; contents: string }>();
  const visit = async (dir: NodeId, under: string): Promise<void> => {
    for (let batch = await fs.list(dir); ; batch = await fs.list(dir, batch.next)) {
      for (const { name, node } of batch.entries) {
        const path = `${under}/${name}`;
        found.set(path, { node, facts: await facts(fs, node), contents: await contents(fs, node) });
        if ((await fs.stat(node)).type === 'dir') await visit(node, path);
      }
      if (batch.next === undefined) return;
    }
  };
  found.set('/', { node: fs.root, facts: await facts(fs, fs.root), contents: '' });
  await visit(fs.root, '');
  return found;
}

async function facts(fs: FileSystem, node: NodeId): Promise<string> {
  const { type, mode, uid, gid, size, nlink, mtime, ctime, device } = await fs.stat(node);
  const attributes: string[] = [];
  for (const name of await fs.xattrs!.list(node)) attributes.push(`${name}=${crc32c(0, (await fs.xattrs!.get(node, name))!)}`);
  const where = type === 'symlink' ? await fs.readlink(node) : device === undefined ? '' : `${device.major}:${device.minor}`;
  return [type, mode.toString(8), uid, gid, type === 'dir' ? '' : size, nlink, mtime, ctime, where, ...attributes.toSorted()].join(' ');
}

async function contents(fs: FileSystem, node: NodeId): Promise<string> {
  const { type, size } = await fs.stat(node);
  if (type !== 'file') return '';
  const bytes = new Uint8Array(size);
  const read = await fs.read(node, 0, bytes);
  return `${read}:${crc32c(0, bytes)}`;
}

/**
 * Where two trees differ first, or undefined.
 * @param unsure inodes whose contents were written over since: either old or new may be there, sector by sector
 */
export function difference(actual: Snapshot, expected: Snapshot, unsure: ReadonlySet<NodeId>): string | undefined {
  for (const [path, entry] of expected) {
    const other = actual.get(path);
    if (other === undefined) return `${path} is missing`;
    if (other.node !== entry.node || other.facts !== entry.facts) return `${path} is ${other.node} ${other.facts}, not ${entry.node} ${entry.facts}`;
    if (other.contents !== entry.contents && !unsure.has(entry.node)) return `the contents of ${path} are ${other.contents}, not ${entry.contents}`;
  }
  for (const path of actual.keys()) if (!expected.has(path)) return `${path} should not be there`;
  return undefined;
}
