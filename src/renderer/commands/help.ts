import { Keyboard } from 'lucide-react';
import { setApp } from '../app/state.ts';
import { texts } from '../texts/index.ts';
import { always, type Command } from './command.ts';

export const helpCommands: readonly Command[] = [
  { id: 'shortcuts', label: texts.commands.shortcuts, icon: Keyboard, group: 'help', keys: ['F1'], enabled: always, run: () => setApp({ dialog: { kind: 'shortcuts' } }) },
];
