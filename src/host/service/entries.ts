import { decodeAcl } from '../../engines/core/acl.ts';
import { isDiskError, toDiskError, usage } from '../../engines/core/errors.ts';
import type { EntryType, FileSystem, NodeId, Stat } from '../../engines/core/filesystem.ts';
import { displayName, isDecodable, type Name } from '../../engines/core/names.ts';
import type { EntryDetails, EntryRow } from '../../shared/contract/rows.ts';
import { resolvePath } from '../paths.ts';

/** Extended attributes of one entry that are shown, and bytes of all their values together. */
const MAX_XATTRS = 1000;
const MAX_XATTR_BYTES = 4 * 1024 * 1024;

/** Steps that a symlink's target may have when it is followed for a row. */
const MAX_STEPS = 256;

/**
 * Checks a name that came from a client: one component of a path, or "" for a filesystem's root.
 * @throws DiskError usage
 */
export function checkName(fs: FileSystem, node: NodeId, name: Name): void {
  if (name === '' ? node !== fs.root : name === '.' || name === '..' || name.includes('/') || name.includes('\0')) {
    throw usage('EINVAL', `"${displayName(name.slice(0, 300))}" is no name of an entry`);
  }
}

/** A row of the grid. What can't be read is in the row's `error`; nothing is thrown. */
export async function entryRow(fs: FileSystem, dir: NodeId | undefined, node: NodeId, name: Name, type: EntryType | undefined): Promise<EntryRow> {
  try {
    const got = fs.stat(node);
    const stat = got instanceof Promise ? await got : got;
    return { ...plainRow(stat, node, name), ...(stat.type === 'symlink' ? await linkOf(fs, dir, node) : {}) };
  } catch (error) {
    return { node, name, display: displayName(name), type: type ?? 'file', size: 0, mtime: 0n, mode: 0, uid: 0, gid: 0, nlink: 0, flags: [], error: toDiskError(error).toJSON() };
  }
}

function plainRow(stat: Stat, node: NodeId, name: Name): EntryRow {
  return {
    node, name, display: displayName(name), type: stat.type, size: stat.size, mtime: stat.mtime, mode: stat.mode,
    uid: stat.uid, gid: stat.gid, nlink: stat.nlink, flags: stat.flags,
  };
}

/** Where a symlink says it leads, and where that is in this filesystem. */
async function linkOf(fs: FileSystem, dir: NodeId | undefined, node: NodeId): Promise<Partial<EntryRow>> {
  let target: Name;
  try {
    target = await fs.readlink(node);
  } catch (error) {
    return { error: toDiskError(error).toJSON() };
  }
  try {
    const found = await followLink(fs, dir, target);
    return { target: displayName(target), ...(found ? { targetNode: found.node, targetType: found.type } : {}) };
  } catch (error) {
    // A link that leads nowhere, in circles or into damage is still a link.
    if (!isDiskError(error)) throw error;
    return { target: displayName(target) };
  }
}

/** Follows a target from the directory that holds the link; undefined where the way up from there is not known. */
async function followLink(fs: FileSystem, dir: NodeId | undefined, target: Name): Promise<Stat | undefined> {
  if (target.startsWith('/') || dir === fs.root) return (await resolvePath(fs, target)).stat;
  if (dir === undefined) return undefined;
  const parts = target.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.length > MAX_STEPS) return undefined;
  let at = dir;
  for (const [i, part] of parts.entries()) {
    const next: NodeId | undefined = part === '..' && at === fs.root ? at : await fs.lookup(at, part);
    if (next === undefined) return undefined;
    const stat = await fs.stat(next);
    // A link on the way or at the end: the path to it is not known here, only an absolute one can be followed.
    if (stat.type === 'symlink') {
      const further = await fs.readlink(next);
      if (!further.startsWith('/')) return undefined;
      return (await resolvePath(fs, [further, ...parts.slice(i + 1)].join('/'))).stat;
    }
    at = next;
  }
  return fs.stat(at);
}

/** Everything about one entry. @throws DiskError when the node can't be read at all */
export async function entryDetails(fs: FileSystem, node: NodeId, name: Name): Promise<EntryDetails> {
  const stat = await fs.stat(node);
  const row = { ...plainRow(stat, node, name), ...(stat.type === 'symlink' ? await linkOf(fs, undefined, node) : {}) };
  let xattrs: EntryDetails['xattrs'] = [];
  let error = row.error;
  try {
    xattrs = await readXattrs(fs, node);
  } catch (thrown) {
    error ??= toDiskError(thrown).toJSON();
  }
  const acl = xattrs.filter(({ name: each }) => each.startsWith('system.posix_acl_')).flatMap(({ name: each, value }) => {
    const entries = decodeAcl(value) ?? [];
    return each.endsWith('_default') ? entries.map((entry) => `default:${entry}`) : entries;
  });
  return {
    ...row, atime: stat.atime, ctime: stat.ctime, allocated: stat.allocated, xattrs,
    ...(stat.btime === undefined ? {} : { btime: stat.btime }),
    ...(stat.device === undefined ? {} : { device: stat.device }),
    ...(acl.length > 0 ? { acl } : {}),
    ...(error === undefined ? {} : { error }),
  };
}

async function readXattrs(fs: FileSystem, node: NodeId): Promise<EntryDetails['xattrs']> {
  if (fs.xattrs === undefined) return [];
  const found: { name: string; value: Uint8Array; text?: string }[] = [];
  let bytes = 0;
  for (const name of (await fs.xattrs.list(node)).slice(0, MAX_XATTRS)) {
    const value = await fs.xattrs.get(node, name);
    if (value === undefined) continue;
    bytes += value.length;
    if (bytes > MAX_XATTR_BYTES) break;
    const text = textOf(value);
    found.push({ name: displayName(name), value: value.slice(), ...(text === undefined ? {} : { text }) });
  }
  return found;
}

/** A value as text for showing, where all of it is text. A zero byte at the end is how C programs store them (SELinux labels). */
function textOf(value: Uint8Array): string | undefined {
  const end = value.at(-1) === 0 ? value.length - 1 : value.length;
  if (end === 0) return value.length === 0 ? '' : undefined;
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value.subarray(0, end));
    // oxlint-disable-next-line no-control-regex
    return /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.test(text) || !isDecodable(text) ? undefined : displayName(text);
  } catch {
    return undefined;
  }
}
