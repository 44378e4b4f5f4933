import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { run } from '../harness/processes.ts';
import { Reader } from '../harness/reader.ts';
import { shot, until } from '../harness/window.ts';
import { closeTab, dismissAll, row, tab, type TestClient } from './client.ts';
import { everythingHasAName, hears, pressUntil, typeTo } from './keyboard.ts';

const digest = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');
/** e2fsck's judgement: its output, and it has failed the test unless it found nothing. */
const clean = (image: string): string => run('e2fsck', ['-fn', image]);
/** A file's contents as debugfs reads them from the image. */
const inside = (image: string, path: string): string => run('debugfs', ['-R', `cat "${path}"`, image]);
const pending = (page: Page) => page.getByRole('region', { name: 'Pending changes' });

/** @param timeout milliseconds; a guest takes longer, for it mounts anew */
export async function unlock(page: Page, timeout = 10_000): Promise<void> {
  await page.getByRole('grid').first().focus();
  await page.keyboard.press('Control+Shift+e');
  await page.getByRole('button', { name: 'Lock again' }).waitFor({ timeout });
}

/** Writes the pending changes and waits until they are in the image. */
export async function apply(page: Page, timeout = 60_000): Promise<void> {
  await page.getByRole('grid').first().focus();
  await page.keyboard.press('Control+s');
  await page.getByText(/the changes are in the image/).first().waitFor({ timeout });
  await dismissAll(page);
}

/** Selects one entry and gives it a new name. */
export async function rename(page: Page, from: RegExp, to: string): Promise<void> {
  await row(page, from).locator('.entry').click();
  await page.keyboard.press('F2');
  const field = page.getByRole('textbox', { name: /^New name of/ });
  await field.waitFor();
  await field.fill(to);
  await field.press('Enter');
  await field.waitFor({ state: 'detached' });
}

/**
 * Unlocks, copies files in, renames, deletes, undoes, makes a folder, reviews, applies, and opens it anew: e2fsck finds nothing, and until Apply the file
 * is byte for byte what it was.
 */
export async function editsAndApplies(client: TestClient, sound: string, folder: string): Promise<void> {
  const { page } = client;
  mkdirSync(folder);
  const image = join(folder, 'edited.img');
  copyFileSync(sound, image);
  const put = join(folder, 'from outside.txt');
  writeFileSync(put, 'it came from outside\n');
  const before = digest(image);

  await client.open(image);
  await tab(page, 'edited.img').waitFor();
  await row(page, /^readme\.txt/).waitFor();
  await unlock(page);
  await client.put(put);
  await row(page, /^from outside\.txt/).waitFor();
  await rename(page, /^readme\.txt/, 'read me first.txt');
  await row(page, /^read me first\.txt/).waitFor();

  await row(page, /^script\.sh/).locator('.entry').click();
  await page.keyboard.press('Delete');
  const sure = page.getByRole('alertdialog', { name: /Delete “script\.sh”/ });
  await sure.waitFor();
  await shot(page, `${client.name}-delete`);
  await sure.getByRole('button', { name: 'Delete', exact: true }).click();
  await row(page, /^script\.sh/).waitFor({ state: 'detached' });
  await page.getByRole('grid').focus();
  await page.keyboard.press('Control+z');
  await row(page, /^script\.sh/).waitFor();
  await page.keyboard.press('Control+Shift+z');
  await row(page, /^script\.sh/).waitFor({ state: 'detached' });

  await page.keyboard.press('Control+Shift+n');
  const make = page.getByRole('dialog', { name: 'New folder' });
  await make.getByRole('textbox', { name: 'Name' }).fill('made here');
  await make.getByRole('button', { name: 'Create' }).click();
  await row(page, /^made here/).waitFor();

  await pending(page).getByText(/4 changes pending/).waitFor();
  await shot(page, `${client.name}-pending`);
  await pending(page).getByRole('button', { name: 'Review…' }).click();
  const review = page.getByRole('dialog', { name: /Pending changes of/ });
  for (const each of [/Copy “from outside\.txt” into the image/, /Rename “readme\.txt” to “read me first\.txt”/, /Delete “script\.sh”/, /Create folder “made here”/]) await review.getByText(each).first().waitFor();
  await shot(page, `${client.name}-review`);
  await page.keyboard.press('Escape');
  expect(digest(image)).toBe(before);

  await apply(page);
  await pending(page).waitFor({ state: 'detached' });
  await closeTab(page, 'edited.img');
  expect(digest(image)).not.toBe(before);
  expect(clean(image)).toContain('Pass 5');
  expect(inside(image, '/from outside.txt')).toBe('it came from outside\n');
  expect(inside(image, '/read me first.txt')).toContain('Hello from inside the image.');
  expect(run('debugfs', ['-R', 'ls -p /', image])).not.toContain('script.sh');
  expect(readdirSync(folder).filter((name) => name.includes('clutch'))).toEqual([]);

  await client.open(image);
  await row(page, /^made here/).waitFor();
  await row(page, /^read me first\.txt/).waitFor();
  await closeTab(page, 'edited.img');
}

/** Closing with pending changes asks; discarding them leaves the file as it was. */
export async function asksBeforeClosing(client: TestClient, sound: string, folder: string): Promise<void> {
  const { page } = client;
  mkdirSync(folder);
  const image = join(folder, 'kept.img');
  copyFileSync(sound, image);
  const before = digest(image);
  await client.open(image);
  await tab(page, 'kept.img').waitFor();
  await row(page, /^readme\.txt/).waitFor();
  await unlock(page);
  await rename(page, /^readme\.txt/, 'other.txt');
  await row(page, /^other\.txt/).waitFor();
  await page.keyboard.press('Control+w');
  const asks = page.getByRole('alertdialog', { name: /Close kept\.img with pending changes/ });
  await asks.waitFor();
  const focused = await asks.evaluate((dialog) => (dialog.contains(document.activeElement) ? document.activeElement?.textContent : 'outside'));
  expect(focused).not.toMatch(/Discard/);
  await shot(page, `${client.name}-close-pending`);
  await page.keyboard.press('Escape');
  await row(page, /^other\.txt/).waitFor();
  await page.keyboard.press('Control+w');
  await asks.getByRole('button', { name: 'Discard and close' }).click();
  await tab(page, 'kept.img').waitFor({ state: 'detached' });
  expect(digest(image)).toBe(before);
}

/** A filesystem whose bitmaps and link counts are wrong is checked, repaired in an overlay, and applied. */
export async function checksAndRepairs(client: TestClient, sound: string, folder: string): Promise<void> {
  const { page } = client;
  mkdirSync(folder);
  const image = join(folder, 'damaged.img');
  copyFileSync(sound, image);
  run('debugfs', ['-w', '-R', 'set_inode_field /readme.txt links_count 7', image]);
  run('debugfs', ['-w', '-R', 'freei /script.sh', image]);
  expect(() => clean(image)).toThrow('e2fsck');
  const before = digest(image);
  await client.open(image);
  await tab(page, 'damaged.img').waitFor();
  await row(page, /^readme\.txt/).waitFor();
  await page.keyboard.press('Control+Shift+k');
  const dialog = page.getByRole('dialog', { name: /Check/ });
  await dialog.getByRole('button', { name: /Unlock and repair \d+ ticked/ }).waitFor({ timeout: 30_000 });
  await shot(page, `${client.name}-check`);
  expect(digest(image)).toBe(before);
  await dialog.getByRole('button', { name: /Unlock and repair \d+ ticked/ }).click();
  await dialog.getByText(/The repair is a pending change/).waitFor({ timeout: 30_000 });
  await shot(page, `${client.name}-repaired`);
  await page.keyboard.press('Escape');
  expect(digest(image)).toBe(before);
  await apply(page);
  await closeTab(page, 'damaged.img');
  expect(clean(image)).toContain('Pass 5');
  expect(existsSync(image)).toBe(true);
}

/** An image is unlocked, an entry renamed, a folder made, a file deleted, that undone, all reviewed and applied: with the keyboard alone, heard as a screen reader tells it. */
export async function editsByKeyboardAlone(client: TestClient, sound: string, folder: string): Promise<void> {
  const { page } = client;
  const { keyboard } = page;
  mkdirSync(folder);
  const image = join(folder, 'by-keys.img');
  copyFileSync(sound, image);
  await client.open(image);
  await row(page, /^readme\.txt/).waitFor();
  const reader = await Reader.start(page);
  await until(async () => expect(await reader.focus()).toMatchObject({ role: 'grid', name: 'Files in by-keys.img' }));

  await keyboard.press('F2');
  expect(await page.getByRole('textbox', { name: /^New name of/ }).count()).toBe(0);
  await keyboard.press('Control+Shift+e');
  await hears(reader, /by-keys\.img can be changed now/);
  // Unlocking leaves the focus where it was, and the list anew.
  await typeTo(page, reader, 'readme', /^readme\.txt/);
  await keyboard.press('F2');
  await until(async () => expect(await reader.focus()).toMatchObject({ role: 'textbox', name: 'New name of readme.txt', description: expect.stringContaining('255') as string }));
  await keyboard.type('docs');
  await keyboard.press('Control+a');
  await keyboard.type('a/b');
  await hears(reader, /“\/” separates folders/);
  await keyboard.press('Control+a');
  await keyboard.type('by keys.txt');
  await keyboard.press('Enter');
  await hears(reader, /Renamed “readme\.txt” to “by keys\.txt”/);
  await until(async () => expect(await reader.focus()).toMatchObject({ role: 'row', name: expect.stringMatching(/^by keys\.txt/) as string }));

  await keyboard.press('Control+Shift+n');
  await until(async () => expect((await reader.focus()).role).toBe('textbox'));
  await everythingHasAName(reader);
  await keyboard.type('keyed');
  await keyboard.press('Enter');
  await hears(reader, /Folder “keyed” created/);
  await until(async () => expect(await reader.focus()).toMatchObject({ role: 'row', name: expect.stringMatching(/^keyed/) as string }));

  await typeTo(page, reader, 'script', /^script\.sh/);
  await keyboard.press('Delete');
  // The safe button has the focus; the other one is reached.
  await until(async () => expect(await reader.focus()).toMatchObject({ role: 'button', name: 'Cancel' }));
  await everythingHasAName(reader);
  await pressUntil(page, reader, 'Shift+Tab', 'button', /^Delete$/);
  await keyboard.press('Enter');
  await hears(reader, /script\.sh: deleted/);
  await row(page, /^script\.sh/).waitFor({ state: 'detached' });
  await until(async () => expect((await reader.focus()).role).toMatch(/^(row|grid)$/));
  await keyboard.press('Control+z');
  await hears(reader, /Undone: Delete “script\.sh”/);
  await row(page, /^script\.sh/).waitFor();

  await keyboard.press('Control+Shift+r');
  await until(async () => expect(await reader.focus()).toMatchObject({ role: 'button', name: 'Close' }));
  await until(async () => {
    const heard = (await reader.all()).map(({ name }) => name);
    expect(heard).toEqual(expect.arrayContaining([expect.stringContaining('Rename “readme.txt” to “by keys.txt”'), expect.stringContaining('Create folder “keyed”')]));
    expect(heard.join('\n')).not.toContain('Delete “script.sh”');
  });
  await everythingHasAName(reader);
  await pressUntil(page, reader, 'Tab', 'button', /^Apply$/);
  await keyboard.press('Enter');
  await hears(reader, /the changes are in the image/);
  await pending(page).waitFor({ state: 'detached' });
  await until(async () => expect((await reader.focus()).role).toMatch(/^(row|grid)$/));
  await reader.stop();
  await keyboard.press('Control+w');
  await tab(page, 'by-keys.img').waitFor({ state: 'detached' });
  expect(clean(image)).toContain('Pass 5');
  const names = run('debugfs', ['-R', 'ls -p /', image]);
  for (const each of ['/by keys.txt/', '/keyed/', '/script.sh/']) expect(names).toContain(each);
}
