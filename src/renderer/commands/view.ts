import { ArrowDownUp, EyeOff, PanelLeft, PanelRight } from 'lucide-react';
import type { SortKey } from '../../shared/contract/rows.ts';
import { prefer } from '../app/navigation.ts';
import { getApp } from '../app/state.ts';
import { texts } from '../texts/index.ts';
import { always, type Command, withFolder } from './command.ts';

const sortCommand = (key: keyof typeof texts.commands.sort): Command => ({
  id: `sort-${key}`, label: texts.commands.sort[key], icon: ArrowDownUp, group: 'sort', keys: [], on: (state) => state.settings.sort.key === key,
  enabled: withFolder(always), run: () => sortBy(key),
});

/** A second time turns the order around. */
export function sortBy(key: SortKey): void {
  const { sort } = getApp().settings;
  prefer({ sort: { key, descending: sort.key === key ? !sort.descending : false } });
}

/** What is shown, and in which order. */
export const viewCommands: readonly Command[] = [
  { id: 'hidden', label: texts.commands.hidden, icon: EyeOff, group: 'view', keys: ['Mod+H'], on: (state) => state.settings.hidden, enabled: always, run: () => prefer({ hidden: !getApp().settings.hidden }) },
  { id: 'preview-pane', label: texts.commands.previewPane, icon: PanelRight, group: 'view', keys: ['Alt+P'], on: (state) => state.settings.preview, enabled: always, run: () => prefer({ preview: !getApp().settings.preview }) },
  { id: 'sidebar', label: texts.commands.sidebar, icon: PanelLeft, group: 'view', keys: ['F9'], on: (state) => state.settings.sidebar, enabled: always, run: () => prefer({ sidebar: !getApp().settings.sidebar }) },

  ...(Object.keys(texts.commands.sort) as (keyof typeof texts.commands.sort)[]).map(sortCommand),
];
