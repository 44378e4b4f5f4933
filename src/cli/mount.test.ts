import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { missingTools, run } from '../engines/testing/tools.ts';
import { fuseAvailable } from '../host/mounts/fuse-descriptor.ts';
import { mountedAt } from '../host/mounts/mount-table.ts';
import { buildClutch, CLUTCH, makeExt4, makeTree, missingMke2fs, objects, workFolder } from './testing.ts';

const folder = workFolder();
const at = (name: string): string => join(folder, name);
/** Mounts of other programs are none of these tests'. */
const env = { ...process.env, CLUTCH_RUNTIME: at('run'), CLUTCH_DATA: at('data') };
const missing = missingMke2fs() ?? missingTools('e2fsck', 'debugfs', 'umount') ?? (await noFuse());

async function noFuse(): Promise<string | undefined> {
  const available = await fuseAvailable();
  if (available.ok) return undefined;
  const reason = `skipped: ${available.reason}`;
  console.warn(reason);
  return reason;
}

beforeAll(() => {
  buildClutch();
  if (missing !== undefined) return;
  mkdirSync(at('tree'));
  makeTree(at('tree'));
  makeExt4(at('plain.ext4'), at('tree'), 'plain', '11111111-2222-4333-8444-777777777777');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Programs that use a mount, and ours: none of them is waited for without end. */
const LIMIT = 120_000;
interface Ran { readonly status: number; readonly out: string; readonly err: string }
async function ran(program: string, ...args: readonly string[]): Promise<Ran> {
  try {
    const { stdout, stderr } = await promisify(execFile)(program, args, { env, timeout: LIMIT, killSignal: 'SIGKILL' });
    return { status: 0, out: stdout, err: stderr };
  } catch (error) {
    const { code, stdout = '', stderr = '' } = error as { code?: unknown; stdout?: string; stderr?: string };
    return { status: typeof code === 'number' ? code : -1, out: stdout, err: stderr };
  }
}
const clutch = (...args: readonly string[]): Promise<Ran> => ran(process.execPath, CLUTCH, ...args);
const shell = (script: string, ...args: readonly string[]): Promise<Ran> => ran('/bin/sh', '-c', script, 'sh', ...args);

interface Mounted {
  readonly at: string;
  readonly first: string;
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  readonly err: () => string;
  /** Resolves when it has said something on standard error. */
  said(what: RegExp): Promise<void>;
  /** Waits for its end. */
  end(signal?: NodeJS.Signals): Promise<Ran>;
}

/** Starts `clutch mount`, and waits until it says where. */
async function mount(...args: readonly string[]): Promise<Mounted> {
  const child: ChildProcessByStdio<null, Readable, Readable> = spawn(process.execPath, [CLUTCH, 'mount', ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'close') as Promise<[number | null]>;
  let [out, err] = ['', ''];
  child.stderr.on('data', (bytes: Buffer) => { err += String(bytes); });
  child.stdout.on('data', (bytes: Buffer) => { out += String(bytes); });
  await Promise.race([once(child.stdout, 'data'), exited.then(() => { throw new Error(err); })]);
  const [first] = out.split('\n') as [string];
  const place = first.startsWith('{') ? (JSON.parse(first) as { at: string }).at : first;
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exited;
    if (mountedAt(place) !== undefined) await ran('umount', '-l', place);
  });
  return {
    at: place, first, child, err: () => err,
    said: async (what) => { await expect.poll(() => err, { timeout: LIMIT }).toMatch(what); },
    async end(signal) {
      if (signal) child.kill(signal);
      const [status] = await exited;
      return { status: status ?? -1, out, err };
    },
  };
}

/** A fresh copy of the image, which a test may change. */
function image(name: string): string {
  writeFileSync(at(name), readFileSync(at('plain.ext4')));
  return at(name);
}
const sound = (path: string): void => { run('e2fsck', ['-fn', path]); };

describe.skipIf(missing !== undefined)('clutch mount', () => {
  it('makes a volume a folder for reading, until Ctrl-C', async () => {
    const path = image('read.ext4');
    const mounted = await mount(path, at('read'));
    expect(mounted.at).toBe(at('read'));
    expect((await shell('cat "$1/hello" && readlink "$1/link" && ls "$1/etc"', mounted.at)).out).toBe('hello\netc/passwd\nfstab\nhard\npasswd\nssl\n');
    expect((await shell('echo x > "$1/new"', mounted.at)).err).toMatch(/Read-only file system/i);
    expect(await mounted.end('SIGINT')).toMatchObject({ status: 0, out: `${at('read')}\n`, err: expect.stringContaining('read.ext4 is mounted for reading; Ctrl-C unmounts it') as string });
    expect(existsSync(at('read'))).toBe(false);
    expect(Buffer.compare(readFileSync(path), readFileSync(at('plain.ext4')))).toBe(0);
  });

  it('applies what programs wrote when it is unmounted by clutch umount, and tells how that came out', async () => {
    const path = image('write.ext4');
    mkdirSync(at('write'));
    const mounted = await mount(path, at('write'), '--write', '--json');
    expect(objects(mounted.first)).toEqual([{ at: at('write'), mounted: true, provider: 'fuse', write: true }]);
    expect((await shell('mkdir "$1/made" && echo one > "$1/made/file" && sync "$1/made/file" && mv "$1/hello" "$1/made/hallo" && rm "$1/zeros"', mounted.at)).err).toBe('');
    expect(Buffer.compare(readFileSync(path), readFileSync(at('plain.ext4')))).toBe(0);
    const [listed] = objects((await clutch('mount', '--json')).out);
    expect(listed).toEqual({ at: at('write'), image: path, layer: '0', provider: 'fuse', write: true, pid: mounted.child.pid });
    expect(await clutch('umount', at('write'))).toMatchObject({ status: 0, err: expect.stringMatching(/ were applied\n$/) as string });
    const { status, out } = await mounted.end();
    expect(status).toBe(0);
    expect(objects(out)[1]).toMatchObject({ ended: at('write'), exit: 0, applied: expect.any(Number) as number });
    sound(path);
    expect((await clutch('cat', path, '/made/file', '/made/hallo')).out).toBe('one\nhello\n');
    expect(await clutch('mount')).toMatchObject({ status: 0, out: '', err: 'clutch: nothing is mounted\n' });
    expect(readdirSync(at('write'))).toEqual([]);
  });

  it('writes through with --direct, where what is synced is in the image at once', async () => {
    const path = image('direct.ext4');
    const mounted = await mount(path, at('direct'), '--write', '--direct');
    expect((await shell('echo kept > "$1/kept" && sync "$1/kept"', mounted.at)).status).toBe(0);
    mounted.child.kill('SIGKILL');
    await mounted.end();
    await expect.poll(() => mountedAt(at('direct')), { timeout: LIMIT }).toBeUndefined();
    expect((await clutch('cat', path, '/kept')).out).toBe('kept\n');
    sound(path);
  });

  it('names who holds it, waits for them, and unmounts then', async () => {
    const mounted = await mount(image('busy.ext4'), at('busy'), '--write');
    const holder = spawn('/bin/sh', ['-c', 'exec 3>"$1/held" && echo held >&3 && echo ready && read -r line', 'sh', mounted.at], { stdio: ['pipe', 'pipe', 'ignore'] });
    onTestFinished(() => { holder.kill('SIGKILL'); });
    await once(holder.stdout, 'data');
    expect(await clutch('umount', at('busy'))).toMatchObject({ status: 1, err: expect.stringMatching(/is in use by sh \(\d+\)\n {2}End what uses it/) as string });
    mounted.child.kill('SIGINT');
    await mounted.said(new RegExp(`busy is in use by sh \\(${holder.pid!}\\); it is unmounted when that has ended`));
    holder.stdin.end('go\n');
    expect(await mounted.end()).toMatchObject({ status: 0, err: expect.stringMatching(/ were applied\n$/) as string });
    expect((await clutch('cat', at('busy.ext4'), '/held')).out).toBe('held\n');
    sound(at('busy.ext4'));
  });

  it('goes out of the way at the second Ctrl-C, says what its folder is then, and serves who has files open until they close them', async () => {
    mkdirSync(at('lazy'));
    const mounted = await mount(image('lazy.ext4'), at('lazy'), '--write');
    const holder = spawn('/bin/sh', ['-c', 'exec 3>"$1/held" && echo ready && read -r line && echo late >&3', 'sh', mounted.at], { stdio: ['pipe', 'pipe', 'ignore'] });
    onTestFinished(() => { holder.kill('SIGKILL'); });
    await once(holder.stdout, 'data');
    mounted.child.kill('SIGINT');
    await mounted.said(/is in use/);
    mounted.child.kill('SIGINT');
    await mounted.said(/is out of the way \(its folder is a plain one of this computer again/);
    expect(mountedAt(at('lazy'))).toBeUndefined();
    holder.stdin.end('go\n');
    expect((await mounted.end()).status).toBe(0);
    expect((await clutch('cat', at('lazy.ext4'), '/held')).out).toBe('late\n');
  });

  it('ends with the system\'s own umount, and applies what was written', async () => {
    const mounted = await mount(image('own.ext4'), at('own'), '--write');
    await shell('echo x > "$1/new"', mounted.at);
    expect((await ran(process.getuid?.() === 0 ? 'umount' : 'fusermount3', ...(process.getuid?.() === 0 ? [] : ['-u']), mounted.at)).err).toBe('');
    expect(await mounted.end()).toMatchObject({ status: 0, err: expect.stringContaining(' were applied') as string });
    expect((await clutch('cat', at('own.ext4'), '/new')).out).toBe('x\n');
  });

  it('shows owners and permissions as it is told to', async () => {
    const mounted = await mount(image('owners.ext4'), at('owners'), '--uid', '1234', '--gid', '5678', '--umask', '027');
    expect((await shell('stat -c "%u %g %a" "$1/hello" "$1/etc"', mounted.at)).out).toBe('1234 5678 640\n1234 5678 750\n');
    expect((await mounted.end('SIGTERM')).status).toBe(0);
  });

  it('keeps what was written as a new image where it can\'t be applied', async () => {
    const path = image('changed.ext4');
    const mounted = await mount(path, at('changed'), '--write');
    await shell('echo precious > "$1/precious"', mounted.at);
    // No sidecar can be made: its name is taken, and the other folder is a file.
    for (let i = 1; i <= 8; i++) mkdirSync(join(folder, `.changed.ext4.clutch-apply${i === 1 ? '' : `-${i}`}`));
    rmSync(at('data'), { recursive: true, force: true });
    writeFileSync(at('data'), 'no folder');
    const { status, err } = await mounted.end('SIGINT');
    rmSync(at('data'));
    for (let i = 1; i <= 8; i++) rmSync(join(folder, `.changed.ext4.clutch-apply${i === 1 ? '' : `-${i}`}`), { recursive: true });
    expect(status).toBe(1);
    expect(err).toContain(`The image is as it was; with the changes it is ${path}.changed`);
    expect(Buffer.compare(readFileSync(path), readFileSync(at('plain.ext4')))).toBe(0);
    expect((await clutch('cat', `${path}.changed`, '/precious')).out).toBe('precious\n');
    sound(`${path}.changed`);
  });

  it('keeps what was written as a new image where the image is gone', async () => {
    const path = image('gone.ext4');
    const mounted = await mount(path, at('gone'), '--write');
    await shell('echo precious > "$1/precious"', mounted.at);
    rmSync(path);
    await shell('echo more >> "$1/precious"', mounted.at);
    const { status, err } = await mounted.end('SIGINT');
    expect(status).toBe(1);
    expect(err).toContain(`gone.ext4 was moved or deleted by another program`);
    expect(err).toContain(`The image with the changes is ${path}.changed`);
    expect((await clutch('cat', `${path}.changed`, '/precious')).out).toMatch(/^precious\n/);
    sound(`${path}.changed`);
  });

  it('keeps what was written as a new image where the image got another name', async () => {
    const path = image('renamed.ext4');
    const mounted = await mount(path, at('renamed'), '--write');
    await shell('echo precious > "$1/precious" && sync "$1/precious"', mounted.at);
    renameSync(path, at('other.ext4'));
    const { status, err } = await mounted.end('SIGINT');
    expect(status).toBe(1);
    expect(err).toContain(`The image with the changes is ${path}.changed`);
    expect((await clutch('cat', `${path}.changed`, '/precious')).out).toBe('precious\n');
    sound(`${path}.changed`);
  });

  it('keeps what was written, with a warning, where another program wrote to the image', async () => {
    const path = image('touched.ext4');
    const mounted = await mount(path, at('touched'), '--write');
    await shell('echo precious > "$1/precious" && sync "$1/precious"', mounted.at);
    utimesSync(path, 1, 1);
    const { status, err } = await mounted.end('SIGINT');
    expect(status).toBe(1);
    expect(err).toContain(`The image with the changes is ${path}.changed`);
    expect(err).toContain('Check the new image');
    expect((await clutch('cat', `${path}.changed`, '/precious')).out).toBe('precious\n');
    sound(`${path}.changed`);
  });

  it('says what is lost where the image was cut, and ends', async () => {
    const path = image('cut.ext4');
    const mounted = await mount(path, at('cut'), '--write');
    await shell('echo precious > "$1/precious" && sync "$1/precious"', mounted.at);
    truncateSync(path, 64 * 1024);
    expect(await mounted.end('SIGINT')).toMatchObject({ status: 1, err: expect.stringMatching(/are lost: .* was cut or grown from/) as string });
    expect(readdirSync(folder).filter((name) => name.startsWith('cut.ext4') || name.startsWith('.cut'))).toEqual(['cut.ext4']);
  });

  it('applies what was written, however many signals come meanwhile', async () => {
    const path = at('signals.ext4');
    run('mke2fs', ['-q', '-t', 'ext4', path, '96M']);
    const mounted = await mount(path, at('signals'), '--write');
    const sum = (await shell('head -c 48M /dev/urandom > "$1/big" && sync "$1/big" && sha256sum < "$1/big"', mounted.at)).out;
    // A terminal that is closed, or a session that ends: SIGHUP of the kernel and of the shell, then SIGTERM.
    const storm = setInterval(() => { for (const signal of ['SIGINT', 'SIGHUP', 'SIGTERM'] as const) mounted.child.kill(signal); }, 1);
    onTestFinished(() => { clearInterval(storm); });
    const { err } = await mounted.end();
    clearInterval(storm);
    expect(err).toMatch(/ were applied\n$/);
    expect(existsSync(`${path}.changed`)).toBe(false);
    sound(path);
    run('debugfs', ['-R', `dump /big ${at('big')}`, path]);
    expect((await shell('sha256sum < "$1"', at('big'))).out).toBe(sum);
  });

  it.skipIf(process.getuid?.() !== 0)('holds what it can\'t keep anywhere, and tries again at every signal', async () => {
    mkdirSync(at('small'));
    run('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'clutch-test', at('small')]);
    onTestFinished(() => { run('umount', ['-l', at('small')]); });
    rmSync(at('data'), { recursive: true, force: true });
    symlinkSync('small', at('data'));
    onTestFinished(() => rmSync(at('data')));
    const path = at('small/full.ext4');
    run('mke2fs', ['-q', '-t', 'ext4', '-O', '^has_journal', path, '8M']);
    const mounted = await mount(path, at('full'), '--write');
    const sum = (await shell('head -c 3M /dev/urandom > "$1/big" && sync "$1/big" && sha256sum < "$1/big"', mounted.at)).out;
    await shell('cat /dev/zero > "$1"', at('small/filler'));
    const before = readFileSync(path);
    const held = /Only this process has them/g;
    mounted.child.kill('SIGINT');
    for (let tried = 1; tried <= 3; tried++) {
      await expect.poll(() => mounted.err().match(held)?.length, { timeout: LIMIT }).toBe(tried);
      expect(mounted.child.exitCode).toBeNull();
      expect(readFileSync(path).equals(before)).toBe(true);
      expect(readdirSync(at('small')).filter((name) => name.startsWith('.') || name.includes('changed'))).toEqual([]);
      if (tried === 3) rmSync(at('small/filler'));
      mounted.child.kill(tried === 2 ? 'SIGHUP' : 'SIGINT');
    }
    expect(await mounted.end()).toMatchObject({ status: 0, err: expect.stringMatching(/ were applied\n$/) as string });
    sound(path);
    run('debugfs', ['-R', `dump /big ${at('big')}`, path]);
    expect((await shell('sha256sum < "$1"', at('big'))).out).toBe(sum);
    expect(readdirSync(at('small')).filter((name) => name !== 'apply')).toEqual(['full.ext4']);
  });

  it('refuses what can\'t be', async () => {
    const path = image('refused.ext4');
    expect(await clutch('mount', path, at('x'), '--direct')).toMatchObject({ status: 2, err: expect.stringContaining('say --write --direct') as string });
    expect(await clutch('mount', path, at('x'), '--umask', '999')).toMatchObject({ status: 2 });
    expect(await clutch('mount', path, at('plain.ext4'))).toMatchObject({ status: 1, err: expect.stringContaining('is not a folder') as string });
    expect(await clutch('mount', path, at('tree'))).toMatchObject({ status: 1, err: expect.stringContaining('is not empty') as string });
    expect(await clutch('mount', path, at('x'), '--backend', 'winfsp')).toMatchObject({ status: 3 });
    expect(await clutch('umount', at('tree'))).toMatchObject({ status: 1, err: expect.stringContaining('Nothing of Clutch is mounted') as string });
    chmodSync(path, 0o444);
    const { gzipSync } = await import('node:zlib');
    writeFileSync(at('packed.gz'), gzipSync(readFileSync(path)));
    expect(await clutch('mount', at('packed.gz'), at('x'), '--write')).toMatchObject({ status: 3, err: expect.stringContaining('can\'t be changed in its place') as string });
    expect(existsSync(at('x'))).toBe(false);
  });

  it('is forgotten when its process was killed', async () => {
    const mounted = await mount(image('killed.ext4'), at('killed'));
    mounted.child.kill('SIGKILL');
    await mounted.end();
    expect(await clutch('umount', at('killed'))).toMatchObject({ status: 0, err: expect.stringContaining('is gone; what was left of it is taken away') as string });
    expect(mountedAt(at('killed'))).toBeUndefined();
    expect((await clutch('mount')).out).toBe('');
  });
});
