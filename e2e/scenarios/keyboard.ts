import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { Reader } from '../harness/reader.ts';
import { until } from '../harness/window.ts';
import { tab, type TestClient } from './client.ts';

const INTERACTIVE = new Set(['button', 'textbox', 'combobox', 'tab', 'menuitem', 'menuitemcheckbox', 'menuitemradio', 'checkbox', 'radio', 'switch', 'option', 'columnheader', 'treeitem', 'slider', 'link', 'listbox', 'grid', 'treegrid', 'dialog', 'alertdialog', 'searchbox', 'spinbutton', 'tabpanel', 'image', 'img']);

/** Types into the list, and waits until the row that it leads to has the focus. */
export async function typeTo(page: Page, reader: Reader, letters: string, name: RegExp): Promise<void> {
  await page.keyboard.type(letters, { delay: 20 });
  await until(async () => {
    const { role, name: heard } = await reader.focus();
    expect(role).toBe('row');
    expect(heard).toMatch(name);
  });
  // What was typed is forgotten after a second: the next letters begin anew.
  await page.waitForTimeout(1100);
}

/** Presses a key until the focus is where it should be. */
export async function pressUntil(page: Page, reader: Reader, key: string, role: string, name: RegExp, most = 40): Promise<void> {
  for (let i = 0; i < most; i++) {
    const at = await reader.focus();
    if (at.role === role && name.test(at.name)) return;
    await page.keyboard.press(key);
  }
  expect(await reader.focus(), `${key} leads to it`).toMatchObject({ role, name: expect.stringMatching(name) as string });
}

/** Waits for a live message. */
export async function hears(reader: Reader, message: RegExp, before: string[] = []): Promise<void> {
  const said = [...before];
  await until(async () => {
    said.push(...(await reader.said()));
    expect(said.some((each) => message.test(each)), `one of ${JSON.stringify(said)} is ${message}`).toBe(true);
  });
}

/** Nothing that can be pressed is without a name, whatever the window shows at the moment. */
export async function everythingHasAName(reader: Reader): Promise<void> {
  // The browser names what is new a moment after it is there.
  await until(async () => {
    const nameless = (await reader.all()).filter(({ role, name }) => INTERACTIVE.has(role) && name.trim() === '');
    expect(nameless.filter(({ role }) => role !== 'tabpanel')).toEqual([]);
  });
}

/**
 * An image is opened, a file three levels down reached, looked at, its properties read, extracted, and the tab closed: with the keyboard
 * alone, heard as a screen reader tells it. `image` is makeImage's of makeTree's.
 */
export async function worksByKeyboardAlone(client: TestClient, image: string, name: string, tree: string, target: string): Promise<void> {
  const { page } = client;
  mkdirSync(target);
  const reader = await Reader.start(page);

  await client.open(image);
  await hears(reader, new RegExp(`${name.replace('.', '\\.')} is open: ext4`));
  await until(async () => expect(await reader.focus()).toMatchObject({ role: 'grid', name: `Files in ${name}` }));
  await everythingHasAName(reader);

  await typeTo(page, reader, 'doc', /^docs/);
  await page.keyboard.press('Enter');
  await hears(reader, /^docs, \d+ items?/);
  await typeTo(page, reader, 'let', /^letters/);
  await page.keyboard.press('Enter');
  await hears(reader, /^letters, 1 item/);
  await typeTo(page, reader, '2023', /^2023/);
  await page.keyboard.press('Enter');
  await hears(reader, /^2023, \d+ items?/);
  await typeTo(page, reader, 'to-g', /^to-grandmother\.txt/);
  const { name: row } = await reader.focus();
  // Size and time are read with the name.
  expect(row).toMatch(/\d+ B/);
  expect(row).toMatch(/\d{4}-\d\d-\d\d/);

  await page.keyboard.press(' ');
  await page.getByRole('dialog', { name: 'Quick look' }).getByText('Dear grandmother,').waitFor();
  await hears(reader, /Text, UTF-8/);
  await everythingHasAName(reader);
  await page.keyboard.press(' ');
  await page.getByRole('dialog', { name: 'Quick look' }).waitFor({ state: 'detached' });

  await page.keyboard.press('Alt+Enter');
  const properties = page.getByRole('dialog', { name: /Properties of to-grandmother/ });
  await properties.waitFor();
  await everythingHasAName(reader);
  await until(async () => expect((await reader.all()).some(({ name: text }) => text === '/docs/letters/2023/to-grandmother.txt')).toBe(true));
  await page.keyboard.press('Escape');
  await properties.waitFor({ state: 'detached' });
  // The dialog gives the focus back to where it was.
  await until(async () => expect((await reader.focus()).name).toMatch(/^to-grandmother/));

  await page.keyboard.press('Control+e');
  await page.getByRole('dialog', { name: 'Extract to…' }).waitFor();
  await everythingHasAName(reader);
  await client.chooseByKeys(target);
  await pressUntil(page, reader, 'Tab', 'button', /^Extract$/);
  await reader.said();
  await page.keyboard.press('Enter');
  await hears(reader, /extracted 1 file/);
  const there = join(target, 'to-grandmother.txt');
  expect(existsSync(there)).toBe(true);
  expect(readFileSync(there, 'utf8')).toBe(readFileSync(join(tree, 'docs/letters/2023/to-grandmother.txt'), 'utf8'));

  // The menu of the entry, at the row, and every item of it with a name; a disabled one says why.
  await pressUntil(page, reader, 'Shift+Tab', 'row', /^to-grandmother/);
  await page.keyboard.press('Shift+F10');
  await until(async () => expect((await reader.focus()).role).toBe('menuitem'));
  const disabled = (await reader.all()).filter(({ role, name: label }) => role === 'menuitem' && label === 'Open');
  expect(disabled[0]?.description).toMatch(/Only folders are opened/);
  await page.keyboard.press('Escape');

  await page.keyboard.press('Control+w');
  await tab(page, name).waitFor({ state: 'detached' });
  // The focus is somewhere that can be used, not lost on the page.
  await until(async () => expect((await reader.focus()).role).not.toMatch(/RootWebArea|generic|none/));
  await reader.stop();
}
