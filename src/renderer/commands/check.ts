import { Stethoscope } from 'lucide-react';
import { getApp, setApp } from '../app/state.ts';
import { texts } from '../texts/index.ts';
import { type Command, reasons } from './command.ts';
import { volumeTarget } from './volume.ts';

const t = texts.check;

/** Of the volume that is chosen on a table's page, else of the filesystem that is shown. */
export const checkCommand: Command = {
  id: 'check', label: t.command, icon: Stethoscope, group: 'volume', keys: ['Mod+Shift+K'],
  enabled: (state) => {
    const target = volumeTarget(state);
    if (target === undefined) return reasons.noImage;
    const { content } = target;
    if (content?.error?.fault.kind === 'locked') return t.locked;
    // What could not even be opened is what a check is for.
    return content?.kind === 'filesystem' && (content.filesystem === undefined ? content.error?.fault.kind === 'corrupt' : content.filesystem.checkable === true) ? true : t.notFilesystem;
  },
  run: () => {
    const target = volumeTarget(getApp());
    if (target?.content !== undefined) setApp({ dialog: { kind: 'check', tab: target.tab.id, layer: target.content.path } });
  },
};
