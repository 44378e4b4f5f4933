import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { _electron, type Browser, chromium, type ElectronApplication, type Page } from 'playwright-core';
// @ts-expect-error a script without types: what it returns is written down there
import { electronRuntime } from '../../scripts/runtime.mjs';
import type { Account } from './account.ts';
import type { Display } from './display.ts';
import { type Lines, start } from './processes.ts';

export const ROOT = new URL('../..', import.meta.url).pathname;
export const CHROMIUM = '/usr/bin/chromium';

/** Quiet, and nothing from outside. */
const QUIET = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

/** Milliseconds. */
const END_WITHIN = 20_000;

/** The real program in the real Electron. */
export interface Desktop {
  readonly app: ElectronApplication;
  readonly page: Page;
  close(): Promise<void>;
}

/** The Electron that is started. */
export const electron = (): Promise<{ readonly executable: string }> => electronRuntime() as Promise<{ executable: string }>;

/** Starts Electron with a fresh settings folder. `settings` is that folder. @param account whose program it is: that of the tests unless told */
export async function startElectron(display: Display, settings: string, args: readonly string[] = [], account?: Account): Promise<Desktop> {
  const app = await _electron.launch(account === undefined
    ? { executablePath: (await electron()).executable, args: argumentsOf(settings, args), cwd: ROOT, env: environmentOf(display) }
    : {
      executablePath: account.electron, chromiumSandbox: account.sandboxed, args: ['--disable-gpu', `--user-data-dir=${settings}`, account.program, ...args],
      cwd: account.program, env: { ...account.env, DISPLAY: display.name },
    });
  const page = await app.firstWindow();
  page.setDefaultTimeout(10_000);
  await page.getByRole('heading', { level: 1 }).first().waitFor({ state: 'attached' });
  return {
    app, page,
    async close() {
      // One that asks about pending changes, of a test that failed, is ended all the same.
      const timer = setTimeout(() => app.process().kill('SIGKILL'), END_WITHIN);
      await app.close().finally(() => clearTimeout(timer));
    },
  };
}

/** Starts the program once more with the settings of one that runs. @returns its exit status, when it has ended */
export async function secondStart(display: Display, settings: string, args: readonly string[]): Promise<number | null> {
  const { child } = start((await electron()).executable, argumentsOf(settings, args), environmentOf(display));
  const [status] = (await once(child, 'exit')) as [number | null];
  return status;
}

function argumentsOf(settings: string, args: readonly string[]): string[] {
  return [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), '--disable-gpu', `--user-data-dir=${settings}`, ROOT, ...args];
}

function environmentOf(display: Display): Record<string, string> {
  return { ...(process.env as Record<string, string>), DISPLAY: display.name };
}

/** Drops files with their real paths on the window. */
export async function dropFiles(page: Page, files: readonly string[]): Promise<void> {
  const cdp = await page.context().newCDPSession(page);
  const data = { items: [], files: [...files], dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const) await cdp.send('Input.dispatchDragEvent', { type, x: 300, y: 300, data });
}

/** Lets the system's next dialogs answer with a path: nobody can click them here. */
export async function answerDialog({ app }: Desktop, path: string): Promise<void> {
  await app.evaluate(({ dialog }, answer) => { dialog.showOpenDialog = async () => ({ canceled: false, filePaths: [answer] }); }, path);
}

/** `clutch serve` with a browser on its page. */
export interface Served {
  readonly server: Lines;
  readonly browser: Browser;
  readonly page: Page;
  readonly url: string;
  close(): Promise<void>;
}

/** Starts the server with images and opens its address in headless Chromium. */
export async function startServed(settings: string, images: readonly string[]): Promise<Served> {
  const server = start(process.execPath, [join(ROOT, 'bin/clutch'), 'serve', ...images], { ...process.env, XDG_CONFIG_HOME: settings, XDG_DATA_HOME: settings, XDG_CACHE_HOME: settings });
  const url = /http:\/\/\S+/.exec(await server.line(/http:\/\/127\.0\.0\.1/))![0];
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', ...QUIET] });
  const page = await (await browser.newContext({ viewport: { width: 1180, height: 740 }, locale: 'en-GB' })).newPage();
  page.setDefaultTimeout(10_000);
  await page.goto(url);
  // Keys that come before it hears them are lost.
  await page.getByRole('heading', { level: 1 }).first().waitFor({ state: 'attached' });
  return {
    server, browser, page, url,
    async close() {
      await browser.close();
      await server.end();
    },
  };
}

/** Keeps a picture of the window beside the report of a run. */
export async function shot(page: Page, name: string): Promise<void> {
  const folder = join(ROOT, 'e2e/artifacts');
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`) });
}

/** Waits until `check` holds; its last error is the failure. */
export async function until(check: () => void | Promise<void>, ms = 15_000): Promise<void> {
  const end = Date.now() + ms;
  for (;;) {
    try {
      await check();
      return;
    } catch (error) {
      if (Date.now() > end) throw error;
      await pause(100);
    }
  }
}
