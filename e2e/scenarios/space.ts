import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { shot } from '../harness/window.ts';
import { closeTab, row, tab, type TestClient } from './client.ts';

/** Everything in a folder that is no folder. */
function filesIn(folder: string): number {
  return readdirSync(folder).reduce((sum, name) => sum + (lstatSync(join(folder, name)).isDirectory() ? filesIn(join(folder, name)) : 1), 0);
}

/** Goes by keyboard and pointer through what takes the space, and from there to the list. `image` is makeImage's of makeTree's `tree`. */
export async function showsSpace(client: TestClient, image: string, name: string, tree: string): Promise<void> {
  const { page } = client;
  const { keyboard } = page;
  await client.open(image);
  await tab(page, name).waitFor();
  await row(page, /^docs/).waitFor();
  await page.getByRole('grid').focus();
  await keyboard.press('Alt+s');
  const space = page.getByRole('region', { name: 'Space' });
  const list = space.getByRole('treegrid', { name: /Largest first/ });
  await space.getByText(`in ${filesIn(tree)} files and `).waitFor();
  await shot(page, `${client.name}-space`);
  // The list has the focus: what is chosen in it is chosen in the map.
  await keyboard.press('Home');
  const lines = await list.getByRole('row').allInnerTexts();
  const at = lines.findIndex((text) => /^docs\b/.test(text.trim()));
  for (let i = 0; i < at; i++) await keyboard.press('ArrowDown');
  await expect.poll(() => list.getByRole('row', { selected: true }).innerText()).toContain('docs');
  await expect.poll(() => space.locator('.tile.is-chosen .tile-name').allInnerTexts()).toEqual(['docs']);
  await keyboard.press('Enter');
  await space.getByRole('heading', { name: 'Space in docs' }).waitFor();
  await keyboard.press('Backspace');
  await space.getByRole('heading', { name: `Space in ${name}` }).waitFor();
  await expect.poll(() => list.getByRole('row', { selected: true }).innerText()).toContain('docs');
  await keyboard.press('Alt+Enter');
  await page.getByRole('dialog', { name: /docs/ }).waitFor();
  await keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await list.getByRole('row', { selected: true }).focus();
  await keyboard.press('Alt+l');
  await expect.poll(() => page.getByRole('grid').getByRole('row', { selected: true }).innerText()).toContain('docs');
  await closeTab(page, name);
}
