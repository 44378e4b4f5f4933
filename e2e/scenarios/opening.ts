import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { dropFiles, shot, until } from '../harness/window.ts';
import { closeTab, row, tab, type TestClient } from './client.ts';

/** The image that is shipped with the app is one click away, and everything in it can be looked at. */
export async function triesSample(client: TestClient): Promise<void> {
  const { page } = client;
  await page.getByRole('button', { name: 'Menu', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Try a sample image' }).click();
  await page.getByRole('listbox', { name: 'Partition map' }).waitFor();
  expect(await page.getByRole('option', { name: /^1: holiday, ext4, 12\.0 MiB, clean, \d+ % used$/ }).count()).toBe(1);
  await page.getByRole('button', { name: 'How it was opened' }).click();
  await page.getByText('GPT: 2 partitions').first().waitFor();
  await shot(page, `${client.name}-sample`);
  await page.getByRole('option', { name: /system/ }).dblclick();
  await row(page, /^home/).waitFor();
  await closeTab(page, 'sample.img.gz');
}

/** A file that no engine and no guest opens is told by its name; what is tried with it says what is wrong, and changes nothing. */
export async function namesUnknown(client: TestClient, folder: string): Promise<void> {
  const { page } = client;
  const path = join(folder, 'windows.img');
  mkdirSync(folder, { recursive: true });
  const bytes = new Uint8Array(256 * 1024);
  bytes.set(new TextEncoder().encode('ReFS\0\0\0\0'), 3);
  writeFileSync(path, bytes);
  await client.open(path);
  await page.getByRole('heading', { name: 'These bytes look like ReFS' }).waitFor();
  await page.getByText(/“ReFS.*” at 0x3/).first().waitFor();
  await page.getByRole('button', { name: 'Open as…', exact: true }).click();
  const dialog = page.getByRole('dialog', { name: 'Open ReFS with' });
  await dialog.getByRole('option', { name: /ext2\/3\/4/ }).click();
  await dialog.getByRole('button', { name: 'Open', exact: true }).click();
  await dialog.getByText('It could not be opened as ext2/3/4. All is as it was.').waitFor();
  await shot(page, `${client.name}-open-as`);
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await page.getByRole('heading', { name: 'These bytes look like ReFS' }).waitFor();
  await closeTab(page, 'windows.img');
}

/** Both parts of a split image, and another image twice: each image gets one tab. */
export async function opensDropped(page: Page, folder: string, image: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const bytes = readFileSync(image);
  const half = Math.ceil(bytes.length / 2);
  writeFileSync(join(folder, 'split.img.001'), bytes.subarray(0, half));
  writeFileSync(join(folder, 'split.img.002'), bytes.subarray(half));
  copyFileSync(image, join(folder, 'whole.img'));
  await dropFiles(page, ['split.img.002', 'whole.img', 'split.img.001', 'whole.img'].map((name) => join(folder, name)));
  await until(async () => expect(await page.getByRole('tab').allInnerTexts()).toEqual(['split.img.001', 'whole.img']));
  await tab(page, 'split.img.001').click();
  await row(page, /readme\.txt/).waitFor();
}
