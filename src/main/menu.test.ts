import { describe, expect, test, vi } from 'vitest';
import type { MenuItemConstructorOptions } from 'electron';

vi.mock('electron', () => ({ Menu: {} }));
const { acceleratorOf, menuTemplate, NO_COMMANDS } = await import('./menu.ts');

const page = {
  groups: [
    { id: 'file', label: 'Image', items: [{ id: 'open', label: 'Open image…', keys: 'Mod+O', enabled: true }] },
    { id: 'view', label: 'View', items: [{ id: 'hidden', label: 'Hidden & other files', enabled: false, checked: true }] },
    { id: 'help', label: 'Help', items: [] },
  ],
};
const items = (menu: MenuItemConstructorOptions | undefined) => menu?.submenu as MenuItemConstructorOptions[];

describe('the native menu', () => {
  test('is the page\'s commands with what the system does itself between them', () => {
    const command = vi.fn<(id: string) => void>();
    const openRecent = vi.fn<(path: string) => void>();
    const menu = menuTemplate(page, ['/a&b.img'], { command, openRecent }, false);
    expect(menu.map(({ label, role }) => role ?? label)).toEqual(['Image', 'editMenu', 'View', 'help']);
    const [open, , recent, , quit] = items(menu[0]);
    expect(open).toMatchObject({ label: 'Open image…', accelerator: 'CommandOrControl+O', registerAccelerator: false, enabled: true });
    expect(open).not.toHaveProperty('type');
    expect(items(menu[2])[0]).toMatchObject({ label: 'Hidden && other files', enabled: false, type: 'checkbox', checked: true });
    expect(quit).toEqual({ role: 'quit' });
    (open!.click as () => void)();
    expect(command).toHaveBeenCalledWith('open');
    expect(items(recent)[0]!.label).toBe('/a&&b.img');
    (items(recent)[0]!.click as () => void)();
    expect(openRecent).toHaveBeenCalledWith('/a&b.img');
  });

  test('has the app\'s and the window\'s menu on a Mac, where quitting is the app\'s', () => {
    const actions = { command: vi.fn<(id: string) => void>(), openRecent: vi.fn<(path: string) => void>() };
    const menu = menuTemplate(page, [], actions, true);
    expect(menu.map(({ label, role }) => role ?? label)).toEqual(['appMenu', 'Image', 'editMenu', 'View', 'windowMenu', 'help']);
    expect(JSON.stringify(menu)).not.toContain('quit');
    expect(menuTemplate(NO_COMMANDS, [], actions, true).map(({ label, role }) => role ?? label)).toEqual(['appMenu', 'File', 'editMenu', 'View', 'windowMenu']);
  });

  test('spells keys as Electron does', () => {
    expect(['Mod+Shift+E', 'Alt+ArrowLeft', 'Ctrl+ ', 'F9'].map(acceleratorOf)).toEqual(['CommandOrControl+Shift+E', 'Alt+Left', 'Control+Space', 'F9']);
  });
});
