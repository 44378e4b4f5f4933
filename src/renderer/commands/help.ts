import { Keyboard, Search, Settings } from 'lucide-react';
import { setApp } from '../app/state.ts';
import { texts } from '../texts/index.ts';
import { always, type Command } from './command.ts';

export const helpCommands: readonly Command[] = [
  { id: 'palette', label: texts.commands.palette, icon: Search, group: 'help', keys: ['Mod+Shift+P'], anywhere: true, enabled: always, run: () => setApp({ dialog: { kind: 'palette' } }) },
  { id: 'settings', label: texts.commands.settings, icon: Settings, group: 'help', keys: ['Mod+,'], anywhere: true, enabled: always, run: () => setApp({ dialog: { kind: 'settings' } }) },
  { id: 'shortcuts', label: texts.commands.shortcuts, icon: Keyboard, group: 'help', keys: ['F1', 'Mod+/'], anywhere: true, enabled: always, run: () => setApp({ dialog: { kind: 'shortcuts' } }) },
];
