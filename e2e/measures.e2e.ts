import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type Display, startDisplay } from './harness/display.ts';
import { makeImage, scratch } from './harness/image.ts';
import { has } from './harness/processes.ts';
import { dropFiles, startElectron } from './harness/window.ts';
import { arm, read, tell } from './measures/clock.ts';
import { closeTab } from './scenarios/client.ts';

const images = inject('images');
const why = inject('why') ?? (has('Xvfb') ? undefined : 'needs Xvfb');

/** How often each is done; the median counts. */
const ROUNDS = 5;

/** What people wait for, in the real Electron. Figures are printed, not judged: a busy machine is no fault of the program. */
describe.skipIf(why !== undefined)(`waiting${why ? ` (${why})` : ''}`, () => {
  const folder = scratch('measures');
  let display: Display;
  beforeAll(async () => {
    display = await startDisplay();
  });
  afterAll(() => {
    display?.end();
    rmSync(folder, { recursive: true, force: true });
  });

  it('from the start of the program to a window that can be used', async () => {
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const { app, page, close } = await startElectron(display, join(folder, `start-${round}`));
      try {
        await page.waitForFunction(() => performance.getEntriesByName('clutch:usable').length > 0);
        const usable = await page.evaluate(() => performance.timeOrigin + performance.getEntriesByName('clutch:usable')[0]!.startTime);
        const created = await app.evaluate(() => process.getCreationTime());
        times.push(usable - created!);
        await page.getByRole('button', { name: /Open image/ }).first().click({ trial: true });
      } finally {
        await close();
      }
    }
    tell('start to a usable window', times, '1,500 ms');
    expect(times).toHaveLength(ROUNDS);
  });

  it('from the drop of an ext4 image of 1 GiB to its listing', async () => {
    const image = join(folder, 'gibibyte.img');
    makeImage(images!.tree, image, 1024);
    const { page, close } = await startElectron(display, join(folder, 'drop'));
    const times: number[] = [];
    try {
      for (let round = 0; round < ROUNDS; round++) {
        // As after the last image a person has taken a look, and found the next.
        await page.waitForTimeout(2500);
        await arm(page, 'drop', '.grid [role=row]', 'readme.txt');
        await dropFiles(page, [image]);
        times.push(await read(page));
        await closeTab(page, 'gibibyte.img');
      }
    } finally {
      await close();
    }
    tell('drop of a 1 GiB ext4 to its listing', times, '200 ms');
    expect(times).toHaveLength(ROUNDS);
  });
});
