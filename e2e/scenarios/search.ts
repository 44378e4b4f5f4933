import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { ROOT, until } from '../harness/window.ts';
import { closeTab, row, type TestClient } from './client.ts';

const field = (page: Page, name: RegExp) => page.getByRole('textbox', { name });
const here = (page: Page) => page.locator('[aria-current="location"]');
const selected = (page: Page) => page.getByRole('grid').getByRole('row', { selected: true });

/** The image of a million files that the bench makes, where it was made. */
export const MILLION = resolve(process.env['CLUTCH_CORPUS'] ?? join(ROOT, '.cache/corpus'), 'img/million.ext4');
export const noMillion = existsSync(MILLION) ? undefined : 'the bench has not made its image of a million files';

/** A file three levels down is found and gone to; leaving the search shows the root as it was; a filter narrows it. */
export async function findsAndFilters(client: TestClient, image: string, name: string): Promise<void> {
  const { page } = client;
  await client.open(image);
  await row(page, /^readme\.txt/).locator('.entry').click();
  await page.keyboard.press('Control+f');
  await field(page, /^Search below/).fill('GRANDmother');
  await row(page, /^to-grandmother\.txt.*docs\/letters\/2023/s).waitFor();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Enter');
  await until(async () => expect(await here(page).innerText()).toBe('2023'));
  await until(async () => expect(await selected(page).innerText()).toMatch(/^to-grandmother/));
  await page.keyboard.press('Alt+ArrowLeft');
  await row(page, /^to-grandmother/).waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  await until(async () => expect(await selected(page).innerText()).toMatch(/^readme\.txt/));

  await page.keyboard.press('/');
  await field(page, /^Filter/).fill('file*.txt');
  await until(async () => expect(await page.getByTestId('filter-count').innerText()).toMatch(/^3 of \d+$/));
  await field(page, /^Filter/).fill('nothing is named so');
  await page.getByText('Nothing here matches').waitFor();
  await page.keyboard.press('Escape');
  await row(page, /^readme\.txt/).waitFor();

  await page.keyboard.press('Control+Shift+s');
  await page.getByRole('dialog').getByRole('textbox').fill('file?.txt');
  await page.keyboard.press('Enter');
  await until(async () => expect(await page.getByTestId('status-selection').innerText()).toMatch(/^2 selected/));
  await closeTab(page, name);
}

/**
 * Among a million files the first hit is there, and a stopped search has ended, within the time that people take for "at once".
 * @returns milliseconds in the page: from the key to the first row, and from the button to the end
 */
export async function searchesAMillion(client: TestClient): Promise<{ first: number; stop: number }> {
  const { page } = client;
  await client.open(MILLION);
  await row(page, /^d000/).waitFor();
  await page.keyboard.press('Control+f');
  // Once unmeasured: what the machine has not read of the image yet is the disk's time.
  await field(page, /^Search below/).fill('file-0005*');
  await page.getByText(/100 found/).first().waitFor({ timeout: 60_000 });
  const first = await timed(page, 'keydown', async () => {
    await field(page, /^Search below/).fill('file-0006*');
    await page.keyboard.press('Enter');
  }, '.entry-row', 'file-0006');
  await page.getByText(/100 found/).first().waitFor({ timeout: 60_000 });
  await field(page, /^Search below/).fill('*no such name*');
  await page.keyboard.press('Enter');
  const stop = page.getByRole('button', { name: 'Stop' });
  await stop.waitFor();
  const stopped = await timed(page, 'click', () => stop.click(), '[data-testid="search-facts"]', 'Stopped');
  await closeTab(page, 'million.ext4');
  return { first, stop: stopped };
}

/** Milliseconds from an event until an element has a text. */
async function timed(page: Page, event: string, act: () => Promise<void>, selector: string, text: string): Promise<number> {
  await page.evaluate(([type, where, what]) => {
    const clock = globalThis as unknown as { timed: Promise<number> };
    clock.timed = new Promise((done) => {
      let started = Number.NaN;
      addEventListener(type!, () => { started = performance.now(); }, { once: true, capture: true });
      const observer = new MutationObserver(() => {
        if (Number.isNaN(started) || ![...document.querySelectorAll(where!)].some((element) => element.textContent?.includes(what!))) return;
        observer.disconnect();
        done(performance.now() - started);
      });
      observer.observe(document.body, { subtree: true, childList: true, characterData: true });
    });
  }, [event, selector, text]);
  await act();
  return page.evaluate(() => (globalThis as unknown as { timed: Promise<number> }).timed);
}
