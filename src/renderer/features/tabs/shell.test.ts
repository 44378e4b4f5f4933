import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Menu } from '../../../shared/contract/window.ts';
import { type Harness, noBrowser, openImage, startHarness } from '../../testing/harness.ts';

const row = (page: Page, name: RegExp) => page.getByRole('grid').getByRole('row', { name }).first();
const here = (page: Page) => page.locator('[aria-current="location"]').innerText();
const tabs = (page: Page) => page.getByRole('tab').allInnerTexts().then((texts) => texts.map((text) => text.trim()));
const shown = (page: Page) => page.getByRole('tab', { selected: true }).innerText().then((text) => text.trim());
const fakeMenu = (page: Page) => page.evaluate(() => (globalThis as unknown as { fake: { menus: unknown[] } }).fake.menus[0]) as Promise<Menu | undefined>;
const announced = (page: Page) => page.getByTestId('announcer').innerText();

describe.skipIf(noBrowser !== undefined)('the frame of the window', () => {
  let harness: Harness;
  let page: Page;
  beforeAll(async () => {
    harness = await startHarness();
  }, 60_000);
  afterEach(async () => {
    await page.context().close();
  });
  afterAll(async () => {
    await harness?.close();
  });

  async function open(query?: string, ...names: string[]): Promise<void> {
    page = await harness.page(query);
    page.setDefaultTimeout(8000);
    for (const name of names) await openImage(page, name);
  }

  test('tabs: keys, reopening at the place that was left, order, menus, and the middle button', async () => {
    await open('', 'root.ext4', 'disk.img.gz', 'mystery.bin');
    await page.keyboard.press('Control+1');
    await expect.poll(() => shown(page)).toBe('root.ext4');
    await row(page, /^etc\b/).dblclick();
    await row(page, /^passwd/).locator('.entry').click();
    await page.keyboard.press('Control+w');
    await expect.poll(() => tabs(page)).toEqual(['disk.img.gz', 'mystery.bin']);
    await page.keyboard.press('Control+Shift+T');
    await row(page, /^passwd/).waitFor();
    await expect.poll(() => tabs(page)).toEqual(['root.ext4', 'disk.img.gz', 'mystery.bin']);
    expect(await here(page)).toBe('etc');
    await expect.poll(() => row(page, /^passwd/).getAttribute('aria-selected')).toBe('true');
    await page.keyboard.press('Control+Shift+PageDown');
    await expect.poll(() => tabs(page)).toEqual(['disk.img.gz', 'root.ext4', 'mystery.bin']);
    expect(await announced(page)).toContain('root.ext4 is now tab 2 of 3');
    await page.keyboard.press('Control+Tab');
    await expect.poll(() => shown(page)).toBe('mystery.bin');
    await page.keyboard.press('Control+9');
    await expect.poll(() => shown(page)).toBe('mystery.bin');
    await page.getByRole('tab', { name: 'disk.img.gz' }).click({ button: 'middle' });
    await expect.poll(() => tabs(page)).toEqual(['root.ext4', 'mystery.bin']);
    await page.getByRole('tab', { name: 'root.ext4' }).click({ button: 'right' });
    // By keyboard one reaches what can't be done now, and hears why; it runs nothing.
    const back = page.getByRole('menuitem', { name: 'Move image back' });
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await expect.poll(() => back.evaluate((element) => element === document.activeElement)).toBe(true);
    await expect.poll(() => back.getAttribute('aria-disabled')).toBe('true');
    const described = await back.getAttribute('aria-describedby');
    await expect.poll(() => page.locator(described!.split(' ').map((id) => `[id="${id}"]`).join(', ')).allInnerTexts()).toContain('It is the first one');
    await page.keyboard.press('Enter');
    await expect.poll(() => tabs(page)).toEqual(['root.ext4', 'mystery.bin']);
    await page.getByRole('menuitem', { name: 'Close other images' }).click();
    await expect.poll(() => tabs(page)).toEqual(['root.ext4']);
    await page.keyboard.press('Control+t');
    await expect.poll(() => shown(page)).toBe('Start');
    await page.getByRole('heading', { name: 'Drop a disk image here' }).waitFor();
    const focused = () => page.evaluate(() => document.activeElement?.className);
    await expect.poll(focused).toBe('drop-zone');
    await page.keyboard.press('Control+w');
    await expect.poll(() => shown(page)).toBe('root.ext4');
    await expect.poll(focused).toContain('grid-body');
    await page.getByRole('tab', { name: 'root.ext4' }).focus();
    await page.keyboard.press('Control+t');
    await expect.poll(focused).toBe('drop-zone');
    await page.keyboard.press('Control+w');
    await page.getByRole('button', { name: 'Start page' }).click();
    await expect.poll(focused).toBe('drop-zone');
    // Arrows in the strip stay in it; from a tab that is left by its keys the focus goes on to what is shown.
    await openImage(page, 'mystery.bin');
    await page.getByRole('tab', { name: 'mystery.bin' }).focus();
    await page.keyboard.press('ArrowLeft');
    await row(page, /^passwd/).waitFor();
    await page.waitForTimeout(150);
    await expect.poll(() => page.getByRole('tab', { name: 'root.ext4' }).evaluate((element) => element === document.activeElement)).toBe(true);
    await page.keyboard.press('Control+2');
    // Back before it has gone on, it is where it belongs: on the tab that is shown.
    await expect.poll(focused).not.toBe('tab');
    await page.keyboard.press('Control+1');
    await expect.poll(focused).toContain('grid-body');
  }, 60_000);

  test('what is open over a tab goes with it; where its list was scrolled to is found again', async () => {
    await open('', 'mystery.bin', 'root.ext4');
    await row(page, /^many/).dblclick();
    await row(page, /^file-000000/).waitFor();
    await page.keyboard.press('Control+l');
    await page.getByRole('textbox', { name: 'Path' }).waitFor();
    await page.keyboard.press('Control+Tab');
    await page.keyboard.press('Control+Tab');
    await expect.poll(() => shown(page)).toBe('root.ext4');
    await expect.poll(() => page.getByRole('textbox', { name: 'Path' }).count()).toBe(0);
    await page.getByRole('grid').focus();
    await page.keyboard.press('End');
    const far = page.locator('.grid-row.is-focused');
    await expect.poll(() => far.isVisible()).toBe(true);
    const name = await far.locator('.name').innerText();
    // From another image to another place of this one, and back.
    await page.keyboard.press('Control+1');
    await page.getByRole('navigation', { name: 'Images and volumes' }).getByRole('row', { name: /root\.ext4/ }).first().click();
    await expect.poll(() => here(page)).not.toBe('many');
    await page.keyboard.press('Alt+ArrowLeft');
    await expect.poll(() => here(page)).toBe('many');
    await expect.poll(() => page.getByRole('row', { name }).first().evaluate((element) => element.getBoundingClientRect().bottom <= innerHeight && element.getBoundingClientRect().top > 0)).toBe(true);
  }, 60_000);

  test('names of this computer’s files are shown without what acts in them', async () => {
    await open('');
    await page.keyboard.press('Control+o');
    await page.getByRole('dialog').getByRole('textbox').fill('/home/ada/fail\u202egmi.\u0007exe');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Open again' }).waitFor();
    const safe = 'fail\\u{202e}gmi.\\x07exe';
    await expect.poll(() => tabs(page)).toEqual([safe]);
    expect(await page.title()).toContain(safe);
    await expect.poll(() => page.locator('.tab-name').getAttribute('title')).toBe(`/home/ada/${safe}`);
    expect(await announced(page)).toContain(safe);
    const content = await page.content();
    for (const acting of ['\u202e', '\u0007']) expect(content).not.toContain(acting);
  }, 60_000);

  test('an image is open once: another try ends what the last one left', async () => {
    await open('', 'root.ext4');
    const held = () => page.evaluate(() => (globalThis as unknown as { fake: { open: Map<number, unknown> } }).fake.open.size);
    expect(await held()).toBe(1);
    await page.evaluate(() => (globalThis as unknown as { fake: { send(event: object): void } }).fake.send({ event: 'lost', image: 1, reason: 'gone' }));
    await page.getByRole('button', { name: 'Open again' }).click();
    await row(page, /^etc\b/).waitFor();
    expect(await held()).toBe(1);
  }, 60_000);

  test('the palette finds by letters, runs, goes to paths, and begins with what was used last', async () => {
    await open('', 'root.ext4');
    await row(page, /^etc\b/).waitFor();
    await page.keyboard.press('Control+Shift+P');
    await page.keyboard.type('hidf');
    await page.getByRole('menuitem', { name: 'Hidden files' }).waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await expect.poll(() => page.getByTestId('status-count').innerText()).toBe('31 items');
    await page.keyboard.press('Control+Shift+P');
    await expect.poll(() => page.getByRole('menuitem').first().innerText()).toContain('Hidden files');
    await page.keyboard.type('/etc/ssl');
    await page.keyboard.press('Enter');
    await expect.poll(() => here(page)).toBe('ssl');
    await page.keyboard.press('Control+Shift+P');
    await page.keyboard.type('next image');
    const next = page.getByRole('menuitem', { name: 'Next image' });
    await expect.poll(() => next.getAttribute('aria-disabled')).toBe('true');
    await expect.poll(() => next.innerText()).toContain('Only one image is open');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.keyboard.press('Control+Shift+P');
    await page.keyboard.type('disk.img');
    await page.keyboard.press('Enter');
    await page.getByRole('tab', { name: 'disk.img.gz' }).waitFor();
    await page.getByRole('listbox', { name: 'Partition map' }).waitFor();
    await page.keyboard.press('Control+Shift+P');
    await page.keyboard.type('volume system');
    await page.keyboard.press('Enter');
    await expect.poll(() => here(page)).toBe('system');
  }, 60_000);

  test('settings count at once; the theme overrides the system, as does the file when it is edited', async () => {
    await open('', 'root.ext4');
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    expect(await background()).toBe('rgb(255, 255, 255)');
    await page.keyboard.press('Control+,');
    await page.getByText('Dark', { exact: true }).click();
    expect(await background()).toBe('rgb(27, 29, 32)');
    await page.getByText('Light', { exact: true }).click();
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await background()).toBe('rgb(255, 255, 255)');
    // What is told while a choice of one's own is on its way is older than that.
    await expect.poll(() => page.evaluate(() => (globalThis as unknown as { fake: { settings(): { theme: string } } }).fake.settings().theme)).toBe('light');
    await page.evaluate(() => {
      const { fake } = globalThis as unknown as { fake: { send(event: object): void; settings(): object } };
      fake.send({ event: 'settings', settings: { ...fake.settings(), theme: 'system', hidden: true } });
    });
    await expect.poll(background).toBe('rgb(27, 29, 32)');
    await expect.poll(() => page.getByRole('checkbox', { name: 'Show hidden files' }).isChecked()).toBe(true);
  }, 60_000);

  test('a new page has the tabs of the last one where they were, and opens each when it is looked at', async () => {
    await open('', 'disk.img.gz', 'fail.img', 'root.ext4');
    await row(page, /^etc\b/).dblclick();
    await row(page, /^passwd/).waitFor();
    await page.waitForTimeout(600);
    await page.reload();
    await row(page, /^passwd/).waitFor();
    expect(await here(page)).toBe('etc');
    await expect.poll(() => tabs(page)).toEqual(['disk.img.gz', 'fail.img', 'root.ext4']);
    await expect.poll(() => page.evaluate(() => (globalThis as unknown as { fake: { open: Map<number, unknown> } }).fake.open.size)).toBe(1);
    await page.keyboard.press('Control+1');
    await page.getByRole('listbox', { name: 'Partition map' }).waitFor();
    await page.keyboard.press('Control+2');
    await page.getByRole('button', { name: 'Open again' }).waitFor();
  }, 60_000);

  test('the path: folders beside, completion, places before, and a middle that gives way', async () => {
    await open('', 'root.ext4');
    await row(page, /^etc\b/).dblclick();
    await row(page, /^passwd/).waitFor();
    await page.getByRole('button', { name: 'Folders beside etc' }).click();
    await page.getByRole('menuitemradio', { name: 'home' }).click();
    await expect.poll(() => here(page)).toBe('home');
    await page.keyboard.press('Control+l');
    const field = page.getByRole('textbox', { name: 'Path' });
    await field.fill('/et');
    await page.getByRole('option', { name: 'etc', exact: true }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await expect.poll(() => field.inputValue()).toBe('/etc/');
    await page.keyboard.type('ss');
    await page.getByRole('option', { name: 'ssl' }).waitFor();
    await page.keyboard.type('l');
    await page.keyboard.press('Enter');
    await expect.poll(() => here(page)).toBe('ssl');
    await page.getByRole('button', { name: 'Back' }).click({ button: 'right' });
    await expect.poll(() => page.getByRole('menuitem').allInnerTexts()).toEqual(['home', 'etc', 'root.ext4']);
    await page.getByRole('menuitem', { name: 'etc' }).click();
    await expect.poll(() => here(page)).toBe('etc');
    await page.getByRole('menu').waitFor({ state: 'detached' });
    await page.keyboard.press('Alt+ArrowRight');
    await expect.poll(() => here(page)).toBe('home');
    await page.keyboard.press('Alt+ArrowRight');
    await expect.poll(() => here(page)).toBe('ssl');
    await page.setViewportSize({ width: 400, height: 400 });
    await page.getByRole('button', { name: 'Folders above' }).click();
    await page.getByRole('menuitem', { name: 'etc' }).click();
    await expect.poll(() => here(page)).toBe('etc');
  }, 60_000);

  test('the sidebar: subvolumes, a menu by keyboard, a width that is kept, and a place over a narrow window', async () => {
    await open('', 'snapshots.img');
    const sidebar = page.getByRole('navigation', { name: 'Images and volumes' });
    const snapshot = sidebar.getByRole('row', { name: /2024-05-01/ });
    await expect.poll(() => snapshot.innerText()).toMatch(/Snapshot\s+read-only/);
    await snapshot.click();
    await expect.poll(() => here(page)).toContain('2024-05-01');
    await expect.poll(() => snapshot.getAttribute('aria-selected')).toBe('true');
    await page.keyboard.press('Shift+F10');
    await page.getByRole('menuitem', { name: 'Close image' }).waitFor();
    await page.keyboard.press('Escape');
    const edge = page.getByRole('separator', { name: 'Width of the sidebar' });
    const before = (await sidebar.boundingBox())!.width;
    await edge.focus();
    await page.keyboard.press('ArrowRight');
    await expect.poll(async () => Math.round((await sidebar.boundingBox())!.width)).toBe(Math.round(before) + 16);
    await page.setViewportSize({ width: 590, height: 370 });
    await sidebar.waitFor({ state: 'detached' });
    await page.keyboard.press('F9');
    await sidebar.getByRole('row', { name: /var/ }).click();
    await expect.poll(() => here(page)).toBe('var');
    await sidebar.waitFor({ state: 'detached' });
    await page.keyboard.press('F9');
    await sidebar.waitFor();
    await page.keyboard.press('Escape');
    await sidebar.waitFor({ state: 'detached' });
  }, 60_000);

  test('a native menu is told the commands, and again when they change', async () => {
    await open('?client=electron', 'root.ext4');
    await row(page, /^etc\b/).waitFor();
    const item = async (id: string) => (await fakeMenu(page))?.groups.flatMap(({ items }) => items).find((each) => each.id === id);
    await expect.poll(async () => (await item('extract'))?.enabled).toBe(true);
    expect(await item('extract')).toMatchObject({ label: 'Extract to…', keys: 'Mod+E' });
    expect((await item('hidden'))?.checked).toBe(false);
    await page.keyboard.press('Control+h');
    await expect.poll(async () => (await item('hidden'))?.checked).toBe(true);
    expect(await item('tab-1')).toBeUndefined();
  }, 60_000);

  test('from right to left the window is mirrored, and nothing reaches over its edge', async () => {
    await open('?dir=rtl', 'disk.img.gz');
    const sidebar = (await page.getByRole('navigation', { name: 'Images and volumes' }).boundingBox())!;
    expect(sidebar.x).toBeGreaterThan(600);
    expect((await page.getByRole('button', { name: 'Menu', exact: true }).boundingBox())!.x).toBeLessThan(60);
    await expect.poll(() => page.getByRole('button', { name: 'Back' }).locator('svg').evaluate((svg) => getComputedStyle(svg).transform)).toBe('matrix(-1, 0, 0, 1, 0, 0)');
    await expect.poll(() => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
  }, 60_000);
});
