import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { dropFiles, type Harness, noBrowser, openImage, startHarness } from '../../testing/harness.ts';

const tabs = (page: Page) => page.getByRole('tab').allInnerTexts();
const recents = (page: Page) => page.getByRole('grid', { name: 'Recent images' });
const recent = (page: Page, name: RegExp) => recents(page).getByRole('row', { name }).first();

describe.skipIf(noBrowser !== undefined)('opening from the window', () => {
  let harness: Harness;
  let page: Page;
  beforeAll(async () => {
    harness = await startHarness();
  });
  afterEach(() => page?.context().close());
  afterAll(() => harness?.close());

  test('several dropped images open in a tab each, one that is open already only once', async () => {
    page = await harness.page('?dialogs=native');
    await dropFiles(page, ['disk.img.gz', 'mystery.bin', 'disk.img.gz']);
    await expect.poll(() => tabs(page)).toEqual(['disk.img.gz', 'mystery.bin']);
    await dropFiles(page, ['disk.img.gz']);
    await expect.poll(() => page.getByRole('tab', { selected: true }).innerText()).toBe('disk.img.gz');
    await expect.poll(() => tabs(page)).toHaveLength(2);
  }, 60_000);

  test('the overlay says what a drop will do, and goes with the files', async () => {
    page = await harness.page('?dialogs=native');
    await page.evaluate(() => {
      const dataTransfer = new DataTransfer();
      for (const name of ['a', 'b', 'c']) dataTransfer.items.add(new File([''], name));
      window.dispatchEvent(new DragEvent('dragenter', { dataTransfer, cancelable: true }));
    });
    const overlay = page.locator('.drop-overlay');
    await expect.poll(() => overlay.innerText()).toContain('Drop to open 3 images');
    await page.evaluate(() => window.dispatchEvent(new DragEvent('dragleave', { relatedTarget: null })));
    await expect.poll(() => overlay.count()).toBe(0);
  }, 60_000);

  test('a dialog comes first: a drop over it opens nothing', async () => {
    page = await harness.page('?dialogs=native');
    await page.keyboard.press('F1');
    await page.getByRole('dialog').waitFor();
    await dropFiles(page, ['disk.img.gz']);
    await expect.poll(() => page.getByTestId('announcer').innerText()).toContain('Close the dialog first');
    await page.keyboard.press('Escape');
    await expect.poll(() => page.getByRole('tab').count()).toBe(0);
  }, 60_000);

  test('in a browser, which tells no paths, a drop asks for the path', async () => {
    page = await harness.page();
    await dropFiles(page, ['disk.img.gz']);
    const dialog = page.getByRole('dialog', { name: 'Open image' });
    await expect.poll(() => dialog.innerText()).toContain('does not tell where disk.img.gz lies');
    await dialog.getByRole('textbox').fill('/home/ada/images/disk.img.gz');
    await page.keyboard.press('Enter');
    await page.getByRole('tab', { name: 'disk.img.gz' }).waitFor();
  }, 60_000);

  test('recents are a list for the keyboard: arrows move, Enter opens, Delete forgets, pinned ones stand first', async () => {
    page = await harness.page();
    await recent(page, /^root\.ext4/).waitFor();
    const names = (): Promise<string[]> => recents(page).locator('.recent-name').allInnerTexts();
    const before = await names();
    await page.getByRole('button', { name: `Pin ${before.at(-2)}` }).click();
    await expect.poll(names).not.toEqual(before);
    await page.getByRole('button', { name: 'Clear list' }).focus();
    await page.keyboard.press('Tab');
    await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute('role'))).toBe('row');
    const focused = await page.evaluate(() => document.activeElement?.querySelector('.recent-name')?.textContent ?? '');
    await page.keyboard.press('Delete');
    await expect.poll(names).not.toContain(focused);
    await expect.poll(() => names()).toHaveLength(before.length - 1);
    await recent(page, /^root\.ext4/).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('tab', { name: 'root.ext4' }).waitFor();
  }, 60_000);

  test('a recent image that is missing says so, and is found again', async () => {
    page = await harness.page();
    const gone = recent(page, /before the move.*File not found/);
    await gone.waitFor();
    await page.getByRole('button', { name: /Show where backup of the old laptop/ }).click();
    await page.getByRole('dialog', { name: /Where is backup/ }).getByRole('textbox').fill('/home/ada/images/mystery.bin');
    await page.keyboard.press('Enter');
    await page.getByRole('tab', { name: 'mystery.bin' }).waitFor();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.keyboard.press('Control+w');
    await recents(page).waitFor();
    await expect.poll(() => recents(page).getByText('File not found').count()).toBe(0);
  }, 60_000);

  test('the sample is one click away', async () => {
    page = await harness.page();
    await page.getByRole('button', { name: 'Try a sample image' }).click();
    await expect.poll(() => tabs(page)).toEqual(['sample.img.gz']);
  }, 60_000);

  test('an opening that takes long tells its steps and its progress, has a log, and is cancelled', async () => {
    page = await harness.page();
    await openImage(page, 'slow.img');
    const opening = page.getByRole('region', { name: 'Opening slow.img' });
    await opening.getByText('GPT: 5 partitions').first().waitFor();
    await expect.poll(() => opening.getByRole('progressbar').getAttribute('aria-valuetext')).toBe('300 MiB of 900 MiB');
    await opening.getByRole('button', { name: 'Show log' }).click();
    await opening.getByText('both header checksums match').waitFor();
    await opening.getByRole('button', { name: 'Copy log' }).click();
    const copied = (): Promise<string> => page.evaluate(() => (globalThis as unknown as { fake: { copied: string[] } }).fake.copied.at(-1) ?? '');
    await expect.poll(copied).toContain('0/0\tdone\tGPT: 5 partitions (2 ms)\n\t\t“EFI PART” at 0x200');
    expect(await copied()).toContain('warning: The journal holds 12 transactions that were not written back (journal, inode 8, at byte 0x2100000)');
    await opening.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('tab').waitFor({ state: 'detached' });
  }, 60_000);
});
