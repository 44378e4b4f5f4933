import { FolderOpen, Gift, HardDrive, ListTodo } from 'lucide-react';
import { goTo, placeOf } from '../app/navigation.ts';
import { openDialog, openSample } from '../app/tabs.ts';
import { showTransfers, useTransfers } from '../app/transfers.ts';
import { texts } from '../texts/index.ts';
import { always, type Command, onTab, reasons, withTab } from './command.ts';

/** What is done with an image as a whole. */
export const imageCommands: readonly Command[] = [
  { id: 'open', label: texts.commands.open, icon: FolderOpen, group: 'file', keys: ['Mod+O'], enabled: always, run: openDialog },
  { id: 'sample', label: texts.volumeCommands.sample, icon: Gift, group: 'file', keys: [], enabled: always, run: openSample },
  {
    id: 'overview', label: texts.commands.overview, icon: HardDrive, group: 'file', keys: [],
    enabled: withTab((tab) => (tab.info?.layers[0] === undefined ? reasons.noImage : true)),
    run: onTab((tab) => goTo(tab.id, { kind: 'layer', layer: placeOf(tab)?.layer ?? '0' })),
  },
  { id: 'transfers', label: texts.commands.transfers, icon: ListTodo, group: 'file', keys: ['Mod+Shift+J'], on: () => useTransfers.getState().open, enabled: () => (useTransfers.getState().list.length > 0 ? true : reasons.noTransfers), run: () => showTransfers(!useTransfers.getState().open) },
];
