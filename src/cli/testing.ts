import { type ChildProcessByStdio, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, linkSync, lutimesSync, mkdirSync, mkdtempSync, readdirSync, lstatSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { onTestFinished } from 'vitest';

/** The project's folder; tests run the built program as a person does. */
export const ROOT = resolve(import.meta.dirname, '../..');
export const CLUTCH = join(ROOT, 'bin/clutch');

/** Brings the build up to date; instant where it is. */
export function buildClutch(): void {
  execFileSync(process.execPath, [join(ROOT, 'scripts/build.mjs'), '--only', 'node'], { stdio: ['ignore', 'ignore', 'pipe'] });
}

export interface Ran {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
  readonly bytes: Buffer;
}

/** Runs `clutch` without a terminal and without a display. */
export function clutch(...args: readonly string[]): Ran {
  const { DISPLAY: _x, WAYLAND_DISPLAY: _w, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLUTCH, ...args], { env, maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'pipe'] });
  return { status, bytes: stdout, out: stdout.toString('utf8'), err: stderr.toString('utf8') };
}

/** A verb that serves until it is ended. */
export interface Serving {
  /** What it printed first: how it is reached. */
  readonly line: string;
  /** Nobody reads what it says any more: its terminal was closed. */
  hangUp(): void;
  /** Ends it as Ctrl-C does, unless it ended by itself. @returns exit status and standard error */
  end(signal?: NodeJS.Signals): Promise<{ readonly status: number | null; readonly err: string }>;
}

/** Starts a verb that serves, and waits for what it prints. It ends with the test. */
export async function serving(...args: readonly string[]): Promise<Serving> {
  const child: ChildProcessByStdio<null, Readable, Readable> = spawn(process.execPath, [CLUTCH, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => { child.kill('SIGKILL'); });
  const exited = once(child, 'close') as Promise<[number | null]>;
  let err = '';
  child.stderr.on('data', (bytes: Buffer) => { err += String(bytes); });
  const first = await Promise.race([once(child.stdout, 'data') as Promise<[Buffer]>, exited.then(() => { throw new Error(err); })]);
  return {
    line: String(first[0]).trim(),
    hangUp() {
      child.stdout.destroy();
      child.stderr.destroy();
    },
    async end(signal) {
      if (signal) child.kill(signal);
      const [status] = await exited;
      return { status, err };
    },
  };
}

/** The objects of `--json`. */
export function objects(text: string): Record<string, any>[] { // oxlint-disable-line typescript/no-explicit-any -- tests look into them freely
  return text.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** A folder for one test file's images. */
export function workFolder(): string {
  return mkdtempSync(join(tmpdir(), 'clutch-cli-'));
}

/** 2023-11-14 22:13:20 UTC, the time of everything in the images. */
export const CLOCK = 1_700_000_000;

/** A tree with every kind of name that a listing must survive. Names are bytes. */
export function makeTree(folder: string): void {
  const path = (name: string) => Buffer.from(`${folder}/${name}`, 'latin1');
  const put = (name: string, text: string) => { writeFileSync(path(name), text); };
  mkdirSync(join(folder, 'etc/ssl'), { recursive: true });
  mkdirSync(join(folder, '.config'));
  put('etc/fstab', '/dev/sda1 / ext4 defaults 0 1\n');
  put('etc/passwd', 'root:x:0:0::/root:/bin/sh\n');
  put('hello', 'hello\n');
  put('bad\xff\xfename', 'bad bytes\n');
  put('esc\x1b[31mred', 'escape\n');
  put('new\nline', 'line break\n');
  put('bidi\xe2\x80\xaetxt.exe', 'override\n');
  put('gr\xc3\xb6\xc3\x9fe', 'umlaut\n');
  linkSync(join(folder, 'etc/passwd'), join(folder, 'etc/hard'));
  symlinkSync('etc/passwd', join(folder, 'link'));
  symlinkSync('/etc/fstab', join(folder, 'absolute'));
  symlinkSync('../../../../etc/hostname', join(folder, 'outside'));
  writeFileSync(join(folder, 'zeros'), Buffer.concat([Buffer.alloc(4096), Buffer.from('x'.repeat(40))]));
  writeFileSync(join(folder, 'sparse'), 'begin');
  truncateSync(join(folder, 'sparse'), 1 << 20);
  settle(Buffer.from(folder));
}

/** Fixed modes and times, whatever the umask and the clock. */
function settle(path: Buffer): void {
  const stat = lstatSync(path);
  if (!stat.isSymbolicLink()) chmodSync(path, stat.isDirectory() ? 0o755 : 0o644);
  if (stat.isDirectory()) for (const name of readdirSync(path, { encoding: 'buffer' })) settle(Buffer.concat([path, Buffer.from('/'), name]));
  lutimesSync(path, CLOCK, CLOCK);
}

/** The size of the filesystems made here. Bytes. */
export const IMAGE_SIZE = 4 << 20;

/** An ext4 of the tree. @throws with mke2fs's own words when it fails */
export function makeExt4(image: string, tree: string, label: string, uuid: string): void {
  rmSync(image, { force: true });
  execFileSync('mke2fs', ['-q', '-F', '-t', 'ext4', '-E', 'root_owner=0:0,hash_seed=99999999-0000-0000-0000-000000000001', '-L', label, '-U', uuid, '-d', tree, image, `${IMAGE_SIZE >> 10}k`], {
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin`, E2FSPROGS_FAKE_TIME: String(CLOCK) }, stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** A disk with an MBR whose partitions are these images, each at a whole MiB. */
export function makeDisk(disk: string, images: readonly string[]): void {
  const sector = Buffer.alloc(1 << 20);
  sector.writeUInt32LE(0x12345678, 440);
  sector.writeUInt16LE(0xaa55, 510);
  images.forEach((_, i) => {
    const at = 446 + 16 * i;
    sector[at + 4] = 0x83;
    sector.writeUInt32LE(2048 + (i * IMAGE_SIZE) / 512, at + 8);
    sector.writeUInt32LE(IMAGE_SIZE / 512, at + 12);
  });
  writeFileSync(disk, Buffer.concat([sector, ...images.map((image) => readFileSync(image))]));
}

/** Why mke2fs can't be used here; undefined where it can. */
export function missingMke2fs(): string | undefined {
  const { error } = spawnSync('mke2fs', ['-V'], { env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` } });
  if (error === undefined) return undefined;
  const reason = 'skipped: mke2fs is not installed';
  console.warn(reason);
  return reason;
}
