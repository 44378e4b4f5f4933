import { ArrowLeft, ArrowRight, ArrowUp, PencilLine } from 'lucide-react';
import { folderOf, goBack, goForward, goUp, placeAbove } from '../app/navigation.ts';
import { setApp } from '../app/state.ts';
import { texts } from '../texts/index.ts';
import { type Command, onTab, reasons, withTab } from './command.ts';

/** How one gets about. */
export const goCommands: readonly Command[] = [
  { id: 'back', label: texts.commands.back, icon: ArrowLeft, group: 'go', keys: ['Alt+ArrowLeft'], enabled: withTab((tab) => ((tab.history?.past.length ?? 0) > 0 ? true : reasons.noBack)), run: onTab(goBack) },
  { id: 'forward', label: texts.commands.forward, icon: ArrowRight, group: 'go', keys: ['Alt+ArrowRight'], enabled: withTab((tab) => ((tab.history?.future.length ?? 0) > 0 ? true : reasons.noForward)), run: onTab(goForward) },
  { id: 'up', label: texts.commands.up, icon: ArrowUp, group: 'go', keys: ['Alt+ArrowUp'], enabled: withTab((tab) => (placeAbove(tab) === undefined ? reasons.noUp : true)), run: onTab(goUp) },
  { id: 'edit-path', label: texts.commands.editPath, icon: PencilLine, group: 'go', keys: ['Mod+L'], enabled: withTab((tab) => (folderOf(tab) === undefined ? reasons.noFolder : true)), run: () => setApp({ editingPath: true }) },
];
