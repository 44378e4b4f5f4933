import { create } from 'zustand';
import type { Crumb, ImageInfo, SpaceSnapshot } from '../../shared/contract/rows.ts';
import { itemsOf, pathTo, type SpaceItem } from '../models/treemap.ts';
import { texts } from '../texts/index.ts';
import { goTo, placeOf } from './navigation.ts';
import { type ErrorData, errorOf, isCancelled } from './services.ts';
import { announce, type FolderPlace, findTab, type SpacePlace, type Tab } from './state.ts';

/** What a tab's page of space shows. */
interface SpaceView {
  readonly place: SpacePlace;
  /** Undefined before the first word of the host. */
  readonly snapshot?: SpaceSnapshot;
  readonly items?: ReturnType<typeof itemsOf>;
  readonly error?: ErrorData;
  /** Tones of the topmost folders, by key, in the order in which they were first seen: a folder keeps its own while others grow past it. */
  readonly hues: ReadonlyMap<string, number>;
  /** The item that is chosen in map and list, by its key. */
  readonly chosen?: string | undefined;
}

/** Tones that there are. */
const HUES = 6;

/** By tab. */
export const useSpace = create<Readonly<Record<number, SpaceView>>>(() => ({}));

/** Whole answers of an image that are kept: going back to a folder measures nothing again. What is noticed in an image makes it another. */
const KEPT = 20;
const kept = new WeakMap<ImageInfo, Map<string, SpaceSnapshot>>();

/** Follows what takes the space at a place, until the answer to this is called. What is known of it already is shown at once. */
export function followSpace(id: number, place: SpacePlace): () => void {
  const tab = findTab(id);
  if (tab?.host === undefined || tab.info === undefined) return () => {};
  const { host, info } = tab;
  const top = place.crumbs.at(-1)!;
  const name = top.display === '' ? tab.source.name : top.display;
  const key = `${place.layer} ${top.node}`;
  const whole = kept.get(info)?.get(key);
  const before = useSpace.getState()[id];
  show(id, { place, hues: new Map(), chosen: before === undefined ? undefined : chosenFrom(before, place) }, whole ?? (before && partOf(before, place)));
  if (whole !== undefined) return () => {};
  const abort = new AbortController();
  const follow = async (): Promise<void> => {
    try {
      for await (const snapshot of host.stream('space.start', { layer: place.layer, node: top.node, name: top.name }, abort.signal)) {
        if (abort.signal.aborted) return;
        show(id, useSpace.getState()[id] ?? { place, hues: new Map() }, snapshot);
        if (!snapshot.done) continue;
        keep(info, key, snapshot);
        announce(texts.space.done(name, snapshot.tree.size));
      }
    } catch (error) {
      if (!abort.signal.aborted && !isCancelled(error)) useSpace.setState({ [id]: { place, hues: new Map(), error: errorOf(error) } });
    }
  };
  void follow();
  return () => abort.abort();
}

/** Forgets what a tab showed that is closed. */
export function forgetSpace(id: number): void {
  useSpace.setState((views) => Object.fromEntries(Object.entries(views).filter(([tab]) => Number(tab) !== id)), true);
}

/** Chooses an item of the map or the list. */
export function chooseSpace(id: number, chosen: string | undefined): void {
  const view = useSpace.getState()[id];
  if (view !== undefined) useSpace.setState({ [id]: { ...view, chosen } });
}

/** The item that is chosen, with the folders from the root down to the one that it is in. */
export function chosenSpace(tab: Tab): { readonly item: SpaceItem; readonly folder: FolderPlace } | undefined {
  const view = useSpace.getState()[tab.id];
  const place = placeOf(tab);
  const item = view?.chosen === undefined ? undefined : view.items?.byKey.get(view.chosen);
  if (item?.above === undefined || place?.kind !== 'space' || view?.place !== place) return undefined;
  return { item, folder: { kind: 'folder', layer: place.layer, crumbs: [...place.crumbs, ...pathTo(item).slice(0, -1).map(crumbOf)] } };
}

/** Goes into a folder of the map; of anything else, to where it lies in its folder. */
export function enterSpace(tab: Tab, key: string): void {
  chooseSpace(tab.id, key);
  const chosen = chosenSpace(tab);
  if (chosen === undefined) return;
  const { item, folder } = chosen;
  if (item.node.type === 'dir') goTo(tab.id, { kind: 'space', layer: folder.layer, crumbs: [...folder.crumbs, crumbOf(item)] });
  else goTo(tab.id, folder, item.node.node);
}

function show(id: number, view: SpaceView, snapshot: SpaceSnapshot | undefined): void {
  if (snapshot === undefined) {
    useSpace.setState({ [id]: view });
    return;
  }
  const items = itemsOf(snapshot.tree);
  const hues = new Map(view.hues);
  for (const { key, node } of items.top.children) if (node.type === 'dir' && !hues.has(key)) hues.set(key, hues.size % HUES);
  useSpace.setState({ [id]: { ...view, snapshot, items, hues } });
}

function keep(info: ImageInfo, key: string, snapshot: SpaceSnapshot): void {
  const all = kept.get(info) ?? new Map<string, SpaceSnapshot>();
  kept.set(info, all);
  all.set(key, snapshot);
  for (const oldest of all.keys()) {
    if (all.size <= KEPT) break;
    all.delete(oldest);
  }
}

function crumbOf({ node: { node, name, display } }: SpaceItem): Crumb {
  return { node, name, display };
}

/** Whether a place is in the folder of another, or the same. */
function isIn(inner: SpacePlace, outer: SpacePlace): boolean {
  return inner.layer === outer.layer && inner.crumbs.length >= outer.crumbs.length && outer.crumbs.every(({ node }, i) => inner.crumbs[i]!.node === node);
}

/** What is known of a place from a snapshot of a folder around it. */
function partOf(before: SpaceView, place: SpacePlace): SpaceSnapshot | undefined {
  if (before.snapshot === undefined || !isIn(place, before.place)) return undefined;
  const item = before.items?.byKey.get(place.crumbs.slice(before.place.crumbs.length - 1).map(({ node }) => node).join('/'));
  return item === undefined || item.node.type !== 'dir' ? undefined : { tree: item.node, directories: 0, unreadable: 0, problems: [], done: false };
}

/** Coming from a folder below, that folder is chosen. */
function chosenFrom(before: SpaceView, place: SpacePlace): string | undefined {
  const { length } = place.crumbs;
  return isIn(before.place, place) && before.place.crumbs.length > length ? before.place.crumbs.slice(length - 1, length + 1).map(({ node }) => node).join('/') : undefined;
}
