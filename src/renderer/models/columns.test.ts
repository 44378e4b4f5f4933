import { describe, expect, test } from 'vitest';
import { COLUMNS, columnsIn, movedColumn, shownColumns, toggledColumn, widthOf } from './columns.ts';

const usual = ['name', 'size', 'mtime', 'type', 'mode', 'owner', 'group'];

describe('the columns of a list', () => {
  test('are the usual ones until somebody chooses; unknown ones and doubles are left out, the name never', () => {
    expect(shownColumns(undefined)).toEqual(usual);
    expect(shownColumns({ widths: { name: 300 } })).toEqual(usual);
    expect(shownColumns({ shown: ['inode', 'colour', 'size', 'inode'], widths: {} })).toEqual(['name', 'inode', 'size']);
    expect(shownColumns({ shown: ['size', 'name'], widths: {} })).toEqual(['size', 'name']);
  });

  test('give way in a narrow list, the least important first; chosen ones stay', () => {
    expect(columnsIn(2000, undefined)).toEqual(usual);
    expect(columnsIn(760, undefined)).toEqual(usual.slice(0, 6));
    expect(columnsIn(600, undefined)).toEqual(['name', 'size', 'mtime', 'type']);
    expect(columnsIn(10, undefined)).toEqual(['name', 'size']);
    expect(columnsIn(10, { shown: usual, widths: {} })).toEqual(usual);
  });

  test('a chosen width brings no hidden column back, and keeps to its limits', () => {
    const narrow = { widths: { size: 120 } };
    expect(columnsIn(2000, { widths: { name: 1900 } })).toEqual(usual);
    expect(columnsIn(600, narrow)).toEqual(['name', 'size', 'mtime', 'type']);
    expect(shownColumns({ shown: ['name', 'mtime'], widths: { mtime: 200 } })).toEqual(['name', 'mtime']);
    expect(widthOf('size', narrow)).toBe(120);
    expect(widthOf('size', { widths: { size: 1 } })).toBe(48);
    expect(widthOf('size', { widths: { size: 1e9 } })).toBe(600);
  });

  test('come beside the one they are offered after, go, and keep the order of the rest', () => {
    expect(toggledColumn(['name', 'mtime', 'size'], 'ctime')).toEqual(['name', 'mtime', 'ctime', 'size']);
    expect(toggledColumn(['name', 'inode'], 'target')).toEqual(['name', 'inode', 'target']);
    expect(toggledColumn(['name', 'size'], 'size')).toEqual(['name']);
    expect(toggledColumn(['name', 'size'], 'name')).toEqual(['name', 'size']);
    for (const { id } of COLUMNS.slice(1)) expect(toggledColumn(toggledColumn(['name'], id), id)).toEqual(['name']);
  });

  test('are put before another, or last', () => {
    const shown = ['name', 'size', 'mtime', 'type'] as const;
    expect(movedColumn(shown, 'type', 1)).toEqual(['name', 'type', 'size', 'mtime']);
    expect(movedColumn(shown, 'size', 4)).toEqual(['name', 'mtime', 'type', 'size']);
    expect(movedColumn(shown, 'size', 1)).toEqual(shown);
    expect(movedColumn(shown, 'size', 2)).toEqual(shown);
    expect(movedColumn(shown, 'name', 2)).toEqual(['size', 'name', 'mtime', 'type']);
    expect(movedColumn(shown, 'name', -1)).toEqual(shown);
    expect(movedColumn(shown, 'inode', 0)).toEqual(shown);
  });
});
