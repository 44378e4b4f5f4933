import { describe, expect, test } from 'vitest';
import type { Matrix } from '../../shared/contract/guests.ts';
import { movedCell, shownRows } from './guests.ts';

const cell = (support: Matrix['rows'][number]['cells'][number]['support']) => ({ support, reason: '', proofs: [] });
const matrix: Matrix = {
  columns: [{ id: 'native', title: 'Clutch', missing: '' }, { id: 'guest:a', title: 'A', missing: '' }],
  rows: [
    { format: 'ext4', title: 'ext4', cells: [cell('read-write'), cell('read-write')] },
    { format: 'xfs', title: 'XFS', cells: [cell('none'), cell('read-write')] },
    { format: 'zfs', title: 'ZFS', cells: [cell('none'), cell('unbuilt')] },
    { format: 'chfs', title: 'CHFS', cells: [cell('none'), cell('none')] },
    { format: 'minix', title: 'Minix, big-endian', cells: [cell('none'), cell('known-bad')] },
  ],
};
const formats = (query: string, filter: 'all' | 'guests' | 'none') => shownRows(matrix, query, filter).map(({ format }) => format);

describe('the rows of the matrix', () => {
  test('are found by the words of their names, in any order', () => {
    expect(formats('', 'all')).toEqual(['ext4', 'xfs', 'zfs', 'chfs', 'minix']);
    expect(formats('FS', 'all')).toEqual(['xfs', 'zfs', 'chfs']);
    expect(formats('endian minix', 'all')).toEqual(['minix']);
    expect(formats('nothing', 'all')).toEqual([]);
  });

  test('are those that guests alone open, built or not, or those that nothing opens as it is', () => {
    expect(formats('', 'guests')).toEqual(['xfs', 'zfs']);
    expect(formats('', 'none')).toEqual(['zfs', 'chfs', 'minix']);
  });
});

describe('keys in a grid', () => {
  const size = { rows: 5, columns: 2 };
  const go = (row: number, column: number, key: string, ctrl = false, rtl = false) => movedCell({ row, column }, { key, ctrl }, size, 3, rtl);
  test('stay inside, heads included', () => {
    expect(go(0, 0, 'ArrowUp')).toEqual({ row: 0, column: 0 });
    expect(go(5, 2, 'ArrowDown')).toEqual({ row: 5, column: 2 });
    expect(go(4, 1, 'PageDown')).toEqual({ row: 5, column: 1 });
    expect(go(2, 1, 'PageUp')).toEqual({ row: 0, column: 1 });
    expect(go(2, 1, 'End')).toEqual({ row: 2, column: 2 });
    expect(go(2, 1, 'Home', true)).toEqual({ row: 0, column: 0 });
    expect(go(2, 1, 'End', true)).toEqual({ row: 5, column: 2 });
    expect(go(2, 1, 'a')).toBeUndefined();
  });
  test('go by where the columns are', () => {
    expect(go(1, 1, 'ArrowRight')).toEqual({ row: 1, column: 2 });
    expect(go(1, 1, 'ArrowRight', false, true)).toEqual({ row: 1, column: 0 });
  });
});
