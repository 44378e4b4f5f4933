import { Layers, MonitorCog, ScrollText } from 'lucide-react';
import { openTree, showGuests } from '../app/guests.ts';
import { goTo, placeOf } from '../app/navigation.ts';
import { getApp } from '../app/state.ts';
import { texts } from '../texts/index.ts';
import { type Command, reasons } from './command.ts';
import { volumeTarget } from './volume.ts';

const t = texts.guestLog;

/** The page of all guests. */
export const guestsCommand: Command = { id: 'guests', label: texts.guestsPage.command, icon: MonitorCog, group: 'file', keys: ['Mod+Shift+G'], enabled: (state) => (state.active === undefined && state.start === 'guests' ? texts.guestsPage.shown : true), run: showGuests };

/** The log of the guest that serves a volume. */
export const guestLogCommand: Command = {
  id: 'guest-log', label: t.command, icon: ScrollText, group: 'volume', keys: [],
  enabled: (state) => {
    const target = volumeTarget(state);
    if (target === undefined) return reasons.noImage;
    return target.content?.guest === undefined ? t.noGuest : placeOf(target.tab)?.kind === 'log' && placeOf(target.tab)?.layer === target.content.path ? t.shown : true;
  },
  run: () => {
    const target = volumeTarget(getApp());
    if (target?.content !== undefined) goTo(target.tab.id, { kind: 'log', layer: target.content.path });
  },
};

/** The tree of a guest's volume with a layer in the guest's memory over it: what is written there goes nowhere else. */
export const guestOverlayCommand: Command = {
  id: 'guest-overlay', label: texts.guest.overlay, icon: Layers, group: 'volume', keys: [],
  enabled: (state) => {
    const target = volumeTarget(state);
    return target === undefined ? reasons.noImage : target.content?.guest === undefined ? t.noGuest : true;
  },
  run: async () => {
    const target = volumeTarget(getApp());
    if (target?.content?.guest !== undefined) await openTree(target.content.guest.name, 'overlay', target.tab.source);
  },
};
