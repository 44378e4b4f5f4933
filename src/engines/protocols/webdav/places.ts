import type { FileSystem, NodeId, Stat } from '../../core/filesystem.ts';
import type { Name } from '../../core/names.ts';
import { HttpError } from './messages.ts';
import type { Path } from './paths.ts';

/** Links that are followed on the way along one path. Linux has 40; below a folder that is linked from many places, each one more multiplies what a client walks. */
const MAX_LINKS = 16;

/** A folder on the way to something: its node, and the folders that it truly lies in, for ".." in links. */
interface Folder {
  readonly node: NodeId;
  /** From the root to the folder itself. */
  readonly stack: readonly NodeId[];
  /** Every folder that the path has led through: a link back to one of them would be a tree without end. */
  readonly seen: ReadonlySet<NodeId>;
  readonly links: number;
}

/** Something that a path leads to. */
export interface Found {
  readonly stat: Stat;
  /** For a folder. */
  readonly folder?: Folder;
  /** Where the file is named that a link leads to, or the entry itself: what is written there is written to it. Absent for the root. */
  readonly home?: { readonly dir: NodeId; readonly name: Name };
}

/** What is at a path. */
export interface Place {
  readonly path: Path;
  /** Absent for the root. */
  readonly parent?: Folder;
  readonly name: Name;
  /** The entry of that name, where there is one: a link is not followed. */
  readonly entry?: NodeId;
  /** What is served there: a file or a folder. Absent where nothing is, and for what WebDAV has no word for (a pipe, a device, a link that leads nowhere). */
  readonly found?: Found;
}

/**
 * Walks a path. Symbolic links are followed inside the tree alone, as after chroot(2): "/" is the tree's root, and ".." of it is the root.
 * @throws HttpError 409 when a folder on the way is not there
 */
export async function locate(fs: FileSystem, path: Path): Promise<Place> {
  const root: Folder = { node: fs.root, stack: [fs.root], seen: new Set([fs.root]), links: 0 };
  if (path.length === 0) return { path, name: '', entry: fs.root, found: { stat: await fs.stat(fs.root), folder: root } };
  let folder = root;
  for (let i = 0; i < path.length - 1; i++) {
    const next = (await lookupIn(fs, folder, path[i]!)).found?.folder;
    if (next === undefined) throw new HttpError(409, 'A folder on the way there is none');
    folder = next;
  }
  const name = path.at(-1)!;
  return { path, parent: folder, name, ...await lookupIn(fs, folder, name) };
}

/** As `locate`, for what must be there. @throws HttpError 404 */
export async function locateFound(fs: FileSystem, path: Path): Promise<Place & { readonly found: Found }> {
  const place = await locate(fs, path).catch((error: unknown) => {
    throw error instanceof HttpError && error.status === 409 ? new HttpError(404, 'It is not there') : error;
  });
  if (place.found === undefined) throw new HttpError(404, 'It is not there');
  return { ...place, found: place.found };
}

/** The entry of a name, and what it leads to. */
async function lookupIn(fs: FileSystem, folder: Folder, name: Name): Promise<Pick<Place, 'entry' | 'found'>> {
  const entry = await fs.lookup(folder.node, name);
  if (entry === undefined) return {};
  const found = await follow(fs, folder, name, entry);
  return found === undefined ? { entry } : { entry, found };
}

/**
 * What an entry of a folder is served as.
 * @returns undefined for what is not: neither file nor folder, a link that leads nowhere, out of bounds, or back to a folder that it lies in
 */
export async function follow(fs: FileSystem, folder: Folder, name: Name, entry: NodeId): Promise<Found | undefined> {
  // Only links need a promise for every step; most entries are none.
  const stat = await fs.stat(entry);
  if (stat.type === 'file') return { stat, home: { dir: folder.node, name } };
  if (stat.type === 'dir') return folderAt(folder, folder.stack, stat, folder.links, { dir: folder.node, name });
  if (stat.type !== 'symlink') return undefined;
  return followLink(fs, folder, folder.stack, entry, folder.links);
}

async function followLink(fs: FileSystem, from: Folder, at: readonly NodeId[], link: NodeId, before: number): Promise<Found | undefined> {
  let links = before + 1;
  let stack = at;
  // What is still to be walked; a link on the way puts its own target in front.
  let parts = partsOf(await fs.readlink(link));
  if (parts[0] === '') stack = [fs.root];
  let last: { stat: Stat; home?: { dir: NodeId; name: Name } } | undefined;
  for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
    last = undefined;
    if (part === '' || part === '.') continue;
    if (part === '..') {
      if (stack.length > 1) stack = stack.slice(0, -1);
      continue;
    }
    const dir = stack.at(-1)!;
    const node = await fs.lookup(dir, part);
    if (node === undefined) return undefined;
    const stat = await fs.stat(node);
    if (stat.type === 'symlink') {
      if (++links > MAX_LINKS) return undefined;
      const target = partsOf(await fs.readlink(node));
      if (target[0] === '') stack = [fs.root];
      parts = [...target, ...parts];
      if (parts.length > MAX_PARTS) return undefined;
    } else if (stat.type === 'dir') {
      stack = [...stack, node];
      last = { stat, home: { dir, name: part } };
    } else {
      return stat.type === 'file' && parts.length === 0 && links <= MAX_LINKS ? { stat, home: { dir, name: part } } : undefined;
    }
  }
  if (links > MAX_LINKS) return undefined;
  const node = stack.at(-1)!;
  return folderAt(from, stack.slice(0, -1), last?.stat ?? await fs.stat(node), links, last?.home);
}

/** Names in a link's target, with those of the links that it leads through (PATH_MAX of them could not be spelled). */
const MAX_PARTS = 4096;

function partsOf(target: Name): string[] {
  return target.split('/', MAX_PARTS);
}

function folderAt(from: Folder, above: readonly NodeId[], stat: Stat, links: number, home: { dir: NodeId; name: Name } | undefined): Found | undefined {
  if (from.seen.has(stat.node)) return undefined;
  const folder: Folder = { node: stat.node, stack: [...above, stat.node], seen: new Set(from.seen).add(stat.node), links };
  return { stat, folder, ...(home === undefined ? {} : { home }) };
}
