import { ArrowDownUp, Columns3Cog, EyeOff, HardDrive, PanelLeft, PanelRight, RotateCcw, UnfoldHorizontal } from 'lucide-react';
import type { SortKey } from '../../shared/contract/rows.ts';
import { activeFormat, fitColumns, openColumnsMenu, resetColumns } from '../app/columns.ts';
import { showDevices } from '../app/devices.ts';
import { isNarrow } from '../app/narrow.ts';
import { prefer } from '../app/navigation.ts';
import { getApp, setApp } from '../app/state.ts';
import { texts } from '../texts/index.ts';
import { always, type Command, onTab, reasons, withFolder } from './command.ts';

/** Those that menus have; the palette and the headers have all. */
const USUAL: ReadonlySet<string> = new Set(['name', 'size', 'mtime', 'type', 'mode', 'owner']);

const sortCommand = (key: keyof typeof texts.commands.sort): Command => ({
  id: `sort-${key}`, label: texts.commands.sort[key], icon: ArrowDownUp, group: 'sort', keys: [], quiet: !USUAL.has(key), on: (state) => state.settings.sort.key === key,
  enabled: withFolder(always), run: () => sortBy(key),
});

/** A second time turns the order around. */
export function sortBy(key: SortKey): void {
  const { sort } = getApp().settings;
  prefer({ sort: { key, descending: sort.key === key ? !sort.descending : false } });
}

/** What a search found has columns of its own. */
const inFolder = withFolder((tab) => (tab.listing?.search === undefined ? true : reasons.noFolder));

/** In a narrow window it lies over the content, for the moment; the choice for wide ones stays. */
function toggleSidebar(): void {
  const { settings, sidebarOver } = getApp();
  if (isNarrow()) setApp({ sidebarOver: !sidebarOver });
  else prefer({ sidebar: !settings.sidebar });
}

/** What is shown, and in which order. */
export const viewCommands: readonly Command[] = [
  { id: 'hidden', label: texts.commands.hidden, icon: EyeOff, group: 'view', keys: ['Mod+H'], on: (state) => state.settings.hidden, enabled: always, run: () => prefer({ hidden: !getApp().settings.hidden }) },
  { id: 'preview-pane', label: texts.commands.previewPane, icon: PanelRight, group: 'view', keys: ['Alt+P'], on: (state) => state.settings.preview, enabled: always, run: () => prefer({ preview: !getApp().settings.preview }) },
  { id: 'sidebar', label: texts.commands.sidebar, icon: PanelLeft, group: 'view', keys: ['F9'], on: (state) => (isNarrow() ? state.sidebarOver : state.settings.sidebar), enabled: always, run: toggleSidebar },
  { id: 'devices', label: texts.devices.command, icon: HardDrive, group: 'view', keys: [], enabled: always, run: showDevices },
  { id: 'columns', label: texts.commands.columns, icon: Columns3Cog, group: 'view', keys: ['Mod+Shift+O'], enabled: inFolder, run: openColumnsMenu },
  { id: 'fit-columns', label: texts.commands.fitColumns, icon: UnfoldHorizontal, group: 'view', keys: [], enabled: inFolder, run: onTab((tab) => fitColumns(tab)) },
  { id: 'reset-columns', label: texts.commands.resetColumns, icon: RotateCcw, group: 'view', keys: [], enabled: inFolder, run: () => resetColumns(activeFormat()) },

  ...(Object.keys(texts.commands.sort) as (keyof typeof texts.commands.sort)[]).map(sortCommand),
];
