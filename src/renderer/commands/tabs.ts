import { ArrowLeft, ArrowRight, ListX, Plus, RotateCcw, X } from 'lucide-react';
import { focusContentSoon } from '../app/focus.ts';
import { closeTab, closeTabs } from '../app/leaving.ts';
import { activeTab, type AppState, getApp, setApp } from '../app/state.ts';
import { moveTab, reopenTab } from '../app/tabs.ts';
import { texts } from '../texts/index.ts';
import { type Command, onTab, reasons } from './command.ts';

function stepTab(step: number): void {
  const { tabs, active } = getApp();
  const at = tabs.findIndex((tab) => tab.id === active);
  const next = tabs[(at + step + tabs.length) % tabs.length];
  if (next !== undefined) setApp({ active: next.id });
}

const activeAt = ({ tabs, active }: AppState): number => tabs.findIndex((tab) => tab.id === active);
const several = ({ tabs }: AppState): true | string => (tabs.length > 1 ? true : reasons.oneTab);

/** The first eight by their numbers, and the last one as 9. */
function tabAt(state: AppState, n: number): number | undefined {
  return (n === 9 ? state.tabs.at(-1) : state.tabs[n - 1])?.id;
}

/** Closes others than the active one: all, or those after it. */
function closeOthers(keep: (index: number, active: number) => boolean): void {
  const state = getApp();
  const at = activeAt(state);
  closeTabs(state.tabs.filter((_, i) => !keep(i, at)).map(({ id }) => id));
}

/** What is done with tabs; all of them act on the active one. */
export const tabCommands: readonly Command[] = [
  { id: 'new-tab', label: texts.commands.newTab, icon: Plus, group: 'tabs', keys: ['Mod+T'], anywhere: true, enabled: (state) => (state.active === undefined && state.start === 'welcome' ? reasons.startShown : true), run: () => { setApp({ active: undefined, start: 'welcome' }); focusContentSoon(); } },
  { id: 'next-tab', label: texts.commands.nextTab, icon: ArrowRight, group: 'tabs', keys: ['Ctrl+Tab', 'Ctrl+PageDown'], anywhere: true, enabled: several, run: () => stepTab(1) },
  { id: 'previous-tab', label: texts.commands.previousTab, icon: ArrowLeft, group: 'tabs', keys: ['Ctrl+Shift+Tab', 'Ctrl+PageUp'], anywhere: true, enabled: several, run: () => stepTab(-1) },
  { id: 'move-tab-back', label: texts.commands.moveTabBack, icon: ArrowLeft, group: 'tabs', keys: ['Ctrl+Shift+PageUp'], enabled: (state) => (activeTab(state) === undefined ? reasons.noImage : activeAt(state) > 0 ? true : reasons.firstTab), run: onTab((tab) => moveTab(tab.id, activeAt(getApp()) - 1)) },
  { id: 'move-tab-on', label: texts.commands.moveTabOn, icon: ArrowRight, group: 'tabs', keys: ['Ctrl+Shift+PageDown'], enabled: (state) => (activeTab(state) === undefined ? reasons.noImage : activeAt(state) < state.tabs.length - 1 ? true : reasons.lastTab), run: onTab((tab) => moveTab(tab.id, activeAt(getApp()) + 1)) },
  // On the start page the key takes one back to the images.
  { id: 'close-tab', label: texts.commands.closeTab, icon: X, group: 'tabs', keys: ['Mod+W'], enabled: (state) => (state.tabs.length > 0 ? true : reasons.noImage), run: () => { const { active, tabs } = getApp(); if (active === undefined) setApp({ active: tabs.at(-1)?.id }); else closeTab(active); } },
  { id: 'close-others', label: texts.commands.closeOthers, icon: ListX, group: 'tabs', keys: [], enabled: (state) => (activeTab(state) === undefined ? reasons.noImage : several(state)), run: () => closeOthers((i, at) => i === at) },
  { id: 'close-after', label: texts.commands.closeAfter, icon: ListX, group: 'tabs', keys: [], enabled: (state) => (activeTab(state) === undefined ? reasons.noImage : activeAt(state) < state.tabs.length - 1 ? true : reasons.lastTab), run: () => closeOthers((i, at) => i <= at) },
  { id: 'reopen-tab', label: texts.commands.reopenTab, icon: RotateCcw, group: 'tabs', keys: ['Mod+Shift+T'], anywhere: true, enabled: ({ closed }) => (closed.length > 0 ? true : reasons.noClosed), run: reopenTab },
  ...Array.from({ length: 9 }, (_, i): Command => ({
    id: `tab-${i + 1}`, label: texts.commands.tabAt(i + 1), icon: ArrowRight, group: 'tabs', keys: [`Mod+${i + 1}`], quiet: true, anywhere: true,
    enabled: (state) => (tabAt(state, i + 1) === undefined ? reasons.noTab : true), run: () => setApp((state) => ({ active: tabAt(state, i + 1) })),
  })),
];

/** What the context menu of a tab shows, in order; null is a line. */
export const TAB_MENU: readonly (string | null)[] = ['close-tab', 'close-others', 'close-after', null, 'move-tab-back', 'move-tab-on', null, 'reopen-tab'];
