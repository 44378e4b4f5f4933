import { CheckCheck, Copy, Download, Eye, FolderOpen, SquareDashedMousePointer } from 'lucide-react';
import type { EntryRow } from '../../shared/contract/rows.ts';
import { enter, folderOf, folderOfRow, pathOf } from '../app/navigation.ts';
import { services } from '../app/services.ts';
import { focusedRow, getApp, loadedRows, selectIn, setApp, type Tab } from '../app/state.ts';
import { countOf } from '../models/ranges.ts';
import { everything, inverted } from '../models/selection.ts';
import { texts } from '../texts/index.ts';
import { notify } from '../ui/toasts.ts';
import { always, type Command, onRow, onTab, oneRow, reasons, withFolder } from './command.ts';
import { propertiesCommand } from './properties.ts';

function canOpen(row: EntryRow): true | string {
  if (row.error !== undefined) return reasons.unreadable;
  if (row.type === 'dir' || (row.type === 'symlink' && row.targetType === 'dir')) return true;
  if (row.type === 'symlink' && row.targetType === undefined) return reasons.brokenLink;
  return reasons.notAFolder;
}

async function copyPaths(tab: Tab): Promise<void> {
  const place = folderOf(tab);
  const rows = loadedRows(tab, undefined, 10_000);
  if (place === undefined) return;
  if (rows === undefined) {
    notify({ text: reasons.loading });
    return;
  }
  // What is shown, not what is stored: a clipboard with control characters could run something where it is pasted.
  const text = rows.length === 0 ? pathOf(place.crumbs, 'display') : rows.map((row) => pathOf((folderOfRow(tab, row) ?? place).crumbs, 'display', row)).join('\n');
  await services().app.call('text.copy', { text });
  notify({ text: texts.copied });
}

/** All rows of the selection, fetched where they are not there yet. */
export async function selectedRows(tab: Tab): Promise<EntryRow[]> {
  const rows: EntryRow[] = [];
  for (const [from, to] of tab.selection.ranges) rows.push(...((await tab.listing?.rows?.read(from, to)) ?? []));
  return rows;
}

async function extractSelection(tab: Tab): Promise<void> {
  const folder = folderOf(tab);
  if (folder === undefined) return;
  const chosen = countOf(tab.selection.ranges) === 0 ? undefined : (loadedRows(tab) ?? (await selectedRows(tab)));
  // Without a selection it is all that is shown: of a search what it found, not the folder below which it looked.
  const entries = chosen ?? (tab.listing?.search === undefined ? undefined : await tab.listing.rows?.read(0, tab.listing.rows.count));
  setApp({ dialog: { kind: 'extract', tab: tab.id, layer: folder.layer, what: { folder, entries } } });
}

/** What is done with the selected entries. */
export const entryCommands: readonly Command[] = [
  {
    id: 'open-entry', label: texts.commands.openEntry, icon: FolderOpen, group: 'entry', keys: ['Enter'], listOnly: true,
    enabled: withFolder((tab) => {
      const row = oneRow(tab);
      return typeof row === 'string' ? row : tab.listing?.search === undefined ? canOpen(row) : true;
    }),
    run: onRow(async (tab, row) => void (await enter(tab, row))),
  },
  {
    id: 'preview', label: texts.commands.preview, icon: Eye, group: 'entry', keys: [' '], listOnly: true, on: (state) => state.quickLook,
    enabled: withFolder((tab, state) => (focusedRow(tab) === undefined && countOf(tab.selection.ranges) === 0 && !state.quickLook ? reasons.noSelection : true)),
    run: () => setApp({ quickLook: !getApp().quickLook }),
  },
  {
    id: 'extract', label: texts.commands.extract, icon: Download, group: 'entry', keys: ['Mod+E'],
    enabled: withFolder((tab) => (tab.listing?.view?.count === 0 && tab.listing.view.hidden === 0 ? reasons.emptyFolder : true)),
    run: onTab(extractSelection),
  },
  { id: 'copy-path', label: texts.commands.copyPath, icon: Copy, group: 'entry', keys: ['Mod+Shift+C'], enabled: withFolder(always), run: onTab(copyPaths) },
  propertiesCommand,
  { id: 'select-all', label: texts.commands.selectAll, icon: CheckCheck, group: 'entry', keys: ['Mod+A'], enabled: withFolder(always), run: onTab((tab) => selectIn(tab.id, everything(tab.selection, tab.listing?.view?.count ?? 0))) },
  { id: 'invert', label: texts.commands.invert, icon: SquareDashedMousePointer, group: 'entry', keys: ['Mod+Shift+I'], enabled: withFolder(always), run: onTab((tab) => selectIn(tab.id, inverted(tab.selection, tab.listing?.view?.count ?? 0))) },
];
