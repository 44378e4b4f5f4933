import { describe, expect, it } from 'vitest';
import { compareNatural, naturalOrder } from './natural.ts';

const collator = new Intl.Collator('en', { numeric: true });

describe('natural order', () => {
  it('is what people expect', () => {
    const names = ['Zoo', 'a10', 'a2', 'A2', 'b', 'a02', 'ä', 'z', '2', '10', '_x', 'file 9', 'file 10', 'file', '\udcff'];
    expect(names.toSorted(compareNatural)).toEqual(['_x', '2', '10', 'ä', 'a02', 'a2', 'A2', 'a10', 'b', 'file', 'file 9', 'file 10', 'z', 'Zoo', '\udcff']);
  });

  it('is the collator\'s, on every pair of random names', () => {
    let seed = 12345;
    const random = (n: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return Math.floor((seed / 2 ** 32) * n);
    };
    const alphabets = ['ab01', 'aAbB0129._-', Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).join(''), 'aAäÄ\u03080é1ß字\udc80'];
    const wrong: string[] = [];
    for (let i = 0; i < 200_000; i++) {
      const alphabet = alphabets[i % alphabets.length]!;
      const make = (): string => Array.from({ length: random(7) }, () => alphabet[random(alphabet.length)]!).join('');
      const a = make();
      const b = make();
      const expected = collator.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0);
      if (Math.sign(compareNatural(a, b)) !== Math.sign(expected)) wrong.push(JSON.stringify([a, b, expected]));
    }
    expect(wrong).toEqual([]);
  });

  it('is the same with keys, for names that share a beginning, numbers of any length, and names without a key', () => {
    let seed = 99;
    const random = (n: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return Math.floor((seed / 2 ** 32) * n);
    };
    const parts = ['a', 'B', 'b', '0', '00', '7', '10', '123456789', '1'.repeat(70), '-', '_', ' ', '.txt', 'ä', 'a\u0308', '字', '\u0001', '\udc80'];
    for (const start of ['', 'IMG_2024', 'long beginning of every name ', 'x0', 'ä', '1']) {
      const names = Array.from({ length: 300 }, () => start + Array.from({ length: random(6) }, () => parts[random(parts.length)]!).join(''));
      const order = naturalOrder(names);
      const wrong: string[] = [];
      // Keys are made on the way.
      for (let i = 0; i < 20_000; i++) {
        const [a, b] = [random(names.length), random(names.length)];
        if (Math.sign(order(a, b)) !== Math.sign(compareNatural(names[a]!, names[b]!))) wrong.push(JSON.stringify([names[a], names[b]]));
      }
      expect(wrong).toEqual([]);
    }
    expect(naturalOrder([])).toBeTypeOf('function');
  });
});
