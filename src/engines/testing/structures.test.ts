/** Tables and containers tell what their own bytes are, as the tools that made them do. */
import { closeSync, ftruncateSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { MemoryDevice } from '../core/bytes/memory.ts';
import type { FieldNote, Structure } from '../core/layout/annotate.ts';
import { closeLayers, type Layer } from '../core/layer.ts';
import { openLayers } from '../core/layers.ts';
import { registry } from '../index.ts';
import { testContext } from './context.ts';
import { FileDevice } from './file-device.ts';
import { missingTools, run, scratchFolder } from './tools.ts';

const folder = scratchFolder();
afterAll(() => folder.remove());

const field = (structure: Structure | undefined, name: string): FieldNote | undefined => structure?.fields().find((each) => each.name === name);
const within = (layer: Layer, at: number, length = 1): Structure[] => [...layer.structures!.within(at, length)];

async function withImage(name: string, make: (image: string) => void, look: (layer: Layer, image: string) => void): Promise<void> {
  const image = join(folder.path, name);
  const file = openSync(image, 'w');
  ftruncateSync(file, 64 << 20);
  closeSync(file);
  make(image);
  const device = new FileDevice(image);
  const layer = await openLayers(device, registry, testContext());
  try {
    look(layer, image);
  } finally {
    await closeLayers(layer);
    device.close();
  }
}

const makeGpt = (image: string): void => void run('sgdisk', ['--disk-guid=6a1f4c1e-9b7d-4a52-8f06-1d2c3b4a5e6f', '-n', '1:2048:+8M', '-t', '1:ef00', '-c', '1:boot', '-n', '2:0:0', '-t', '2:8300', '-c', '2:the root', '-A', '2:set:2', image]);
const makeMbr = (image: string): void => void run('sfdisk', ['-q', image], 'label: dos\nlabel-id: 0xc0ffee01\nstart=2048, size=8192, type=83, bootable\nstart=16384, type=5\nstart=18432, size=4096, type=82\nstart=24576, size=4096, type=83\n');

const noGpt = missingTools('sgdisk');
describe.skipIf(noGpt !== undefined)('a GPT', () => {
  it('tells of both copies what sgdisk tells', async () => {
    await withImage('gpt.img', makeGpt, (layer, image) => {
      const info = run('sgdisk', ['-i', '2', image]);
      const told = (label: string): string => new RegExp(`${label}: ([0-9A-F-]+|\\d+)`).exec(info)![1]!;
      const [header] = within(layer, 512);
      expect([header?.name, field(header, 'header_crc32')?.meaning, field(header, 'partition_entry_array_crc32')?.meaning, field(header, 'disk_guid')?.meaning]).toEqual(['GPT header', 'right', 'right', '6a1f4c1e-9b7d-4a52-8f06-1d2c3b4a5e6f']);
      const backup = within(layer, (64 << 20) - 512).at(-1);
      expect([backup?.name, field(backup, 'header_crc32')?.meaning]).toEqual(['backup GPT header', 'right']);
      for (const [at, name] of [[1024 + 128, 'GPT entry 2'], [(64 << 20) - 33 * 512 + 128, 'backup GPT entry 2']] as const) {
        const [entry] = within(layer, at);
        expect(entry).toMatchObject({ name, at, length: 128 });
        expect(field(entry, 'partition_type_guid')?.meaning).toBe('Linux filesystem');
        expect(field(entry, 'unique_partition_guid')?.meaning).toBe(told('Partition unique GUID').toLowerCase());
        expect(field(entry, 'starting_lba')?.value).toBe(told('First sector'));
        expect(field(entry, 'ending_lba')?.value).toBe(told('Last sector'));
        expect(field(entry, 'attributes')?.meaning).toBe('legacy BIOS bootable');
        expect(field(entry, 'partition_name')?.meaning).toBe('"the root"');
      }
      const [protective, first] = within(layer, 446);
      expect([protective?.name, first?.name, field(first, 'os_type')?.meaning]).toEqual(['protective MBR', 'protective MBR entry 1', 'GPT protective']);
      expect([...layer.structures!.landmarks()].map(({ name }) => name)).toEqual(['protective MBR', 'GPT header', 'GPT entries', 'backup GPT header', 'backup GPT entries']);
    });
  });
});

const noMbr = missingTools('sfdisk');
describe.skipIf(noMbr !== undefined)('an MBR', () => {
  it('tells of its entries, and of those of logical partitions', async () => {
    await withImage('mbr.img', makeMbr, (layer) => {
      const [record, first] = within(layer, 446, 16);
      expect([record?.name, field(record, 'unique_mbr_signature')?.value, field(record, 'signature')?.meaning]).toEqual(['master boot record', '0xc0ffee01', 'boot record']);
      expect(first).toMatchObject({ name: 'MBR partition 1', at: 446, length: 16 });
      expect([field(first, 'boot_indicator')?.meaning, field(first, 'os_type')?.meaning, field(first, 'starting_lba')?.meaning, field(first, 'size_in_lba')?.meaning]).toEqual(['active', 'Linux', 'at byte 0x100000', '4 MiB']);
      const extended = within(layer, 16_384 * 512, 512);
      expect(extended.map(({ name }) => name).slice(0, 2)).toEqual(['extended boot record', 'entry 1 of the boot record at sector 16384']);
      // The partition counts from its boot record, the link from the extended partition.
      expect([field(extended[1], 'starting_lba')?.meaning, field(extended[2], 'starting_lba')?.meaning]).toEqual([`at byte 0x${(18_432 * 512).toString(16)}`, `at byte 0x${((24_576 - 2048) * 512).toString(16)}`]);
    });
  });
});

describe('gzip', () => {
  it('tells of its header and the name in it', async () => {
    const packed = gzipSync(Buffer.alloc(4096));
    // FLG FNAME, then the name, behind the ten bytes.
    const named = Buffer.concat([packed.subarray(0, 3), Buffer.of(8), packed.subarray(4, 10), Buffer.from('disk\u202e.img\0'), packed.subarray(10)]);
    const layer = await openLayers(new MemoryDevice(named), registry, testContext());
    const [header, name] = within(layer, 0, 64);
    expect([header?.name, field(header, 'CM')?.meaning, field(header, 'FLG')?.meaning, field(header, 'MTIME')?.meaning]).toEqual(['gzip header', 'deflate', 'name', 'not known']);
    expect(name).toMatchObject({ name: 'original name', at: 10, length: 12, meaning: '"disk\u202e.img"' });
    await closeLayers(layer);
  });
});
