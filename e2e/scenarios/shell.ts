import { readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'vitest';
import { until } from '../harness/window.ts';
import { showsRoot } from './browse.ts';
import { closeTab, row, tab, type TestClient } from './client.ts';

/** What every client's frame must manage: the palette, tabs that come back, settings that are kept in a file. */

/** A command found by its letters is run, and stands first the next time. */
export async function runsFromPalette(client: TestClient, image: string, name: string): Promise<void> {
  const { page } = client;
  await client.open(image);
  await showsRoot(page);
  for (const state of ['attached', 'detached'] as const) {
    await page.keyboard.press('Control+Shift+P');
    await page.getByRole('searchbox').waitFor();
    await page.keyboard.type('hidf');
    await page.getByRole('menuitem', { name: 'Hidden files' }).waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('row', { name: /\.hidden/ }).first().waitFor({ state });
  }
  await page.keyboard.press('Control+Shift+P');
  await until(async () => expect(await page.getByRole('menuitem').first().innerText()).toContain('Hidden files'));
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await closeTab(page, name);
}

/** A tab that was closed is opened again in its folder, with what was selected. */
export async function reopensTab(client: TestClient, image: string, name: string): Promise<void> {
  const { page } = client;
  await client.open(image);
  await showsRoot(page);
  await row(page, /^docs/).dblclick();
  await row(page, /letters/).locator('.entry').click();
  await closeTab(page, name);
  await page.keyboard.press('Control+Shift+T');
  await tab(page, name).waitFor();
  await until(async () => expect(await row(page, /letters/).getAttribute('aria-selected')).toBe('true'));
  expect(await page.locator('[aria-current="location"]').innerText()).toBe('docs');
  await closeTab(page, name);
}

/** The theme chosen in the dialog is the window's and the file's; what is written into the file is the window's. */
export async function keepsSettings({ page, settingsFile }: TestClient): Promise<void> {
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.keyboard.press('Control+,');
  await page.getByText('Dark', { exact: true }).click();
  await until(async () => expect(await background()).toBe('rgb(27, 29, 32)'));
  await until(() => expect(JSON.parse(readFileSync(settingsFile, 'utf8'))).toMatchObject({ theme: 'dark' }));
  await page.getByText(settingsFile).waitFor();
  writeFileSync(settingsFile, JSON.stringify({ ...JSON.parse(readFileSync(settingsFile, 'utf8')), theme: 'light', ours: 'kept' }));
  await until(async () => expect(await background()).toBe('rgb(255, 255, 255)'));
  await page.getByText('As the system', { exact: true }).click();
  await until(() => expect(JSON.parse(readFileSync(settingsFile, 'utf8'))).toMatchObject({ theme: 'system', ours: 'kept' }));
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
}
