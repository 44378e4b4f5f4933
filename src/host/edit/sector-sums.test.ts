import { describe, expect, it } from 'vitest';
import { random } from '../../engines/testing/fuzz/random.ts';
import { sumSectors } from './sector-sums.ts';

const dice = random(1, 1);
const noise = (length: number): Uint8Array => Uint8Array.from({ length }, () => dice.below(256));

describe('sums of sectors', () => {
  it('are zero for zeros, and for nothing else', () => {
    expect([...sumSectors(new Uint8Array(1024 + 100))]).toEqual([0, 0, 0, 0, 0, 0]);
    const ones = Array.from({ length: 4096 }, (_, bit) => {
      const sector = new Uint8Array(512);
      sector[bit >> 3] = 1 << (bit & 7);
      return sumSectors(sector).join();
    });
    expect([new Set(ones).size, ones.includes('0,0')]).toEqual([4096, false]);
    // Both halves made to come back to zero.
    expect([...sumSectors(new Uint8Array(Uint32Array.from({ length: 128 }, (_, i) => [1, 1, 0x9e3645df, 0x85eac1a0][i] ?? 0).buffer))]).toEqual([0, 1]);
  });

  it('differ wherever one or two bits of a sector do', () => {
    const sector = noise(512);
    const sums = new Set<string>();
    let added = 0;
    const add = (): void => {
      sums.add(sumSectors(sector).join());
      added++;
    };
    add();
    for (let bit = 0; bit < 4096; bit++) {
      sector[bit >> 3]! ^= 1 << (bit & 7);
      add();
      const other = (bit + 1 + dice.below(4095)) % 4096;
      sector[other >> 3]! ^= 1 << (other & 7);
      // Else it may be a pair that was had from its other end.
      if (other > bit) add();
      sector[other >> 3]! ^= 1 << (other & 7);
      sector[bit >> 3]! ^= 1 << (bit & 7);
    }
    expect(sums.size).toBe(added);
    expect(added).toBeGreaterThan(5000);
  });

  it('are those of the bytes, wherever in memory these lie; the end of an image counts with zeros behind it', () => {
    const bytes = noise(3 * 512 + 77);
    const wanted = [...sumSectors(bytes)];
    expect(new Set(wanted).size).toBe(8);
    for (let shift = 1; shift < 8; shift++) {
      const moved = new Uint8Array(bytes.length + shift);
      moved.set(bytes, shift);
      expect([...sumSectors(moved.subarray(shift))]).toEqual(wanted);
    }
    const longer = new Uint8Array(4 * 512);
    longer.set(bytes);
    expect([...sumSectors(longer)]).toEqual(wanted);
    // As they lie in files: never to be changed.
    expect([...sumSectors(Uint8Array.from({ length: 512 }, (_, i) => i & 0xff))].map((word) => (word >>> 0).toString(16))).toEqual(['d5eec0cd', '30319403']);
  });
});
