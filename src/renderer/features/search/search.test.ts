import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Harness, noBrowser, openImage, startHarness } from '../../testing/harness.ts';
import { filter, search } from '../../testing/search-views.ts';

const row = (page: Page, name: RegExp) => page.getByRole('row', { name }).first();
const selected = (page: Page) => page.getByRole('grid').getByRole('row', { selected: true }).evaluateAll((rows) => rows.map((each) => each.querySelector('.name')?.textContent ?? ''));
const here = (page: Page) => page.locator('[aria-current="location"]').innerText();
const facts = (page: Page) => page.getByTestId('search-facts').innerText();
const said = (page: Page) => page.getByTestId('announcer').innerText();
const inList = (page: Page) => page.getByRole('grid').evaluate((element) => element === document.activeElement);
const copied = (page: Page) => page.evaluate(() => (globalThis as unknown as { fake: { copied: string[] } }).fake.copied);

/** Machines that test have other things to do, too. */
const SOON = { timeout: 20_000 };

describe.skipIf(noBrowser !== undefined)('looking for names', () => {
  let harness: Harness;
  let page: Page;
  beforeAll(async () => {
    harness = await startHarness();
  });
  afterEach(async () => {
    await page.context().close();
  });
  afterAll(async () => {
    await harness?.close();
  });

  test('a search goes to what it found, back to the results, and leaves to the folder as it was', async () => {
    page = await harness.page();
    page.setDefaultTimeout(20_000);
    await openImage(page, 'root.ext4');
    await row(page, /^empty/).locator('.entry').click();
    await page.keyboard.press('Control+f');
    await page.keyboard.type('CNF');
    await row(page, /^openssl\.cnf/).waitFor();
    await expect.poll(() => facts(page), SOON).toMatch(/^1 found/);
    await expect.poll(() => said(page), SOON).toBe('Search finished, 1 found');
    await expect.poll(() => row(page, /^openssl\.cnf/).innerText()).toContain('etc/ssl');
    // A search that goes on being typed is one step of the way, not many.
    await page.keyboard.press('Backspace');
    await page.keyboard.press('Backspace');
    await page.keyboard.press('Backspace');
    await page.keyboard.type('host*');
    await row(page, /^hostname /).waitFor();
    await page.keyboard.press('Enter');
    await expect.poll(() => inList(page)).toBe(true);
    await expect.poll(() => page.getByRole('grid').getAttribute('aria-label')).toBe('Found for host* below root.ext4');
    await row(page, /^hostname /).locator('.entry').click();
    await page.keyboard.press('Control+Shift+c');
    await expect.poll(() => copied(page), SOON).toEqual(['/etc/hostname']);
    await page.keyboard.press('Enter');
    await expect.poll(() => here(page), SOON).toBe('etc');
    await expect.poll(() => selected(page), SOON).toEqual(['hostname']);
    await page.keyboard.press('Alt+ArrowLeft');
    await expect.poll(() => here(page), SOON).toBe('Search: host*');
    await expect.poll(() => selected(page), SOON).toEqual(['hostname']);
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    await expect.poll(() => selected(page), SOON).toEqual(['empty']);
    await expect.poll(() => page.getByRole('search').count()).toBe(0);
    await expect.poll(() => inList(page), SOON).toBe(true);
  }, 60_000);

  test('a search that goes on is stopped, and keeps what it found', async () => {
    page = await harness.page();
    page.setDefaultTimeout(20_000);
    await search(page, 'slow');
    await expect.poll(() => facts(page), SOON).toMatch(/^Searching … 1 found/);
    await expect.poll(() => page.locator('.find-now').innerText(), SOON).toMatch(/^usr\/share\/doc/);
    await page.getByRole('button', { name: 'Stop' }).click();
    await expect.poll(() => facts(page), SOON).toMatch(/^Stopped; 1 found until then/);
    await expect.poll(() => row(page, /^start\.sh/).count()).toBe(1);
    await expect.poll(() => said(page), SOON).toBe('Search stopped');
  }, 60_000);

  test('where nothing is found, the next step is a button; an error says what it is', async () => {
    page = await harness.page();
    page.setDefaultTimeout(20_000);
    await search(page, 'profile');
    await page.getByText('Nothing below root.ext4 is named like “profile”.').waitFor();
    await page.getByRole('button', { name: /Search hidden files too/ }).click();
    await row(page, /^\.profile/).waitFor();
    await page.getByRole('textbox', { name: 'Search below root.ext4' }).fill('fail');
    await page.getByText('the checksum does not match').waitFor();
    await expect.poll(() => row(page, /^\.profile/).count()).toBe(0);
    await page.getByRole('button', { name: 'Search again' }).click();
    await page.getByText('the checksum does not match').waitFor();
  }, 60_000);

  test('folders that were found are opened, all that was found can be extracted and selected by pattern', async () => {
    page = await harness.page();
    page.setDefaultTimeout(20_000);
    await search(page, 's*');
    await row(page, /^start\.sh/).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Control+Shift+s');
    await page.getByRole('dialog').getByRole('textbox').fill('*.sh');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await selected(page)).toContain('start.sh');
    await row(page, /^ssl /).dblclick();
    await expect.poll(() => here(page), SOON).toBe('ssl');
    await page.keyboard.press('Alt+ArrowUp');
    await expect.poll(() => here(page), SOON).toBe('etc');
    await expect.poll(() => selected(page), SOON).toEqual(['ssl']);
  }, 60_000);

  test('a filter narrows the list as one types, and Escape shows all again with the same entry selected', async () => {
    page = await harness.page();
    page.setDefaultTimeout(20_000);
    await filter(page, 'hom');
    await expect.poll(() => page.getByTestId('filter-count').innerText(), SOON).toMatch(/^1 of \d+$/);
    await expect.poll(() => page.getByRole('grid').getByRole('row').count()).toBe(2);
    await page.keyboard.press('Enter');
    await expect.poll(() => selected(page), SOON).toEqual(['home']);
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    await row(page, /^etc\b/).waitFor();
    await expect.poll(() => page.getByRole('search').count()).toBe(0);
    await page.keyboard.press('Control+Shift+f');
    await page.keyboard.type('?ome');
    await expect.poll(() => page.getByTestId('filter-count').innerText(), SOON).toMatch(/^1 of \d+$/);
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await expect.poll(() => here(page), SOON).toBe('home');
    await expect.poll(() => page.getByRole('search').count()).toBe(0);
    await page.keyboard.press('Alt+ArrowLeft');
    await expect.poll(() => page.getByTestId('filter-count').innerText(), SOON).toMatch(/^1 of \d+$/);
    // Each folder has a filter of its own, also where one comes straight from another that has one.
    const field = page.getByRole('search').getByRole('textbox');
    await page.keyboard.press('Alt+ArrowRight');
    await expect.poll(() => here(page), SOON).toBe('home');
    await page.keyboard.press('/');
    await field.fill('ad');
    await expect.poll(() => page.getByTestId('filter-count').innerText(), SOON).toMatch(/^1 of \d+$/);
    await row(page, /^ada/).dblclick();
    await expect.poll(() => here(page), SOON).toBe('ada');
    await page.keyboard.press('Alt+ArrowLeft');
    await expect.poll(() => field.inputValue(), SOON).toBe('ad');
    await page.keyboard.press('Alt+ArrowLeft');
    await expect.poll(() => field.inputValue(), SOON).toBe('?ome');
    await page.getByRole('button', { name: 'Clear filter' }).click();
    await row(page, /^etc\b/).waitFor();
  }, 60_000);

  test('entries of a long folder are selected by pattern', async () => {
    page = await harness.page();
    page.setDefaultTimeout(20_000);
    await openImage(page, 'root.ext4');
    await row(page, /^many/).dblclick();
    await row(page, /^file-000000/).locator('.entry').click();
    await page.keyboard.press('Control+Shift+s');
    await page.getByRole('dialog').getByRole('textbox').fill('nothing like it');
    await page.keyboard.press('Enter');
    await page.getByText('No name here is like that').waitFor();
    await page.getByRole('dialog').getByRole('textbox').fill('file-0?0001.*');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await expect.poll(() => page.getByTestId('status-selection').innerText(), SOON).toMatch(/^11 selected/);
    await expect.poll(() => said(page), SOON).toBe('11 entries selected');
    await expect.poll(() => inList(page)).toBe(true);
  }, 60_000);
});
