import type { Page } from 'playwright-core';
import { openImage } from './harness.ts';
import type { PageView } from './views.ts';

const grid = (page: Page) => page.getByRole('grid');
const row = (page: Page, name: string) => page.getByRole('row', { name: new RegExp(name) }).first();

/** The properties of an entry, found by typing its name's beginning, or of the folder itself. */
async function propertiesOf(page: Page, name: string, side?: string): Promise<void> {
  await openImage(page, 'root.ext4');
  await row(page, 'etc').waitFor();
  await grid(page).focus();
  if (name !== '') {
    await page.keyboard.type(name);
    await page.getByRole('row', { name: new RegExp(`^${name}`), selected: true }).waitFor();
  }
  if (side === undefined) await page.keyboard.press('Alt+Enter');
  else await properties(page, side);
}

async function properties(page: Page, side: string): Promise<void> {
  await page.keyboard.press('Alt+Enter');
  await page.getByRole('dialog').getByRole('tab', { name: side }).click();
}

/** Properties of everything that has some, and each side of their window. */
export const PROPERTIES_VIEWS: readonly PageView[] = [
  { name: 'properties', go: async (page) => { await propertiesOf(page, 'start', 'General'); } },
  { name: 'properties-folder', go: async (page) => { await propertiesOf(page, 'many', 'General'); await page.getByText('100,000 files, 1 folder', { exact: true }).waitFor(); } },
  { name: 'properties-counting', go: async (page) => { await propertiesOf(page, 'many', 'General'); await page.getByRole('button', { name: 'Stop' }).click(); await page.getByRole('button', { name: 'Count again' }).waitFor(); } },
  { name: 'properties-permissions', go: async (page) => { await propertiesOf(page, 'start', 'Permissions'); } },
  { name: 'properties-attributes', go: async (page) => { await propertiesOf(page, 'start', 'Attributes'); } },
  { name: 'properties-hostile', go: async (page) => { await propertiesOf(page, 'a very long name', 'Attributes'); } },
  { name: 'properties-extents', go: async (page) => { await propertiesOf(page, 'video', 'Extents'); } },
  { name: 'properties-details', go: async (page) => { await propertiesOf(page, 'from the year', 'Details'); } },
  { name: 'properties-damaged', go: async (page) => { await propertiesOf(page, 'broken inode'); await page.getByRole('alert').waitFor(); } },
  { name: 'properties-many', go: async (page) => { await openImage(page, 'root.ext4'); await row(page, 'etc').waitFor(); await grid(page).focus(); await page.keyboard.press('Control+a'); await page.keyboard.press('Alt+Enter'); await page.getByRole('dialog').getByText('could not be read').first().waitFor(); } },
  { name: 'properties-volume', go: async (page) => { await openImage(page, 'disk.img.gz'); await page.getByRole('option', { name: /home/ }).click(); await properties(page, 'General'); } },
  { name: 'properties-features', go: async (page) => { await propertiesOf(page, '', 'General'); await page.getByRole('button', { name: 'Volume properties' }).click(); await page.getByRole('tab', { name: 'Features' }).click(); } },
  { name: 'properties-image', go: async (page) => { await openImage(page, 'mystery.bin'); await page.getByText('Nothing known was found').first().waitFor(); await properties(page, 'Layers'); } },
  { name: 'properties-locked', go: async (page) => { await openImage(page, 'locked.img'); await page.getByRole('option', { name: /./ }).first().click(); await properties(page, 'General'); } },
];
