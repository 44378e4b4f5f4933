import type { LucideIcon } from 'lucide-react';
import type { EntryRow } from '../../shared/contract/rows.ts';
import { activeTab, type AppState, getApp, type Tab } from '../app/state.ts';
import { countOf, onlyIndex } from '../models/ranges.ts';
import { texts } from '../texts/index.ts';

/** Where a command stands in the menu. */
export type Group = keyof typeof texts.groups;

/**
 * One thing that the window can do. Menus, toolbar, context menu, keyboard and native menus are all made from the list
 * below, so that each has the same name, keys and reason everywhere.
 */
export interface Command {
  readonly id: string;
  readonly label: string;
  /** What it would do now, where that is more than its label says. */
  readonly title?: (state: AppState) => string;
  readonly icon: LucideIcon;
  readonly group: Group;
  /** The first is the one that menus show. */
  readonly keys: readonly string[];
  /** Keys that belong to the list of files (Space, Backspace) and mean other things elsewhere. */
  readonly listOnly?: boolean;
  /** Keys that work while something is being typed, too. */
  readonly anywhere?: boolean;
  /** Left out of menus, where nine of a kind would be in the way; the palette and the keys have it. */
  readonly quiet?: boolean;
  /** Whether a toggle is on. */
  readonly on?: (state: AppState) => boolean;
  /** true, or why not. */
  readonly enabled: (state: AppState) => true | string;
  readonly run: () => void | Promise<void>;
}

export const reasons = texts.reasons;
export const always = (): true => true;

export function withTab(check: (tab: Tab, state: AppState) => true | string): Command['enabled'] {
  return (state) => {
    const tab = activeTab(state);
    return tab?.state === 'open' ? check(tab, state) : reasons.noImage;
  };
}

export function withFolder(check: (tab: Tab, state: AppState) => true | string): Command['enabled'] {
  return withTab((tab, state) => (tab.listing?.rows === undefined ? reasons.noFolder : check(tab, state)));
}

/** Runs on the active tab, which `enabled` has vouched for. */
export function onTab(run: (tab: Tab) => void | Promise<void>): Command['run'] {
  return () => {
    const tab = activeTab(getApp());
    return tab === undefined ? undefined : run(tab);
  };
}

/** The one selected row, or why there is not one. */
export function oneRow(tab: Tab): EntryRow | string {
  const count = countOf(tab.selection.ranges);
  if (count === 0) return reasons.noSelection;
  if (count > 1) return reasons.oneOnly;
  return tab.listing?.rows?.get(onlyIndex(tab.selection.ranges) ?? -1) ?? reasons.loading;
}

export function onRow(run: (tab: Tab, row: EntryRow) => void | Promise<void>): Command['run'] {
  return onTab((tab) => {
    const row = oneRow(tab);
    return typeof row === 'string' ? undefined : run(tab, row);
  });
}
