import { describe, expect, test } from 'vitest';
import type { LayerRow } from '../../shared/contract/rows.ts';
import { IMAGES } from '../testing/images.ts';
import { firstLayer, parentPath, shownTree, volumesOf } from './layers.ts';

describe('layers', () => {
  test('paths nest by slashes', () => {
    expect(parentPath('0/2/0')).toBe('0/2');
    expect(parentPath('0')).toBeUndefined();
  });

  test('an image opens in its only root, at its table, or where the trouble is', () => {
    const first = (name: string): LayerRow | undefined => firstLayer(IMAGES[name]!);
    expect(first('root.ext4')?.path).toBe('0');
    expect(first('disk.img.gz')?.kind).toBe('table');
    expect(first('mystery.bin')?.kind).toBe('unknown');
    expect(first('torn.ext4')?.error?.fault.kind).toBe('corrupt');
  });

  test('the tree shows a partition and what is in it as one, and no free space', () => {
    const [gzip] = shownTree(IMAGES['disk.img.gz']!);
    const table = gzip!.children[0]!;
    expect(gzip!.layer.format).toBe('gzip');
    expect(table.children.map(({ layer, content }) => [layer.volume?.number, content.format])).toEqual([[1, 'fat'], [2, 'ext4'], [3, 'ext4'], [4, 'unknown'], [5, 'empty']]);
  });

  test('volumes stand in order of offset, free space among them', () => {
    expect(volumesOf(IMAGES['disk.img.gz']!, '0/0').map((volume) => volume.volume?.number ?? volume.format)).toEqual(['metadata', 1, 2, 'free', 3, 4, 5]);
  });
});
