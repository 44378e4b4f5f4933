import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Harness, noBrowser, openImage, startHarness } from '../../testing/harness.ts';

const row = (page: Page, name: RegExp) => page.getByRole('row', { name }).first();
const quickLook = (page: Page) => page.getByRole('dialog', { name: 'Quick look' });
const announced = (page: Page) => page.getByTestId('announcer').innerText();

describe.skipIf(noBrowser !== undefined)('the quick look and the preview pane', () => {
  let harness: Harness;
  let page: Page;
  beforeAll(async () => {
    harness = await startHarness();
  });
  afterAll(async () => {
    await harness?.close();
  });

  async function openSamples(): Promise<void> {
    page = await harness.page();
    await openImage(page, 'root.ext4');
    await row(page, /^etc/).waitFor();
    await page.keyboard.press('Control+l');
    await page.getByRole('textbox', { name: 'Path' }).fill('/home/samples');
    await page.keyboard.press('Enter');
    await row(page, /^backup/).waitFor();
    await page.getByRole('grid').focus();
  }

  test('Space looks, arrows go on, Enter opens, Escape and Space end it; the list keeps the focus', async () => {
    await openSamples();
    await page.keyboard.type('bac');
    await page.getByRole('row', { name: /^backup/, selected: true }).waitFor();
    // Until what was typed is a name no longer, a space would belong to it.
    await page.waitForTimeout(1200);
    await page.keyboard.press(' ');
    await quickLook(page).getByText('docs/readme.md').waitFor();
    await expect.poll(() => page.getByRole('grid').evaluate((grid) => grid === document.activeElement)).toBe(true);
    await expect.poll(() => announced(page)).toBe('backup.zip: Zip archive, 4 members');
    // Names of an archive are text, and lead nowhere.
    await expect.poll(() => quickLook(page).getByText('invoice\\u{202e}gpj.exe').count()).toBe(1);
    await page.keyboard.press('ArrowDown');
    await quickLook(page).getByText('60,000 × 60,000 pixels').waitFor();
    await expect.poll(() => quickLook(page).locator('img').count()).toBe(0);
    await page.keyboard.press('Escape');
    await quickLook(page).waitFor({ state: 'detached' });
    await expect.poll(() => page.getByRole('grid').getByRole('row', { selected: true }).count()).toBe(1);
    await page.keyboard.press(' ');
    await quickLook(page).waitFor();
    await page.keyboard.press(' ');
    await quickLook(page).waitFor({ state: 'detached' });
    await page.keyboard.press('Home');
    await page.keyboard.press(' ');
    await quickLook(page).getByText('two.jpg').waitFor();
    await page.keyboard.press('Enter');
    await row(page, /^one\.jpg/).waitFor();
    await expect.poll(() => quickLook(page).count()).toBe(0);
    await page.context().close();
  }, 90_000);

  test('a text comes in parts, is read in another encoding, and nothing in it acts', async () => {
    await openSamples();
    await row(page, /^controls/).locator('.entry').click();
    await page.keyboard.press(' ');
    const text = quickLook(page).getByRole('region', { name: 'controls.log' });
    await text.getByText('reversed').waitFor();
    // oxlint-disable-next-line no-control-regex
    expect(await text.innerText()).not.toMatch(/[\u001b\u202e\u0000]/);
    await expect.poll(() => text.locator('.text-mark').allInnerTexts()).toEqual(['\\x1b', '\\x1b', '\\u{202e}', '\\u{202c}', '\\x00']);
    await quickLook(page).getByRole('button', { name: 'Encoding' }).click();
    await page.getByRole('option', { name: 'Cyrillic (KOI8-R)' }).click();
    await quickLook(page).getByRole('button', { name: 'Encoding' }).getByText('KOI8-R').waitFor();
    await quickLook(page).getByRole('button', { name: 'Wrap lines' }).click();
    await expect.poll(() => text.evaluate((element) => getComputedStyle(element).whiteSpace)).toBe('pre');
    // The quick look has the focus now, and Escape gives it back.
    await page.keyboard.press('Escape');
    await quickLook(page).waitFor({ state: 'detached' });
    await row(page, /^long\.txt/).locator('.entry').click();
    await page.keyboard.press(' ');
    const long = quickLook(page).getByRole('region', { name: 'long.txt' });
    await long.getByText('Zeile 2:').waitFor();
    expect(await long.innerText()).not.toContain('Zeile 600');
    await long.evaluate(async (element) => {
      for (let i = 0; i < 40 && !(element.textContent ?? '').includes('Zeile 600'); i++) {
        element.scrollTop = element.scrollHeight;
        await new Promise((done) => { setTimeout(done, 100); });
      }
    });
    const lines = (await long.evaluate((element) => element.textContent ?? '')).split('\n').filter((line) => line.includes('Zeile'));
    expect(lines).toHaveLength(600);
    await page.context().close();
  }, 90_000);

  test('the pane shows the same, and follows a selection that stands still', async () => {
    await openSamples();
    await page.keyboard.press('Alt+p');
    const pane = page.getByRole('complementary', { name: 'Preview' });
    await pane.waitFor();
    await row(page, /^disk\.img/).locator('.entry').click();
    await pane.getByText('A disk image: ext4').waitFor();
    await row(page, /^torn/).locator('.entry').click();
    await pane.getByText('its checksum is wrong').waitFor();
    await expect.poll(() => pane.getByRole('row').count()).toBe(3);
    await expect.poll(() => quickLook(page).count()).toBe(0);
    await page.keyboard.press('Alt+p');
    await pane.waitFor({ state: 'detached' });
    await page.context().close();
  }, 90_000);
});
