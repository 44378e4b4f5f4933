import { create } from 'zustand';
import type { AppInfo, RecentRow, SourceToken } from '../../shared/contract/calls.ts';
import { DEFAULT_SETTINGS, type Settings } from '../../shared/contract/settings.ts';
import type { Crumb, EntryDetails, EntryRow, ImageInfo, SortKey, View } from '../../shared/contract/rows.ts';
import type { History } from '../models/history.ts';
import type { RowCache } from '../models/rows.ts';
import type { Ranges } from '../models/ranges.ts';
import { NOTHING_SELECTED, type Selection } from '../models/selection.ts';
import type { ErrorData, HostClient } from './services.ts';

/** Where a tab is: a folder of a filesystem, or the page of a layer. */
export type Place =
  | { readonly kind: 'folder'; readonly layer: string; readonly crumbs: readonly Crumb[] }
  | { readonly kind: 'layer'; readonly layer: string };

/** What a folder looked like when it was left. */
export interface Memory {
  readonly selection: Selection;
  readonly scroll: number;
  /** Sort and hidden files: under another order the rows stand elsewhere. */
  readonly order: string;
}

/** The folder that a tab shows. */
export interface Listing {
  readonly place: Extract<Place, { kind: 'folder' }>;
  readonly view?: View;
  readonly rows?: RowCache<EntryRow>;
  readonly error?: ErrorData;
  /** Where the grid begins, in pixels; read once when it appears. */
  readonly scroll: number;
}

/** An open image. */
export interface Tab {
  readonly id: number;
  readonly source: SourceToken;
  readonly state: 'opening' | 'open' | 'failed' | 'lost';
  /** Milliseconds since 1970. */
  readonly started: number;
  readonly image?: number;
  readonly host?: HostClient;
  readonly info?: ImageInfo;
  readonly error?: ErrorData;
  readonly history?: History<Place, Memory>;
  readonly listing?: Listing;
  readonly selection: Selection;
  /** The volume chosen in a table's map and list. */
  readonly volume?: string;
}

export type Dialog =
  | { readonly kind: 'open-path'; readonly error?: ErrorData }
  | { readonly kind: 'extract'; readonly tab: number; readonly layer: string; readonly what: Extraction }
  | { readonly kind: 'properties'; readonly details?: EntryDetails; readonly error?: ErrorData; readonly path: string; readonly name: string }
  | { readonly kind: 'shortcuts' };

/** What to extract: rows of the listing, or all of the folder. */
export interface Extraction {
  readonly folder: Extract<Place, { kind: 'folder' }>;
  /** undefined: the whole folder, hidden files too. */
  readonly entries: readonly EntryRow[] | undefined;
}

export interface AppState {
  readonly info: AppInfo | undefined;
  readonly recents: readonly RecentRow[];
  readonly tabs: readonly Tab[];
  readonly active: number | undefined;
  readonly dialog: Dialog | undefined;
  /** Files are being dragged over the window. */
  readonly dragging: boolean;
  readonly editingPath: boolean;
  readonly menu: { readonly x: number; readonly y: number } | undefined;
  readonly settings: Settings;
  /** What screen readers are told. */
  readonly announcement: string;
}

export const useApp = create<AppState>(() => ({
  info: undefined,
  recents: [],
  tabs: [],
  active: undefined,
  dialog: undefined,
  dragging: false,
  editingPath: false,
  menu: undefined,
  settings: DEFAULT_SETTINGS,
  announcement: '',
}));

export const getApp = useApp.getState;
export const setApp = useApp.setState;

export function activeTab(state: AppState): Tab | undefined {
  return state.tabs.find((tab) => tab.id === state.active);
}

export function findTab(id: number): Tab | undefined {
  return getApp().tabs.find((tab) => tab.id === id);
}

export function patchTab(id: number, patch: Partial<Tab>): void {
  setApp((state) => ({ tabs: state.tabs.map((tab) => (tab.id === id ? { ...tab, ...patch } : tab)) }));
}

export function selectIn(id: number, selection: Selection): void {
  patchTab(id, { selection });
}

export function announce(announcement: string): void {
  setApp({ announcement });
}

/** Rows of a selection that are in the cache, in order; undefined when one is missing. */
export function loadedRows(tab: Tab, ranges: Ranges = tab.selection.ranges, limit = 100_000): EntryRow[] | undefined {
  const rows = tab.listing?.rows;
  if (rows === undefined) return undefined;
  const found: EntryRow[] = [];
  for (const [from, to] of ranges) {
    for (let index = from; index < to; index++) {
      const row = rows.get(index);
      if (row === undefined || found.length >= limit) return undefined;
      found.push(row);
    }
  }
  return found;
}

export function focusedRow(tab: Tab | undefined): EntryRow | undefined {
  return tab === undefined || tab.selection.focus < 0 ? undefined : tab.listing?.rows?.get(tab.selection.focus);
}

export type Sort = { readonly key: SortKey; readonly descending: boolean };
export { NOTHING_SELECTED };
