import { mkdirSync, readdirSync } from 'node:fs';
import type { ElectronApplication } from 'playwright-core';
import { expect } from 'vitest';
import { until } from '../harness/window.ts';
import { closeTab, dismissAll, row, startExtraction, type TestClient } from './client.ts';

/** Takes up an extraction that was cancelled, and cancels that too. In a browser the title says how far it is. `image` is makeBig's. */
export async function takesUpCancelled(client: TestClient, image: string, name: string, folder: string): Promise<void> {
  const { page } = client;
  mkdirSync(folder);
  await client.open(image);
  await row(page, /^big\.bin/).locator('.entry').click();
  await startExtraction(client, folder);
  const panel = page.getByRole('region', { name: 'Transfers' });
  const item = panel.getByRole('listitem', { name: 'big.bin' }).first();
  for (const time of ['at first', 'once more']) {
    // The whole is counted beside the work.
    await item.getByText(/[\d.]+ [KMG]iB of 1\.50 GiB/).waitFor();
    if (client.name === 'browser') await expect.poll(() => page.title()).toMatch(/^\d+ % – /);
    await panel.getByRole('button', { name: 'Cancel big.bin' }).click();
    await item.getByText('Cancelled', { exact: true }).waitFor();
    expect(readdirSync(folder)).toEqual([]);
    expect(await page.title()).not.toContain('%');
    if (time === 'at first') await panel.getByRole('button', { name: 'Retry big.bin' }).click();
  }
  await dismissAll(page);
  await panel.getByRole('button', { name: 'Clear finished' }).click();
  await closeTab(page, name);
}

/** What Electron was asked to show, as `spy` keeps it. */
interface Asked {
  readonly bars: number[];
  readonly notices: { readonly title: string; readonly body: string }[];
}

/** The bar on the window's icon follows an extraction and goes with it; its end is told by the system while the window is out of sight. `image` is makeBig's. */
export async function tellsTheSystem(app: ElectronApplication, client: TestClient, image: string, name: string, folder: string): Promise<void> {
  const { page } = client;
  mkdirSync(folder);
  await app.evaluate(({ BrowserWindow, Notification }) => {
    const asked: Asked = { bars: [], notices: [] };
    Object.assign(globalThis, { asked });
    const [window] = BrowserWindow.getAllWindows();
    window!.setProgressBar = (share) => void asked.bars.push(share);
    window!.isFocused = () => false;
    Notification.isSupported = () => true;
    Notification.prototype.show = function show(this: Electron.Notification) { asked.notices.push({ title: this.title, body: this.body }); };
  });
  const asked = (): Promise<Asked> => app.evaluate(() => (globalThis as unknown as { asked: Asked }).asked);
  await client.open(image);
  await row(page, /^big\.bin/).locator('.entry').click();
  await startExtraction(client, folder);
  await until(async () => expect((await asked()).bars.some((share) => share > 0 && share < 1)).toBe(true));
  await page.getByRole('button', { name: 'Cancel big.bin' }).click();
  await until(async () => expect((await asked()).bars.at(-1)).toBe(-1));
  await until(async () => expect((await asked()).notices).toEqual([{ title: 'big.bin', body: expect.stringContaining('0 files') }]));
  await dismissAll(page);
  await closeTab(page, name);
}
