import { activeTab, useApp } from '../../app/state.ts';
import { commandOf } from '../../commands/index.ts';
import { CommandButton } from '../../ui/buttons.tsx';

/** In the toolbar: the one act that lets an image be changed; and once it may be, what undoes it. */
export function EditButtons() {
  const editing = useApp((state) => { const edit = activeTab(state)?.edit?.state; return edit === 'editing' || edit === 'applying'; });
  if (!editing) return <CommandButton command={commandOf('unlock')} text />;
  return (
    <>
      <CommandButton command={commandOf('undo')} />
      <CommandButton command={commandOf('redo')} />
      <CommandButton command={commandOf('new-folder')} />
      <CommandButton command={commandOf('lock')} text />
    </>
  );
}
