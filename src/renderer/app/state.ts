import { create } from 'zustand';
import type { AppInfo, RecentRow, SourceToken } from '../../shared/contract/calls.ts';
import type { DeviceRow } from '../../shared/contract/devices.ts';
import type { EditState, TransferPlan } from '../../shared/contract/edit.ts';
import { DEFAULT_SETTINGS, type Settings } from '../../shared/contract/settings.ts';
import type { GuestRow } from '../../shared/contract/guests.ts';
import type { MountProviderRow, MountRow, MountUser } from '../../shared/contract/mounts.ts';
import type { SessionPlace } from '../../shared/contract/window.ts';
import type { Crumb, EntryRow, ImageInfo, SortKey, View } from '../../shared/contract/rows.ts';
import type { ColumnId } from '../models/columns.ts';
import type { History } from '../models/history.ts';
import type { RowCache } from '../models/rows.ts';
import type { Ranges } from '../models/ranges.ts';
import { NOTHING_SELECTED, type Selection } from '../models/selection.ts';
import type { Hashed } from './checksums.ts';
import type { Clipboard } from './clipboard.ts';
import type { ErrorData, HostClient } from './services.ts';

/** Where a tab is: a folder of a filesystem, what was found below one, bytes, the page of a layer, or the log of its guest. */
export type Place = FolderPlace | SearchPlace | BytesPlace | SpacePlace | { readonly kind: 'layer'; readonly layer: string } | { readonly kind: 'log'; readonly layer: string };

export interface FolderPlace {
  readonly kind: 'folder';
  readonly layer: string;
  readonly crumbs: readonly Crumb[];
}

export interface SearchPlace {
  readonly kind: 'search';
  readonly layer: string;
  readonly start: FolderPlace;
  readonly query: string;
  /** See app/search.ts. */
  readonly search: number;
}

/** What takes the space below a folder. */
export interface SpacePlace {
  readonly kind: 'space';
  readonly layer: string;
  readonly crumbs: readonly Crumb[];
}

/** The bytes of a layer, or of a file in it. */
export interface BytesPlace {
  readonly kind: 'bytes';
  readonly layer: string;
  readonly file?: { readonly node: number; readonly display: string; readonly folder: FolderPlace };
  /** Where the cursor is. */
  readonly at?: number;
}

/** What a folder looked like when it was left. */
export interface Memory {
  readonly selection: Selection;
  readonly scroll: number;
  /** Sort and hidden files: under another order the rows stand elsewhere. */
  readonly order: string;
  /** What the keyboard was on: found again in any order. */
  readonly node?: number;
  /** What its names were filtered by. */
  readonly filter?: string | undefined;
}

/** The folder that a tab shows. */
export interface Listing {
  readonly place: FolderPlace;
  readonly view?: View;
  readonly rows?: RowCache<EntryRow>;
  readonly error?: ErrorData;
  /** Where the grid begins, in pixels; read once when it appears. */
  readonly scroll: number;
  /** The rows are what this search found below the place. */
  readonly search?: number;
}

/** Where a tab is to go once its image is open: it was there before, in this window or the last. */
export interface Goal {
  readonly place: SessionPlace;
  readonly memory?: Memory | undefined;
}

/** A tab that was closed, to be opened again where it was. */
export interface ClosedTab {
  readonly source: SourceToken;
  readonly goal?: Goal | undefined;
  /** Where it stood in the strip. */
  readonly at: number;
}

/** An open image. */
export interface Tab {
  readonly id: number;
  readonly source: SourceToken;
  /** Asleep: from the last session, and not looked at yet. */
  readonly state: 'asleep' | 'opening' | 'open' | 'failed' | 'lost';
  /** Milliseconds since 1970. */
  readonly started: number;
  readonly image?: number;
  readonly host?: HostClient;
  readonly info?: ImageInfo;
  readonly error?: ErrorData;
  readonly history?: History<Place, Memory>;
  readonly goal?: Goal | undefined;
  readonly listing?: Listing;
  readonly selection: Selection;
  /** The bar above the list: a search to be begun, or a filter. Results of a search have theirs always. */
  readonly bar?: 'search' | 'filter' | undefined;
  /** What the names of the folder shown are filtered by. */
  readonly filter?: string | undefined;
  /** The volume chosen in a table's map and list. */
  readonly volume?: string;
  /** Whether the image may be changed, and what is pending; undefined until its host has told. */
  readonly edit?: EditState | undefined;
  /** The person has read what became of an Apply that was interrupted. */
  readonly recoveryRead?: boolean | undefined;
  /** A layer that is being opened by a guest. */
  readonly entering?: Entering | undefined;
  /** What of the image is mounted. The same array as long as only its activity changes: `useActivity` has that. */
  readonly mounted?: readonly MountRow[] | undefined;
  /** Layers that are being mounted. */
  readonly mounting?: readonly string[] | undefined;
  /** The ways to mount; undefined until its host has told. */
  readonly mountProviders?: readonly MountProviderRow[] | undefined;
  /** What became of the last try to open a layer by a guest that did not go well. */
  readonly refused?: { readonly layer: string; readonly title: string; readonly error: ErrorData } | undefined;
}

/** A layer that a guest is started for. */
export interface Entering {
  readonly layer: string;
  /** Of the guest. */
  readonly title: string;
  /** Milliseconds since 1970. */
  readonly started: number;
  /** Stops it. */
  readonly abort: AbortController;
}

/** A mount that did not end, for somebody has something of it open. */
export interface Held {
  readonly tab: number;
  readonly mount: MountRow;
  readonly users: readonly MountUser[];
  readonly reason: string;
}

/** An entry, with the folder in which it has its name. */
export interface Placed {
  readonly folder: number;
  readonly node: number;
  readonly name: string;
}

/** What a rename in place is of: the row itself, as the list has it. */
export interface Renaming {
  readonly tab: number;
  readonly row: EntryRow;
}

/** Entries of a tab's list that are dragged within the window. Pixels of the window. */
export interface DragWithin {
  readonly tab: number;
  readonly count: number;
  readonly x: number;
  readonly y: number;
  readonly copy: boolean;
  /** The folder that they would go into; undefined where they can't go. */
  readonly to?: { readonly node: number; readonly display: string };
}

export type Dialog =
  /** `dropped`: names of files whose place the browser does not tell. `locate`: the recent image that is looked for. */
  | { readonly kind: 'open-path'; readonly dropped?: readonly string[]; readonly locate?: SourceToken }
  | { readonly kind: 'open-with'; readonly tab: number; readonly layer: string }
  | { readonly kind: 'extract'; readonly tab: number; readonly layer: string; readonly what: Extraction }
  | { readonly kind: 'properties'; readonly tab: number; readonly of: PropertiesOf }
  /** `names`: paths of what is asked about, as a list of checksums would have them; `lists`: where such a list may lie. */
  | (Hashed & { readonly kind: 'checksums'; readonly tab: number; readonly title: string; readonly names: readonly string[]; readonly lists?: number | 'beside' })
  | { readonly kind: 'palette' }
  | { readonly kind: 'settings' }
  | { readonly kind: 'pattern'; readonly tab: number }
  | { readonly kind: 'review'; readonly tab: number }
  /** `lock`: the image is locked afterwards. */
  | { readonly kind: 'discard'; readonly tab: number; readonly lock: boolean }
  /** Tabs that are to be closed, some of which have pending changes; `window`: and the window with them. */
  | { readonly kind: 'close-pending'; readonly tabs: readonly number[]; readonly window: boolean }
  | { readonly kind: 'delete'; readonly tab: number; readonly layer: string; readonly entries: readonly Placed[]; readonly rows: readonly EntryRow[]; readonly from: string }
  | { readonly kind: 'make'; readonly tab: number; readonly type: 'dir' | 'file' | 'symlink'; readonly folder: FolderPlace; readonly target?: { readonly name: string; readonly display: string } }
  /** What a copy would lose is told before it goes. */
  | { readonly kind: 'losses'; readonly tab: number; readonly plan: TransferPlan; readonly move: boolean; readonly go: () => void }
  | { readonly kind: 'save-as'; readonly tab: number; readonly title: string; readonly hint?: string; readonly name: string; readonly save: (target: string, name: string, replace: boolean) => Promise<void>; /** What was open before. */ readonly back?: Dialog | undefined }
  | { readonly kind: 'put-path'; readonly tab: number; readonly folder: FolderPlace }
  | { readonly kind: 'check'; readonly tab: number; readonly layer: string }
  | { readonly kind: 'mount'; readonly tab: number; readonly layer: string }
  /** `after`: what was to be done once it is unmounted. */
  | { readonly kind: 'mount-busy'; readonly tab: number; readonly held: Held; readonly after?: (() => void) | undefined }
  /** Tabs that are to be closed, some of which are mounted and in use; `window`: and the window with them. */
  | { readonly kind: 'close-mounted'; readonly tabs: readonly number[]; readonly window: boolean; readonly held: readonly Held[] }
  | { readonly kind: 'remove-guest'; readonly guest: Pick<GuestRow, 'name' | 'title' | 'origin'> }
  | { readonly kind: 'add-guest' }
  /** How to get to read a disk, or why it can't be read. */
  | { readonly kind: 'device-access'; readonly device: DeviceRow }
  | { readonly kind: 'shortcuts' };

/** The folder in which an entry has its name; absent for a root. */
interface InFolder {
  readonly folder?: number;
}

/** What properties are asked of. Paths are for showing. */
export type PropertiesOf =
  | { readonly kind: 'entry'; readonly layer: string; readonly entry: Pick<EntryRow, 'node' | 'name' | 'display'> & InFolder; readonly path: string }
  /** `count` are selected, `rows` the first of them, in the folder `path`. */
  | { readonly kind: 'entries'; readonly layer: string; readonly rows: readonly (EntryRow & InFolder)[]; readonly count: number; readonly path: string }
  | { readonly kind: 'layer'; readonly layer: string };

/** What to extract: rows of the listing, or all of the folder. */
export interface Extraction {
  readonly folder: FolderPlace;
  /** undefined: the whole folder, hidden files too. */
  readonly entries: readonly EntryRow[] | undefined;
}

/** What a drop of files does: opens them as images, copies them into a folder, or unlocks the image first. */
export type DropZone = 'open' | 'copy' | 'unlock';

export interface AppState {
  readonly info: AppInfo | undefined;
  readonly recents: readonly RecentRow[];
  readonly tabs: readonly Tab[];
  /** None: the start page, or the guests'. */
  readonly active: number | undefined;
  /** What is shown while no image is. */
  readonly start: 'welcome' | 'guests';
  /** The last one last. */
  readonly closed: readonly ClosedTab[];
  /** Whether the sidebar lies over a window that is too narrow to have it beside the content. */
  readonly sidebarOver: boolean;
  readonly dialog: Dialog | undefined;
  /** Files are being dragged over the window; `refused` where a dialog is open. `zone`: what a drop at the pointer would do. */
  readonly dragging: { readonly count: number; readonly refused: boolean; readonly zone: DropZone; readonly into?: FolderPlace } | undefined;
  readonly dragWithin: DragWithin | undefined;
  readonly clipboard: Clipboard | undefined;
  readonly renaming: Renaming | undefined;
  readonly editingPath: boolean;
  /** A look at the entry that the keyboard is on lies over the list. */
  readonly quickLook: boolean;
  readonly menu: { readonly x: number; readonly y: number } | undefined;
  /** The menu of a list's columns, of one of them where it was opened at a header. */
  readonly columnMenu: { readonly x: number; readonly y: number; readonly column?: ColumnId } | undefined;
  readonly settings: Settings;
  /** What screen readers are told. */
  readonly announcement: string;
}

export const useApp = create<AppState>(() => ({
  info: undefined,
  recents: [],
  tabs: [],
  active: undefined,
  start: 'welcome',
  closed: [],
  sidebarOver: false,
  dialog: undefined,
  dragging: undefined,
  dragWithin: undefined,
  clipboard: undefined,
  renaming: undefined,
  editingPath: false,
  quickLook: false,
  menu: undefined,
  columnMenu: undefined,
  settings: DEFAULT_SETTINGS,
  announcement: '',
}));

export const getApp = useApp.getState;
export const setApp = useApp.setState;

// What is open over a tab's content goes with it, whichever way another tab comes.
useApp.subscribe(({ active, editingPath, quickLook, menu, columnMenu, renaming }, before) => {
  if (active !== before.active && (editingPath || quickLook || menu !== undefined || columnMenu !== undefined || renaming !== undefined)) setApp({ editingPath: false, quickLook: false, menu: undefined, columnMenu: undefined, renaming: undefined });
});

export function activeTab(state: AppState): Tab | undefined {
  return state.tabs.find((tab) => tab.id === state.active);
}

/** What is shown of a tab around its content. No step in a list changes it, so that the frame of the window is not drawn anew at each. */
export type TabFrame = Pick<Tab, (typeof FRAME)[number]>;

const FRAME = ['id', 'source', 'state', 'host', 'info', 'history', 'mounted'] as const;

let frames: readonly TabFrame[] = [];

/** The frames of all tabs: the same array, and in it the same objects, as long as they hold the same. */
export function framesOf({ tabs }: AppState): readonly TabFrame[] {
  const now = tabs.map((tab) => {
    const before = frames.find(({ id }) => id === tab.id);
    return before !== undefined && FRAME.every((key) => before[key] === tab[key]) ? before : Object.fromEntries(FRAME.map((key) => [key, tab[key]])) as unknown as TabFrame;
  });
  if (now.length !== frames.length || now.some((frame, i) => frame !== frames[i])) frames = now;
  return frames;
}

export function activeFrame(state: AppState): TabFrame | undefined {
  return framesOf(state).find(({ id }) => id === state.active);
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
