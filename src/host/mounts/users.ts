import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { decodeName, displayName, type Name } from '../../engines/core/names.ts';
import type { MountUser } from '../../shared/contract/mounts.ts';
import { isWithin } from './mount-table.ts';

/** The mount that is asked about. */
export interface UsedMount {
  readonly at: string;
  /** The kernel's number of the mount. */
  readonly id: number;
  /** Its filesystem's device, "0:57". */
  readonly device: string;
}

/** What is told of one process at most; and in all. */
const MOST_OF_ONE = 20;
const MOST = 200;

/** Milliseconds of looking after which the mount is served again, which whoever is looked at may wait for. */
const BREATH = 5;

/**
 * The processes that have something of a mount open, as far as this account may see: what /proc says of their descriptors, folders, programs and maps.
 * Nothing of the mount itself is touched. It is found by its path, and by its number in the list of mounts where it has left its path already (lazily).
 */
export async function usersOf(mount: UsedMount, self: number = process.pid): Promise<MountUser[]> {
  const users: MountUser[] = [];
  let breath = performance.now();
  for (const entry of namesIn('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === self) continue;
    const paths = new Set([...openPaths(pid, mount), ...(await mappedPaths(pid, mount))]);
    if (paths.size > 0) {
      const name = displayName(textOf(`/proc/${pid}/comm`).trim());
      for (const path of [...paths].slice(0, MOST_OF_ONE)) users.push({ pid, name, path: displayName(path) });
    }
    if (users.length >= MOST) return users.slice(0, MOST);
    if (performance.now() - breath > BREATH) {
      await new Promise((resolve) => { setImmediate(resolve); });
      breath = performance.now();
    }
  }
  return users;
}

function openPaths(pid: number, { at, id }: UsedMount): Name[] {
  const found: Name[] = [];
  for (const link of ['cwd', 'root', 'exe']) {
    const path = linkOf(`/proc/${pid}/${link}`);
    if (path !== undefined && isWithin(path, at)) found.push(below(path, at));
  }
  for (const fd of namesIn(`/proc/${pid}/fd`)) {
    const path = linkOf(`/proc/${pid}/fd/${fd}`);
    // Pipes, sockets and the like have no path.
    if (path?.startsWith('/') !== true) continue;
    // What was mounted below it, or over it, has paths like its own; what left its path has none of them.
    if (Number(/^mnt_id:\s*(\d+)/m.exec(textOf(`/proc/${pid}/fdinfo/${fd}`))?.[1]) === id) found.push(below(path, at));
  }
  return found;
}

/** Files that are mapped, which may have no descriptor any more. Read in another thread: a process that is just mapping something keeps its readers waiting. */
async function mappedPaths(pid: number, { at, device }: UsedMount): Promise<Name[]> {
  const [major, minor] = device.split(':').map((each) => Number(each).toString(16).padStart(2, '0'));
  const found = new Set<Name>();
  try {
    const maps = await readFile(`/proc/${pid}/maps`, 'latin1');
    if (!maps.includes(` ${major}:${minor} `)) return [];
    for (const line of maps.split('\n')) {
      // Range, rights, offset, device, inode, path (a line's end in it is written "\012").
      const match = /^\S+ \S+ \S+ (\S+) \S+ +(\/.*)$/.exec(line);
      if (match?.[1] === `${major}:${minor}`) found.add(below(decodeName(Buffer.from(match[2]!.replaceAll('\\012', '\n'), 'latin1')), at));
    }
  } catch {
    // Gone, or not for us to see.
  }
  return [...found];
}

/** The path inside the mount, without a slash at its beginning. */
function below(path: Name, at: string): Name {
  const inner = isWithin(path, at) ? path.slice(at.length) : path;
  return inner.replace(/^\//, '').replace(/ \(deleted\)$/, '');
}

function linkOf(path: string): Name | undefined {
  try {
    return decodeName(readlinkSync(path, 'buffer'));
  } catch {
    return undefined;
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function namesIn(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
