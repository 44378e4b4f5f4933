import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Harness, noBrowser, openImage, startHarness } from './harness.ts';

const fakeOf = (page: Page) => page.evaluate(() => (globalThis as unknown as { fake: { copied: string[]; drags: { entries: { name: string }[] }[] } }).fake).then(({ copied, drags }) => ({ copied, drags }));
const row = (page: Page, name: RegExp) => page.getByRole('row', { name }).first();
const selected = (page: Page) => page.getByRole('grid').getByRole('row', { selected: true }).evaluateAll((rows) => rows.map((each) => each.querySelector('.name')?.textContent ?? ''));
const here = (page: Page) => page.locator('[aria-current="location"]').innerText();

describe.skipIf(noBrowser !== undefined)('the window', () => {
  let harness: Harness;
  let page: Page;
  beforeAll(async () => {
    harness = await startHarness();
  });
  afterAll(async () => {
    await harness?.close();
  });

  async function openRoot(): Promise<void> {
    page = await harness.page();
    await openImage(page, 'root.ext4');
    await row(page, /^etc/).waitFor();
  }

  test('the keyboard alone walks, selects, opens, and comes back to where it was', async () => {
    await openRoot();
    const grid = page.getByRole('grid', { name: 'Files in root.ext4' });
    await expect.poll(() => grid.evaluate((element) => element === document.activeElement)).toBe(true);
    await expect.poll(() => grid.getAttribute('aria-rowcount')).toBe('30');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Shift+ArrowDown');
    expect(await selected(page)).toEqual(['broken directory', 'empty']);
    await expect.poll(() => page.getByTestId('status-selection').innerText()).toBe('2 selected');
    await page.keyboard.type('hom');
    await expect.poll(() => selected(page)).toEqual(['home']);
    await page.keyboard.press('Enter');
    await row(page, /^ada/).waitFor();
    expect(await here(page)).toBe('home');
    await page.keyboard.press('Backspace');
    await row(page, /^etc/).waitFor();
    await expect.poll(() => selected(page)).toEqual(['home']);
    await page.keyboard.press('Alt+ArrowLeft');
    await row(page, /^ada/).waitFor();
    await page.keyboard.press('Alt+ArrowRight');
    await row(page, /^etc/).waitFor();
    await page.keyboard.press('Control+a');
    await expect.poll(() => page.getByTestId('status-selection').innerText()).toMatch(/^29 selected/);
    await page.keyboard.press('Escape');
    await expect.poll(() => page.getByTestId('status-selection').count()).toBe(0);
    await page.keyboard.press('Control+h');
    await expect.poll(() => page.getByTestId('status-count').innerText()).toBe('31 items');
    await page.context().close();
  }, 60_000);

  test('100,000 rows: any place at once, selection and scroll restored, the focused row stays in the page', async () => {
    await openRoot();
    await row(page, /^many/).dblclick();
    await row(page, /^file-000000/).waitFor();
    await page.keyboard.press('End');
    await row(page, /^file-099999/).waitFor();
    const grid = page.getByRole('grid');
    await grid.evaluate((element) => { element.scrollTop = 1_000_000; });
    await row(page, /^file-041666/).waitFor();
    const active = await grid.getAttribute('aria-activedescendant');
    await expect.poll(() => page.locator(`#${active}`).innerText()).toContain('file-099999');
    await row(page, /^file-041670/).locator('.entry').click();
    await row(page, /^file-041674/).locator('.entry').click({ modifiers: ['Shift'] });
    await expect.poll(() => page.getByTestId('status-selection').innerText()).toMatch(/^5 selected/);
    const scroll = await grid.evaluate((element) => element.scrollTop);
    await page.keyboard.press('Alt+ArrowUp');
    await row(page, /^etc/).waitFor();
    await page.keyboard.press('Alt+ArrowLeft');
    await row(page, /^file-041670/).waitFor();
    await expect.poll(() => grid.evaluate((element) => element.scrollTop)).toBe(scroll);
    await expect.poll(() => page.getByTestId('status-selection').innerText()).toMatch(/^5 selected/);
    // Few rows are in the page, whatever the folder holds.
    await expect.poll(() => page.getByRole('row').count()).toBeLessThan(80);
    await page.context().close();
  }, 60_000);

  test('the mouse selects, bands, sorts, resizes, and opens the menu on what it points at', async () => {
    await openRoot();
    await row(page, /^etc\b/).locator('.entry').click();
    await row(page, /^home/).locator('.entry').click({ modifiers: ['Control'] });
    expect(await selected(page)).toEqual(['etc', 'home']);
    const box = (await row(page, /^etc\b/).boundingBox())!;
    // From the empty part of the row of "etc" over the two below.
    await page.mouse.move(box.x + 330, box.y + 4);
    await page.mouse.down();
    await page.mouse.move(box.x + 250, box.y + 30);
    await page.mouse.move(box.x + 250, box.y + 55);
    await page.mouse.up();
    expect(await selected(page)).toEqual(['etc', 'hidden only', 'home']);
    await page.getByRole('columnheader', { name: 'Size' }).getByRole('button').click();
    await page.getByRole('columnheader', { name: 'Size' }).getByRole('button').click();
    await expect.poll(() => page.getByRole('columnheader', { name: 'Size' }).getAttribute('aria-sort')).toBe('descending');
    await row(page, /^video\.mkv/).waitFor();
    const handle = (await page.getByRole('slider', { name: 'Width of Size' }).boundingBox())!;
    const before = (await page.getByRole('columnheader', { name: 'Size' }).boundingBox())!.width;
    await page.mouse.move(handle.x + 4, handle.y + 10);
    await page.mouse.down();
    await page.mouse.move(handle.x + 44, handle.y + 10, { steps: 4 });
    await page.mouse.up();
    expect((await page.getByRole('columnheader', { name: 'Size' }).boundingBox())!.width).toBeCloseTo(before + 40, 0);
    await row(page, /^video\.mkv/).locator('.entry').click({ button: 'right' });
    expect(await selected(page)).toEqual(['video.mkv']);
    const open = page.getByRole('menuitem', { name: 'Open' });
    await expect.poll(() => open.getAttribute('aria-disabled')).toBe('true');
    await expect.poll(() => open.innerText()).toContain('Only folders are opened here');
    await page.getByRole('menuitem', { name: 'Copy path' }).click();
    await expect.poll(async () => (await fakeOf(page)).copied).toEqual(['/video.mkv']);
    await page.context().close();
  }, 60_000);

  test('names are drawn as text, links lead inside the image, a path can be typed', async () => {
    await openRoot();
    await expect.poll(() => page.locator('.grid img').count()).toBe(0);
    await row(page, /^invoice\\u\{202e\}gpj\.exe/).waitFor();
    await row(page, /^etc-link/).dblclick();
    await row(page, /^passwd/).waitFor();
    expect(await here(page)).toBe('etc');
    await page.keyboard.press('Control+l');
    await page.getByRole('textbox', { name: 'Path' }).fill('/home/ada');
    await page.keyboard.press('Enter');
    await row(page, /^thesis\.tex/).waitFor();
    await page.mouse.click(600, 400, { button: 'left' });
    await page.getByRole('button', { name: 'home', exact: true }).click();
    await row(page, /^ada/).waitFor();
    await page.context().close();
  }, 60_000);

  test('dragging a name hands it, with all that is selected, to the app', async () => {
    await openRoot();
    await row(page, /^etc\b/).locator('.entry').click();
    await row(page, /^home/).locator('.entry').click({ modifiers: ['Control'] });
    const box = (await row(page, /^home/).locator('.entry').boundingBox())!;
    await page.mouse.move(box.x + 10, box.y + 10);
    await page.mouse.down();
    await page.mouse.move(box.x + 60, box.y + 60, { steps: 5 });
    await page.mouse.up();
    await expect.poll(async () => (await fakeOf(page)).drags.map((drag) => drag.entries.map((each) => each.name))).toEqual([['etc', 'home']]);
    await page.context().close();
  }, 60_000);

  test('an extraction asks about a conflict, keeps both by default, shows its progress, and ends with where it went', async () => {
    await openRoot();
    await page.keyboard.press('Control+a');
    await page.keyboard.press('Control+e');
    await page.getByRole('textbox', { name: 'Destination folder' }).fill('/nowhere');
    await page.getByRole('button', { name: 'Extract', exact: true }).click();
    await page.getByText('There is no folder /nowhere').waitFor();
    await page.getByRole('textbox', { name: 'Destination folder' }).fill('/home/ada/extracted');
    await page.getByRole('button', { name: 'Extract', exact: true }).click();
    const conflict = page.getByRole('alertdialog', { name: 'This name is taken' });
    await conflict.waitFor();
    await expect.poll(() => conflict.getByRole('button', { name: 'Keep both' }).evaluate((element) => element === document.activeElement)).toBe(true);
    await page.keyboard.press('Enter');
    const panel = page.getByRole('region', { name: 'Transfers' });
    await panel.getByRole('button', { name: 'Pause 29 items' }).click();
    await panel.getByText('Paused').waitFor();
    await panel.getByRole('button', { name: 'Resume 29 items' }).click();
    await page.getByRole('button', { name: 'Show folder' }).first().waitFor({ timeout: 20_000 });
    await panel.getByText('Done', { exact: true }).waitFor();
    await page.context().close();
  }, 60_000);

  test('one small file is extracted without a panel', async () => {
    await openRoot();
    // The half second after which the panel would show is stretched: on a busy machine even one file takes longer, and then the panel is right.
    await page.evaluate(() => {
      const wait = globalThis.setTimeout.bind(globalThis) as (run: () => void, ms?: number) => number;
      Object.assign(globalThis, { setTimeout: (run: () => void, ms?: number) => wait(run, ms === 500 ? 60_000 : ms) });
    });
    await row(page, /^start\.sh/).locator('.entry').click();
    await page.keyboard.press('Control+e');
    await page.getByRole('textbox', { name: 'Destination folder' }).fill('/home/ada/extracted');
    await page.keyboard.press('Enter');
    await page.getByRole('alertdialog', { name: /start\.sh: extracted 1 file/ }).waitFor();
    await expect.poll(() => page.getByRole('region', { name: 'Transfers' }).count()).toBe(0);
    await page.context().close();
  }, 60_000);
});
