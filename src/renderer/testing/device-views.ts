import type { Page } from 'playwright-core';
import { openImage } from './harness.ts';
import type { PageView } from './views.ts';

/** Views of the disks of this computer: in the sidebar, and on the start page. */

const fold = (page: Page) => page.getByRole('button', { name: /^Devices/ }).first();
const stick = (page: Page) => page.getByRole('row', { name: /Photos 2024/ }).first();

async function unfold(page: Page): Promise<void> {
  await openImage(page, 'root.ext4');
  await page.getByRole('row', { name: /^etc\b/ }).first().waitFor();
  await fold(page).click();
}

export const DEVICE_VIEWS: readonly PageView[] = [
  { name: 'devices', go: async (page) => { await unfold(page); await stick(page).waitFor(); } },
  { name: 'devices-rtl', query: '?dir=rtl', go: async (page) => { await unfold(page); await stick(page).waitFor(); } },
  { name: 'devices-welcome', go: async (page) => { await fold(page).click(); await stick(page).waitFor(); await stick(page).scrollIntoViewIfNeeded(); } },
  { name: 'devices-access', go: async (page) => { await unfold(page); await page.getByRole('button', { name: 'How to get access to /dev/nvme0n1', exact: true }).click(); await page.getByRole('dialog').waitFor(); } },
  { name: 'devices-unreadable', go: async (page) => { await unfold(page); await page.getByRole('button', { name: 'Why /dev/sdb can’t be read' }).click(); await page.getByRole('dialog').waitFor(); } },
  { name: 'devices-none', query: '?devices=none', go: async (page) => { await unfold(page); await page.getByText('No disks to show').waitFor(); } },
  { name: 'devices-container', query: '?devices=container', go: async (page) => { await unfold(page); await page.getByText('a container has none').waitFor(); } },
  { name: 'devices-wait', query: '?devices=wait', go: async (page) => { await unfold(page); await page.getByText('Looking for disks').waitFor(); } },
  { name: 'devices-failed', query: '?devices=fail', go: async (page) => { await unfold(page); await page.getByText('can’t be listed').waitFor(); } },
  { name: 'devices-hostile', query: '?devices=hostile', go: async (page) => { await unfold(page); await page.getByRole('row', { name: /evil/ }).first().waitFor(); } },
  { name: 'devices-over', viewport: { width: 590, height: 370 }, go: async (page) => { await openImage(page, 'root.ext4'); await page.keyboard.press('F9'); await fold(page).click(); await stick(page).waitFor(); } },
];
