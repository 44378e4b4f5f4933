import { Menu as MenuIcon } from 'lucide-react';
import { Button, Header, Menu, MenuSection, MenuTrigger, Popover } from 'react-aria-components';
import { useApp } from '../../app/state.ts';
import { useTransfers } from '../../app/transfers.ts';
import { commands, GROUPS, runCommand } from '../../commands/index.ts';
import { isMac } from '../../ui/buttons.tsx';
import { CommandItem } from '../../ui/menus.tsx';
import { texts } from '../../texts/index.ts';

/** The menu of everything. */
export function AppMenu() {
  return (
    <MenuTrigger>
      <Button className="icon-button" aria-label={texts.toolbar.menu}><MenuIcon aria-hidden /></Button>
      <Popover className="popover" placement="bottom end" aria-label={texts.toolbar.menu}>
        <AllCommands />
      </Popover>
    </MenuTrigger>
  );
}

/** Each command follows the window, so there are none before the menu is open. */
function AllCommands() {
  const state = useApp();
  useTransfers();
  const mac = isMac(state.info?.platform);
  return (
    <Menu className="menu" aria-label={texts.toolbar.menu} onAction={(id) => runCommand(String(id))}>
      {GROUPS.map((group) => (
        <MenuSection key={group} id={group} className="menu-section">
          <Header className="menu-head">{texts.groups[group]}</Header>
          {commands.filter((command) => command.group === group && !command.quiet).map((command) => <CommandItem key={command.id} id={command.id} mac={mac} enabled={command.enabled(state)} on={command.on?.(state) ?? false} />)}
        </MenuSection>
      ))}
    </Menu>
  );
}
