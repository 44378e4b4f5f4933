import { decodeAcl } from '../../engines/core/acl.ts';
import { isDiskError, toDiskError, usage } from '../../engines/core/errors.ts';
import type { EntryType, FileExtent, FileSystem, NodeId, Section, Stat } from '../../engines/core/filesystem.ts';
import type { JobContext } from '../../engines/core/job.ts';
import { displayName, isDecodable, type Name } from '../../engines/core/names.ts';
import type { AclRow, EntryDetails, EntryRow, ExtentMap } from '../../shared/contract/rows.ts';
import { resolvePath } from '../paths.ts';
import { type Identities, identitiesOf } from './identities.ts';

/** Extended attributes of one entry that are shown, and bytes of all their values together. */
const MAX_XATTRS = 1000;
const MAX_XATTR_BYTES = 4 * 1024 * 1024;

/** Bytes of an access list: as many as the kernel takes (XATTR_SIZE_MAX). */
const MAX_ACL = 65_536;

/** Runs of a file that are told. */
const MAX_RUNS = 10_000;

/** Sections and facts that an engine may say of one entry, and characters of each. */
const MAX_SECTIONS = 50;
const MAX_FACTS = 500;
const MAX_FACT = 2000;

/** Steps, and symlinks on the way, that a symlink's target may have when it is followed for a row. */
const MAX_STEPS = 256;
const MAX_LINKS = 40;

/**
 * Checks a name that came from a client: one component of a path, or "" for a filesystem's root.
 * @throws DiskError usage
 */
export function checkName(fs: FileSystem, node: NodeId, name: Name): void {
  if (name === '' ? node !== fs.root : name === '.' || name === '..' || name.includes('/') || name.includes('\0')) {
    throw usage('EINVAL', `"${displayName(name.slice(0, 300))}" is no name of an entry`);
  }
}

/** A row of the grid. What can't be read is in the row's `error`. @throws DiskError cancelled, and nothing else */
export async function entryRow(fs: FileSystem, dir: NodeId | undefined, node: NodeId, name: Name, type: EntryType | undefined, job: JobContext): Promise<EntryRow> {
  try {
    const got = fs.stat(node);
    const stat = got instanceof Promise ? await got : got;
    const who = identitiesOf(fs);
    return { ...plainRow(stat, node, name, who instanceof Promise ? await who : who), ...(stat.type === 'symlink' ? await linkOf(fs, dir, node, job) : {}) };
  } catch (error) {
    if (isDiskError(error) && error.kind === 'cancelled') throw error;
    return { node, name, display: displayName(name), type: type ?? 'file', size: 0, allocated: 0, mtime: 0n, atime: 0n, ctime: 0n, mode: 0, uid: 0, gid: 0, nlink: 0, flags: [], error: toDiskError(error).toJSON() };
  }
}

function plainRow(stat: Stat, node: NodeId, name: Name, who: Identities): EntryRow {
  const { uid, gid } = stat;
  const owner = who.user(uid);
  const group = who.group(gid);
  return {
    node, name, display: displayName(name), type: stat.type, size: stat.size, allocated: stat.allocated, mtime: stat.mtime, atime: stat.atime, ctime: stat.ctime, mode: stat.mode,
    ...(stat.btime === undefined ? {} : { btime: stat.btime }),
    uid, gid, nlink: stat.nlink, flags: stat.flags, ...(owner === undefined ? {} : { owner }), ...(group === undefined ? {} : { group }),
  };
}

/** Where a symlink says it leads, and where that is in this filesystem. */
async function linkOf(fs: FileSystem, dir: NodeId | undefined, node: NodeId, job: JobContext): Promise<Partial<EntryRow>> {
  let target: Name;
  try {
    target = await fs.readlink(node);
  } catch (error) {
    return { error: toDiskError(error).toJSON() };
  }
  try {
    const found = await followLink(fs, dir, target, job);
    return { target: displayName(target), ...(found ? { targetNode: found.node, targetType: found.type } : {}) };
  } catch (error) {
    // A link that leads nowhere, in circles or into damage is still a link.
    if (!isDiskError(error) || error.kind === 'cancelled') throw error;
    return { target: displayName(target) };
  }
}

/** Follows a target from the directory that holds the link; undefined where it leads nowhere, in circles, or through too much. */
async function followLink(fs: FileSystem, dir: NodeId | undefined, target: Name, job: JobContext): Promise<Stat | undefined> {
  if (target.startsWith('/') || dir === fs.root) return (await resolvePath(fs, target, { job })).stat;
  if (dir === undefined) return undefined;
  let at = dir;
  let links = 0;
  let stat: Stat | undefined;
  // The components that are still to go, the next one last.
  const todo = componentsOf(target);
  for (let walked = 0; todo.length > 0; walked++) {
    if (walked > MAX_STEPS) return undefined;
    const part = todo.pop()!;
    const pause = job.breathe();
    if (pause) await pause;
    const next = part === '..' && at === fs.root ? at : await fs.lookup(at, part);
    if (next === undefined) return undefined;
    stat = await fs.stat(next);
    if (stat.type !== 'symlink') {
      at = next;
      continue;
    }
    // Links in circles end here; so do links whose targets, spelled out, have more components than any path.
    if (++links > MAX_LINKS) return undefined;
    const further = await fs.readlink(next);
    if (further.startsWith('/')) return (await resolvePath(fs, [further, ...todo.toReversed()].join('/'), { job })).stat;
    const parts = componentsOf(further);
    if (todo.length + parts.length > MAX_STEPS) return undefined;
    todo.push(...parts);
  }
  return stat ?? fs.stat(at);
}

/** The last first. */
function componentsOf(target: Name): Name[] {
  return target.split('/').filter((part) => part !== '' && part !== '.').toReversed();
}

/** Everything about one entry. What can't be read of it is in its `error`. @throws DiskError when the node can't be read at all, or cancelled */
export async function entryDetails(fs: FileSystem, node: NodeId, name: Name, job: JobContext): Promise<EntryDetails> {
  const stat = await fs.stat(node);
  const who = await identitiesOf(fs);
  const row = { ...plainRow(stat, node, name, who), ...(stat.type === 'symlink' ? await linkOf(fs, undefined, node, job) : {}) };
  let { error } = row;
  const part = async <T>(read: () => Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await read();
    } catch (thrown) {
      if (isDiskError(thrown) && thrown.kind === 'cancelled') throw thrown;
      error ??= toDiskError(thrown).toJSON();
      return otherwise;
    }
  };
  const xattrs = await part(() => readXattrs(fs, node), []);
  const extents = await part(() => readExtents(fs, stat, job), undefined);
  const sections = await part(() => readSections(fs, node), []);
  const acl = xattrs.flatMap((xattr) => aclRows(xattr, who));
  return {
    ...row, xattrs, sections,
    ...(stat.device === undefined ? {} : { device: stat.device }),
    ...(acl.length > 0 ? { acl } : {}),
    ...(extents === undefined ? {} : { extents }),
    ...(error === undefined ? {} : { error }),
  };
}

/** The lines of an attribute that is an access list; none of others, and of lists that make no sense. */
function aclRows({ name, value }: { readonly name: string; readonly value: Uint8Array }, names: Identities): AclRow[] {
  if (!name.startsWith('system.posix_acl_') || value.length > MAX_ACL) return [];
  const scope = name.endsWith('_default') ? 'default' : 'access';
  return (decodeAcl(value) ?? []).map((line) => {
    const [who, id, rights] = line.split(':') as [AclRow['who'], string, string];
    if (id === '') return { scope, who, rights };
    const named = who === 'user' ? names.user(Number(id)) : names.group(Number(id));
    return { scope, who, id: Number(id), rights, ...(named === undefined ? {} : { name: named }) };
  });
}

async function readExtents(fs: FileSystem, { node, type }: Stat, job: JobContext): Promise<ExtentMap | undefined> {
  if (fs.extents === undefined || type !== 'file') return undefined;
  const runs: FileExtent[] = [];
  let fragments = 0;
  let cut = false;
  let end: number | undefined;
  for (const run of await fs.extents.map(node)) {
    if (runs.length === MAX_RUNS) {
      cut = true;
      break;
    }
    runs.push(run);
    if (run.physical === undefined || run.physical !== end) fragments++;
    end = run.physical === undefined ? undefined : run.physical + run.length;
    const pause = job.breathe();
    if (pause) await pause;
  }
  return { runs, cut, fragments, device: fs.extents.device.size };
}

function shownFact(text: string): string {
  return displayName(text.slice(0, MAX_FACT));
}

async function readSections(fs: FileSystem, node: NodeId): Promise<Section[]> {
  const told = (await fs.describe?.(node)) ?? [];
  return told.slice(0, MAX_SECTIONS).map(({ title, facts }) => ({ title: shownFact(title), facts: facts.slice(0, MAX_FACTS).map(([label, value]) => [shownFact(label), shownFact(value)] as const) }));
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
