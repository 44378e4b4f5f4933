import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Harness, noBrowser, openImage, startHarness } from '../../testing/harness.ts';

interface Told {
  readonly progressed: { running: number; done?: number }[];
  readonly notices: { title: string; body: string }[];
  readonly copied: string[];
}

const told = (page: Page): Promise<Told> => page.evaluate(() => {
  const { progressed, notices, copied } = (globalThis as unknown as { fake: Told }).fake;
  return { progressed, notices, copied };
});

describe.skipIf(noBrowser !== undefined)('transfers', () => {
  let harness: Harness;
  beforeAll(async () => {
    harness = await startHarness();
  });
  afterAll(async () => {
    await harness?.close();
  });

  /** Starts to extract all of an image's root; the one conflict is answered. */
  async function extractAll(query = ''): Promise<Page> {
    const page = await harness.page(query);
    await openImage(page, 'root.ext4');
    await page.getByRole('row', { name: /^etc/ }).first().waitFor();
    await page.keyboard.press('Control+a');
    await page.keyboard.press('Control+e');
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('textbox').fill('/home/ada/extracted');
    await dialog.getByRole('button', { name: 'Extract', exact: true }).click();
    await page.getByRole('alertdialog').waitFor();
    await page.keyboard.press('Enter');
    return page;
  }
  const panelOf = (page: Page) => page.getByRole('region', { name: 'Transfers' });

  test('the total is told once it is counted, the title shows the percents, changes of state are announced, not percents', async () => {
    const page = await extractAll();
    const panel = panelOf(page);
    await panel.getByText(/MB of|MiB of/).waitFor();
    await panel.getByText(/left$/).waitFor();
    expect(await page.title()).toMatch(/^\d+ % – root\.ext4/);
    const announcer = page.getByTestId('announcer');
    await panel.getByRole('button', { name: 'Pause 29 items' }).click();
    await expect.poll(() => announcer.innerText()).toBe('29 items: paused');
    await panel.getByRole('button', { name: 'Resume 29 items' }).click();
    await expect.poll(() => announcer.innerText()).toBe('29 items: extracting');
    await page.waitForTimeout(400);
    await expect.poll(() => announcer.innerText()).toBe('29 items: extracting');
    await panel.getByText('Done', { exact: true }).waitFor({ timeout: 60_000 });
    expect(await page.title()).toMatch(/^root\.ext4/);
    await page.context().close();
  }, 120_000);

  test('a log is filtered by level and copied as it is shown; what failed is tried again, and nothing else', async () => {
    const page = await extractAll();
    const panel = panelOf(page);
    await panel.getByText('Done', { exact: true }).waitFor({ timeout: 60_000 });
    await panel.getByRole('button', { name: 'Log (3)' }).click();
    const lines = panel.getByRole('region', { name: 'Log of 29 items' }).getByRole('listitem');
    await expect.poll(() => lines.count()).toBe(3);
    await panel.getByRole('radio', { name: 'Errors (1)' }).click();
    await expect.poll(() => lines.count()).toBe(1);
    await expect.poll(() => lines.innerText()).toContain('broken \\u{202e}inode');
    await panel.getByRole('button', { name: 'Copy details' }).click();
    await expect.poll(async () => (await told(page)).copied.at(-1)).toMatch(/^error\t\/broken/);
    await panel.getByRole('button', { name: 'Retry 1 failed entry' }).click();
    await panel.getByText('1 file, 3 folders').waitFor();
    await expect.poll(() => panel.getByRole('button', { name: /^Retry/ }).count()).toBe(0);
    await page.context().close();
  }, 120_000);

  test('what was cancelled is taken up again; a closed tab does not end what runs', async () => {
    const page = await extractAll();
    const panel = panelOf(page);
    await panel.getByRole('button', { name: 'Cancel 29 items' }).click();
    await panel.getByText('Cancelled', { exact: true }).waitFor();
    await panel.getByRole('button', { name: 'Retry 29 items' }).click();
    await panel.getByText('Extracting', { exact: true }).waitFor();
    await page.getByRole('grid').focus();
    await page.keyboard.press('Control+w');
    await page.getByRole('tab', { name: 'root.ext4' }).waitFor({ state: 'detached' });
    const open = (): Promise<number> => page.evaluate(() => (globalThis as unknown as { fake: { open: Map<number, object> } }).fake.open.size);
    expect(await open()).toBe(1);
    await panel.getByText('Done', { exact: true }).waitFor({ timeout: 60_000 });
    await expect.poll(open).toBe(0);
    await page.context().close();
  }, 120_000);

  test('in Electron the taskbar hears of it, and the system tells of the end', async () => {
    const page = await extractAll('?client=electron');
    await panelOf(page).getByText('Done', { exact: true }).waitFor({ timeout: 60_000 });
    await expect.poll(async () => (await told(page)).progressed.at(-1)).toEqual({ running: 0 });
    const { progressed, notices } = await told(page);
    const shares = progressed.flatMap(({ done }) => done ?? []);
    expect(shares.length).toBeGreaterThan(5);
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
    // Four words a second at most, however long this machine took for it; one that came late makes the time look shorter by what it was late.
    const times = await page.evaluate(() => (globalThis as unknown as { fake: { progressedAt: number[] } }).fake.progressedAt);
    expect(times.length).toBeLessThanOrEqual((times.at(-1)! - times[0]!) / 250 + 6);
    expect(notices).toEqual([{ title: '29 items', body: expect.stringContaining('29 files') }]);
    expect(await page.title()).toMatch(/^root\.ext4/);
    await page.context().close();
  }, 120_000);
});
