import { describe, expect, test } from 'vitest';
import type { EntryRow } from '../../shared/contract/rows.ts';
import { SearchRows } from './search-rows.ts';

const row = (name: string): EntryRow => ({ node: 1, name, display: name, type: 'file', size: 0, mtime: 0n, mode: 0, uid: 0, gid: 0, nlink: 1, flags: [] });
const crumb = (node: number, name: string): { node: number; name: string; display: string } => ({ node, name, display: name.toUpperCase() });

describe('rows of a search', () => {
  test('grow at the end, are told of, and stay when their list is closed', async () => {
    const rows = new SearchRows([crumb(2, '')]);
    let told = 0;
    rows.subscribe(() => { told++; });
    rows.add([], [{ row: row('a'), folder: 0 }]);
    rows.close();
    rows.add([], [{ row: row('b'), folder: 0 }]);
    expect([rows.count, told, rows.version()]).toEqual([2, 2, 2]);
    expect(rows.get(1)?.name).toBe('b');
    expect((await rows.read(0, 5)).map(({ name }) => name)).toEqual(['a', 'b']);
  });

  test('know the way to their folders', () => {
    const rows = new SearchRows([crumb(2, ''), crumb(3, 'etc')]);
    const [here, below] = [row('here'), row('below')];
    rows.add([{ ...crumb(4, 'x'), id: 1, above: 0 }, { ...crumb(5, 'y'), id: 2, above: 1 }], [{ row: here, folder: 0 }, { row: below, folder: 2 }]);
    expect(rows.crumbsOf(here).map(({ name }) => name)).toEqual(['', 'etc']);
    expect(rows.crumbsOf(below).map(({ name }) => name)).toEqual(['', 'etc', 'x', 'y']);
    expect(rows.crumbsOf(below).at(-1)).toEqual(crumb(5, 'y'));
    expect([rows.folderPath(here), rows.folderPath(below)]).toEqual(['', 'X/Y']);
  });

  test('of folders in a circle end all the same', () => {
    const rows = new SearchRows([]);
    const lost = row('lost');
    rows.add([{ ...crumb(4, 'x'), id: 1, above: 2 }, { ...crumb(5, 'y'), id: 2, above: 1 }], [{ row: lost, folder: 1 }]);
    expect(rows.crumbsOf(lost).length).toBe(4096);
  });

  test('are found by how their names begin', () => {
    const rows = new SearchRows([]);
    expect(rows.find('a', 0)).toBeUndefined();
    rows.add([], ['Ab', 'b', 'abc'].map((name) => ({ row: row(name), folder: 0 })));
    expect(rows.matching('?b')).toEqual([[0, 1]]);
    expect(rows.matching('ab*')).toEqual([[0, 1], [2, 3]]);
    expect([rows.find('AB', 0), rows.find('ab', 1), rows.find('b', 2), rows.find('x', 0)]).toEqual([0, 2, 1, undefined]);
  });
});
