import { FolderSearch, ListFilter, OctagonX, Search, TextSelect } from 'lucide-react';
import { openFilterBar, openSearchBar } from '../app/finding.ts';
import { folderOf, placeOf, showInFolder } from '../app/navigation.ts';
import { searchOf, stopSearch } from '../app/search.ts';
import { setApp, type Tab } from '../app/state.ts';
import { texts } from '../texts/index.ts';
import { type Command, onRow, onTab, oneRow, reasons, withFolder, withTab } from './command.ts';

function isSearching(tab: Tab): boolean {
  return searchOf(tab.listing?.search)?.state === 'running';
}

/** Looking for names. */
export const findCommands: readonly Command[] = [
  { id: 'find', label: texts.commands.find, icon: Search, group: 'go', keys: ['Mod+F', 'F3'], enabled: withTab((tab) => (folderOf(tab) === undefined ? reasons.noFolder : true)), run: onTab(openSearchBar) },
  {
    id: 'stop-search', label: texts.commands.stopSearch, icon: OctagonX, group: 'go', keys: [], enabled: withTab((tab) => (isSearching(tab) ? true : reasons.notSearching)),
    run: onTab((tab) => { if (tab.listing?.search !== undefined) stopSearch(tab.listing.search); }),
  },
  // No name has a slash in it, so the key is free while one types the beginning of a name.
  {
    id: 'filter', label: texts.commands.filter, icon: ListFilter, group: 'view', keys: ['Mod+Shift+F', '/', 'Shift+/'],
    enabled: withTab((tab) => (placeOf(tab)?.kind === 'search' ? reasons.filterInSearch : folderOf(tab) === undefined ? reasons.noFolder : true)), run: onTab(openFilterBar),
  },
  {
    id: 'show-in-folder', label: texts.commands.showInFolder, icon: FolderSearch, group: 'entry', keys: ['Mod+Enter'],
    enabled: withFolder((tab) => {
      const row = oneRow(tab);
      if (tab.listing?.search === undefined) return reasons.noSearch;
      return typeof row === 'string' ? row : true;
    }),
    run: onRow(showInFolder),
  },
  { id: 'select-matching', label: texts.commands.selectMatching, icon: TextSelect, group: 'entry', keys: ['Mod+Shift+S'], enabled: withFolder((tab) => (tab.listing?.view?.count === 0 ? reasons.emptyFolder : true)), run: onTab((tab) => setApp({ dialog: { kind: 'pattern', tab: tab.id } })) },
];
