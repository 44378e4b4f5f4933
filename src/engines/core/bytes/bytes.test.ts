import { describe, expect, it } from 'vitest';
import { random, type Random } from '../../testing/fuzz/random.ts';
import { CacheDevice } from './cache.ts';
import { ConcatDevice } from './concat.ts';
import { DiskError } from '../errors.ts';
import { type BlockDevice, checkRange, type Extent, readBytes } from './device.ts';
import { FaultyDevice } from './faulty.ts';
import { MemoryDevice } from './memory.ts';
import { RecordingDevice } from './recording.ts';
import { SliceDevice } from './slice.ts';

function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8) * 17) & 0xff);
}

/** Only read, so that wrappers cannot take the short way of a view. */
function withoutViews(below: BlockDevice): BlockDevice {
  return { size: below.size, blockSize: below.blockSize, read: (at, into) => below.read(at, into), write: (at, from) => below.write!(at, from), close: () => below.close() };
}

/** Zeros, some of which are known to be. */
function holey(size: number, holes: readonly Extent[]): BlockDevice {
  return {
    size, blockSize: 512, read: (_, into) => { into.fill(0); }, close() {},
    holes: (at, length) => holes.map((hole) => ({ at: Math.max(at, hole.at), end: Math.min(at + length, hole.at + hole.length) })).filter((hole) => hole.at < hole.end).map((hole) => ({ at: hole.at, length: hole.end - hole.at })),
  };
}

function range(dice: Random, size: number): [number, number] {
  const at = dice.below(size + 1);
  return [at, dice.below(Math.min(size - at, dice.pick([1, 16, 600, size])) + 1)];
}

/** Reads at random through `device` what `truth` holds. @param write changes both in one of ten steps */
function compareAtRandom(device: BlockDevice, truth: Uint8Array, write: boolean): void {
  const dice = random(1, truth.length);
  for (let step = 0; step < 3000; step++) {
    const [at, length] = range(dice, truth.length);
    if (write && dice.oneIn(10)) {
      const bytes = Uint8Array.from({ length: Math.min(length, 700) }, () => dice.below(256));
      device.write!(at, bytes);
      truth.set(bytes, at);
      continue;
    }
    const expected = truth.subarray(at, at + length);
    const into = new Uint8Array(length + 2).fill(0xee);
    device.read(at, into.subarray(1, length + 1));
    if (Buffer.compare(into.subarray(1, length + 1), expected) !== 0 || into[0] !== 0xee || into[length + 1] !== 0xee) throw new Error(`step ${step}: ${length} bytes at ${at} differ`);
    const view = device.view?.(at, length);
    if (view !== undefined && Buffer.compare(view, expected) !== 0) throw new Error(`step ${step}: the view of ${length} bytes at ${at} differs`);
    if (Buffer.compare(readBytes(device, at, length), expected) !== 0) throw new Error(`step ${step}: readBytes of ${length} bytes at ${at} differs`);
  }
}

const SIZE = 10_000;
const DEVICES: [string, (bytes: Uint8Array) => BlockDevice][] = [
  ['memory', (bytes) => new MemoryDevice(bytes)],
  ['a slice', (bytes) => {
    const larger = new Uint8Array(bytes.length + 777);
    larger.set(bytes, 500);
    return new SliceDevice(new MemoryDevice(larger), 500, bytes.length);
  }],
  ['a cache of four pages', (bytes) => new CacheDevice(withoutViews(new MemoryDevice(bytes)), 512, 2048)],
  ['a large cache', (bytes) => new CacheDevice(withoutViews(new MemoryDevice(bytes)), 1000)],
  ['a recording', (bytes) => new RecordingDevice(new MemoryDevice(bytes))],
  ['a faulty device without faults', (bytes) => new FaultyDevice(new MemoryDevice(bytes), {})],
];

describe('block devices', () => {
  it.each(DEVICES)('%s reads and writes what was given', (_, make) => {
    const truth = pattern(SIZE);
    const device = make(truth.slice());
    expect(device.size).toBe(SIZE);
    expect(() => compareAtRandom(device, truth, true)).not.toThrow();
  });

  it('a concatenation knows the holes of its parts', () => {
    const device = new ConcatDevice([holey(1000, [{ at: 100, length: 50 }, { at: 900, length: 100 }]), holey(0, []), new MemoryDevice(new Uint8Array(500)), holey(1000, [{ at: 0, length: 10 }])]);
    expect([...device.holes(0, 2500)]).toEqual([{ at: 100, length: 50 }, { at: 900, length: 100 }, { at: 1500, length: 10 }]);
    expect([...device.holes(120, 800)]).toEqual([{ at: 120, length: 30 }, { at: 900, length: 20 }]);
    expect([...device.holes(2500, 0)]).toEqual([]);
    expect(() => [...device.holes(2000, 501)]).toThrow(DiskError);
  });

  it('a concatenation reads and writes across its parts, empty ones too', () => {
    const truth = pattern(SIZE);
    const cuts = [0, 1, 1, 3, 700, 5000, 5000, 9999, SIZE, SIZE];
    let closed = 0;
    const parts = cuts.slice(1).map((end, i) => Object.assign(new MemoryDevice(truth.slice(cuts[i], end)), { close: () => { closed++; } }));
    const device = new ConcatDevice(parts);
    expect(device.size).toBe(SIZE);
    expect(() => compareAtRandom(device, truth, true)).not.toThrow();
    device.close();
    expect(closed).toBe(parts.length);
    expect(new ConcatDevice([]).size).toBe(0);
    const { write: _, ...readOnly } = withoutViews(new MemoryDevice(truth));
    expect(new ConcatDevice([new MemoryDevice(truth), readOnly]).write).toBeUndefined();
  });

  it.each<[string, (bytes: Uint8Array) => BlockDevice]>([...DEVICES, ['a concatenation', (bytes) => new ConcatDevice([new MemoryDevice(bytes)])]])('%s refuses what lies outside, as an io error with its place', (_, make) => {
    const device = make(pattern(100));
    for (const [at, length] of [[0, 101], [100, 1], [-1, 1], [2 ** 53, 1], [Number.NaN, 1], [0.5, 1], [Infinity, 1]] as const) {
      expect(() => device.read(at, new Uint8Array(length))).toThrow(expect.objectContaining({ name: 'DiskError', fault: expect.objectContaining({ kind: 'io' }) }));
      expect(() => device.view?.(at, length) ?? checkRange(device, at, length)).toThrow(expect.objectContaining({ name: 'DiskError' }));
    }
    expect(() => readBytes(device, 0, Number.NaN)).toThrow(expect.objectContaining({ name: 'DiskError' }));
    expect(() => readBytes(device, 0, -1)).toThrow(expect.objectContaining({ name: 'DiskError' }));
    expect(readBytes(device, 100, 0).length).toBe(0);
  });
});

describe('SliceDevice', () => {
  it('must lie inside the device below, and cannot write out of itself', () => {
    const below = new MemoryDevice(pattern(100));
    expect(() => new SliceDevice(below, 50, 51)).toThrow(expect.objectContaining({ name: 'DiskError' }));
    expect(() => new SliceDevice(below, Number.NaN, 1)).toThrow(expect.objectContaining({ name: 'DiskError' }));
    const slice = new SliceDevice(below, 10, 20);
    expect(() => slice.write!(15, new Uint8Array(6))).toThrow(expect.objectContaining({ name: 'DiskError' }));
    expect(Buffer.compare(readBytes(below, 0, 100), pattern(100))).toBe(0);
  });

  it('shifts holes and the place in the host\'s file', () => {
    const below: BlockDevice = { ...withoutViews(new MemoryDevice(pattern(100))), holes: () => [{ at: 20, length: 5 }], backing: (at) => ({ fd: 7, at: at + 1000 }) };
    const slice = new SliceDevice(below, 15, 50);
    expect([...slice.holes(0, 50)]).toEqual([{ at: 5, length: 5 }]);
    expect(slice.backing(5, 10)).toEqual({ fd: 7, at: 1020 });
  });

  it('of a read-only device is read-only', () => {
    const { write: _, ...below } = withoutViews(new MemoryDevice(pattern(100)));
    expect(new SliceDevice(below, 0, 10).write).toBeUndefined();
    expect(new CacheDevice(below).write).toBeUndefined();
  });
});

describe('CacheDevice', () => {
  it('keeps a view valid when its page is long gone', () => {
    const bytes = pattern(64 * 512);
    const cache = new CacheDevice(withoutViews(new MemoryDevice(bytes.slice())), 512, 2048);
    const view = cache.view(512, 100)!;
    for (let at = 0; at < bytes.length; at += 512) cache.read(at, new Uint8Array(10));
    expect([...view]).toEqual([...bytes.subarray(512, 612)]);
  });

  it('reads a page once while it is in use, and lets the least used one go', () => {
    const below = new RecordingDevice(new MemoryDevice(pattern(64 * 512)));
    const cache = new CacheDevice(below, 512, 4 * 512);
    for (const page of [0, 1, 2, 3, 0, 4, 0]) cache.read(page * 512, new Uint8Array(8));
    expect(below.events.map((event) => (event.kind === 'read' ? event.at / 512 : -1))).toEqual([0, 1, 2, 3, 4]);
    cache.read(512, new Uint8Array(8));
    expect(below.events).toHaveLength(6);
  });

  it('lets large reads past, and shows what was written through it', () => {
    const below = new RecordingDevice(new MemoryDevice(pattern(64 * 512)));
    const cache = new CacheDevice(below, 512, 4 * 512);
    cache.read(0, new Uint8Array(5000));
    expect(below.events).toMatchObject([{ kind: 'read', at: 0, length: 5000 }]);
    cache.read(100, new Uint8Array(4));
    cache.write!(102, Uint8Array.of(1, 2));
    expect([...readBytes(cache, 101, 4)]).toEqual([pattern(200)[101], 1, 2, pattern(200)[104]]);
    cache.flush!();
    expect(below.events.slice(1).map((event) => event.kind)).toEqual(['read', 'write', 'read', 'flush']);
  });

  it('does not keep a page that could not be read', () => {
    let broken = true;
    const memory = new MemoryDevice(pattern(4096));
    const cache = new CacheDevice({ ...withoutViews(memory), read(at, into) { if (broken) throw new Error('gone'); memory.read(at, into); } }, 512);
    expect(() => cache.read(0, new Uint8Array(4))).toThrow('gone');
    broken = false;
    expect([...readBytes(cache, 0, 4)]).toEqual([...pattern(4)]);
  });
});

describe('RecordingDevice and FaultyDevice', () => {
  it('a recording holds copies, in order', () => {
    const device = new RecordingDevice(new MemoryDevice(new Uint8Array(100)));
    const bytes = Uint8Array.of(1, 2, 3);
    device.write!(10, bytes);
    bytes.fill(9);
    device.flush!();
    device.read(9, new Uint8Array(5));
    expect(device.events).toEqual([{ kind: 'write', at: 10, bytes: Uint8Array.of(1, 2, 3) }, { kind: 'flush' }, { kind: 'read', at: 9, length: 5 }]);
  });

  it('a faulty device fails where and when it is told to', () => {
    const bad = new FaultyDevice(new MemoryDevice(pattern(100)), { badRanges: [{ at: 50, length: 10 }] });
    const reads = (at: number, length: number) => () => bad.read(at, new Uint8Array(length));
    expect(reads(0, 50)).not.toThrow();
    expect(reads(60, 40)).not.toThrow();
    expect(reads(0, 51)).toThrow(expect.objectContaining({ fault: { kind: 'io', place: { structure: 'device', at: 0, length: 51 } } }));
    expect(reads(59, 1)).toThrow(expect.objectContaining({ name: 'DiskError' }));
    const lost = new FaultyDevice(new MemoryDevice(pattern(100)), { readsBeforeLoss: 2, writesBeforeLoss: 1 });
    lost.read(0, new Uint8Array(1));
    lost.read(0, new Uint8Array(1));
    expect(() => lost.read(0, new Uint8Array(1))).toThrow(expect.objectContaining({ name: 'DiskError' }));
    lost.write!(0, Uint8Array.of(1));
    expect(() => lost.write!(0, Uint8Array.of(1))).toThrow(expect.objectContaining({ name: 'DiskError' }));
  });

  it('a Node buffer does not leak its slice() into views', () => {
    const device = new MemoryDevice(Buffer.from([1, 2, 3, 4]));
    const copy = device.view(0, 4).slice(0, 2);
    copy[0] = 9;
    expect(device.view(0, 1)[0]).toBe(1);
  });
});
