import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Harness, noBrowser, openImage, startHarness } from '../../testing/harness.ts';

describe.skipIf(noBrowser !== undefined)('where the space goes', () => {
  let harness: Harness;
  beforeAll(async () => {
    harness = await startHarness();
  });
  afterAll(async () => {
    await harness?.close();
  });

  async function openSpace(hold = false): Promise<Page> {
    const page = await harness.page();
    await openImage(page, 'root.ext4');
    await page.getByRole('row', { name: /^etc/ }).first().waitFor();
    if (hold) await page.evaluate(() => { (globalThis as unknown as { fake: { hold: boolean } }).fake.hold = true; });
    await page.keyboard.press('Alt+s');
    await page.getByRole('treegrid', { name: /Largest first/ }).waitFor();
    return page;
  }
  const list = (page: Page) => page.getByRole('treegrid', { name: /Largest first/ });
  const chosen = (page: Page) => list(page).getByRole('row', { selected: true }).locator('.name').allInnerTexts();
  const title = (page: Page, name: string) => page.getByRole('heading', { name: `Space in ${name}` }).waitFor();

  test('it grows while it is measured, and can be used meanwhile', async () => {
    const page = await openSpace(true);
    const before = await list(page).getByRole('row').count();
    await page.getByRole('progressbar', { name: 'Measuring …' }).waitFor();
    await page.keyboard.press('Home');
    await expect.poll(() => chosen(page)).toEqual(['home']);
    await page.evaluate(() => { (globalThis as unknown as { fake: { hold: boolean } }).fake.hold = false; });
    await page.getByText('2 entries could not be read').waitFor();
    await expect.poll(() => page.getByRole('progressbar').count()).toBe(0);
    await expect.poll(() => list(page).getByRole('row').count()).toBeGreaterThan(before);
    expect(await chosen(page)).toEqual(['home']);
    await expect.poll(() => page.getByTestId('announcer').innerText()).toMatch(/^root\.ext4 takes [\d.]+ GiB$/);
    await page.getByRole('button', { name: /could not be read/ }).click();
    await page.getByText('/broken directory').waitFor();
    await page.context().close();
  }, 60_000);

  test('keys alone: into a folder, up again with it chosen, its properties, back to the list', async () => {
    const page = await openSpace();
    const { keyboard } = page;
    await page.getByText('could not be read').first().waitFor();
    await keyboard.press('e');
    await expect.poll(() => chosen(page)).toEqual(['etc']);
    await keyboard.press('Home');
    await keyboard.press('ArrowRight');
    await list(page).getByText('ada', { exact: true }).waitFor();
    await keyboard.press('ArrowDown');
    await expect.poll(() => chosen(page)).toEqual(['ada']);
    await keyboard.press('Enter');
    await title(page, 'ada');
    await keyboard.press('Home');
    await expect.poll(() => chosen(page)).toEqual(['pictures']);
    await keyboard.press('Backspace');
    await title(page, 'home');
    await expect.poll(() => chosen(page)).toEqual(['ada']);
    await keyboard.press('Alt+Enter');
    await page.getByRole('dialog').waitFor();
    await expect.poll(() => page.getByRole('dialog').innerText()).toContain('/home/ada');
    await keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await keyboard.press('Alt+l');
    await page.getByRole('grid', { name: 'Files in home' }).waitFor();
    await expect.poll(() => page.getByRole('grid').getByRole('row', { selected: true }).innerText()).toContain('ada');
    await keyboard.press('Alt+ArrowLeft');
    await title(page, 'home');
    await keyboard.press('Backspace');
    await title(page, 'root.ext4');
    await keyboard.press('Backspace');
    await page.getByRole('grid', { name: 'Files in root.ext4' }).waitFor();
    await page.context().close();
  }, 60_000);

  test('the map chooses in the list, goes into folders, says what it is pointed at, and draws names as text', async () => {
    const page = await openSpace();
    await page.getByText('could not be read').first().waitFor();
    const tile = (name: string) => page.locator('.tile', { has: page.locator('.tile-name', { hasText: name }) }).first();
    await tile('9 track.flac').click();
    await expect.poll(() => chosen(page)).toEqual(['9 track.flac']);
    await tile('video.mkv').hover();
    await expect.poll(() => page.locator('.space-pointed').innerText()).toMatch(/^\/video\.mkv\s+272 MiB\s+\d+\.\d %$/);
    await expect.poll(() => page.locator('.space-page img').count()).toBe(0);
    await page.locator('.tile-name', { hasText: /^2021$/ }).dblclick();
    await title(page, '2021');
    await expect.poll(() => page.getByRole('navigation', { name: 'Navigation' }).getByRole('button', { name: '2021', exact: true }).count()).toBe(1);
    // The map holds all of the folder, and stays inside its frame.
    const frame = (await page.locator('.tiles').boundingBox())!;
    const boxes = await page.locator('.tile').evaluateAll((tiles) => tiles.map((each) => each.getBoundingClientRect().toJSON() as { left: number; top: number; right: number; bottom: number; width: number; height: number }));
    expect(boxes.reduce((sum, { width, height }) => sum + width * height, 0)).toBeCloseTo(frame.width * frame.height, -3);
    for (const box of boxes) {
      expect(box.left).toBeGreaterThanOrEqual(frame.x - 0.5);
      expect(box.right).toBeLessThanOrEqual(frame.x + frame.width + 0.5);
      expect(box.bottom).toBeLessThanOrEqual(frame.y + frame.height + 0.5);
    }
    await page.context().close();
  }, 60_000);
});
