import { execFile, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { has } from './processes.ts';
import { electron, ROOT } from './window.ts';

/** "nobody" of every Linux. It owns nothing. */
const NOBODY = 65_534;

/** Milliseconds that a program has for its work: what hangs in a mount must not hang the tests. */
const LIMIT = 60_000;

const root = process.getuid?.() === 0;

/** Another account is taken on by root alone; without root the tests' own is an ordinary one. */
const TAKEN_ON: readonly string[] = root ? ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'] : [];

/** What of a checkout runs: the built program, the guests that come with it, and the one package that is no part of what is built. */
const PROGRAM = [
  'package.json', 'bin', ...['main', 'preload', 'host', 'cli', 'reader', 'writer', 'winfsp', 'renderer'].map((part) => `out/${part}`), 'guests', 'assets', 'node_modules/koffi', 'node_modules/@koromix',
];

const execute = promisify(execFile);

/** Why nothing can be tried as an ordinary account here; undefined where it can. */
export const noAccount = missing();

/** An account that is not root, with folders of its own for its home, for what runs and for temporary files. */
export interface Account {
  readonly uid: number;
  /** For the files of a test: anybody may pass through, and it is the account's own. */
  readonly folder: string;
  readonly runtime: string;
  /** Starts Electron with the arguments that follow. */
  readonly electron: string;
  /** The folder of the program, as Electron takes it. */
  readonly program: string;
  readonly env: Readonly<Record<string, string>>;
  /** Chromium's sandbox works here for this account, as where people use it. Not where the system keeps user namespaces from it (Docker's seccomp, AppArmor). */
  readonly sandboxed: boolean;
  /** The command line that runs a program as this account. */
  command(program: string, ...args: readonly string[]): [string, string[]];
  /** Runs a program as this account to its end, while this process goes on: what it prints. */
  run(program: string, ...args: readonly string[]): Promise<string>;
  /** Hands a file or folder over to this account. */
  give(path: string): void;
}

/** @param folder where its own go; it is there, and is removed by its owner @param guests of them copies are made for the account: folders of built guests */
export async function ordinaryAccount(folder: string, guests: readonly string[] = []): Promise<Account> {
  const uid = root ? NOBODY : process.getuid!();
  const give = (path: string): void => { if (root) chownSync(path, uid, uid); };
  const own = (name: string): string => {
    const path = join(folder, name);
    mkdirSync(path, { mode: 0o700 });
    give(path);
    return path;
  };
  // Its files are in folders of their own below; others look for nothing here.
  chmodSync(folder, 0o711);
  const [home, runtime, temporary, cache] = [own('home'), own('runtime'), own('tmp'), own('guests')];
  const { executable } = await electron();
  const reached = reaches(executable) && reaches(join(ROOT, 'out/main/main.cjs')) && reaches(join(ROOT, 'node_modules/koffi/package.json'));
  const program = reached ? ROOT : copied(PROGRAM.map((name) => join(ROOT, name)), ROOT, join(folder, 'program'));
  const runs = reached ? executable : join(copied([dirname(executable)], dirname(executable), join(folder, 'electron')), executable.slice(dirname(executable).length));
  for (const guest of guests) {
    const path = join(cache, 'built', guest.slice(dirname(guest).length));
    cpSync(guest, path, { recursive: true });
    if (root) spawnSync('chown', ['-R', `${uid}:${uid}`, cache]);
  }
  const env = { PATH: '/usr/local/bin:/usr/bin:/bin', LANG: 'C.UTF-8', HOME: home, XDG_RUNTIME_DIR: runtime, TMPDIR: temporary, CLUTCH_GUESTS: cache };
  const command = (name: string, ...args: readonly string[]): [string, string[]] => {
    const [first, ...rest] = [...TAKEN_ON, name, ...args];
    return [first!, rest];
  };
  const launcher = join(folder, 'electron.sh');
  // Playwright puts its arguments before those of the test: they are Electron's.
  writeFileSync(launcher, `#!/bin/sh\nexec ${[...TAKEN_ON, quoted(runs)].join(' ')} "$@"\n`, { mode: 0o755 });
  const files = own('files');
  chmodSync(files, 0o755);
  return {
    uid, folder: files, runtime, electron: launcher, program, env, command, give,
    sandboxed: spawnSync(...command('unshare', '--user', '--map-root-user', '--net', 'true'), { stdio: 'ignore' }).status === 0,
    async run(name, ...args) {
      const { stdout } = await execute(...command(name, ...args), { cwd: '/', env: { ...env, LC_ALL: 'C.UTF-8' }, timeout: LIMIT, killSignal: 'SIGKILL', maxBuffer: 64 << 20 });
      return stdout;
    },
  };
}

function missing(): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux';
  const tools = ['Xvfb', 'fusermount3', 'unshare', ...(root ? ['setpriv'] : [])].filter((tool) => !has(tool));
  if (tools.length > 0) return `needs ${tools.join(' and ')}`;
  if (!reaches(tmpdir())) return 'needs a folder for temporary files that every account reaches';
  const [name, ...args] = [...TAKEN_ON, 'sh', '-c', 'test -r /dev/fuse && test -w /dev/fuse'];
  if (spawnSync(name!, args, { stdio: 'ignore' }).status !== 0) return 'needs /dev/fuse open to every account';
  // Without its set-user-ID bit, or where the container takes away what it needs, fusermount3 mounts for nobody.
  return mayMount() ? undefined : 'needs a fusermount3 that may mount';
}

/** Whether set-user-ID programs act, and may mount: root itself may, and nothing took the bit's effect away. */
function mayMount(): boolean {
  const { stdout } = spawnSync('sh', ['-c', 'test -u "$(command -v fusermount3)" && grep -E "^(NoNewPrivs|CapBnd):" /proc/self/status'], { encoding: 'utf8' });
  const bounds = /CapBnd:\s*([0-9a-f]+)/.exec(stdout)?.[1];
  // CAP_SYS_ADMIN (include/uapi/linux/capability.h).
  return /NoNewPrivs:\s*0/.test(stdout) && bounds !== undefined && ((BigInt(`0x${bounds}`) >> 21n) & 1n) === 1n;
}

/** Whether the account may read a file, wherever it lies. */
function reaches(path: string): boolean {
  const [name, ...args] = [...TAKEN_ON, 'test', '-r', path];
  return spawnSync(name!, args, { stdio: 'ignore' }).status === 0;
}

/** A copy of files of one folder, for everybody to read: what root has built may lie where nobody else comes. */
function copied(paths: readonly string[], from: string, to: string): string {
  for (const path of paths) cpSync(path, join(to, path.slice(from.length)), { recursive: true, verbatimSymlinks: true });
  spawnSync('chmod', ['-R', 'a+rX', to]);
  return to;
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
