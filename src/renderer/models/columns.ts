import type { ColumnSettings } from '../../shared/contract/settings.ts';
import type { SortKey } from '../../shared/contract/rows.ts';

/** A column of the list of files. Two may be sorted by the same. */
export type ColumnId = SortKey | 'octal';

export interface Column {
  readonly id: ColumnId;
  readonly sort: SortKey;
  /** Pixels, unless somebody chose others. The name takes what is left until its width is chosen. */
  readonly width: number;
  readonly least: number;
  readonly most: number;
  /** Numbers stand at the end of their cell. */
  readonly atEnd?: boolean;
  readonly mono?: boolean;
  /** Shown unless somebody chose; where there is no room, those of the least weight go first. 0: shown when chosen only. */
  readonly weight: number;
}

const column = (id: ColumnId, width: number, weight: number, more: Partial<Column> = {}): Column => ({ id, sort: id === 'octal' ? 'mode' : id, width, least: 48, most: 600, weight, ...more });

/** All columns, in the order in which they are offered. */
export const COLUMNS: readonly Column[] = [
  column('name', 220, 99, { least: 120, most: 4000 }),
  // It says of an entry, too, that it is unreadable: in wide fonts a longer word than any size.
  column('size', 96, 90, { atEnd: true }),
  column('allocated', 88, 0, { atEnd: true }),
  column('mtime', 148, 80),
  column('ctime', 148, 0),
  column('atime', 148, 0),
  column('btime', 148, 0),
  column('type', 112, 50),
  column('mode', 100, 40, { mono: true }),
  column('octal', 64, 0, { mono: true }),
  column('owner', 84, 30),
  column('group', 84, 20),
  column('uid', 64, 0, { atEnd: true }),
  column('gid', 64, 0, { atEnd: true }),
  column('inode', 88, 0, { atEnd: true }),
  column('links', 56, 0, { atEnd: true }),
  column('flags', 120, 0),
  column('target', 200, 0, { most: 2000 }),
];

const BY_ID: ReadonlyMap<string, Column> = new Map(COLUMNS.map((each) => [each.id, each]));

export function columnOf(id: ColumnId): Column {
  return BY_ID.get(id)!;
}

const USUAL: readonly ColumnId[] = COLUMNS.filter(({ weight }) => weight > 0).map(({ id }) => id);

/** The columns of a format's lists in their order: those chosen, or the usual ones. A file written by another version may name others. */
export function shownColumns(settings: ColumnSettings | undefined): readonly ColumnId[] {
  if (settings?.shown === undefined) return USUAL;
  const known = [...new Set(settings.shown)].filter((id): id is ColumnId => BY_ID.has(id));
  // An entry without its name is nothing.
  return known.includes('name') ? known : ['name', ...known];
}

export function widthOf(id: ColumnId, settings: ColumnSettings | undefined): number {
  const { width, least, most } = columnOf(id);
  const chosen = settings?.widths[id];
  return chosen === undefined ? width : Math.min(most, Math.max(least, Math.round(chosen)));
}

/** The columns that a list of `room` pixels shows: what was chosen stays, of the usual ones the least important go. */
export function columnsIn(room: number, settings: ColumnSettings | undefined): readonly ColumnId[] {
  let shown = shownColumns(settings);
  if (settings?.shown !== undefined) return shown;
  // A name that was made wide is scrolled to; it drives no other column out.
  const needs = (id: ColumnId): number => (id === 'name' ? Math.min(columnOf(id).width, widthOf(id, settings)) : widthOf(id, settings));
  let total = shown.reduce((sum, id) => sum + needs(id), 0);
  while (total > room && shown.length > 2) {
    const least = shown.reduce((a, b) => (columnOf(b).weight < columnOf(a).weight ? b : a));
    shown = shown.filter((id) => id !== least);
    total -= needs(least);
  }
  return shown;
}

/** Shows a column, beside the one that it is offered after, or hides it. The name stays. */
export function toggledColumn(shown: readonly ColumnId[], id: ColumnId): readonly ColumnId[] {
  if (id === 'name') return shown;
  if (shown.includes(id)) return shown.filter((each) => each !== id);
  const place = COLUMNS.findIndex((each) => each.id === id);
  const before = COLUMNS.slice(0, place).findLast((each) => shown.includes(each.id));
  const at = before === undefined ? 0 : shown.indexOf(before.id) + 1;
  return shown.toSpliced(at, 0, id);
}

/** Puts a column before what now stands at place `to`; at the end, or beyond, it comes last. */
export function movedColumn(shown: readonly ColumnId[], id: ColumnId, to: number): readonly ColumnId[] {
  const from = shown.indexOf(id);
  if (from < 0) return shown;
  const rest = shown.toSpliced(from, 1);
  return rest.toSpliced(Math.max(0, to > from ? to - 1 : to), 0, id);
}
