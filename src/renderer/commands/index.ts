import {
  ArrowDownUp, ArrowLeft, ArrowRight, ArrowUp, CheckCheck, Copy, Download, Eye, FolderOpen, HardDrive, Info, Keyboard, ListTodo, type LucideIcon, PanelLeft, PanelRight, PencilLine, SquareDashedMousePointer, EyeOff, X,
} from 'lucide-react';
import type { SortKey } from '../../shared/contract/rows.ts';
import { folderOf, enter, goBack, goForward, goTo, goUp, pathOf, placeAbove, placeOf, prefer } from '../app/navigation.ts';
import { errorOf, services } from '../app/services.ts';
import { activeTab, type AppState, focusedRow, getApp, loadedRows, selectIn, setApp, type Tab } from '../app/state.ts';
import { closeTab, openDialog } from '../app/tabs.ts';
import { showTransfers, useTransfers } from '../app/transfers.ts';
import { countOf, onlyIndex } from '../models/ranges.ts';
import { everything, inverted } from '../models/selection.ts';
import { texts } from '../texts/index.ts';
import { notify, notifyError } from '../ui/toasts.ts';
import { matchesKeys, type KeyPress } from './keys.ts';
import type { EntryRow } from '../../shared/contract/rows.ts';

/** Where a command stands in the menu. */
export type Group = keyof typeof texts.groups;

/**
 * One thing that the window can do. Menus, toolbar, context menu, keyboard and native menus are all made from the list
 * below, so that each has the same name, keys and reason everywhere.
 */
export interface Command {
  readonly id: string;
  readonly label: string;
  readonly icon: LucideIcon;
  readonly group: Group;
  /** The first is the one that menus show. */
  readonly keys: readonly string[];
  /** Keys that belong to the list of files (Space, Backspace) and mean other things elsewhere. */
  readonly listOnly?: boolean;
  /** Whether a toggle is on. */
  readonly on?: (state: AppState) => boolean;
  /** true, or why not. */
  readonly enabled: (state: AppState) => true | string;
  readonly run: () => void | Promise<void>;
}

const reasons = texts.reasons;
const always = (): true => true;

function withTab(check: (tab: Tab, state: AppState) => true | string): Command['enabled'] {
  return (state) => {
    const tab = activeTab(state);
    return tab?.state === 'open' ? check(tab, state) : reasons.noImage;
  };
}

function withFolder(check: (tab: Tab, state: AppState) => true | string): Command['enabled'] {
  return withTab((tab, state) => (tab.listing?.rows === undefined ? reasons.noFolder : check(tab, state)));
}

/** Runs on the active tab, which `enabled` has vouched for. */
function onTab(run: (tab: Tab) => void | Promise<void>): Command['run'] {
  return () => {
    const tab = activeTab(getApp());
    return tab === undefined ? undefined : run(tab);
  };
}

/** The one selected row, or why there is not one. */
function oneRow(tab: Tab): EntryRow | string {
  const count = countOf(tab.selection.ranges);
  if (count === 0) return reasons.noSelection;
  if (count > 1) return reasons.oneOnly;
  return tab.listing?.rows?.get(onlyIndex(tab.selection.ranges) ?? -1) ?? reasons.loading;
}

function onRow(run: (tab: Tab, row: EntryRow) => void | Promise<void>): Command['run'] {
  return onTab((tab) => {
    const row = oneRow(tab);
    return typeof row === 'string' ? undefined : run(tab, row);
  });
}

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
  const text = rows.length === 0 ? pathOf(place.crumbs, 'display') : rows.map((row) => pathOf(place.crumbs, 'display', row)).join('\n');
  await services().app.call('text.copy', { text });
  notify({ text: texts.copied });
}

async function showProperties(tab: Tab, row: EntryRow): Promise<void> {
  const place = folderOf(tab);
  if (place === undefined || tab.host === undefined) return;
  const path = pathOf(place.crumbs, 'display', row);
  try {
    const details = await tab.host.call('entry.details', { layer: place.layer, node: row.node, name: row.name });
    setApp({ dialog: { kind: 'properties', details, path, name: row.display } });
  } catch (error) {
    setApp({ dialog: { kind: 'properties', error: errorOf(error), path, name: row.display } });
  }
}

/** All rows of the selection, fetched where they are not there yet. */
async function selectedRows(tab: Tab): Promise<EntryRow[]> {
  const rows: EntryRow[] = [];
  for (const [from, to] of tab.selection.ranges) rows.push(...((await tab.listing?.rows?.read(from, to)) ?? []));
  return rows;
}

async function extractSelection(tab: Tab): Promise<void> {
  const folder = folderOf(tab);
  if (folder === undefined) return;
  const entries = countOf(tab.selection.ranges) === 0 ? undefined : (loadedRows(tab) ?? (await selectedRows(tab)));
  setApp({ dialog: { kind: 'extract', tab: tab.id, layer: folder.layer, what: { folder, entries } } });
}

function stepTab(step: number): void {
  const { tabs, active } = getApp();
  const at = tabs.findIndex((tab) => tab.id === active);
  const next = tabs[(at + step + tabs.length) % tabs.length];
  if (next !== undefined) setApp({ active: next.id });
}

const sortCommand = (key: SortKey): Command => ({
  id: `sort-${key}`, label: texts.commands.sort[key], icon: ArrowDownUp, group: 'sort', keys: [], on: (state) => state.preferences.sort.key === key,
  enabled: withFolder(always), run: () => sortBy(key),
});

/** A second time turns the order around. */
export function sortBy(key: SortKey): void {
  const { sort } = getApp().preferences;
  prefer({ sort: { key, descending: sort.key === key ? !sort.descending : false } });
}

export const commands: readonly Command[] = [
  { id: 'open', label: texts.commands.open, icon: FolderOpen, group: 'file', keys: ['Mod+O'], enabled: always, run: openDialog },
  {
    id: 'overview', label: texts.commands.overview, icon: HardDrive, group: 'file', keys: [],
    enabled: withTab((tab) => (tab.info?.layers[0] === undefined ? reasons.noImage : true)),
    run: onTab((tab) => goTo(tab.id, { kind: 'layer', layer: placeOf(tab)?.layer ?? '0' })),
  },
  { id: 'transfers', label: texts.commands.transfers, icon: ListTodo, group: 'file', keys: ['Mod+Shift+J'], on: () => useTransfers.getState().open, enabled: () => (useTransfers.getState().list.length > 0 ? true : reasons.noTransfers), run: () => showTransfers(!useTransfers.getState().open) },
  { id: 'close-tab', label: texts.commands.closeTab, icon: X, group: 'file', keys: ['Mod+W'], enabled: (state) => (activeTab(state) ? true : reasons.noImage), run: onTab((tab) => closeTab(tab.id)) },

  {
    id: 'open-entry', label: texts.commands.openEntry, icon: FolderOpen, group: 'entry', keys: ['Enter'], listOnly: true,
    enabled: withFolder((tab) => {
      const row = oneRow(tab);
      return typeof row === 'string' ? row : canOpen(row);
    }),
    run: onRow(async (tab, row) => void (await enter(tab, row))),
  },
  {
    id: 'preview', label: texts.commands.preview, icon: Eye, group: 'entry', keys: [' '], listOnly: true, enabled: withFolder((tab) => (focusedRow(tab) === undefined && countOf(tab.selection.ranges) === 0 && !getApp().preferences.preview ? reasons.noSelection : true)),
    run: () => prefer({ preview: !getApp().preferences.preview }),
  },
  {
    id: 'extract', label: texts.commands.extract, icon: Download, group: 'entry', keys: ['Mod+E'],
    enabled: withFolder((tab) => (tab.listing?.view?.count === 0 && tab.listing.view.hidden === 0 ? reasons.emptyFolder : true)),
    run: onTab(extractSelection),
  },
  { id: 'copy-path', label: texts.commands.copyPath, icon: Copy, group: 'entry', keys: ['Mod+Shift+C'], enabled: withFolder(always), run: onTab(copyPaths) },
  {
    id: 'properties', label: texts.commands.properties, icon: Info, group: 'entry', keys: ['Alt+Enter'],
    enabled: withFolder((tab) => {
      const row = oneRow(tab);
      return typeof row === 'string' ? row : true;
    }),
    run: onRow(showProperties),
  },
  { id: 'select-all', label: texts.commands.selectAll, icon: CheckCheck, group: 'entry', keys: ['Mod+A'], enabled: withFolder(always), run: onTab((tab) => selectIn(tab.id, everything(tab.selection, tab.listing?.view?.count ?? 0))) },
  { id: 'invert', label: texts.commands.invert, icon: SquareDashedMousePointer, group: 'entry', keys: ['Mod+Shift+I'], enabled: withFolder(always), run: onTab((tab) => selectIn(tab.id, inverted(tab.selection, tab.listing?.view?.count ?? 0))) },

  { id: 'back', label: texts.commands.back, icon: ArrowLeft, group: 'go', keys: ['Alt+ArrowLeft'], enabled: withTab((tab) => ((tab.history?.past.length ?? 0) > 0 ? true : reasons.noBack)), run: onTab(goBack) },
  { id: 'forward', label: texts.commands.forward, icon: ArrowRight, group: 'go', keys: ['Alt+ArrowRight'], enabled: withTab((tab) => ((tab.history?.future.length ?? 0) > 0 ? true : reasons.noForward)), run: onTab(goForward) },
  { id: 'up', label: texts.commands.up, icon: ArrowUp, group: 'go', keys: ['Alt+ArrowUp'], enabled: withTab((tab) => (placeAbove(tab) === undefined ? reasons.noUp : true)), run: onTab(goUp) },
  { id: 'edit-path', label: texts.commands.editPath, icon: PencilLine, group: 'go', keys: ['Mod+L'], enabled: withTab((tab) => (folderOf(tab) === undefined ? reasons.noFolder : true)), run: () => setApp({ editingPath: true }) },
  { id: 'next-tab', label: texts.commands.nextTab, icon: ArrowRight, group: 'go', keys: ['Ctrl+Tab', 'Ctrl+PageDown'], enabled: (state) => (state.tabs.length > 1 ? true : reasons.oneTab), run: () => stepTab(1) },
  { id: 'previous-tab', label: texts.commands.previousTab, icon: ArrowLeft, group: 'go', keys: ['Ctrl+Shift+Tab', 'Ctrl+PageUp'], enabled: (state) => (state.tabs.length > 1 ? true : reasons.oneTab), run: () => stepTab(-1) },

  { id: 'hidden', label: texts.commands.hidden, icon: EyeOff, group: 'view', keys: ['Mod+H'], on: (state) => state.preferences.hidden, enabled: always, run: () => prefer({ hidden: !getApp().preferences.hidden }) },
  { id: 'preview-pane', label: texts.commands.previewPane, icon: PanelRight, group: 'view', keys: ['Alt+P'], on: (state) => state.preferences.preview, enabled: always, run: () => prefer({ preview: !getApp().preferences.preview }) },
  { id: 'sidebar', label: texts.commands.sidebar, icon: PanelLeft, group: 'view', keys: ['F9'], on: (state) => state.preferences.sidebar, enabled: always, run: () => prefer({ sidebar: !getApp().preferences.sidebar }) },

  ...(['name', 'size', 'mtime', 'type', 'mode', 'owner'] as const).map(sortCommand),

  { id: 'shortcuts', label: texts.commands.shortcuts, icon: Keyboard, group: 'help', keys: ['F1'], enabled: always, run: () => setApp({ dialog: { kind: 'shortcuts' } }) },
];

const byId = new Map(commands.map((command) => [command.id, command]));

export function commandOf(id: string): Command {
  const command = byId.get(id);
  if (command === undefined) throw new Error(`no command ${id}`);
  return command;
}

/** Runs a command if it is enabled. Unknown ids (a newer native menu) do nothing. */
export function runCommand(id: string): void {
  const command = byId.get(id);
  if (command === undefined || command.enabled(getApp()) !== true) return;
  const end = command.run();
  if (end instanceof Promise) end.catch((error: unknown) => notifyError(errorOf(error)));
}

/** The command of a key press; `inList` says whether the list of files has the focus. */
export function commandOfKeys(event: KeyPress, inList: boolean, mac: boolean): Command | undefined {
  return commands.find((command) => (inList || !command.listOnly) && command.keys.some((keys) => matchesKeys(event, keys, mac)));
}

/** What the context menu of entries shows, in order; null is a line. */
export const ENTRY_MENU: readonly (string | null)[] = ['open-entry', 'preview', null, 'extract', 'copy-path', null, 'select-all', 'invert', null, 'properties'];
