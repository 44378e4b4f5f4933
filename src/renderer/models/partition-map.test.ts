import { describe, expect, test } from 'vitest';
import type { LayerRow } from '../../shared/contract/rows.ts';
import { IMAGES } from '../testing/images.ts';
import { partitionMap, sharesOf } from './partition-map.ts';

const sum = (shares: readonly number[]): number => shares.reduce((total, share) => total + share, 0);
const strips = (name: string) => {
  const info = IMAGES[name]!;
  return partitionMap(info, info.layers.find((layer) => layer.kind === 'table')!, 0.02);
};

describe('shares', () => {
  test('are to scale, but none too thin to hit', () => {
    const shares = sharesOf([1000, 1, 3000], 0.02);
    expect(shares[1]).toBe(0.02);
    expect(shares[2]! / shares[0]!).toBeCloseTo(3);
    expect(sum(shares)).toBeCloseTo(1);
  });

  test('stay whole when raising some brings others below the least', () => {
    const shares = sharesOf([...Array.from({ length: 30 }, () => 1), 21, 1000], 0.02);
    expect(Math.min(...shares)).toBeCloseTo(0.02);
    expect(sum(shares)).toBeCloseTo(1);
  });

  test.each([[[0, 0]], [[5]], [[0]], [[]], [Array.from({ length: 500 }, (_, i) => i % 3)], [[0, 0, 7]]])('of %j are sound', (sizes: number[]) => {
    const shares = sharesOf(sizes, 0.02);
    expect(shares).toHaveLength(sizes.length);
    expect(shares.every((share) => share > 0 && share <= 1)).toBe(true);
    if (sizes.length > 0) expect(sum(shares)).toBeCloseTo(1);
  });
});

describe('the map', () => {
  test('shows the parts of a table that touch as one', () => {
    const info = IMAGES['disk.img.gz']!;
    const table = info.layers.find((layer) => layer.kind === 'table')!;
    const first = info.layers.find((layer) => layer.volume?.kind === 'metadata')!;
    const split = [512, 512, 16_384].map((size, i) => ({ ...first, path: `${table.path}/${2000 + i}`, offset: [0, 512, 1024][i]!, size }));
    const [strip] = partitionMap({ ...info, layers: info.layers.flatMap((layer) => (layer === first ? split : [layer])) }, table, 0.02);
    expect(strip!.slices.filter(({ kind }) => kind === 'metadata').map(({ volume }) => [volume.path, volume.size])).toEqual([[split[0]!.path, 17_408]]);
  });

  test('shows tables, gaps and volumes in their order, with what is used of them', () => {
    const [strip, ...others] = strips('disk.img.gz');
    expect(others).toEqual([]);
    expect(strip!.slices.map(({ kind, hue, volume }) => [kind, hue, volume.volume?.number])).toEqual([
      ['metadata', -1, undefined], ['partition', 0, 1], ['partition', 1, 2], ['free', -1, undefined], ['partition', 2, 3], ['partition', 3, 4], ['partition', 4, 5],
    ]);
    expect(strip!.slices.map(({ used }) => (used === undefined ? undefined : Math.round(used * 100)))).toEqual([undefined, undefined, 98, undefined, 90, undefined, undefined]);
    expect(strip!.slices.every(({ fault }) => fault === undefined)).toBe(true);
  });

  test('has a strip for an extended partition, and one for a table in a volume', () => {
    const all = strips('nested.img');
    expect(all.map(({ table, inside, slices }) => [table.path, inside?.path, slices.map(({ volume }) => volume.volume?.number ?? volume.volume?.kind)])).toEqual([
      ['0', undefined, ['metadata', 1, 2, 3, 'free']],
      ['0', '0/2', [5, 'free', 6]],
      ['0/3/0', '0/3', ['metadata', 1, 'free']],
    ]);
    for (const { slices } of all) expect(sum(slices.map(({ share }) => share))).toBeCloseTo(1);
  });

  test('marks what overlaps and what lies outside, and draws a bounded number', () => {
    const [strip] = strips('hostile-table.img');
    const faults = strip!.slices.map(({ volume, fault }) => [volume.volume?.number, fault] as const);
    expect(faults.find(([number]) => number === 1)![1]).toBeUndefined();
    expect(faults.find(([number]) => number === 2)![1]).toBe('overlaps');
    expect(faults.find(([number]) => number === 3)![1]).toBe('outside');
    expect(sum(strip!.slices.map(({ share }) => share))).toBeCloseTo(1);
    const info = IMAGES['hostile-table.img']!;
    const many: LayerRow[] = Array.from({ length: 4000 }, (_, i) => ({ ...info.layers[1]!, path: `0/${i + 1}` }));
    const [crowded] = partitionMap({ ...info, layers: [info.layers[0]!, ...many] }, info.layers[0]!, 0.02);
    expect([crowded!.slices.length, crowded!.left]).toEqual([96, 3904]);
  });

  test('ends where tables hold one another', () => {
    const info = IMAGES['nested.img']!;
    const [table] = info.layers;
    const layers: LayerRow[] = [table!];
    let path = '0';
    for (let depth = 0; depth < 30; depth++) {
      layers.push({ ...info.layers[2]!, path: `${path}/1` }, { ...table!, path: `${path}/1/0` });
      path = `${path}/1/0`;
    }
    expect(partitionMap({ ...info, layers }, table!, 0.02)).toHaveLength(6);
  });
});
