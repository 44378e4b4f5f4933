import { describe, expect, it } from 'vitest';
import type { BlockDevice } from './bytes/device.ts';
import { MemoryDevice } from './bytes/memory.ts';
import { ioError } from './errors.ts';
import { guess } from './guesses.ts';
import { SIGNATURES } from './signatures.ts';

/** A device on which one magic lies in one of its places, and nothing else does. */
function deviceWith(bytes: readonly number[], at: number): MemoryDevice {
  const size = Math.max(at, 0) + bytes.length + 128 * 1024;
  const all = new Uint8Array(size - (size % 4096));
  all.set(bytes, at < 0 ? all.length + at : at);
  return new MemoryDevice(all);
}

describe('signatures', () => {
  it('have ids of their own, and magics of two bytes at least', () => {
    expect(new Set(SIGNATURES.map(({ id }) => id)).size).toBe(SIGNATURES.length);
    for (const { magics } of SIGNATURES) for (const { bytes } of magics) expect(bytes.length).toBeGreaterThan(1);
  });

  it.each(SIGNATURES.map((signature) => [signature.name, signature] as const))('%s is known in each of its places', (_name, { id, magics }) => {
    for (const magic of magics) {
      const size = 256 * 1024;
      for (const at of magic.at(size).slice(0, 4)) {
        const device = deviceWith(magic.bytes, at);
        const places = magic.at(device.size);
        // Places that depend on the size lie elsewhere on this device.
        if (!places.includes(at)) continue;
        expect(guess(device).map((each) => each.id)).toContain(id);
      }
    }
  });
});

describe('guesses', () => {
  it('are ranked by how long the magic is, and say where it was seen', () => {
    const bytes = new Uint8Array(16_384);
    bytes.set([0x4d, 0x5a], 0);
    bytes.set([...'NTFS    '].map((char) => char.charCodeAt(0)), 3);
    expect(guess(new MemoryDevice(bytes))).toEqual([
      { id: 'ntfs', name: 'NTFS', kind: 'filesystem', confidence: 90, evidence: ['“NTFS” at 0x3'] },
      { id: 'pe', name: 'Windows or DOS program', kind: 'file', confidence: 25, evidence: ['“MZ” at 0x0'] },
    ]);
    expect(guess(new MemoryDevice(bytes), new Set(['ntfs'])).map(({ id }) => id)).toEqual(['pe']);
  });

  it('tell text, and what looks encrypted, from the rest', () => {
    let seed = 1;
    const random = Uint8Array.from({ length: 65_536 }, () => { seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0; return seed >>> 16; });
    expect(guess(new MemoryDevice(new TextEncoder().encode('Dear grandmother,\n'.repeat(20))))[0]).toMatchObject({ id: 'text' });
    expect(guess(new MemoryDevice(random))[0]).toMatchObject({ id: 'random', evidence: [expect.stringContaining('bits a byte')] });
    expect(guess(new MemoryDevice(Uint8Array.from({ length: 65_536 }, (_, i) => i % 7)))).toEqual([]);
  });

  it('survive devices that are short, or cannot be read', () => {
    expect(guess(new MemoryDevice(new Uint8Array(0)))).toEqual([]);
    expect(guess(new MemoryDevice(new Uint8Array(1)))).toEqual([]);
    const broken: BlockDevice = { size: 1 << 20, blockSize: 512, read() { throw ioError('gone'); }, close() {} };
    expect(guess(broken)).toEqual([]);
  });
});

describe('what stands around a short magic', () => {
  const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer);

  it('makes a guess of two bytes one to count on', () => {
    const bytes = new Uint8Array(65_536);
    const minix = view(bytes);
    minix.setUint16(0x410, 0x138f, true);
    expect(guess(new MemoryDevice(bytes))).toMatchObject([{ id: 'minix', confidence: 25 }]);
    for (const [at, value] of [[0, 1000], [2, 5000], [4, 1], [6, 1], [8, 40], [10, 0]] as const) minix.setUint16(0x400 + at, value, true);
    expect(guess(new MemoryDevice(bytes))).toMatchObject([{ id: 'minix', confidence: 70, evidence: ['8F 13 at 0x410', 'what stands around it fits'] }]);
  });

  it('tells formats that have no magic at all', () => {
    const bytes = new Uint8Array(65_536);
    const v7 = view(bytes);
    v7.setUint16(512, 4, true);
    v7.setUint16(514, 0, true);
    v7.setUint16(516, 500, true);
    v7.setUint16(1024 + 64, 0o40755, true);
    v7.setUint16(1024 + 74, 32, true);
    expect(guess(new MemoryDevice(bytes))).toMatchObject([{ id: 'v7', confidence: 70, evidence: ['its counts and checksums fit, though it has no magic'] }]);
    v7.setUint16(1024 + 64, 0o100755, true);
    expect(guess(new MemoryDevice(bytes))).toEqual([]);
  });
});
