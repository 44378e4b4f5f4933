import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DiskError } from '../../engines/core/errors.ts';
import { connect9p, open9pFileSystem } from '../../engines/protocols/ninep/index.ts';
import { scratchFolder } from '../../engines/testing/tools.ts';
import { launchGuest } from './launch.ts';
import type { GuestEnd, GuestMachine, LaunchOptions } from './machine.ts';
import type { BuiltGuest, Guest } from './manifest.ts';
import { fakeGuest } from './testing/fake-machine.ts';

const scratch = scratchFolder();
const sockets = process.platform === 'win32' ? 'skipped: there are no Unix sockets here' : undefined;
if (sockets !== undefined) console.warn(sockets);

let program = '';
let guest: Guest;
const open: GuestMachine[] = [];

/** One file that Node runs. */
async function bundle(entry: string, name: string): Promise<string> {
  const out = join(scratch.path, name);
  await build({
    configFile: false, logLevel: 'error',
    build: { ssr: join(import.meta.dirname, 'testing', entry), outDir: out, emptyOutDir: true, rollupOptions: { output: { entryFileNames: `${name}.mjs` } } },
    ssr: { noExternal: true, external: ['koffi'] },
  });
  return join(out, `${name}.mjs`);
}

beforeAll(async () => {
  program = await bundle('standin.ts', 'standin');
  const files = join(scratch.path, 'files');
  mkdirSync(files);
  const built: BuiltGuest = { kernel: 'kernel', kernelVersion: '1', initramfs: 'base.cpio', filesystems: { xfs: 'fs-xfs.cpio' }, tools: { xfsprogs: 'tool.cpio' }, digest: 'd', inputs: '', packages: [], built: '' };
  for (const name of ['kernel', 'base.cpio', 'fs-xfs.cpio', 'tool.cpio']) writeFileSync(join(files, name), name.padEnd(16));
  writeFileSync(join(files, 'guest.json'), JSON.stringify(built));
  guest = within(100, fakeGuest('standin', { files }));
});
afterAll(async () => {
  await Promise.all(open.map((machine) => machine.kill()));
  scratch.remove();
});

function options(fault: string, more: Partial<LaunchOptions> = {}): LaunchOptions {
  return { disks: [], filesystems: ['xfs'], warm: 'never', accelerator: 'tcg', cache: join(scratch.path, 'cache'), program: { command: process.execPath, args: [program, fault] }, ...more };
}

async function launch(fault = 'none', more: Partial<LaunchOptions> = {}, which = guest): Promise<GuestMachine> {
  const machine = await launchGuest(which, options(fault, more));
  open.push(machine);
  return machine;
}

/** The guest with another boot deadline, in seconds of an idle machine. */
const within = (deadline: number, which = guest): Guest => ({ ...which, manifest: { ...which.manifest, boot: { ...which.manifest.boot, deadline } } });

/** As people bring them. */
const serial = (): Guest => ({ ...guest, manifest: { ...guest.manifest, system: 'other', boot: { ...guest.manifest.boot, ready: 'login: ' }, transport: { dialect: '9P2000.u', over: 'serial', agent: false, msize: 8192 } } });

const failure = (work: Promise<unknown>): Promise<DiskError> => work.then(() => { throw new Error('It went well'); }, (error: DiskError) => error);
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    // A process that nobody waited for yet is gone all the same.
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};

describe.skipIf(sockets !== undefined)('a machine', () => {
  it('mounts, serves, syncs, unmounts, mounts again and stops', async () => {
    const machine = await launch();
    expect(machine.start).toBe('cold');
    for (let round = 0; round < 2; round++) {
      const client = await connect9p(await machine.mount('xfs', 'ro'), { aname: machine.aname });
      const fs = await open9pFileSystem(client, { format: 'xfs', label: '', uuid: '', details: [] });
      expect((await fs.list(fs.root)).entries.map(({ name }) => name)).toEqual(['hello.txt', 'folder']);
      expect(await failure(machine.mount('xfs', 'ro'))).toMatchObject({ fault: { kind: 'busy' } });
      await machine.sync();
      await machine.unmount();
      // What the server of the session before still said is no part of the next.
      await expect(fs.list(fs.root)).rejects.toMatchObject({ name: 'DiskError' });
    }
    const end = await machine.stop();
    expect(end).toMatchObject({ cause: 'stopped' });
    expect(end.error).toBeUndefined();
    expect(isAlive(machine.pid)).toBe(false);
    expect(await machine.stop()).toBe(end);
    expect(await failure(machine.sync())).toMatchObject({ fault: { kind: 'guest' } });
  });

  it('keeps the words of a command as they are, and tells the output and the status', async () => {
    const machine = await launch();
    const words = ['$(reboot)', '`id`', '"; rm -rf / #', "it's", '\\', '\\n', 'two\nlines', '*', '', ' ', '{dev}', '-o', 'ünïcödé 🦀', '\\\\n'];
    const lines: string[] = [];
    expect(await machine.run('xfs_repair', words, { onLine: (line) => lines.push(line) })).toEqual({ status: 3 });
    expect(JSON.parse(lines[0]!)).toEqual(['xfs_repair', ...words]);
    expect(lines[1]).toMatch(/^[0-9a-f]{20}$/);
    expect(lines.slice(2)).toEqual(['last line without an end']);
    expect(await failure(machine.run('a', ['\0'], { onLine: () => {} }))).toMatchObject({ fault: { kind: 'usage', errno: 'EINVAL' } });
  });

  it('streams a tar to its end, and says when it is not whole', async () => {
    const machine = await launch();
    const read = async (path: string): Promise<{ readonly bytes: number; readonly error: DiskError | undefined }> => {
      const channel = await machine.tar(path);
      let bytes = 0;
      return new Promise((resolve) => {
        channel.onBytes((piece) => { bytes += piece.length; });
        channel.onEnd((error) => resolve({ bytes, error }));
      });
    };
    expect(await read('')).toEqual({ bytes: 2_000_000, error: undefined });
    const { bytes, error } = await read('damaged');
    expect(bytes).toBe(2_000_000);
    expect(error?.message).toContain('not whole');
  });

  it('tells when it was idle', async () => {
    const machine = await launch();
    await new Promise<void>((resolve) => { machine.onIdle(50, resolve); });
    await machine.sync();
    expect(await machine.stop()).toMatchObject({ cause: 'stopped' });
  });

  it('says what the kernel said when it does not mount, and can go on', async () => {
    const machine = await launch('refuse');
    const error = await failure(machine.mount('xfs', 'ro,"x'));
    expect(error.message).toContain('Invalid superblock magic number');
    expect(error.message).toContain('ro,\\"x');
    await machine.sync();
    expect(await machine.stop()).toMatchObject({ cause: 'stopped' });
  });
});

describe.skipIf(sockets !== undefined)('causes of an end', () => {
  it.each<readonly [string, GuestEnd['cause'], RegExp]>([
    ['panic', 'panic', /Kernel panic - not syncing: Fatal exception/],
    ['reset', 'reset', /restarted by itself/],
    ['off', 'crashed', /turned itself off/],
    ['die', 'signal', /SIGKILL/],
    ['signal', 'signal', /signal/],
  ])('%s', async (fault, cause, words) => {
    const machine = await launch(fault);
    const error = await failure(machine.mount('xfs', 'rw'));
    const end = await machine.ended;
    expect(end.cause).toBe(cause);
    expect(end.message).toMatch(words);
    expect(end.error).toMatchObject({ fault: { kind: 'guest', guest: 'standin' } });
    expect(error.fault.kind).toBe('guest');
    expect(isAlive(machine.pid)).toBe(false);
    expect(machine.log.lines.some(({ from, text }) => from === 'launcher' && text.includes('Ended'))).toBe(true);
  });

  it('ends before it answers', async () => {
    const error = await failure(launch('exit'));
    expect(error).toMatchObject({ fault: { kind: 'guest', guest: 'standin' } });
    expect(error.message).toContain('could not find a machine');
  });

  it('is not there', async () => {
    const error = await failure(launch('none', { program: { command: join(scratch.path, 'no-qemu'), args: [] } }));
    expect(error.message).toContain('no-qemu');
  });

  it('never gets ready', async () => {
    const error = await failure(launch('hang', { patience: 0.05 }, within(3)));
    expect(error.message).toContain('hung');
  });

  it('does not answer, and is ended', async () => {
    const machine = await launch('deaf');
    const other = await launch('deaf', { patience: 0.1 });
    await failure(other.run('sleep', [], { onLine: () => {} }));
    expect(await other.ended).toMatchObject({ cause: 'hung' });
    const mounting = failure(machine.mount('xfs', 'ro'));
    expect(await machine.kill()).toMatchObject({ cause: 'killed' });
    expect((await mounting).fault.kind).toBe('guest');
  });

  it('does not stop, and is ended', async () => {
    const machine = await launch('stuck', { patience: 0.1 });
    expect(await machine.stop()).toMatchObject({ cause: 'hung' });
    expect(isAlive(machine.pid)).toBe(false);
  });

  it('is given up while it starts', async () => {
    const signal = { aborted: false };
    const starting = failure(launch('hang', { signal }));
    setTimeout(() => { signal.aborted = true; }, 100);
    expect(await starting).toMatchObject({ fault: { kind: 'cancelled' } });
    expect(await failure(launch('none', { signal }))).toMatchObject({ fault: { kind: 'cancelled' } });
  });

  it.each(['qmp', 'qmp-endless', 'control-endless'])('garbage instead of an answer: %s', async (fault) => {
    const error = await failure(launch(fault, { patience: 0.1 }, within(5)));
    expect(error).toMatchObject({ name: 'DiskError' });
    expect(['guest', 'timeout']).toContain(error.fault.kind);
  });

  it('takes no word of garbage between answers', async () => {
    const machine = await launch('control');
    await machine.mount('xfs', 'ro');
    expect(await machine.stop()).toMatchObject({ cause: 'stopped' });
  });

  it('garbage instead of 9P', async () => {
    const machine = await launch('files');
    const error = await failure(connect9p(await machine.mount('xfs', 'ro'), { aname: machine.aname }));
    expect(error).toMatchObject({ name: 'DiskError' });
    expect(await machine.kill()).toMatchObject({ cause: 'killed' });
  });

  it('a file server that ends takes its session with it', async () => {
    const machine = await launch('disconnect');
    const channel = await machine.mount('xfs', 'ro');
    const error = await new Promise<DiskError | undefined>((resolve) => { channel.onEnd(resolve); });
    expect(error?.message).toContain('status 139');
    expect(await machine.stop()).toMatchObject({ cause: 'stopped' });
  });

  it('a console that is flooded is kept in bounds', async () => {
    const machine = await launch('flood');
    await expect.poll(() => machine.log.lines.filter(({ from }) => from === 'console').length).toBeGreaterThan(500);
    await machine.sync();
    expect(machine.log.lines.length).toBeLessThanOrEqual(4000);
    expect(machine.log.lines.reduce((sum, { text }) => sum + text.length, 0)).toBeLessThanOrEqual(1 << 20);
    expect(await machine.kill()).toMatchObject({ cause: 'killed' });
  });

  it('the channel of files ends with the reason when the machine dies', async () => {
    const machine = await launch();
    const channel = await machine.mount('xfs', 'ro');
    const ended = new Promise<DiskError | undefined>((resolve) => { channel.onEnd(resolve); });
    process.kill(machine.pid, 'SIGKILL');
    expect((await ended)?.message).toContain('SIGKILL');
    expect(await machine.ended).toMatchObject({ cause: 'signal' });
  });
});

describe.skipIf(sockets !== undefined)('a guest without an agent', () => {
  it('serves on its serial line when its console says so', async () => {
    const machine = await launch('none', {}, serial());
    const client = await connect9p(await machine.mount('any', ''), { dialect: '9P2000.u', aname: machine.aname });
    const fs = await open9pFileSystem(client, { format: 'any', label: '', uuid: '', details: [] });
    expect((await fs.list(fs.root)).entries.map(({ name }) => name)).toEqual(['hello.txt', 'folder']);
    await machine.sync();
    expect(await failure(machine.run('ls', [], { onLine: () => {} }))).toMatchObject({ fault: { kind: 'unsupported' } });
    expect(await failure(machine.unmount())).toMatchObject({ fault: { kind: 'unsupported' } });
    expect(await machine.stop()).toMatchObject({ cause: 'stopped' });
  });

  it('is ended when it never serves', async () => {
    const machine = await launch('mute', { patience: 0.05 }, within(20, serial()));
    const channel = await machine.mount('any', '');
    void channel.send(new Uint8Array([1, 2, 3]));
    expect(await machine.ended).toMatchObject({ cause: 'hung' });
  });
});

describe.skipIf(sockets !== undefined || process.platform !== 'linux')('an end of ours', () => {
  it('by SIGKILL takes the machine and its watchdog with it', async () => {
    const parent = await bundle('parent.ts', 'parent');
    const before = new Set(readdirSync(tmpdir()));
    const child = spawn(process.execPath, [parent, program, guest.files, join(scratch.path, 'cache')], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NODE_PATH: join(import.meta.dirname, '../../../node_modules') } });
    let said = '';
    child.stdout.on('data', (piece: Buffer) => { said += piece.toString(); });
    await expect.poll(() => /machine \d+\n/.test(said), { timeout: 60_000 }).toBe(true);
    const pid = Number(/machine (\d+)\n/.exec(said)![1]);
    expect(isAlive(pid)).toBe(true);
    const children = childrenOf(child.pid!);
    expect(children).toContain(pid);
    child.kill('SIGKILL');
    await expect.poll(() => [pid, ...children].some(isAlive), { timeout: 60_000 }).toBe(false);
    expect(readdirSync(tmpdir()).filter((name) => !before.has(name) && name.startsWith('clutch-guest'))).toEqual([]);
    expect(existsSync(`/proc/${pid}/exe`)).toBe(false);
  });
});

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
}
