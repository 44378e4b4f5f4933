import { Binary, Copy, Download, FolderOpen, Route } from 'lucide-react';
import type { LayerRow } from '../../shared/contract/rows.ts';
import { showBytes } from '../app/bytes.ts';
import { placeOf, placeOfLayer } from '../app/navigation.ts';
import { services } from '../app/services.ts';
import { activeTab, type AppState, getApp, setApp, type Tab } from '../app/state.ts';
import { openVolume } from '../app/tabs.ts';
import { contentOf, isOpenFilesystem, isPartition, layerAt } from '../models/layers.ts';
import { mountOf } from '../models/mounts.ts';
import { texts } from '../texts/index.ts';
import { notify } from '../ui/toasts.ts';
import { type Command, reasons } from './command.ts';

const t = texts.volumeCommands;

/** What volume commands are about: the volume chosen on a table's page, else the layer that is shown. */
interface Target {
  readonly tab: Tab;
  readonly layer: LayerRow;
  /** What is in it, or the layer itself. */
  readonly content: LayerRow | undefined;
}

export function volumeTarget(state: AppState): Target | undefined {
  const tab = activeTab(state);
  const here = tab === undefined ? undefined : placeOf(tab);
  if (tab?.info === undefined || here === undefined) return undefined;
  const chosen = here.kind === 'layer' && tab.volume !== undefined && tab.volume.startsWith(`${here.layer}/`) ? layerAt(tab.info, tab.volume) : undefined;
  const layer = chosen ?? layerAt(tab.info, here.layer);
  return layer && { tab, layer, content: layer.kind === 'volume' ? contentOf(tab.info, layer) : layer };
}

function onVolume(check: (target: Target) => true | string): Command['enabled'] {
  return (state) => {
    const target = volumeTarget(state);
    return target === undefined ? (activeTab(state)?.state === 'open' ? t.noVolume : reasons.noImage) : check(target);
  };
}

function runOn(run: (target: Target) => void | Promise<void>): Command['run'] {
  return () => {
    const target = volumeTarget(getApp());
    return target === undefined ? undefined : run(target);
  };
}

const uuidOf = ({ layer, content }: Target): string => content?.uuid || layer.uuid;

/** What is done with a volume as a whole. */
export const volumeCommands: readonly Command[] = [
  {
    id: 'open-volume', label: t.open, icon: FolderOpen, group: 'volume', keys: [],
    enabled: onVolume(({ layer }) => (layer.kind !== 'volume' || isPartition(layer) ? true : t.free)),
    run: runOn(({ tab, layer, content }) => openVolume(tab.id, content ?? layer)),
  },
  {
    id: 'open-with', label: t.openWith, icon: Route, group: 'volume', keys: [],
    enabled: onVolume(({ content }) => (content === undefined ? t.free : true)),
    run: runOn(({ tab, content }) => { if (content !== undefined) setApp({ dialog: { kind: 'open-with', tab: tab.id, layer: content.path } }); }),
  },
  {
    id: 'extract-volume', label: t.extractAll, icon: Download, group: 'volume', keys: [],
    enabled: onVolume(({ content }) => (content === undefined ? t.free : isOpenFilesystem(content) ? true : t.notOpen)),
    run: runOn(({ tab, content }) => {
      const folder = content === undefined ? undefined : placeOfLayer(content);
      if (folder?.kind === 'folder') setApp({ dialog: { kind: 'extract', tab: tab.id, layer: folder.layer, what: { folder, entries: undefined } } });
    }),
  },
  {
    id: 'volume-bytes', label: t.showBytes, icon: Binary, group: 'volume', keys: [],
    enabled: onVolume(({ layer }) => (layer.size > 0 ? true : t.noBytes)),
    run: runOn(({ tab, layer }) => showBytes(tab.id, layer.path)),
  },
  {
    id: 'copy-uuid', label: t.copyUuid, icon: Copy, group: 'volume', keys: [],
    enabled: onVolume((target) => (uuidOf(target) === '' ? t.noUuid : true)),
    run: runOn(async (target) => {
      await services().app.call('text.copy', { text: uuidOf(target) });
      notify({ text: texts.copied });
    }),
  },
];

const menuWith = (mounts: readonly string[]): readonly (string | null)[] => ['open-volume', 'open-with', null, ...mounts, null, 'check', 'guest-log', 'guest-overlay', 'extract-volume', 'volume-bytes', 'copy-uuid', null, 'properties'];

const FREE_MENU = menuWith(['mount', 'mount-with']);
const MOUNTED_MENU = menuWith(['show-mount', 'copy-mount', 'unmount']);

/** What the context menu of volumes shows, in order; null is a line. */
export function volumeMenu(state: AppState): readonly (string | null)[] {
  const target = volumeTarget(state);
  return target?.content !== undefined && mountOf(target.tab.mounted, target.content.path) !== undefined ? MOUNTED_MENU : FREE_MENU;
}
