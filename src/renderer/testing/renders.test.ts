import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Harness, noBrowser, openImage, startHarness } from './harness.ts';

interface Fiber {
  readonly type: { readonly name?: string } | string | null;
  readonly flags: number;
  readonly alternate: Fiber | null;
  readonly child: Fiber | null;
  readonly sibling: Fiber | null;
}

/** As React's developer tools do, in the page: gathers the names of the components that each commit drew anew. */
function watchRenders(): void {
  const PERFORMED_WORK = 1;
  const drawn = new Map<string, number>();
  const walk = (fiber: Fiber | null): void => {
    for (let at = fiber; at !== null; at = at.sibling) {
      // A part of the tree that React did not look into is the same object as before.
      if (typeof at.type === 'function' && (at.flags & PERFORMED_WORK) !== 0) drawn.set((at.type as { name: string }).name, (drawn.get((at.type as { name: string }).name) ?? 0) + 1);
      if (at.child !== at.alternate?.child) walk(at.child);
    }
  };
  Object.assign(globalThis, { drawn, __REACT_DEVTOOLS_GLOBAL_HOOK__: { supportsFiber: true, inject: () => 1, onCommitFiberUnmount() {}, onPostCommitFiberRoot() {}, onCommitFiberRoot: (_: number, root: { current: Fiber }) => walk(root.current) } });
}

const drawn = (page: Page) => page.evaluate(() => {
  const { drawn: names } = globalThis as unknown as { drawn: Map<string, number> };
  const all = Object.fromEntries(names);
  names.clear();
  return all;
});

describe.skipIf(noBrowser !== undefined)('what is drawn anew', () => {
  let harness: Harness;
  beforeAll(async () => {
    harness = await startHarness();
  }, 60_000);
  afterAll(async () => {
    await harness?.close();
  });

  test('a step in the list draws the list and what tells of the selection, not the frame of the window', async () => {
    const page = await harness.page();
    await page.addInitScript(watchRenders);
    await page.reload();
    await page.getByRole('heading', { level: 1 }).waitFor();
    await openImage(page, 'disk.img.gz');
    await openImage(page, 'root.ext4');
    await page.getByRole('row', { name: /^etc\b/ }).first().waitFor();
    expect(Object.keys(await drawn(page))).toEqual(expect.arrayContaining(['App', 'Toolbar', 'Sidebar', 'Places', 'TabStrip', 'Grid']));
    await page.getByRole('grid').focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await drawn(page);
    for (const key of ['ArrowDown', 'Shift+ArrowDown', 'PageDown', 'Home']) {
      await page.keyboard.press(key);
      await page.waitForTimeout(100);
      const names = await drawn(page);
      expect(names['Grid'], key).toBeGreaterThan(0);
      for (const name of ['App', 'Toolbar', 'Crumbs', 'Sidebar', 'Places', 'SidebarItem', 'TabStrip', 'TabFace', 'AppMenu', 'ContextMenu', 'Dialogs', 'TransfersPanel', 'Toasts']) expect(names[name] ?? 0, `${name} at ${key}`).toBe(0);
      if (process.env['CLUTCH_RENDERS'] !== undefined) console.log(key, JSON.stringify(names));
    }
    await page.context().close();
  }, 60_000);
});
