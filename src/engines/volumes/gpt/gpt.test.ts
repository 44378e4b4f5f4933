import { describe, expect, it } from 'vitest';
import { FaultyDevice } from '../../core/bytes/faulty.ts';
import { MemoryDevice } from '../../core/bytes/memory.ts';
import { probe } from '../../core/candidates.ts';
import { layersOf } from '../../core/layer.ts';
import { openLayers } from '../../core/layers.ts';
import type { OpenedTable } from '../../core/probe.ts';
import { registry as all } from '../../index.ts';
import { layoutProblems } from '../../testing/layouts.ts';
import { testContext } from '../../testing/context.ts';
import { sealGptHeader, writeBootRecord, writeGpt } from '../../testing/tables.ts';
import { attributeNames } from './attributes.ts';
import { gpt } from './index.ts';
import { GptEntry, GptHeader, ProtectiveEntry, utf16Text } from './layout.ts';

const registry = all.filter((entry) => entry.kind === 'table');
const SIZE = 1024 * 1024;
const LAST = SIZE - 512;
const PARTITIONS = [{ first: 64, last: 127, name: 'eins' }, { first: 256, last: 511, name: 'zwei' }];

function image(sectorSize = 512): Uint8Array {
  const bytes = new Uint8Array(sectorSize === 512 ? SIZE : 8 * SIZE);
  writeGpt(bytes, PARTITIONS, sectorSize);
  return bytes;
}

async function open(bytes: Uint8Array): Promise<{ table: OpenedTable; messages: string[] }> {
  const context = testContext();
  const table = await gpt.open(new MemoryDevice(bytes), context);
  return { table, messages: context.notes.map((note) => note.message) };
}

function partitions(table: OpenedTable): unknown[] {
  return table.volumes.filter((volume) => volume.kind === 'partition').map((volume) => [volume.number, volume.offset, volume.size, volume.label]);
}

const EXPECTED = [[1, 64 * 512, 64 * 512, 'eins'], [2, 256 * 512, 256 * 512, 'zwei']];

describe('gpt', () => {
  it('declares its structures without overlaps', () => {
    expect(layoutProblems(GptHeader)).toEqual([]);
    expect(layoutProblems(GptEntry)).toEqual([]);
    expect(layoutProblems(ProtectiveEntry)).toEqual([]);
  });

  it.each([512, 4096])('reads both copies with sectors of %d bytes', async (sectorSize) => {
    const { table, messages } = await open(image(sectorSize));
    expect(messages).toEqual([]);
    expect(table.sectorSize).toBe(sectorSize);
    expect(partitions(table)).toEqual(EXPECTED.map(([number, at, size, name]) => [number, (at as number) / 512 * sectorSize, (size as number) / 512 * sectorSize, name]));
    expect(table.volumes.filter((volume) => volume.kind === 'metadata').map((volume) => volume.type)).toEqual(['Protective MBR', 'Primary GPT header', 'Primary GPT entries', 'Backup GPT entries', 'Backup GPT header']);
    expect(gpt.probe(new MemoryDevice(image(sectorSize)), false)!.confidence).toBeGreaterThan(90);
  });

  it.each([
    ['its header is damaged', (bytes: Uint8Array) => { bytes[512 + 40]! ^= 1; }, 'The primary GPT is damaged: the header checksum is wrong. The backup table is used.'],
    ['its header is gone', (bytes: Uint8Array) => bytes.fill(0, 512, 1024), 'The primary GPT header is missing. The backup table is used.'],
    ['its entries are damaged', (bytes: Uint8Array) => { bytes[1024 + 40]! ^= 1; }, 'The primary GPT is damaged: the checksum of the partition entries is wrong. The backup table is used.'],
    ['its entries lie outside', (bytes: Uint8Array) => { GptHeader.at(bytes, 512).partition_entry_lba = 1n << 60n; sealGptHeader(bytes, 512); }, 'The primary GPT is damaged: the partition entries lie outside the device or cannot be read. The backup table is used.'],
    ['its entries are too many', (bytes: Uint8Array) => { GptHeader.at(bytes, 512).number_of_partition_entries = 0xffffffff; sealGptHeader(bytes, 512); }, 'The primary GPT is damaged: 4294967295 entries of 128 bytes are not a partition array. The backup table is used.'],
    ['its entries are too short', (bytes: Uint8Array) => { GptHeader.at(bytes, 512).size_of_partition_entry = 64; sealGptHeader(bytes, 512); }, 'The primary GPT is damaged: 128 entries of 64 bytes are not a partition array. The backup table is used.'],
  ])('uses the backup when the primary is no good: %s', async (_, damage, message) => {
    const bytes = image();
    damage(bytes);
    const { table, messages } = await open(bytes);
    expect(messages).toEqual([message]);
    expect(partitions(table)).toEqual(EXPECTED);
    expect(Object.fromEntries(table.details)['Table used']).toBe('backup');
  });

  it('reports a damaged, missing or misplaced backup', async () => {
    const damaged = image();
    damaged[LAST + 40]! ^= 1;
    expect((await open(damaged)).messages).toEqual(['The backup GPT is damaged: the header checksum is wrong. The primary table is used.']);
    const cut = image().subarray(0, SIZE / 2);
    const opened = await open(cut);
    expect(opened.messages[0]).toContain('The backup GPT header is missing');
    expect(partitions(opened.table)).toEqual(EXPECTED);
    const larger = new Uint8Array(2 * SIZE);
    larger.set(image());
    expect((await open(larger)).messages).toEqual([`The backup GPT header is ${SIZE} bytes before the end of the device, not at it.`]);
  });

  it('reports two sound copies that differ', async () => {
    const bytes = image();
    GptHeader.at(bytes, LAST).disk_guid = new Uint8Array(16);
    sealGptHeader(bytes, LAST);
    expect((await open(bytes)).messages).toEqual(['The primary and the backup GPT are sound but differ. The primary table is used.']);
  });

  it('shows what a table with wrong checksums in both copies says, with an error', async () => {
    const bytes = image();
    bytes[512 + 16]! ^= 1;
    bytes[LAST + 16]! ^= 1;
    const { table, messages } = await open(bytes);
    expect(partitions(table)).toEqual(EXPECTED);
    expect(messages).toHaveLength(2);
    expect(gpt.probe(new MemoryDevice(bytes), false)!.confidence).toBeLessThan(70);
  });

  it('is found by its backup when the start of the disk is lost, and by a deep search before a footer', async () => {
    const bytes = image();
    bytes.fill(0, 0, 64 * 512);
    const [match] = await probe(new MemoryDevice(bytes), registry);
    expect(match!.format.id).toBe('gpt');
    const { table, messages } = await open(bytes);
    expect(partitions(table)).toEqual(EXPECTED);
    expect(messages).toEqual(['The primary GPT header is missing. The backup table is used.', 'There is no protective MBR: old systems take the disk for empty.']);
    const withFooter = new Uint8Array(SIZE + 512);
    withFooter.set(bytes);
    const [deep] = await probe(new MemoryDevice(withFooter), registry);
    expect(deep!.format.id).toBe('gpt');
    expect(partitions((await open(withFooter)).table)).toEqual(EXPECTED);
  });

  it('reads past an unreadable first sector', async () => {
    const context = testContext();
    const device = new FaultyDevice(new MemoryDevice(image()), { badRanges: [{ at: 0, length: 1024 }] });
    expect(partitions(await gpt.open(device, context))).toEqual(EXPECTED);
    expect(context.notes.map((note) => note.severity)).toEqual(['error', 'warning']);
  });

  it('wins over its own protective or hybrid MBR, but not over a new MBR', async () => {
    const hybrid = image();
    writeBootRecord(hybrid, 0, [{ type: 0x83, start: 64, size: 64 }, { type: 0xee, start: 1, size: 63 }]);
    expect((await probe(new MemoryDevice(image()), registry)).map((each) => each.format.id)).toEqual(['gpt', 'mbr']);
    expect((await probe(new MemoryDevice(hybrid), registry)).map((each) => each.format.id)).toEqual(['gpt', 'mbr']);
    expect((await open(hybrid)).messages).toEqual(['Hybrid MBR: sector 0 lists partitions of its own (types 0x83) for systems that do not read GPT.']);
    const partitionedAnew = image();
    writeBootRecord(partitionedAnew, 0, [{ type: 0x83, start: 64, size: 1000 }, { type: 0, start: 0, size: 0 }], 0x1234);
    expect((await probe(new MemoryDevice(partitionedAnew), registry)).map((each) => each.format.id)).toEqual(['mbr', 'gpt']);
  });

  it('shows overlapping, outlying and reversed partitions, with notes', async () => {
    const bytes = new Uint8Array(SIZE);
    writeGpt(bytes, [{ first: 64, last: 300 }, { first: 200, last: 400 }, { first: 500, last: 9000 }, { first: 10, last: 20 }, { first: 700, last: 600 }]);
    const { table, messages } = await open(bytes);
    expect(table.volumes.filter((volume) => volume.kind === 'partition').map((volume) => volume.number)).toEqual([4, 1, 2, 3]);
    expect(messages.filter((message) => message.startsWith('Partition'))).toEqual([
      'Partition 5 ends before it begins or lies beyond every device, and is left out (LBA 700 to 600)',
      `Partition 3 reaches ${9001 * 512 - SIZE} bytes past the end of the device`,
      'Partition 4 reaches out of the usable range of the table', 'Partition 2 overlaps partition 1',
    ]);
    const layer = await openLayers(new MemoryDevice(bytes), registry, testContext());
    expect([...layersOf(layer)].filter((each) => each.kind === 'volume' && each.format === 'partition')).toHaveLength(4);
  });

  it('names attributes by the type that they belong to', () => {
    const basicData = 'ebd0a0a2-b9e5-4433-87c0-68b6b72699c7';
    expect(attributeNames(1n | (1n << 60n) | (1n << 62n) | (1n << 63n) | (1n << 7n), basicData, 'Microsoft basic data')).toEqual(['required', 'read-only', 'hidden', 'no automount', 'bit 7']);
    expect(attributeNames((1n << 2n) | (1n << 59n) | (1n << 62n), '', 'Linux root (x86-64)')).toEqual(['legacy BIOS bootable', 'grow filesystem', 'bit 62']);
    expect(attributeNames((1n << 56n) | (6n << 52n) | (2n << 48n), 'fe3a2a5d-4f32-41a7-b725-accc3285a309', 'ChromeOS kernel')).toEqual(['priority 2', '6 tries left', 'successful']);
  });

  it('keeps every unit of a name', () => {
    expect(utf16Text(Uint8Array.of(0x41, 0, 0x3d, 0xd8, 0x00, 0xde, 0x00, 0xdc, 0, 0, 0x42, 0))).toBe('A😀\udc00');
  });
});
