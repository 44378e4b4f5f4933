import { useEffect } from 'react';
import { Menu, Separator } from 'react-aria-components';
import { commandOf, ENTRY_MENU, LOCKED_ENTRY_MENU, runCommand } from '../../commands/index.ts';
import { folderEditable } from '../../commands/edit.ts';
import { activeTab, getApp, setApp, useApp } from '../../app/state.ts';
import { countOf } from '../../models/ranges.ts';
import { isMac } from '../../ui/buttons.tsx';
import { CommandItem, PointPopover } from '../../ui/menus.tsx';
import { texts } from '../../texts/index.ts';

/** The menu of the selected entries, at the pointer or under the focused row. */
export function ContextMenu() {
  const menu = useApp((state) => state.menu);
  useEffect(() => {
    // What it was opened at lies elsewhere now, or nowhere.
    const close = (): void => { if (getApp().menu !== undefined) setApp({ menu: undefined }); };
    window.addEventListener('resize', close);
    return () => window.removeEventListener('resize', close);
  }, []);
  return <PointPopover at={menu} label={texts.groups.entry} onClose={closeMenu}><EntryMenu /></PointPopover>;
}

const closeMenu = (): void => setApp({ menu: undefined });

function EntryMenu() {
  const state = useApp();
  const tab = activeTab(state);
  const mac = isMac(state.info?.platform);
  const menu = tab === undefined || folderEditable(tab) === true ? ENTRY_MENU : LOCKED_ENTRY_MENU;
  const nothing = tab === undefined || countOf(tab.selection.ranges) === 0;
  return (
    <Menu
      className="menu" aria-label={texts.groups.entry} autoFocus="first" onClose={closeMenu}
      onAction={(id) => {
        closeMenu();
        runCommand(String(id));
      }}
    >
      {menu.filter((id) => id !== 'show-in-folder' || tab?.listing?.search !== undefined).map((id, i) => (id === null
        ? <Separator key={`line-${i}`} className="menu-rule" />
        : <CommandItem key={id} id={id} mac={mac} enabled={commandOf(id).enabled(state)} {...(id === 'extract' && nothing ? { label: texts.commands.extractAll } : {})} />))}
    </Menu>
  );
}
