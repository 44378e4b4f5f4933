import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OverlayDevice } from '../src/engines/core/bytes/overlay.ts';
import type { Cursor, FileSystem } from '../src/engines/core/filesystem.ts';
import { FileDevice } from '../src/engines/testing/file-device.ts';
import { connectGuest } from '../src/host/guests/connect.ts';
import { installed } from '../src/host/guests/installed.ts';
import { launchGuest, prepareGuest } from '../src/host/guests/launch.ts';
import type { GuestMachine, LaunchOptions } from '../src/host/guests/machine.ts';
import type { Guest } from '../src/host/guests/manifest.ts';
import { median } from './measure.ts';

/** The guest that is measured. */
const NAME = 'linux-6.12';

/** What the image holds: a large file, and many small ones. Bytes. */
const LARGE = 128 << 20;
const WRITTEN = 64 << 20;
const SMALL = { files: 2000, bytes: 4096 };

/** Small files that are read at once, as an extraction does. */
const AT_ONCE = 32;

interface Opened {
  readonly machine: GuestMachine;
  readonly fs: FileSystem;
  /** Seconds from the launch to the first listing. */
  readonly seconds: number;
}

/**
 * Measures the default guest under TCG on an ext4 image of its own: starts to the first listing, streams, small files, memory; beside guestfish,
 * where it is installed, on the same image.
 * @returns lines of a table
 */
export async function benchGuests(rounds: number): Promise<string[]> {
  const guest = (await installed().guests()).find(({ manifest }) => manifest.name === NAME);
  if (guest?.state !== 'built') return ['', `guests: left out: ${NAME} is not built (${guest?.missing ?? 'it is not there'})`];
  const folder = mkdtempSync(join(tmpdir(), 'clutch-bench-'));
  const lines = ['', `| guests, ${NAME}, TCG | median | least to most |`, '| --- | ---: | ---: |'];
  const row = (name: string, values: readonly number[], unit: string) => {
    lines.push(`| ${name} | ${shown(median([...values]))} ${unit} | ${shown(Math.min(...values))} to ${shown(Math.max(...values))} |`);
  };
  try {
    const image = makeImage(folder);
    const options = (): LaunchOptions => ({ disks: [{ device: new OverlayDevice(new FileDevice(image)), readOnly: false }], filesystems: ['ext4'], accelerator: 'tcg', cache: join(folder, 'cache') });
    const cold = await starts(rounds, guest, () => ({ ...options(), warm: 'never' }));
    row('cold boot to the first listing', cold.seconds, 's');
    row('QEMU after a cold boot, resident', cold.memory, 'MiB');
    const failures = await prepareGuest(guest, options());
    if (failures.length > 0) lines.push(`| warm start | ${failures.join('; ')} | |`);
    const warm = await starts(rounds, guest, options);
    if (warm.cold > 0) lines.push(`| warm starts that became cold boots | ${warm.cold} of ${rounds} | |`);
    row('warm start to the first listing', warm.seconds, 's');
    row('QEMU after a warm start, resident', warm.memory, 'MiB');

    const passes: Record<string, number[]> = { read: [], cached: [], write: [], small: [], tar: [], smallTar: [] };
    for (let round = 0; round < rounds; round++) {
      const { machine, fs } = await open(guest, options());
      passes['read']!.push(LARGE / 2 ** 20 / await seconds(() => readFile(fs, 'large.bin')));
      passes['cached']!.push(LARGE / 2 ** 20 / await seconds(() => readFile(fs, 'large.bin')));
      passes['small']!.push(await seconds(() => readSmall(fs)));
      passes['tar']!.push(LARGE / 2 ** 20 / await seconds(() => readTar(machine, 'sub')));
      passes['smallTar']!.push(await seconds(() => readTar(machine, 'small')));
      passes['write']!.push(WRITTEN / 2 ** 20 / await seconds(async () => {
        await write(fs);
        await machine.sync();
      }));
      await machine.stop();
    }
    row('a file of 128 MiB by 9P', passes['read']!, 'MiB/s');
    row('the same again, from the guest’s cache', passes['cached']!, 'MiB/s');
    row('another of 128 MiB by tar over the bulk channel', passes['tar']!, 'MiB/s');
    row('64 MiB written by 9P, and synced', passes['write']!, 'MiB/s');
    row('2,000 files of 4 KiB by 9P', passes['small']!, 's');
    row('the same by tar', passes['smallTar']!, 's');
    guestfish(image, rounds, row, lines);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return lines;
}

function shown(value: number): string {
  return value.toFixed(value < 10 ? 2 : 0);
}

function makeImage(folder: string): string {
  const tree = join(folder, 'tree');
  mkdirSync(join(tree, 'small'), { recursive: true });
  mkdirSync(join(tree, 'sub'));
  const bytes = Buffer.alloc(LARGE);
  for (let i = 0; i < bytes.length; i += 4) bytes.writeUInt32LE(Math.imul(i, 2_654_435_761) >>> 0, i);
  writeFileSync(join(tree, 'large.bin'), bytes);
  writeFileSync(join(tree, 'sub', 'other.bin'), bytes);
  for (let i = 0; i < SMALL.files; i++) writeFileSync(join(tree, 'small', `file-${i}`), bytes.subarray(i * 4096, i * 4096 + SMALL.bytes));
  const image = join(folder, 'guest.ext4');
  writeFileSync(image, '');
  truncateSync(image, 640 << 20);
  const made = spawnSync('mke2fs', ['-q', '-t', 'ext4', '-d', tree, image], { encoding: 'utf8', env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` } });
  if (made.status !== 0) throw new Error(`mke2fs: ${made.stderr}`);
  rmSync(tree, { recursive: true });
  return image;
}

async function open(guest: Guest, options: LaunchOptions): Promise<Opened> {
  const begin = performance.now();
  const machine = await launchGuest(guest, options);
  const fs = await connectGuest(await machine.mount('ext4', 'rw'), { guest, machine, write: true });
  await fs.list(fs.root);
  return { machine, fs, seconds: (performance.now() - begin) / 1000 };
}

async function starts(rounds: number, guest: Guest, options: () => LaunchOptions): Promise<{ readonly seconds: number[]; readonly memory: number[]; readonly cold: number }> {
  const all = { seconds: [] as number[], memory: [] as number[], cold: 0 };
  for (let round = 0; round < rounds; round++) {
    const { machine, seconds: took } = await open(guest, options());
    all.seconds.push(took);
    all.memory.push(Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${machine.pid}/status`, 'utf8'))![1]) / 1024);
    if (machine.start === 'cold') all.cold++;
    await machine.stop();
  }
  return all;
}

async function seconds(work: () => Promise<void>): Promise<number> {
  const begin = performance.now();
  await work();
  return (performance.now() - begin) / 1000;
}

async function readFile(fs: FileSystem, name: string): Promise<void> {
  const node = (await fs.lookup(fs.root, name))!;
  const into = new Uint8Array(1 << 20);
  let at = 0;
  for (let count; (count = await fs.read(node, at, into)) > 0;) at += count;
  if (at !== LARGE) throw new Error(`${name} has ${at} bytes`);
}

async function readSmall(fs: FileSystem): Promise<void> {
  const folder = (await fs.lookup(fs.root, 'small'))!;
  const nodes: number[] = [];
  for (let cursor: Cursor | undefined, first = true; first || cursor !== undefined; first = false) {
    const batch = await fs.list(folder, cursor);
    nodes.push(...batch.entries.map(({ node }) => node));
    cursor = batch.next;
  }
  if (nodes.length !== SMALL.files) throw new Error(`${nodes.length} small files`);
  const queue = nodes.values();
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    const into = new Uint8Array(SMALL.bytes);
    for (const node of queue) {
      await fs.stat(node);
      if (await fs.read(node, 0, into) !== SMALL.bytes) throw new Error('A small file is short');
    }
  }));
}

async function readTar(machine: GuestMachine, path: string): Promise<void> {
  const channel = await machine.tar(path);
  await new Promise<void>((resolve, reject) => {
    channel.onBytes(() => {});
    channel.onEnd((error) => { if (error === undefined) resolve(); else reject(error); });
  });
}

async function write(fs: FileSystem): Promise<void> {
  const node = await fs.writer!.create(fs.root, 'written', { mode: 0o644 });
  const piece = new Uint8Array(1 << 20).fill(0x5a);
  for (let at = 0; at < WRITTEN; at += piece.length) await fs.writer!.write(node, at, piece);
}

/** Its appliance forced to TCG, as the guest is. */
function guestfish(image: string, rounds: number, row: (name: string, values: readonly number[], unit: string) => void, lines: string[]): void {
  if (!existsSync('/usr/bin/guestfish')) {
    lines.push('| guestfish --ro | not installed | |');
    return;
  }
  const env = { ...process.env, LIBGUESTFS_BACKEND: 'direct', LIBGUESTFS_BACKEND_SETTINGS: 'force_tcg' };
  const list = () => spawnSync('guestfish', ['--ro', '-a', image, '-m', '/dev/sda', 'ls', '/'], { encoding: 'utf8', env });
  // The first builds its appliance, which is not what is compared.
  const first = list();
  if (first.status !== 0) {
    lines.push(`| guestfish --ro | ${first.stderr.trim().split('\n').at(-1) ?? 'failed'} | |`);
    return;
  }
  row('guestfish --ro to the first listing', Array.from({ length: rounds }, () => {
    const begin = performance.now();
    list();
    return (performance.now() - begin) / 1000;
  }), 's');
}
