import { describe, expect, it } from 'vitest';
import { LazyOrder } from './lazy-order.ts';

describe('a lazy order', () => {
  it.each([
    ['shuffled', (i: number) => (i * 7919) % 10_007], ['sorted', (i: number) => i], ['reversed', (i: number) => -i], ['all the same', () => 1], ['few values', (i: number) => i % 3],
  ])('is the sorted order in any range, in any sequence of asking: %s', (_, value) => {
    const compare = (a: number, b: number): number => value(a) - value(b) || a - b;
    const expected = Array.from({ length: 10_007 }, (_item, i) => i).toSorted(compare);
    const order = new LazyOrder(expected.length, compare);
    for (const [from, to] of [[0, 50], [9990, 20_000], [5000, 5001], [4000, 6000], [0, 1000], [7, 7], [0, 10_007]] as const) {
      expect([...order.range(from, to)]).toEqual(expected.slice(from, to));
    }
    expect([...order.all()]).toEqual(expected);
    expect([...new LazyOrder(0, compare).range(0, 10)]).toEqual([]);
  });

  it('compares little for the first screen', () => {
    let compared = 0;
    const order = new LazyOrder(100_003, (a, b) => { compared++; return ((a * 7919) % 100_003) - ((b * 7919) % 100_003); });
    order.range(0, 100);
    expect(compared).toBeLessThan(500_000);
  });

  it('picks the first ones out of any order, also the opposite one, and tells places without sorting', () => {
    for (const value of [(i: number) => (i * 7919) % 10_007, (i: number) => i, (i: number) => -i, (i: number) => i % 3]) {
      const compare = (a: number, b: number): number => value(a) - value(b) || a - b;
      const expected = Uint32Array.from({ length: 10_007 }, (_, i) => i).toSorted(compare);
      const order = new LazyOrder(10_007, compare);
      expect([...order.range(0, 100)]).toEqual([...expected.subarray(0, 100)]);
      expect([...order.range(100, 300)]).toEqual([...expected.subarray(100, 300)]);
      expect([...order.range(9000, 9010)]).toEqual([...expected.subarray(9000, 9010)]);
      expect(order.placeOf(expected[4321]!)).toBe(4321);
      expect([...order.all()]).toEqual([...expected]);
    }
  });
});
