import { createServer } from 'node:http';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { type Browser, chromium, type Page } from 'playwright-core';
import { build } from 'vite';

const root = fileURLToPath(new URL('..', import.meta.url));

const CHROMIUM = [process.env['CLUTCH_CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => path !== undefined && existsSync(path));

/** Why the page can't be tested here, or undefined. */
export const noBrowser = CHROMIUM === undefined ? 'no Chromium on this machine (set CLUTCH_CHROMIUM)' : undefined;

/** Quiet, and nothing from outside. */
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

const TYPES: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.map': 'application/json' };

export interface Harness {
  readonly browser: Browser;
  /** Opens the window over the fake, under a query of main.ts. */
  page(query?: string, scheme?: 'light' | 'dark', viewport?: { width: number; height: number }): Promise<Page>;
  close(): Promise<void>;
}

/** Builds the page over the fake, serves it on loopback and starts a browser. */
export async function startHarness(): Promise<Harness> {
  const folder = await mkdtemp(join(tmpdir(), 'clutch-page-'));
  await build({
    root, base: './', configFile: false, logLevel: 'error', plugins: [react()],
    build: { target: 'chrome114', outDir: folder, emptyOutDir: true, minify: false, assetsInlineLimit: 0, modulePreload: { polyfill: false }, chunkSizeWarningLimit: 5000, rolldownOptions: { input: join(root, 'testing/index.html') } },
  });
  const server = createServer((request, response) => {
    const path = normalize(join(folder, new URL(request.url ?? '/', 'http://localhost').pathname));
    readFile(path).then(
      (bytes) => response.writeHead(200, { 'content-type': TYPES[extname(path)] ?? 'application/octet-stream' }).end(bytes),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((done) => { server.listen(0, '127.0.0.1', done); });
  const { port } = server.address() as AddressInfo;
  const browser = await chromium.launch({ executablePath: CHROMIUM!, args: FLAGS });
  return {
    browser,
    async page(query = '', colorScheme = 'light', viewport = { width: 1180, height: 740 }) {
      const context = await browser.newContext({ colorScheme, viewport, timezoneId: 'Europe/Berlin', locale: 'en-GB' });
      const page = await context.newPage();
      await page.goto(`http://127.0.0.1:${port}/testing/index.html${query}`);
      await page.getByRole('heading', { level: 1 }).waitFor();
      return page;
    },
    async close() {
      await browser.close();
      server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Opens one of the fake's images by its path. */
export async function openImage(page: Page, name: string): Promise<void> {
  await page.keyboard.press('Control+o');
  await page.getByRole('dialog').getByRole('textbox').fill(`/home/ada/images/${name}`);
  await page.keyboard.press('Enter');
  await page.getByRole('tab', { name, exact: true }).waitFor();
}

/** Drops files of these names on the window. */
export async function dropFiles(page: Page, names: readonly string[]): Promise<void> {
  await page.evaluate((dropped) => {
    const dataTransfer = new DataTransfer();
    for (const name of dropped) dataTransfer.items.add(new File([''], name));
    for (const type of ['dragenter', 'dragover', 'drop']) window.dispatchEvent(new DragEvent(type, { dataTransfer, cancelable: true, bubbles: true }));
  }, names);
}
