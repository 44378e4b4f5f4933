import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { axe, unreachable, unsafeText } from './checks.ts';
import { type Harness, noBrowser, startHarness } from './harness.ts';
import { VIEWS } from './views.ts';

/** A folder for a picture of every view, to be looked at by people. */
const SHOTS = process.env['CLUTCH_SHOTS'];

/** Views to run, by a part of their names; all without. */
const ONLY = process.env['CLUTCH_VIEWS'];

/** The window's usual size at a zoom of 200 %: CSS pixels. */
const ZOOMED = { width: 590, height: 370 };

if (noBrowser !== undefined) console.warn(`page tests skipped: ${noBrowser}`);

describe.skipIf(noBrowser !== undefined)('the page over a fake host', () => {
  let harness: Harness;
  beforeAll(async () => {
    harness = await startHarness();
    if (SHOTS !== undefined) await mkdir(SHOTS, { recursive: true });
  });
  afterAll(async () => {
    await harness?.close();
  });

  for (const view of VIEWS.filter(({ name }) => ONLY === undefined || name.includes(ONLY))) {
    // Each has a browser's context of its own, and waits more than it works.
    test.concurrent(`${view.name}: axe finds nothing in light and dark, all is within reach at 200 % zoom, the page logs nothing`, async ({ expect }) => {
      const page = await harness.page(view.query, 'light', view.viewport);
      const logged: string[] = [];
      page.on('console', (message) => { if (message.type() === 'error' || message.type() === 'warning') logged.push(message.text()); });
      page.on('pageerror', (error) => logged.push(error.message));
      try {
        await view.go(page);
        // Past every transition.
        await page.waitForTimeout(200);
        const look = async (name: string): Promise<void> => {
          // Colours fade over 120 ms.
          await page.waitForTimeout(150);
          if (SHOTS !== undefined) await page.screenshot({ path: join(SHOTS, `${view.name}-${name}.png`) });
        };
        await look('light');
        expect(await axe(page), 'light').toEqual([]);
        expect(await unsafeText(page), 'characters that act').toEqual([]);
        await page.emulateMedia({ colorScheme: 'dark' });
        await look('dark');
        // The same elements with the same names: only their colours are new.
        expect(await axe(page, ['color-contrast']), 'dark').toEqual([]);
        if (SHOTS !== undefined) {
          await page.emulateMedia({ forcedColors: 'active' });
          await look('forced');
          await page.emulateMedia({ forcedColors: 'none' });
        }
        await page.setViewportSize(ZOOMED);
        await look('zoomed');
        // On a busy machine the window takes its new size a while later.
        await expect.poll(() => unreachable(page), { message: 'at 200 % zoom', timeout: 10_000 }).toEqual([]);
        expect(logged).toEqual([]);
      } catch (error) {
        if (SHOTS !== undefined) await page.screenshot({ path: join(SHOTS, `failed-${view.name}.png`) });
        throw error;
      } finally {
        await page.context().close();
      }
    }, 60_000);
  }
});
