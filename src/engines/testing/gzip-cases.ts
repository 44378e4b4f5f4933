import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { crc32 } from '../codecs/crc32.ts';
import { gzip } from '../containers/gzip/index.ts';
import { readBytes } from '../core/bytes/device.ts';
import { FaultyDevice } from '../core/bytes/faulty.ts';
import { MemoryDevice } from '../core/bytes/memory.ts';
import type { DiskError } from '../core/errors.ts';
import type { Codecs } from '../core/probe.ts';
import { SparseMemory, type TestContext, testContext as contextOf } from './context.ts';
import { SHARED } from './recipes/build.ts';

const data = Buffer.concat([randomBytes(100_000), Buffer.alloc(300_000), Buffer.from('some text, '.repeat(20_000)), Buffer.alloc(5000), randomBytes(10)]);
const packed = gzipSync(data);

async function unpack(bytes: Uint8Array, context: TestContext): Promise<Uint8Array> {
  const { device } = await gzip.open(new MemoryDevice(bytes), context);
  return readBytes(device, 0, device.size);
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** A member with every optional field (RFC 1952 section 2.3). */
function withAllFields(nameLength: number): Buffer {
  const header = Buffer.concat([
    Buffer.from([0x1f, 0x8b, 8, 0x1f, 0x00, 0xf1, 0x53, 0x65, 2, 3]), Buffer.from([4, 0, 0x41, 0x70, 0, 0]),
    Buffer.from(`${'n'.repeat(nameLength)}\0`), Buffer.from('a comment\0'),
  ]);
  const check = Buffer.alloc(2);
  check.writeUInt16LE(crc32(header) & 0xffff);
  return Buffer.concat([header, check, packed.subarray(10)]);
}

const DFVFS = join(SHARED, 'dfvfs');
const there = existsSync(join(DFVFS, 'corrupt1.gz'));
if (!there) console.warn('skipped: the gzip files of dfvfs are not there');

/** What opening a gzip image must do whichever codec unpacks it; the engines' own unless told. */
export function gzipCases(name: string, codecs?: Codecs): void {
  const testContext = (): TestContext => ({ ...contextOf(), ...(codecs && { codecs }) });

  describe(`gzip by ${name}`, () => {
    it('unpacks one member', async () => {
      const context = testContext();
      expect(equal(await unpack(packed, context), data)).toBe(true);
      expect(context.notes).toEqual([]);
      expect(context.reports.at(-1)).toMatchObject({ done: packed.length, total: packed.length, unit: 'bytes' });
    });

    it('unpacks several members, some of them empty, wherever they are cut', async () => {
      const members = Array.from({ length: 400 }, (_, i) => data.subarray(i * 37, i * 37 + (i % 3) * 1000));
      const all = Buffer.concat(members.map((member) => gzipSync(member)));
      const context = testContext();
      expect(equal(await unpack(all, context), Buffer.concat(members))).toBe(true);
      expect(context.notes).toEqual([]);
    });

    it.each([1, 12, 16_370, 16_380, 40_000])('reads all header fields, with a name of %d bytes', async (length) => {
      const bytes = withAllFields(length);
      const opened = await gzip.open(new MemoryDevice(bytes), testContext());
      expect(equal(readBytes(opened.device, 0, opened.device.size), data)).toBe(true);
      expect(Object.fromEntries(opened.details)).toMatchObject({ 'Original name': 'n'.repeat(length), Comment: 'a comment', Modified: '2023-11-14T22:13:20.000Z', 'Packed on': 'Unix' });
      bytes[16] = 0x6d;
      await expect(gzip.open(new MemoryDevice(bytes), testContext())).rejects.toMatchObject({ fault: { kind: 'corrupt' }, message: expect.stringContaining('header checksum') });
    });

    it.each([1, 2, 3, 4, 5, 511, 512, 16_384, 70_000])('tolerates %d zero bytes after the end', async (length) => {
      const context = testContext();
      expect(equal(await unpack(Buffer.concat([packed, Buffer.alloc(length)]), context), data)).toBe(true);
      expect(context.notes).toMatchObject([{ severity: 'warning', place: { structure: 'gzip', at: packed.length, length } }]);
    });

    it('refuses a stream that is cut, wherever, and frees the scratch space', async () => {
      for (const length of [18, 500, 16_384, 32_768, packed.length - 9, packed.length - 8, packed.length - 4, packed.length - 1]) {
        let closed = 0;
        const context = { ...testContext(), scratch: (limit: number) => Object.assign(new SparseMemory(limit, limit), { close: () => { closed++; } }) };
        const error = await gzip.open(new MemoryDevice(packed.subarray(0, length)), context).catch((caught: unknown) => caught as DiskError);
        expect(error).toMatchObject({ name: 'DiskError', fault: { kind: 'corrupt', place: { structure: 'gzip', at: length } } });
        expect(closed).toBe(1);
      }
    });

    it('refuses a wrong checksum, a wrong length and damaged data', async () => {
      for (const at of [packed.length - 8, packed.length - 1, 5000, 60_000]) {
        const bytes = Buffer.from(packed);
        bytes[at]! ^= 0x10;
        await expect(unpack(bytes, testContext())).rejects.toMatchObject({ name: 'DiskError', fault: { kind: 'corrupt', place: { structure: 'gzip' } } });
      }
      const second = Buffer.concat([packed, packed]);
      second[packed.length - 6]! ^= 1;
      await expect(unpack(second, testContext())).rejects.toMatchObject({ fault: { kind: 'corrupt' } });
    });

    it('leaves zeros out of the scratch space', async () => {
      const image = Buffer.alloc(20 * 1024 * 1024);
      image.set(randomBytes(4096), 5 * 1024 * 1024 + 100);
      let scratch: SparseMemory | undefined;
      const context = { ...testContext(), scratch: (limit: number) => (scratch = new SparseMemory(limit, limit)) };
      const { device } = await gzip.open(new MemoryDevice(gzipSync(image)), context);
      expect(device.size).toBe(image.length);
      expect(scratch!.allocated).toBeLessThanOrEqual(64 * 1024);
      expect(equal(readBytes(device, 0, device.size), image)).toBe(true);
    });

    it('passes on a read error as what it is, and stops when it is cancelled', async () => {
      const faulty = new FaultyDevice(new MemoryDevice(packed), { badRanges: [{ at: 70_000, length: 1 }] });
      await expect(gzip.open(faulty, testContext())).rejects.toMatchObject({ fault: { kind: 'io' } });
      const context = testContext();
      context.signal.aborted = true;
      await expect(gzip.open(new MemoryDevice(packed), context)).rejects.toMatchObject({ fault: { kind: 'cancelled' } });
    });
  });

  describe.skipIf(!there)(`gzip files that others made, by ${name}`, () => {
    it('one with a name opens, one that is cut is refused', async () => {
      const opened = await gzip.open(new MemoryDevice(readFileSync(join(DFVFS, 'syslog.gz'))), testContext());
      expect(Object.fromEntries(opened.details)).toMatchObject({ 'Original name': 'syslog.1', 'Packed on': 'Unix' });
      expect(opened.device.size).toBe(1247);
      await expect(gzip.open(new MemoryDevice(readFileSync(join(DFVFS, 'corrupt1.gz'))), testContext())).rejects.toMatchObject({ fault: { kind: 'corrupt', place: { structure: 'gzip' } } });
    });
  });
}
