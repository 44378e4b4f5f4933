import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Harness, noBrowser, openImage, startHarness } from '../../testing/harness.ts';

const copied = (page: Page) => page.evaluate(() => (globalThis as unknown as { fake: { copied: string[] } }).fake.copied.at(-1) ?? '');
const dialog = (page: Page) => page.getByRole('dialog');
/** The value of a fact, by its label. */
const fact = (page: Page, label: string) => dialog(page).locator('dl.facts > div', { has: page.getByText(label, { exact: true }) }).locator('dd').first().innerText();

describe.skipIf(noBrowser !== undefined)('properties', () => {
  let harness: Harness;
  let page: Page;
  beforeAll(async () => { harness = await startHarness(); });
  afterAll(async () => { await harness?.close(); });

  /** The root, with the entry selected whose name begins so; without, nothing is. */
  async function open(name = ''): Promise<void> {
    page = await harness.page();
    page.setDefaultTimeout(8000);
    await openImage(page, 'root.ext4');
    await page.getByRole('row', { name: /^etc\b/ }).first().waitFor();
    await page.locator('.grid-body').focus();
    if (name === '') return;
    await page.keyboard.type(name);
    await page.getByRole('row', { name: new RegExp(`^${name}`), selected: true }).waitFor();
  }

  test('the keyboard alone reads every side of an entry, and leaves', async () => {
    await open('start');
    await page.keyboard.press('Alt+Enter');
    await dialog(page).getByRole('tab', { name: 'General', selected: true }).waitFor();
    expect(await fact(page, 'Path')).toBe('/start.sh');
    expect(await fact(page, 'Owner')).toBe('root (0)');
    expect(await fact(page, 'Mode')).toBe('-rwsr-xr-x, 4755');
    expect(await fact(page, 'Modified')).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{9} \+0[12]:00$/);
    await dialog(page).getByRole('tab', { name: 'General' }).focus();
    const sides: string[] = [];
    for (let i = 0; i < 5; i++) {
      sides.push(await dialog(page).getByRole('tab', { selected: true }).innerText());
      await page.keyboard.press('ArrowRight');
    }
    expect(sides).toEqual(['General', 'Permissions', 'Attributes', 'Extents', 'Details']);
    await dialog(page).getByRole('tab', { name: 'Permissions' }).click();
    await expect.poll(() => dialog(page).getByRole('row', { name: /^Owner root \(0\)/ }).first().innerText()).toMatch(/yes\s+yes\s+yes/);
    await dialog(page).getByRole('row', { name: 'User ada (1000) r-x' }).waitFor();
    await page.keyboard.press('Escape');
    await dialog(page).waitFor({ state: 'detached' });
    await page.context().close();
  }, 60_000);

  test('attributes are text, and hex where they are none or it is asked for', async () => {
    await open('start');
    await page.keyboard.press('Alt+Enter');
    await dialog(page).getByRole('tab', { name: 'Attributes' }).click();
    const text = dialog(page).getByText('https://example.org/start', { exact: true });
    await text.waitFor();
    await expect.poll(() => dialog(page).getByRole('region', { name: 'Bytes of user.origin' }).count()).toBe(0);
    await expect.poll(() => dialog(page).getByRole('region', { name: 'Bytes of security.capability' }).innerText()).toContain('01 00 00 02 00 20');
    await dialog(page).getByText('Show as hex').click();
    await expect.poll(() => dialog(page).getByRole('region', { name: 'Bytes of user.origin' }).innerText()).toContain('68 74 74 70 73');
    await text.waitFor();
    await page.context().close();
  }, 60_000);

  test('extents are drawn to scale and listed, holes too', async () => {
    await open('video');
    await page.keyboard.press('Alt+Enter');
    await dialog(page).getByRole('tab', { name: 'Extents' }).click();
    const strip = dialog(page).getByRole('img', { name: 'Map of the device of 1.00 GiB: 4 pieces on the device, 4 extents.' });
    const { x, width } = (await strip.boundingBox())!;
    const stripes = await strip.locator('.stripe').evaluateAll((all) => all.map((each) => { const { left, width: wide } = each.getBoundingClientRect(); return [left, wide] as const; }));
    expect(stripes).toHaveLength(4);
    // The thin piece at the far end is wide enough to be seen, and within the strip.
    expect(stripes[3]![1]).toBeGreaterThanOrEqual(1.5);
    expect(stripes[3]![0]).toBeGreaterThan(x + width * 0.98);
    expect((stripes[2]![0] - x) / width).toBeCloseTo((120_000 * 4096) / 2 ** 30, 1);
    await dialog(page).getByRole('row', { name: '266,240 – 258,048 hole' }).waitFor();
    await dialog(page).getByRole('row', { name: /524,288 368,640,000 131,072 allocated, reads as zeros/ }).waitFor();
    await page.context().close();
  }, 60_000);

  test('a folder is counted live, stopped, and counted again', async () => {
    await open('many');
    await page.keyboard.press('Alt+Enter');
    await dialog(page).getByRole('button', { name: 'Stop' }).click();
    await dialog(page).getByText('Stopped: there is more.').waitFor();
    const stopped = Number.parseInt((await fact(page, 'Holds')).replaceAll(',', ''), 10);
    expect(stopped).toBeLessThan(100_000);
    await page.waitForTimeout(300);
    expect(Number.parseInt((await fact(page, 'Holds')).replaceAll(',', ''), 10)).toBe(stopped);
    await dialog(page).getByRole('button', { name: 'Count again' }).click();
    await dialog(page).getByText('100,000 files, 1 folder', { exact: true }).waitFor();
    await expect.poll(() => page.getByTestId('announcer').innerText()).toContain('100,000 files, 1 folder');
    await expect.poll(() => dialog(page).getByRole('button', { name: 'Stop' }).count()).toBe(0);
    await page.context().close();
  }, 60_000);

  test('many have what is common, what differs, and all of it as text', async () => {
    await open();
    await page.keyboard.press('Control+a');
    await page.keyboard.press('Alt+Enter');
    await page.getByRole('dialog', { name: 'Properties of 29 items' }).waitFor();
    expect(await fact(page, 'Selected')).toContain('14 files, 8 folders, 3 links');
    expect(await fact(page, 'Owner')).toBe('Mixed');
    expect(await fact(page, 'Newest')).toContain('from the year 2446');
    expect(await fact(page, 'Oldest')).toMatch(/^1901-12-13 .*before the epoch$/);
    await dialog(page).getByRole('button', { name: 'Stop' }).waitFor({ state: 'detached' });
    await dialog(page).getByRole('button', { name: 'Copy as text' }).click();
    await expect.poll(() => copied(page)).toMatch(/^Properties of 29 items\n=+\n\nGeneral\n-+\nFolder +\/\n/);
    await page.context().close();
  }, 60_000);

  test('with nothing selected it is the folder, from there the volume', async () => {
    await open();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Alt+Enter');
    expect(await fact(page, 'Path')).toBe('/');
    await dialog(page).getByRole('button', { name: 'Volume properties' }).click();
    expect(await fact(page, 'UUID')).toBe('6a1f4c1e-9b7d-4a52-8f06-1d2c3b4a5e6f');
    await expect.poll(() => dialog(page).getByRole('meter').getAttribute('aria-valuetext')).toBe('612 MiB used, 412 MiB free of 1.00 GiB');
    await dialog(page).getByRole('tab', { name: 'Features' }).click();
    expect(await fact(page, 'metadata_csum')).toBe('ro-compat, supported: CRC-32C over all metadata');
    await page.context().close();
  }, 60_000);

  test('on a partition map and in the sidebar it is the volume that is chosen there', async () => {
    page = await harness.page();
    page.setDefaultTimeout(8000);
    await openImage(page, 'disk.img.gz');
    await page.getByRole('option', { name: /home/ }).click();
    await page.keyboard.press('Alt+Enter');
    await page.getByRole('dialog', { name: 'Properties of home' }).waitFor();
    expect(await fact(page, 'Number')).toBe('3');
    await page.keyboard.press('Escape');
    await page.getByRole('navigation').getByRole('row', { name: /disk\.img\.gz/ }).focus();
    await page.keyboard.press('Alt+Enter');
    await page.getByRole('dialog', { name: 'Properties of disk.img.gz' }).waitFor();
    expect(await fact(page, 'File')).toBe('/home/ada/images/disk.img.gz');
    await page.context().close();
  }, 60_000);

  test('what is damaged says so, and copying takes all of a hostile name', async () => {
    await open('broken inode');
    await page.keyboard.press('Alt+Enter');
    await dialog(page).getByRole('alert').getByText('the checksum does not match').waitFor();
    await page.keyboard.press('Escape');
    await page.locator('.grid-body').focus();
    await page.waitForTimeout(1200);
    await page.keyboard.type('a very');
    await page.getByRole('row', { name: /^a very/, selected: true }).waitFor();
    await page.keyboard.press('Alt+Enter');
    await dialog(page).getByRole('tab', { name: 'Attributes' }).click();
    expect((await dialog(page).innerText()).length).toBeLessThan(6000);
    await dialog(page).getByRole('button', { name: 'Copy as text' }).click();
    await expect.poll(async () => (await copied(page)).length).toBeGreaterThan(40_000);
    await page.context().close();
  }, 60_000);
});
