import { setTimeout } from 'node:timers/promises';
import type { EntryType, FileSystem, NodeId, Stat } from '../../engines/core/filesystem.ts';
import { toDiskError, usage } from '../../engines/core/errors.ts';
import type { JobContext } from '../../engines/core/job.ts';
import { displayName, type Name } from '../../engines/core/names.ts';
import type { SpaceNode, SpaceSnapshot } from '../../shared/contract/rows.ts';
import { type Entry, visitBelow, type Visitor } from './measure.ts';

/** Milliseconds between two snapshots, and before the first. */
const TOLD_EVERY = 250;
const TOLD_FIRST = 60;

/** Nodes of a snapshot, and how small a share of the whole one may be. */
const MAX_NODES = 1500;
const LEAST_SHOWN = 1 / 4000;

/** Folders in folders that a snapshot shows: what is deeper is seen from nearer. */
const MAX_LEVELS = 32;

/** Files of one directory that are kept by name. */
const MAX_FILES = 128;

/** What is below this share of all that was met so far is only summed up. The whole only grows, so what was too small stays so. */
const LEAST_KEPT = 1 / 50_000;

/** Unreadable entries that are named. */
const MAX_PROBLEMS = 100;

/** A file that is large enough to be named. */
interface Leaf {
  readonly node: NodeId;
  readonly name: Name;
  readonly type: EntryType;
  readonly size: number;
}

/** A directory with the sum of all that is below it. */
interface Folder extends Omit<Leaf, 'size'> {
  readonly above: Folder | undefined;
  /** Bytes on the device, its own included. */
  size: number;
  /** All below that is no directory. */
  files: number;
  /** Entries of its own. */
  entries: number;
  folders: Folder[];
  leaves: Leaf[];
  /** It, or a part of it, could not be read. */
  unreadable: boolean;
}

/**
 * What takes the space below a folder, told again and again while it is found out; the last snapshot is `done`.
 * @throws DiskError cancelled; when the folder itself can't be read. What can't be read below it is told in the snapshots
 */
export async function* space(fs: FileSystem, top: Entry, job: JobContext): AsyncGenerator<SpaceSnapshot> {
  const { type } = await fs.stat(top.node);
  if (type !== 'dir') throw usage('ENOTDIR', `A ${type} has nothing below it`);
  const tree = new SpaceTree();
  const state = { ended: false };
  const walk = visitBelow(fs, [top], job, tree).finally(() => { state.ended = true; });
  // Between two snapshots nobody waits for it: a failure is met at the next turn of the loop.
  walk.catch(() => {});
  for (let wait = TOLD_FIRST; !state.ended; wait = TOLD_EVERY) {
    await Promise.race([walk, setTimeout(wait, undefined, { ref: false })]);
    const snapshot = state.ended ? undefined : tree.snapshot(false);
    if (snapshot !== undefined) yield snapshot;
  }
  await walk;
  const whole = tree.snapshot(true);
  if (whole !== undefined) yield whole;
}

/** The sums of a tree while it is walked. Directories that are done and too small to be seen are forgotten, so that millions of them fit. */
class SpaceTree implements Visitor<Folder> {
  #top: Folder | undefined;
  #unreadable = 0;
  #directories = 0;
  readonly #problems: { path: string; message: string }[] = [];

  enter({ node, name }: Entry, stat: Stat, above: Folder | undefined): Folder {
    const folder: Folder = { node, name, type: 'dir', above, size: 0, files: 0, entries: 0, folders: [], leaves: [], unreadable: false };
    this.#top ??= folder;
    this.#directories++;
    if (above !== undefined) {
      above.folders.push(folder);
      above.entries++;
    }
    this.#grow(folder, stat.allocated, 0);
    return folder;
  }

  leaf({ node, name }: Entry, { type, allocated }: Stat, above: Folder | undefined, again: boolean): void {
    // What was asked about is a folder.
    if (above === undefined) return;
    const size = again ? 0 : allocated;
    above.entries++;
    this.#grow(above, size, 1);
    if (size === 0 || size < this.#top!.size * LEAST_KEPT) return;
    above.leaves.push({ node, name, type, size });
    if (above.leaves.length < MAX_FILES * 2) return;
    above.leaves.sort((a, b) => b.size - a.size);
    above.leaves.length = MAX_FILES;
  }

  failed({ name }: Entry, error: unknown, above: Folder | undefined, dir: Folder | undefined): void {
    this.#unreadable++;
    if (above) above.entries++;
    const where = dir ?? above;
    if (where) where.unreadable = true;
    if (this.#problems.length < MAX_PROBLEMS) this.#problems.push({ path: displayName(pathOf(dir ?? above, dir === undefined ? name : undefined)), message: toDiskError(error).message });
  }

  leave(folder: Folder): void {
    const { above } = folder;
    // It stands last among its neighbours, or near it: the walk goes through them from the end.
    if (above === undefined || folder.size >= this.#top!.size * LEAST_KEPT) return;
    const at = above.folders.lastIndexOf(folder);
    above.folders[at] = above.folders.at(-1)!;
    above.folders.pop();
  }

  /** The largest of it, in at most MAX_NODES nodes: the largest folders are looked into first. */
  snapshot(done: boolean): SpaceSnapshot | undefined {
    if (this.#top === undefined) return undefined;
    const least = this.#top.size * LEAST_SHOWN;
    let left = MAX_NODES;
    const tree = drafted(this.#top, 0);
    // Sorted from the smallest to the largest; what is looked into is put in where it belongs.
    const closed: Draft[] = [tree];
    for (let next = closed.pop(); next !== undefined && left > 0; next = closed.pop()) {
      const folder = next.of as Folder;
      const children = largest(folder, least, left).map((child) => drafted(child, next.level + 1));
      left -= children.length;
      next.row.children = children.map(({ row }) => row);
      next.row.smaller = {
        count: Math.max(0, folder.entries - children.length),
        size: Math.max(0, folder.size - children.reduce((sum, { row }) => sum + row.size, 0)),
      };
      for (const child of children) if (child.row.type === 'dir' && child.level < MAX_LEVELS) insert(closed, child);
    }
    return { tree: tree.row, directories: this.#directories, unreadable: this.#unreadable, problems: [...this.#problems], done };
  }

  #grow(from: Folder, size: number, files: number): void {
    for (let at: Folder | undefined = from; at !== undefined; at = at.above) {
      at.size += size;
      at.files += files;
    }
  }
}

/** A node of a snapshot that is being made. */
interface Draft {
  readonly of: Folder | Leaf;
  readonly level: number;
  readonly row: { -readonly [K in keyof SpaceNode]: SpaceNode[K] };
}

function drafted(of: Folder | Leaf, level: number): Draft {
  const { node, name, type, size } = of;
  const folder = 'folders' in of ? of : undefined;
  return {
    of, level,
    row: { node, name, display: displayName(name), type, size, files: folder?.files ?? 1, ...(folder?.unreadable ? { unreadable: true } : {}) },
  };
}

function largest(folder: Folder, least: number, most: number): (Folder | Leaf)[] {
  const seen: (Folder | Leaf)[] = [...folder.folders, ...folder.leaves].filter((each) => each.size > 0 && each.size >= least);
  return seen.toSorted((a, b) => b.size - a.size || (a.name < b.name ? -1 : 1)).slice(0, most);
}

/** Keeps `sorted` in order of size, by halving. */
function insert(sorted: Draft[], one: Draft): void {
  let from = 0;
  let to = sorted.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (sorted[middle]!.row.size < one.row.size) from = middle + 1;
    else to = middle;
  }
  sorted.splice(from, 0, one);
}

/** Below the folder that was asked about. */
function pathOf(folder: Folder | undefined, name: Name | undefined): Name {
  const names = name === undefined ? [] : [name];
  for (let at = folder; at?.above !== undefined; at = at.above) names.push(at.name);
  return `/${names.toReversed().join('/')}`;
}
