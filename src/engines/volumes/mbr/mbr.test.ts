import { describe, expect, it } from 'vitest';
import { MemoryDevice } from '../../core/bytes/memory.ts';
import { ioError } from '../../core/errors.ts';
import type { OpenedTable } from '../../core/probe.ts';
import { testContext } from '../../testing/context.ts';
import { layoutProblems } from '../../testing/layouts.ts';
import { type MbrEntry, writeBootRecord } from '../../testing/tables.ts';
import { mbr } from './index.ts';
import { BootRecord, PartitionEntry } from './layout.ts';

const SECTORS = 8192;

function image(entries: readonly MbrEntry[], signature = 0xcafe): Uint8Array {
  const bytes = new Uint8Array(SECTORS * 512);
  writeBootRecord(bytes, 0, entries, signature);
  return bytes;
}

async function open(bytes: Uint8Array): Promise<{ table: OpenedTable; messages: string[] }> {
  const context = testContext();
  const table = await mbr.open(new MemoryDevice(bytes), context);
  return { table, messages: context.notes.map((note) => note.message) };
}

function numbered(table: OpenedTable): unknown[] {
  return table.volumes.filter((volume) => volume.number !== undefined).map((volume) => [volume.number, volume.kind, volume.offset / 512, volume.size / 512]);
}

const confidence = (bytes: Uint8Array): number | undefined => mbr.probe(new MemoryDevice(bytes), false)?.confidence;

const text = (at: number, words: string) => (bytes: Uint8Array): void => { bytes.set(new TextEncoder().encode(words), at); };
const fat = (bytes: Uint8Array): void => { bytes.set([0xeb, 0x3c, 0x90], 0); bytes.set([0, 2, 4, 1, 0, 2, 0, 2, 0, 0, 0xf8], 11); };

describe('mbr', () => {
  it('declares its structures without overlaps', () => {
    expect(layoutProblems(PartitionEntry)).toEqual([]);
    expect(layoutProblems(BootRecord)).toEqual([]);
  });

  it('is sure of a table, and less sure the odder it is', () => {
    const linux = { type: 0x83, start: 64, size: 1000 };
    expect(confidence(image([linux]))).toBe(90);
    expect(confidence(image([]))).toBe(20);
    expect(confidence(image([], 0))).toBeUndefined();
    expect(confidence(image([{ type: 0xee, start: 1, size: SECTORS - 1 }]))).toBe(30);
    expect(confidence(image([{ ...linux, start: 100_000 }]))).toBe(15);
    expect(confidence(image([linux, { ...linux, start: 100_000 }]))).toBe(65);
    const odd = image([linux]);
    odd[446] = 0x12;
    expect(confidence(odd)).toBeUndefined();
    const unsigned = image([linux]);
    unsigned[511] = 0;
    expect(confidence(unsigned)).toBeUndefined();
  });

  it('does not take a filesystem\'s boot sector for a table', () => {
    for (const mark of [text(3, 'NTFS    '), text(3, 'EXFAT   '), text(3, '-FVE-FS-'), fat]) {
      const empty = image([]);
      mark(empty);
      expect(confidence(empty)).toBeUndefined();
      // Boot code that happens to read as entries.
      const full = image([{ type: 0x20, start: 100, size: 5 }, { type: 0x6f, start: 1_000_000, size: 7 }]);
      mark(full);
      expect(confidence(full)).toBe(10);
    }
  });

  it('numbers logical partitions from 5, whatever entry the chain hangs on', async () => {
    const bytes = image([{ type: 5, start: 1000, size: 3000 }, { type: 0x83, start: 64, size: 100, active: true }]);
    writeBootRecord(bytes, 1000 * 512, [{ type: 0x83, start: 8, size: 100 }, { type: 5, start: 500, size: 400 }]);
    writeBootRecord(bytes, 1500 * 512, [{ type: 0x82, start: 8, size: 200 }]);
    const { table, messages } = await open(bytes);
    expect(messages).toEqual([]);
    expect(numbered(table)).toEqual([[2, 'partition', 64, 100], [1, 'extended', 1000, 3000], [5, 'partition', 1008, 100], [6, 'partition', 1508, 200]]);
    expect(table.volumes.map((volume) => volume.uuid).filter((uuid) => uuid !== '')).toEqual(['0000cafe-02', '0000cafe-01', '0000cafe-05', '0000cafe-06']);
    expect(table.volumes.filter((volume) => volume.kind === 'metadata').map((volume) => volume.type)).toEqual(['Master boot record', 'Extended boot record', 'Extended boot record']);
    expect(table.volumes.find((volume) => volume.number === 2)!.flags).toEqual(['active']);
  });

  it('cuts a chain that runs in a circle, or never ends', async () => {
    const circle = image([{ type: 0x0f, start: 1000, size: 3000 }]);
    writeBootRecord(circle, 1000 * 512, [{ type: 0x83, start: 8, size: 10 }, { type: 5, start: 500, size: 400 }]);
    writeBootRecord(circle, 1500 * 512, [{ type: 0x83, start: 8, size: 10 }, { type: 5, start: 0, size: 400 }]);
    const first = await open(circle);
    expect(numbered(first.table)).toHaveLength(3);
    expect(first.messages).toEqual(['The chain of logical partitions runs in a circle; it is cut there']);

    const empty = image([{ type: 5, start: 1000, size: 7000 }]);
    for (let i = 0; i < 500; i++) writeBootRecord(empty, (1000 + i * 10) * 512, [{ type: 0, start: 0, size: 0 }, { type: 5, start: (i + 1) * 10, size: 10 }]);
    const second = await open(empty);
    expect(second.messages).toEqual(['More than 100 extended boot records without a partition; the chain is cut there']);

    const long = image([{ type: 5, start: 1000, size: 7000 }]);
    for (let i = 0; i < 500; i++) writeBootRecord(long, (1000 + i * 10) * 512, [{ type: 0x83, start: 1, size: 5 }, { type: 5, start: (i + 1) * 10, size: 10 }]);
    const third = await open(long);
    expect(third.messages).toEqual(['There are more than 256 partitions; the rest is left out']);
    expect(numbered(third.table)).toHaveLength(253);
  });

  it('notes a chain that leads nowhere', async () => {
    const { table, messages } = await open(image([{ type: 5, start: 1000, size: 3000 }]));
    expect(messages).toEqual(['The chain of logical partitions ends in a sector without a boot record']);
    expect(numbered(table)).toEqual([[1, 'extended', 1000, 3000]]);
  });

  it('shows overlapping and outlying partitions, with notes', async () => {
    const { table, messages } = await open(image([{ type: 0x83, start: 0, size: 100 }, { type: 0x83, start: 50, size: 100 }, { type: 7, start: 8000, size: 0xffffffff }]));
    expect(numbered(table)).toEqual([[1, 'partition', 0, 100], [2, 'partition', 50, 100], [3, 'partition', 8000, 0xffffffff]]);
    expect(messages).toEqual([
      `Partition 3 reaches ${(8000 + 0xffffffff - SECTORS) * 512} bytes past the end of the device`,
      'Partition 1 overlaps the boot record', 'Partition 2 overlaps partition 1',
    ]);
  });

  it('counts in sectors of 4096 bytes where only they lead to the extended boot record', async () => {
    const bytes = image([{ type: 5, start: 100, size: 900 }]);
    writeBootRecord(bytes, 100 * 4096, [{ type: 0x83, start: 1, size: 99 }]);
    const { table } = await open(bytes);
    expect(table.sectorSize).toBe(4096);
    expect(numbered(table)).toEqual([[1, 'extended', 800, 7200], [5, 'partition', 808, 792]]);
  });

  it('does not throw while probing an unreadable or a short device', () => {
    const broken = { size: 4096, blockSize: 512, read() { throw ioError('gone'); }, close() {} };
    expect(mbr.probe(broken, false)).toBeUndefined();
    expect(mbr.probe(new MemoryDevice(new Uint8Array(100)), false)).toBeUndefined();
  });
});
