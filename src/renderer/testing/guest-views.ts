import type { Page } from 'playwright-core';
import { dropFiles, openImage } from './harness.ts';
import type { PageView } from './views.ts';

/** Views of what guests have to do with: volumes that wait for one, their page, the matrix, logs, checks by a tool. */

const dialog = (page: Page) => page.getByRole('dialog');
const row = (page: Page, name: RegExp) => page.getByRole('row', { name }).first();

async function openServed(page: Page, name = 'xfs.img'): Promise<void> {
  await openImage(page, name);
  await row(page, /^etc\b/).waitFor();
}

async function openTable(page: Page): Promise<void> {
  await openImage(page, 'guests.img');
  await page.getByRole('listbox', { name: 'Partition map' }).waitFor();
}

async function openGuests(page: Page): Promise<void> {
  await page.keyboard.press('Control+Shift+G');
  await page.getByRole('heading', { level: 1, name: 'Guests' }).waitFor();
}

async function openMatrix(page: Page): Promise<void> {
  await openGuests(page);
  await page.getByRole('radio', { name: 'Support matrix' }).click();
  await page.getByRole('grid', { name: 'What opens what' }).waitFor();
}

async function openWays(page: Page): Promise<void> {
  await openGuests(page);
  await page.getByRole('radio', { name: 'Ways to mount' }).click();
  await page.getByRole('table', { name: 'What makes it a folder or a drive' }).waitFor();
}

async function openLog(page: Page): Promise<void> {
  await openTable(page);
  await row(page, /music/).click();
  await runCommand(page, 'Guest’s log');
  await page.getByRole('region', { name: 'Lines of the log' }).waitFor();
}

async function runCommand(page: Page, name: string): Promise<void> {
  await page.keyboard.press('Control+Shift+P');
  await page.getByRole('searchbox').fill(name);
  await page.getByRole('menuitem', { name, exact: true }).click();
}

async function openCheck(page: Page, name: string): Promise<void> {
  await openServed(page, name);
  await page.keyboard.press('Control+Shift+k');
  await dialog(page).getByRole('region', { name: 'What the tool says' }).waitFor();
}

/** Opens a set of disks, and the page of one of them. @param shown its name */
async function openSet(page: Page, names: readonly string[], shown: RegExp): Promise<void> {
  await dropFiles(page, names);
  await page.getByRole('grid', { name: 'Volumes' }).getByRole('row', { name: shown }).dblclick();
}

const hold = (page: Page) => page.evaluate(() => { (globalThis as unknown as { fake: { hold: boolean } }).fake.hold = true; });

export const GUEST_VIEWS: readonly PageView[] = [
  { name: 'guest-served', go: (page) => openServed(page) },
  { name: 'guest-entering', go: async (page) => { await openImage(page, 'slow-xfs.img'); await page.getByText('under way').first().waitFor(); } },
  { name: 'guest-refused', go: async (page) => { await openImage(page, 'refused-xfs.img'); await page.getByRole('heading', { name: 'Linux 6.12 could not open it' }).waitFor(); } },
  { name: 'guest-offer', go: async (page) => { await openTable(page); await page.getByRole('navigation', { name: 'Images and volumes' }).getByRole('row', { name: /data/ }).click(); await page.getByRole('button', { name: 'Open with Linux 6.12' }).waitFor(); } },
  { name: 'guest-build', go: async (page) => { await openImage(page, 'sysv.img'); await page.getByRole('button', { name: 'Build Linux 5.10' }).waitFor(); } },
  { name: 'guest-building', go: async (page) => { await hold(page); await openImage(page, 'sysv.img'); await page.getByRole('button', { name: 'Build Linux 5.10' }).click(); await page.getByText('Building, 50 %').waitFor(); await page.getByRole('region', { name: 'Transfers' }).waitFor(); } },
  { name: 'guest-no-qemu', query: '?guests=noqemu', go: async (page) => { await openImage(page, 'sysv.img'); await page.getByText('Guests need QEMU').waitFor(); } },
  { name: 'guest-none', go: async (page) => { await openImage(page, 'minix.img'); await page.getByText('Nothing here opens it').waitFor(); } },
  { name: 'guest-for-native', go: async (page) => { await openImage(page, 'unsupported.ext4'); await page.getByRole('heading', { name: 'Linux 6.12 may open it all the same' }).waitFor(); } },
  { name: 'guest-open-with', go: async (page) => { await openImage(page, 'unsupported.ext4'); await page.getByRole('heading', { name: 'Linux 6.12 may open it all the same' }).waitFor(); await page.getByRole('button', { name: 'Open as…', exact: true }).click(); await page.getByRole('option', { name: /Linux 6\.12/ }).waitFor(); } },
  { name: 'guest-table', go: async (page) => { await openTable(page); await page.getByRole('option', { name: /data/ }).click(); } },
  { name: 'set-part', query: '?dialogs=native', go: async (page) => { await openSet(page, ['five-1.img', 'five-2.img', 'five-3.img'], /five-2/); await page.getByRole('button', { name: 'Show it' }).waitFor(); } },
  { name: 'set-degraded', query: '?dialogs=native', go: async (page) => { await openSet(page, ['five-1.img', 'five-3.img'], /five-1/); await page.getByText('RAID5 of 3 disks, degraded').first().waitFor(); } },
  { name: 'set-alone', query: '?dialogs=native', go: async (page) => { await dropFiles(page, ['five-2.img']); await page.getByRole('alert').waitFor(); } },
  { name: 'guest-died', go: async (page) => { await openTable(page); await page.getByRole('navigation', { name: 'Images and volumes' }).getByRole('row', { name: /old/ }).click(); await page.getByRole('alert').waitFor(); await row(page, /^etc\b/).waitFor(); } },
  { name: 'guest-log', go: async (page) => { await openLog(page); await page.getByRole('region', { name: 'Lines of the log' }).focus(); await page.keyboard.press('Home'); await page.getByText('red alert').waitFor(); } },
  { name: 'guest-log-filter', go: async (page) => { await openLog(page); await page.getByRole('radio', { name: /^Agent/ }).click(); await page.getByText('mount xfs ro').waitFor(); } },
  { name: 'guests', go: async (page) => { await openGuests(page); await page.getByRole('heading', { name: 'Linux 6.12', exact: true }).waitFor(); await page.getByRole('button', { name: 'Mounts 11 filesystems' }).click(); } },
  { name: 'guests-tab', go: async (page) => { await openServed(page); await openGuests(page); await page.getByRole('heading', { name: 'Linux 6.12', exact: true }).waitFor(); } },
  { name: 'guests-building', go: async (page) => { await hold(page); await openGuests(page); await page.getByRole('button', { name: 'Build Linux 5.10' }).click(); await page.getByText('Building, 50 %').waitFor(); } },
  { name: 'guests-failed-build', go: async (page) => { await openGuests(page); await page.getByRole('button', { name: 'Build Linux 6.12 on s390x' }).click(); await page.getByText('building failed').first().waitFor(); } },
  { name: 'guests-remove', go: async (page) => { await openGuests(page); await page.getByRole('button', { name: 'Remove Linux 6.12', exact: true }).click(); await page.getByRole('alertdialog').waitFor(); } },
  { name: 'guests-add', go: async (page) => { await openGuests(page); await page.getByRole('button', { name: 'Add a guest…' }).click(); await dialog(page).getByRole('textbox').fill('/home/ada/nothing'); await page.keyboard.press('Enter'); await page.getByText('There is no guest.yml').waitFor(); } },
  { name: 'guests-empty', query: '?guests=none', go: async (page) => { await openGuests(page); await page.getByText('No guests are known').waitFor(); } },
  { name: 'guests-failed', query: '?guests=fail', go: async (page) => { await openGuests(page); await page.getByRole('alert').waitFor(); } },
  { name: 'guests-bad', query: '?guests=bad', go: async (page) => { await openGuests(page); await page.getByRole('list', { name: 'Guests whose description is wrong' }).scrollIntoViewIfNeeded(); } },
  { name: 'guests-no-qemu', query: '?guests=noqemu', go: async (page) => { await openGuests(page); await page.getByText('QEMU is not installed').waitFor(); } },
  { name: 'guest-tree', go: async (page) => { await openGuests(page); await page.getByRole('button', { name: 'Open Processes of Linux 6.12', exact: true }).click(); await row(page, /^etc\b/).waitFor(); } },
  { name: 'matrix', go: async (page) => { await openMatrix(page); await page.getByRole('gridcell', { name: 'Known bad' }).first().focus(); } },
  { name: 'matrix-none', go: async (page) => { await openMatrix(page); await page.getByRole('searchbox').fill('no such filesystem'); await page.getByText('No filesystem has this name').waitFor(); } },
  { name: 'ways', go: openWays },
  { name: 'ways-failed', query: '?guests=fail', go: async (page) => { await openGuests(page); await page.getByRole('radio', { name: 'Ways to mount' }).click(); await page.getByText('The ways to mount can’t be told').waitFor(); } },
  { name: 'tool-check-clean', go: async (page) => { await openCheck(page, 'xfs.img'); await dialog(page).getByText('The filesystem is clean').waitFor(); } },
  { name: 'tool-check-errors', go: async (page) => { await openCheck(page, 'broken-xfs.img'); await dialog(page).getByRole('button', { name: 'Unlock and repair' }).waitFor(); } },
  { name: 'tool-check-fixed', go: async (page) => { await openCheck(page, 'broken-xfs.img'); await dialog(page).getByRole('button', { name: 'Unlock and repair' }).click(); await dialog(page).getByText('The tool repaired what it found').waitFor({ timeout: 15_000 }); } },
  { name: 'rtl-guests', query: '?dir=rtl', go: async (page) => { await openGuests(page); await page.getByRole('heading', { name: 'Linux 6.12', exact: true }).waitFor(); } },
  { name: 'rtl-matrix', query: '?dir=rtl', go: (page) => openMatrix(page) },
  { name: 'rtl-ways', query: '?dir=rtl', go: openWays },
  { name: 'rtl-guest-log', query: '?dir=rtl', go: (page) => openLog(page) },
];
