import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { scratch } from './harness/image.ts';
import { endAll } from './harness/processes.ts';
import { CHROMIUM, type Served, shot, startServed } from './harness/window.ts';
import { nothingLeft, showsRoot } from './scenarios/browse.ts';
import { closeTab, type TestClient } from './scenarios/client.ts';
import { everyClient } from './scenarios/index.ts';

const images = inject('images');
const why = inject('why') ?? (existsSync(CHROMIUM) ? undefined : 'needs Chromium');

describe.skipIf(why !== undefined)(`the window in a browser${why ? ` (${why})` : ''}`, () => {
  const folder = scratch('browser');
  let served: Served;
  let client: TestClient;

  beforeAll(async () => {
    process.env['CLUTCH_E2E_CLIENT'] = 'browser';
    served = await startServed(join(folder, 'settings'), [images!.holiday]);
    const { page } = served;
    client = {
      name: 'browser', page, settingsFile: join(folder, 'settings', 'clutch', 'settings.json'),
      async open(image) {
        await page.keyboard.press('Control+o');
        await page.getByRole('dialog').getByRole('textbox').fill(image);
        await page.keyboard.press('Enter');
      },
      choose: (target) => page.getByRole('dialog').getByRole('textbox').fill(target),
      async put(path) {
        await served.page.keyboard.press('Control+i');
        const dialog = served.page.getByRole('dialog', { name: 'Copy into this folder' });
        await dialog.getByRole('textbox').fill(path);
        await dialog.getByRole('button', { name: 'Copy', exact: true }).click();
        await dialog.waitFor({ state: 'detached' });
      },
      async chooseByKeys(target) {
        const field = page.getByRole('dialog').getByRole('textbox');
        for (let i = 0; i < 20 && !(await field.evaluate((each) => each === document.activeElement)); i++) await page.keyboard.press('Tab');
        await page.keyboard.press('Control+a');
        await page.keyboard.type(target);
      },
    };
  });

  afterAll(async () => {
    await served?.close();
    endAll();
    nothingLeft(folder);
    rmSync(folder, { recursive: true, force: true });
  });

  it('opens the images that the command line names', async () => {
    await showsRoot(served.page);
    await shot(served.page, 'browser-root');
    await closeTab(served.page, 'holiday.img');
  });

  describe('like every client', () => {
    if (images) everyClient(() => client, images, folder);
  });

  it('lets nobody in without the token, and nobody twice', async () => {
    const { url } = served;
    const { origin } = new URL(url);
    expect((await fetch(url)).status).toBe(403);
    expect((await fetch(origin)).status).toBe(403);
  });
});
