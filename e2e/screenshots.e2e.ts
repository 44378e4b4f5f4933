import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import { describe, expect, inject, it } from 'vitest';
import { startDisplay } from './harness/display.ts';
import { scratch } from './harness/image.ts';
import { makeLaptop } from './harness/laptop.ts';
import { has } from './harness/processes.ts';
import { ROOT, startElectron } from './harness/window.ts';
import { row, showPreview } from './scenarios/client.ts';
import { unlock } from './scenarios/editing.ts';
import { noMount } from './scenarios/mounts.ts';

const why = process.env['CLUTCH_SCREENSHOTS'] !== '1' ? 'only for scripts/screenshots.mjs' : inject('why') ?? (has('Xvfb') ? undefined : 'needs Xvfb');

describe.skipIf(why !== undefined)(`the pictures of the documentation${why ? ` (${why})` : ''}`, () => {
  it('are taken of the real window', async () => {
    await withLaptop(async (page) => {
      const volumes = page.getByRole('grid', { name: 'Volumes' });
      await volumes.getByRole('row', { name: /^home|home/ }).click();
      await page.emulateMedia({ colorScheme: 'dark' });
      await page.screenshot({ path: join(ROOT, 'docs/window-dark.png') });

      await page.emulateMedia({ colorScheme: 'light' });
      await volumes.getByRole('row', { name: /home/ }).dblclick();
      await row(page, /^ada/).dblclick();
      await row(page, /^plum-cake\.md/).locator('.entry').click();
      await showPreview(page);
      await page.getByText('Halve the plums').waitFor();
      await page.mouse.move(700, 720);
      await page.screenshot({ path: join(ROOT, 'docs/window.png') });

      // What a file is, down to the nanosecond and the extent.
      await page.keyboard.press('Alt+p');
      await row(page, /^backup\.tar\.gz/).locator('.entry').click();
      await page.keyboard.press('Alt+Enter');
      await page.getByRole('dialog').getByRole('tab', { name: 'General' }).waitFor();
      await page.screenshot({ path: join(ROOT, 'docs/properties.png') });
      await page.keyboard.press('Escape');

      // Where the space goes.
      await page.keyboard.press('Alt+ArrowUp');
      await row(page, /^ada/).waitFor();
      await page.keyboard.press('Alt+s');
      await page.getByRole('region', { name: 'Space' }).getByText(/in \d+ files and /).waitFor();
      await page.screenshot({ path: join(ROOT, 'docs/space.png') });

      // What each byte means.
      await page.keyboard.press('Alt+b');
      await page.getByRole('grid', { name: /^Bytes of/ }).waitFor();
      await page.keyboard.press('Control+g');
      await page.getByRole('textbox', { name: 'Go to offset' }).fill('0x418');
      await page.keyboard.press('Enter');
      await page.locator('.hex-byte[data-at="1048"]').hover();
      await page.getByRole('tooltip').waitFor();
      await page.emulateMedia({ colorScheme: 'dark' });
      await page.waitForTimeout(300);
      await page.screenshot({ path: join(ROOT, 'docs/bytes.png') });
    });
  });

  it.skipIf(noMount !== undefined)(`and with a volume that other programs use${noMount ? ` (${noMount})` : ''}`, async () => {
    await withLaptop(async (page) => {
      const volumes = page.getByRole('grid', { name: 'Volumes' });
      await volumes.getByRole('row', { name: /home/ }).dblclick();
      await row(page, /^ada/).dblclick();
      await row(page, /^plum-cake\.md/).waitFor();
      await unlock(page);
      await page.getByRole('button', { name: 'Mount', exact: true }).click();
      const bar = page.getByRole('region', { name: 'Mount of home' });
      await bar.waitFor();
      const at = await bar.locator('.mount-at').innerText();
      await promisify(execFile)('/bin/sh', ['-euc', 'cd "$1/ada"; tar cf /dev/null .; cp plum-cake.md plum-cake-by-grandmother.md; cd /; sync -f "$1"', 'sh', at], { timeout: 60_000, killSignal: 'SIGKILL' });
      await row(page, /^plum-cake-by-grandmother\.md/).waitFor();
      await bar.getByText(/read/).first().waitFor();
      await page.getByText(/changes? pending/).first().waitFor();
      // Until the speed of the last second is nothing again.
      await expect.poll(() => bar.innerText(), { timeout: 30_000 }).not.toMatch(/\/s/);
      await page.mouse.move(700, 720);
      await page.screenshot({ path: join(ROOT, 'docs/mount.png') });
      await bar.getByRole('button', { name: 'Unmount' }).click();
      await bar.waitFor({ state: 'detached' });
    });
  });
});

/** A window of the size of the pictures, with the image of a laptop's disk; both go again. */
async function withLaptop(show: (page: Page) => Promise<void>): Promise<void> {
  const folder = scratch('pictures');
  const image = join(folder, 'laptop.img');
  makeLaptop(folder, image);
  const display = await startDisplay();
  const { app, page, close } = await startElectron(display, join(folder, 'settings'), [image]);
  try {
    await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.setContentSize(1180, 740));
    await expect.poll(() => page.evaluate(() => [innerWidth, innerHeight])).toEqual([1180, 740]);
    await page.emulateMedia({ colorScheme: 'light' });
    await show(page);
  } finally {
    await close();
    display.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

