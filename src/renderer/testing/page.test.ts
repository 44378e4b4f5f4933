import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { axe, type Harness, noBrowser, startHarness } from './harness.ts';
import { VIEWS } from './views.ts';

/** A folder for a picture of every view, to be looked at by people. */
const SHOTS = process.env['CLUTCH_SHOTS'];

/** Views to run, by a part of their names; all without. */
const ONLY = process.env['CLUTCH_VIEWS'];

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
    test(`${view.name}: axe finds nothing in light and dark, the page logs nothing`, async () => {
      const page = await harness.page(view.query, 'light', view.viewport);
      const logged: string[] = [];
      page.on('console', (message) => { if (message.type() === 'error' || message.type() === 'warning') logged.push(message.text()); });
      page.on('pageerror', (error) => logged.push(error.message));
      try {
        await view.go(page);
        // Past every transition.
        await page.waitForTimeout(200);
        for (const scheme of ['light', 'dark'] as const) {
          await page.emulateMedia({ colorScheme: scheme });
          // Colours fade over 120 ms.
          await page.waitForTimeout(150);
          if (SHOTS !== undefined) await page.screenshot({ path: join(SHOTS, `${view.name}-${scheme}.png`) });
          expect(await axe(page), scheme).toEqual([]);
        }
        expect(logged).toEqual([]);
      } catch (error) {
        if (SHOTS !== undefined) await page.screenshot({ path: join(SHOTS, `failed-${view.name}.png`) });
        throw error;
      } finally {
        await page.context().close();
      }
    }, 30_000);
  }
});
