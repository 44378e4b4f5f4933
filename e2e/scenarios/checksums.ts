import { createHash } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Page } from 'playwright-core';
import { shot } from '../harness/window.ts';
import { closeTab, row, type TestClient } from './client.ts';

const dialog = (page: Page) => page.getByRole('dialog', { name: 'Checksums' });
const digest = (path: string, algorithm: string): string => createHash(algorithm).update(readFileSync(path)).digest('hex');

/** Checksums of files are those of the tree that the image was made of, and those of the image match the list beside it. */
export async function makesChecksums(client: TestClient, image: string, name: string, tree: string): Promise<void> {
  const { page } = client;
  const list = `${image}.sha256`;
  writeFileSync(list, `${digest(image, 'sha256')}  ${name}\n`);
  try {
    await client.open(image);
    await row(page, /readme\.txt/).locator('.entry').click();
    await page.keyboard.press('Control+Shift+h');
    await dialog(page).getByRole('button', { name: 'Compute' }).click();
    const readme = digest(join(tree, 'readme.txt'), 'sha256');
    await expect.poll(() => dialog(page).locator('code').allInnerTexts()).toContain(readme);
    await dialog(page).getByRole('textbox', { name: 'Checksum or list' }).fill(readme.toUpperCase());
    await dialog(page).getByText('It matches what was pasted.').waitFor();
    await page.keyboard.press('Escape');

    // A folder with all below it.
    await row(page, /^docs/).locator('.entry').click();
    await page.keyboard.press('Control+Shift+h');
    const wanted = ['letters/2023/to-grandmother.txt', 'readme-again.txt', 'report.bin'].map((path) => `${digest(join(tree, 'docs', path), 'sha256')}  docs/${path}`);
    await dialog(page).getByRole('textbox', { name: 'Checksum or list' }).fill(wanted.join('\n'));
    await dialog(page).getByRole('button', { name: 'Compute' }).click();
    await dialog(page).getByText('All 3 files match what was pasted.').waitFor();
    await shot(page, `${client.name}-checksums`);
    await page.keyboard.press('Escape');

    // The image itself, from the page of its outermost layer.
    await page.getByRole('button', { name: 'Menu' }).click();
    await page.getByRole('menuitem', { name: 'Volume overview' }).click();
    await page.getByRole('button', { name: 'Checksums…' }).click();
    await dialog(page).getByRole('button', { name: 'Compare with' }).getByText(`${name}.sha256`).waitFor();
    await dialog(page).getByRole('button', { name: 'Compute' }).click();
    await dialog(page).getByText(`It matches ${name}.sha256.`).waitFor();
    await page.keyboard.press('Escape');
    await closeTab(page, name);
  } finally {
    rmSync(list);
  }
}
