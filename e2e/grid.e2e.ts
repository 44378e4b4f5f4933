import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { makeCrowded } from './harness/crowded.ts';
import { startDisplay } from './harness/display.ts';
import { scratch } from './harness/image.ts';
import { endAll, has } from './harness/processes.ts';
import { CHROMIUM, startElectron, startServed } from './harness/window.ts';
import { arm, read, tell } from './measures/clock.ts';
import { dragBar, startSampling, stopSampling, throwTo } from './measures/grid.ts';
import { row } from './scenarios/client.ts';

const why = inject('why');

/** Entries of the folder, and how often it is opened; the first time counts apart, in a process that never sorted anything. */
const COUNT = 100_000;
const ROUNDS = 5;

/** Milliseconds between two frames that tell of a machine that is busy with other things. */
const BUSY = 500;

const folder = scratch('grid');
const image = join(folder, 'crowded.img');
let noImage: string | undefined = why;
if (noImage === undefined) {
  try {
    makeCrowded(image, COUNT);
  } catch (error) {
    noImage = `needs mount: ${(error as Error).message.split('\n')[0]}`;
  }
}

afterAll(() => {
  endAll();
  rmSync(folder, { recursive: true, force: true });
});

const CLIENTS = [
  {
    name: 'Electron', missing: has('Xvfb') ? undefined : 'needs Xvfb',
    async open() {
      const display = await startDisplay();
      const desktop = await startElectron(display, join(folder, 'electron'), [image]);
      return { page: desktop.page, close: async () => { await desktop.close(); display.end(); } };
    },
  },
  { name: 'Chromium', missing: existsSync(CHROMIUM) ? undefined : 'needs Chromium', open: () => startServed(join(folder, 'chromium'), [image]) },
];

/** Two clicks as fast as a hand is: 120 ms apart. */
async function doubleClick(page: Page, target: Locator): Promise<void> {
  const box = (await target.boundingBox())!;
  const [x, y] = [box.x + 60, box.y + box.height / 2];
  await page.mouse.click(x, y);
  await page.waitForTimeout(120);
  await page.mouse.click(x, y, { clickCount: 2 });
}

/** Times are printed, not judged: a busy machine is no fault of the program. */
describe.each(CLIENTS)('a folder of 100,000 entries in $name', ({ name, missing, open }) => {
  const reason = noImage ?? missing;
  let page: Page;
  let close: () => Promise<void>;
  beforeAll(async () => {
    if (reason !== undefined) return;
    const opened = await open();
    page = opened.page;
    close = () => opened.close();
    await row(page, /^many/).waitFor();
  });
  afterAll(() => close?.());

  it.skipIf(reason !== undefined)(`shows its first rows soon after the click, in any order${reason ? ` (${reason})` : ''}`, async () => {
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      await arm(page, 'dblclick', '.grid [role=row]', 'file-7.txt');
      await doubleClick(page, row(page, /^many/));
      times.push(await read(page));
      await page.keyboard.press('Alt+ArrowUp');
      await row(page, /^many/).waitFor();
    }
    tell(`${name}: double click on a folder of 100,000 to its first rows, the very first time`, times.slice(0, 1), '100 ms');
    tell(`${name}: the same once more`, times.slice(1), '100 ms');
    await row(page, /^many/).dblclick();
    await row(page, /^file-7\.txt/).waitFor();
    const sortBy = (column: string) => page.getByRole('columnheader', { name: column }).getByRole('button').click();
    await sortBy('Size');
    await row(page, /^file-1\.txt/).waitFor();
    // The rows that come first then: the largest, the oldest after the first, and the second name.
    for (const [column, first] of [['Size', 'file-37700.txt'], ['Modified', 'file-7919.txt'], ['Name', 'file-2.txt']] as const) {
      await arm(page, 'click', '.grid [role=row]', first);
      await sortBy(column);
      tell(`${name}: sorted by ${column}`, [await read(page)], '300 ms');
    }
    expect(await page.getByTestId('status-count').innerText()).toBe('100,000 items');
  });

  it.skipIf(reason !== undefined)(`scrolls without a blank frame${reason ? ` (${reason})` : ''}`, async () => {
    const box = (await page.getByRole('grid').boundingBox())!;
    await page.getByRole('grid').focus();
    await page.keyboard.press('Home');
    const look = async (what: string, act: () => Promise<unknown>): Promise<void> => {
      await startSampling(page);
      await act();
      const { count, blank, longest } = await stopSampling(page);
      console.log(`measured: ${name}: ${what}: ${blank} of ${count} frames blank, the longest ${Math.round(longest)} ms`);
      // A machine that stands still for so long may be late with rows, too.
      if (longest < BUSY) expect(blank, what).toBe(0);
    };
    await look('the wheel', async () => {
      await page.mouse.move(box.x + 200, box.y + 200);
      for (let i = 0; i < 100; i++) await page.mouse.wheel(0, 300);
    });
    await look('Page Down held', async () => { for (let i = 0; i < 100; i++) await page.keyboard.press('PageDown'); });
    await look('the bar dragged over everything in 3 s', () => dragBar(page, 3000));
    const frames: number[] = [];
    await look('the bar thrown', async () => { for (const part of [0.5, 0.1, 0.93, 0.31, 0.77, 0.02]) frames.push(await throwTo(page, part)); });
    console.log(`measured: ${name}: frames until a thrown bar shows the rows of its place: ${frames.join(', ')}; aim 2`);
    // Few rows are in the page, whatever the folder holds.
    expect(await page.getByRole('grid').getByRole('row').count()).toBeLessThan(100);
  });

  it.skipIf(reason !== undefined)(`keeps little of it in memory${reason ? ` (${reason})` : ''}`, async () => {
    const heap = await page.evaluate(() => (performance as unknown as { memory?: { usedJSHeapSize: number } }).memory?.usedJSHeapSize);
    console.log(`measured: ${name}: the page's heap after all that: ${heap === undefined ? 'unknown' : `${Math.round(heap / 2 ** 20)} MiB`}`);
    expect(heap ?? 0).toBeLessThan(256 * 2 ** 20);
  });
});
