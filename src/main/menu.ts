import { Menu, type MenuItemConstructorOptions } from 'electron';

export interface MenuActions {
  /** Runs a command of the page's. */
  command(id: string): void;
  openRecent(path: string): void;
}

/** The application menu. The page has every command itself and hears its keys first; on a Mac this is where people look for them. */
export function setMenu(recents: readonly string[], { command, openRecent }: MenuActions): void {
  const isMac = process.platform === 'darwin';
  // The page owns the keys; a Mac shows them in its menu all the same.
  const item = (label: string, id: string, accelerator: string): MenuItemConstructorOptions => ({ label, accelerator, registerAccelerator: false, click: () => command(id) });
  const separator: MenuItemConstructorOptions = { type: 'separator' };
  Menu.setApplicationMenu(Menu.buildFromTemplate([
    ...(isMac ? [{ role: 'appMenu' } as const] : []),
    {
      label: '&File',
      submenu: [
        item('Open Image…', 'open', 'CommandOrControl+O'),
        { label: 'Open Recent', enabled: recents.length > 0, submenu: recents.slice(0, 10).map((path) => ({ label: path.replaceAll('&', '&&'), click: () => openRecent(path) })) },
        separator,
        item('Extract…', 'extract', 'CommandOrControl+E'),
        separator,
        item('Close Tab', 'close-tab', 'CommandOrControl+W'),
        ...(isMac ? [] : [separator, { role: 'quit' } as const]),
      ],
    },
    { role: 'editMenu' },
    {
      label: '&View',
      submenu: [
        item('Hidden Files', 'hidden', 'CommandOrControl+H'), item('Preview', 'preview-pane', 'Alt+P'), item('Sidebar', 'sidebar', 'F9'),
        separator, { role: 'resetZoom' }, { role: 'zoomIn' }, { role: 'zoomOut' }, separator, { role: 'togglefullscreen' },
      ],
    },
    { label: '&Go', submenu: [item('Back', 'back', 'Alt+Left'), item('Forward', 'forward', 'Alt+Right'), item('Up', 'up', 'Alt+Up'), item('Enter Path…', 'edit-path', 'CommandOrControl+L')] },
    ...(isMac ? [{ role: 'windowMenu' } as const] : []),
    { role: 'help', submenu: [item('Keyboard Shortcuts', 'shortcuts', 'F1')] },
  ]));
}
