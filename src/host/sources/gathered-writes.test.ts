import { describe, expect, it } from 'vitest';
import { GatheredWrites } from './gathered-writes.ts';

const SIZE = 4 * 1024 * 1024;

/** A file that counts its writes, and refuses them while it is full. */
function memoryFile() {
  const file = { bytes: new Uint8Array(SIZE), writes: 0, full: false };
  const gathered = new GatheredWrites((at, from) => {
    if (file.full) throw new Error('full');
    file.bytes.set(from, at);
    file.writes++;
  });
  return { file, gathered };
}

describe('gathered writes', () => {
  it('end as if each were made at once, wherever they go', () => {
    const { file, gathered } = memoryFile();
    const expected = new Uint8Array(SIZE);
    let seed = 1;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    let next = 0;
    for (let i = 0; i < 3000; i++) {
      const length = 1 + random(i % 10 === 0 ? 600 * 1024 : 5000);
      // Most go on where the last one ended, some go back to what was just written.
      const at = random(4) > 0 && next + length <= SIZE ? next : random(SIZE - length);
      const from = new Uint8Array(length).fill(i % 251);
      gathered.write(at, from);
      expected.set(from, at);
      next = random(8) === 0 ? at : at + length;
      if (i % 7 !== 0) continue;
      const [place, count] = [random(SIZE - 1000), 1000];
      gathered.settle(place, count);
      expect(Buffer.compare(file.bytes.subarray(place, place + count), expected.subarray(place, place + count))).toBe(0);
    }
    gathered.flush();
    expect(Buffer.compare(file.bytes, expected)).toBe(0);
  });

  it('are one where they follow one another, and nothing is kept of the bytes that were given', () => {
    const { file, gathered } = memoryFile();
    const bytes = new Uint8Array(4096);
    for (let i = 0; i < 100; i++) gathered.write(i * 4096, bytes.fill(i));
    expect(file.writes).toBe(0);
    gathered.flush();
    expect(file.writes).toBe(1);
    expect(Array.from({ length: 100 }, (_, i) => file.bytes[i * 4096 + 4095])).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  it('lose nothing to a full disk', () => {
    const { file, gathered } = memoryFile();
    gathered.write(0, new Uint8Array(10).fill(1));
    file.full = true;
    expect(() => gathered.write(1000, new Uint8Array(10).fill(2))).toThrow('full');
    expect(() => gathered.settle(5, 1)).toThrow('full');
    file.full = false;
    gathered.settle(5, 1);
    expect(file.bytes[9]).toBe(1);
    expect(file.bytes[1000]).toBe(0);
  });
});

describe('gathered writes that wait', () => {
  it('are read as far as they are held', () => {
    const { gathered } = memoryFile();
    gathered.write(100, new Uint8Array(50).fill(1));
    const into = new Uint8Array(100);
    expect(gathered.read(120, into)).toEqual({ from: 0, to: 30 });
    expect([...into.subarray(0, 31)]).toEqual([...Array<number>(30).fill(1), 0]);
    expect(gathered.read(60, into)).toEqual({ from: 40, to: 90 });
    expect(gathered.read(0, into)).toBeUndefined();
    expect(gathered.read(150, into)).toBeUndefined();
  });

  it('stand in nobody\'s way when none of them is wanted any more', () => {
    const { file, gathered } = memoryFile();
    gathered.write(0, new Uint8Array(200).fill(1));
    file.full = true;
    expect(() => gathered.flush()).toThrow('full');
    gathered.forget(0, 100);
    expect(() => gathered.flush()).toThrow('full');
    gathered.forget(100, 100);
    gathered.flush();
    file.full = false;
    gathered.write(0, new Uint8Array(10).fill(2));
    gathered.flush();
    expect([...file.bytes.subarray(0, 12)]).toEqual([...Array<number>(10).fill(2), 0, 0]);
  });
});
