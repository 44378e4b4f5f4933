import { DiskError, usage } from '../engines/core/errors.ts';
import type { FileSystem, NodeId, Stat } from '../engines/core/filesystem.ts';
import type { JobContext } from '../engines/core/job.ts';
import { displayName, type Name } from '../engines/core/names.ts';

/** Symlinks that one path may pass, as in Linux (MAXSYMLINKS). */
const MAX_LINKS = 40;

/** Components that one path may have with all links in it spelled out: links of long targets multiply. */
const MAX_COMPONENTS = 20_000;

/** One step from the root; the root's own name is empty. */
export interface Step {
  readonly node: NodeId;
  readonly name: Name;
}

/** What a path of a filesystem leads to. */
export interface Resolved {
  readonly node: NodeId;
  readonly stat: Stat;
  /** From the root (first) to the node (last), with every link resolved. */
  readonly steps: readonly Step[];
}

export interface ResolveOptions {
  /** Whether a symlink at the end is followed too (stat) or is the answer itself (lstat). True unless told. */
  readonly followLast?: boolean;
  /** Gets its turns on the way, and may stop it: a crafted directory takes long to look through, and a path may pass it thousands of times. */
  readonly job?: JobContext;
}

/**
 * Walks a path inside a filesystem. The root is a wall: ".." there stays there, absolute targets of symlinks begin there,
 * nothing outside the image is ever looked at.
 * @throws DiskError usage ENOENT, ENOTDIR, ELOOP; cancelled
 */
export async function resolvePath(fs: FileSystem, path: Name, options: ResolveOptions = {}): Promise<Resolved> {
  const steps: Step[] = [{ node: fs.root, name: '' }];
  let stat = await fs.stat(fs.root);
  // The components that are still to go, the next one last.
  const todo = components(path).toReversed();
  let links = 0;
  let walked = 0;
  while (todo.length > 0) {
    const name = todo.pop()!;
    const pause = options.job?.breathe();
    if (pause) await pause;
    if (++walked > MAX_COMPONENTS) throw usage('ELOOP', `${displayName(path)} has too many components`);
    if (stat.type !== 'dir') throw usage('ENOTDIR', `${shown(steps)} is not a directory`);
    if (name === '' || name === '.') continue;
    if (name === '..') {
      if (steps.length > 1) steps.pop();
      stat = await fs.stat(steps.at(-1)!.node);
      continue;
    }
    const node = await fs.lookup(steps.at(-1)!.node, name);
    if (node === undefined) throw usage('ENOENT', `There is no ${displayName(name)} in ${shown(steps)}`);
    const found = await fs.stat(node);
    if (found.type === 'symlink' && (todo.length > 0 || (options.followLast ?? true))) {
      if (++links > MAX_LINKS) throw usage('ELOOP', `${displayName(path)} passes more than ${MAX_LINKS} symlinks`);
      const target = await fs.readlink(node);
      if (target.startsWith('/')) steps.length = 1;
      stat = await fs.stat(steps.at(-1)!.node);
      todo.push(...components(target).toReversed());
      continue;
    }
    steps.push({ node, name });
    stat = found;
  }
  return { node: steps.at(-1)!.node, stat, steps };
}

/** The path that steps spell: "/" for the root alone. */
export function pathOf(steps: readonly Step[]): Name {
  return steps.length === 1 ? '/' : steps.map((step) => step.name).join('/');
}

/** As `resolvePath`, but undefined where nothing is. */
export async function findPath(fs: FileSystem, path: Name, options: ResolveOptions = {}): Promise<Resolved | undefined> {
  try {
    return await resolvePath(fs, path, options);
  } catch (error) {
    if (error instanceof DiskError && error.fault.kind === 'usage') return undefined;
    throw error;
  }
}

/** The parts between slashes; a slash at the end asks for a directory, and stays as "". */
function components(path: Name): Name[] {
  return path.split('/').filter((part, i, parts) => part !== '' || (i === parts.length - 1 && i > 0));
}

function shown(steps: readonly Step[]): string {
  return displayName(pathOf(steps));
}
