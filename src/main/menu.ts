import { Menu, type MenuItemConstructorOptions } from 'electron';
import type { Menu as PageMenu } from '../shared/contract/window.ts';

export interface MenuActions {
  /** Runs a command of the page's. */
  command(id: string): void;
  openRecent(path: string): void;
}

/** What stands in the bar until the page has told its commands. */
export const NO_COMMANDS: PageMenu = { groups: [{ id: 'file', label: 'File', items: [] }, { id: 'view', label: 'View', items: [] }] };

/** Recents that the menu shows. */
const SHOWN_RECENTS = 10;

const separator: MenuItemConstructorOptions = { type: 'separator' };

/** The application menu: the page's commands by their groups, and between them what the system does itself (quit, edit, zoom). */
export function setMenu(page: PageMenu, recents: readonly string[], actions: MenuActions): void {
  Menu.setApplicationMenu(Menu.buildFromTemplate(menuTemplate(page, recents, actions, process.platform === 'darwin')));
}

/** The menu as data. */
export function menuTemplate({ groups }: PageMenu, recents: readonly string[], { command, openRecent }: MenuActions, isMac: boolean): MenuItemConstructorOptions[] {
  const own: Readonly<Record<string, MenuItemConstructorOptions[]>> = {
    file: [
      separator,
      { label: 'Open Recent', enabled: recents.length > 0, submenu: recents.slice(0, SHOWN_RECENTS).map((path) => ({ label: escaped(path), click: () => openRecent(path) })) },
      ...(isMac ? [] : [separator, { role: 'quit' } as const]),
    ],
    view: [separator, { role: 'resetZoom' }, { role: 'zoomIn' }, { role: 'zoomOut' }, separator, { role: 'togglefullscreen' }],
  };
  const menus = groups.map(({ id, label, items }): MenuItemConstructorOptions => ({
    label: escaped(label),
    ...(id === 'help' ? { role: 'help' } as const : {}),
    submenu: [
      ...items.map((item): MenuItemConstructorOptions => ({
        label: escaped(item.label), enabled: item.enabled, click: () => command(item.id),
        ...(item.checked === undefined ? {} : { type: 'checkbox', checked: item.checked } as const),
        // The page hears its keys itself; a Mac shows them in its menu all the same.
        ...(item.keys === undefined ? {} : { accelerator: acceleratorOf(item.keys), registerAccelerator: false }),
      })),
      ...(own[id] ?? []),
    ],
  }));
  menus.splice(groups.findIndex(({ id }) => id === 'file') + 1, 0, { role: 'editMenu' });
  if (isMac) {
    menus.unshift({ role: 'appMenu' });
    const help = menus.findIndex(({ role }) => role === 'help');
    menus.splice(help < 0 ? menus.length : help, 0, { role: 'windowMenu' });
  }
  return menus;
}

/** "Mod+ArrowLeft" as Electron spells it. */
export function acceleratorOf(keys: string): string {
  const names: Readonly<Record<string, string>> = { Mod: 'CommandOrControl', Ctrl: 'Control', ArrowLeft: 'Left', ArrowRight: 'Right', ArrowUp: 'Up', ArrowDown: 'Down', ' ': 'Space' };
  return keys.split('+').map((part) => names[part] ?? part).join('+');
}

/** "&" would underline what follows. */
function escaped(label: string): string {
  return label.replaceAll('&', '&&');
}
