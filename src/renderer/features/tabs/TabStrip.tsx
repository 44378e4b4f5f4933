import { FolderOpen, HardDrive, Menu as MenuIcon, Plus, TriangleAlert, X } from 'lucide-react';
import { Button, Header, Keyboard, Menu, MenuItem, MenuSection, MenuTrigger, Popover, Tab, TabList, Text } from 'react-aria-components';
import { commands, commandOf, type Group, runCommand } from '../../commands/index.ts';
import { shownKeys } from '../../commands/keys.ts';
import { useApp } from '../../app/state.ts';
import { closeTab, openDialog } from '../../app/tabs.ts';
import { useTransfers } from '../../app/transfers.ts';
import { IconButton, isMac } from '../../ui/buttons.tsx';
import { texts } from '../../texts/index.ts';

/** One tab an image, and the menu of everything. */
export function TabStrip() {
  const tabs = useApp((state) => state.tabs);
  return (
    <header className="tab-strip">
      {tabs.length === 0 ? <span className="app-name">{texts.app.name}</span> : (
        <TabList aria-label={texts.tabs.label} className="tab-list">
          {tabs.map((tab) => (
            <Tab key={tab.id} id={tab.id} className="tab" aria-label={tab.source.name}>
              {tab.state === 'failed' || tab.state === 'lost' ? <TriangleAlert aria-hidden /> : <HardDrive aria-hidden />}
              <span className="tab-name" title={tab.source.path}>{tab.source.name}</span>
              <TabClose name={tab.source.name} id={tab.id} />
            </Tab>
          ))}
        </TabList>
      )}
      <IconButton label={texts.commands.open} icon={tabs.length === 0 ? FolderOpen : Plus} onPress={() => void openDialog()} />
      <span className="spacer" />
      <AppMenu />
    </header>
  );
}

/** For the mouse; the keyboard has Ctrl+W. A tab's content may hold no control of its own, so it is hidden from assistive technology. */
function TabClose({ name, id }: { name: string; id: number }) {
  return (
    <span
      className="tab-close" title={texts.tabs.close(name)} aria-hidden data-testid={`close-tab-${id}`}
      onPointerDown={(event) => event.stopPropagation()}
      onMouseDown={(event) => event.stopPropagation()}
      onClick={(event) => {
        event.stopPropagation();
        closeTab(id);
      }}
    >
      <X aria-hidden />
    </span>
  );
}

const GROUPS: readonly Group[] = ['file', 'entry', 'go', 'view', 'sort', 'help'];

function AppMenu() {
  const state = useApp();
  useTransfers();
  const mac = isMac(state.info?.platform);
  return (
    <MenuTrigger>
      <Button className="icon-button" aria-label={texts.toolbar.menu}><MenuIcon aria-hidden /></Button>
      <Popover className="popover" placement="bottom end" aria-label={texts.toolbar.menu}>
        <Menu className="menu" aria-label={texts.toolbar.menu} onAction={(id) => runCommand(String(id))}>
          {GROUPS.map((group) => (
            <MenuSection key={group} id={group} className="menu-section">
              <Header className="menu-head">{texts.groups[group]}</Header>
              {commands.filter((command) => command.group === group).map((command) => <CommandItem key={command.id} id={command.id} mac={mac} enabled={command.enabled(state)} on={command.on?.(state) ?? false} />)}
            </MenuSection>
          ))}
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}

/** A command as a menu entry; disabled, it says why. */
export function CommandItem({ id, mac, enabled, on = false, label }: { id: string; mac: boolean; enabled: true | string; on?: boolean; label?: string }) {
  const command = commandOf(id);
  const Icon = command.icon;
  const [keys] = command.keys;
  const text = label ?? command.label;
  return (
    <MenuItem id={id} textValue={text} className={`menu-item ${on ? 'is-on' : ''}`} isDisabled={enabled !== true}>
      <Icon aria-hidden />
      <Text slot="label" className="menu-label">{text}</Text>
      {keys === undefined ? null : <Keyboard>{shownKeys(keys, mac)}</Keyboard>}
      {enabled === true ? null : <Text slot="description" className="menu-reason">{enabled}</Text>}
    </MenuItem>
  );
}
