import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect } from 'vitest';
import { HOSTILE } from '../harness/disks.ts';
import { shot, until } from '../harness/window.ts';
import { comparesTo } from './browse.ts';
import { closeTab, dismissAll, row, startExtraction, tab, type TestClient } from './client.ts';

const NAMES = ['file1.txt', 'file9.txt', 'file10.txt'] as const;

/** Milliseconds from the click to the answer that no machine is too busy for; what it really takes is printed. */
const CANCELLED_WITHIN = 5000;

/** Extracts thousands of small files and compares them with the tree that the image was made of. */
export async function extractsCrowd(client: TestClient, image: string, name: string, tree: string, folder: string): Promise<void> {
  const { page } = client;
  mkdirSync(folder);
  await client.open(image);
  await tab(page, name).waitFor();
  await row(page, /^folder-29/).waitFor();
  await page.getByRole('grid').focus();
  await page.keyboard.press('Control+a');
  await startExtraction(client, folder);
  await page.getByText(/extracted 1,800 files/).first().waitFor();
  comparesTo(tree, folder);
  await dismissAll(page);
  await closeTab(page, name);
}

/** Extracts the same three files again and again into one folder. `image` is makeImage's of makeTree's. */
export async function settlesConflicts(client: TestClient, image: string, name: string, folder: string): Promise<void> {
  const { page } = client;
  mkdirSync(folder);
  for (const each of NAMES) writeFileSync(join(folder, each), `here before: ${each}`);
  await client.open(image);
  await tab(page, name).waitFor();
  await row(page, /^file1\.txt/).locator('.entry').click();
  for (const each of NAMES.slice(1)) await row(page, new RegExp(`^${each.replace('.', '\\.')}`)).locator('.entry').click({ modifiers: ['Control'] });
  const conflict = page.getByRole('alertdialog', { name: 'This name is taken' });
  const contents = (): Record<string, string> => Object.fromEntries(readdirSync(folder).map((each) => [each, readFileSync(join(folder, each), 'utf8')]));
  const before = Object.fromEntries(NAMES.map((each) => [each, `here before: ${each}`]));

  // Skip, for all: nothing changes.
  await startExtraction(client, folder);
  await conflict.waitFor();
  await shot(page, `${client.name}-conflict`);
  const focused = await conflict.evaluate((dialog) => (dialog.contains(document.activeElement) ? document.activeElement?.textContent : 'outside'));
  expect(focused).toBe('Keep both');
  expect(await conflict.locator('.is-primary').allInnerTexts()).toEqual(['Keep both']);
  await conflict.getByText('Do this for all').click();
  await conflict.getByRole('button', { name: 'Skip', exact: true }).click();
  await page.getByText(/extracted 0 files, .*3 skipped/).first().waitFor();
  expect(contents()).toEqual(before);
  await dismissAll(page);

  // Keep both, for all, by Enter alone: what was there stays, what comes is beside it.
  await startExtraction(client, folder);
  await conflict.waitFor();
  await conflict.getByText('Do this for all').click();
  await conflict.getByRole('button', { name: 'Keep both' }).press('Enter');
  await page.getByText(/extracted 3 files/).first().waitFor();
  const both = contents();
  expect(Object.keys(both)).toHaveLength(6);
  expect(both).toMatchObject(before);
  expect(Object.entries(both).filter(([each]) => !(each in before)).map(([, text]) => text).toSorted()).toEqual([...NAMES].toSorted());
  await dismissAll(page);

  // Replace one, stop at the next: the one is replaced, the others stay.
  await startExtraction(client, folder);
  await conflict.waitFor();
  const first = await conflict.locator('.conflict-path').innerText();
  await conflict.getByRole('button', { name: 'Replace', exact: true }).click();
  await expect.poll(() => conflict.locator('.conflict-path').innerText()).not.toBe(first);
  await conflict.getByRole('button', { name: 'Stop' }).click();
  await page.getByText(/cancelled after 1 file,/).first().waitFor();
  const replaced = NAMES.find((each) => first.endsWith(each))!;
  expect(contents()).toEqual({ ...both, [replaced]: replaced });
  await dismissAll(page);
  await closeTab(page, name);
}

/** Cancels the extraction of a file that takes seconds. `image` is makeBig's. */
export async function cancelsAtOnce(client: TestClient, image: string, name: string, folder: string): Promise<number> {
  const { page } = client;
  mkdirSync(folder);
  await client.open(image);
  await row(page, /^big\.bin/).locator('.entry').click();
  await startExtraction(client, folder);
  const panel = page.getByRole('region', { name: 'Transfers' });
  const item = panel.getByRole('listitem', { name: 'big.bin' }).first();
  // Under way: some of it is written, and the panel says how much of how much.
  await item.getByText(/[\d.]+ [KMG]iB of 1\.50 GiB/).waitFor();
  await shot(page, `${client.name}-transfer`);
  const took = await item.evaluate((element) => new Promise<number>((resolve) => {
    const state = element.querySelector('.transfer-state')!;
    const start = performance.now();
    new MutationObserver((_changes, observer) => {
      if (state.textContent !== 'Cancelled') return;
      observer.disconnect();
      resolve(performance.now() - start);
    }).observe(element, { subtree: true, childList: true, characterData: true });
    element.querySelector<HTMLElement>('[aria-label="Cancel big.bin"]')!.click();
  }));
  expect(took).toBeLessThan(CANCELLED_WITHIN);
  expect(readdirSync(folder)).toEqual([]);
  await page.getByText(/big\.bin: cancelled/).first().waitFor();
  await dismissAll(page);
  await panel.getByRole('button', { name: 'Clear finished' }).click();
  await closeTab(page, name);
  return took;
}

/** Shows names that mean harm as text, and extracts them as names, never as paths. `image` is makeHostile's. */
export async function bearsHostileNames(client: TestClient, image: string, name: string, folder: string): Promise<void> {
  const { page } = client;
  mkdirSync(folder, { recursive: true });
  await client.open(image);
  await row(page, /onerror/).waitFor();
  await shot(page, `${client.name}-hostile`);
  const shown = (await page.getByRole('grid').getByRole('row').allInnerTexts()).join('\n');
  expect(shown).toContain('<img src=x onerror=document.title=1>.html');
  expect(shown).toContain('tab\\x09and\\x1b[31mred');
  expect(shown).toContain('a\\u{202e}gnp.exe');
  expect(shown).toContain('latin-\\xe9\\xff');
  for (const raw of ['\u001B', '\u202E', '\u200B']) expect(shown).not.toContain(raw);
  expect(await page.locator('.grid img').count()).toBe(0);
  expect(await page.title()).not.toBe('1');
  await page.getByRole('grid').focus();
  await page.keyboard.press('Control+a');
  await startExtraction(client, folder);
  await page.getByText(/extracted \d+ files/).first().waitFor();
  await until(() => expect(readdirSync(folder)).toEqual(expect.arrayContaining([...HOSTILE])));
  const raw = readdirSync(folder, { encoding: 'buffer' }).map((each) => each.toString('latin1'));
  expect(raw).toContain('latin-\xe9\xff');
  // The forged entry "../escape.txt" is noted as damage; nothing is written beside the folder.
  expect(readdirSync(join(folder, '..'))).toEqual([basename(folder)]);
  await page.locator('.image-head').getByText('1 note').waitFor();
  await dismissAll(page);
  await closeTab(page, name);
}
