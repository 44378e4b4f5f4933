import { describe, expect, test } from 'vitest';
import { BLOCK, RowCache } from './rows.ts';

/** A fetch whose answers come when they are told to. */
function later() {
  const asked: { from: number; count: number; signal: AbortSignal; answer: () => void; fail: (error: unknown) => void }[] = [];
  const fetch = (from: number, count: number, signal: AbortSignal): Promise<number[]> =>
    new Promise((resolve, reject) => {
      asked.push({ from, count, signal, answer: () => resolve(Array.from({ length: count }, (_, i) => from + i)), fail: reject });
    });
  return { asked, fetch };
}

const turn = (): Promise<void> => new Promise((done) => { setTimeout(done, 0); });

describe('the row cache', () => {
  test('asks for whole blocks, once each, and the last one short', () => {
    const { asked, fetch } = later();
    const rows = new RowCache(450, fetch);
    rows.want(0, 10);
    rows.want(5, 30);
    rows.want(0, 450);
    expect(asked.map(({ from, count }) => [from, count])).toEqual([[0, BLOCK], [200, BLOCK], [400, 50]]);
  });

  test('cancels what the window has left, and does not take its answer', async () => {
    const { asked, fetch } = later();
    const rows = new RowCache(100_000, fetch);
    rows.want(0, 40);
    rows.want(50_000, 50_040);
    expect(asked[0]!.signal.aborted).toBe(true);
    asked[0]!.answer();
    asked[1]!.answer();
    await turn();
    expect(rows.get(0)).toBeUndefined();
    expect(rows.get(50_001)).toBe(50_001);
  });

  test('tells its listeners of what came, and not after it is closed', async () => {
    const { asked, fetch } = later();
    const rows = new RowCache(1000, fetch);
    let heard = 0;
    rows.subscribe(() => { heard++; });
    rows.want(0, 10);
    asked[0]!.answer();
    await turn();
    expect(heard).toBe(1);
    expect(rows.version()).toBe(1);
    rows.want(500, 510);
    rows.close();
    asked[1]!.answer();
    await turn();
    expect(heard).toBe(1);
    expect(asked[1]!.signal.aborted).toBe(true);
  });

  test('keeps an error with its rows until it is asked to try again', async () => {
    const { asked, fetch } = later();
    const rows = new RowCache(1000, fetch);
    rows.want(0, 10);
    asked[0]!.fail(new Error('bad block'));
    await turn();
    expect(rows.errorAt(3)).toEqual(new Error('bad block'));
    rows.want(0, 10);
    expect(asked).toHaveLength(1);
    rows.retry();
    rows.want(0, 10);
    expect(asked).toHaveLength(2);
  });

  test('forgets what was seen longest ago', async () => {
    const asked: number[] = [];
    const rows = new RowCache(100_000, (from, count) => {
      asked.push(from);
      return Promise.resolve(Array.from({ length: count }, (_, i) => from + i));
    });
    for (let from = 0; from < 80 * BLOCK; from += BLOCK) {
      rows.want(from, from + 1);
      await turn();
    }
    expect(rows.get(0)).toBeUndefined();
    expect(rows.get(79 * BLOCK)).toBe(79 * BLOCK);
    rows.want(0, 1);
    expect(asked.at(-1)).toBe(0);
  });

  test('begins with the page that came with the listing: its whole blocks', () => {
    const { asked, fetch } = later();
    const numbers = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);
    const rows = new RowCache(450, fetch, { from: 200, rows: numbers(200, 250) });
    expect([rows.get(199), rows.get(200), rows.get(449)]).toEqual([undefined, 200, 449]);
    expect([rows.has(200, 450), rows.has(199, 201), rows.has(440, 9999), rows.has(0, 0)]).toEqual([true, false, true, true]);
    expect([...rows.loaded()]).toEqual(numbers(200, 250));
    rows.want(0, 450);
    expect(asked.map(({ from, count }) => [from, count])).toEqual([[0, BLOCK]]);
    const near = later();
    new RowCache(1000, near.fetch).want(0, 1000, 450);
    expect(near.asked.map(({ from }) => from)).toEqual([400, 200, 600, 0, 800]);
    expect(new RowCache(450, fetch, { from: 100, rows: numbers(100, 299) }).has(200, 201)).toBe(false);
  });

  test('reads long ranges in the host’s portions', async () => {
    const asked: [number, number][] = [];
    const rows = new RowCache(5000, (from, count) => {
      asked.push([from, count]);
      return Promise.resolve(Array.from({ length: count }, (_, i) => from + i));
    });
    expect(await rows.read(10, 2510)).toHaveLength(2500);
    expect(asked).toEqual([[10, 1000], [1010, 1000], [2010, 500]]);
  });
});
