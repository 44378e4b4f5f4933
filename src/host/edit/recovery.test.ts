import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, renameSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { MemoryDevice } from '../../engines/core/bytes/memory.ts';
import { OverlayDevice } from '../../engines/core/bytes/overlay.ts';
import { missingTools, scratchFolder } from '../../engines/testing/tools.ts';
import { nodeJob } from '../session.ts';
import { apply, createSidecar, type ApplyHost } from './apply.ts';
import { hostDisk } from './disk.ts';
import type { Recovery } from './editing.ts';
import { LockedImage } from './locked-image.ts';
import { sidecarPlaces } from './places.ts';
import { recoverApply, type RecoveryHost } from './recovery.ts';
import { SidecarWriter } from './sidecar.ts';
import { identityOf } from './sidecar-format.ts';
import { SimulatedDisk } from './testing/simulated-disk.ts';

const scratch = scratchFolder();
afterAll(() => scratch.remove());

const SIDECAR = '.disk.img.clutch-apply';
const PLACES = [SIDECAR, `${SIDECAR}-2`].map((path) => ({ folder: '/', path }));
const files = (inode = '7'): { path: string; size: number; inode: string }[] => [{ path: 'disk.img', size: 64 * 1024, inode }];

/** An image in which every sector has its number, and the changes 0xcc at 512, 5000 and 60000. */
const before = Uint8Array.from({ length: 64 * 1024 }, (_, i) => (i >> 9) & 0xff);
const changes: readonly [number, number][] = [[512, 512], [5000, 3000], [60_000, 100]];
const after = before.slice();
for (const [at, length] of changes) after.fill(0xcc, at, at + length);

/** A disk on which an Apply was interrupted when its sidecar was valid and the image untouched. */
async function interrupted(witnesses = [{ at: 0, length: 4096 }]): Promise<SimulatedDisk> {
  const disk = SimulatedDisk.of(before);
  const overlay = new OverlayDevice(new MemoryDevice(before.slice()));
  for (const [at, length] of changes) overlay.write(at, after.subarray(at, at + length));
  const image = { ...disk.image, write() { throw new Error('the power is gone'); } };
  await expect(apply(overlay, { device: image, files: files(), witnesses }, { disk, places: PLACES, free: () => undefined }, nodeJob(), () => {})).rejects.toThrow('the power is gone');
  return disk;
}

const recover = (disk: SimulatedDisk, more: Partial<RecoveryHost> = {}, inode?: string): Promise<Recovery[]> => recoverApply(['disk.img'], {
  disk, places: PLACES, isRunning: () => false, isTrusted: () => true, openImage: () => ({ device: disk.image, files: files(inode), close() {} }), ...more,
});

function refuse(): never {
  throw Object.assign(new Error('EACCES'), { code: 'EACCES' });
}

const isBefore = (disk: SimulatedDisk): boolean => Buffer.compare(disk.imageBytes, before) === 0;

describe('what an interrupted Apply left', () => {
  it('is finished, once', async () => {
    const disk = await interrupted();
    expect(disk.others).toEqual([SIDECAR]);
    expect(await recover(disk)).toMatchObject([{ state: 'finished', sidecar: SIDECAR }]);
    expect(Buffer.compare(disk.imageBytes, after)).toBe(0);
    expect(disk.others).toEqual([]);
    expect(await recover(disk)).toEqual([]);
  });

  it('is thrown away when all was done', async () => {
    const disk = await interrupted();
    disk.image.write!(0, after);
    expect(await recover(disk)).toMatchObject([{ state: 'unchanged' }]);
    expect(disk.others).toEqual([]);
  });

  it.each<[string, (disk: SimulatedDisk) => void]>([
    ['a sector that it would change', (disk) => disk.image.write!(5100, Uint8Array.of(1))],
    ['the superblock, which it would not', (disk) => disk.image.write!(2100, Uint8Array.of(1))],
    ['a part of it, in the middle of being applied', (disk) => { disk.image.write!(512, after.subarray(512, 1024)); disk.image.write!(7999, Uint8Array.of(1)); }],
  ])('is never replayed onto an image in which somebody changed %s', async (_, change) => {
    const disk = await interrupted();
    change(disk);
    const there = disk.imageBytes.slice();
    expect(await recover(disk)).toMatchObject([{ state: 'foreign', message: expect.stringContaining('changed since') as string }]);
    expect(Buffer.compare(disk.imageBytes, there)).toBe(0);
    expect(disk.others).toEqual([SIDECAR]);
  });

  it('is not replayed onto a copy from before that was put in its place, but finished in one that has some of it', async () => {
    const copy = await interrupted();
    expect(await recover(copy, {}, '8')).toMatchObject([{ state: 'foreign', message: expect.stringContaining('another file') as string }]);
    expect(isBefore(copy)).toBe(true);
    const moved = await interrupted();
    moved.image.write!(60_000, after.subarray(60_000, 60_100));
    expect(await recover(moved, {}, '8')).toMatchObject([{ state: 'finished' }]);
    expect(Buffer.compare(moved.imageBytes, after)).toBe(0);
  });

  it('is not used when it is damaged, and not read when it is somebody else\'s', async () => {
    const damaged = await interrupted();
    const file = damaged.open(SIDECAR);
    file.write(700, Uint8Array.of(0x99));
    expect(await recover(damaged)).toMatchObject([{ state: 'damaged' }]);
    expect([isBefore(damaged), damaged.others]).toEqual([true, [SIDECAR]]);
    const planted = await interrupted();
    expect(await recover(planted, { isTrusted: () => false })).toMatchObject([{ state: 'foreign', message: expect.stringContaining('somebody else') as string }]);
    expect([isBefore(planted), planted.others]).toEqual([true, [SIDECAR]]);
  });

  it('without an end it never reached the image: it is removed, whatever is in it', async () => {
    for (const length of [0, 5, 40, 600, 4000]) {
      const disk = await interrupted();
      const all = new Uint8Array(disk.open(SIDECAR).size);
      disk.open(SIDECAR).read(0, all);
      disk.remove(SIDECAR);
      disk.create(SIDECAR).write(0, all.subarray(0, length));
      expect(await recover(disk)).toMatchObject([{ state: 'unchanged' }]);
      expect([isBefore(disk), disk.others]).toEqual([true, []]);
    }
  });

  it('waits for a process that is at it still', async () => {
    const disk = await interrupted();
    const bytes = new Uint8Array(disk.open(SIDECAR).size);
    disk.open(SIDECAR).read(0, bytes);
    // Another process of this computer: the checksum is made anew.
    const other = SimulatedDisk.of(before);
    const identity = { ...identityOf(before.length, files()), process: { pid: 4_194_000, host: (JSON.parse(Buffer.from(bytes.subarray(16, 16 + new DataView(bytes.buffer).getUint32(12, true))).toString()) as { process: { host: string } }).process.host } };
    const writer = new SidecarWriter(other.create(SIDECAR), identity);
    writer.begin();
    writer.add(512, before.subarray(512, 1024), after.subarray(512, 1024));
    writer.finish();
    expect(await recover(other, { isRunning: (pid) => pid === 4_194_000 })).toMatchObject([{ state: 'impossible', message: expect.stringContaining('4194000') as string }]);
    expect([isBefore(other), other.others]).toEqual([true, [SIDECAR]]);
    expect(await recover(other)).toMatchObject([{ state: 'finished' }]);
  });

  it('is told when it can\'t be finished, and stays', async () => {
    const disk = await interrupted();
    expect(await recover(disk, { openImage: refuse })).toMatchObject([{ state: 'impossible', error: { message: 'EACCES' } }]);
    expect(disk.others).toEqual([SIDECAR]);
  });

  it('that is foreign is in nobody\'s way: the next one has another name, and both are looked at', async () => {
    const disk = await interrupted();
    disk.image.write!(5100, Uint8Array.of(1));
    const overlay = new OverlayDevice(disk.image);
    overlay.write(20_000, Uint8Array.of(1, 2, 3));
    await apply(overlay, { device: disk.image, files: files() }, { disk, places: PLACES, free: () => undefined }, nodeJob(), () => {});
    expect([...disk.imageBytes.subarray(20_000, 20_003)]).toEqual([1, 2, 3]);
    expect(disk.others).toEqual([SIDECAR]);
  });
});

describe('a sidecar', () => {
  it('lies beside the image, or in the data folder when that can\'t be written to', () => {
    const image = join(scratch.path, 'disk.img');
    writeFileSync(image, '');
    const data = join(scratch.path, 'data');
    const places = sidecarPlaces(image, data);
    expect(places[0]).toEqual({ folder: scratch.path, path: join(scratch.path, '.disk.img.clutch-apply') });
    const closed: ApplyHost = { places, free: () => undefined, disk: { ...hostDisk, create: (path) => { if (!path.startsWith(data)) throw Object.assign(new Error('EROFS'), { code: 'EROFS' }); return hostDisk.create(path); } } };
    const { file, place } = createSidecar(closed);
    file.close();
    expect(place.folder).toBe(data);
    expect(statSync(place.path).mode & 0o777).toBe(0o600);
    expect(statSync(data).mode & 0o777).toBe(0o700);
    expect(sidecarPlaces('/dev/null/none', data).some(({ folder }) => folder === data)).toBe(true);
  });

  it('is refused when the image\'s disk has no room for what fills its holes', async () => {
    const disk = SimulatedDisk.of(new Uint8Array(64 * 1024));
    const overlay = new OverlayDevice(disk.image);
    overlay.write(0, new Uint8Array(20_000).fill(1));
    await expect(apply(overlay, { device: disk.image, files: files() }, { disk, places: PLACES, free: () => 1000 }, nodeJob(), () => {})).rejects.toMatchObject({ fault: { errno: 'ENOSPC' } });
    expect(disk.others).toEqual([]);
    expect(disk.imageBytes.every((byte) => byte === 0)).toBe(true);
  });
});

const missing = missingTools('python3');

/** Takes locks as QEMU does, says "locked", and holds them until its standard input ends. */
const QEMU = `
import fcntl, struct, sys
file = open(sys.argv[1], 'rb')
for byte in sys.argv[2:]:
    fcntl.fcntl(file, 37, struct.pack('hhqqi4x', 0, 0, int(byte), 1, 0))
print('locked', flush=True)
sys.stdin.read()
`;

describe.skipIf(missing !== undefined || process.platform !== 'linux')(`QEMU's locks${missing === undefined ? '' : ` (${missing})`}`, () => {
  const image = join(scratch.path, 'locked.img');

  /** @param bytes that the other one has locked */
  async function beside<T>(bytes: readonly number[], work: () => T): Promise<T> {
    writeFileSync(image, new Uint8Array(4096));
    const qemu = spawn('python3', ['-c', QEMU, image, ...bytes.map(String)], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(qemu.stdout, 'data');
    try {
      return work();
    } finally {
      qemu.stdin.end();
      await once(qemu, 'exit');
    }
  }

  const take = (): void => new LockedImage([image], { write: true }).close();

  it.each<[string, number[]]>([
    ['runs a guest from it', [100, 101, 103, 201, 203]], ['only reads it, and lets nobody write', [100, 201, 203]], ['writes to it and shares all', [100, 101]],
  ])('keep us out while one %s', async (_, bytes) => {
    await beside(bytes, () => expect(take).toThrow(expect.objectContaining({ fault: expect.objectContaining({ kind: 'busy' }) as object })));
    expect(take).not.toThrow();
  });

  it('let us in beside one that shares all', async () => {
    await beside([100], () => expect(take).not.toThrow());
  });
});

describe('an image that is locked', () => {
  it('tells who moved, cut or replaced it', () => {
    const path = join(scratch.path, 'moving.img');
    writeFileSync(path, new Uint8Array(4096));
    const image = new LockedImage([path], { write: true });
    expect(image.change()).toBeUndefined();
    image.device.write!(0, Uint8Array.of(1));
    image.accept();
    expect(image.change()).toBeUndefined();
    renameSync(path, `${path}.away`);
    expect(image.change()?.message).toContain('another program');
    mkdirSync(path);
    expect(image.change()?.message).toContain('another program');
    image.close();
    expect(readFileSync(`${path}.away`)[0]).toBe(1);
    unlinkSync(`${path}.away`);
  });
});

describe('an Apply to several images at once that was interrupted', () => {
  const size = 64 * 1024;
  const made = (name: string): string => {
    const folder = join(scratch.path, name);
    mkdirSync(folder);
    for (const image of ['a.img', 'b.img']) writeFileSync(join(folder, image), before);
    return folder;
  };
  const holds = (path: string): boolean => Buffer.compare(readFileSync(path), before) !== 0;

  /** Cut off when the sidecar was valid. Each image is changed in the same places. */
  async function cutOff(paths: readonly string[]): Promise<void> {
    const image = new LockedImage(paths, { write: true });
    const overlay = new OverlayDevice(image.device);
    for (const [i] of paths.entries()) for (const [at, length] of changes) overlay.write(i * size + at, after.subarray(at, at + length));
    const device = { size: image.device.size, blockSize: 512, read: (at: number, into: Uint8Array) => image.device.read(at, into), write() { throw new Error('the power is gone'); }, flush() {}, close() {} };
    const host: ApplyHost = { disk: hostDisk, places: sidecarPlaces(paths[0]!), free: () => undefined };
    await expect(apply(overlay, { device, files: image.files }, host, nodeJob(), () => {})).rejects.toThrow('the power is gone');
    image.close();
  }

  it('is brought to its end when all of them are opened in their order; until then, none of them is taken for whole', async () => {
    const folder = made('set');
    const [a, b] = [join(folder, 'a.img'), join(folder, 'b.img')];
    await cutOff([a, b]);
    for (const paths of [[a], [b], [b, a]]) {
      expect(await recoverApply(paths), paths.join()).toMatchObject([{ state: 'impossible', message: expect.stringContaining(`${a}, ${b}`) as string }]);
      expect([holds(a), holds(b)]).toEqual([false, false]);
    }
    expect(await recoverApply([a, b])).toMatchObject([{ state: 'finished' }]);
    for (const path of [a, b]) expect(Buffer.compare(readFileSync(path), after)).toBe(0);
    for (const paths of [[a], [b], [a, b]]) expect(await recoverApply(paths)).toEqual([]);
  });

  it('to one of them is not overlooked when it is opened with the others', async () => {
    const folder = made('one');
    const [a, b] = [join(folder, 'a.img'), join(folder, 'b.img')];
    await cutOff([b]);
    expect(await recoverApply([a, b])).toMatchObject([{ state: 'impossible', message: expect.stringContaining(`applied to ${b} when`) as string }]);
    expect(await recoverApply([a])).toEqual([]);
    expect(await recoverApply([b])).toMatchObject([{ state: 'finished' }]);
    expect([holds(a), holds(b)]).toEqual([false, true]);
  });
});
