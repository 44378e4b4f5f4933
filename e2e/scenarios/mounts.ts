import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { fuseProvider } from '../../src/host/mounts/fuse.ts';
import { run } from '../harness/processes.ts';
import { shot, until } from '../harness/window.ts';
import { closeTab, row, tab, type TestClient } from './client.ts';
import { apply, unlock } from './editing.ts';

/** Milliseconds that a program has for its work in a mount: what hangs there must not hang the tests. */
const LIMIT = 60_000;

/** Milliseconds until a mount is there, or gone. */
export const MOUNTED = 30_000;

const available = await fuseProvider.available();

/** Why nothing can be mounted for other programs here; undefined where it can. */
export const noMount = available.ok ? undefined : `needs FUSE: ${available.reason}`;

const execute = promisify(execFile);

/** How other programs of the client's person are run to their end. */
const programs = ({ account }: TestClient): typeof runs => (account === undefined ? runs : (command, ...args) => account.run(command, ...args));

/** Runs another program to its end, while this process goes on: what it prints. */
async function runs(command: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await execute(command, args, { env: { ...process.env, LC_ALL: 'C.UTF-8' }, timeout: LIMIT, killSignal: 'SIGKILL', maxBuffer: 64 << 20 });
  return stdout;
}

export const bar = (page: Page) => page.getByRole('region', { name: 'Mount of holiday' });

/** One click mounts. @returns where */
export async function mount(page: Page): Promise<string> {
  await page.getByRole('button', { name: 'Mount', exact: true }).click();
  await bar(page).waitFor({ timeout: MOUNTED });
  return bar(page).locator('.mount-at').innerText();
}

/** One click unmounts. */
export async function unmount(page: Page): Promise<void> {
  await bar(page).getByRole('button', { name: 'Unmount' }).click();
  await bar(page).waitFor({ state: 'detached', timeout: MOUNTED });
}

/** What the system has mounted below a path. */
export const mountsAt = (at: string): string[] => readFileSync('/proc/self/mounts', 'utf8').split('\n').filter((line) => line.split(' ')[1] === at.replaceAll(' ', '\\040'));

/**
 * One click mounts an image; other programs read what is in it, and after it is unlocked, write there: the window shows that, and it is pending until it is
 * applied. One click unmounts, and e2fsck finds nothing.
 */
export async function mountsForPrograms(client: TestClient, sound: string, source: string, folder: string): Promise<void> {
  const { page, account } = client;
  const program = programs(client);
  mkdirSync(folder);
  const image = join(folder, 'mounted.img');
  copyFileSync(sound, image);
  for (const path of [folder, image]) account?.give(path);
  const before = readFileSync(image);
  await client.open(image);
  await tab(page, 'mounted.img').waitFor();
  await row(page, /^readme\.txt/).waitFor();

  const at = await mount(page);
  expect(mountsAt(at)).toHaveLength(1);
  await page.getByRole('row', { name: /holiday/ }).getByText('Mounted', { exact: true }).first().waitFor();
  expect(await program('cat', join(at, 'readme.txt'))).toBe(readFileSync(join(source, 'readme.txt'), 'utf8'));
  expect((await program('ls', '-A', at)).split('\n')).toContain('script.sh');
  const copy = join(folder, 'copied');
  await program('cp', '-a', `${at}/docs`, copy);
  expect(run('diff', ['-r', join(source, 'docs'), copy])).toBe('');
  await expect(program('touch', join(at, 'not yet.txt'))).rejects.toThrow(/Read-only/);
  // What was read is told.
  await bar(page).getByText(/KiB read/).waitFor({ timeout: MOUNTED });
  await shot(page, `${client.name}-mounted`);

  await unlock(page);
  await bar(page).getByRole('button', { name: 'Mount for writing' }).click();
  await bar(page).getByText('For writing', { exact: true }).waitFor({ timeout: MOUNTED });
  const writable = await bar(page).locator('.mount-at').innerText();
  writeFileSync(join(folder, 'from outside.txt'), 'another program wrote this\n');
  await program('cp', join(folder, 'from outside.txt'), writable);
  await program('mkdir', join(writable, 'made outside'));
  await program('sh', '-c', 'echo one more line >> "$1/readme.txt" && sync -f "$1"', 'sh', writable);
  await row(page, /^from outside\.txt/).waitFor({ timeout: MOUNTED });
  await row(page, /^made outside/).waitFor();
  expect(await program('cat', join(writable, 'from outside.txt'))).toBe('another program wrote this\n');
  await shot(page, `${client.name}-mounted-writing`);

  await tellsWhoHoldsIt(client, writable);
  await bar(page).waitFor({ state: 'detached', timeout: MOUNTED });
  expect(mountsAt(writable)).toEqual([]);
  expect(readFileSync(image).equals(before)).toBe(true);

  await page.getByRole('region', { name: 'Pending changes' }).getByText(/changes? pending/).waitFor();
  await apply(page);
  await closeTab(page, 'mounted.img');
  expect(run('e2fsck', ['-fn', image])).toContain('Pass 5');
  expect(run('debugfs', ['-R', 'cat "/from outside.txt"', image])).toBe('another program wrote this\n');
  expect(run('debugfs', ['-R', 'cat /readme.txt', image])).toBe(`${readFileSync(join(source, 'readme.txt'), 'utf8')}one more line\n`);
  expect(run('debugfs', ['-R', 'ls -p /', image])).toContain('/made outside/');
}

/** A program that has a file open is named when the mount is to go; once it has ended, trying again unmounts. */
async function tellsWhoHoldsIt({ page, name, account }: TestClient, at: string): Promise<void> {
  const words = ['-c', 'exec 3< "$1/readme.txt" && echo holds && read -r _', 'holder', at];
  const [command, args] = account?.command('sh', ...words) ?? ['sh', words];
  const holder = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], timeout: LIMIT, killSignal: 'SIGKILL' });
  const ended = once(holder, 'exit');
  try {
    await once(holder.stdout, 'data');
    await bar(page).getByRole('button', { name: 'Unmount' }).click();
    const asks = page.getByRole('alertdialog', { name: 'holiday is in use' });
    await asks.waitFor({ timeout: MOUNTED });
    await asks.getByText(`(process ${holder.pid})`).waitFor();
    // Past its appearing.
    await page.waitForTimeout(300);
    await shot(page, `${name}-mount-busy`);
    holder.stdin.end('\n');
    await ended;
    await asks.getByRole('button', { name: 'Try again' }).click();
    await asks.waitFor({ state: 'detached', timeout: MOUNTED });
  } finally {
    holder.kill('SIGKILL');
    await ended;
  }
}

/** What somebody unmounts in a terminal is told; closing the tab of a mounted image leaves nothing mounted. */
export async function tellsOfTheEnd(client: TestClient, image: string, name: string): Promise<void> {
  const { page } = client;
  await client.open(image);
  await row(page, /^readme\.txt/).waitFor();
  const at = await mount(page);
  const program = programs(client);
  if (process.getuid?.() === 0 && client.account === undefined) await program('umount', at);
  else await program('fusermount3', '-u', at);
  await bar(page).waitFor({ state: 'detached', timeout: MOUNTED });
  await page.getByText(/holiday is no longer mounted/).first().waitFor();
  const again = await mount(page);
  expect(mountsAt(again)).toHaveLength(1);
  await closeTab(page, name);
  await until(() => expect(mountsAt(again)).toEqual([]), MOUNTED);
}

/** A mounted image that is in use asks before it is closed. Closed all the same, it is closed: whoever used it is cut off, and nothing is left of it. */
export async function closesAllTheSame(client: TestClient, image: string, name: string): Promise<void> {
  const { page } = client;
  await client.open(image);
  await row(page, /^readme\.txt/).waitFor();
  const at = await mount(page);
  // It asks for what no kernel keeps, until nobody answers.
  const holder = spawn('sh', ['-c', 'exec 3< "$1/readme.txt" && echo holds && while stat -f /proc/self/fd/3 > /dev/null 2>&1; do sleep 0.1; done; echo cut off', 'holder', at], { stdio: ['ignore', 'pipe', 'inherit'], timeout: LIMIT, killSignal: 'SIGKILL' });
  let said = '';
  holder.stdout.on('data', (bytes: Buffer) => { said += bytes.toString(); });
  const ended = once(holder, 'exit');
  try {
    await until(() => expect(said).toContain('holds'), MOUNTED);
    await page.keyboard.press('Control+w');
    const asks = page.getByRole('alertdialog', { name: `Close ${name} while it is in use?` });
    await asks.getByText(`(process ${holder.pid})`).waitFor({ timeout: MOUNTED });
    expect(mountsAt(at)).toHaveLength(1);
    await asks.getByRole('button', { name: 'Close all the same' }).click();
    await tab(page, name).waitFor({ state: 'detached', timeout: MOUNTED });
    await until(() => expect(said).toContain('cut off'), MOUNTED);
    expect(mountsAt(at)).toEqual([]);
  } finally {
    holder.kill('SIGKILL');
    await ended;
  }
}

/** At a folder that the person chose, with an owner of their own and without anybody else's permissions. */
export async function mountsAsAsked(client: TestClient, image: string, name: string, folder: string): Promise<void> {
  const { page } = client;
  const at = join(folder, 'here');
  mkdirSync(at, { recursive: true });
  await client.open(image);
  await row(page, /^readme\.txt/).waitFor();
  await page.getByRole('button', { name: 'Mount…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Mount holiday' });
  await dialog.locator('label.radio', { hasText: 'At an empty folder' }).click();
  await client.choose(at);
  await dialog.getByRole('button', { name: 'More' }).click();
  await dialog.getByRole('textbox', { name: /^Owner/ }).fill('4242');
  await dialog.getByRole('textbox', { name: /^Permission mask/ }).fill('077');
  await shot(page, `${client.name}-mount-dialog`);
  await dialog.getByRole('button', { name: 'Mount', exact: true }).click();
  await bar(page).waitFor({ timeout: MOUNTED });
  expect(await bar(page).locator('.mount-at').innerText()).toBe(at);
  expect(await runs('stat', '-c', '%u %a', join(at, 'script.sh'))).toBe('4242 700\n');
  await unmount(page);
  expect(mountsAt(at)).toEqual([]);
  // The folder was the person's own.
  expect(existsSync(at)).toBe(true);
  await closeTab(page, name);
}

/** In the app, the file manager shows the mount. @param shown the folders that the system was asked to show */
export async function showsInFileManager(client: TestClient, image: string, name: string, shown: () => Promise<readonly string[]>): Promise<void> {
  const { page } = client;
  await client.open(image);
  await row(page, /^readme\.txt/).waitFor();
  const at = await mount(page);
  await bar(page).getByRole('button', { name: 'Open in file manager' }).click();
  await until(async () => expect(await shown()).toContain(at));
  await unmount(page);
  await closeTab(page, name);
}
