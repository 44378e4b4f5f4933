import { Toolbar as AriaToolbar } from 'react-aria-components';
import { folderOf } from '../../app/navigation.ts';
import { type TabFrame, useApp } from '../../app/state.ts';
import type { KeyboardEvent } from 'react';
import { commandOf, commandOfKeys, runCommand } from '../../commands/index.ts';
import { CommandButton } from '../../ui/buttons.tsx';
import { texts } from '../../texts/index.ts';
import { EditButtons } from '../editing/EditButtons.tsx';
import { Crumbs } from './Crumbs.tsx';
import { HistoryButton } from './HistoryButton.tsx';
import { PathField } from './PathField.tsx';

/** Back, forward, up; where we are; what is done most. */
export function Toolbar({ tab }: { tab: TabFrame }) {
  const editing = useApp((state) => state.editingPath);
  const folder = folderOf(tab);
  return (
    <div role="presentation" onKeyDownCapture={runAltKeys}>
      <AriaToolbar className="toolbar" aria-label={texts.toolbar.label}>
        <CommandButton command={commandOf('sidebar')} />
        <span className="rule" />
        <HistoryButton tab={tab} to="back" />
        <HistoryButton tab={tab} to="forward" />
        <CommandButton command={commandOf('up')} />
        <div className="path-bar">{editing && folder !== undefined ? <PathField tab={tab} folder={folder} /> : <Crumbs tab={tab} />}</div>
        <CommandButton command={commandOf('find')} />
        <CommandButton command={commandOf('extract')} text />
        <EditButtons />
        <span className="rule" />
        <CommandButton command={commandOf('hidden')} />
        <CommandButton command={commandOf('preview-pane')} />
      </AriaToolbar>
    </div>
  );
}

/** The toolbar takes every arrow key for itself, also those that with Alt go back, forward and up. */
function runAltKeys(event: KeyboardEvent): void {
  if (!event.altKey || event.target instanceof HTMLInputElement) return;
  const command = commandOfKeys(event, false, false);
  if (command === undefined) return;
  event.preventDefault();
  event.stopPropagation();
  runCommand(command.id);
}
