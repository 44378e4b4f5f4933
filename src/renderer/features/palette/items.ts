import { Clock, CornerDownRight, HardDrive, type LucideIcon } from 'lucide-react';
import { displayName } from '../../../engines/core/names.ts';
import { folderOf, goToLayer, goToPath, prefer } from '../../app/navigation.ts';
import { activeTab, type AppState, getApp, setApp } from '../../app/state.ts';
import { openSources } from '../../app/tabs.ts';
import { commands, runCommand } from '../../commands/index.ts';
import { fuzzyScore } from '../../models/fuzzy.ts';
import { isOpenFilesystem, shownTree, type Shown } from '../../models/layers.ts';
import { texts } from '../../texts/index.ts';
import { notify } from '../../ui/toasts.ts';

/** One thing that can be chosen. */
export interface PaletteItem {
  readonly id: string;
  readonly label: string;
  /** What it is, or where it belongs. */
  readonly kind: string;
  readonly icon: LucideIcon;
  readonly keys?: string | undefined;
  /** Why it can't be chosen now. */
  readonly reason?: string | undefined;
  readonly run: () => void;
}

/** Results that are shown. */
const MAX_SHOWN = 60;

/** Commands that are remembered as used. */
const MAX_USED = 16;

const t = texts.palette;

/** What fits the query, the best first; without one, the commands used last and then all of them. */
export function paletteItems(state: AppState, query: string): readonly PaletteItem[] {
  if (query.startsWith('/')) return pathItems(state, query);
  const used = state.settings.usedCommands;
  const all = [...commandItems(state), ...tabItems(state), ...placeItems(state), ...recentItems(state)];
  if (query.trim() === '') {
    const rank = ({ id }: PaletteItem): number => { const at = used.indexOf(id.slice('command:'.length)); return at < 0 ? used.length : at; };
    return all.toSorted((a, b) => rank(a) - rank(b)).slice(0, MAX_SHOWN);
  }
  return all
    .map((item) => ({ item, score: Math.max(fuzzyScore(query, item.label) ?? -1, (fuzzyScore(query, `${item.kind} ${item.label}`) ?? -1) - 400) }))
    .filter(({ score }) => score > 0)
    .toSorted((a, b) => Number(a.item.reason !== undefined) - Number(b.item.reason !== undefined) || b.score - a.score)
    .slice(0, MAX_SHOWN)
    .map(({ item }) => item);
}

function commandItems(state: AppState): PaletteItem[] {
  return commands.filter(({ id }) => id !== 'palette').map((command) => {
    const enabled = command.enabled(state);
    return {
      id: `command:${command.id}`, label: command.label, kind: texts.groups[command.group], icon: command.icon, keys: command.keys[0], reason: enabled === true ? undefined : enabled,
      run() {
        prefer({ usedCommands: [command.id, ...getApp().settings.usedCommands.filter((id) => id !== command.id)].slice(0, MAX_USED) });
        runCommand(command.id);
      },
    };
  });
}

function tabItems(state: AppState): PaletteItem[] {
  return state.tabs.filter((tab) => tab.id !== state.active).map((tab) => ({ id: `tab:${tab.id}`, label: tab.source.name, kind: t.kinds.tab, icon: HardDrive, run: () => setApp({ active: tab.id }) }));
}

function recentItems(state: AppState): PaletteItem[] {
  const open = new Set(state.tabs.map(({ source }) => source.path));
  return state.recents.filter(({ path }) => !open.has(path)).map((recent) => ({
    id: `recent:${recent.token}`, label: displayName(recent.name), kind: t.kinds.recent, icon: Clock, reason: recent.missing ? texts.welcome.missing : undefined, run: () => openSources([recent]),
  }));
}

/** The volumes of the active image. */
function placeItems(state: AppState): PaletteItem[] {
  const tab = activeTab(state);
  if (tab?.info === undefined) return [];
  const flat = (shown: Shown): Shown[] => [shown, ...shown.children.flatMap(flat)];
  return shownTree(tab.info).flatMap(flat).filter(({ layer }) => layer.kind !== 'container').map(({ layer, content }) => ({
    id: `place:${layer.path}`, label: layer.label || content.label || (layer.kind === 'volume' ? texts.table.volume(layer.volume?.number) : layer.title), kind: t.kinds.place, icon: HardDrive,
    run: () => goToLayer(tab.id, content),
  }));
}

/** A path goes to that folder of the filesystem that is shown, or of the image's only one. */
function pathItems(state: AppState, path: string): PaletteItem[] {
  const tab = activeTab(state);
  const open = tab?.info?.layers.filter(isOpenFilesystem) ?? [];
  const layer = folderOf(tab)?.layer ?? (open.length === 1 ? open[0]!.path : undefined);
  return [{
    id: 'path', label: t.go(path), kind: t.kinds.path, icon: CornerDownRight, reason: layer === undefined ? texts.reasons.noFolder : undefined,
    run() {
      if (tab === undefined || layer === undefined) return;
      void goToPath(tab.id, layer, path).then((wrong) => { if (wrong !== undefined) notify({ text: wrong, tone: 'warning' }); });
    },
  }];
}
