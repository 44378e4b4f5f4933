import { describe, expect, test } from 'vitest';
import type { SpaceNode } from '../../shared/contract/rows.ts';
import { itemsOf, pathTo, type Rect, squarify, type Tile, treemap } from './treemap.ts';

const area = ({ width, height }: Rect): number => width * height;
const overlap = (a: Rect, b: Rect): number => Math.max(0, Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x)) * Math.max(0, Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y));
const isIn = (inner: Rect, outer: Rect): boolean => inner.x >= outer.x - 1e-6 && inner.y >= outer.y - 1e-6 && inner.x + inner.width <= outer.x + outer.width + 1e-6 && inner.y + inner.height <= outer.y + outer.height + 1e-6;

let next = 1;
const node = (size: number, children?: readonly SpaceNode[], more: Partial<SpaceNode> = {}): SpaceNode => ({ node: next++, name: 'n', display: 'n', type: children === undefined ? 'file' : 'dir', size, files: 1, ...(children === undefined ? {} : { children }), ...more });

describe('squarify', () => {
  test('tiles fill the rectangle, in proportion, without overlap', () => {
    for (const [width, height] of [[600, 400], [90, 1000], [1000, 20]] as const) {
      const sizes = [60, 60, 40, 30, 20, 10, 10, 7, 3, 1, 0.5];
      const sum = sizes.reduce((a, b) => a + b, 0);
      const into = { x: 5, y: 7, width, height };
      const tiles = squarify(sizes, into);
      expect(tiles).toHaveLength(sizes.length);
      tiles.forEach((tile, i) => {
        expect(area(tile)).toBeCloseTo((sizes[i]! / sum) * width * height, 4);
        expect(isIn(tile, into)).toBe(true);
        for (const other of tiles.slice(i + 1)) expect(overlap(tile, other)).toBeLessThan(1e-6);
      });
    }
  });

  test('the paper’s own example has its first rows', () => {
    const [a, b, c, d] = squarify([6, 6, 4, 3, 2, 2, 1], { x: 0, y: 0, width: 6, height: 4 });
    expect([a, b]).toEqual([{ x: 0, y: 0, width: 3, height: 2 }, { x: 0, y: 2, width: 3, height: 2 }]);
    expect(c!.x).toBeCloseTo(3);
    expect(c!.width).toBeCloseTo(12 / 7);
    expect(d!.width).toBeCloseTo(9 / 7);
  });

  test('nothing, one, and sizes far apart', () => {
    expect(squarify([], { x: 0, y: 0, width: 10, height: 10 })).toEqual([]);
    expect(squarify([5], { x: 1, y: 2, width: 10, height: 20 })).toEqual([{ x: 1, y: 2, width: 10, height: 20 }]);
    for (const tile of squarify([2 ** 60, 1, 1], { x: 0, y: 0, width: 100, height: 100 })) {
      for (const value of Object.values(tile)) expect(Number.isFinite(value)).toBe(true);
    }
  });
});

describe('a map of space', () => {
  const tree = node(100, [
    node(60, [node(40), node(15, [node(15)])], { smaller: { count: 9, size: 5 } }),
    node(30),
  ], { smaller: { count: 100, size: 10 } });
  const { top, byKey } = itemsOf(tree);
  const inside = (tiles: readonly Tile[], above: Tile | undefined): Tile[] => tiles.filter((tile) => tile.item.above === (above?.item ?? top));

  test('folders hold what is in them, and what is too small keeps its room', () => {
    const tiles = treemap(top, 600, 400);
    const whole = { x: 0, y: 0, width: 600, height: 400 };
    const check = (above: Tile | undefined): void => {
      for (const tile of inside(tiles, above)) {
        expect(isIn(tile, above ?? whole)).toBe(true);
        if (tile.open) check(tile);
      }
    };
    check(undefined);
    expect(inside(tiles, undefined).reduce((sum, tile) => sum + area(tile), 0)).toBeCloseTo(600 * 400 * 0.9);
    expect(tiles.map(({ depth }) => depth)).toEqual([0, 1, 1, 2, 0]);
    expect(new Set(tiles.map((tile) => tile.top.node.size))).toEqual(new Set([60, 30]));
  });

  test('nothing is drawn where nothing fits', () => {
    expect(treemap(top, 0, 400)).toEqual([]);
    expect(treemap(itemsOf(node(0, [])).top, 600, 400)).toEqual([]);
    expect(treemap(top, 30, 30).every(({ open }) => !open)).toBe(true);
  });

  test('keys are unique and lead to a path', () => {
    const twins = node(10, [node(5, undefined, { node: 7 }), node(5, undefined, { node: 7 })]);
    const { byKey: keys } = itemsOf(twins);
    expect(keys.size).toBe(3);
    const deep = [...byKey.values()].find((item) => item.node.size === 15 && item.node.type === 'file')!;
    expect(pathTo(deep).map((item) => item.node.size)).toEqual([60, 15, 15]);
  });
});
