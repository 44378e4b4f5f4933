import type { Page } from 'playwright-core';
import { openUnlocked } from './edit-views.ts';
import { openImage } from './harness.ts';
import type { FakeMounts } from './mounts.ts';
import type { PageView } from './views.ts';

/** Views of mounted volumes: their bars and badges, the dialog of how, and those of what is in use. */

const dialog = (page: Page) => page.locator('.modal .dialog');
const row = (page: Page, name: RegExp) => page.getByRole('row', { name }).first();
const sidebar = (page: Page) => page.getByRole('navigation', { name: 'Images and volumes' });
export const bar = (page: Page, name = 'rootfs') => page.getByRole('region', { name: `Mount of ${name}` });

/** Does something with the fake's mounts as other programs would. */
export function others<K extends 'go' | 'ask' | 'hold' | 'release' | 'write' | 'lose' | 'break' | 'end'>(page: Page, what: K, ...how: Parameters<FakeMounts[K]>): Promise<void> {
  return page.evaluate(([name, args]) => {
    const { mounts } = (globalThis as unknown as { fake: { mounts: Record<string, (...all: unknown[]) => void> } }).fake;
    mounts[name as string]!(...(args as unknown[]));
  }, [what, how] as const);
}

/** Programs of all kinds, one with a hostile name as the host escapes it. */
export const USERS = [{ pid: 4711, name: 'bash', path: '/home/ada' }, { pid: 4712, name: 'evil \\u{202e}gnp', path: `/${'a folder in a folder/'.repeat(12)}notes.txt` }, { pid: 1, name: 'systemd', path: '' }] as const;

/** Opens an image and mounts its volume. @param unlocked for writing */
export async function openMounted(page: Page, unlocked = false): Promise<void> {
  if (unlocked) await openUnlocked(page);
  else await openImage(page, 'root.ext4');
  await row(page, /^etc\b/).waitFor();
  await page.getByRole('button', { name: 'Mount', exact: true }).click();
  await bar(page).waitFor();
}

export async function openMountDialog(page: Page, unlocked = false): Promise<void> {
  if (unlocked) await openUnlocked(page);
  else await openImage(page, 'root.ext4');
  await row(page, /^etc\b/).waitFor();
  await page.getByRole('button', { name: 'Mount…' }).click();
  await dialog(page).getByRole('radiogroup', { name: 'How' }).waitFor();
}

async function busy(page: Page): Promise<void> {
  await openMounted(page);
  await others(page, 'hold', USERS);
  await bar(page).getByRole('button', { name: 'Unmount' }).click();
  await dialog(page).waitFor();
}

export const MOUNT_VIEWS: readonly PageView[] = [
  { name: 'mount-done', go: async (page) => { await openMounted(page); await others(page, 'ask', { requests: 912, bytesRead: 12_900_000, open: 2 }, 5_300_000); await bar(page).getByText('2 open').waitFor(); } },
  { name: 'mount-electron', query: '?client=electron', go: async (page) => { await openMounted(page); await bar(page).getByRole('button', { name: 'Open in file manager' }).waitFor(); } },
  { name: 'mount-rtl', query: '?dir=rtl', go: async (page) => { await openMounted(page); await others(page, 'ask', { requests: 912, bytesRead: 12_900_000, open: 2 }, 5_300_000); await bar(page).getByText('2 open').waitFor(); } },
  { name: 'mount-busy-rtl', query: '?dir=rtl', go: busy },
  { name: 'mount-writing', go: async (page) => { await openMounted(page, true); await others(page, 'write', 'by another program.txt'); await row(page, /^by another program/).waitFor(); await page.getByText('1 change pending').waitFor(); } },
  { name: 'mount-lost-writes', go: async (page) => { await openMounted(page, true); await others(page, 'lose', 'What programs wrote last could not be kept: the volume is full'); await bar(page).getByText('could not be kept').waitFor(); } },
  { name: 'mount-to-writing', go: async (page) => { await openMounted(page); await page.keyboard.press('Control+Shift+e'); await bar(page).getByRole('button', { name: 'Mount for writing' }).waitFor(); } },
  { name: 'mount-address', query: '?mounts=address', go: async (page) => { await openMounted(page); await page.getByText('Connect to server').waitFor(); } },
  { name: 'mount-under-way', query: '?mounts=slow', go: async (page) => { await openImage(page, 'root.ext4'); await row(page, /^etc\b/).waitFor(); await page.getByRole('button', { name: 'Mount', exact: true }).click(); await page.locator('.edit-bar', { hasText: 'Mounting “rootfs” …' }).waitFor(); await page.waitForTimeout(500); } },
  { name: 'mount-failed', query: '?mounts=fail', go: async (page) => { await openImage(page, 'root.ext4'); await row(page, /^etc\b/).waitFor(); await page.getByRole('button', { name: 'Mount', exact: true }).click(); await page.getByText('Operation not permitted').first().waitFor(); } },
  { name: 'mount-none', query: '?mounts=none', go: async (page) => { await openImage(page, 'root.ext4'); await row(page, /^etc\b/).waitFor(); await sidebar(page).getByRole('row', { name: /rootfs/ }).click({ button: 'right' }); await page.getByRole('menuitem', { name: /^Mount\b/ }).getByText('the kernel has no FUSE').waitFor(); } },
  { name: 'mount-ended', go: async (page) => { await openMounted(page); await others(page, 'end', 'failed', 'The connection was aborted \u001b[31m\u202e'); await page.getByText('no longer mounted').first().waitFor(); } },
  { name: 'mount-dialog', go: (page) => openMountDialog(page) },
  { name: 'mount-dialog-unlocked', go: async (page) => { await openMountDialog(page, true); await dialog(page).getByRole('radio', { name: 'At an empty folder' }).click({ force: true }); await dialog(page).getByRole('button', { name: 'More' }).click(); await dialog(page).getByRole('textbox', { name: /^Permission mask/ }).fill('9'); await page.getByText('Up to three digits').waitFor(); } },
  { name: 'mount-dialog-native', query: '?dialogs=native', go: async (page) => { await page.getByRole('row', { name: /^root\.ext4/ }).first().click(); await row(page, /^etc\b/).waitFor(); await page.getByRole('button', { name: 'Mount…' }).click(); await dialog(page).getByRole('radio', { name: 'At an empty folder' }).click({ force: true }); await dialog(page).getByRole('button', { name: 'Choose folder…' }).click(); await dialog(page).getByText('/home/ada/extracted').waitFor(); } },
  { name: 'mount-dialog-none', query: '?mounts=none', go: (page) => openMountDialog(page) },
  { name: 'mount-dialog-failed', query: '?mounts=fail', go: async (page) => { await openMountDialog(page); await dialog(page).getByRole('button', { name: 'Mount', exact: true }).click(); await dialog(page).getByRole('alert').waitFor(); } },
  { name: 'mount-busy', go: busy },
  { name: 'mount-busy-unseen', go: async (page) => { await openMounted(page); await others(page, 'hold', [{ pid: 1, name: 'init', path: '' }]); await bar(page).getByRole('button', { name: 'Unmount' }).click(); await dialog(page).waitFor(); } },
  { name: 'mount-leaving', go: async (page) => { await busy(page); await dialog(page).getByRole('button', { name: 'Unmount lazily' }).click(); await bar(page).getByRole('button', { name: 'Who?' }).waitFor(); } },
  { name: 'mount-closing', go: async (page) => { await openMounted(page); await others(page, 'hold', USERS); await page.keyboard.press('Control+w'); await dialog(page).waitFor(); } },
  { name: 'mount-table', go: async (page) => { await openImage(page, 'guests.img'); await page.getByRole('listbox', { name: 'Partition map' }).waitFor(); await page.getByRole('option', { name: /boot/ }).click(); await page.getByRole('button', { name: 'Mount', exact: true }).click(); await bar(page, 'boot').waitFor(); await page.getByRole('option', { name: /music/ }).click(); await page.getByRole('button', { name: 'Mount', exact: true }).click(); await bar(page, 'music').waitFor(); } },
  { name: 'mount-menu', go: async (page) => { await openMounted(page); await sidebar(page).getByRole('row', { name: /rootfs/ }).click({ button: 'right' }); await page.getByRole('menuitem', { name: 'Unmount' }).waitFor(); } },
];
