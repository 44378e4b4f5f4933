import { commands } from '../../commands/index.ts';
import { shownKeys } from '../../commands/keys.ts';
import { useApp } from '../../app/state.ts';
import { isMac } from '../../ui/buttons.tsx';
import { ModalDialog } from '../../ui/modal.tsx';
import { texts } from '../../texts/index.ts';
import { closeDialog } from './Dialogs.tsx';

/** The sheet of keys, made from the same list as the menus. */
export function ShortcutsDialog() {
  const mac = useApp((state) => isMac(state.info?.platform));
  return (
    <ModalDialog title={texts.shortcuts.title} onClose={closeDialog} wide>
      <div className="dialog-body shortcuts" role="region" aria-label={texts.shortcuts.title} tabIndex={0}>
        <dl className="facts">
          {commands.filter((command) => command.keys.length > 0 && !command.listOnly).map((command) => <div key={command.id}><dt>{command.label}</dt><dd>{command.keys.map((keys) => <kbd key={keys}>{shownKeys(keys, mac)}</kbd>)}</dd></div>)}
        </dl>
        <h3>{texts.shortcuts.moving}</h3>
        <dl className="facts">{texts.shortcuts.rows.map(([keys, what]) => <div key={keys}><dt>{what}</dt><dd><kbd>{keys}</kbd></dd></div>)}</dl>
      </div>
    </ModalDialog>
  );
}
