import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dialog } from '../../testing/edit-views.ts';
import { type Harness, noBrowser, openImage, startHarness } from '../../testing/harness.ts';

const copied = (page: Page) => page.evaluate(() => (globalThis as unknown as { fake: { copied: string[] } }).fake.copied.at(-1) ?? '');

describe.skipIf(noBrowser !== undefined)('checking', () => {
  let harness: Harness;
  beforeAll(async () => { harness = await startHarness(); }, 120_000);
  afterAll(async () => { await harness?.close(); });

  async function check(name: string): Promise<Page> {
    const page = await harness.page();
    page.setDefaultTimeout(15_000);
    await openImage(page, name);
    await page.getByRole('row', { name: /^etc/ }).first().waitFor();
    await page.keyboard.press('Control+Shift+k');
    await dialog(page).waitFor();
    return page;
  }

  test('a clean filesystem is said to be clean, calmly', async () => {
    const page = await check('root.ext4');
    await dialog(page).getByText('The filesystem is clean').waitFor();
    await expect.poll(() => dialog(page).getByRole('listbox').count()).toBe(0);
    await expect.poll(() => dialog(page).getByRole('button', { name: /repair/i }).count()).toBe(0);
    await page.context().close();
  }, 90_000);

  test('findings are chosen, filtered, ticked and repaired by the keyboard; the repair is a pending change', async () => {
    const page = await check('dirty.ext4');
    await dialog(page).getByRole('button', { name: 'Unlock and repair 126 ticked' }).waitFor();
    await dialog(page).getByRole('radio', { name: 'Errors (4)' }).click();
    const list = dialog(page).getByRole('listbox', { name: 'Findings' });
    await expect.poll(() => list.getByRole('option').count()).toBe(4);
    await list.focus();
    await page.keyboard.press('ArrowDown');
    await dialog(page).getByText('Take the block out of the file').waitFor();
    await page.keyboard.press(' ');
    await dialog(page).getByText('125 of 126 that can be repaired are ticked').waitFor();
    await dialog(page).getByRole('radio', { name: 'Warnings (121)' }).click();
    await dialog(page).getByRole('button', { name: 'Untick all that are shown' }).click();
    await dialog(page).getByRole('button', { name: 'Copy report' }).click();
    await expect.poll(() => copied(page)).toContain('error 0/superblock-checksum');
    await dialog(page).getByRole('button', { name: 'Unlock and repair 4 ticked' }).click();
    await dialog(page).getByText('4 findings repaired').first().waitFor();
    await page.keyboard.press('Escape');
    await dialog(page).waitFor({ state: 'detached' });
    await expect.poll(() => page.getByTestId('pending').innerText()).toContain('1 change pending');
    await page.keyboard.press('Control+Shift+k');
    await dialog(page).getByText('All (123)').waitFor();
    await page.context().close();
  }, 90_000);

  test('it stops at once, and keeps what it had found; leaving it ends it', async () => {
    const page = await check('slow-check.ext4');
    await dialog(page).getByText('Pass 1').waitFor();
    await dialog(page).getByRole('button', { name: 'Stop' }).click();
    await dialog(page).getByText('The check was stopped').waitFor({ timeout: 3000 });
    await expect.poll(() => dialog(page).getByRole('option').count()).toBeGreaterThan(0);
    await dialog(page).getByRole('button', { name: 'Check again' }).click();
    await dialog(page).getByText('Pass 1').waitFor();
    await dialog(page).getByRole('button', { name: 'Close', exact: true }).last().click();
    await dialog(page).waitFor({ state: 'detached' });
    await page.context().close();
  }, 90_000);

  test('the report is saved where the person says, and the check is still there', async () => {
    const page = await check('dirty.ext4');
    await dialog(page).getByRole('button', { name: 'Save report…' }).click();
    await dialog(page).getByRole('textbox', { name: 'Folder' }).fill('/home/ada');
    await expect.poll(() => dialog(page).getByRole('textbox', { name: 'Name' }).inputValue()).toBe('rootfs check.txt');
    await dialog(page).getByRole('button', { name: 'Save' }).click();
    await page.getByText('Report saved as rootfs check.txt').first().waitFor();
    await dialog(page).getByRole('listbox', { name: 'Findings' }).waitFor();
    await page.context().close();
  }, 90_000);
});
