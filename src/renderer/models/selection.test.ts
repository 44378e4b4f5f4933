import { describe, expect, test } from 'vitest';
import { complement, countOf, hasIndex, NO_RANGES, onlyIndex, type Ranges, span, subtract, toggleIndex, union } from './ranges.ts';
import { banded, clamped, cleared, everything, extended, focused, inverted, moved, NOTHING_SELECTED, only, toggled } from './selection.ts';

const setOf = (ranges: Ranges): number[] => ranges.flatMap(([from, to]) => Array.from({ length: to - from }, (_, i) => from + i));

/** A small generator with a fixed seed (mulberry32), so that a failure repeats. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe('ranges', () => {
  test('behave as sets do, over random operations', () => {
    const next = random(7);
    let ranges: Ranges = NO_RANGES;
    let model = new Set<number>();
    for (let step = 0; step < 2000; step++) {
      const from = Math.floor(next() * 60);
      const to = from + Math.floor(next() * 12);
      const numbers = Array.from({ length: to - from }, (_, i) => from + i);
      const kind = Math.floor(next() * 4);
      if (kind === 0) {
        ranges = union(ranges, span(from, to));
        for (const each of numbers) model.add(each);
      } else if (kind === 1) {
        ranges = subtract(ranges, span(from, to));
        for (const each of numbers) model.delete(each);
      } else if (kind === 2) {
        ranges = toggleIndex(ranges, from);
        if (!model.delete(from)) model.add(from);
      } else {
        const before = model;
        model = new Set(Array.from({ length: 80 }, (_, i) => i).filter((each) => !before.has(each)));
        ranges = complement(ranges, 80);
      }
      expect(setOf(ranges)).toEqual([...model].toSorted((a, b) => a - b));
      expect(countOf(ranges)).toBe(model.size);
      expect(hasIndex(ranges, from)).toBe(model.has(from));
      // Sorted, disjoint, never touching: one set has one form.
      for (let i = 1; i < ranges.length; i++) expect(ranges[i]![0]).toBeGreaterThan(ranges[i - 1]![1]);
    }
  });

  test('know the only index', () => {
    expect(onlyIndex(span(4, 5))).toBe(4);
    expect(onlyIndex(span(4, 6))).toBeUndefined();
    expect(onlyIndex(NO_RANGES)).toBeUndefined();
  });
});

describe('selection', () => {
  test('Shift extends from the anchor, whichever way and however often', () => {
    const start = only(10);
    const down = extended(start, 13);
    expect(setOf(down.ranges)).toEqual([10, 11, 12, 13]);
    const up = extended(down, 8);
    expect(setOf(up.ranges)).toEqual([8, 9, 10]);
    expect(up.anchor).toBe(10);
    expect(up.focus).toBe(8);
  });

  test('Ctrl adds and removes, and moves the anchor', () => {
    const two = toggled(only(3), 7);
    expect(setOf(two.ranges)).toEqual([3, 7]);
    expect(setOf(toggled(two, 3).ranges)).toEqual([7]);
    expect(setOf(extended(two, 9, true).ranges)).toEqual([3, 7, 8, 9]);
  });

  test('Ctrl+arrow moves the keyboard alone; Shift then extends from the anchor', () => {
    const away = focused(only(2), 5);
    expect(setOf(away.ranges)).toEqual([2]);
    expect(setOf(extended(away, 6).ranges)).toEqual([2, 3, 4, 5, 6]);
  });

  test('Shift without any anchor begins at the first row', () => {
    expect(setOf(extended(NOTHING_SELECTED, 2).ranges)).toEqual([0, 1, 2]);
  });

  test('everything, nothing, the rest', () => {
    expect(countOf(everything(only(5), 1_000_000).ranges)).toBe(1_000_000);
    expect(everything(NOTHING_SELECTED, 3).focus).toBe(0);
    expect(setOf(inverted(only(1), 4).ranges)).toEqual([0, 2, 3]);
    expect(cleared(only(1))).toMatchObject({ ranges: NO_RANGES, focus: 1 });
  });

  test('the band selects what it covers, and flips with Ctrl', () => {
    expect(setOf(banded(NOTHING_SELECTED, 2, 5, false).ranges)).toEqual([2, 3, 4]);
    expect(setOf(banded(only(3), 2, 5, true).ranges)).toEqual([2, 4]);
  });

  test('a shorter listing cuts it', () => {
    expect(clamped(everything(only(9), 10), 4)).toEqual({ ranges: [[0, 4]], focus: 3, anchor: 3 });
    expect(clamped(only(9), 0)).toEqual({ ranges: [], focus: -1, anchor: -1 });
  });

  test.each([
    [-1, 'ArrowDown', 0], [-1, 'ArrowUp', 99], [0, 'ArrowUp', 0], [99, 'ArrowDown', 99], [50, 'PageDown', 59], [50, 'PageUp', 41], [95, 'PageDown', 99], [50, 'Home', 0], [50, 'End', 99], [-1, 'PageDown', 9],
  ] as const)('from row %i, %s goes to %i', (from, key, to) => {
    expect(moved(from, key, 100, 10)).toBe(to);
  });

  test('no key goes anywhere in an empty folder', () => {
    expect(moved(-1, 'End', 0, 10)).toBe(-1);
  });

  test('Ctrl+Shift adds a range that grows and shrinks, and leaves the rest', () => {
    const start = toggled(only(2), 10);
    const wide = extended(start, 14, true);
    expect(setOf(wide.ranges)).toEqual([2, 10, 11, 12, 13, 14]);
    expect(setOf(extended(wide, 11, true).ranges)).toEqual([2, 10, 11]);
    expect(setOf(extended(wide, 9, true).ranges)).toEqual([2, 9, 10]);
    expect(setOf(extended(wide, 11).ranges)).toEqual([10, 11]);
    // What was added counts as selected before, once something else was done.
    expect(setOf(extended(toggled(wide, 20), 21, true).ranges)).toEqual([2, 10, 11, 12, 13, 14, 20, 21]);
  });

  test('is a plain set with a focus and an anchor, over random sequences', () => {
    const COUNT = 40;
    for (let seed = 1; seed <= 40; seed++) {
      const next = random(seed);
      const pick = (): number => Math.floor(next() * COUNT);
      let real = NOTHING_SELECTED;
      let chosen = new Set<number>();
      let focus = -1;
      let anchor = -1;
      let base: Set<number> | undefined;
      const between = (a: number, b: number): number[] => Array.from({ length: Math.abs(a - b) + 1 }, (_, i) => Math.min(a, b) + i);
      for (let step = 0; step < 100; step++) {
        const at = pick();
        const kind = Math.floor(next() * 9);
        if (kind === 0) {
          real = only(at);
          chosen = new Set([at]);
          focus = anchor = at;
        } else if (kind === 1) {
          real = toggled(real, at);
          if (!chosen.delete(at)) chosen.add(at);
          focus = anchor = at;
        } else if (kind === 2 || kind === 3) {
          real = extended(real, at, kind === 3);
          if (anchor < 0) anchor = Math.max(focus, 0);
          base ??= new Set(chosen);
          chosen = new Set([...(kind === 3 ? base : []), ...between(anchor, at)]);
          focus = at;
        } else if (kind === 4) {
          real = focused(real, at);
          focus = at;
        } else if (kind === 5) {
          real = everything(real, COUNT);
          chosen = new Set(between(0, COUNT - 1));
          focus = Math.max(focus, 0);
        } else if (kind === 6) {
          real = inverted(real, COUNT);
          const before = chosen;
          chosen = new Set(between(0, COUNT - 1).filter((each) => !before.has(each)));
        } else if (kind === 7) {
          real = cleared(real);
          chosen = new Set();
        } else {
          const to = Math.min(COUNT, at + Math.floor(next() * 6));
          real = banded(real, at, to, true);
          for (let each = at; each < to; each++) if (!chosen.delete(each)) chosen.add(each);
          if (at < to) [focus, anchor] = [to - 1, at];
        }
        if (kind !== 3) base = undefined;
        expect({ set: setOf(real.ranges), focus: real.focus, anchor: real.anchor }, `seed ${seed}, step ${step}`).toEqual({ set: [...chosen].toSorted((a, b) => a - b), focus, anchor });
        expect(countOf(real.ranges)).toBe(chosen.size);
      }
    }
  });
});
