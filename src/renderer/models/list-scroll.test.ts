import { describe, expect, test } from 'vitest';
import { clampTop, isScaled, lastTop, rowsAt, scrollAt, scrolledHeight, TALLEST, topAt, topShowing, wheelPixels } from './list-scroll.ts';

const ROW = 24;
const short = { content: 100_000 * ROW, viewport: 600 };
const long = { content: 10_000_000 * ROW, viewport: 600 };

describe('scrolling a long list', () => {
  test('a pixel is a pixel up to the limit', () => {
    expect(isScaled(short)).toBe(false);
    expect(scrolledHeight(short)).toBe(2_400_000);
    for (const at of [0, 1, 4711.5, lastTop(short)]) {
      expect(topAt(short, at)).toBe(at);
      expect(scrollAt(short, at)).toBe(at);
    }
  });

  test('beyond it the bar is a scale whose ends are the list’s ends, and every row has a position', () => {
    expect(isScaled(long)).toBe(true);
    expect(scrolledHeight(long)).toBe(TALLEST);
    expect(topAt(long, 0)).toBe(0);
    expect(topAt(long, TALLEST - 600)).toBe(lastTop(long));
    expect(topAt(long, TALLEST)).toBe(lastTop(long));
    let before = -1;
    for (let index = 0; index < 10_000_000; index += 99_991) {
      const scroll = scrollAt(long, index * ROW);
      expect(scroll).toBeGreaterThan(before);
      expect(scroll).toBeLessThanOrEqual(TALLEST - 600);
      expect(topAt(long, scroll)).toBeCloseTo(index * ROW, 3);
      before = scroll;
    }
  });

  test('rows in the window, also those cut at its edges, and never more than there are', () => {
    expect(rowsAt(short, 0, ROW, 100_000)).toEqual([0, 25]);
    expect(rowsAt(short, 12, ROW, 100_000)).toEqual([0, 26]);
    expect(rowsAt(short, lastTop(short), ROW, 100_000)).toEqual([99_975, 100_000]);
    expect(rowsAt(short, 1e9, ROW, 100_000)).toEqual([100_000, 100_000]);
    expect(rowsAt(short, 0, ROW, 0)).toEqual([0, 0]);
    expect(rowsAt(long, lastTop(long), ROW, 10_000_000)).toEqual([9_999_975, 10_000_000]);
  });

  test('shows a row by the shortest way, or in the middle', () => {
    expect(topShowing(short, 240, 15, ROW)).toBe(240);
    expect(topShowing(short, 240, 9, ROW)).toBe(216);
    expect(topShowing(short, 0, 25, ROW)).toBe(24);
    expect(topShowing(short, 0, 1000, ROW, true)).toBe(1000 * ROW - 288);
    expect(topShowing(short, 5000, 0, ROW, true)).toBe(0);
    expect(topShowing(long, 0, 9_999_999, ROW)).toBe(lastTop(long));
    expect(clampTop({ content: 100, viewport: 600 }, 50)).toBe(0);
  });

  test('a wheel turns by pixels, lines or pages', () => {
    expect([wheelPixels(100, 0, ROW, 600), wheelPixels(3, 1, ROW, 600), wheelPixels(-1, 2, ROW, 600)]).toEqual([100, 72, -600]);
  });
});
