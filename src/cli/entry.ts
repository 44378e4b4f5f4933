import type { DiskError } from '../engines/core/errors.ts';
import type { FileSystem, Stat } from '../engines/core/filesystem.ts';
import type { Name } from '../engines/core/names.ts';
import { octal } from './text.ts';

/** An entry for `--json`, with the keys of `walk` and what only a closer look tells. Times are nanoseconds, as strings: they pass 2^53. */
export async function entryJson(fs: FileSystem, path: Name, stat: Stat): Promise<Record<string, unknown>> {
  const { type, mode, uid, gid, size, nlink, mtime, atime, ctime, btime, allocated, node, device, flags } = stat;
  return {
    path, type, mode: octal(mode), uid, gid, size, nlink, mtime: String(mtime),
    ...(type === 'symlink' ? { target: await fs.readlink(node) } : {}),
    ...(device === undefined ? {} : { device: `${device.major}:${device.minor}` }),
    atime: String(atime), ctime: String(ctime), ...(btime === undefined ? {} : { btime: String(btime) }),
    inode: node, allocated, ...(flags.length > 0 ? { flags } : {}),
  };
}

/** All attributes of a node, in the order of the image. */
export async function xattrsOf(fs: FileSystem, stat: Stat): Promise<[Name, Uint8Array][]> {
  const found: [Name, Uint8Array][] = [];
  for (const name of await fs.xattrs?.list(stat.node) ?? []) {
    const value = await fs.xattrs!.get(stat.node, name);
    if (value !== undefined) found.push([name, value]);
  }
  return found;
}

/** An error as it stands in an entry's `error` key. */
export function errorKey(error: DiskError): { kind: string; message: string } {
  return { kind: error.kind, message: error.message };
}
