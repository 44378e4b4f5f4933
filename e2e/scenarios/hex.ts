import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { shot } from '../harness/window.ts';
import { closeTab, row, type TestClient } from './client.ts';

/** Bytes of a file of this computer. */
function bytesOf(image: string, at: number, length: number): Buffer {
  const file = openSync(image, 'r');
  try {
    const bytes = Buffer.alloc(length);
    readSync(file, bytes, 0, length, at);
    return bytes;
  } finally {
    closeSync(file);
  }
}

async function goTo(page: Page, offset: string): Promise<void> {
  await page.keyboard.press('Control+g');
  await page.getByRole('textbox', { name: 'Go to offset' }).fill(offset);
  await page.keyboard.press('Enter');
}

/** The sixteen bytes of the row that begins at `at`, as they are shown. */
async function shownAt(page: Page, at: number): Promise<string[]> {
  await page.locator(`.hex-byte[data-at="${at}"]`).waitFor();
  return Promise.all(Array.from({ length: 16 }, (_, i) => page.locator(`.hex-byte[data-at="${at + i}"]`).innerText()));
}

/** The bytes of a real ext4: the superblock tells its fields, the places lead to the root directory, a file shows its own. */
export async function showsBytes(client: TestClient, image: string, name: string, tree: string): Promise<void> {
  const { page } = client;
  await client.open(image);
  await row(page, /readme\.txt/).waitFor();
  await page.keyboard.press('Alt+b');
  await page.getByRole('grid', { name: /^Bytes of/ }).waitFor();
  await goTo(page, '0x418');
  const field = page.locator('.hex-byte[data-at="1048"]');
  await expect.poll(() => field.innerText()).toMatch(/^[0-9a-f]{2}$/);
  expect(await shownAt(page, 0x410)).toEqual(Array.from(bytesOf(image, 0x410, 16), (byte) => byte.toString(16).padStart(2, '0')));
  await field.hover();
  const exponent = bytesOf(image, 0x418, 4).readUInt32LE();
  await page.getByRole('tooltip').getByText(`s_log_block_size = ${exponent} → ${1024 << exponent}`, { exact: true }).waitFor();
  await shot(page, `hex-${client.name}`);

  await page.getByRole('button', { name: 'Go to…' }).click();
  await page.getByRole('menuitem', { name: /root directory/ }).click();
  const inspector = page.getByRole('complementary', { name: 'Inspector' });
  await inspector.getByText('directory entry "."', { exact: true }).waitFor();
  await inspector.getByText('ext4_dir_entry_2').waitFor();
  // By the history to the superblock, and to the files.
  await page.getByRole('grid', { name: /^Bytes of/ }).focus();
  await page.keyboard.press('Alt+ArrowLeft');
  await inspector.getByText('s_log_block_size').waitFor();
  await page.keyboard.press('Alt+ArrowLeft');
  await page.keyboard.press('Alt+ArrowLeft');

  await row(page, /readme\.txt/).locator('.entry').click({ button: 'right' });
  await page.getByRole('menuitem', { name: /Show bytes/ }).click();
  await page.getByRole('grid', { name: 'Bytes of readme.txt' }).waitFor();
  const text = readFileSync(join(tree, 'readme.txt'));
  await expect.poll(() => page.locator('.hex-byte[data-at="0"]').innerText()).toBe(text[0]!.toString(16).padStart(2, '0'));
  expect(text.length).toBeGreaterThan(0);
  await closeTab(page, name);
}
