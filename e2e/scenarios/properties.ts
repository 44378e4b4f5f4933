import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { run } from '../harness/processes.ts';
import { until } from '../harness/window.ts';
import { closeTab, row, type TestClient } from './client.ts';

const dialog = (page: Page) => page.getByRole('dialog');
const fact = (page: Page, label: string) => dialog(page).locator('dl.facts > div', { has: page.getByText(label, { exact: true }) }).locator('dd').first().innerText();
const side = (page: Page, name: string) => dialog(page).getByRole('tab', { name }).click();

/** What debugfs says of the file whose properties are looked at. */
interface Truth {
  readonly inode: string;
  readonly generation: string;
  /** Bytes on the device. */
  readonly start: number;
}

/** An image with a file of its own people: "letter.txt" of ada and the group writers, changed 123,456,789 nanoseconds after a second. */
function makeImage(folder: string, image: string): Truth {
  mkdirSync(join(folder, 'etc'), { recursive: true });
  mkdirSync(join(folder, 'box'));
  writeFileSync(join(folder, 'etc', 'passwd'), 'root:x:0:0::/root:/bin/sh\nada:x:4242:4343::/home/ada:/bin/sh\n');
  writeFileSync(join(folder, 'etc', 'group'), 'root:x:0:\nwriters:x:4343:\n');
  writeFileSync(join(folder, 'letter.txt'), 'x'.repeat(5000));
  for (let i = 0; i < 12; i++) writeFileSync(join(folder, 'box', `${i}.txt`), 'y'.repeat(100));
  writeFileSync(image, '');
  truncateSync(image, 16 << 20);
  run('mke2fs', ['-q', '-F', '-t', 'ext4', '-b', '4096', '-I', '256', '-L', 'people', '-U', '8f3c0a52-2222-4222-8333-0123456789ab', '-d', folder, image]);
  const script = `${image}.debugfs`;
  // Nanoseconds stand above the two lowest bits of the extra word.
  writeFileSync(script, ['set_inode_field letter.txt uid 4242', 'set_inode_field letter.txt gid 4343', 'set_inode_field letter.txt mode 0104640', 'set_inode_field letter.txt mtime @1700000000', `set_inode_field letter.txt mtime_extra ${123_456_789 * 4}`, 'ea_set letter.txt user.colour blue'].join('\n'));
  run('debugfs', ['-w', '-f', script, image]);
  const told = run('debugfs', ['-R', 'stat letter.txt', image]);
  return {
    inode: /Inode: (\d+)/.exec(told)![1]!, generation: /Generation: (\d+)/.exec(told)![1]!,
    start: Number(/^\(0-1\):(\d+)-\d+$/m.exec(told)![1]) * 4096,
  };
}

/** The clipboard's text, as a field gets it where it is pasted. */
async function pasted(page: Page): Promise<string> {
  await page.evaluate(() => {
    const field = document.createElement('textarea');
    field.id = 'pasted';
    document.body.append(field);
    field.focus();
  });
  await page.keyboard.press('Control+v');
  const field = page.locator('#pasted');
  await until(async () => expect(await field.inputValue()).not.toBe(''));
  const text = await field.inputValue();
  await field.evaluate((element) => element.remove());
  return text;
}

/** The properties of a file are what debugfs says of it, its owners have the names of the image's own passwd; a folder is counted; a volume is described. */
export async function showsProperties(client: TestClient, folder: string): Promise<void> {
  const { page } = client;
  mkdirSync(folder, { recursive: true });
  const image = join(folder, 'people.img');
  const truth = makeImage(join(folder, 'tree'), image);
  await client.open(image);
  await row(page, /^letter\.txt/).locator('.entry').click();
  await page.keyboard.press('Alt+Enter');
  await side(page, 'General');
  expect(await fact(page, 'Path')).toBe('/letter.txt');
  expect(await fact(page, 'Size')).toBe('4.88 KiB (5,000 bytes)');
  expect(await fact(page, 'Owner')).toBe('ada (4242)');
  expect(await fact(page, 'Group')).toBe('writers (4343)');
  expect(await fact(page, 'Mode')).toBe('-rwSr-----, 4640');
  expect(await fact(page, 'Inode')).toBe(truth.inode);
  expect(await fact(page, 'Modified')).toMatch(/^2023-11-1[45] \d\d:\d\d:20\.123456789 [+-]\d\d:\d\d$/);
  await side(page, 'Attributes');
  await dialog(page).getByText('user.colour').waitFor();
  await dialog(page).getByText('blue', { exact: true }).waitFor();
  await side(page, 'Extents');
  const start = String(truth.start).replace(/\B(?=(\d{3})+$)/g, ',');
  await dialog(page).getByRole('row', { name: `0 ${start} 8,192 data` }).waitFor();
  await dialog(page).getByRole('img', { name: /1 piece on the device, 1 extent\./ }).waitFor();
  await side(page, 'Details');
  expect(await fact(page, 'Generation')).toBe(truth.generation);
  expect(await fact(page, 'Checksum')).toMatch(/^0x[\da-f]+, matches$/);
  await dialog(page).getByRole('button', { name: 'Copy as text' }).click();
  await page.keyboard.press('Escape');
  await dialog(page).waitFor({ state: 'detached' });
  const text = await pasted(page);
  expect(text).toMatch(/^Properties of letter\.txt\n=+\n/);
  expect(text).toMatch(/^Owner +ada \(4242\)$/m);
  expect(text).toMatch(/^Modified +2023-11-1[45] .*\.123456789 /m);
  expect(text).toMatch(new RegExp(`^ *0 +${truth.start} +8192 +data$`, 'm'));
  expect(text).toMatch(new RegExp(`^Generation +${truth.generation}$`, 'm'));

  await row(page, /^box/).locator('.entry').click();
  await page.keyboard.press('Alt+Enter');
  await until(async () => expect(await fact(page, 'Holds')).toBe('12 files, 1 folder'));
  expect(await fact(page, 'Path')).toBe('/box');
  await dialog(page).getByRole('button', { name: 'Volume properties' }).click();
  await until(async () => expect(await fact(page, 'UUID')).toBe('8f3c0a52-2222-4222-8333-0123456789ab'));
  await side(page, 'Features');
  expect(await fact(page, 'extent')).toBe('incompat, supported: files mapped by extents');
  await page.keyboard.press('Escape');
  await dialog(page).waitFor({ state: 'detached' });
  await closeTab(page, 'people.img');
}
