import { Binary, Hash, Search } from 'lucide-react';
import { bytesPage, showBytes, showFileBytes } from '../app/bytes.ts';
import { folderOfRow, placeOf } from '../app/navigation.ts';
import type { Tab } from '../app/state.ts';
import { layerAt } from '../models/layers.ts';
import { texts } from '../texts/index.ts';
import { type Command, onRow, onTab, oneRow, reasons, withFolder, withTab } from './command.ts';

const why = texts.bytesReasons;
const inBytes = withTab((tab) => (placeOf(tab)?.kind === 'bytes' ? true : why.noBytes));

/** The layer that bytes are shown of: the volume chosen in a table, else where the tab is. */
function layerOf(tab: Tab): string {
  const here = placeOf(tab)?.layer ?? '0';
  return tab.volume?.startsWith(`${here}/`) === true && placeOf(tab)?.kind === 'layer' ? tab.volume : here;
}

/** Raw bytes. */
export const bytesCommands: readonly Command[] = [
  {
    id: 'show-bytes', label: texts.bytesCommands.show, icon: Binary, group: 'entry', keys: [],
    enabled: withFolder((tab) => {
      const row = oneRow(tab);
      if (typeof row === 'string') return row;
      if (row.error !== undefined) return reasons.unreadable;
      return row.type === 'file' || row.targetType === 'file' ? true : why.notAFile;
    }),
    run: onRow((tab, row) => {
      const folder = folderOfRow(tab, row);
      if (folder !== undefined) showFileBytes(tab.id, folder, row);
    }),
  },
  {
    id: 'show-layer-bytes', label: texts.bytesCommands.showLayer, icon: Binary, group: 'go', keys: ['Alt+B'],
    enabled: withTab((tab) => {
      const place = placeOf(tab);
      if (place?.kind === 'bytes' && place.file === undefined) return why.alreadyShown;
      return tab.info === undefined || layerAt(tab.info, layerOf(tab))?.size === 0 ? why.noSize : true;
    }),
    run: onTab((tab) => showBytes(tab.id, layerOf(tab))),
  },
  { id: 'go-to-offset', label: texts.bytesCommands.goTo, icon: Hash, group: 'go', keys: ['Mod+G'], enabled: inBytes, run: () => bytesPage()?.goToOffset() },
  { id: 'find-bytes', label: texts.bytesCommands.find, icon: Search, group: 'go', keys: [], enabled: inBytes, run: () => bytesPage()?.find() },
  { id: 'find-next-bytes', label: texts.bytesCommands.findNext, icon: Search, group: 'go', keys: [], enabled: inBytes, run: () => bytesPage()?.findNext() },
];
