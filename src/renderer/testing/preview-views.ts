import type { Page } from 'playwright-core';
import { openImage } from './harness.ts';
import type { PageView } from './views.ts';

const grid = (page: Page) => page.getByRole('grid');
const row = (page: Page, name: string) => page.getByRole('row', { name: new RegExp(name) }).first();

async function openRoot(page: Page, name = 'root.ext4'): Promise<void> {
  await openImage(page, name);
  await row(page, 'start\\.sh').waitFor();
}

async function select(page: Page, name: string): Promise<void> {
  await row(page, name).locator('.entry').click();
}

async function goTo(page: Page, path: string, there: string): Promise<void> {
  await page.keyboard.press('Control+l');
  await page.getByRole('textbox', { name: 'Path' }).fill(path);
  await page.keyboard.press('Enter');
  await row(page, there).waitFor();
}

async function look(page: Page, name: string): Promise<void> {
  await openRoot(page);
  await goTo(page, '/home/samples', 'backup');
  await select(page, name);
  await page.keyboard.press(' ');
  await page.getByRole('dialog', { name: 'Quick look' }).waitFor();
}

async function openFolder(page: Page, name: string): Promise<void> {
  await openRoot(page);
  await goTo(page, `/${name}`, 'passwd');
}

async function compute(page: Page): Promise<void> {
  await page.keyboard.press('Control+Shift+h');
  await page.getByRole('dialog', { name: 'Checksums' }).waitFor();
  await page.getByRole('button', { name: 'Compute' }).click();
}

/** The quick look, one of each that it shows. */
export const LOOK_VIEWS: readonly PageView[] = [
  { name: 'look-text', go: async (page) => { await look(page, 'long\\.txt'); await page.getByText('Zeile 2: schöne').waitFor(); } },
  { name: 'look-controls', go: async (page) => { await look(page, 'controls'); await page.getByText('reversed').waitFor(); } },
  { name: 'look-line', go: async (page) => { await look(page, 'one line'); await page.getByText('"a":1').first().waitFor(); } },
  { name: 'look-archive', go: async (page) => { await look(page, 'backup'); await page.getByText('docs/readme.md').waitFor(); } },
  { name: 'look-torn', go: async (page) => { await look(page, 'torn'); await page.getByText('its checksum is wrong').waitFor(); } },
  { name: 'look-bomb', go: async (page) => { await look(page, 'bomb'); await page.getByRole('dialog').getByText('million pixels').waitFor(); } },
  { name: 'look-folder', go: async (page) => { await look(page, 'photos'); await page.getByText('two.jpg').waitFor(); } },
  { name: 'look-image', go: async (page) => { await look(page, 'disk\\.img'); await page.getByText('A disk image: ext4').waitFor(); } },
  { name: 'look-picture', go: async (page) => { await openRoot(page); await select(page, 'picture\\.png'); await page.keyboard.press(' '); await page.getByRole('img', { name: 'Picture' }).waitFor(); await page.getByRole('button', { name: 'Actual size' }).click(); } },
  { name: 'look-empty', go: async (page) => { await openRoot(page); await select(page, 'queue'); await page.keyboard.press(' '); await page.getByRole('dialog').getByText('no contents').waitFor(); } },
  { name: 'look-error', go: async (page) => { await openRoot(page); await select(page, 'broken inode'); await page.keyboard.press(' '); await page.getByText('No preview').waitFor(); } },
  { name: 'look-long-name', go: async (page) => { await openRoot(page); await select(page, 'a very long name'); await page.keyboard.press(' '); await page.getByText('Not text').waitFor(); } },
];

/** Checksums: before, while, and how they may end. */
export const CHECKSUM_VIEWS: readonly PageView[] = [
  { name: 'checksums', go: async (page) => { await openRoot(page); await select(page, 'start\\.sh'); await page.keyboard.press('Control+Shift+h'); await page.getByRole('dialog', { name: 'Checksums of start.sh' }).waitFor(); } },
  { name: 'checksums-running', go: async (page) => { await openRoot(page); await select(page, 'video'); await compute(page); await page.getByRole('button', { name: 'Pause' }).click(); await page.getByText('Paused').waitFor(); } },
  { name: 'checksums-done', go: async (page) => { await openFolder(page, 'etc'); await select(page, 'hostname'); await compute(page); await page.getByRole('dialog').getByText('It matches SHA256SUMS.').waitFor(); } },
  { name: 'checksums-differs', go: async (page) => { await openFolder(page, 'etc'); await grid(page).focus(); await compute(page); await page.getByRole('dialog').getByText('1 file differs.').waitFor(); } },
  { name: 'checksums-many', go: async (page) => { await openRoot(page); await select(page, 'many'); await compute(page); await page.getByRole('dialog').getByText('100,000 files done').waitFor({ timeout: 20_000 }); } },
  { name: 'checksums-image', go: async (page) => { await openRoot(page, 'dirty.ext4'); await page.getByRole('button', { name: 'Menu' }).click(); await page.getByRole('menuitem', { name: 'Volume overview' }).click(); await page.getByRole('button', { name: 'Checksums…' }).click(); await page.getByRole('button', { name: 'Compute' }).click(); await page.getByRole('dialog').getByText('It matches dirty.ext4.sha256.').waitFor(); } },
];
