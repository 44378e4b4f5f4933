import type { Page } from 'playwright-core';
import { openImage } from './harness.ts';
import type { PageView } from './views.ts';

/** Files dragged over the window, but not dropped yet. */
export async function dragOver(page: Page, count: number): Promise<void> {
  await page.evaluate((files) => {
    const dataTransfer = new DataTransfer();
    for (let i = 0; i < files; i++) dataTransfer.items.add(new File([''], `${i}.img`));
    window.dispatchEvent(new DragEvent('dragenter', { dataTransfer, cancelable: true }));
  }, count);
}

const longNames = '?recents=long';
const map = (page: Page) => page.getByRole('listbox', { name: 'Partition map' });

/** How images come into the window, and what there is before they are open. */
export const OPENING_VIEWS: readonly PageView[] = [
  { name: 'drop', query: '?dialogs=native', go: async (page) => { await dragOver(page, 1); await page.getByText('Drop to open the image').waitFor(); } },
  { name: 'drop-several', query: '?dialogs=native', go: async (page) => { await dragOver(page, 3); await page.getByText('Drop to open 3 images').waitFor(); } },
  { name: 'drop-browser', go: async (page) => { await dragOver(page, 2); await page.getByText('you will be asked for its path').waitFor(); } },
  { name: 'drop-volume', query: '?dialogs=native', go: async (page) => { await page.getByRole('row', { name: /^root\.ext4/ }).click(); await page.getByRole('tab', { name: 'root.ext4' }).waitFor(); await page.getByText('ext4 (clean)').first().waitFor(); await dragOver(page, 1); await page.getByText('To copy into rootfs, drop on the lower half').waitFor(); } },
  { name: 'drop-dialog', go: async (page) => { await page.keyboard.press('Control+o'); await page.getByRole('dialog').waitFor(); await dragOver(page, 1); await page.getByText('Close the dialog first').waitFor(); } },
  { name: 'recents-long', query: longNames, go: async (page) => { await page.getByRole('row', { name: /File not found/ }).first().waitFor(); } },
  { name: 'locate', query: longNames, go: async (page) => { await page.getByRole('button', { name: /Show where/ }).first().click(); await page.getByRole('dialog', { name: /Where is/ }).waitFor(); } },
  { name: 'opening', go: async (page) => { await openImage(page, 'slow.img'); await page.getByText('replaying it in memory').first().waitFor(); } },
  { name: 'opening-log', go: async (page) => { await openImage(page, 'slow.img'); await page.getByText('replaying it in memory').first().waitFor(); await page.getByRole('button', { name: 'Show log' }).click(); await page.getByRole('button', { name: 'Copy log' }).waitFor(); } },
  { name: 'locked', go: async (page) => { await openLocked(page); } },
  { name: 'locked-wrong', go: async (page) => { await openLocked(page); await page.getByLabel('Password').fill('guess'); await page.keyboard.press('Enter'); await page.getByText('That is not the password').first().waitFor(); } },
  { name: 'known', go: async (page) => { await openImage(page, 'windows.img'); await page.getByRole('heading', { name: 'These bytes look like NTFS' }).waitFor(); } },
  { name: 'open-with', go: async (page) => { await openImage(page, 'mystery.bin'); await page.getByRole('button', { name: 'Open as…', exact: true }).click(); await page.getByRole('option', { name: /GPT/ }).waitFor(); } },
  { name: 'open-with-failed', go: async (page) => { await openImage(page, 'mystery.bin'); await page.getByRole('button', { name: 'Open as…', exact: true }).click(); await page.getByRole('option', { name: /GPT/ }).click(); await page.getByRole('button', { name: 'Open', exact: true }).click(); await page.getByText('All is as it was').waitFor(); } },
  { name: 'nested-map', go: async (page) => { await openImage(page, 'nested.img'); await map(page).waitFor(); await page.getByRole('option', { name: /music/ }).click(); } },
  { name: 'hostile-map', go: async (page) => { await openImage(page, 'hostile-table.img'); await map(page).waitFor(); } },
  { name: 'volume-menu', go: async (page) => { await openImage(page, 'nested.img'); await map(page).waitFor(); await page.getByRole('option', { name: /^1: boot/ }).click({ button: 'right' }); await page.getByRole('menu', { name: 'Volume' }).waitFor(); } },
  { name: 'account', go: async (page) => { await openImage(page, 'disk.img.gz'); await map(page).waitFor(); await page.getByRole('button', { name: 'How it was opened' }).click(); await page.getByRole('button', { name: 'Copy log' }).waitFor(); } },
];

async function openLocked(page: Page): Promise<void> {
  await openImage(page, 'locked.img');
  await page.getByRole('option', { name: /private.*locked/ }).dblclick();
  await page.getByRole('heading', { name: 'private is locked' }).waitFor();
}
