import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { shot } from '../harness/window.ts';
import { closeTab, row, showPreview, type TestClient } from './client.ts';

/** A filesystem whose primary superblock is damaged opens by a backup, and says so. */
export async function usesBackup(client: TestClient, image: string, name: string): Promise<void> {
  const { page } = client;
  await client.open(image);
  await row(page, /readme\.txt/).waitFor();
  await page.getByRole('button', { name: 'Show what was noticed' }).click();
  const notes = page.locator('.notes').first();
  await notes.getByText(/The primary superblock is damaged/).waitFor();
  await notes.getByText(/The backup superblock at block \d+ is used instead/).waitFor();
  expect(await notes.innerText()).toMatch(/superblock, at byte 0x400/i);
  await shot(page, `${client.name}-backup`);
  await page.keyboard.press('Alt+ArrowLeft');
  await row(page, /^docs/).waitFor();
  await closeTab(page, name);
}

/** An inode whose checksum is wrong is noted with its place, once it was read. */
export async function notesInode(client: TestClient, image: string, name: string, inode: number): Promise<void> {
  const { page } = client;
  await client.open(image);
  await row(page, /readme\.txt/).waitFor();
  await page.locator('.image-head').getByText(/\d+ notes?/).waitFor();
  await page.getByRole('button', { name: 'Show what was noticed' }).click();
  const notes = page.locator('.notes').first();
  await notes.getByText(new RegExp(`Inode ${inode}: .*checksum`)).waitFor();
  expect(await notes.innerText()).toMatch(new RegExp(`inode ${inode}, at byte`, 'i'));
  await shot(page, `${client.name}-inode`);
  await closeTab(page, name);
}

/** A filesystem that was not unmounted shows what its journal holds, and is not touched. */
export async function recoversInMemory(client: TestClient, image: string, name: string): Promise<void> {
  const { page } = client;
  const before = digest(image);
  await client.open(image);
  await row(page, /after-the-cut/).dblclick();
  await row(page, /letter\.txt/).locator('.entry').click();
  await showPreview(page);
  await page.getByText('written just before the light went out').waitFor();
  await shot(page, `${client.name}-recovered`);
  expect(await page.getByRole('heading', { level: 1 }).innerText()).toMatch(/needs-recovery|recover/i);
  await closeTab(page, name);
  expect(digest(image)).toBe(before);
}

function digest(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
