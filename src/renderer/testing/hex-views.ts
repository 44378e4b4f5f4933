import type { Page } from 'playwright-core';
import { openImage } from './harness.ts';
import type { PageView } from './views.ts';

/** Opens the bytes of an image without files. */
async function bytes(page: Page, name: string): Promise<void> {
  await openImage(page, name);
  await page.getByRole('button', { name: 'Show bytes', exact: true }).click();
  await page.getByRole('grid', { name: /^Bytes of/ }).waitFor();
}

async function goTo(page: Page, offset: string): Promise<void> {
  await page.keyboard.press('Control+g');
  await page.keyboard.type(offset);
  await page.keyboard.press('Enter');
}

async function superblock(page: Page): Promise<void> {
  await bytes(page, 'torn.ext4');
  await goTo(page, '0x418');
  await page.getByRole('complementary', { name: 'Inspector' }).getByText('s_log_block_size').waitFor();
}

/** Raw bytes, in every state. */
export const HEX_VIEWS: readonly PageView[] = [
  { name: 'hex', go: async (page) => { await superblock(page); await page.locator('.hex-byte[data-at="1048"]').hover(); await page.getByRole('tooltip').waitFor(); } },
  { name: 'hex-narrow', viewport: { width: 700, height: 560 }, go: async (page) => { await superblock(page); await page.keyboard.press('Shift+ArrowDown'); } },
  { name: 'hex-zoomed', viewport: { width: 590, height: 370 }, go: superblock },
  { name: 'hex-hostile', go: async (page) => { await bytes(page, 'torn.ext4'); await goTo(page, '0x478'); await page.getByText('gpj.exe').first().waitFor(); await page.locator('.hex-byte[data-at="1144"]').hover(); await page.getByRole('tooltip').waitFor(); } },
  { name: 'hex-places', go: async (page) => { await superblock(page); await page.getByRole('button', { name: 'Go to…' }).click(); await page.getByRole('menu').waitFor(); } },
  { name: 'hex-wrong', go: async (page) => { await superblock(page); await goTo(page, 'nowhere'); await page.getByRole('alert').waitFor(); } },
  { name: 'hex-found', go: async (page) => { await superblock(page); await page.keyboard.press('Control+f'); await page.keyboard.type('root'); await page.keyboard.press('Enter'); await page.locator('.hex-status', { hasText: 'Found' }).waitFor(); } },
  { name: 'hex-end', go: async (page) => { await bytes(page, 'vast.img'); await page.keyboard.press('Control+End'); await page.locator('.hex-offset', { hasText: '1ffffffffffff0' }).waitFor(); } },
  { name: 'hex-unreadable', go: async (page) => { await bytes(page, 'torn.ext4'); await goTo(page, '0x2000000'); await page.getByRole('alert').waitFor(); } },
  { name: 'hex-file', go: async (page) => { await openImage(page, 'root.ext4'); await page.getByRole('row', { name: /start\.sh/ }).first().locator('.entry').click({ button: 'right' }); await page.getByRole('menuitem', { name: /Show bytes/ }).click(); await page.getByRole('grid', { name: 'Bytes of start.sh' }).waitFor(); } },
];
