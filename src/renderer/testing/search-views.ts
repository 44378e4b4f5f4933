import type { Page } from 'playwright-core';
import { openImage } from './harness.ts';
import type { PageView } from './views.ts';

/** Opens the bar for a search below the root, and types. */
export async function search(page: Page, query: string): Promise<void> {
  await openImage(page, 'root.ext4');
  await page.getByRole('row', { name: /^etc\b/ }).first().waitFor();
  await page.keyboard.press('Control+f');
  await page.getByRole('textbox', { name: 'Search below root.ext4' }).fill(query);
  await page.keyboard.press('Enter');
}

/** Opens the bar that narrows the list of the root, and types. */
export async function filter(page: Page, text: string): Promise<void> {
  await openImage(page, 'root.ext4');
  await page.getByRole('row', { name: /^etc\b/ }).first().waitFor();
  await page.keyboard.press('/');
  await page.getByRole('textbox', { name: 'Filter this folder by name' }).fill(text);
}

const facts = (page: Page, text: RegExp) => page.getByTestId('search-facts').getByText(text).waitFor();

/** Searching, filtering and selecting by pattern, in every state. */
export const SEARCH_VIEWS: readonly PageView[] = [
  { name: 'search-empty', go: async (page) => { await search(page, ''); } },
  { name: 'search-running', go: async (page) => { await search(page, 'slow'); await facts(page, /Searching/); await page.getByRole('row', { name: /^start\.sh/ }).waitFor(); await page.waitForTimeout(300); } },
  { name: 'search-found', go: async (page) => { await search(page, 's'); await facts(page, /^\d+ found/); await page.keyboard.press('ArrowDown'); await page.keyboard.press('ArrowDown'); } },
  { name: 'search-capped', go: async (page) => { await search(page, 'file-*'); await page.getByText(/The first 2,000/).waitFor(); } },
  { name: 'search-nothing', go: async (page) => { await openImage(page, 'root.ext4'); await page.getByRole('row', { name: /^home/ }).first().dblclick(); await page.getByRole('row', { name: /^ada/ }).waitFor(); await page.keyboard.press('Control+f'); await page.getByRole('textbox', { name: 'Search below home' }).fill('no such thing'); await page.getByText('Nothing below home').waitFor(); } },
  { name: 'search-stopped', go: async (page) => { await search(page, 'slow'); await page.getByRole('button', { name: 'Stop' }).click(); await facts(page, /Stopped/); } },
  { name: 'search-failed', go: async (page) => { await search(page, 'fail'); await page.getByText('The search could not go on').first().waitFor(); } },
  { name: 'search-hostile', viewport: { width: 760, height: 480 }, go: async (page) => { await search(page, '*e*'); await facts(page, /found/); await page.getByRole('row', { name: /invoice/ }).waitFor(); } },
  { name: 'search-preview', go: async (page) => { await search(page, 'hostname'); await facts(page, /found/); await page.keyboard.press('Enter'); await page.keyboard.press('Alt+p'); await page.getByRole('complementary', { name: 'Preview' }).waitFor(); } },
  { name: 'filter', go: async (page) => { await filter(page, 'e'); await page.getByTestId('filter-count').getByText(/^\d+ of 30$|^\d+ of 29$/).waitFor(); } },
  { name: 'filter-nothing', go: async (page) => { await filter(page, 'x*y*z'); await page.getByText('Nothing here matches').waitFor(); } },
  { name: 'pattern', go: async (page) => { await openImage(page, 'root.ext4'); await page.getByRole('row', { name: /^etc\b/ }).first().waitFor(); await page.keyboard.press('Control+Shift+s'); await page.getByRole('dialog').getByRole('textbox').fill('*.nothing'); await page.keyboard.press('Enter'); await page.getByText('No name here is like that').waitFor(); } },
];
