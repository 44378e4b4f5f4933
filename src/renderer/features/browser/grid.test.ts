import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Harness, noBrowser, openImage, startHarness } from '../../testing/harness.ts';

const grid = (page: Page) => page.getByRole('grid');
const row = (page: Page, name: RegExp) => page.getByRole('row', { name }).first();
const selected = (page: Page) => grid(page).getByRole('row', { selected: true }).evaluateAll((rows) => rows.map((each) => each.querySelector('.name')?.textContent ?? ''));
const headers = (page: Page) => page.getByRole('columnheader').evaluateAll((cells) => cells.map((cell) => cell.querySelector('button')?.textContent ?? ''));
const header = (page: Page, name: string) => page.getByRole('columnheader', { name }).getByRole('button');
const widthOf = async (page: Page, name: string) => Math.round((await page.getByRole('columnheader', { name }).boundingBox())!.width);
const said = (page: Page) => page.getByTestId('announcer').innerText();
const item = (page: Page, name: string) => page.getByRole('menu').getByText(name, { exact: true });
const usual = ['Name', 'Size', 'Modified', 'Type', 'Permissions', 'Owner', 'Group'];

describe.skipIf(noBrowser !== undefined)('the list of files', () => {
  let harness: Harness;
  let page: Page;
  beforeAll(async () => {
    harness = await startHarness();
  });
  afterAll(async () => {
    await harness?.close();
  });

  async function openRoot(viewport?: { width: number; height: number }): Promise<void> {
    page = await harness.page('', 'light', viewport);
    page.setDefaultTimeout(8000);
    await openImage(page, 'root.ext4');
    await row(page, /^etc/).waitFor();
  }

  /** The list's rows are wholly drawn: nothing in its window is empty or a placeholder. */
  async function isFilled(): Promise<boolean> {
    return grid(page).evaluate((element) => {
      const { top, bottom } = element.querySelector('.grid-window')!.getBoundingClientRect();
      const boxes = [...element.querySelectorAll('.entry-row')].map((each) => ({ box: each.getBoundingClientRect(), waits: each.querySelector('.placeholder') !== null })).filter(({ box }) => box.bottom > top && box.top < bottom);
      const covered = boxes.reduce((sum, { box }) => sum + Math.min(box.bottom, bottom) - Math.max(box.top, top), 0);
      return covered >= bottom - top - 1 && boxes.every(({ waits }) => !waits);
    });
  }

  test('columns are chosen in a menu, come with their contents, and stay out when a width is chosen', async () => {
    await openRoot();
    await expect.poll(() => headers(page)).toEqual(usual);
    await expect.poll(() => grid(page).getAttribute('aria-colcount')).toBe('7');
    await header(page, 'Type').click({ button: 'right' });
    await page.getByRole('menuitemcheckbox', { name: 'Permissions' }).click();
    await page.getByRole('menuitemcheckbox', { name: 'Mode' }).click();
    await page.getByRole('menuitemcheckbox', { name: 'Inode' }).click();
    await expect.poll(() => page.getByRole('menuitemcheckbox', { name: 'Permissions' }).getAttribute('aria-checked')).toBe('false');
    await expect.poll(() => page.getByRole('menuitemcheckbox', { name: 'Name' }).getAttribute('aria-disabled')).toBe('true');
    await page.keyboard.press('Escape');
    await expect.poll(() => headers(page)).toEqual(['Name', 'Size', 'Modified', 'Type', 'Mode', 'Owner', 'Group', 'Inode']);
    await expect.poll(() => row(page, /^start\.sh/).innerText()).toContain('4755');
    await expect.poll(() => grid(page).getAttribute('aria-colcount')).toBe('8');
    const before = await widthOf(page, 'Size');
    const handle = (await page.getByRole('slider', { name: 'Width of Size' }).boundingBox())!;
    await page.mouse.move(handle.x + 4, handle.y + 10);
    await page.mouse.down();
    await page.mouse.move(handle.x + 34, handle.y + 10, { steps: 3 });
    await page.mouse.up();
    expect(await widthOf(page, 'Size')).toBe(before + 30);
    expect(await headers(page)).not.toContain('Permissions');
    // Another folder of the format has the same columns.
    await row(page, /^etc\b/).dblclick();
    await row(page, /^passwd/).waitFor();
    await expect.poll(() => headers(page)).toContain('Inode');
    expect(await widthOf(page, 'Size')).toBe(before + 30);
    await page.context().close();
  }, 60_000);

  test('a narrow window leaves out what matters least, but nothing that was chosen, whatever widths are', async () => {
    await openRoot({ width: 900, height: 600 });
    const narrow = await headers(page);
    expect(narrow.length).toBeLessThan(usual.length);
    expect(narrow).toEqual(usual.slice(0, narrow.length));
    await page.getByRole('slider', { name: 'Width of Size' }).focus();
    await page.keyboard.press('ArrowRight');
    await expect.poll(() => headers(page)).toEqual(narrow);
    await header(page, 'Size').click({ button: 'right' });
    await page.getByRole('menuitemcheckbox', { name: 'Links' }).click();
    await page.keyboard.press('Escape');
    await expect.poll(() => headers(page)).toEqual([...usual, 'Links']);
    await expect.poll(() => grid(page).evaluate((element) => element.scrollWidth > element.clientWidth)).toBe(true);
    await page.context().close();
  }, 60_000);

  test('a header is dragged to another place, and moved, sorted, sized and fitted by keys alone', async () => {
    await openRoot();
    const from = (await header(page, 'Type').boundingBox())!;
    const to = (await header(page, 'Size').boundingBox())!;
    await page.mouse.move(from.x + 20, from.y + 10);
    await page.mouse.down();
    await page.mouse.move(from.x - 40, from.y + 10, { steps: 3 });
    await page.mouse.move(to.x + 10, to.y + 10, { steps: 3 });
    await expect.poll(() => page.locator('.is-drop-before').getAttribute('data-column')).toBe('size');
    await page.mouse.up();
    await expect.poll(() => headers(page)).toEqual(['Name', 'Type', 'Size', 'Modified', 'Permissions', 'Owner', 'Group']);
    // The drag was no click: the order is as before.
    await expect.poll(() => page.getByRole('columnheader', { name: 'Name' }).getAttribute('aria-sort')).toBe('ascending');

    await grid(page).focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowUp');
    // The header that was used last.
    await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toBe('Type');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    await expect.poll(() => page.getByRole('columnheader', { name: 'Size' }).getAttribute('aria-sort')).toBe('ascending');
    await page.keyboard.press(' ');
    await expect.poll(() => page.getByRole('columnheader', { name: 'Size' }).getAttribute('aria-sort')).toBe('descending');
    await expect.poll(() => page.getByRole('columnheader', { name: 'Name' }).getAttribute('aria-sort')).toBeNull();
    await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toBe('Size');
    await page.keyboard.press('Alt+Shift+ArrowRight');
    await expect.poll(() => headers(page)).toEqual(['Name', 'Type', 'Modified', 'Size', 'Permissions', 'Owner', 'Group']);
    await expect.poll(() => said(page)).toBe('Size is column 4 of 7');
    await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toBe('Size');
    await page.keyboard.press('Alt+Shift+ArrowLeft');
    await page.keyboard.press('Shift+F10');
    await item(page, 'Change width').click();
    await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute('role'))).toBe('slider');
    const before = await widthOf(page, 'Size');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('PageUp');
    expect(await widthOf(page, 'Size')).toBe(before + 56);
    await page.keyboard.press('Enter');
    await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toBe('Size');
    await page.keyboard.press('Shift+F10');
    await item(page, 'Fit to its entries').click();
    await expect.poll(() => widthOf(page, 'Size')).toBeLessThan(before + 56);
    await page.keyboard.press('ArrowDown');
    await expect.poll(() => grid(page).evaluate((element) => element === document.activeElement)).toBe(true);
    // Tab leads to the header, and on.
    await page.keyboard.press('Tab');
    await expect.poll(() => page.evaluate(() => document.activeElement?.closest('[role=columnheader]') !== null)).toBe(true);
    await page.context().close();
  }, 60_000);

  test('fitting makes a column as wide as its widest cell, and reset undoes all', async () => {
    await openRoot();
    await header(page, 'Name').click({ button: 'right' });
    await item(page, 'Fit columns').click();
    await expect.poll(() => said(page)).toBe('Columns fitted');
    const cutOff = await grid(page).locator('.cell.number').evaluateAll((cells) => cells.filter((cell) => cell.scrollWidth > cell.clientWidth).map((cell) => cell.textContent));
    expect(cutOff).toEqual([]);
    expect(await widthOf(page, 'Type')).toBeGreaterThan(112);
    const edge = (await page.getByRole('slider', { name: 'Width of Owner' }).boundingBox())!;
    await header(page, 'Size').click({ button: 'right' });
    await item(page, 'Reset columns').click();
    await expect.poll(() => widthOf(page, 'Type')).toBe(112);
    await page.getByRole('slider', { name: 'Width of Group' }).dblclick();
    await expect.poll(() => widthOf(page, 'Group')).not.toBe(84);
    expect(edge.width).toBe(8);
    await page.context().close();
  }, 60_000);

  test('selects as on a desktop, and keeps what is selected in another order and under a filter', async () => {
    await openRoot();
    await row(page, /^etc\b/).locator('.entry').click();
    await row(page, /^home/).locator('.entry').click({ modifiers: ['Control'] });
    await row(page, /^many/).locator('.entry').click({ modifiers: ['Control', 'Shift'] });
    expect(await selected(page)).toEqual(['etc', 'home', 'lost+found', 'many']);
    await page.keyboard.press('Control+Shift+ArrowUp');
    expect(await selected(page)).toEqual(['etc', 'home', 'lost+found']);
    await page.keyboard.press('Shift+ArrowDown');
    expect(await selected(page)).toEqual(['home', 'lost+found', 'many']);
    await page.keyboard.press('Control+Home');
    await page.keyboard.press('Control+ ');
    expect(await selected(page)).toEqual(['broken directory', 'home', 'lost+found', 'many']);
    const active = async (): Promise<string> => page.locator(`#${await grid(page).getAttribute('aria-activedescendant')}`).locator('.name').innerText();
    expect(await active()).toBe('broken directory');
    await header(page, 'Name').click();
    await expect.poll(() => page.getByRole('columnheader', { name: 'Name' }).getAttribute('aria-sort')).toBe('descending');
    await expect.poll(async () => (await selected(page)).toSorted()).toEqual(['broken directory', 'home', 'lost+found', 'many']);
    expect(await active()).toBe('broken directory');
    await page.keyboard.press('Control+Shift+i');
    await expect.poll(() => page.getByTestId('status-selection').innerText()).toMatch(/^25 selected/);
    await page.keyboard.press('Control+h');
    await expect.poll(() => page.getByTestId('status-count').innerText()).toBe('31 items');
    await expect.poll(() => page.getByTestId('status-selection').innerText()).toMatch(/^25 selected/);
    await page.context().close();
  }, 60_000);

  test('what the keyboard was on is found again in a folder that is in another order by then', async () => {
    await openRoot();
    await row(page, /^many/).dblclick();
    await row(page, /^file-000000/).waitFor();
    await page.keyboard.type('file-07');
    await expect.poll(() => selected(page)).toEqual(['file-070000.dat']);
    await page.keyboard.press('Alt+ArrowUp');
    await row(page, /^etc/).waitFor();
    await header(page, 'Name').click();
    await page.keyboard.press('Alt+ArrowLeft');
    await row(page, /^file-070000/).waitFor();
    expect(await selected(page)).toEqual(['file-070000.dat']);
    await page.context().close();
  }, 60_000);

  test('no frame shows a place without its row, by pages, by the wheel, or far along the bar', async () => {
    await openRoot();
    await row(page, /^many/).dblclick();
    await row(page, /^file-000000/).waitFor();
    expect(await isFilled()).toBe(true);
    const sampling = grid(page).evaluate((element) => new Promise<{ frames: number; blank: number }>((done) => {
      let frames = 0;
      let blank = 0;
      const look = (): void => {
        const { top, bottom } = element.querySelector('.grid-window')!.getBoundingClientRect();
        const rows = [...element.querySelectorAll('.entry-row')].filter((each) => { const box = each.getBoundingClientRect(); return box.bottom > top && box.top < bottom; });
        const covered = rows.reduce((sum, each) => { const box = each.getBoundingClientRect(); return sum + Math.min(box.bottom, bottom) - Math.max(box.top, top); }, 0);
        frames++;
        if (covered < bottom - top - 1 || rows.some((each) => each.querySelector('.placeholder') !== null)) blank++;
        if (element.hasAttribute('data-stop')) done({ frames, blank });
        else requestAnimationFrame(look);
      };
      requestAnimationFrame(look);
    }));
    for (let i = 0; i < 40; i++) await page.keyboard.press('PageDown');
    const box = (await grid(page).boundingBox())!;
    await page.mouse.move(box.x + 300, box.y + 300);
    for (let i = 0; i < 40; i++) await page.mouse.wheel(0, 240);
    for (const at of [1_000_000, 50_000, 2_000_000, 700_000]) await grid(page).evaluate((element, to) => { element.scrollTop = to; }, at);
    await row(page, /^file-029166/).waitFor();
    await grid(page).evaluate((element) => element.setAttribute('data-stop', ''));
    const { frames, blank } = await sampling;
    expect(frames).toBeGreaterThan(5);
    expect(blank).toBe(0);
    expect(await isFilled()).toBe(true);
    await page.context().close();
  }, 60_000);

  test('rows are higher where that was chosen, and names of any kind keep to their row', async () => {
    await openRoot();
    const heights = () => page.locator('.entry-row').evaluateAll((rows) => [...new Set(rows.map((each) => each.getBoundingClientRect().height))]);
    expect(await heights()).toEqual([24]);
    const widths = await page.locator('.entry-row').evaluateAll((rows) => [...new Set(rows.map((each) => each.scrollWidth - each.clientWidth))]);
    expect(widths).toEqual([0]);
    const long = row(page, /^a very long name/);
    expect((await long.innerText()).length).toBeLessThan(1000);
    expect((await long.locator('.entry').getAttribute('title'))!.length).toBeLessThanOrEqual(1001);
    await page.evaluate(() => (globalThis as unknown as { fake: { send(event: object): void; settings?: object } }).fake.send({ event: 'settings', settings: { theme: 'system', density: 'comfortable', sort: { key: 'name', descending: false }, hidden: false, sidebar: true, preview: false, reopen: true, notices: true, columns: {} } }));
    await expect.poll(heights).toEqual([28]);
    await page.context().close();
  }, 60_000);

  test('the status bar tells of what is shown, selected and left out, and that the image is not written to', async () => {
    await openRoot();
    await row(page, /^firmware/).locator('.entry').click();
    await row(page, /^picture/).locator('.entry').click({ modifiers: ['Control'] });
    await expect.poll(() => page.getByTestId('status-selection').innerText()).toBe('2 selected, 1.50 MiB');
    const bar = page.getByRole('contentinfo', { name: 'Status' });
    await expect.poll(() => bar.innerText()).toContain('2 hidden');
    await expect.poll(() => bar.innerText()).toContain('Read-only');
    await page.context().close();
  }, 60_000);
});
