import type { Page } from 'playwright-core';
import { openImage } from './harness.ts';
import type { PageView } from './views.ts';

/** Views of the frame around the content: tabs, path, sidebar, palette, settings. */

const row = (page: Page, name: RegExp) => page.getByRole('row', { name }).first();

async function openRoot(page: Page, name = 'root.ext4'): Promise<void> {
  await openImage(page, name);
  await row(page, /^etc\b/).waitFor();
}

async function openMany(page: Page): Promise<void> {
  for (const name of ['disk.img.gz', 'mystery.bin', 'fail.img', 'dirty.ext4', 'slow-1.img', 'windows.img', 'root.ext4']) await openImage(page, name);
  await row(page, /^etc\b/).waitFor();
}

export const SHELL_VIEWS: readonly PageView[] = [
  { name: 'palette', go: async (page) => { await openRoot(page); await page.keyboard.press('Control+Shift+P'); await page.getByRole('searchbox').waitFor(); } },
  { name: 'palette-found', go: async (page) => { await openRoot(page); await page.keyboard.press('Control+Shift+P'); await page.keyboard.type('image'); await page.getByRole('menuitem', { name: 'Close image', exact: true }).waitFor(); } },
  { name: 'palette-none', go: async (page) => { await page.keyboard.press('Control+Shift+P'); await page.keyboard.type('qqqq'); await page.getByText('Nothing fits').waitFor(); } },
  { name: 'sheet-search', go: async (page) => { await page.keyboard.press('F1'); await page.getByRole('searchbox').fill('tab'); await page.getByText('Next image').waitFor(); } },
  { name: 'settings', go: async (page) => { await page.keyboard.press('Control+,'); await page.getByRole('dialog').waitFor(); } },
  { name: 'settings-native', query: '?client=electron', go: async (page) => { await page.keyboard.press('Control+,'); await page.getByRole('button', { name: 'Show settings file' }).waitFor(); } },
  { name: 'many-tabs', viewport: { width: 760, height: 500 }, go: async (page) => { await openMany(page); await page.getByRole('button', { name: 'All open images' }).waitFor(); } },
  { name: 'all-tabs', viewport: { width: 760, height: 500 }, go: async (page) => { await openMany(page); await page.getByRole('button', { name: 'All open images' }).click(); await page.getByRole('menu').waitFor(); } },
  { name: 'tab-menu', go: async (page) => { await openRoot(page); await openImage(page, 'disk.img.gz'); await page.getByRole('tab', { name: 'root.ext4' }).click({ button: 'right' }); await page.getByRole('menu').waitFor(); } },
  { name: 'start-tab', go: async (page) => { await openRoot(page); await page.keyboard.press('Control+t'); await page.getByRole('tab', { name: 'Start' }).waitFor(); } },
  { name: 'subvolumes', go: async (page) => { await openRoot(page, 'snapshots.img'); await page.getByRole('row', { name: /2024-05-01/ }).first().click(); await page.waitForTimeout(200); } },
  { name: 'sidebar-menu', go: async (page) => { await openImage(page, 'disk.img.gz'); await page.getByRole('navigation', { name: 'Images and volumes' }).getByRole('row', { name: /system/ }).click({ button: 'right' }); await page.getByRole('menu').waitFor(); } },
  { name: 'sidebar-over', viewport: { width: 590, height: 370 }, go: async (page) => { await openRoot(page); await page.keyboard.press('F9'); await page.getByRole('button', { name: 'Close sidebar' }).waitFor(); } },
  { name: 'siblings', go: async (page) => { await openRoot(page); await row(page, /^etc\b/).dblclick(); await row(page, /passwd/).waitFor(); await page.getByRole('button', { name: 'Folders beside etc' }).click(); await page.getByRole('menuitemradio', { name: 'home' }).waitFor(); } },
  { name: 'completion', go: async (page) => { await openRoot(page); await page.keyboard.press('Control+l'); await page.getByRole('textbox', { name: 'Path' }).fill('/h'); await page.getByRole('option', { name: 'home' }).waitFor(); } },
  { name: 'long-path', viewport: { width: 400, height: 400 }, go: async (page) => { await openRoot(page); await page.keyboard.press('Control+l'); await page.getByRole('textbox', { name: 'Path' }).fill('/etc/ssl'); await page.keyboard.press('Enter'); await page.getByRole('button', { name: 'Folders above' }).click(); await page.getByRole('menu').waitFor(); } },
  { name: 'back-menu', go: async (page) => { await openRoot(page); await row(page, /^etc\b/).dblclick(); await row(page, /passwd/).waitFor(); await page.getByRole('button', { name: 'Back' }).click({ button: 'right' }); await page.getByRole('menu').waitFor(); } },
  { name: 'rtl-folder', query: '?dir=rtl', go: async (page) => { await openRoot(page); await row(page, /^etc\b/).dblclick(); await row(page, /passwd/).waitFor(); } },
  { name: 'rtl-table', query: '?dir=rtl', go: async (page) => { await openImage(page, 'disk.img.gz'); await page.getByRole('listbox', { name: 'Partition map' }).waitFor(); } },
  { name: 'rtl-menu', query: '?dir=rtl', go: async (page) => { await openRoot(page); await page.getByRole('button', { name: 'Menu' }).click(); await page.getByRole('menu').waitFor(); } },
  { name: 'rtl-settings', query: '?dir=rtl', go: async (page) => { await page.keyboard.press('Control+,'); await page.getByRole('dialog').waitFor(); } },
];
