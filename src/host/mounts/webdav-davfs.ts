import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DiskError, ioError } from '../../engines/core/errors.ts';
import { displayName } from '../../engines/core/names.ts';
import type { MountUser } from '../../shared/contract/mounts.ts';
import { chosenPoint, ownPoint, runtimeFolder } from './mount-point.ts';
import { mountedAt, type MountLine, mounts } from './mount-table.ts';
import { notePath } from './notes.ts';
import { serveAt } from './own-mounts.ts';
import { findProgram, runProgram } from './programs.ts';
import type { MountRequest } from './provider.ts';
import { usersOf } from './users.ts';
import { Watcher } from './watcher.ts';
import type { ClientMount } from './webdav-client.ts';
import { USER, type WebdavGate } from './webdav-gate.ts';

/** Milliseconds between two looks at the list of mounts, for an unmount by somebody else. */
const LOOK_MS = 500;

/** Where davfs2 writes the process ids of its daemons. */
const PIDS = '/var/run/mount.davfs';

/** Where davfs2's package makes a place for caches that its daemon can reach: a folder for temporary files may be closed to other accounts. */
const CACHES = '/var/cache/davfs2';

/** The folder of the mount in which davfs2 shows what it could not store. */
const UNSENT = '.clutch-unsent';

/**
 * The first command that the watcher runs when we are gone: takes the mount away, ends its daemon, and removes its cache.
 * $1 umount, $2 the file with the daemon's id, $3 the private folder, $4 the place.
 */
const AFTER_US = `read -r pid < "$2"
"$1" -c -i -l "$4"
try=0
while [ -n "$pid" ] && kill -0 "$pid" && [ $try -lt 10 ]; do sleep 1; try=$((try + 1)); done
[ -n "$pid" ] && kill -9 "$pid"
rm -rf -- "$3" "$2"`;

/** The programs of davfs2, and who its daemon runs as. */
interface Davfs {
  readonly mount: string;
  readonly unmount: string;
  readonly umount: string;
  readonly gid: number;
}

/** @returns undefined where davfs2 can't be used: not installed, or not by this account */
export async function findDavfs(): Promise<Davfs | undefined> {
  if (process.platform !== 'linux' || process.geteuid?.() !== 0) return undefined;
  const [mount, unmount, umount] = [await findProgram('mount.davfs'), await findProgram('umount.davfs'), await findProgram('umount')];
  const group = (await readFile('/etc/group', 'utf8').catch(() => '')).split('\n').find((line) => line.startsWith('davfs2:'));
  const gid = Number(group?.split(':')[2]);
  return mount === undefined || unmount === undefined || umount === undefined || !Number.isInteger(gid) || !existsSync(CACHES) ? undefined : { mount, unmount, umount, gid };
}

/** Mounts by davfs2, as root. @throws DiskError usage for the place; io with what davfs2 said */
export async function mountDavfs(davfs: Davfs, request: MountRequest, gate: WebdavGate): Promise<ClientMount> {
  const point = request.at === undefined ? await ownPoint(request.title) : await chosenPoint(request.at);
  const own = serveAt(point.at);
  const home = await mkdtemp(join(CACHES, 'clutch-'));
  // As davfs2 names it: the path with hyphens.
  const pidFile = join(PIDS, `${point.at.slice(1).replaceAll('/', '-')}.pid`);
  const watcher = new Watcher(point.at, point.made, notePath(runtimeFolder()), ['/bin/sh', '-c', AFTER_US, 'clutch-davfs', davfs.umount, pidFile, home]);
  const leave = async (keepCache: boolean): Promise<void> => {
    if (!keepCache) await rm(home, { recursive: true, force: true });
    await watcher.end();
    await point.remove();
    own.gone();
  };
  try {
    const cache = join(home, 'cache');
    await mkdir(cache);
    // The daemon is of this group; others can't look in.
    for (const [folder, mode] of [[home, 0o710], [cache, 0o770]] as const) {
      await chown(folder, process.geteuid!(), davfs.gid);
      await chmod(folder, mode);
    }
    const url = decodeURI(gate.plainUrl);
    await writeFile(join(home, 'secrets'), `${quoted(url)} ${USER} ${gate.password}\n`, { mode: 0o600 });
    await writeFile(join(home, 'conf'), confOf(home, cache), { mode: 0o600 });
    const modes = request.shared === true ? 'file_mode=644,dir_mode=755' : 'file_mode=600,dir_mode=700';
    const said = await runDavfs(davfs.mount, ['-o', `conf=${join(home, 'conf')},${modes}${request.tree.fs.writer === undefined ? ',ro' : ''}`, url, point.at]);
    // Nobody needs them any more.
    for (const file of ['secrets', 'conf']) await rm(join(home, file), { force: true });
    const line = mountedAt(point.at);
    if (said !== undefined || line === undefined) throw ioError(`davfs2 can't mount at ${point.at}: ${said ?? 'it is not mounted'}`);
    own.known(line.device);
    watcher.mounted(line);
    return new DavfsMount(davfs, line, pidFile, cache, { clear: () => point.remove(), leave });
  } catch (error) {
    await leave(false);
    throw error;
  }
}

class DavfsMount implements ClientMount {
  readonly at: string;
  readonly ended: Promise<string | undefined>;
  readonly #davfs: Davfs;
  readonly #line: MountLine;
  readonly #cache: string;
  /** Takes the folder away that was made for it. */
  readonly #clear: () => Promise<void>;
  #isEnded = false;

  constructor(davfs: Davfs, line: MountLine, pidFile: string, cache: string, { clear, leave }: { readonly clear: () => Promise<void>; readonly leave: (keepCache: boolean) => Promise<void> }) {
    this.at = line.at;
    this.#davfs = davfs;
    this.#line = line;
    this.#cache = cache;
    this.#clear = clear;
    this.ended = this.#end(pidFile, leave);
  }

  async users(): Promise<readonly MountUser[]> {
    return this.#isEnded ? [] : usersOf(this.#line);
  }

  async unmount(lazy: boolean): Promise<void> {
    const { unmount, umount } = this.#davfs;
    if (this.#isThere()) {
      const unsent = lazy ? '' : await listed(join(this.at, UNSENT));
      if (unsent !== '') throw new DiskError({ kind: 'busy' }, `Some files could not be stored in the volume: ${unsent}`, `They are in ${join(this.at, UNSENT)}. Copy them elsewhere and remove them there, then unmount again.`);
      // The helper returns when the daemon has stored everything and is gone.
      const said = lazy ? await runProgram(umount, ['-c', '-i', '-l', this.at]) : await runDavfs(unmount, [this.at]);
      if (this.#isThere()) throw /busy/i.test(said ?? '') ? new DiskError({ kind: 'busy' }, `${this.at} is in use`, 'Close what has files of it open, or let it be taken away as soon as they are closed.') : ioError(`${this.at} can't be unmounted: ${said}`);
    }
    // What programs write by its path must not land in an empty folder of this computer.
    if (lazy) return this.#clear();
    const failure = await this.ended;
    if (failure !== undefined) throw ioError(failure);
  }

  #isThere(): boolean {
    // Numbers are used again at once; the source holds the port of our server.
    return mounts().some(({ id, source }) => id === this.#line.id && source === this.#line.source);
  }

  async #end(pidFile: string, leave: (keepCache: boolean) => Promise<void>): Promise<string | undefined> {
    const pid = Number(await readFile(pidFile, 'latin1').catch(() => ''));
    while (this.#isThere() || isAlive(pid)) await new Promise((resolve) => { setTimeout(resolve, LOOK_MS); });
    const unsent = await unsentIn(this.#cache);
    await leave(unsent.length > 0);
    this.#isEnded = true;
    return unsent.length === 0 ? undefined : `Some files could not be stored in the volume (${unsent.slice(0, 5).join(', ')}); they are kept in ${this.#cache}`;
  }
}

/** What davfs2 shall do: nothing is kept back. A folder is believed for ten seconds, for after that davfs2 asks for all of it again, in the middle of a long listing too. */
function confOf(home: string, cache: string): string {
  const settings = {
    secrets: quoted(join(home, 'secrets')), ask_auth: '0', use_locks: '1', delay_upload: '0', dir_refresh: '10', file_refresh: '1',
    cache_dir: quoted(cache), backup_dir: UNSENT, buf_size: '1024', table_size: '16384', read_timeout: '600', retry: '1', max_retry: '5', max_upload_attempts: '3',
  };
  return Object.entries(settings).map(([name, value]) => `${name} ${value}\n`).join('');
}

/** A value in the files of davfs2 (davfs2.conf(5)). */
function quoted(value: string): string {
  return `"${value.replace(/["\\]/g, '\\$&')}"`;
}

/** As runProgram, without a proxy for our own address, and with as much time as the storing takes. */
function runDavfs(program: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(program, args, { env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' }, cwd: '/', maxBuffer: 1 << 20 }, (error, stdout, stderr) => {
      resolve(error === null ? undefined : `${stderr}${stdout}`.trim().replaceAll(/\s*\n\s*/g, '; ') || error.message);
    });
  });
}

/** Names in a folder of the mount, by another process: this one must not touch it. Empty when there are none, or it can't be told. */
function listed(folder: string): Promise<string> {
  return new Promise((resolve) => {
    execFile('ls', ['-A', '-m', '--', folder], { env: { PATH: '/usr/bin:/bin', LC_ALL: 'C.UTF-8' }, cwd: '/', timeout: 60_000, killSignal: 'SIGKILL' }, (error, stdout) => {
      resolve(error === null ? stdout.trim().slice(0, 300) : '');
    });
  });
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 1) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Names of files that are in the cache and nowhere else: davfs2's index of it has them in an element of their own. */
async function unsentIn(cache: string): Promise<string[]> {
  const names: string[] = [];
  for (const folder of await readdir(cache).catch(() => [])) {
    const index = await readFile(join(cache, folder, 'index'), 'utf8').catch(() => '');
    for (const [, backup = ''] of index.matchAll(/<d:backup>(.*?)<\/d:backup>/gs)) {
      for (const [, name = ''] of backup.matchAll(/<d:reg>\s*<d:name><!\[CDATA\[(.*?)\]\]>/gs)) names.push(displayName(name));
    }
  }
  return names;
}
