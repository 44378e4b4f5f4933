import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { run } from '../harness/processes.ts';
import { shot, until } from '../harness/window.ts';
import { apply, rename, unlock } from './editing.ts';
import { closeTab, dismissAll, row, startExtraction, tab, type TestClient } from './client.ts';

/** What the scenarios of guests need of a client, and the process that its guests descend from. */
export type GuestClient = Pick<TestClient, 'name' | 'page' | 'open' | 'put' | 'choose'> & { readonly pid: number };

/** Milliseconds: an emulated machine boots within seconds, and on a busy computer within minutes. */
export const BOOT = 300_000;

/** Opens an image that a guest serves; the steps of the start are told, and then the files. @param file one that is listed, none where it is empty */
async function boots(client: GuestClient, image: string, name: string, file: RegExp | undefined, filesystem: string): Promise<void> {
  const { page } = client;
  const steps = page.getByRole('list', { name: 'What is being done' }).getByText(/kernel|boot|mount|Linux/i).first();
  const served = page.getByRole('tabpanel').getByText(/^Guest: Linux 6\.12/).first();
  await client.open(image);
  await tab(page, name).waitFor();
  // A machine that goes on from its saved state may serve before a step of it was worth showing.
  await steps.or(served).first().waitFor({ timeout: BOOT });
  if (await steps.isVisible()) await shot(page, `${client.name}-guest-steps-${filesystem}`);
  await served.waitFor({ timeout: BOOT });
  await page.getByRole('grid', { name: `Files in ${name}` }).or(page.getByRole('grid', { name: /^Files in/ })).first().waitFor({ timeout: BOOT });
  if (file !== undefined) await row(page, file).waitFor({ timeout: BOOT });
}

/** A file extracted from the volume is byte for byte `contents`. */
async function extractsOne(client: GuestClient, name: string, contents: string, target: string): Promise<void> {
  const { page } = client;
  mkdirSync(target);
  await row(page, new RegExp(`^${name.replace('.', '\\.')}`)).locator('.entry').click();
  await startExtraction(client, target);
  await until(() => expect(readFileSync(join(target, name), 'utf8')).toBe(contents), BOOT);
  await dismissAll(page);
}

/**
 * Opens an image, extracts, unlocks, puts a file in, renames it, applies; the filesystem's own tool finds nothing, and a second opening has the file.
 * @param known a file that is there from the beginning, with its contents
 * @param judge the tool that checks without writing, and its options
 */
export async function editsByGuest(client: GuestClient, sound: string, folder: string, filesystem: string, known: readonly [string, string] | undefined, judge: readonly [string, ...string[]]): Promise<void> {
  const { page } = client;
  mkdirSync(folder);
  const name = `${filesystem}-${client.name}.img`;
  const image = join(folder, name);
  copyFileSync(sound, image);
  const put = join(folder, 'outside.txt');
  const contents = 'it came from outside\n'.repeat(1000);
  writeFileSync(put, contents);
  await boots(client, image, name, known === undefined ? undefined : new RegExp(`^${known[0]}`), filesystem);
  if (known !== undefined) await extractsOne(client, known[0], known[1], join(folder, 'before'));
  await unlock(page, BOOT);
  await client.put(put);
  await row(page, /^outside\.txt/).waitFor({ timeout: BOOT });
  await rename(page, /^outside\.txt/, 'inside.txt');
  await row(page, /^inside\.txt/).waitFor({ timeout: BOOT });
  await shot(page, `${client.name}-guest-pending-${filesystem}`);
  await page.getByRole('region', { name: 'Pending changes' }).getByText(/2 changes pending/).waitFor();
  await apply(page, BOOT);
  await closeTab(page, name);
  run(judge[0], [...judge.slice(1), image]);
  await boots(client, image, name, /^inside\.txt/, filesystem);
  await extractsOne(client, 'inside.txt', contents, join(folder, 'after'));
  await closeTab(page, name);
}

/** The log of a volume's guest has lines of its console; the matrix has rows. */
export async function showsLogAndMatrix(client: GuestClient, sound: string, folder: string): Promise<void> {
  const { page } = client;
  mkdirSync(folder);
  const name = `log-${client.name}.img`;
  copyFileSync(sound, join(folder, name));
  await boots(client, join(folder, name), name, /^HELLO/, 'log');
  await page.getByRole('navigation', { name: 'Images and volumes' }).getByRole('row', { name: /CLUTCH/ }).first().click({ button: 'right' });
  await page.getByRole('menuitem', { name: 'Guest’s log' }).click();
  await page.getByRole('region', { name: 'Lines of the log' }).getByText(/\S/).first().waitFor({ timeout: BOOT });
  await page.getByRole('radio', { name: /^Agent \([\d,]+\)/ }).waitFor({ timeout: BOOT });
  await shots(client, 'guest-log');
  await page.keyboard.press('Control+Shift+G');
  await page.getByRole('heading', { level: 1, name: 'Guests' }).waitFor();
  await page.getByRole('list', { name: 'All guests' }).getByText('Linux 6.12').first().waitFor();
  await shots(client, 'guest-list');
  await page.getByRole('radio', { name: 'Support matrix' }).click();
  const matrix = page.getByRole('grid', { name: 'What opens what' });
  await matrix.getByRole('row', { name: /XFS/ }).first().waitFor();
  await matrix.getByRole('row', { name: /ReiserFS/ }).first().waitFor();
  expect(await matrix.getByRole('row').count()).toBeGreaterThan(20);
  await shots(client, 'guest-matrix');
  await page.getByRole('button', { name: 'Back' }).click();
  await closeTab(page, name);
}

/** What xfs_repair says of a damaged image is shown, its repair is applied, and then it finds nothing. */
export async function repairsByGuest(client: GuestClient, sound: string, folder: string): Promise<void> {
  const { page } = client;
  mkdirSync(folder);
  const name = `damaged-${client.name}.img`;
  const image = join(folder, name);
  copyFileSync(sound, image);
  run('xfs_db', ['-x', '-c', 'sb 0', '-c', 'addr rootino', '-c', 'write core.nlinkv2 99', image]);
  expect(spawnSync('xfs_repair', ['-n', image]).status).toBe(1);
  await boots(client, image, name, /^HELLO/, 'damaged');
  await page.keyboard.press('Control+Shift+K');
  const dialog = page.getByRole('dialog', { name: /^Check/ });
  await dialog.getByText('The tool found errors').waitFor({ timeout: BOOT });
  await dialog.getByRole('region', { name: 'Lines of the tool' }).getByText(/nlink/).first().waitFor({ timeout: BOOT });
  await shots(client, 'guest-check');
  await dialog.getByRole('button', { name: /repair$/i }).click();
  await dialog.getByText('The tool repaired what it found').waitFor({ timeout: BOOT });
  await shot(page, `${client.name}-guest-repaired`);
  await dialog.getByRole('button', { name: 'Close' }).last().click();
  await apply(page, BOOT);
  await closeTab(page, name);
  run('xfs_repair', ['-n', image]);
}

/** A guest that is killed is told of, and comes back when asked. */
export async function startsAgain(client: GuestClient, sound: string, folder: string): Promise<void> {
  const { page } = client;
  mkdirSync(folder);
  const name = `killed-${client.name}.img`;
  copyFileSync(sound, join(folder, name));
  const before = machinesOf(client.pid);
  await boots(client, join(folder, name), name, /^HELLO/, 'killed');
  const mine = machinesOf(client.pid).filter((pid) => !before.includes(pid));
  expect(mine.length).toBe(1);
  process.kill(mine[0]!, 'SIGKILL');
  const bar = page.getByRole('alert', { name: 'Linux 6.12 ended while it served this volume' });
  await bar.waitFor({ timeout: BOOT });
  await shots(client, 'guest-died');
  await bar.getByRole('button', { name: 'Start again' }).click();
  await bar.waitFor({ state: 'detached', timeout: BOOT });
  await row(page, /^HELLO/).waitFor({ timeout: BOOT });
  await extractsOne(client, 'HELLO.TXT', 'hello\n', join(folder, 'again'));
  await closeTab(page, name);
}

/** Ids of the emulators among a process's descendants. */
export function machinesOf(root: number): number[] {
  const rows = execFileSync('ps', ['-eo', 'pid=,ppid=,args='], { encoding: 'utf8' }).split('\n').map((line) => /^\s*(\d+)\s+(\d+)\s+(\S+)/.exec(line)).filter((each) => each !== null);
  const family = new Set([root]);
  // A child may stand before its parent: as often as something is found.
  for (let size = 0; size < family.size;) {
    size = family.size;
    for (const [, pid, parent] of rows) if (family.has(Number(parent))) family.add(Number(pid));
  }
  return rows.filter(([, pid, , command]) => family.has(Number(pid)) && /(^|\/)qemu-system-/.test(command!)).map(([, pid]) => Number(pid));
}

async function shots({ name, page }: { readonly name: string; readonly page: Page }, what: string): Promise<void> {
  for (const colorScheme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme });
    await shot(page, `${name}-${what}-${colorScheme}`);
  }
}
