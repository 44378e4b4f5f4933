import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, openSync, closeSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DiskError, ioError } from '../../engines/core/errors.ts';
import { chosenPoint, ownPoint } from './mount-point.ts';
import { serveAt } from './own-mounts.ts';
import { findProgram, runProgram } from './programs.ts';
import type { MountRequest } from './provider.ts';
import type { ClientMount } from './webdav-client.ts';
import { USER, type WebdavGate } from './webdav-gate.ts';

/** Clients of desktops. They run for the person who is logged in, and were written by their documentation: none could be tried where this was built. */

/** Milliseconds that a client may take to mount. */
const MOUNTS_WITHIN = 60_000;

/** Runs a command when this process has ended, in whatever way, unless it was told otherwise before. For systems with a shell. */
class AfterUs {
  readonly #shell: ChildProcess;

  constructor(command: readonly string[]) {
    this.#shell = spawn('/bin/sh', ['-c', 'trap "" HUP INT TERM; while read -r word; do [ "$word" = ended ] && exit 0; done; exec "$@"', 'clutch-watcher', ...command], { detached: true, stdio: ['pipe', 'ignore', 'ignore'], cwd: '/' });
    this.#shell.on('error', () => {});
    this.#shell.stdin!.on('error', () => {});
    this.#shell.unref();
    (this.#shell.stdin as unknown as { unref?(): void }).unref?.();
  }

  end(): void {
    this.#shell.stdin!.end('ended\n');
  }
}

/** One that is taken away by a command. */
function commandMount(at: string, commands: { readonly plain: readonly string[]; readonly lazy: readonly string[] }, left: () => Promise<void>): ClientMount {
  let tell!: (message: undefined) => void;
  const ended = new Promise<undefined>((resolve) => { tell = resolve; });
  return {
    at, ended,
    // None of these systems says whose a file is that is open in a program of its own.
    users: async () => [],
    async unmount(lazy) {
      const [program, ...args] = lazy ? commands.lazy : commands.plain;
      const said = await runProgram(program!, args);
      if (said !== undefined) throw /busy|in use|open files/i.test(said) ? new DiskError({ kind: 'busy' }, `${at} is in use: ${said}`, 'Close what has files of it open.') : ioError(`${at} can't be unmounted: ${said}`);
      await left();
      tell(undefined);
    },
  };
}

/** GNOME's and others' (gvfs): the person's own session mounts it, and programs see it below a folder of the session. @returns why it can't */
export async function mountGvfs(gate: WebdavGate): Promise<ClientMount | { readonly advice: string }> {
  const gio = await findProgram('gio');
  if (gio === undefined || process.env['DBUS_SESSION_BUS_ADDRESS'] === undefined) return { advice: 'There is no desktop session here that could mount it.' };
  const url = gate.plainUrl.replace(/^http:\/\//, `dav://${USER}@`);
  const said = await tellPassword(gio, ['mount', url], gate.password);
  if (said !== undefined) return { advice: `The desktop can't mount it: ${said}.` };
  const after = new AfterUs([gio, 'mount', '-u', '-f', url]);
  const unmounting = { plain: [gio, 'mount', '-u', url], lazy: [gio, 'mount', '-u', '-f', url] };
  const path = await localPath(gio, url);
  if (path === undefined) {
    after.end();
    await runProgram(gio, unmounting.lazy.slice(1));
    return { advice: 'The desktop has no folder for it (gvfs-fuse is not installed).' };
  }
  // A folder in the session's one FUSE mount: known by its path alone, so that nobody's files elsewhere in that mount count as ours.
  const own = serveAt(path);
  return commandMount(path, unmounting, async () => {
    after.end();
    own.gone();
  });
}

/** Answers what gio asks for, on its standard input: an argument would be seen by all. @returns what went wrong */
function tellPassword(program: string, args: readonly string[], password: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    let said = '';
    let asked = '';
    const child = spawn(program, args, { env: { ...process.env, LC_ALL: 'C' }, cwd: '/', stdio: 'pipe' });
    const timer = setTimeout(() => child.kill('SIGKILL'), MOUNTS_WITHIN);
    child.stdin.on('error', () => {});
    const hear = (chunk: Buffer): void => {
      said = `${said}${String(chunk)}`.slice(-2000);
      asked += String(chunk);
      // "User [clutch]: ", "Password: ".
      const prompt = /(User|Domain|Password)[^:\n]*: $/.exec(asked)?.[1];
      if (prompt === undefined) return;
      asked = '';
      child.stdin.write(prompt === 'Password' ? `${password}\n` : prompt === 'User' ? `${USER}\n` : '\n');
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.on('error', (error) => { said = error.message; });
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve(code === 0 ? undefined : said.trim().split('\n').at(-1) || `gio ended with ${code}`);
    });
  });
}

/** Where the session's folder shows a mount. */
function localPath(gio: string, url: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(gio, ['info', '-a', 'standard::name', url], { env: { ...process.env, LC_ALL: 'C' }, cwd: '/', timeout: MOUNTS_WITHIN, killSignal: 'SIGKILL' }, (error, stdout) => {
      resolve(error === null ? /^local path: (\/.*)$/m.exec(stdout)?.[1] : undefined);
    });
  });
}

/** macOS, mount_webdav(8). @returns why it can't @throws DiskError usage for the place */
export async function mountMac(request: MountRequest, gate: WebdavGate): Promise<ClientMount | { readonly advice: string }> {
  const point = request.at === undefined ? await ownPoint(request.title) : await chosenPoint(request.at);
  const own = serveAt(point.at);
  const after = new AfterUs(['/sbin/umount', '-f', point.at]);
  const leave = async (): Promise<void> => {
    after.end();
    await point.remove();
    own.gone();
  };
  const options = request.tree.fs.writer === undefined ? 'nodev,nosuid,rdonly' : 'nodev,nosuid';
  const said = await withCredentials(gate.password, (fd) => runWithFile('/sbin/mount_webdav', ['-a3', '-S', '-v', request.title, '-o', options, gate.plainUrl, point.at], fd));
  if (said !== undefined) {
    await leave();
    return { advice: `macOS could not mount it (${said}). In the Finder, choose Go, Connect to Server, and enter the address.` };
  }
  return commandMount(point.at, { plain: ['/sbin/umount', point.at], lazy: ['/sbin/umount', '-f', point.at] }, leave);
}

/**
 * What mount_webdav reads its credentials from: a file without a name, with name and password, and none for a proxy, each after its length in four bytes
 * (big-endian). In the address, they would stand in everybody's list of mounts.
 */
async function withCredentials<T>(password: string, run: (fd: number) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'clutch-webdav-'));
  const fd = openSync(join(folder, 'credentials'), 'wx+', 0o600);
  try {
    rmSync(folder, { recursive: true });
    writeSync(fd, credentials(password));
    return await run(fd);
  } finally {
    closeSync(fd);
  }
}

/** The bytes of such a file. */
export function credentials(password: string): Uint8Array {
  return Buffer.concat([USER, password, '', ''].flatMap((text) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(Buffer.byteLength(text));
    return [length, Buffer.from(text)];
  }));
}

/** Runs a program with a file as its descriptor 3. @returns what went wrong */
function runWithFile(program: string, args: readonly string[], fd: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    let said = '';
    const child = spawn(program, args, { cwd: '/', stdio: ['ignore', 'ignore', 'pipe', fd] });
    const timer = setTimeout(() => child.kill('SIGKILL'), MOUNTS_WITHIN);
    child.stderr!.on('data', (chunk: Buffer) => { said = `${said}${String(chunk)}`.slice(-2000); });
    child.on('error', (error) => { said = error.message; });
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve(code === 0 ? undefined : said.trim() || `it ended with ${code}`);
    });
  });
}

/** Windows' own client, net use. The address is its password: Basic over http is refused there, and command lines are not seen by other people. @returns why it can't */
export async function mountWindows(request: MountRequest, gate: WebdavGate): Promise<ClientMount | { readonly advice: string }> {
  const net = join(process.env['SystemRoot'] ?? 'C:\\Windows', 'System32', 'net.exe');
  const wanted = request.at ?? '*';
  const address = gate.secretUrl.replace(/\/$/, '');
  const { failure, output } = await new Promise<{ readonly failure?: string; readonly output: string }>((resolve) => {
    execFile(net, ['use', wanted, address, '/persistent:no'], { timeout: MOUNTS_WITHIN, windowsHide: true }, (error, stdout, stderr) => {
      resolve(error === null ? { output: stdout } : { output: stdout, failure: stderr.trim().replaceAll(/\s*\n\s*/g, ' ') || error.message });
    });
  });
  const drive = /^[A-Z]:$/i.test(wanted) ? wanted.toUpperCase() : driveIn(output);
  if (failure !== undefined || drive === undefined) return { advice: `Windows could not make it a drive (${failure ?? 'no drive was named'}): its WebClient service must be running. In the Explorer, choose Map network drive, and enter the address.` };
  return commandMount(drive, { plain: [net, 'use', drive, '/delete', '/n'], lazy: [net, 'use', drive, '/delete', '/y'] }, async () => {});
}

/** The drive that net use has taken, in whatever language it says so. */
export function driveIn(output: string): string | undefined {
  return /(?:^|\s)([A-Z]:)(?=\s|$|\.)/.exec(output)?.[1];
}
