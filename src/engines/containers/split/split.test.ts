import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConcatDevice } from '../../core/bytes/concat.ts';
import { MemoryDevice } from '../../core/bytes/memory.ts';
import { openLayers } from '../../core/layers.ts';
import { registry } from '../../index.ts';
import { testContext } from '../../testing/context.ts';
import { SHARED } from '../../testing/recipes/build.ts';
import { splitSiblings } from './index.ts';

describe('splitSiblings', () => {
  it.each([
    ['disk.img.001', ['disk.img.003', 'disk.img.001', 'disk.img.002', 'other.001'], ['disk.img.001', 'disk.img.002', 'disk.img.003']],
    ['disk.002', ['disk.000', 'disk.001', 'disk.002'], ['disk.000', 'disk.001', 'disk.002']],
    ['disk.01', ['disk.01', 'disk.02', 'disk.001'], ['disk.01', 'disk.02']],
    ['disk.00001', ['disk.00001', 'disk.00002'], ['disk.00001', 'disk.00002']],
    ['disk.ab', ['disk.aa', 'disk.ab', 'disk.img', 'disk.md'], ['disk.aa', 'disk.ab']],
    ['disk.aaa', ['disk.aab', 'disk.aaa'], ['disk.aaa', 'disk.aab']],
  ])('%s', (name, present, expected) => {
    expect(splitSiblings(name, present)).toEqual(expected);
  });

  it('goes on after 999 and after az', () => {
    const numbers = Array.from({ length: 1002 }, (_, i) => `d.${String(i + 1).padStart(3, '0')}`);
    expect(splitSiblings('d.001', numbers)).toEqual(numbers);
    const letters = Array.from({ length: 30 }, (_, i) => `d.${String.fromCharCode(97 + Math.floor(i / 26), 97 + (i % 26))}`);
    expect(letters[26]).toBe('d.ba');
    expect(splitSiblings('d.ac', letters.toReversed())).toEqual(letters);
  });

  it.each(['disk.img', 'disk', '.001', 'backup.2024', 'disk.1', 'disk.000000000000001'])('%s is no part', (name) => {
    expect(splitSiblings(name, ['disk.img', 'disk.iso', name])).toBeUndefined();
  });

  it('is no set when it is alone', () => {
    expect(splitSiblings('disk.001', ['disk.001'])).toBeUndefined();
  });

  it.each([
    ['disk.001', ['disk.001', 'disk.003'], 'disk.002'],
    ['disk.003', ['disk.002', 'disk.003'], 'disk.001'],
    ['disk.aa', ['disk.aa', 'disk.ac', 'disk.ad'], 'disk.ab'],
  ])('%s: a missing part is named', (name, present, missing) => {
    expect(() => splitSiblings(name, present)).toThrow(expect.objectContaining({ name: 'DiskError', fault: { kind: 'usage', errno: 'ENOENT' }, message: expect.stringContaining(missing) }));
  });
});

const DFVFS = join(SHARED, 'dfvfs');
const there = existsSync(join(DFVFS, 'ext2.splitraw.000'));
if (!there) console.warn('skipped: the split image of dfvfs is not there');

describe.skipIf(!there)('a split image that others made', () => {
  it.each(['ext2.splitraw.000', 'ext2.splitraw.001'])('opens from its part %s', async (name) => {
    const parts = splitSiblings(name, readdirSync(DFVFS));
    expect(parts).toEqual(['ext2.splitraw.000', 'ext2.splitraw.001']);
    const device = new ConcatDevice(parts!.map((part) => new MemoryDevice(readFileSync(join(DFVFS, part)))));
    const layer = await openLayers(device, registry, testContext());
    expect(layer).toMatchObject({ kind: 'filesystem', format: 'ext2', notes: [] });
    expect(layer.error).toBeUndefined();
  });
});
