import { describe, expect, it } from 'vitest';
import { MemoryDevice } from '../../engines/core/bytes/memory.ts';
import type { BlockDevice } from '../../engines/core/bytes/device.ts';
import { OverlayDevice } from '../../engines/core/bytes/overlay.ts';
import { usage } from '../../engines/core/errors.ts';
import { nodeJob } from '../session.ts';
import { apply } from './apply.ts';
import type { Recovery } from './editing.ts';
import { recoverApply } from './recovery.ts';
import { identityOf } from './sidecar-format.ts';
import { sidecar1 } from './testing/sidecar-1.ts';
import { SimulatedDisk } from './testing/simulated-disk.ts';

const SIDECAR = '.disk.img.clutch-apply';
const PLACES = [{ folder: '/', path: SIDECAR }];
const files = (inode = '7'): { path: string; size: number; inode: string }[] => [{ path: 'disk.img', size: 128 * 1024, inode }];

/** An image in which every sector has its number, but for zeros from 16 KiB on to 96 KiB; with changes of both. */
const before = Uint8Array.from({ length: 128 * 1024 }, (_, i) => 1 + ((i >> 9) & 0x7f));
before.fill(0, 16_384, 98_304);
const after = before.slice();
after.fill(0xcc, 512, 1024);
after.fill(0xcc, 100_000, 100_100);
for (let i = 20_480; i < 61_440; i++) after[i] = 1 + (i % 251);
after.fill(0, 30_720, 31_744);

interface Interruption {
  readonly disk: SimulatedDisk;
  /** What Apply told of the sidecar. */
  readonly told: readonly [string, boolean][];
  readonly error: Error | undefined;
}

/** Applies, on a disk whose image fails as it is told to. */
async function applied(wrong: (image: BlockDevice) => Partial<BlockDevice>, disk = SimulatedDisk.of(before)): Promise<Interruption> {
  const overlay = new OverlayDevice(new MemoryDevice(before.slice()));
  for (let at = 0; at < after.length; at += 4096) {
    if (Buffer.compare(before.subarray(at, at + 4096), after.subarray(at, at + 4096)) !== 0) overlay.write(at, after.subarray(at, at + 4096));
  }
  const told: [string, boolean][] = [];
  const { image } = disk;
  let error: Error | undefined;
  try {
    await apply(overlay, { device: { ...image, ...wrong(image) }, files: files(), witnesses: [{ at: 0, length: 4096 }] }, { disk, places: PLACES, free: () => undefined, leastChanges: 0 }, nodeJob(), (...all) => { told.push(all); });
  } catch (thrown) {
    error = thrown as Error;
  }
  return { disk, told, error };
}

function gone(): never {
  throw new Error('the power is gone');
}

/** When fresh bytes were to be written, and nothing can be taken back. */
const uncommitted = async (): Promise<SimulatedDisk> => {
  const { disk, told } = await applied(() => ({ write: gone, flush: gone }));
  expect(told).toEqual([[SIDECAR, true]]);
  return disk;
};

/** When the first of the other changes was to be written. */
const committed = async (): Promise<SimulatedDisk> => {
  const { disk, told } = await applied((image) => ({ write: (at, from) => (at === 20_480 ? image.write!(at, from) : gone()) }));
  expect(told).toEqual([[SIDECAR, false]]);
  return disk;
};

const recover = (disk: SimulatedDisk, inode?: string): Promise<Recovery[]> => recoverApply(['disk.img'], {
  disk, places: PLACES, isRunning: () => false, isTrusted: () => true, openImage: () => ({ device: disk.image, files: files(inode), close() {} }),
});

const is = (disk: SimulatedDisk, bytes: Uint8Array): boolean => Buffer.compare(disk.imageBytes, bytes) === 0;
const put = (disk: SimulatedDisk, from: number, to: number): void => disk.image.write!(from, after.subarray(from, to));

describe('an Apply that is not committed', () => {
  it('keeps no bytes of changes to zeros, and writes them once', async () => {
    const { disk, error } = await applied(() => ({}));
    expect([error, is(disk, after), disk.others]).toEqual([undefined, true, []]);
    const written = disk.events.reduce((sum, event) => sum + (event.kind === 'write' ? event.bytes.length : 0), 0);
    expect(written).toBeLessThan(41_000 + 8000);
  });

  it.each<[string, (disk: SimulatedDisk) => void, string]>([
    ['at its beginning', () => {}, 'never reached'],
    ['in the middle of a page', (disk) => put(disk, 20_480, 29_184), 'taken back'],
    ['at its end', (disk) => put(disk, 20_480, 61_440), 'taken back'],
    ['with the later parts on the disk and the earlier ones not', (disk) => put(disk, 40_448, 61_440), 'taken back'],
  ])('is taken back when it was interrupted %s', async (_, reach, said) => {
    for (const sparse of [true, false]) {
      const disk = await uncommitted();
      disk.sparse = sparse;
      reach(disk);
      expect(await recover(disk)).toMatchObject([{ state: 'unchanged', message: expect.stringContaining(said) as string }]);
      expect([is(disk, before), disk.others]).toEqual([true, []]);
      expect(await recover(disk)).toEqual([]);
    }
  });

  it.each<[string, (disk: SimulatedDisk) => void]>([
    ['wrote over what had reached it', (disk) => disk.image.write!(25_000, Uint8Array.of(0xee))],
    ['wrote where its zeros are to change', (disk) => disk.image.write!(50_000, Uint8Array.of(0xee))],
    ['wrote where zeros between the changes stay', (disk) => disk.image.write!(31_000, Uint8Array.of(0xee))],
    ['changed a sector that is to be changed later', (disk) => disk.image.write!(600, Uint8Array.of(0xee))],
    ['made one of the later changes', (disk) => put(disk, 512, 1024)],
    ['changed the superblock', (disk) => disk.image.write!(2100, Uint8Array.of(0xee))],
  ])('is left alone, and so is the image, when somebody %s', async (_, change) => {
    const disk = await uncommitted();
    put(disk, 20_480, 29_184);
    change(disk);
    const there = disk.imageBytes.slice();
    expect(await recover(disk)).toMatchObject([{ state: 'foreign', message: expect.stringContaining('changed since') as string }]);
    expect([is(disk, there), disk.others]).toEqual([true, [SIDECAR]]);
  });

  it('is left alone beside a copy from before that was put in its place, and taken back in one that has some of it', async () => {
    const copy = await uncommitted();
    expect(await recover(copy, '8')).toMatchObject([{ state: 'foreign', message: expect.stringContaining('another file') as string }]);
    expect([is(copy, before), copy.others]).toEqual([true, [SIDECAR]]);
    const moved = await uncommitted();
    put(moved, 20_480, 29_184);
    expect(await recover(moved, '8')).toMatchObject([{ state: 'unchanged' }]);
    expect([is(moved, before), moved.others]).toEqual([true, []]);
  });

  it.each<[string, (image: BlockDevice) => Partial<BlockDevice>]>([
    ['is full', (image) => {
      let writes = 0;
      return { write: (at, from) => {
        if (writes++ === 0) {
          image.write!(at, from.subarray(0, 8192));
          throw usage('ENOSPC', 'its disk is full');
        }
        image.write!(at, from);
      } };
    }],
    ['fails when it is synced', (image) => {
      let syncs = 0;
      return { flush: () => {
        if (syncs++ === 0) throw usage('ENOSPC', 'its disk is full');
        image.flush!();
      } };
    }],
  ])('is taken back at once when the disk of the image %s', async (_, wrong) => {
    const { disk, told, error } = await applied(wrong);
    expect(error).toMatchObject({ fault: { errno: 'ENOSPC' }, message: expect.stringContaining('as it was before') as string });
    expect([is(disk, before), disk.others, told]).toEqual([true, [], []]);
    const again = await applied(() => ({}), disk);
    expect([again.error, is(disk, after), disk.others]).toEqual([undefined, true, []]);
  });
});

describe('an Apply that is committed', () => {
  it('is finished', async () => {
    const disk = await committed();
    put(disk, 512, 1024);
    expect(await recover(disk)).toMatchObject([{ state: 'finished' }]);
    expect([is(disk, after), disk.others]).toEqual([true, []]);
  });

  it.each<[string, (disk: SimulatedDisk) => void]>([
    ['was put back from a copy', (disk) => disk.image.write!(0, before)],
    ['lacks a sector that it had', (disk) => disk.image.write!(40_960, new Uint8Array(512))],
    ['has another sector than it had', (disk) => disk.image.write!(41_000, Uint8Array.of(0xee))],
  ])('is left alone, and so is the image, when that %s', async (_, change) => {
    const disk = await committed();
    change(disk);
    const there = disk.imageBytes.slice();
    expect(await recover(disk)).toMatchObject([{ state: 'foreign', message: expect.stringContaining('changed since') as string }]);
    expect([is(disk, there), disk.others]).toEqual([true, [SIDECAR]]);
  });
});

describe('a sidecar of version 1', () => {
  const records = [
    { at: 512, old: before.subarray(512, 1024), now: after.subarray(512, 1024), kind: 0 as const },
    { at: 20_480, old: before.subarray(20_480, 61_440), now: after.subarray(20_480, 61_440), kind: 0 as const },
    { at: 1024, old: before.subarray(1024, 2048), now: before.subarray(1024, 2048), kind: 1 as const },
  ];
  const left = (): SimulatedDisk => {
    const disk = SimulatedDisk.of(before);
    disk.create(SIDECAR).write(0, sidecar1(identityOf(before.length, files()), records));
    return disk;
  };
  const wanted = before.slice();
  for (const { at, now } of records) wanted.set(now, at);

  it('is finished', async () => {
    const disk = left();
    put(disk, 30_208, 45_056);
    expect(await recover(disk)).toMatchObject([{ state: 'finished' }]);
    expect([is(disk, wanted), disk.others]).toEqual([true, []]);
  });

  it.each([600, 1500, 30_000])('is left alone when the image was changed since at %d', async (at) => {
    const disk = left();
    disk.image.write!(at, Uint8Array.of(0xee));
    const there = disk.imageBytes.slice();
    expect(await recover(disk)).toMatchObject([{ state: 'foreign' }]);
    expect([is(disk, there), disk.others]).toEqual([true, [SIDECAR]]);
  });

  it('of a later version is left alone', async () => {
    const disk = left();
    disk.open(SIDECAR).write(8, Uint8Array.of(3));
    expect(await recover(disk)).toMatchObject([{ state: 'damaged', message: expect.stringContaining('a newer Clutch wrote it (version 3)') as string }]);
    expect([is(disk, before), disk.others]).toEqual([true, [SIDECAR]]);
  });
});
