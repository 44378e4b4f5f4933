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
