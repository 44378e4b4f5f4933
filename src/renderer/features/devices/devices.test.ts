import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Harness, noBrowser, openImage, startHarness } from '../../testing/harness.ts';

const fold = (page: Page) => page.getByRole('button', { name: /^Devices/ }).first();
const list = (page: Page) => page.getByRole('grid', { name: 'Disks of this computer' }).first();
const line = (page: Page, name: RegExp) => list(page).getByRole('row', { name });

describe.skipIf(noBrowser !== undefined)('devices', () => {
  let harness: Harness;
  let page: Page;
  beforeAll(async () => {
    harness = await startHarness();
  });
  afterEach(() => page?.context().close());
  afterAll(() => harness?.close());

  async function show(query?: string): Promise<void> {
    page = await harness.page(query);
    await openImage(page, 'root.ext4');
    await fold(page).waitFor();
  }

  test('are folded up at first, unfold in the sidebar by the keyboard, and one opens as an image', async () => {
    await show();
    expect(await fold(page).getAttribute('aria-expanded')).toBe('false');
    expect(await list(page).count()).toBe(0);
    await fold(page).focus();
    await page.keyboard.press('Enter');
    await line(page, /Photos 2024/).waitFor();
    await page.keyboard.press('Tab');
    for (let i = 0; i < 4; i++) await page.keyboard.press('ArrowDown');
    await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? '')).toMatch(/Photos 2024/);
    await page.keyboard.press('Enter');
    await page.getByRole('tab', { name: 'sda1' }).waitFor();
    await expect.poll(() => fold(page).getAttribute('aria-expanded')).toBe('true');
  }, 60_000);

  test('say what is on them, and where they are mounted', async () => {
    await show();
    await fold(page).click();
    await expect.poll(() => line(page, /EFI system/).innerText()).toMatch(/477 MiB[^]*nvme0n1p1[^]*FAT[^]*Mounted[^]*No access/);
    await expect.poll(() => line(page, /nvme0n1p2/).innerText()).toMatch(/In use/);
    await expect.poll(() => line(page, /Samsung/).getByText('Mounted').getAttribute('title')).toContain('/boot/efi, /, dm-1');
  }, 60_000);

  test('that are pulled out, and their partitions, are gone from the list', async () => {
    await show();
    await fold(page).click();
    await line(page, /Photos 2024/).waitFor();
    await page.evaluate(() => (globalThis as unknown as { fake: { pull(path: string): void } }).fake.pull('/dev/sda'));
    await line(page, /Photos 2024/).waitFor({ state: 'detached' });
    expect(await line(page, /USB stick/).count()).toBe(0);
    expect(await line(page, /Samsung/).count()).toBe(1);
  }, 60_000);

  test('that may not be read say how to get to read them, once a disk; a copy of it has the commands', async () => {
    await show();
    await fold(page).click();
    await line(page, /Samsung/).waitFor();
    expect(await page.getByRole('button', { name: /^How to get access to/ }).count()).toBe(1);
    await page.getByRole('button', { name: 'How to get access to /dev/nvme0n1' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('sudo setfacl -m u:ada:r /dev/nvme0n1').waitFor();
    expect(await dialog.getByRole('listitem').count()).toBe(3);
    await dialog.getByRole('button', { name: 'Copy details' }).click();
    await expect.poll(() => page.evaluate(() => (globalThis as unknown as { fake: { copied: string[] } }).fake.copied.at(-1) ?? '')).toContain('sudo clutch info /dev/nvme0n1');
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    // The button opened a dialog, and not the disk with it.
    expect(await page.getByRole('tab', { name: 'nvme0n1' }).count()).toBe(0);
  }, 60_000);

  test('are found by the palette: on the start page, and in a sidebar that was hidden', async () => {
    page = await harness.page();
    const run = async (): Promise<void> => {
      await page.keyboard.press('Control+Shift+P');
      await page.getByRole('searchbox').fill('Show devices');
      await page.getByRole('menuitem', { name: 'Show devices', exact: true }).click();
    };
    await run();
    await line(page, /Photos 2024/).waitFor();
    await expect.poll(() => page.evaluate(() => document.activeElement?.className ?? '')).toContain('devices-fold');
    await openImage(page, 'root.ext4');
    await page.keyboard.press('F9');
    await list(page).waitFor({ state: 'detached' });
    await run();
    await line(page, /Photos 2024/).waitFor();
  }, 60_000);

  test('in a narrow window lie over the content with the sidebar, which goes when one is opened', async () => {
    page = await harness.page('', 'light', { width: 590, height: 370 });
    await openImage(page, 'root.ext4');
    await page.keyboard.press('F9');
    await fold(page).click();
    await line(page, /Photos 2024/).click();
    await page.getByRole('tab', { name: 'sda1' }).waitFor();
    await expect.poll(() => fold(page).count()).toBe(0);
  }, 60_000);
});
