import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { dropFiles, type Harness, noBrowser, startHarness } from '../../testing/harness.ts';

const tabs = (page: Page) => page.getByRole('tab').allInnerTexts();
const volumes = (page: Page) => page.getByRole('grid', { name: 'Volumes' });
const sidebar = (page: Page) => page.getByRole('navigation', { name: 'Images and volumes' });
const row = (page: Page, name: RegExp) => sidebar(page).getByRole('row', { name }).first();

describe.skipIf(noBrowser !== undefined)('a set of disks', () => {
  let harness: Harness;
  let page: Page;
  beforeAll(async () => {
    harness = await startHarness();
  });
  afterEach(() => page?.context().close());
  afterAll(() => harness?.close());

  async function drop(...names: readonly string[]): Promise<void> {
    page = await harness.page('?dialogs=native');
    await dropFiles(page, names);
  }

  test('that is dropped together is one tab, named after its first disk; other images have their own', async () => {
    await drop('five-1.img', 'root.ext4', 'five-2.img', 'five-3.img');
    await expect.poll(() => tabs(page)).toEqual(['root.ext4', 'five-1.img and 2 more']);
    await expect.poll(() => volumes(page).getByRole('row', { name: /five-1\.img/ }).innerText()).toContain('Linux RAID');
    for (const name of [/five-2\.img/, /five-3\.img/]) await expect.poll(() => volumes(page).getByRole('row', { name }).innerText()).toContain('Part of a set');
    await expect.poll(() => row(page, /^five\b(?!-)/).innerText()).toContain('Clean');
    // The same disks once more are what is open.
    await dropFiles(page, ['five-1.img', 'five-2.img', 'five-3.img']);
    await expect.poll(() => tabs(page)).toHaveLength(2);
  }, 60_000);

  test('is opened where its first disk is: the others say so, offer nothing, and lead there', async () => {
    await drop('five-1.img', 'five-2.img', 'five-3.img');
    await row(page, /five-3\.img/).click();
    await page.getByRole('heading', { name: 'This is a part of Linux RAID' }).waitFor();
    await expect.poll(() => page.getByRole('button', { name: /^Open (with|as)|Open with Linux/ }).count()).toBe(0);
    await expect.poll(() => page.getByText('Ways to open it').count()).toBe(0);
    await page.getByRole('button', { name: 'Show it' }).click();
    await expect.poll(() => volumes(page).getByRole('row', { name: /five/ }).innerText()).toMatch(/ext4[^]*RAID5 of 3 disks[^]*1\.00 GiB/);
  }, 60_000);

  test('of which one is missing says that it is degraded, and why nothing is changed in it', async () => {
    await drop('five-1.img', 'five-3.img');
    await volumes(page).getByRole('row', { name: /five-1\.img/ }).dblclick();
    await expect.poll(() => volumes(page).getByRole('row', { name: /five/ }).innerText()).toContain('RAID5 of 3 disks, degraded');
    await expect.poll(() => page.getByText('assembled by Linux 6.12, a guest; 1 of its 3 disks is missing: the array is degraded').count()).toBe(1);
    await row(page, /^five\b(?!-)/).click();
    await page.getByRole('grid', { name: /Files in/ }).waitFor();
    await expect.poll(() => page.locator('.badge', { hasText: 'Read-only' }).first().getAttribute('title')).toContain('1 of its 3 disks is missing: the array is degraded');
  }, 60_000);

  test('of which too many are missing says what is needed', async () => {
    await drop('five-2.img');
    await expect.poll(() => page.getByRole('alert').first().innerText()).toMatch(/not enough to start the array[^]*open all images of the set together/);
  }, 60_000);
});
