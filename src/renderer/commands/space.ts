import { ChartNoAxesGantt, ListTree } from 'lucide-react';
import { folderOf, folderOfRow, goTo, placeOf } from '../app/navigation.ts';
import { chosenSpace } from '../app/space.ts';
import type { SpacePlace, Tab } from '../app/state.ts';
import { layerAt } from '../models/layers.ts';
import { texts } from '../texts/index.ts';
import { type Command, onTab, oneRow, withTab } from './command.ts';

const why = texts.spaceReasons;

/** Of the folder that is selected, of the one that is shown, or of a whole filesystem. */
function placeFor(tab: Tab): SpacePlace | undefined {
  const folder = folderOf(tab);
  if (folder !== undefined) {
    const row = oneRow(tab);
    const isFolder = typeof row !== 'string' && row.type === 'dir' && row.error === undefined;
    const { layer, crumbs } = isFolder ? (folderOfRow(tab, row) ?? folder) : folder;
    return { kind: 'space', layer, crumbs: isFolder ? [...crumbs, { node: row.node, name: row.name, display: row.display }] : crumbs };
  }
  const place = placeOf(tab);
  const filesystem = place === undefined || tab.info === undefined ? undefined : layerAt(tab.info, place.layer)?.filesystem;
  return filesystem === undefined ? undefined : { kind: 'space', layer: place!.layer, crumbs: [{ node: filesystem.root, name: '', display: '' }] };
}

/** Where the space of a filesystem went. */
export const spaceCommands: readonly Command[] = [
  {
    id: 'space', label: texts.spaceCommands.show, icon: ChartNoAxesGantt, group: 'go', keys: ['Alt+S'],
    enabled: withTab((tab) => (placeOf(tab)?.kind === 'space' ? why.shown : placeFor(tab) === undefined ? why.noFiles : true)),
    run: onTab((tab) => {
      const place = placeFor(tab);
      if (place !== undefined) goTo(tab.id, place);
    }),
  },
  {
    id: 'reveal', label: texts.spaceCommands.reveal, icon: ListTree, group: 'go', keys: ['Alt+L'],
    enabled: withTab((tab) => (placeOf(tab)?.kind !== 'space' ? why.noSpace : chosenSpace(tab) === undefined ? why.noChoice : true)),
    run: onTab((tab) => {
      const chosen = chosenSpace(tab);
      if (chosen !== undefined) goTo(tab.id, chosen.folder, chosen.item.node.node);
    }),
  },
];
