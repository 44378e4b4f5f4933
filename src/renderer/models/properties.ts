import type { EntryRow, ExtentMap } from '../../shared/contract/rows.ts';
import { hexLines } from './hex.ts';

/** What a properties window says, in order: what is shown is made from it, and what *Copy as text* copies. */
export interface Sheet {
  readonly title: string;
  readonly groups: readonly Group[];
}

/** Facts under a heading, or lines, or both. */
export interface Group {
  readonly title: string;
  readonly facts: readonly Fact[];
  readonly lines?: readonly string[];
}

/** Values may have several lines. */
export type Fact = readonly [label: string, value: string];

/** Characters of a sheet as text: what the clipboard takes at once. */
const LONGEST_TEXT = 1 << 20;

/** Columns that labels may take before their values begin on the same line all the same. */
const WIDEST_LABEL = 28;

/** A sheet as plain text: headings underlined, values in a column. `cut` ends one that is too long. */
export function sheetText({ title, groups }: Sheet, cut: string): string {
  const parts = [underlined(title, '=')];
  for (const { title: heading, facts, lines } of groups) {
    const width = Math.min(WIDEST_LABEL, Math.max(0, ...facts.map(([label]) => label.length)));
    const told = facts.map(([label, value]) => `${label.padEnd(width)}  ${value.split('\n').join(`\n${' '.repeat(width + 2)}`)}`.trimEnd());
    parts.push([underlined(heading, '-'), ...told, ...(lines ?? [])].join('\n'));
  }
  const text = `${parts.join('\n\n')}\n`;
  return text.length <= LONGEST_TEXT ? text : `${text.slice(0, LONGEST_TEXT - cut.length - 2).replace(/[\ud800-\udbff]$/, '')}\n${cut}\n`;
}

function underlined(text: string, line: string): string {
  return `${text}\n${line.repeat(Math.min(text.length, 60))}`;
}

/** A line of the table of extents. `physical` is missing for holes and where bytes don't lie on the device as they are. */
export interface ExtentRow {
  readonly logical: number;
  readonly physical: number | undefined;
  readonly length: number;
  readonly kind: 'data' | 'unwritten' | 'elsewhere' | 'hole';
}

/** The runs of a file with the holes between them, to the end of the file or of what is told. */
export function extentRows({ runs, cut }: ExtentMap, size: number): ExtentRow[] {
  const rows: ExtentRow[] = [];
  let at = 0;
  for (const { logical, length, physical, unwritten } of runs) {
    if (logical > at) rows.push({ logical: at, physical: undefined, length: logical - at, kind: 'hole' });
    rows.push({ logical, physical, length, kind: unwritten === true ? 'unwritten' : physical === undefined ? 'elsewhere' : 'data' });
    at = logical + length;
  }
  if (!cut && at < size) rows.push({ logical: at, physical: undefined, length: size - at, kind: 'hole' });
  return rows;
}

/** A piece of the strip that stands for the device, as shares of it. */
export interface Stripe {
  readonly from: number;
  readonly to: number;
  readonly kind: 'data' | 'unwritten';
}

/** Where runs lie on the device, in as many cells as can be told apart: ten thousand runs are no ten thousand elements. Data hides what is not written. */
export function extentStripes({ runs, device }: ExtentMap, cells = 400): Stripe[] {
  if (device <= 0) return [];
  const marks = new Uint8Array(cells);
  for (const { physical, length, unwritten } of runs) {
    if (physical === undefined || length <= 0) continue;
    const first = Math.min(cells - 1, Math.max(0, Math.floor((physical / device) * cells)));
    const last = Math.min(cells - 1, Math.max(first, Math.ceil(((physical + length) / device) * cells) - 1));
    for (let cell = first; cell <= last; cell++) marks[cell] = unwritten === true ? Math.max(marks[cell]!, 1) : 2;
  }
  const stripes: Stripe[] = [];
  for (let cell = 0; cell < cells;) {
    const mark = marks[cell]!;
    let end = cell + 1;
    while (end < cells && marks[end] === mark) end++;
    if (mark !== 0) stripes.push({ from: cell / cells, to: end / cells, kind: mark === 2 ? 'data' : 'unwritten' });
    cell = end;
  }
  return stripes;
}

/** What many entries have in common. `undefined` where they differ. */
export interface Common {
  readonly types: readonly (readonly [type: EntryRow['type'], count: number])[];
  readonly unreadable: number;
  readonly owner: EntryRow | undefined;
  readonly group: EntryRow | undefined;
  readonly mode: number | undefined;
  /** By the time of their last change. */
  readonly oldest: EntryRow | undefined;
  readonly newest: EntryRow | undefined;
}

/** Looks over rows once. Those that can't be read have a type and nothing else to compare. */
export function commonOf(rows: readonly EntryRow[]): Common {
  const types = new Map<EntryRow['type'], number>();
  let unreadable = 0;
  let first: EntryRow | undefined;
  let oldest: EntryRow | undefined;
  let newest: EntryRow | undefined;
  let [owner, group, mode] = [true, true, true];
  for (const row of rows) {
    types.set(row.type, (types.get(row.type) ?? 0) + 1);
    if (row.error !== undefined) {
      unreadable++;
      continue;
    }
    first ??= row;
    owner &&= row.uid === first.uid;
    group &&= row.gid === first.gid;
    mode &&= row.mode === first.mode;
    if (oldest === undefined || row.mtime < oldest.mtime) oldest = row;
    if (newest === undefined || row.mtime > newest.mtime) newest = row;
  }
  return {
    types: [...types].toSorted((a, b) => b[1] - a[1]), unreadable, oldest, newest,
    owner: owner ? first : undefined, group: group ? first : undefined, mode: mode ? first?.mode : undefined,
  };
}

/** Bytes as lines of a dump, `most` of them. */
export function hexText(bytes: Uint8Array, most: number): string {
  return hexLines(bytes.subarray(0, most)).map(({ at, hex, text }) => `${at.slice(4)}  ${hex.padEnd(48)}  ${text}`).join('\n');
}
