import { expect } from 'vitest';
import type { Page } from 'playwright-core';
import { shot } from '../harness/window.ts';
import { closeTab, row, type TestClient } from './client.ts';

const quickLook = (page: Page) => page.getByRole('dialog', { name: 'Quick look' });

/** Looks at one of each with Space and the arrows. `image` is makeImage's of makeTree's. */
export async function looksQuickly(client: TestClient, image: string, name: string): Promise<void> {
  const { page } = client;
  await client.open(image);
  await row(page, /readme\.txt/).locator('.entry').click();
  await page.keyboard.press(' ');
  await quickLook(page).getByText('Zweite Zeile: grüße 日本語').waitFor();
  await quickLook(page).getByRole('button', { name: 'Encoding' }).getByText('UTF-8').waitFor();
  await shot(page, `${client.name}-quick-look`);

  // The host reads the same bytes in another encoding.
  await quickLook(page).getByRole('button', { name: 'Encoding' }).click();
  await page.getByRole('option', { name: 'Western (Windows-1252)' }).click();
  await quickLook(page).getByText('grÃ¼ÃŸe').waitFor();
  await page.keyboard.press('Escape');
  await quickLook(page).waitFor({ state: 'detached' });

  // A folder, and what the arrows come to after it; the list keeps the focus.
  await row(page, /^docs/).locator('.entry').click();
  await page.keyboard.press(' ');
  await quickLook(page).getByText('readme-again.txt').waitFor();
  await page.keyboard.press('ArrowDown');
  await quickLook(page).getByText('The folder is empty.').waitFor();
  await expect.poll(() => page.getByRole('grid').evaluate((grid) => grid === document.activeElement)).toBe(true);
  await page.keyboard.press(' ');
  await quickLook(page).waitFor({ state: 'detached' });

  // Zeros, and bytes that are no text.
  await row(page, /sparse\.img/).locator('.entry').click();
  await page.keyboard.press(' ');
  await quickLook(page).getByText(/Binary, the first 4,096 bytes/).waitFor();
  await page.keyboard.press(' ');
  await closeTab(page, name);
}
