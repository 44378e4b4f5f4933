import { Copy, FolderOpen, Plug, SlidersHorizontal, Unplug } from 'lucide-react';
import type { MountRow } from '../../shared/contract/mounts.ts';
import { canShow, copyMount, mountNow, showMount, unmount } from '../app/mounts.ts';
import { type AppState, findTab, getApp, setApp, type Tab } from '../app/state.ts';
import { openWaiting } from '../app/tabs.ts';
import { bestGuest } from '../models/guests.ts';
import { isOpenFilesystem } from '../models/layers.ts';
import { whyNone } from '../models/mounts.ts';
import { texts } from '../texts/index.ts';
import { type Command, reasons } from './command.ts';
import { volumeTarget } from './volume.ts';

const t = texts.mount;

/** The volume that is chosen on a table's page, else the filesystem that is shown, as far as it can be mounted, be it that its guest opens it first; or why it can't. */
function mountable(state: AppState): { readonly tab: Tab; readonly layer: string } | string {
  const target = volumeTarget(state);
  if (target === undefined) return reasons.noImage;
  const { tab, content } = target;
  if (content === undefined) return texts.volumeCommands.free;
  if (isOpenFilesystem(content)) return { tab, layer: content.path };
  if (content.waiting !== true || bestGuest(content) === undefined) return t.reasons.notOpen;
  return tab.entering === undefined ? { tab, layer: content.path } : t.reasons.opening;
}

/** Does something with a volume whose files can be read: one that waits for its guest is opened before. */
async function withOpen(run: (tab: Tab, layer: string) => void | Promise<void>): Promise<void> {
  const volume = mountable(getApp());
  if (typeof volume === 'string' || !(await openWaiting(volume.tab.id, volume.layer))) return;
  const tab = findTab(volume.tab.id);
  if (tab !== undefined) await run(tab, volume.layer);
}

/** The mount of that volume. */
function mountAt(state: AppState): MountRow | undefined {
  const volume = mountable(state);
  if (typeof volume === 'string') return undefined;
  const mounts = (volume.tab.mounted ?? []).filter(({ layer }) => layer === volume.layer);
  return mounts.find(({ state: at }) => at === 'mounted') ?? mounts[0];
}

/** Whether it can be mounted as things stand. */
function free(state: AppState): true | string {
  const volume = mountable(state);
  if (typeof volume === 'string') return volume;
  if (volume.tab.mounting?.includes(volume.layer) === true) return t.reasons.mounting;
  const mount = mountAt(state);
  return mount === undefined || mount.state === 'leaving' ? true : t.reasons.already(mount.at);
}

function onMount(check: (mount: MountRow) => true | string): Command['enabled'] {
  return (state) => {
    const volume = mountable(state);
    if (typeof volume === 'string') return volume;
    const mount = mountAt(state);
    return mount === undefined ? t.reasons.notMounted : check(mount);
  };
}

function runOn(run: (tab: Tab, mount: MountRow) => void | Promise<void>): Command['run'] {
  return () => {
    const volume = mountable(getApp());
    const mount = mountAt(getApp());
    return typeof volume === 'string' || mount === undefined ? undefined : run(volume.tab, mount);
  };
}

/** A volume as a folder for other programs. */
export const mountCommands: readonly Command[] = [
  {
    id: 'mount', label: t.command, icon: Plug, group: 'volume', keys: ['Mod+Shift+M'],
    enabled(state) {
      const can = free(state);
      if (can !== true) return can;
      const why = whyNone(volumeTarget(state)?.tab.mountProviders);
      return why === undefined ? true : why === '' ? t.reasons.none : why;
    },
    run: () => withOpen(({ id }, layer) => mountNow(id, layer)),
  },
  {
    id: 'mount-with', label: t.with, icon: SlidersHorizontal, group: 'volume', keys: [], enabled: free,
    run: () => withOpen(({ id }, layer) => setApp({ dialog: { kind: 'mount', tab: id, layer } })),
  },
  {
    id: 'show-mount', label: t.show, icon: FolderOpen, group: 'volume', keys: [],
    enabled: onMount((mount) => (canShow(mount) ? true : mount.mounted ? t.reasons.notHere : t.reasons.noFolder)), run: runOn((tab, mount) => showMount(tab.id, mount)),
  },
  { id: 'copy-mount', label: t.copyPath, icon: Copy, group: 'volume', keys: [], enabled: onMount(() => true), run: runOn((tab, mount) => copyMount(tab.id, mount)) },
  {
    id: 'unmount', label: t.unmount, icon: Unplug, group: 'volume', keys: [],
    enabled: onMount(({ state }) => (state === 'mounted' ? true : state === 'leaving' ? t.reasons.leaving : t.reasons.unmounting)), run: runOn((tab, mount) => unmount(tab.id, mount)),
  },
];
