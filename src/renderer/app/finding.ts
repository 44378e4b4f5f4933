import { focusList } from './focus.ts';
import { filterBy, folderOf, goBack, goTo, placeOf, replacePlace } from './navigation.ts';
import { dropSearch, newSearchId, stopSearch } from './search.ts';
import { findTab, patchTab, type SearchPlace, type Tab } from './state.ts';

/** Opens the bar in which a search is typed, or goes to it. */
export function openSearchBar(tab: Tab): void {
  if (placeOf(tab)?.kind !== 'search' && tab.bar !== 'search') {
    if (tab.filter !== undefined) filterBy(tab, undefined);
    patchTab(tab.id, { bar: 'search' });
  } else {
    focusField();
  }
}

/** Looks for names below the folder of a tab. A search that is changed while it is typed takes the place of the one before. */
export function searchFor(id: number, query: string): void {
  const tab = findTab(id);
  const place = tab === undefined ? undefined : placeOf(tab);
  const start = folderOf(tab);
  if (tab === undefined || start === undefined || query === '' || (place?.kind === 'search' && place.query === query)) return;
  const next: SearchPlace = { kind: 'search', layer: start.layer, start, query, search: newSearchId() };
  if (place?.kind !== 'search') {
    goTo(id, next);
    return;
  }
  dropSearch(place.search);
  replacePlace(id, next);
}

/** The same search, below another folder or once more. */
export function searchAgain(tab: Tab, start: SearchPlace['start']): void {
  const place = placeOf(tab);
  if (place?.kind !== 'search') return;
  dropSearch(place.search);
  replacePlace(tab.id, { ...place, start, search: newSearchId() });
}

/** Back to the folder as it was before the search. */
export function leaveSearch(tab: Tab): void {
  const place = placeOf(tab);
  if (place?.kind !== 'search') {
    closeBar(tab);
    return;
  }
  stopSearch(place.search);
  const before = tab.history?.past.at(-1)?.place;
  if (before?.kind === 'folder' && before.layer === place.layer && before.crumbs.at(-1)?.node === place.start.crumbs.at(-1)?.node) goBack(tab);
  else replacePlace(tab.id, place.start);
}

export function openFilterBar(tab: Tab): void {
  if (tab.bar === 'filter') focusField();
  else patchTab(tab.id, { bar: 'filter' });
}

/** Closes a bar without results of its own; the whole folder is shown. */
export function closeBar(tab: Tab): void {
  filterBy(tab, undefined);
  patchTab(tab.id, { bar: undefined });
  focusList();
}

function focusField(): void {
  const field = document.querySelector<HTMLInputElement>('.find-bar input');
  field?.focus();
  field?.select();
}
