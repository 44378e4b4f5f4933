import { execFileSync } from 'node:child_process';
import { rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { expect } from 'vitest';
import { has } from '../harness/processes.ts';
import { shot } from '../harness/window.ts';
import { closeTab, row, type TestClient } from './client.ts';

/** Why no disk can be connected here; undefined where one can. */
export const noDisk = process.getuid?.() !== 0 ? 'not root' : ['losetup', 'mke2fs'].every((tool) => has(tool) || has(`/usr/sbin/${tool}`)) ? undefined : 'needs losetup and mke2fs';

const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
const tool = (name: string, ...args: readonly string[]): string => execFileSync(name, args, { encoding: 'utf8', env: { ...process.env, PATH }, stdio: ['ignore', 'pipe', 'pipe'] }).trim();

/** A disk that is connected appears by itself, opens read-only, and goes by itself. @param file where its bytes are */
export async function listsDisks(client: TestClient, file: string): Promise<void> {
  const { page } = client;
  const list = page.getByRole('grid', { name: 'Disks of this computer' });
  await page.getByRole('button', { name: /^Devices/ }).click();
  await page.getByText('A disk opens read-only, like an image.').or(page.getByText('shows no disks')).waitFor({ timeout: 30_000 });
  writeFileSync(file, '');
  truncateSync(file, 8 << 20);
  tool('mke2fs', '-q', '-F', '-t', 'ext4', '-L', `plugged-${client.name}`, file);
  const disk = tool('losetup', '--find', '--show', file);
  // Once: its number may be that of another's device the next moment.
  let attached = true;
  const detach = (): void => {
    if (!attached) return;
    attached = false;
    tool('losetup', '--detach', disk);
  };
  try {
    const line = list.getByRole('row', { name: new RegExp(`plugged-${client.name}`) });
    await line.waitFor({ timeout: 60_000 });
    await expect.poll(() => line.innerText()).toMatch(/8\.00 MiB[^]*ext4/);
    await shot(page, `${client.name}-devices`);
    await line.click();
    await row(page, /lost\+found/).waitFor({ timeout: 30_000 });
    await closeTab(page, disk.slice('/dev/'.length));
    detach();
    await line.waitFor({ state: 'detached', timeout: 60_000 });
  } finally {
    detach();
    rmSync(file, { force: true });
  }
  await page.getByRole('button', { name: /^Devices/ }).click();
}

/** A disk that the person may not read is listed as such; how to get to read it is told, and nothing of it is done. @param file where its bytes are */
export async function listsSecretDisks({ page, name }: TestClient, file: string): Promise<void> {
  const list = page.getByRole('grid', { name: 'Disks of this computer' });
  await page.getByRole('button', { name: /^Devices/ }).click();
  writeFileSync(file, '');
  truncateSync(file, 8 << 20);
  const disk = tool('losetup', '--find', '--show', file);
  const mode = statSync(disk).mode;
  try {
    const line = list.getByRole('row', { name: new RegExp(`${disk.slice('/dev/'.length)}\\b`) });
    await line.waitFor({ timeout: 60_000 });
    await line.getByText('No access').waitFor({ timeout: 60_000 });
    await line.click();
    await page.getByText(new RegExp(`${disk} may not be read by this account`)).first().waitFor({ timeout: 30_000 });
    await page.getByText(new RegExp(`sudo clutch info ${disk}`)).first().waitFor();
    await shot(page, `${name}-devices-secret`);
    expect(statSync(disk).mode).toBe(mode);
  } finally {
    tool('losetup', '--detach', disk);
    rmSync(file, { force: true });
  }
  await page.getByRole('button', { name: /^Devices/ }).click();
}
