import { lstatSync, mkdirSync, type Stats } from 'node:fs';
import { access, constants, lstat, mkdir, readdir, realpath, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, isAbsolute, join } from 'node:path';
import envPaths from 'env-paths';
import { DiskError, type Errno, ioError, usage } from '../../engines/core/errors.ts';
import { mountedAt } from './mount-table.ts';
import { refuseOwnMount } from './own-mounts.ts';

/** The folder that a volume is mounted on. */
export interface MountPoint {
  /** Absolute, without symlinks. */
  readonly at: string;
  /** It was made for the mount, and goes with it. */
  readonly made: boolean;
  /** Takes the folder away again where it was made, once: at the same path, another mount may make one after that. Never throws. @param now where it is, where a folder above it got another name */
  remove(now?: string): Promise<void>;
}

/** Names that are tried for one title: more volumes of one name are not mounted at once. */
const MOST_NAMES = 1000;

/** Bytes of a folder's name. */
const LONGEST = 100;

/**
 * A folder that somebody chose: empty, or one to be made in a folder that is there.
 * @throws DiskError usage ENOTDIR, ENOENT, ENOTEMPTY, EEXIST, EACCES
 */
export async function chosenPoint(path: string): Promise<MountPoint> {
  if (!isAbsolute(path)) throw usage('EINVAL', `${path} is not an absolute path`);
  // First of all: the steps after it would wait for ourselves.
  refuseOwnMount(path);
  const parent = await real(dirname(path));
  const at = basename(path) === '' ? '/' : join(parent, basename(path));
  refuseMounted(at);
  const there = await status(at);
  if (there === undefined) return makePoint(at);
  if (there.isSymbolicLink()) return chosenPoint(await real(at));
  if (!there.isDirectory()) throw usage('ENOTDIR', `${path} is not a folder`);
  const names = await attempt(at, () => readdir(at));
  if (names.length > 0) throw usage('ENOTEMPTY', `${path} is not empty`, 'Choose an empty folder, or one that does not exist yet.');
  // The system asks the same of those who are not root.
  await attempt(at, () => access(at, constants.W_OK));
  return { at, made: false, remove: async () => {} };
}

/** A new folder for a volume, in the folder of this account for what runs. @param title may hold anything. @throws DiskError usage, io */
export async function ownPoint(title: string): Promise<MountPoint> {
  const folder = await real(runtimeFolder());
  refuseOwnMount(folder);
  const name = harmless(title);
  for (let number = 1; number <= MOST_NAMES; number++) {
    const at = join(folder, number === 1 ? name : `${name}-${number}`);
    if (mountedAt(at) !== undefined) continue;
    try {
      return await makePoint(at);
    } catch (error) {
      if ((error as DiskError).fault?.kind !== 'usage' || (error as DiskError & { fault: { errno?: Errno } }).fault.errno !== 'EEXIST') throw error;
    }
  }
  throw usage('EEXIST', `${folder} has too many folders called ${name}`);
}

/**
 * The folder of this account for what runs now, emptied when the computer starts anew: where folders to mount on are made, and what is mounted is noted.
 * Made when it is missing. @throws DiskError io where none can be had that is safe
 */
export function runtimeFolder(env: NodeJS.ProcessEnv = process.env, uid: number = process.getuid?.() ?? 0): string {
  const reasons: string[] = [];
  // As root the mounts may be for all, so others may pass through. In the folder that all write to, somebody else may have been first with our name: then the
  // account's own cache is left, which a start of the computer does not empty.
  const places: readonly { readonly folder: string; readonly mode: number; readonly parents?: true }[] = uid === 0
    ? [{ folder: '/run/clutch', mode: 0o755 }, { folder: join(tmpdir(), 'clutch-0'), mode: 0o755 }]
    : [...[env['XDG_RUNTIME_DIR'], `/run/user/${uid}`].flatMap((each) => (each !== undefined && isAbsolute(each) ? [{ folder: join(each, 'clutch'), mode: 0o700 }] : [])), { folder: join(tmpdir(), `clutch-${uid}`), mode: 0o700 }, { folder: join(envPaths('clutch', { suffix: '' }).cache, 'mounts'), mode: 0o700, parents: true }];
  for (const { folder, mode, parents } of places) {
    try {
      // Of the last one, those above it may be missing as well.
      if (parents === true) mkdirSync(dirname(folder), { recursive: true, mode });
      mkdirSync(folder, { mode });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
        reasons.push((error as Error).message);
        continue;
      }
    }
    const there = lstatSync(folder, { throwIfNoEntry: false });
    if (there?.isDirectory() === true && there.uid === uid && (there.mode & 0o022) === 0) return folder;
    reasons.push(`${folder} is not a folder that belongs to this account alone`);
  }
  throw new DiskError({ kind: 'io' }, `There is no folder to mount in: ${reasons.join('; ')}`, 'Name a folder that belongs to this account alone in XDG_RUNTIME_DIR.');
}

/** A title as a folder's name that no program stumbles over. */
export function harmless(title: string): string {
  // oxlint-disable-next-line no-control-regex
  let name = title.replaceAll(/[\u0000-\u001f\u007f-\u009f/\\:*?"'`$<>|;&#]+/g, '_').replaceAll(/\p{Cf}|\p{Cs}/gu, '').trim().replace(/^[.\-\s]+/, '');
  while (Buffer.byteLength(name) > LONGEST) name = [...name].slice(0, -1).join('');
  return name || 'volume';
}

async function makePoint(at: string): Promise<MountPoint> {
  await attempt(at, () => mkdir(at, { mode: 0o700 }));
  let removed = false;
  return {
    at, made: true,
    async remove(now = at) {
      if (removed) return;
      try {
        // Not under a mount: somebody else's may be there by now.
        if (mountedAt(now) !== undefined) return;
        removed = true;
        await rmdir(now);
      } catch {
        // It was taken away already, or somebody put something into it.
      }
    },
  };
}

function refuseMounted(at: string): void {
  const there = mountedAt(at);
  if (there !== undefined && there.type.startsWith('fuse')) throw usage('EEXIST', `${at} is mounted already (${there.source})`);
}

/** lstat; undefined where there is nothing. */
function status(path: string): Promise<Stats | undefined> {
  return attempt(path, async () => {
    try {
      return await lstat(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  });
}

function real(path: string): Promise<string> {
  return attempt(path, () => realpath(path));
}

const ERRNOS: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist', ENOTDIR: 'is not a folder', EEXIST: 'is there already', EACCES: 'is not yours to write to', EPERM: 'may not be changed',
  EROFS: 'is on a filesystem that is read-only', ENAMETOOLONG: 'is too long a path', ELOOP: 'is a symbolic link in a circle', ENOSPC: 'is on a filesystem that is full',
};

/** @throws DiskError usage with the errno where that is what it was, otherwise io */
async function attempt<T>(path: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    const words = ERRNOS[code];
    throw words === undefined ? ioError(`${path}: ${message}`) : usage(code as Errno, `${path} ${words}`);
  }
}
