import type { Crumb, EntryRow, LayerRow, View } from '../../shared/contract/rows.ts';
import type { Settings, SettingsPatch } from '../../shared/contract/settings.ts';
import { back, forward, type History, visit } from '../models/history.ts';
import type { ImageInfo } from '../../shared/contract/rows.ts';
import { isOpenFilesystem, layerAt, parentPath } from '../models/layers.ts';
import { ROWS } from '../models/list-scroll.ts';
import { BLOCK, RowCache } from '../models/rows.ts';
import { clamped, only, type Selection } from '../models/selection.ts';
import { texts } from '../texts/index.ts';
import { takeAhead } from './ahead.ts';
import { errorOf, type HostClient, isCancelled } from './services.ts';
import { announce, findTab, getApp, type Goal, type FolderPlace, type Listing, type Memory, NOTHING_SELECTED, patchTab, type Place, type SearchPlace, setApp, type Tab } from './state.ts';
import { openSearch, type Search, searchOf } from './search.ts';
import { isKeeping, keepSettings } from './settings.ts';

/** The scroll position of the grid on the screen, which only the grid knows. */
let readScroll: () => number = () => 0;

export function provideScroll(read: () => number): () => void {
  readScroll = read;
  return () => {
    if (readScroll === read) readScroll = () => 0;
  };
}

/** Where lists were scrolled to when their tab was left for another. */
const leftAt = new WeakMap<RowCache<EntryRow>, number>();

export function leaveScroll(rows: RowCache<EntryRow>, scroll: number): void {
  leftAt.set(rows, scroll);
}

export function leftScroll(rows: RowCache<EntryRow> | undefined): number | undefined {
  return rows && leftAt.get(rows);
}

/** Where a tab's list is scrolled to, on the screen or not. */
function scrollOf({ id, listing }: Tab): number {
  return id === getApp().active ? readScroll() : (leftScroll(listing?.rows) ?? listing?.scroll ?? 0);
}

/** Listings on their way, by tab: a newer one cancels the one before. */
const openings = new Map<number, AbortController>();

/** Cancels what is on its way for a tab's list; nothing is heard from it again. */
export function leaveListing({ id, listing }: Tab): void {
  openings.get(id)?.abort();
  openings.delete(id);
  listing?.rows?.close();
}

/** A filesystem's place is its root, any other layer's its page. */
export function placeOfLayer(layer: LayerRow): Place {
  return isOpenFilesystem(layer) && layer.filesystem !== undefined
    ? { kind: 'folder', layer: layer.path, crumbs: [{ node: layer.filesystem.root, name: '', display: '' }] }
    : { kind: 'layer', layer: layer.path };
}

export function placeOf(tab: Pick<Tab, 'history'>): Place | undefined {
  return tab.history?.present.place;
}

/** The folder that a tab shows, or below which it shows what a search found. The rows of a search are in others: see `folderOfRow`. */
export function folderOf(tab: Pick<Tab, 'history'> | undefined): FolderPlace | undefined {
  const place = tab === undefined ? undefined : placeOf(tab);
  if (place?.kind === 'search') return place.start;
  return place?.kind === 'folder' ? place : undefined;
}

/** The folder that a row of a tab's list is in. */
export function folderOfRow(tab: Tab, row: EntryRow): FolderPlace | undefined {
  const place = folderOf(tab);
  const found = searchOf(tab.listing?.search);
  return place === undefined || found === undefined ? place : { ...place, crumbs: found.rows.crumbsOf(row) };
}

/** "/etc/ssl", as the image means it, or escaped for showing. */
export function pathOf(crumbs: readonly Crumb[], form: 'name' | 'display', last?: { name: string; display: string }): string {
  const names = crumbs.slice(1).map((crumb) => crumb[form]);
  if (last !== undefined) names.push(last[form]);
  return `/${names.join('/')}`;
}

/** Where a tab is, so that it can be opened there again; where it was to go, while it is not there yet. */
export function goalOf(tab: Tab): Goal | undefined {
  const place = placeOf(tab);
  if (place === undefined) return tab.goal;
  const folder = folderOf(tab);
  return { place: { layer: place.layer, ...(folder === undefined ? {} : { path: pathOf(folder.crumbs, 'name') }) }, memory: memoryOf(tab) };
}

/** The place of a goal; undefined when the image has no such place any longer. */
export async function placeOfGoal({ place: { layer, path } }: Goal, info: ImageInfo, host: HostClient): Promise<Place | undefined> {
  const there = layerAt(info, layer);
  if (there === undefined) return undefined;
  if (path === undefined || !isOpenFilesystem(there)) return { kind: 'layer', layer };
  try {
    return { kind: 'folder', layer, crumbs: (await host.call('path.resolve', { layer, path })).crumbs };
  } catch {
    // Renamed or removed since: the image opens where it begins.
    return undefined;
  }
}

/** Goes by the history to a place that the tab was at, `steps` back (or, below 0, forward). */
export function goSteps(id: number, steps: number): void {
  const tab = findTab(id);
  if (tab === undefined) return;
  let { history } = tab;
  let leaving = memoryOf(tab);
  for (let i = 0; i < Math.abs(steps) && history !== undefined; i++) {
    history = steps > 0 ? back(history, leaving) : forward(history, leaving);
    // What lies between keeps what it looked like.
    leaving = history?.present.memory;
  }
  move(tab, history);
}

/** `focus`: a node to select there. */
export function goTo(id: number, place: Place, focus?: number): void {
  const tab = findTab(id);
  if (tab?.history === undefined) return;
  // Before another list is on the screen.
  const memory = memoryOf(tab);
  setApp({ active: id });
  if (samePlace(placeOf(tab), place)) return;
  move(tab, visit(tab.history, place, memory), focus);
}

/** Goes to a place instead of the present one, which nobody goes back to. */
export function replacePlace(id: number, place: Place): void {
  const tab = findTab(id);
  if (tab?.history === undefined) return;
  patchTab(id, { history: { ...tab.history, present: { place } } });
  showPlace(id);
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
  if (place.kind === 'search') return place.start;
  if (place.kind === 'log') return { kind: 'layer', layer: place.layer };
  if (place.kind === 'bytes') return place.file?.folder ?? { kind: 'layer', layer: place.layer };
  if ((place.kind === 'folder' || place.kind === 'space') && place.crumbs.length > 1) return { ...place, crumbs: place.crumbs.slice(0, -1) };
  if (place.kind === 'space') return { ...place, kind: 'folder' };
  // A volume is shown together with what is in it, so up from either is the table.
  let path = parentPath(place.layer);
  if (path !== undefined && layerAt(tab.info, path)?.kind === 'volume') path = parentPath(path);
  return path === undefined ? undefined : { kind: 'layer', layer: path };
}

export function goUp(tab: Tab): void {
  const above = placeAbove(tab);
  const here = placeOf(tab);
  if (above === undefined || tab.history === undefined) return;
  const from = here?.kind === 'bytes' ? here.file?.node : here?.kind === 'folder' && here.crumbs.length > 1 ? here.crumbs.at(-1)?.node : undefined;
  move(tab, visit(tab.history, above, memoryOf(tab)), from);
}

/** Goes to the folder that a row of a search's is in, and selects it there. */
export function showInFolder(tab: Tab, row: EntryRow): void {
  const folder = folderOfRow(tab, row);
  if (folder !== undefined) goTo(tab.id, folder, row.node);
}

/** Enter and double click: folders, and symlinks that lead to one, are entered; what else a search found is shown in its folder. Answers whether it went. */
export async function enter(tab: Tab, row: EntryRow): Promise<boolean> {
  const place = folderOfRow(tab, row);
  if (place === undefined) return false;
  if (tab.listing?.search !== undefined && (row.error !== undefined || (row.type !== 'dir' && row.targetType !== 'dir'))) {
    showInFolder(tab, row);
    return true;
  }
  if (row.error !== undefined) return false;
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

/** Goes to a path of a filesystem in the tab on the screen; symlinks are followed inside the image. Answers what was wrong, if anything. */
export async function goToPath(id: number, layer: string, path: string): Promise<string | undefined> {
  const tab = findTab(id);
  if (tab?.host === undefined) return undefined;
  try {
    const { crumbs } = await tab.host.call('path.resolve', { layer, path });
    const now = findTab(id);
    // Whoever went elsewhere meanwhile stays there.
    if (now?.history?.past !== tab.history?.past || getApp().active !== id) return undefined;
    goTo(id, { kind: 'folder', layer, crumbs });
    return undefined;
  } catch (error) {
    return errorOf(error).message;
  }
}

function orderOf(settings: Settings): string {
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

/** What is selected once a folder is listed again: what was, wherever it stands now; the node that is wanted; the same rows, where the host has closed the old list ('anew'). 'quiet': as 'keep', for what the person was told of in other words. */
type Again = 'keep' | 'quiet' | 'select' | 'anew';

/** Opens the listing of the tab's present place. `focus`: a node to select when it is there. */
export function showPlace(id: number, focus?: number, again: Again = 'keep'): void {
  const tab = findTab(id);
  if (tab === undefined) return;
  const place = placeOf(tab);
  if (place?.kind !== 'folder' || !stays(tab, place)) closeListing(tab, tab.listing);
  if (place?.kind === 'folder') void openListing(id, place, focus, again);
  else {
    openings.get(id)?.abort();
    if (place?.kind === 'search') showFound(tab, place);
    else patchTab(id, { listing: undefined, selection: NOTHING_SELECTED });
  }
}

/** Narrows the folder shown to the names that `filter` matches; undefined shows all. The focused entry is kept where it is among them. */
export function filterBy(tab: Tab, filter: string | undefined): void {
  if (filter === tab.filter) return;
  const focus = tab.listing?.rows?.get(tab.selection.focus)?.node;
  patchTab(tab.id, { filter });
  showPlace(tab.id, focus);
}

/** Shows the results of a search, as they were left; begins it where it has not begun yet. */
function showFound(tab: Tab, place: SearchPlace): void {
  if (tab.host === undefined) return;
  const viewOf = ({ rows, notes }: Search): View => ({ view: 0, count: rows.count, hidden: 0, filtered: 0, notes });
  const search = openSearch(place, getApp().settings.hidden, tab.host, (now) => {
    const listing = findTab(tab.id)?.listing;
    if (listing?.rows === now.rows) patchTab(tab.id, { listing: { ...listing, view: viewOf(now) } });
  });
  const memory = tab.listing?.rows === search.rows ? { selection: tab.selection, scroll: scrollOf(tab) } : tab.history?.present.memory;
  patchTab(tab.id, {
    listing: { place: place.start, rows: search.rows, view: viewOf(search), scroll: memory?.scroll ?? 0, search: place.search },
    selection: memory === undefined ? NOTHING_SELECTED : clamped(memory.selection, search.rows.count),
  });
}

/** A list in another order, or narrowed, stays until the new one is there, and what was selected stays selected. */
function stays({ listing }: Tab, place: FolderPlace): boolean {
  return listing?.place === place && listing.search === undefined && listing.view !== undefined;
}

function closeListing(tab: Tab, listing: Listing | undefined): void {
  listing?.rows?.close();
  if (listing?.view === undefined || listing.search !== undefined) return;
  tab.host?.call('view.close', { view: listing.view.view }).catch(() => {
    // The host is gone, and the view with it.
  });
}

/** Ranges of a selection that are found again in another order; the contract's own limit. */
const KEPT_RANGES = 10_000;

/** What is to be selected in a list that is on its way, unless the person selects something else: the same list is often asked for again before it is there. */
const reveals = new Map<number, { readonly place: FolderPlace; readonly node: number; readonly selection: Selection }>();

/** A key that is held down must not keep a list from being shown anew. */
const MOST_TRIES = 4;

/** @param tries how often the person had chosen something else by the time the list came */
async function openListing(id: number, place: FolderPlace, focus: number | undefined, again: Again, tries = 0): Promise<void> {
  const tab = findTab(id);
  const host = tab?.host;
  if (tab === undefined || host === undefined) return;
  const { settings } = getApp();
  const { filter } = tab;
  if (again === 'select' && focus !== undefined) reveals.set(id, { place, node: focus, selection: tab.selection });
  const waiting = reveals.get(id);
  const reveal = waiting?.place === place && waiting.selection === tab.selection ? waiting.node : undefined;
  if (reveal === undefined) reveals.delete(id);
  const before = stays(tab, place) ? tab.listing : undefined;
  const listing: Listing = before === undefined ? { place, scroll: 0 } : { ...before };
  patchTab(id, before === undefined ? { listing, selection: NOTHING_SELECTED } : { listing });
  openings.get(id)?.abort();
  const abort = new AbortController();
  openings.set(id, abort);
  const isCurrent = (): boolean => findTab(id)?.listing === listing;
  const memory = before === undefined && focus === undefined ? tab.history?.present.memory : undefined;
  const remembered = memory !== undefined && memory.order === orderOf(settings) && memory.filter === filter ? memory : undefined;
  // In another order than when it was left, the entry that the keyboard was on is looked for.
  const wanted = reveal ?? focus ?? (remembered === undefined ? memory?.node : undefined);
  const { ranges, focus: row, anchor } = tab.selection;
  try {
    const node = place.crumbs.at(-1)!.node;
    const plain = before === undefined && remembered === undefined && wanted === undefined && filter === undefined;
    const ahead = plain ? await takeAhead(host, place.layer, node, settings) : undefined;
    const view = ahead ?? await host.call('view.open', {
      layer: place.layer, node, sort: { ...settings.sort }, hidden: settings.hidden,
      page: { size: BLOCK, at: Math.floor((remembered?.scroll ?? 0) / ROWS[settings.density]), ...(wanted === undefined ? {} : { node: wanted }) },
      ...(filter === undefined ? {} : { filter }),
      ...(before?.view === undefined || again === 'anew' ? {} : { keep: { view: before.view.view, ranges: ranges.length > KEPT_RANGES ? [] : ranges.map(([from, to]) => [from, to] as [number, number]), focus: row, anchor } }),
    }, abort.signal);
    if (!isCurrent()) {
      await host.call('view.close', { view: view.view });
      return;
    }
    const chosen = findTab(id)!.selection;
    if (before !== undefined && chosen !== tab.selection && again !== 'anew' && tries < MOST_TRIES) {
      // In the list that still stands: what was chosen there is what counts, or the next key would be about something else.
      host.call('view.close', { view: view.view }).catch(() => {
        // The host is gone, and the view with it.
      });
      await openListing(id, place, undefined, again === 'select' ? 'quiet' : again, tries + 1);
      return;
    }
    const { page, kept } = view;
    const rows = new RowCache<EntryRow>(view.count, (from, count, signal) => host.call('view.rows', { view: view.view, from, count }, signal), page);
    const selection = reveal !== undefined && page?.index !== undefined ? only(page.index)
      : kept !== undefined ? { ...kept, focus: kept.focus < 0 ? Math.min(row, view.count - 1) : kept.focus }
      : before !== undefined && again === 'anew' ? clamped(chosen, view.count)
      : remembered !== undefined ? clamped(remembered.selection, view.count) : page?.index === undefined ? NOTHING_SELECTED : only(page.index);
    reveals.delete(id);
    patchTab(id, { listing: { place, view, rows, scroll: remembered?.scroll ?? 0 }, selection });
    closeListing(tab, before);
    const last = place.crumbs.at(-1)!;
    if (again === 'keep') announce(texts.grid.announce(last.display === '' ? '/' : last.display, view.count));
  } catch (error) {
    if (isCurrent() && !isCancelled(error)) patchTab(id, { listing: { ...listing, error: errorOf(error) } });
  }
}

/** What a search found stands in an order of its own, which is no folder's. */
function orderIn(tab: Tab): string {
  return tab.listing?.search === undefined ? orderOf(getApp().settings) : 'search';
}

function memoryOf(tab: Tab): Memory | undefined {
  const node = tab.listing?.rows?.get(tab.selection.focus)?.node;
  return tab.listing?.rows === undefined ? undefined : { selection: tab.selection, scroll: scrollOf(tab), order: orderIn(tab), filter: tab.filter, ...(node === undefined ? {} : { node }) };
}

function move(tab: Tab, history: History<Place, Memory> | undefined, focus?: number): void {
  if (history === undefined) return;
  const filter = history.present.memory?.filter;
  patchTab(tab.id, { history, filter, bar: filter === undefined ? undefined : 'filter' });
  setApp({ editingPath: false, menu: undefined, quickLook: false });
  showPlace(tab.id, focus);
}

function samePlace(a: Place | undefined, b: Place): boolean {
  if (a === undefined || a.kind !== b.kind || a.layer !== b.layer) return false;
  if (a.kind === 'layer' || b.kind === 'layer' || a.kind === 'log' || b.kind === 'log') return true;
  if (a.kind === 'bytes' || b.kind === 'bytes') return a.kind === 'bytes' && b.kind === 'bytes' && a.file?.node === b.file?.node && a.at === b.at;
  if (a.kind === 'search' || b.kind === 'search') return a.kind === 'search' && b.kind === 'search' && a.search === b.search;
  return a.crumbs.length === b.crumbs.length && a.crumbs.every((crumb, i) => crumb.node === b.crumbs[i]!.node && crumb.name === b.crumbs[i]!.name);
}
