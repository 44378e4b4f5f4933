import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readBytes } from '../../core/bytes/device.ts';
import { MemoryDevice } from '../../core/bytes/memory.ts';
import { layersOf } from '../../core/layer.ts';
import { openLayers } from '../../core/layers.ts';
import { registry } from '../../index.ts';
import { testContext } from '../../testing/context.ts';
import { gzipCases } from '../../testing/gzip-cases.ts';
import { gzip } from './index.ts';

const packed = gzipSync(Buffer.concat([randomBytes(100_000), Buffer.alloc(300_000)]));

gzipCases("the engines' own codec");

describe('gzip', () => {
  it('uses the faster codec that the host has', async () => {
    let pushed = 0;
    const codecs = { gunzip: () => ({ push: (chunk: Uint8Array, last: boolean) => { pushed += chunk.length; return last ? [Uint8Array.of(1, 2, 3)] : []; } }) };
    const { device } = await gzip.open(new MemoryDevice(packed), { ...testContext(), codecs });
    expect([...readBytes(device, 0, device.size)]).toEqual([1, 2, 3]);
    expect(pushed).toBe(packed.length);
  });

  it('is a container whatever is in it', async () => {
    const layer = await openLayers(new MemoryDevice(packed), registry, testContext());
    expect([...layersOf(layer)].map((each) => `${each.kind} ${each.format}`)).toEqual(['container gzip', 'unknown unknown']);
  });

  it('matches neither other methods, nor reserved flags, nor ten bytes alone', () => {
    const bytes = Buffer.from(packed.subarray(0, 100));
    const probe = (change: (copy: Buffer) => Buffer): unknown => gzip.probe(new MemoryDevice(change(Buffer.from(bytes))), false);
    expect(probe((copy) => copy)).toMatchObject({ confidence: 90 });
    expect(probe((copy) => { copy[2] = 7; return copy; })).toBeUndefined();
    expect(probe((copy) => { copy[3] = 0x20; return copy; })).toBeUndefined();
    expect(probe((copy) => copy.subarray(0, 10))).toBeUndefined();
  });
});
