import { create } from 'zustand';
import type { Note } from '../../engines/core/filesystem.ts';
import type { SearchEvent, SearchProgress } from '../../shared/contract/rows.ts';
import { SearchRows } from '../models/search-rows.ts';
import { type ErrorData, errorOf, type HostClient, isCancelled } from './services.ts';
import type { SearchPlace } from './state.ts';

/** A search and what it has found; its rows are `rows`, which tells of itself when it grows. */
export interface Search {
  readonly id: number;
  readonly query: string;
  readonly hidden: boolean;
  readonly state: 'running' | 'done' | 'stopped' | 'failed';
  readonly rows: SearchRows;
  readonly progress: SearchProgress;
  /** It found as much as one search may. */
  readonly capped: boolean;
  readonly notes: readonly Note[];
  readonly error?: ErrorData;
}

/** Searches that are kept for who comes back to them, and rows of all of them. An older one is begun anew. */
const KEPT = 6;
const KEPT_ROWS = 200_000;

/** Milliseconds between two changes of what is shown of a running search. */
const SHOWN_EVERY = 100;

const NOTHING: SearchProgress = { searched: 0, directories: 0, found: 0, damaged: 0, hidden: 0 };

export const useSearches = create<{ readonly list: readonly Search[] }>(() => ({ list: [] }));

const aborts = new Map<number, AbortController>();
let last = 0;

export function newSearchId(): number {
  return ++last;
}

export function searchOf(id: number | undefined): Search | undefined {
  return useSearches.getState().list.find((search) => search.id === id);
}

/** The search of a place, begun where there is none (any longer) or it looked at other names. `changed` is called while it goes on. */
export function openSearch(place: SearchPlace, hidden: boolean, host: HostClient, changed: (search: Search) => void): Search {
  const known = searchOf(place.search);
  if (known?.hidden === hidden) return known;
  return begin(place, hidden, host, changed);
}

/** Stops; what was found stays. */
export function stopSearch(id: number): void {
  aborts.get(id)?.abort();
}

/** Stops and forgets. */
export function dropSearch(id: number): void {
  stopSearch(id);
  aborts.delete(id);
  useSearches.setState(({ list }) => ({ list: list.filter((search) => search.id !== id) }));
}

function begin({ search: id, start, query }: SearchPlace, hidden: boolean, host: HostClient, changed: (search: Search) => void): Search {
  dropSearch(id);
  const search: Search = { id, query, hidden, state: 'running', rows: new SearchRows(start.crumbs), progress: NOTHING, capped: false, notes: [] };
  const abort = new AbortController();
  aborts.set(id, abort);
  useSearches.setState(({ list }) => ({ list: [...list, search] }));
  dropOld();
  // With its tab.
  host.onClose(() => dropSearch(id));
  void follow(search, abort, host.stream('search.start', { layer: start.layer, node: start.crumbs.at(-1)!.node, query, hidden }, abort.signal), changed);
  return search;
}

/** The last one stays whatever it holds. */
function dropOld(): void {
  let rows = 0;
  for (const [i, search] of useSearches.getState().list.toReversed().entries()) {
    rows += search.rows.count;
    if (i >= KEPT || (i > 0 && rows > KEPT_ROWS)) dropSearch(search.id);
  }
}

async function follow(search: Search, abort: AbortController, events: AsyncIterable<SearchEvent>, changed: (search: Search) => void): Promise<void> {
  let now = search;
  let shown = Number.NEGATIVE_INFINITY;
  const show = (patch: Partial<Search>): void => {
    // One that was begun anew has taken its place.
    if (aborts.get(search.id) !== abort) return;
    now = { ...now, ...patch };
    shown = performance.now();
    useSearches.setState(({ list }) => ({ list: list.map((each) => (each.id === search.id ? now : each)) }));
    changed(now);
  };
  try {
    for await (const event of events) {
      if (event.event === 'hits') {
        const isFirst = search.rows.count === 0 && event.hits.length > 0;
        search.rows.add(event.folders, event.hits);
        const progress = { ...now.progress, found: search.rows.count };
        if (isFirst || performance.now() - shown >= SHOWN_EVERY) show({ progress });
        else now = { ...now, progress };
      } else if (event.event === 'progress') {
        show({ progress: event.progress });
      } else {
        show({ progress: event.progress, state: 'done', capped: event.capped, notes: event.notes });
      }
    }
  } catch (error) {
    const { now: _, ...progress } = { ...now.progress, found: search.rows.count };
    show(isCancelled(error) ? { state: 'stopped', progress } : { state: 'failed', progress, error: errorOf(error) });
  }
}
