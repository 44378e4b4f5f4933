import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { gzip } from '../../engines/containers/gzip/index.ts';
import { MemoryDevice } from '../../engines/core/bytes/memory.ts';
import type { Note } from '../../engines/core/filesystem.ts';
import { layersOf } from '../../engines/core/layer.ts';
import { testContext } from '../../engines/testing/context.ts';
import { gzipCases } from '../../engines/testing/gzip-cases.ts';
import { openImage } from '../session.ts';
import { zlibGunzip } from './gunzip.ts';

const MIB = 1024 * 1024;
/** 512 KiB that become 512 MiB. */
const bomb = gzipSync(Buffer.alloc(512 * MIB));
const folder = mkdtempSync(join(tmpdir(), 'clutch-gunzip-'));
afterAll(() => rmSync(folder, { recursive: true }));

gzipCases("the host's zlib", { gunzip: zlibGunzip });

describe("the host's gunzip", () => {
  it('runs a few MiB ahead of who takes what comes out of a bomb, no further', async () => {
    const stream = zlibGunzip();
    const before = process.memoryUsage().arrayBuffers;
    let size = 0;
    for await (const bytes of stream.push(bomb, true)) {
      if (size === 0) {
        // Long enough for zlib to unpack a hundred MiB.
        await new Promise((resume) => { setTimeout(resume, 500); });
        expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * MIB);
      }
      expect(bytes.length).toBeLessThanOrEqual(MIB);
      size += bytes.length;
    }
    expect(size).toBe(512 * MIB);
    stream.close?.();
  });

  it('stops in the middle of a piece when it is cancelled', async () => {
    const context = { ...testContext(), codecs: { gunzip: zlibGunzip } };
    let at = 0;
    setTimeout(() => {
      at = performance.now();
      context.signal.aborted = true;
    }, 50);
    await expect(gzip.open(new MemoryDevice(bomb), context)).rejects.toMatchObject({ fault: { kind: 'cancelled' } });
    expect(performance.now() - at).toBeLessThan(100);
    expect(context.reports).toEqual([]);
  });

  it.each([['text', Buffer.from('no member at all')], ['one byte', Buffer.of(0x1f)], ['zeros, then a member', Buffer.concat([Buffer.alloc(600_000), gzipSync('x')])]])('ignores a rest of %s after the end, and says so', async (_, rest) => {
    const packed = gzipSync(Buffer.alloc(1000, 'x'));
    const path = join(folder, 'rest.gz');
    writeFileSync(path, Buffer.concat([packed, rest]));
    const notes: Note[] = [];
    const session = await openImage(path, { onNote: (note) => notes.push(note) });
    expect([...layersOf(session.layers)].at(-1)!.device.size).toBe(1000);
    expect(notes).toContainEqual(expect.objectContaining({ severity: 'warning', place: { structure: 'gzip', at: packed.length, length: rest.length } }));
    await session.close();
  });

  it.each([1, 7, 100])('takes input in pieces of %d bytes', async (length) => {
    const text = Buffer.from('some text, '.repeat(300));
    const all = Buffer.concat([gzipSync(text), gzipSync(''), gzipSync(text), Buffer.from('rest')]);
    const stream = zlibGunzip();
    const out: Uint8Array[] = [];
    for (let at = 0; at < all.length; at += length) {
      for await (const bytes of stream.push(all.subarray(at, at + length), at + length >= all.length)) out.push(bytes);
    }
    expect(Buffer.concat(out).equals(Buffer.concat([text, text]))).toBe(true);
    expect(stream.trailing).toBe(4);
  });

  it('refuses unknown flags and endless headers', async () => {
    const flagged = gzipSync('x');
    flagged[3] = 0x80;
    const endless = Buffer.concat([Buffer.of(0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3), Buffer.alloc(3 * MIB, 'n')]);
    for (const bytes of [flagged, endless]) {
      await expect(gzip.open(new MemoryDevice(bytes), { ...testContext(), codecs: { gunzip: zlibGunzip } })).rejects.toMatchObject({ fault: { kind: 'corrupt', place: { structure: 'gzip' } } });
    }
  });
});
