import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { TREE_TIME } from '../harness/image.ts';
import { shot, until } from '../harness/window.ts';
import { row, showPreview, startExtraction, type TestClient } from './client.ts';

/** What every client of the contract must manage: browse, preview, extract. `page` shows the root of makeTree's image. */

/** The image's root is listed, folders first, names in natural order, hidden files left out, hostile names escaped. */
export async function showsRoot(page: Page): Promise<void> {
  await row(page, /readme\.txt/).waitFor();
  const names = await page.getByRole('grid').getByRole('row').allInnerTexts();
  const order = (name: string): number => names.findIndex((text) => text.includes(name));
  expect(order('docs')).toBeGreaterThan(0);
  expect(order('docs')).toBeLessThan(order('readme.txt'));
  expect(order('file1.txt')).toBeLessThan(order('file9.txt'));
  expect(order('file9.txt')).toBeLessThan(order('file10.txt'));
  expect(names.some((text) => text.includes('.hidden'))).toBe(false);
  const all = names.join('\n');
  expect(all).toContain('line\\x0abreak \\u{202e}fdp.exe');
  expect(all).not.toContain('\u202E');
}

/** Three levels down by keyboard and mouse, a text previewed, then back up with the selection restored. */
export async function browsesAndPreviews(page: Page): Promise<void> {
  await row(page, /^docs/).dblclick();
  await row(page, /letters/).waitFor();
  await row(page, /letters/).locator('.entry').click();
  await page.keyboard.press('Enter');
  await row(page, /2023/).waitFor();
  await row(page, /2023/).dblclick();
  await row(page, /to-grandmother/).waitFor();
  await row(page, /to-grandmother/).locator('.entry').click();
  await showPreview(page);
  await page.getByText('Dear grandmother,').waitFor();
  await page.keyboard.press('Alt+ArrowUp');
  await row(page, /2023/).waitFor();
  await page.keyboard.press('Alt+ArrowLeft');
  await row(page, /to-grandmother/).waitFor();
  await page.keyboard.press('Control+l');
  await page.getByRole('textbox', { name: 'Path' }).fill('/pictures');
  await page.keyboard.press('Enter');
  await row(page, /gradient\.png/).locator('.entry').click();
  await page.getByRole('img', { name: /gradient/ }).waitFor();
  await page.getByText('96 × 64').waitFor();
  await shot(page, `preview-${process.env['CLUTCH_E2E_CLIENT'] ?? 'client'}`);
  await page.keyboard.press('Alt+ArrowUp');
  await row(page, /readme\.txt/).waitFor();
  await page.keyboard.press('Control+h');
  await row(page, /\.hidden/).waitFor();
  await page.keyboard.press('Control+h');
  await page.getByRole('row', { name: /\.hidden/ }).waitFor({ state: 'detached' });
}

/** Extracts everything with Ctrl+A, Ctrl+E and compares with the source tree. */
export async function extractsAll(client: TestClient, source: string, target: string): Promise<void> {
  const { page } = client;
  await page.keyboard.press('Control+h');
  await row(page, /\.hidden/).waitFor();
  await page.getByRole('grid').focus();
  await page.keyboard.press('Control+a');
  await startExtraction(client, target);
  await until(() => expect(existsSync(join(target, 'sparse.img'))).toBe(true));
  await page.getByText(/extracted \d+ files/).first().waitFor();
  comparesTo(source, target);
}

/** Every entry of the source is in the target: type, mode, size, content, link target, times, hard links, holes. */
export function comparesTo(source: string, target: string): void {
  const inodes = new Map<number, number>();
  const walk = (relative: string): void => {
    const a = lstatSync(join(source, relative));
    const b = lstatSync(join(target, relative));
    expect({ path: relative, mode: b.mode, uid: b.uid, gid: b.gid }).toEqual({ path: relative, mode: a.mode, uid: a.uid, gid: a.gid });
    if (relative !== '') expect({ path: relative, mtime: b.mtimeMs / 1000 }).toEqual({ path: relative, mtime: TREE_TIME });
    if (a.isDirectory()) {
      const names = readdirSync(join(source, relative)).toSorted();
      expect(readdirSync(join(target, relative)).filter((name) => name !== 'lost+found').toSorted()).toEqual(names);
      for (const name of names) walk(join(relative, name));
    } else if (a.isSymbolicLink()) {
      expect(readlinkSync(join(target, relative))).toBe(readlinkSync(join(source, relative)));
    } else {
      expect(readFileSync(join(target, relative)).equals(readFileSync(join(source, relative)))).toBe(true);
      if (a.nlink > 1) {
        expect(b.nlink).toBe(a.nlink);
        expect(inodes.get(a.ino) ?? b.ino).toBe(b.ino);
        inodes.set(a.ino, b.ino);
      }
      if (a.blocks * 512 < a.size / 2) expect(b.blocks * 512).toBeLessThan(a.size / 2);
    }
  };
  for (const name of readdirSync(source)) walk(name);
}

/** No process of ours that names `marker` in its command line is left. */
export function nothingLeft(marker: string): void {
  const lines = execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' }).split('\n').filter((line) => line.includes(marker) && !line.includes('ps -eo'));
  expect(lines).toEqual([]);
}
