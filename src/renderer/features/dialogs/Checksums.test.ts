import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Harness, noBrowser, openImage, startHarness } from '../../testing/harness.ts';

const row = (page: Page, name: RegExp) => page.getByRole('row', { name }).first();
const copied = (page: Page) => page.evaluate(() => (globalThis as unknown as { fake: { copied: string[] } }).fake.copied);
const announced = (page: Page) => page.getByTestId('announcer').innerText();

describe.skipIf(noBrowser !== undefined)('checksums', () => {
  let harness: Harness;
  let page: Page;
  beforeAll(async () => {
    harness = await startHarness();
  });
  afterAll(async () => {
    await harness?.close();
  });

  async function open(path: string, there: RegExp): Promise<void> {
    page = await harness.page();
    await openImage(page, 'root.ext4');
    await row(page, /^etc/).waitFor();
    await page.keyboard.press('Control+l');
    await page.getByRole('textbox', { name: 'Path' }).fill(path);
    await page.keyboard.press('Enter');
    await row(page, there).waitFor();
  }

  const dialog = () => page.getByRole('dialog', { name: 'Checksums' });

  test('of a file match the list beside it, are copied, and differ from another on the clipboard', async () => {
    await open('/etc', /^passwd/);
    await row(page, /^hostname/).locator('.entry').click();
    await page.keyboard.press('Control+Shift+h');
    await dialog().getByRole('button', { name: 'Compare with' }).getByText('SHA256SUMS').waitFor();
    await page.getByText('MD5').click();
    await dialog().getByRole('button', { name: 'Compute' }).click();
    await dialog().getByText('It matches SHA256SUMS.').waitFor();
    await expect.poll(() => announced(page)).toBe('It matches SHA256SUMS.');
    await expect.poll(() => dialog().locator('code').allInnerTexts()).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/), expect.stringMatching(/^[0-9a-f]{64}$/)]);
    await dialog().getByRole('button', { name: 'Copy all' }).click();
    await expect.poll(async () => (await copied(page)).at(-1)).toMatch(/^[0-9a-f]{32} {2}hostname\n[0-9a-f]{64} {2}hostname\n$/);
    // What was just copied is on the clipboard.
    await dialog().getByRole('button', { name: 'Compare with clipboard' }).click();
    await dialog().getByText('It matches what was pasted.').waitFor();
    await dialog().getByRole('textbox', { name: 'Checksum or list' }).fill('0'.repeat(64));
    await dialog().getByText('It differs from what was pasted.').waitFor();
    await expect.poll(() => announced(page)).toBe('It differs from what was pasted.');
    await dialog().getByRole('textbox', { name: 'Checksum or list' }).fill('nonsense');
    await dialog().getByText('There is no checksum in that text.').waitFor();
    await page.context().close();
  }, 90_000);

  test('of a folder: only what does not match is left', async () => {
    await open('/etc', /^passwd/);
    await page.getByRole('grid').focus();
    await page.keyboard.press('Control+Shift+h');
    await dialog().getByRole('button', { name: 'Compute' }).click();
    await dialog().getByText('1 of 4 files match SHA256SUMS. 1 file differs. 2 files are not listed.').waitFor();
    const table = dialog().getByRole('table', { name: 'Results' });
    await expect.poll(() => table.getByRole('row').count()).toBe(5);
    await dialog().getByText('Only what does not match').click();
    await expect.poll(() => table.getByRole('row').count()).toBe(4);
    await table.getByRole('row', { name: /passwd.*Differs/ }).waitFor();
    await page.context().close();
  }, 90_000);

  test('are paused, resumed and stopped; a dropped list is compared with, not opened', async () => {
    await open('/', /^start/);
    await row(page, /^video/).locator('.entry').click();
    await page.keyboard.press('Control+Shift+h');
    await dialog().getByRole('button', { name: 'Compute' }).click();
    await dialog().getByRole('button', { name: 'Pause' }).click();
    await dialog().getByText('Paused').waitFor();
    await dialog().getByRole('button', { name: 'Resume' }).click();
    await dialog().getByRole('button', { name: 'Stop' }).click();
    await dialog().getByRole('button', { name: 'Compute again' }).waitFor();
    await dialog().getByRole('region', { name: 'Checksums' }).evaluate((region) => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([`${'a'.repeat(40)}  video.mkv\n`], 'video.sha1'));
      for (const type of ['dragenter', 'dragover', 'drop']) region.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
    });
    await expect.poll(() => dialog().getByRole('textbox', { name: 'Checksum or list' }).inputValue()).toBe(`${'a'.repeat(40)}  video.mkv\n`);
    expect(await dialog().getByRole('checkbox', { name: 'SHA-1' }).isChecked()).toBe(true);
    await expect.poll(() => page.getByRole('tab').count()).toBe(1);
    await page.context().close();
  }, 90_000);
});
