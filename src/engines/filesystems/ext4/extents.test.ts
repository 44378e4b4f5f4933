import { describe, expect, it } from 'vitest';
import { MemoryDevice } from '../../core/bytes/memory.ts';
import { isDiskError } from '../../core/errors.ts';
import type { Note } from '../../core/filesystem.ts';
import { crc32c } from '../../codecs/crc32c.ts';
import { BlockMapping } from './block-map.ts';
import { DeviceBlocks } from './blocks.ts';
import { ExtentMapping } from './extents.ts';
import { mappedRuns, readMapped } from './mapping.ts';

const SIZE = 1024;
const SEED = 0x1234;

/** A device of 64 blocks; block n is filled with n. */
function device(): Uint8Array {
  const bytes = new Uint8Array(64 * SIZE);
  for (let number = 0; number < 64; number++) bytes.fill(number, number * SIZE, (number + 1) * SIZE);
  return bytes;
}

type Entry = readonly [logical: number, count: number, physical: number];

/** Writes a node. Entries of inner nodes: [first logical block, ignored, block]. */
function node(into: Uint8Array, depth: number, entries: readonly Entry[], max = Math.floor((into.length - 12) / 12)): Uint8Array {
  const view = new DataView(into.buffer, into.byteOffset, into.byteLength);
  into.fill(0);
  [0xf30a, entries.length, max, depth].forEach((value, i) => { view.setUint16(i * 2, value, true); });
  entries.forEach(([logical, count, physical], i) => {
    const at = 12 + i * 12;
    view.setUint32(at, logical, true);
    if (depth > 0) view.setUint32(at + 4, physical, true);
    else { view.setUint16(at + 4, count, true); view.setUint32(at + 8, physical, true); }
  });
  const tail = 12 + max * 12;
  if (into.length === SIZE) view.setUint32(tail, crc32c(SEED, into, 0, tail), true);
  return into;
}

function block(bytes: Uint8Array, number: number): Uint8Array {
  return bytes.subarray(number * SIZE, (number + 1) * SIZE);
}

function blocksOf(bytes: Uint8Array): DeviceBlocks {
  const memory = new MemoryDevice(bytes);
  return new DeviceBlocks(memory, memory, SIZE, 64);
}

function mapping(bytes: Uint8Array, root: Uint8Array, notes: Note[] = []): ExtentMapping {
  return new ExtentMapping({ blocks: blocksOf(bytes), inode: 12, root, rootAt: 0, checksumSeed: SEED, note: (note) => { notes.push(note); } });
}

/** The structure that is named as corrupt. */
function corruptPlace(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (isDiskError(error) && error.fault.kind === 'corrupt') return `${error.fault.place.structure}: ${error.message}`;
    throw error;
  }
  return 'no error';
}

describe('an extent tree', () => {
  it('gives extents, unwritten ones, and the holes between', () => {
    const map = mapping(device(), node(new Uint8Array(60), 0, [[2, 3, 10], [5, 32768 + 2, 20], [100, 1, 30]]));
    expect(map.find(0)).toEqual({ logical: 0, count: 2, physical: undefined, unwritten: false });
    expect(map.find(3)).toEqual({ logical: 3, count: 2, physical: 11, unwritten: false });
    expect(map.find(6)).toEqual({ logical: 6, count: 1, physical: 21, unwritten: true });
    expect(map.find(7)).toEqual({ logical: 7, count: 93, physical: undefined, unwritten: false });
    expect(map.find(101).count).toBe(Infinity);
    expect([...mappedRuns(map)].map(({ logical, count }) => [logical, count])).toEqual([[2, 3], [5, 2], [100, 1]]);
    const into = new Uint8Array(8 * SIZE).fill(0xee);
    readMapped(map, blocksOf(device()), 0, into);
    expect([0, 1, 2, 3, 4, 5, 6, 7].map((i) => into[i * SIZE + 5])).toEqual([0, 0, 10, 11, 12, 0, 0, 0]);
  });

  it('takes 32768 blocks as one written extent', () => {
    const memory = new MemoryDevice(new Uint8Array(0));
    const blocks = new DeviceBlocks(memory, memory, SIZE, 100_000);
    const map = new ExtentMapping({ blocks, inode: 12, root: node(new Uint8Array(60), 0, [[0, 32768, 50]]), rootAt: 0, checksumSeed: undefined, note() {} });
    expect(map.find(0)).toEqual({ logical: 0, count: 32768, physical: 50, unwritten: false });
  });

  it('is followed down to the leaves; runs that touch are one', () => {
    const bytes = device();
    node(block(bytes, 40), 1, [[0, 0, 41], [10, 0, 42]]);
    node(block(bytes, 41), 0, [[0, 2, 4], [2, 2, 6]]);
    node(block(bytes, 42), 0, [[10, 2, 20]]);
    const notes: Note[] = [];
    const map = mapping(bytes, node(new Uint8Array(60), 2, [[0, 0, 40]]), notes);
    expect([...mappedRuns(map)].map(({ logical, count, physical }) => [logical, count, physical])).toEqual([[0, 4, 4], [10, 2, 20]]);
    expect(map.find(4)).toMatchObject({ count: 6, physical: undefined });
    expect(notes).toEqual([]);
  });

  it('with a wrong checksum is noted once, and read', () => {
    const bytes = device();
    node(block(bytes, 40), 0, [[0, 2, 4]])[1023]! ^= 1;
    const notes: Note[] = [];
    const map = mapping(bytes, node(new Uint8Array(60), 1, [[0, 0, 40]]), notes);
    for (const logical of [0, 50, 1, 60]) map.find(logical);
    expect(notes.map(({ place }) => place)).toEqual([{ structure: 'extent block 40 of inode 12', at: 40 * SIZE, length: SIZE }]);
  });

  it.each<[string, RegExp, (bytes: Uint8Array) => Uint8Array]>([
    ['no magic', /magic/, () => new Uint8Array(60)],
    ['too deep', /6 levels/, () => node(new Uint8Array(60), 6, [[0, 0, 40]])],
    ['more entries than room', /entries/, () => { const root = node(new Uint8Array(60), 0, [[0, 1, 3]]); root[2] = 5; return root; }],
    ['more room than there is', /room/, () => node(new Uint8Array(60), 0, [[0, 1, 3]], 5)],
    ['entries out of order', /out of order/, () => node(new Uint8Array(60), 0, [[5, 1, 3], [4, 1, 9]])],
    ['extents that overlap', /out of order/, () => node(new Uint8Array(60), 0, [[0, 5, 3], [4, 1, 9]])],
    ['an empty extent', /empty/, () => node(new Uint8Array(60), 0, [[0, 0, 3]])],
    ['an extent past the end', /outside/, () => node(new Uint8Array(60), 0, [[0, 5, 60]])],
    ['an extent past the last block', /last possible/, () => node(new Uint8Array(60), 0, [[0xffffffff, 5, 3]])],
    ['an index past the end', /outside/, () => node(new Uint8Array(60), 1, [[0, 0, 64]])],
    ['a loop', /depth/, (bytes) => { node(block(bytes, 40), 1, [[0, 0, 40]]); return node(new Uint8Array(60), 2, [[0, 0, 40]]); }],
    ['a child for other blocks', /starts with block 7/, (bytes) => { node(block(bytes, 40), 0, [[7, 1, 3]]); return node(new Uint8Array(60), 1, [[0, 0, 40]]); }],
    ['an empty inner node', /empty/, (bytes) => { node(block(bytes, 40), 1, []); return node(new Uint8Array(60), 2, [[0, 0, 40]]); }],
  ])('with %s is corrupt', (_, message, make) => {
    const bytes = device();
    const root = make(bytes);
    expect(corruptPlace(() => mapping(bytes, root).find(0))).toMatch(message);
  });
});

const FAN = SIZE / 4;

/** Writes a block of block numbers. */
function numbers(into: Uint8Array, values: Readonly<Record<number, number>>): Uint8Array {
  const view = new DataView(into.buffer, into.byteOffset, into.byteLength);
  into.fill(0);
  for (const [index, value] of Object.entries(values)) view.setUint32(Number(index) * 4, value, true);
  return into;
}

/** Every number of a block the same. */
function same(number: number): Record<number, number> {
  return Object.fromEntries(Array.from({ length: FAN }, (_, i) => [i, number]));
}

describe('a block map', () => {
  it('is direct, then one, two and three levels deep, with holes as wide as what is missing', () => {
    const bytes = device();
    numbers(block(bytes, 30), { 0: 8, 1: 9, 255: 3 });
    numbers(block(bytes, 31), { 1: 32 });
    numbers(block(bytes, 32), { 2: 5 });
    numbers(block(bytes, 33), { 0: 34 });
    numbers(block(bytes, 34), { 3: 35 });
    numbers(block(bytes, 35), { 0: 6 });
    const map = new BlockMapping(blocksOf(bytes), 12, numbers(new Uint8Array(60), { 0: 20, 1: 21, 3: 22, 12: 30, 13: 31, 14: 33 }));
    const double = 12 + FAN;
    const triple = double + FAN * FAN;
    expect([...mappedRuns(map)].map(({ logical, count, physical }) => [logical, count, physical])).toEqual([
      [0, 2, 20], [3, 1, 22], [12, 2, 8], [12 + 255, 1, 3], [double + FAN + 2, 1, 5], [triple + 3 * FAN, 1, 6],
    ]);
    expect(map.find(double)).toEqual({ logical: double, count: FAN, physical: undefined, unwritten: false });
    expect(map.find(triple + FAN * FAN)).toMatchObject({ count: FAN * FAN * (FAN - 1), physical: undefined });
    expect(map.find(triple + FAN ** 3).count).toBe(Infinity);
  });

  it('that names blocks outside the filesystem is corrupt there, and sound elsewhere', () => {
    const map = new BlockMapping(blocksOf(device()), 12, numbers(new Uint8Array(60), { 0: 63, 1: 64, 12: 99 }));
    expect(map.find(0)).toMatchObject({ count: 1, physical: 63 });
    expect(corruptPlace(() => map.find(1))).toMatch(/block map of inode 12.*block 64/);
    expect(corruptPlace(() => map.find(12))).toMatch(/indirect block 99 of inode 12/);
  });

  it('that shares its indirect blocks ends all the same', () => {
    const bytes = device();
    numbers(block(bytes, 30), same(31));
    numbers(block(bytes, 31), same(32));
    numbers(block(bytes, 32), { 5: 5 });
    const map = new BlockMapping(blocksOf(bytes), 12, numbers(new Uint8Array(60), { 14: 30 }));
    expect([...mappedRuns(map)].length).toBeLessThan(200);
  });

  it('that shares blocks without a number is corrupt, however many holes it spells', () => {
    const bytes = device();
    numbers(block(bytes, 30), same(31));
    numbers(block(bytes, 31), same(32));
    numbers(block(bytes, 32), {});
    // As in a sparse image of many terabytes, whose blocks bound nothing.
    const map = Object.assign(new BlockMapping(blocksOf(bytes), 12, numbers(new Uint8Array(60), { 0: 5, 14: 30 })), { mostRuns: Infinity });
    const started = performance.now();
    expect(corruptPlace(() => [...mappedRuns(map)])).toMatch(/made of holes/);
    expect(performance.now() - started).toBeLessThan(1000);
    expect(map.find(12)).toMatchObject({ physical: undefined });
  });
});
