import { describe, expect, it } from 'vitest';
import { testContext } from '../testing/context.ts';
import { mdSuperblock, type MadeMember } from '../testing/md-superblock.ts';
import { MemoryDevice } from './bytes/memory.ts';
import { guess, readerOf } from './guesses.ts';
import { layersOf } from './layer.ts';
import { openLayers } from './layers.ts';
import { mdMemberAtEnd } from './md-member.ts';
import type { FileSystem } from './filesystem.ts';
import type { FilesystemFormat, RegistryEntry, TableFormat, Volume } from './probe.ts';

const SIZE = 1 << 20;

function member(made: MadeMember, size = SIZE): Uint8Array {
  const bytes = new Uint8Array(size);
  const { at, bytes: superblock } = mdSuperblock(size, made);
  bytes.set(superblock, at);
  return bytes;
}
const find = (bytes: Uint8Array) => mdMemberAtEnd(readerOf(new MemoryDevice(bytes)), bytes.length);

describe('the superblock of an array at the end of its disk', () => {
  it.each<[MadeMember, number, number]>([
    [{ version: '0.90' }, SIZE, SIZE - 65_536], [{ version: '0.90', big: true }, SIZE + 5000, SIZE - 65_536],
    [{ version: '1.0' }, SIZE, SIZE - 8192], [{ version: '1.0' }, SIZE + 512, SIZE - 8192], [{ version: '1.0' }, SIZE - 512, SIZE - 3 * 4096],
  ])('is found: %o on %d bytes', (made, size, at) => {
    expect(find(member(made, size))).toMatchObject({ version: made.version, at, level: 1, disks: 2, used: at });
    expect(guess(new MemoryDevice(member(made, size)))[0]).toMatchObject({ id: 'md', confidence: 95, evidence: [expect.stringContaining(made.version)] });
  });

  it.each<[string, (bytes: Uint8Array) => Uint8Array]>([
    ['a byte of it changed', (bytes) => bytes.with(SIZE - 65_536 + 20, 1).with(SIZE - 8192 + 20, 1)],
    ['it was cut off', (bytes) => bytes.subarray(0, SIZE - 65_536)],
    ['the device grew', (bytes) => new Uint8Array([...bytes, ...new Uint8Array(65_536)])],
  ])('is none any more when %s', (_, change) => {
    for (const version of ['0.90', '1.0'] as const) {
      const changed = change(member({ version }));
      expect(find(changed)).toBeUndefined();
      expect(guess(new MemoryDevice(changed)).some(({ id }) => id === 'md')).toBe(false);
    }
  });

  it('is none where the array would not fit on the device', () => {
    expect(find(member({ version: '0.90', used: SIZE }))).toBeUndefined();
    expect(find(member({ version: '1.0', used: SIZE }))).toBeUndefined();
    for (const size of [0, 100, 8192, 65_536]) expect(find(new Uint8Array(size))).toBeUndefined();
  });
});

/** A filesystem and a table by their first byte; a filesystem is written to when it may be. */
const tree: FilesystemFormat = {
  id: 'tree', kind: 'filesystem', name: 'Tree', probe: () => ({ confidence: 90, evidence: ['1'] }),
  open: async (_, { write, readOnly }) => ({ info: { label: '', uuid: '', state: 'clean', details: [], access: { write: readOnly === undefined, reason: readOnly ?? '' } }, root: 1, ...(write === undefined ? {} : { writer: {} }), close() {} }) as unknown as FileSystem,
};
const table = (volume: Pick<Volume, 'offset' | 'size'>): TableFormat => ({
  id: 'table', kind: 'table', name: 'Table', probe: () => ({ confidence: 90, evidence: ['2'] }),
  open: async () => ({ label: '', uuid: '', sectorSize: 512, details: [], volumes: [{ number: 1, kind: 'partition', type: '', typeId: '', label: '', uuid: '', flags: [], ...volume }] }),
});
const entry = (format: FilesystemFormat | TableFormat, mark: number): RegistryEntry => ({ id: format.id, kind: format.kind, name: format.name, magics: [{ at: 0, bytes: [mark] }], load: async () => format });
const WRITE = { write: { durability: 'staged', now: () => 0n, random() {} } } as const;
const guest = (missing: string): RegistryEntry => ({ id: 'guest:g', kind: 'filesystem', name: 'G', magics: [], missing, serves: [{ format: 'md', title: 'md', access: 'read-write', reason: '' }], load: async () => tree });

describe('a disk of a mirror, which looks like what is on it', () => {
  const REASON = /one of the disks of an array: changing one alone/;

  it.each(['0.90', '1.0'] as const)('is shown for reading where nothing assembles it: %s', async (version) => {
    for (const guests of [[], [guest('it is not built')]]) {
      const layer = await openLayers(new MemoryDevice(member({ version }).with(0, 1)), [entry(tree, 1)], { ...testContext(), ...WRITE, guests: async () => guests });
      expect(layer).toMatchObject({ format: 'tree', readOnly: expect.stringMatching(REASON) as string, notWritable: { fault: { feature: 'writing' } }, openers: [{ access: 'read-only', reason: expect.stringMatching(REASON) as string }], notes: [{ severity: 'warning', message: expect.stringContaining('one of the 2 disks') as string }] });
      expect(layer.device.write).toBeUndefined();
      expect(layer.filesystem!.writer).toBeUndefined();
    }
  });

  it('waits for what assembles it, where there is one; what is in it can be chosen, for reading', async () => {
    const device = new MemoryDevice(member({ version: '1.0' }).with(0, 1));
    const context = { ...testContext(), ...WRITE, guests: async () => [guest('')] };
    const layer = await openLayers(device, [entry(tree, 1)], context);
    expect(layer).toMatchObject({ kind: 'table', format: 'md', openers: [{ id: 'guest:g', access: 'read-write' }], alternatives: [{ format: 'tree' }], readOnly: expect.stringMatching(REASON) as string });
    expect(layer.device).toBe(device);
    const chosen = await openLayers(device, [entry(tree, 1)], context, new Map([['0', 'tree']]));
    expect(chosen.filesystem!.writer).toBeUndefined();
    expect(chosen.filesystem!.info.access.write).toBe(false);
  });

  it('is no filesystem where the array is no mirror', async () => {
    const layer = await openLayers(new MemoryDevice(member({ version: '1.0', level: 5 }).with(0, 1)), [entry(tree, 1)], testContext());
    expect(layer).toMatchObject({ kind: 'unknown', title: 'Linux software RAID member', alternatives: [{ format: 'tree' }] });
  });

  it('has partitions that are not written to either', async () => {
    const bytes = member({ version: '0.90' }).with(0, 2).with(65_536, 1);
    const layer = await openLayers(new MemoryDevice(bytes), [entry(tree, 1), entry(table({ offset: 65_536, size: SIZE / 2 }), 2)], { ...testContext(), ...WRITE });
    expect([...layersOf(layer)].map(({ path, format, readOnly }) => [path, format, readOnly !== undefined])).toEqual([['0', 'table', true], ['0/1', 'partition', true], ['0/1/0', 'tree', true]]);
    expect(layer.children[0]!.children[0]!.filesystem!.writer).toBeUndefined();
  });

  it('is the last partition alone, where that ends where the disk does', async () => {
    const bytes = new Uint8Array([...new Uint8Array(65_536).with(0, 2), ...member({ version: '0.90' }).with(0, 1)]);
    const layer = await openLayers(new MemoryDevice(bytes), [entry(tree, 1), entry(table({ offset: 65_536, size: SIZE }), 2)], { ...testContext(), ...WRITE });
    expect([...layersOf(layer)].map(({ path, format, readOnly }) => [path, format, readOnly !== undefined])).toEqual([['0', 'table', false], ['0/1', 'partition', false], ['0/1/0', 'tree', true]]);
  });

  it('is an ordinary filesystem when its superblock is stale', async () => {
    const bytes = member({ version: '0.90' }).with(0, 1).with(SIZE - 65_536 + 100, 9);
    const layer = await openLayers(new MemoryDevice(bytes), [entry(tree, 1)], { ...testContext(), ...WRITE, guests: async () => [guest('')] });
    expect(layer).toMatchObject({ format: 'tree', openers: [{ access: 'read-write' }] });
    expect(layer.readOnly).toBeUndefined();
    expect(layer.filesystem!.writer).toBeDefined();
  });
});
