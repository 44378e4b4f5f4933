import type { ColumnSettings } from '../../shared/contract/settings.ts';
import type { EntryRow } from '../../shared/contract/rows.ts';
import { columnOf, type ColumnId, movedColumn, shownColumns, toggledColumn } from '../models/columns.ts';
import { texts } from '../texts/index.ts';
import { cellText } from '../ui/cells.ts';
import { folderOf, prefer } from './navigation.ts';
import { activeTab, announce, getApp, setApp, type Tab } from './state.ts';

const t = texts.grid;

/** The format whose lists a tab shows; '' outside of a filesystem. */
export function formatOf(tab: Tab | undefined): string {
  const folder = folderOf(tab);
  return tab?.info?.layers.find(({ path }) => path === folder?.layer)?.format ?? '';
}

export function columnSettings(format: string): ColumnSettings | undefined {
  return getApp().settings.columns[format];
}

function keep(format: string, patch: { shown?: readonly ColumnId[]; widths?: Readonly<Record<string, number>> }): void {
  const { columns } = getApp().settings;
  const before = columns[format] ?? { widths: {} };
  prefer({ columns: { ...columns, [format]: { ...before, ...(patch.shown === undefined ? {} : { shown: [...patch.shown] }), ...(patch.widths === undefined ? {} : { widths: { ...patch.widths } }) } } });
}

export function toggleColumn(format: string, id: ColumnId): void {
  const before = shownColumns(columnSettings(format));
  const shown = toggledColumn(before, id);
  if (shown === before) return;
  keep(format, { shown });
  announce(before.includes(id) ? t.hiddenColumn(t.columns[id]) : t.shown(t.columns[id]));
}

/** Moves a column before what stands at place `to` of all that are chosen. */
export function moveColumn(format: string, id: ColumnId, to: number): void {
  const before = shownColumns(columnSettings(format));
  const shown = movedColumn(before, id, to);
  if (shown.every((each, i) => each === before[i])) return;
  keep(format, { shown });
  announce(t.moved(t.columns[id], shown.indexOf(id) + 1, shown.length));
}

export function chooseWidths(format: string, widths: Readonly<Record<string, number>>): void {
  keep(format, { widths });
}

/** All columns, order and widths as at first. */
export function resetColumns(format: string): void {
  const { [format]: _, ...columns } = getApp().settings.columns;
  prefer({ columns });
  announce(t.reset);
}

/** Makes columns as wide as the widest of what is loaded, within their limits. */
export function fitColumns(tab: Tab | undefined, ids?: readonly ColumnId[]): void {
  const rows = tab?.listing?.rows;
  if (rows === undefined) return;
  const format = formatOf(tab);
  const settings = columnSettings(format);
  const widths = { ...settings?.widths };
  const shown = shownColumns(settings);
  const telling = shown.find((id) => id !== 'name');
  for (const id of ids ?? shown) widths[id] = fittingWidth(id, rows.loaded(), id === telling);
  chooseWidths(format, widths);
  announce(t.fitted);
}

/** Pixels beside a cell's text: its padding; the name's icon; in the header the arrow of the order. */
const PADDING = 18;
const ICON = 26;
const ARROW = 16;

/** No entry makes a column wider by itself. */
const WIDEST = 800;

/** Characters that are measured: no column gets wider than some hundred. */
const MEASURED = 600;

/** @param tells whether this is the column that says of an entry that it can't be read */
function fittingWidth(id: ColumnId, rows: Iterable<EntryRow>, tells: boolean): number {
  const { least, most, mono } = columnOf(id);
  const context = document.createElement('canvas').getContext('2d')!;
  const fontOf = (selector: string): string => {
    const element = document.querySelector(selector) ?? document.body;
    const { fontStyle, fontWeight, fontSize, fontFamily } = getComputedStyle(element);
    return `${fontStyle} ${fontWeight} ${fontSize} ${fontFamily}`;
  };
  context.font = fontOf('.grid-head');
  let widest = context.measureText(t.columns[id]).width + ARROW;
  context.font = fontOf(mono === true ? '.grid-rows .cell.mono' : '.grid-rows .cell:not(.mono)');
  let length = 0;
  for (const row of rows) {
    const target = id === 'name' && row.target !== undefined ? ` ${t.target(row.target)}` : '';
    const text = (tells && row.error !== undefined ? t.entryFailed : cellText(id, row) + target).slice(0, MEASURED);
    // Shorter by a third than what was widest, it is not wider in any font of use.
    if (text.length * 1.5 < length) continue;
    const { width } = context.measureText(text);
    if (width + (id === 'name' ? ICON : 0) > widest) {
      widest = width + (id === 'name' ? ICON : 0);
      length = text.length;
    }
  }
  return Math.min(most, WIDEST, Math.max(least, Math.ceil(widest) + PADDING));
}

/** The columns of the tab on the screen. */
export function activeFormat(): string {
  return formatOf(activeTab(getApp()));
}

/** Opens the menu of columns at a point, of one of them where `column` says so. */
export function openColumnMenu(x: number, y: number, column?: ColumnId): void {
  setApp({ columnMenu: { x, y, ...(column === undefined ? {} : { column }) } });
}

/** Opens it under the end of the header. */
export function openColumnsMenu(): void {
  const head = document.querySelector('.grid')?.getBoundingClientRect();
  if (head === undefined) return;
  const rtl = getComputedStyle(document.body).direction === 'rtl';
  openColumnMenu(rtl ? head.left + 16 : Math.max(head.left, head.right - 240), head.top + 26);
}
