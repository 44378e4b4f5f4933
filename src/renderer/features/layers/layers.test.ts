import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Harness, noBrowser, openImage, startHarness } from '../../testing/harness.ts';

const option = (page: Page, name: RegExp) => page.getByRole('option', { name }).first();
const volumes = (page: Page) => page.getByRole('grid', { name: 'Volumes' });

describe.skipIf(noBrowser !== undefined)('layers', () => {
  let harness: Harness;
  let page: Page;
  beforeAll(async () => {
    harness = await startHarness();
  });
  afterEach(() => page?.context().close());
  afterAll(() => harness?.close());

  async function show(name: string): Promise<void> {
    page = await harness.page();
    await openImage(page, name);
  }

  test('a locked volume is unlocked where its tree would be; a wrong password is told there and not kept', async () => {
    await show('locked.img');
    await option(page, /^1: private, Vault, .*locked/).dblclick();
    const field = page.getByLabel('Password');
    await field.waitFor();
    await expect.poll(() => field.evaluate((element) => element === document.activeElement)).toBe(true);
    await field.fill('guess');
    await page.keyboard.press('Enter');
    await page.getByText('That is not the password of vault').first().waitFor();
    await expect.poll(() => field.inputValue()).toBe('');
    await expect.poll(() => field.getAttribute('aria-invalid')).toBe('true');
    await field.fill('open sesame');
    await page.keyboard.press('Enter');
    await page.getByRole('grid', { name: /Files in/ }).waitFor();
    await expect.poll(() => page.getByRole('heading', { level: 1 }).innerText()).toContain('ext4 (clean)');
  }, 60_000);

  test('every way into a layer is listed with its reason; one that fails says why and changes nothing', async () => {
    await show('mystery.bin');
    await page.getByRole('button', { name: 'Open as…', exact: true }).click();
    const dialog = page.getByRole('dialog', { name: 'Open Unknown with' });
    await expect.poll(() => dialog.getByRole('option').allInnerTexts()).toEqual([expect.stringContaining('40 % sure'), expect.stringContaining('25 % sure'), expect.stringContaining('none of its signs'), expect.stringContaining('none of its signs')]);
    await dialog.getByRole('option', { name: /GPT/ }).click();
    await dialog.getByRole('button', { name: 'Open', exact: true }).click();
    await dialog.getByText('It could not be opened as GPT').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('heading', { name: 'Nothing known was found' }).waitFor();
    await page.getByRole('button', { name: 'Open as…', exact: true }).click();
    await dialog.getByRole('option', { name: /ext2/ }).dblclick();
    await page.getByRole('grid', { name: /Files in/ }).waitFor();
  }, 60_000);

  test('a format without an engine is told by its name', async () => {
    await show('windows.img');
    await page.getByRole('heading', { name: 'These bytes look like NTFS' }).waitFor();
    await expect.poll(() => page.getByRole('region', { name: 'NTFS' }).innerText()).toContain('Clutch can’t read this filesystem yet.');
  }, 60_000);

  test('the map and the list choose together, with names that say all that is drawn', async () => {
    await show('nested.img');
    await option(page, /^1: boot, ext4, 63\.0 MiB, clean/).click();
    await expect.poll(() => volumes(page).getByRole('row', { selected: true }).innerText()).toContain('boot');
    await page.keyboard.press('ArrowRight');
    await expect.poll(() => page.getByRole('option', { selected: true }).getAttribute('aria-label')).toBe('2: Extended, 600 MiB');
    await volumes(page).getByRole('row', { name: /music/ }).click();
    await expect.poll(() => page.getByRole('listbox', { name: 'In Extended' }).getByRole('option', { selected: true }).getAttribute('aria-label')).toMatch(/^6: music, ext4, 298 MiB, needs recovery/);
    await page.getByRole('listbox', { name: 'In virtual' }).getByRole('option', { name: /inner/ }).dblclick();
    await page.getByRole('grid', { name: /Files in/ }).waitFor();
  }, 60_000);

  test('volumes have a menu, for the mouse and the keyboard, with a reason on what is not possible', async () => {
    await show('nested.img');
    await option(page, /^3: virtual/).click({ button: 'right' });
    const menu = page.getByRole('menu', { name: 'Volume' });
    await expect.poll(() => menu.getByRole('menuitem', { name: 'Extract all of the volume…' }).getAttribute('aria-disabled')).toBe('true');
    await expect.poll(() => menu.innerText()).toContain('Its files can’t be read');
    await page.keyboard.press('Escape');
    await menu.waitFor({ state: 'detached' });
    await option(page, /^1: boot/).click();
    await page.keyboard.press('Shift+F10');
    await menu.getByRole('menuitem', { name: 'Copy UUID' }).click();
    await expect.poll(() => page.evaluate(() => (globalThis as unknown as { fake: { copied: string[] } }).fake.copied.at(-1))).toBe('6a1f4c1e-9b7d-4a52-8f06-1d2c3b4a5e6f');
    await option(page, /^1: boot/).click({ button: 'right' });
    await menu.getByRole('menuitem', { name: 'Open with…' }).click();
    await page.getByRole('dialog', { name: 'Open boot with' }).getByRole('option', { name: /ext2/ }).waitFor();
  }, 60_000);

  test('a hostile table is drawn all the same, marked, within the page', async () => {
    await show('hostile-table.img');
    await expect.poll(() => option(page, /^2: x+…?.*overlaps the one before/).count()).toBe(1);
    await expect.poll(() => option(page, /^3: beyond.*reaches outside the disk/).count()).toBe(1);
    await expect.poll(() => page.getByRole('listbox', { name: 'Partition map' }).getByRole('option').evaluateAll((slices) => slices.every((slice) => slice.getBoundingClientRect().width >= 8))).toBe(true);
    await expect.poll(() => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
  }, 60_000);

  test('how the image was opened stays to be read', async () => {
    await show('disk.img.gz');
    await page.getByRole('button', { name: 'How it was opened' }).click();
    await expect.poll(() => page.getByText('GPT: opened').first().isVisible()).toBe(true);
    await expect.poll(() => page.getByText('both header checksums match').first().isVisible()).toBe(true);
  }, 60_000);
});
