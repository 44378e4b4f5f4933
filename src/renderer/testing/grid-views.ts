import type { Page } from 'playwright-core';
import { openImage } from './harness.ts';
import type { PageView } from './views.ts';

async function openRoot(page: Page): Promise<void> {
  await openImage(page, 'root.ext4');
  await page.getByRole('row', { name: /^etc\b/ }).first().waitFor();
}

/** Shows columns by the menu of a header, and leaves it open or not. */
async function choose(page: Page, names: readonly string[], close = true): Promise<void> {
  await page.getByRole('columnheader', { name: 'Type' }).getByRole('button').click({ button: 'right' });
  for (const name of names) await page.getByRole('menuitemcheckbox', { name, exact: true }).click();
  if (!close) return;
  await page.keyboard.press('Escape');
  await page.getByRole('menu').waitFor({ state: 'detached' });
}

/** The list of files with its columns. */
export const GRID_VIEWS: readonly PageView[] = [
  { name: 'grid-many-columns', go: async (page) => { await openRoot(page); await choose(page, ['On disk', 'Mode', 'Inode', 'Links', 'Created', 'Link target']); } },
  { name: 'grid-narrow', viewport: { width: 720, height: 480 }, go: async (page) => { await openRoot(page); } },
  { name: 'grid-hostile', go: async (page) => { await openRoot(page); await choose(page, ['Permissions', 'Owner', 'Group', 'Type', 'Link target']); await page.getByRole('grid').focus(); await page.keyboard.press('Control+End'); } },
  { name: 'grid-header-menu', go: async (page) => { await openRoot(page); await choose(page, ['Inode'], false); } },
  { name: 'grid-columns-menu', go: async (page) => { await openRoot(page); await page.keyboard.press('Control+Shift+o'); await page.getByRole('menuitemcheckbox', { name: 'Inode' }).waitFor(); } },
  { name: 'grid-resizing', go: async (page) => { await openRoot(page); await page.getByRole('slider', { name: 'Width of Size' }).focus(); await page.keyboard.press('ArrowRight'); } },
];
