import { copyFileSync, existsSync, openSync, closeSync, readSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MemoryDevice } from '../../engines/core/bytes/memory.ts';
import { OverlayDevice } from '../../engines/core/bytes/overlay.ts';
import type { DiskError } from '../../engines/core/errors.ts';
import type { FileSystem } from '../../engines/core/filesystem.ts';
import { connect9p, open9pFileSystem } from '../../engines/protocols/ninep/index.ts';
import { FileDevice } from '../../engines/testing/file-device.ts';
import { missingTools, run, scratchFolder } from '../../engines/testing/tools.ts';
import { installed } from './installed.ts';
import { launchGuest, prepareGuest } from './launch.ts';
import type { GuestMachine, LaunchOptions } from './machine.ts';
import type { Guest } from './manifest.ts';
import { missingGuest } from './testing/built.ts';

const why = await missingGuest('linux-6.12') ?? missingTools('mkfs.ext4', 'e2fsck', 'mkfs.xfs', 'xfs_repair');
const scratch = scratchFolder();
const cache = join(scratch.path, 'cache');
const open: GuestMachine[] = [];
/** Machines that load the computer by themselves are slow, not wrong. */
const PATIENCE = 30;

let guest: Guest;
const images = { ext4: join(scratch.path, 'ext4.img'), xfs: join(scratch.path, 'xfs.img') };

beforeAll(async () => {
  if (why !== undefined) return;
  guest = (await installed().guests()).find(({ manifest }) => manifest.name === 'linux-6.12')!;
  for (const path of Object.values(images)) writeFileSync(path, '');
  truncateSync(images.ext4, 64 << 20);
  truncateSync(images.xfs, 320 << 20);
  run('mkfs.ext4', ['-q', '-L', '$(reboot)`id`', images.ext4]);
  run('mkfs.xfs', ['-q', '-L', ';reboot;', images.xfs]);
});
afterAll(async () => {
  await Promise.all(open.map((machine) => machine.kill()));
  scratch.remove();
});

interface Started {
  readonly machine: GuestMachine;
  readonly overlay: OverlayDevice;
  readonly below: string;
}

async function start(type: keyof typeof images, more: Partial<LaunchOptions> = {}, readOnly = false): Promise<Started> {
  const overlay = new OverlayDevice(new FileDevice(images[type]));
  const machine = await launchGuest(guest, { disks: [{ device: overlay, readOnly }], filesystems: ['ext4', 'xfs'], accelerator: 'tcg', cache, patience: PATIENCE, ...more });
  open.push(machine);
  return { machine, overlay, below: images[type] };
}

async function files(machine: GuestMachine, type: string, options: string): Promise<FileSystem> {
  return tree(machine, await machine.mount(type, options), !options.startsWith('ro'));
}

async function tree(machine: GuestMachine, channel: Awaited<ReturnType<GuestMachine['mount']>>, write: boolean): Promise<FileSystem> {
  const client = await connect9p(channel, { aname: machine.aname, msize: 65536 });
  return open9pFileSystem(client, { format: 'any', label: '', uuid: '', details: [], write });
}

async function put(fs: FileSystem, name: string, text: string): Promise<void> {
  const node = await fs.writer!.create(fs.root, name, { mode: 0o644 });
  await fs.writer!.write(node, 0, new TextEncoder().encode(text));
}

async function get(fs: FileSystem, name: string): Promise<string> {
  const node = await fs.lookup(fs.root, name);
  const into = new Uint8Array(4096);
  return new TextDecoder().decode(into.subarray(0, await fs.read(node!, 0, into)));
}

const names = async (fs: FileSystem) => (await fs.list(fs.root)).entries.map(({ name }) => name).toSorted();

/** The image with the overlay's changes, as a file. */
function applied({ overlay, below }: Started): string {
  const path = join(scratch.path, 'applied.img');
  copyFileSync(below, path);
  const fd = openSync(path, 'r+');
  const [ours, theirs] = [Buffer.alloc(1 << 20), Buffer.alloc(1 << 20)];
  for (let at = 0; at < overlay.size; at += ours.length) {
    overlay.read(at, ours);
    readSync(fd, theirs, 0, theirs.length, at);
    if (!ours.equals(theirs)) writeSync(fd, ours, 0, ours.length, at);
  }
  closeSync(fd);
  return path;
}

async function output(machine: GuestMachine, program: string, ...args: string[]): Promise<string> {
  const lines: string[] = [];
  expect(await machine.run(program, args, { onLine: (line) => lines.push(line) })).toEqual({ status: 0 });
  return lines.join('\n');
}

const failure = (work: Promise<unknown>): Promise<DiskError> => work.then(() => { throw new Error('It went well'); }, (error: DiskError) => error);

describe.skipIf(why !== undefined)('linux-6.12', () => {
  it.each([['ext4', 'e2fsck', ['-fn']], ['xfs', 'xfs_repair', ['-n']]] as const)('boots cold, and lists, writes and reads %s', async (type, checker, dry) => {
    const started = await start(type, { warm: 'never' });
    const { machine } = started;
    expect(machine.start).toBe('cold');
    const fs = await files(machine, type, 'rw');
    await put(fs, 'ünïcödé 🦀', 'written by a guest');
    expect(await get(fs, 'ünïcödé 🦀')).toBe('written by a guest');
    expect(await names(fs)).toContain('ünïcödé 🦀');
    await machine.sync();
    await machine.unmount();
    run(checker, [...dry, applied(started)]);
    const again = await files(machine, type, 'ro');
    expect(await get(again, 'ünïcödé 🦀')).toBe('written by a guest');
    const end = await machine.stop();
    expect(end).toEqual({ cause: 'stopped', message: 'linux-6.12 was stopped' });
    expect(existsSync(`/proc/${machine.pid}`)).toBe(false);
    run(checker, [...dry, applied(started)]);
  }, 600_000);

  it('starts from a saved state, each time with another randomness, and with the disk that it is given', async () => {
    const options = { disks: [{ device: new OverlayDevice(new FileDevice(images.ext4)), readOnly: false }], filesystems: ['ext4', 'xfs'], accelerator: 'tcg', cache, patience: PATIENCE } as const;
    expect(await prepareGuest(guest, options)).toEqual([]);
    const seen: string[] = [];
    for (const type of ['ext4', 'xfs'] as const) {
      const { machine } = await start(type);
      expect(machine.start).toBe('warm');
      const fs = await files(machine, type, 'rw');
      await put(fs, 'warm', type);
      expect(await get(fs, 'warm')).toBe(type);
      seen.push(await output(machine, 'od', '-An', '-tx1', '-N16', '/dev/urandom'), await output(machine, 'cat', '/proc/sys/kernel/random/uuid'));
      const clock = Number(await output(machine, 'date', '+%s'));
      expect(Math.abs(clock - Date.now() / 1000)).toBeLessThan(3600);
      expect(await machine.stop()).toMatchObject({ cause: 'stopped' });
    }
    expect(new Set(seen).size).toBe(4);
  }, 900_000);

  it('gives a disk that is read-only', async () => {
    const { machine, overlay } = await start('ext4', {}, true);
    expect(await output(machine, 'cat', '/sys/block/vda/ro')).toBe('1');
    const before = overlay.version;
    const fs = await files(machine, 'ext4', 'ro');
    expect(await names(fs)).toEqual(['lost+found']);
    await machine.unmount();
    // It is the disk that can't be written to, not the mount alone.
    expect(await machine.run('dd', ['if=/dev/zero', 'of=/dev/vda', 'bs=4096', 'count=1', 'conv=fsync'], { onLine: () => {} })).not.toEqual({ status: 0 });
    expect(overlay.version).toBe(before);
    await machine.stop();
  }, 600_000);

  it('takes words as words, tells what the kernel says, and goes on', async () => {
    const { machine } = await start('ext4');
    for (const options of ['ro,$(touch /run/hit)', 'ro,`touch /run/hit`', 'ro;touch /run/hit', 'ro" "-o', 'ro\ntouch /run/hit', '-o', 'ro,nonsense=\\n']) {
      const error = await failure(machine.mount('ext4', options));
      expect(error).toMatchObject({ fault: { kind: 'guest', guest: 'linux-6.12' } });
    }
    const refused = await failure(machine.mount('xfs', 'ro'));
    expect(refused.message).toMatch(/XFS \(vda\).*nvalid superblock|bad magic/i);
    expect((await failure(machine.mount('ext4', 'ro', { disk: 7 }))).message).toContain('no disk 7');
    expect((await failure(machine.mount('ext4', 'ro', { partition: 3 }))).message).toContain('no partition 3');
    expect((await failure(machine.mount('$(reboot)', 'ro'))).fault.kind).toBe('guest');
    expect(await output(machine, 'ls', '-A', '/run')).not.toContain('hit');
    const said: string[] = [];
    await machine.run('echo', ['$(touch /run/hit)', '*', '\\', '-n', 'a  b', '{dev}', ''], { onLine: (line) => said.push(line) });
    expect(said).toEqual(['$(touch /run/hit) * \\ -n a  b /dev/vda ']);
    expect(await machine.run('no-such-program', [], { onLine: () => {} })).not.toEqual({ status: 0 });
    expect(await names(await files(machine, 'ext4', 'ro'))).toEqual(['lost+found']);
    expect(await machine.stop()).toMatchObject({ cause: 'stopped' });
  }, 600_000);

  it('shows its own trees, keeps changes in memory, streams a tar, and stops a program', async () => {
    const { machine, overlay } = await start('ext4', {}, true);
    const wanted = { devfs: 'vda', procfs: 'cpuinfo', sysfs: 'block' } as const;
    for (const [name, entry] of Object.entries(wanted) as [keyof typeof wanted, string][]) {
      expect(await names(await tree(machine, await machine.serve(name), false))).toContain(entry);
      await machine.unmount();
    }
    const memory = await tree(machine, await machine.serve('tmpfs'), true);
    await put(memory, 'note', 'kept in memory');
    expect(await get(memory, 'note')).toBe('kept in memory');
    await machine.unmount();
    await machine.mount('ext4', 'ro');
    const above = await tree(machine, await machine.serve('overlay'), true);
    await put(above, 'above', 'x'.repeat(4000));
    expect(await names(above)).toEqual(['above', 'lost+found']);
    const tar = await machine.tar('');
    let bytes = 0;
    tar.onBytes((piece) => { bytes += piece.length; });
    expect(await new Promise((resolve) => { tar.onEnd(resolve); })).toBeUndefined();
    expect(bytes % 512).toBe(0);
    expect(bytes).toBeGreaterThan(4000);
    await machine.unmount();
    expect(overlay.changedBytes).toBe(0);

    const signal = { aborted: false };
    const stopped = failure(machine.run('sleep', ['1000000'], { onLine: () => {}, signal }));
    signal.aborted = true;
    expect(await stopped).toMatchObject({ fault: { kind: 'cancelled' } });
    expect(await machine.stop()).toMatchObject({ cause: 'stopped' });
  }, 600_000);

  it('puts md and LVM sets together', async () => {
    const disks = [64, 64, 96].map((mib) => ({ device: new OverlayDevice(new MemoryDevice(new Uint8Array(mib << 20))), readOnly: false }));
    const again = (): Promise<GuestMachine> => launchGuest(guest, { disks, filesystems: ['md', 'lvm'], tools: ['mdadm', 'lvm2'], warm: 'never', accelerator: 'tcg', cache, patience: PATIENCE });
    const maker = await again();
    open.push(maker);
    const config = 'activation{udev_sync=0 udev_rules=0}';
    await output(maker, 'mdadm', '--create', '/dev/md0', '--run', '--level=1', '--raid-devices=2', '/dev/vda', '/dev/vdb');
    await output(maker, 'lvm', 'pvcreate', '/dev/vdc');
    await output(maker, 'lvm', 'vgcreate', 'group', '/dev/vdc');
    await output(maker, 'lvm', 'lvcreate', '--config', config, '-Zn', '-Wn', '-L', '32M', '-n', 'volume', 'group');
    expect(await maker.stop()).toMatchObject({ cause: 'stopped' });
    const machine = await again();
    open.push(machine);
    expect(await machine.assemble()).toEqual([expect.stringMatching(/^\/dev\/md\d+$/), '/dev/mapper/group-volume']);
    // They are devices like others: nothing is on them yet.
    expect((await failure(machine.mount('xfs', 'ro', { volume: '/dev/mapper/group-volume' }))).fault.kind).toBe('guest');
    expect(await machine.stop()).toMatchObject({ cause: 'stopped' });
  }, 600_000);

  it('killed amid writing, it changes nothing any more and leaves nothing behind', async () => {
    const started = await start('ext4');
    const { machine, overlay } = started;
    const fs = await files(machine, 'ext4', 'rw');
    const writing = failure((async () => {
      for (let i = 0; ; i++) await put(fs, `file ${i}`, 'x'.repeat(3000));
    })());
    const dirty = failure(machine.run('sh', ['-c', 'while :; do sync; done'], { onLine: () => {} }));
    await expect.poll(() => overlay.version, { timeout: 120_000 }).toBeGreaterThan(20);
    const killed = machine.kill();
    const { version } = overlay;
    expect(await killed).toMatchObject({ cause: 'killed' });
    expect((await writing).name).toBe('DiskError');
    expect((await dirty).fault.kind).toBe('guest');
    expect(overlay.version).toBe(version);
    expect(existsSync(`/proc/${machine.pid}`)).toBe(false);
    const socket = /server\.path=([^,]+)/.exec(machine.log.lines[0]!.text)![1]!;
    expect(existsSync(socket)).toBe(false);
    // The journal brings it to order.
    const path = applied(started);
    try {
      run('e2fsck', ['-fy', path]);
    } catch (error) {
      expect((error as { status: number }).status).toBe(1);
    }
    run('e2fsck', ['-fn', path]);
  }, 600_000);

  it.each([
    ['panic', 'echo c >/proc/sysrq-trigger', /panic/],
    ['reset', 'reboot -f', /restarted/],
    ['crashed', 'poweroff -f', /turned itself off/],
  ] as const)('ends by itself: %s', async (cause, script, words) => {
    const { machine } = await start('ext4');
    const channel = await machine.mount('ext4', 'ro');
    const ended = new Promise<DiskError | undefined>((resolve) => { channel.onEnd(resolve); });
    await failure(machine.run('sh', ['-c', script], { onLine: () => {} }));
    const end = await machine.ended;
    expect(end.cause).toBe(cause);
    expect(end.message).toMatch(words);
    expect((await ended)?.message).toBe(end.message);
  }, 600_000);
});
