import { expect } from 'vitest';
import { shot } from '../harness/window.ts';
import { closeTab, row, type TestClient } from './client.ts';

/** A whole disk, compressed: its sentence, its map and its list, into a volume and back out. `image` is makeDisk's. */
export async function showsDisk(client: TestClient, image: string, name: string): Promise<void> {
  const { page } = client;
  await client.open(image);
  const sentence = page.getByRole('heading', { level: 1 });
  await expect.poll(() => sentence.innerText(), { timeout: 15_000 }).toMatch(/^gzip › GPT › .*ext4 \(clean\)/);
  const map = page.getByRole('listbox', { name: 'Partition map' });
  const slices = map.getByRole('option');
  const table = /^Partition table, /;
  const labels = await slices.evaluateAll((all) => all.map((each) => each.getAttribute('aria-label') ?? ''));
  expect(labels.filter((label) => !table.test(label))).toEqual(['Unallocated, 0.98 MiB', '1: holiday, ext4, 48.0 MiB, clean, 17 % used', '2: mystery, Unknown, 16.0 MiB, can’t be opened yet', 'Unallocated, 31.0 MiB']);
  // GPT's header and entries at both ends, the protective MBR before them.
  expect(labels.filter((label) => table.test(label))).toHaveLength(2);
  const widthOf = async (title: RegExp): Promise<number> => (await slices.filter({ hasText: title }).boundingBox())!.width;
  expect(await widthOf(/holiday/) / await widthOf(/mystery/)).toBeCloseTo(3, 0);
  const list = page.getByRole('grid', { name: 'Volumes' });
  const listed = await list.getByRole('row').allInnerTexts();
  expect(listed).toHaveLength(5);
  expect(listed[2]).toMatch(/holiday[\s\S]*ext4[\s\S]*48\.0 MiB/);
  expect(listed[3]).toMatch(/mystery[\s\S]*Unknown/);
  expect(listed[4]).toMatch(/Unallocated[\s\S]*31\.0 MiB/);
  await shot(page, `${client.name}-disk`);

  // Choosing in one chooses in both.
  await slices.filter({ hasText: /mystery/ }).click();
  await expect.poll(() => list.getByRole('row', { name: /mystery/ }).getAttribute('aria-selected')).toBe('true');
  await page.keyboard.press('Enter');
  await page.getByText('Nothing known was found in these bytes').waitFor();
  await page.getByRole('heading', { name: 'First bytes' }).waitFor();
  await page.keyboard.press('Alt+ArrowLeft');
  await list.getByRole('row', { name: /holiday/ }).dblclick();
  await row(page, /readme\.txt/).waitFor();
  await row(page, /^docs/).dblclick();
  await row(page, /letters/).waitFor();
  await page.keyboard.press('Alt+ArrowUp');
  await row(page, /readme\.txt/).waitFor();
  await page.keyboard.press('Alt+ArrowUp');
  await map.waitFor();
  await closeTab(page, name);
}
