import type { Crumb, EntryRow, LayerRow } from '../../shared/contract/rows.ts';
import type { Settings, SettingsPatch } from '../../shared/contract/settings.ts';
import { back, forward, type History, visit } from '../models/history.ts';
import { isOpenFilesystem, layerAt, parentPath } from '../models/layers.ts';
import { RowCache } from '../models/rows.ts';
import { clamped, only } from '../models/selection.ts';
import { texts } from '../texts/index.ts';
import { errorOf, isCancelled } from './services.ts';
import { announce, findTab, getApp, type Memory, NOTHING_SELECTED, patchTab, type Place, setApp, type Tab } from './state.ts';
import { isKeeping, keepSettings } from './settings.ts';

/** The scroll position of the grid on the screen, which only the grid knows. */
let readScroll: () => number = () => 0;

export function provideScroll(read: () => number): () => void {
  readScroll = read;
  return () => {
    if (readScroll === read) readScroll = () => 0;
  };
}

/** A filesystem's place is its root, any other layer's its page. */
export function placeOfLayer(layer: LayerRow): Place {
  return isOpenFilesystem(layer) && layer.filesystem !== undefined
    ? { kind: 'folder', layer: layer.path, crumbs: [{ node: layer.filesystem.root, name: '', display: '' }] }
    : { kind: 'layer', layer: layer.path };
}

export function placeOf(tab: Tab): Place | undefined {
  return tab.history?.present.place;
}

/** The folder that a tab shows, if it shows one. */
export function folderOf(tab: Tab | undefined): Extract<Place, { kind: 'folder' }> | undefined {
  const place = tab === undefined ? undefined : placeOf(tab);
  return place?.kind === 'folder' ? place : undefined;
}

/** "/etc/ssl", as the image means it, or escaped for showing. */
export function pathOf(crumbs: readonly Crumb[], form: 'name' | 'display', last?: { name: string; display: string }): string {
  const names = crumbs.slice(1).map((crumb) => crumb[form]);
  if (last !== undefined) names.push(last[form]);
  return `/${names.join('/')}`;
}

export function goTo(id: number, place: Place): void {
  const tab = findTab(id);
  if (tab?.history === undefined) return;
  setApp({ active: id });
  if (samePlace(placeOf(tab), place)) return;
  move(tab, visit(tab.history, place, memoryOf(tab)));
}

export function goToLayer(id: number, layer: LayerRow): void {
  goTo(id, placeOfLayer(layer));
}

export function goBack(tab: Tab): void {
  move(tab, tab.history && back(tab.history, memoryOf(tab)));
}

export function goForward(tab: Tab): void {
  move(tab, tab.history && forward(tab.history, memoryOf(tab)));
}

/** Where "up" leads: the folder above; from a root, the page of the layer around it. */
export function placeAbove(tab: Tab): Place | undefined {
  const place = placeOf(tab);
  if (place === undefined || tab.info === undefined) return undefined;
  if (place.kind === 'folder' && place.crumbs.length > 1) return { ...place, crumbs: place.crumbs.slice(0, -1) };
  // A volume is shown together with what is in it, so up from either is the table.
  let path = parentPath(place.layer);
  if (path !== undefined && layerAt(tab.info, path)?.kind === 'volume') path = parentPath(path);
  return path === undefined ? undefined : { kind: 'layer', layer: path };
}

export function goUp(tab: Tab): void {
  const above = placeAbove(tab);
  const here = placeOf(tab);
  if (above === undefined || tab.history === undefined) return;
  const from = here?.kind === 'folder' && here.crumbs.length > 1 ? here.crumbs.at(-1)?.node : undefined;
  move(tab, visit(tab.history, above, memoryOf(tab)), from);
}

/** Enter and double click: folders, and symlinks that lead to one, are entered. Answers whether it did. */
export async function enter(tab: Tab, row: EntryRow): Promise<boolean> {
  const place = folderOf(tab);
  if (place === undefined || row.error !== undefined) return false;
  if (row.type === 'dir') {
    goTo(tab.id, { ...place, crumbs: [...place.crumbs, { node: row.node, name: row.name, display: row.display }] });
    return true;
  }
  if (row.type === 'symlink' && row.targetType === 'dir') {
    await goToPath(tab.id, place.layer, pathOf(place.crumbs, 'name', row));
    return true;
  }
  return false;
}

/** Goes to a path of a filesystem; symlinks are followed inside the image. Answers what was wrong, if anything. */
export async function goToPath(id: number, layer: string, path: string): Promise<string | undefined> {
  const tab = findTab(id);
  if (tab?.host === undefined) return undefined;
  try {
    const { crumbs } = await tab.host.call('path.resolve', { layer, path });
    goTo(id, { kind: 'folder', layer, crumbs });
    return undefined;
  } catch (error) {
    return errorOf(error).message;
  }
}

export function orderOf(settings: Settings): string {
  return `${settings.sort.key} ${settings.sort.descending} ${settings.hidden}`;
}

/** Changes settings, here at once and for the next start. */
export function prefer(patch: SettingsPatch): void {
  showSettings({ ...getApp().settings, ...patch });
  keepSettings(patch);
}

/** The app tells what the settings are: at the start, and when another window changed them. */
export function receiveSettings(settings: Settings): void {
  if (!isKeeping()) showSettings(settings);
}

/** A new order opens the listings anew, with the focused entry kept. */
function showSettings(settings: Settings): void {
  const before = getApp().settings;
  setApp({ settings });
  if (orderOf(before) === orderOf(settings)) return;
  for (const tab of getApp().tabs) {
    if (tab.listing === undefined) continue;
    const focus = tab.listing.rows?.get(tab.selection.focus);
    showPlace(tab.id, focus?.node);
  }
}

/** Opens the listing of the tab's present place. `focus`: a node to select when it is there. */
export function showPlace(id: number, focus?: number): void {
  const tab = findTab(id);
  const place = folderOf(tab);
  if (tab === undefined) return;
  const before = tab.listing;
  before?.rows?.close();
  if (before?.view !== undefined) {
    tab.host?.call('view.close', { view: before.view.view }).catch(() => {
      // The host is gone, and the view with it.
    });
  }
  if (place === undefined) {
    patchTab(id, { listing: undefined, selection: NOTHING_SELECTED });
    return;
  }
  void openListing(id, place, focus);
}

async function openListing(id: number, place: Extract<Place, { kind: 'folder' }>, focus: number | undefined): Promise<void> {
  const tab = findTab(id);
  const host = tab?.host;
  if (tab === undefined || host === undefined) return;
  const { settings } = getApp();
  const listing = { place, scroll: 0 };
  patchTab(id, { listing, selection: NOTHING_SELECTED });
  const isCurrent = (): boolean => findTab(id)?.listing === listing;
  const node = place.crumbs.at(-1)!.node;
  try {
    const view = await host.call('view.open', { layer: place.layer, node, sort: { ...settings.sort }, hidden: settings.hidden });
    if (!isCurrent()) {
      await host.call('view.close', { view: view.view });
      return;
    }
    const rows = new RowCache<EntryRow>(view.count, (from, count, signal) => host.call('view.rows', { view: view.view, from, count }, signal));
    rows.want(0, Math.min(view.count, 200));
    const memory = findTab(id)?.history?.present.memory;
    const remembered = memory !== undefined && memory.order === orderOf(settings) && focus === undefined;
    let selection = remembered ? clamped(memory.selection, view.count) : NOTHING_SELECTED;
    if (focus !== undefined) {
      const { index } = await host.call('view.index', { view: view.view, node: focus });
      if (!isCurrent()) return;
      if (index !== undefined) selection = only(index);
    }
    patchTab(id, { listing: { place, view, rows, scroll: remembered ? memory.scroll : 0 }, selection });
    const last = place.crumbs.at(-1)!;
    announce(texts.grid.announce(last.display === '' ? '/' : last.display, view.count));
  } catch (error) {
    if (isCurrent() && !isCancelled(error)) patchTab(id, { listing: { ...listing, error: errorOf(error) } });
  }
}

function memoryOf(tab: Tab): Memory | undefined {
  return tab.listing?.rows === undefined ? undefined : { selection: tab.selection, scroll: readScroll(), order: orderOf(getApp().settings) };
}

function move(tab: Tab, history: History<Place, Memory> | undefined, focus?: number): void {
  if (history === undefined) return;
  patchTab(tab.id, { history });
  setApp({ editingPath: false, menu: undefined });
  showPlace(tab.id, focus);
}

function samePlace(a: Place | undefined, b: Place): boolean {
  if (a === undefined || a.kind !== b.kind || a.layer !== b.layer) return false;
  if (a.kind === 'layer' || b.kind === 'layer') return true;
  return a.crumbs.length === b.crumbs.length && a.crumbs.every((crumb, i) => crumb.node === b.crumbs[i]!.node && crumb.name === b.crumbs[i]!.name);
}
