import { Info } from 'lucide-react';
import type { Crumb, EntryRow } from '../../shared/contract/rows.ts';
import { folderOf, folderOfRow, pathOf } from '../app/navigation.ts';
import { chosenSpace } from '../app/space.ts';
import { findTab, getApp, loadedRows, setApp, type Tab } from '../app/state.ts';
import { countOf } from '../models/ranges.ts';
import { texts } from '../texts/index.ts';
import { always, type Command, onTab, withTab } from './command.ts';
import { volumeTarget } from './volume.ts';

/** Rows of a selection that are compared and counted; of more, these first ones. */
const MOST_ROWS = 100_000;

/** Alt+Enter: of the volume that has the focus in the sidebar, of what is selected, else of the folder or layer that is shown. */
export const propertiesCommand: Command = {
  id: 'properties', label: texts.commands.properties, icon: Info, group: 'entry', keys: ['Alt+Enter'], enabled: withTab(always),
  run: onTab((tab) => {
    const focused = focusedLayer();
    if (focused !== undefined) return showLayer(focused.tab, focused.layer);
    const chosen = chosenSpace(tab);
    if (chosen !== undefined) {
      const { item, folder } = chosen;
      setApp({ dialog: { kind: 'properties', tab: tab.id, of: { kind: 'entry', layer: folder.layer, entry: inFolder(item.node, folder.crumbs), path: pathOf(folder.crumbs, 'display', item.node) } } });
      return;
    }
    if (folderOf(tab) !== undefined && tab.listing?.rows !== undefined) return showEntries(tab);
    // On a table's page, of the volume that is chosen in its map and list.
    return showLayer(tab.id, volumeTarget(getApp())?.layer.path ?? '0');
  }),
};

/** The volume or image that has the focus in the sidebar, whose lines are known by "tab:layer". */
function focusedLayer(): { readonly tab: number; readonly layer: string } | undefined {
  const key = document.activeElement?.closest('.sidebar [data-key]')?.getAttribute('data-key') ?? '';
  const [, tab, layer] = /^(\d+):((?:\d+(?:\/\d+)*)?)$/.exec(key) ?? [];
  return tab === undefined || findTab(Number(tab))?.info === undefined ? undefined : { tab: Number(tab), layer: layer || '0' };
}

export function showLayer(tab: number, layer: string): void {
  setApp({ dialog: { kind: 'properties', tab, of: { kind: 'layer', layer } } });
}

async function showEntries(tab: Tab): Promise<void> {
  const { layer, crumbs } = folderOf(tab)!;
  const path = pathOf(crumbs, 'display');
  const { ranges } = tab.selection;
  const count = countOf(ranges);
  if (count === 0) {
    setApp({ dialog: { kind: 'properties', tab: tab.id, of: { kind: 'entry', layer, entry: inFolder(crumbs.at(-1)!, crumbs.slice(0, -1)), path } } });
    return;
  }
  const rows = loadedRows(tab) ?? (await readRows(tab, MOST_ROWS));
  const [row] = rows;
  if (row === undefined) return;
  const above = (each: EntryRow): readonly Crumb[] => folderOfRow(tab, each)?.crumbs ?? crumbs;
  const of = count === 1
    ? { kind: 'entry' as const, layer, entry: inFolder(row, above(row)), path: pathOf(above(row), 'display', row) }
    : { kind: 'entries' as const, layer, rows: rows.map((each) => inFolder(each, above(each))), count, path };
  setApp({ dialog: { kind: 'properties', tab: tab.id, of } });
}

/** @param crumbs of the folder that it is in; none for a root */
function inFolder<T extends object>(entry: T, crumbs: readonly Crumb[]): T & { readonly folder?: number } {
  const folder = crumbs.at(-1)?.node;
  return folder === undefined ? entry : { ...entry, folder };
}

/** The first rows of the selection, fetched where they are not there yet. */
async function readRows(tab: Tab, most: number): Promise<EntryRow[]> {
  const rows: EntryRow[] = [];
  for (const [from, to] of tab.selection.ranges) {
    if (rows.length >= most) break;
    rows.push(...((await tab.listing?.rows?.read(from, Math.min(to, from + most - rows.length))) ?? []));
  }
  return rows;
}
