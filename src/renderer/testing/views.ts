import type { Page } from 'playwright-core';
import { OPENING_VIEWS } from './opening-views.ts';
import { openImage } from './harness.ts';
import { HEX_VIEWS } from './hex-views.ts';
import { SHELL_VIEWS } from './shell-views.ts';
import { CHECKSUM_VIEWS, LOOK_VIEWS } from './preview-views.ts';
import { PROPERTIES_VIEWS } from './properties-views.ts';
import { CHECK_VIEWS, EDIT_VIEWS } from './edit-views.ts';
import { DEVICE_VIEWS } from './device-views.ts';
import { GUEST_VIEWS } from './guest-views.ts';
import { MOUNT_VIEWS } from './mount-views.ts';
import { GRID_VIEWS } from './grid-views.ts';
import { SEARCH_VIEWS } from './search-views.ts';

export interface PageView {
  readonly name: string;
  readonly query?: string;
  readonly viewport?: { readonly width: number; readonly height: number };
  /** Brings the page there. */
  readonly go: (page: Page) => Promise<void>;
}

const grid = (page: Page) => page.getByRole('grid');
const row = (page: Page, name: string) => page.getByRole('row', { name: new RegExp(name) }).first();

async function openRoot(page: Page, name = 'root.ext4'): Promise<void> {
  await openImage(page, name);
  await row(page, 'start\\.sh').waitFor();
}

async function select(page: Page, name: string): Promise<void> {
  await row(page, name).locator('.entry').click();
}

async function extractAll(page: Page): Promise<void> {
  await grid(page).focus();
  await page.keyboard.press('Control+a');
  await page.keyboard.press('Control+e');
  await page.getByRole('dialog').getByRole('textbox').fill('/home/ada/extracted');
}

/** Every view and state of the window that has a look of its own. */
export const VIEWS: readonly PageView[] = [
  ...PROPERTIES_VIEWS,
  ...GRID_VIEWS,
  ...SEARCH_VIEWS,
  { name: 'welcome', go: async () => {} },
  { name: 'welcome-empty', query: '?recents=0', go: async () => {} },
  ...OPENING_VIEWS,
  { name: 'open-path', go: async (page) => { await page.keyboard.press('Control+o'); await page.getByRole('dialog').getByRole('textbox').fill('/nowhere.img'); await page.keyboard.press('Enter'); await page.getByText('There is no file').waitFor(); } },
  { name: 'failed', go: async (page) => { await openImage(page, 'fail.img'); await page.getByRole('alert').waitFor(); } },
  { name: 'folder', go: async (page) => { await openRoot(page); await select(page, 'start\\.sh'); } },
  { name: 'folder-bottom', go: async (page) => { await openRoot(page); await grid(page).focus(); await page.keyboard.press('End'); } },
  { name: 'narrow', viewport: { width: 760, height: 480 }, go: async (page) => { await openImage(page, 'root.ext4'); await row(page, 'etc').waitFor(); await grid(page).focus(); await page.keyboard.type('start'); await page.locator('.entry-row.is-selected', { hasText: 'start.sh' }).waitFor(); await page.keyboard.press('Alt+p'); await page.getByText('alert("this').waitFor(); } },
  { name: 'selection', go: async (page) => { await openRoot(page); await select(page, 'etc'); await page.keyboard.press('Shift+ArrowDown'); await page.keyboard.press('Shift+ArrowDown'); await page.keyboard.press('Control+ArrowDown'); } },
  { name: 'many', go: async (page) => { await openRoot(page); await row(page, 'many').dblclick(); await page.getByText('100,000 items').first().waitFor(); await page.keyboard.press('End'); await row(page, 'file-099999').waitFor(); } },
  { name: 'preview-text', go: async (page) => { await openRoot(page); await select(page, 'start\\.sh'); await page.keyboard.press('Alt+p'); await page.getByText('alert("this').waitFor(); } },
  { name: 'preview-picture', go: async (page) => { await openRoot(page); await select(page, 'picture\\.png'); await page.keyboard.press('Alt+p'); await page.getByRole('img', { name: 'Picture' }).waitFor(); await page.getByText('8 × 8').waitFor(); } },
  { name: 'preview-hex', go: async (page) => { await openRoot(page); await select(page, 'firmware'); await page.keyboard.press('Alt+p'); await page.getByText('Binary').waitFor(); } },
  { name: 'preview-error', go: async (page) => { await openRoot(page); await select(page, 'broken inode'); await page.keyboard.press('Alt+p'); await page.getByText('No preview').waitFor(); } },
  ...LOOK_VIEWS,
  ...CHECKSUM_VIEWS,
  { name: 'empty-folder', go: async (page) => { await openRoot(page); await row(page, 'empty').dblclick(); await page.getByText('This folder is empty.').waitFor(); } },
  { name: 'hidden-only', go: async (page) => { await openRoot(page); await row(page, 'hidden only').dblclick(); await page.getByRole('button', { name: 'Show hidden files' }).waitFor(); } },
  { name: 'broken-folder', go: async (page) => { await openRoot(page); await row(page, 'broken directory').dblclick(); await page.getByRole('alert').waitFor(); } },
  { name: 'context-menu', go: async (page) => { await openRoot(page); await row(page, 'start\\.sh').locator('.entry').click({ button: 'right' }); await page.getByRole('menu').waitFor(); } },
  { name: 'context-menu-zoomed', viewport: { width: 590, height: 370 }, go: async (page) => { await openImage(page, 'root.ext4'); await row(page, 'etc').locator('.entry').click({ button: 'right' }); await page.getByRole('menu').waitFor(); } },
  { name: 'app-menu', go: async (page) => { await openRoot(page); await page.getByRole('button', { name: 'Menu' }).click(); await page.getByRole('menu').waitFor(); } },
  { name: 'path-field', go: async (page) => { await openRoot(page); await page.keyboard.press('Control+l'); await page.getByRole('textbox', { name: 'Path' }).fill('/nope'); await page.keyboard.press('Enter'); await page.getByText('There is no folder').waitFor(); } },
  { name: 'shortcuts', go: async (page) => { await openRoot(page); await page.keyboard.press('F1'); await page.getByRole('dialog').waitFor(); } },
  { name: 'table', go: async (page) => { await openImage(page, 'disk.img.gz'); await page.getByRole('listbox', { name: 'Partition map' }).waitFor(); await page.getByRole('option', { name: /system/ }).click(); } },
  { name: 'table-volume', go: async (page) => { await openImage(page, 'disk.img.gz'); await page.getByRole('row', { name: /rootfs|system/ }).last().dblclick(); await row(page, 'start\\.sh').waitFor(); await row(page, 'etc').dblclick(); await row(page, 'passwd').waitFor(); } },
  { name: 'unsupported', go: async (page) => { await openImage(page, 'disk.img.gz'); await page.getByRole('row', { name: /ESP/ }).last().dblclick(); await page.getByRole('alert').waitFor(); } },
  { name: 'unknown', go: async (page) => { await openImage(page, 'mystery.bin'); await page.getByText('Nothing known was found').waitFor(); await page.getByRole('region', { name: 'First bytes' }).waitFor(); } },
  { name: 'damaged', go: async (page) => { await openImage(page, 'torn.ext4'); await page.getByRole('alert').waitFor(); await page.getByRole('region', { name: 'First bytes' }).waitFor(); } },
  { name: 'dirty', go: async (page) => { await openRoot(page, 'dirty.ext4'); } },
  { name: 'overview', go: async (page) => { await openRoot(page, 'dirty.ext4'); await page.getByRole('button', { name: 'Menu' }).click(); await page.getByRole('menuitem', { name: 'Volume overview' }).click(); await page.getByRole('button', { name: 'Browse files' }).waitFor(); } },
  { name: 'tabs', go: async (page) => { await openRoot(page); await openImage(page, 'disk.img.gz'); await openImage(page, 'mystery.bin'); await openImage(page, 'fail.img'); await page.getByRole('tab', { name: 'disk.img.gz' }).click(); await page.getByRole('option', { name: /system/ }).waitFor(); } },
  { name: 'extract', go: async (page) => { await openRoot(page); await extractAll(page); } },
  { name: 'extract-native', query: '?dialogs=native', go: async (page) => { await page.keyboard.press('Control+o'); await page.getByRole('option', { name: /system/ }).dblclick(); await row(page, 'start\\.sh').waitFor(); await page.keyboard.press('Control+e'); await page.getByRole('dialog').waitFor(); } },
  { name: 'conflict', go: async (page) => { await openRoot(page); await extractAll(page); await page.keyboard.press('Enter'); await page.getByRole('alertdialog').waitFor(); } },
  { name: 'transfer', go: async (page) => { await openRoot(page); await extractAll(page); await page.keyboard.press('Enter'); await page.getByRole('alertdialog').waitFor(); await page.keyboard.press('Enter'); await page.getByRole('region', { name: 'Transfers' }).waitFor(); await page.waitForTimeout(800); } },
  { name: 'transfer-done', go: async (page) => { await openRoot(page); await extractAll(page); await page.keyboard.press('Enter'); await page.getByRole('alertdialog').waitFor(); await page.keyboard.press('Enter'); await page.getByRole('button', { name: 'Show log' }).waitFor(); await page.getByRole('button', { name: /^Log/ }).click(); } },
  { name: 'transfer-cancelled', go: async (page) => { await openRoot(page); await extractAll(page); await page.keyboard.press('Enter'); await page.getByRole('alertdialog').waitFor(); await page.keyboard.press('Enter'); await page.getByRole('button', { name: 'Cancel 29 items' }).click(); await page.getByRole('button', { name: 'Retry 29 items' }).waitFor(); } },
  { name: 'space', go: async (page) => { await openRoot(page); await page.keyboard.press('Alt+s'); await page.getByText('could not be read').first().waitFor(); await page.keyboard.press('Home'); await page.keyboard.press('ArrowRight'); } },
  { name: 'space-measuring', go: async (page) => { await openRoot(page); await page.evaluate(() => { (globalThis as unknown as { fake: { hold: boolean } }).fake.hold = true; }); await page.keyboard.press('Alt+s'); await page.getByRole('treegrid', { name: /Largest first/ }).waitFor(); } },
  { name: 'space-narrow', viewport: { width: 590, height: 370 }, go: async (page) => { await openImage(page, 'root.ext4'); await row(page, 'etc').waitFor(); await page.keyboard.press('Alt+s'); await page.getByText('could not be read').first().waitFor(); await page.getByText('could not be read').first().click(); } },
  { name: 'space-empty', go: async (page) => { await openRoot(page); await select(page, 'empty'); await page.keyboard.press('Alt+s'); await page.getByText('Nothing in this folder takes space.').waitFor(); } },
  { name: 'space-error', go: async (page) => { await openRoot(page); await select(page, 'broken directory'); await page.keyboard.press('Alt+s'); await page.getByRole('alert').waitFor(); } },
  ...HEX_VIEWS,
  ...EDIT_VIEWS,
  ...CHECK_VIEWS,
  ...SHELL_VIEWS,
  ...GUEST_VIEWS,
  ...DEVICE_VIEWS,
  ...MOUNT_VIEWS,
  { name: 'lost', go: async (page) => { await openRoot(page); await page.evaluate(() => (globalThis as unknown as { fake: { send(event: object): void } }).fake.send({ event: 'lost', image: 1, reason: 'The process ended with signal SIGSEGV' })); await page.getByRole('alert').waitFor(); } },
];
