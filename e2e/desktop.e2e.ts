import { randomBytes } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ElectronApplication, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { type Display, startDisplay } from './harness/display.ts';
import { makeImage, scratch } from './harness/image.ts';
import { endAll, has, run } from './harness/processes.ts';
import { answerDialog, type Desktop, dropFiles, secondStart, shot, startElectron, until } from './harness/window.ts';
import { axe } from '../src/renderer/testing/checks.ts';
import { nothingLeft, showsRoot } from './scenarios/browse.ts';
import { row, showPreview, tab } from './scenarios/client.ts';
import { rename, unlock } from './scenarios/editing.ts';

const images = inject('images');
const why = inject('why') ?? (has('Xvfb') ? undefined : 'needs Xvfb');

/** The processes of open images. */
function hostsOf(app: ElectronApplication): Promise<number[]> {
  return app.evaluate(({ app: electron }) => electron.getAppMetrics().filter((each) => each.serviceName === 'node.mojom.NodeService' && each.name === 'Clutch image').map((each) => each.pid));
}

describe.skipIf(why !== undefined)(`the desktop program${why ? ` (${why})` : ''}`, () => {
  const folder = scratch('desktop');
  let display: Display;
  let desktop: Desktop | undefined;
  let settings = 0;

  const open = async (args: readonly string[] = [], kept = join(folder, `settings-${settings++}`)): Promise<Desktop> => {
    desktop = await startElectron(display, kept, args);
    return desktop;
  };

  /** Ends the program and sees that nothing of it stays. */
  const quit = async ({ app, close }: Desktop): Promise<void> => {
    const pids = await processesOf(app);
    expect(pids.length).toBeGreaterThan(2);
    await close();
    desktop = undefined;
    await until(() => expect(pids.filter(isAlive)).toEqual([]), 5000);
  };

  beforeAll(async () => {
    display = await startDisplay();
  });
  afterEach(async () => {
    await desktop?.close();
    desktop = undefined;
  });
  afterAll(() => {
    display?.end();
    endAll();
    nothingLeft(folder);
    rmSync(folder, { recursive: true, force: true });
  });

  it('hands the images of a second start to the window that is there', async () => {
    const kept = join(folder, 'single');
    const first = await open([images!.holiday], kept);
    await showsRoot(first.page);
    expect(await secondStart(display, kept, [images!.disk])).toBe(0);
    await tab(first.page, 'disk.img.gz').waitFor();
    await first.page.getByRole('listbox', { name: 'Partition map' }).waitFor();
    expect(await first.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(1);
    // The same image again: its tab is shown, not opened twice.
    expect(await secondStart(display, kept, [images!.holiday])).toBe(0);
    await until(async () => expect(await tab(first.page, 'holiday.img').getAttribute('aria-selected')).toBe('true'));
    expect(await first.page.getByRole('tab').count()).toBe(2);
    await quit(first);
  });

  it('opens a tab for each of several images that are dropped at once', async () => {
    const { page } = await open();
    await page.getByText('Drop a disk image here').waitFor();
    await dropFiles(page, [images!.holiday, images!.disk, images!.hostile]);
    await expect.poll(() => page.getByRole('tab').allInnerTexts()).toEqual(['holiday.img', 'disk.img.gz', 'hostile.img']);
    await tab(page, 'holiday.img').click();
    await showsRoot(page);
  });

  it('remembers its tabs with where they were, the images before, and the place of its window', async () => {
    const kept = join(folder, 'kept');
    const copy = join(folder, 'moved.img');
    copyFileSync(images!.hostile, copy);
    const first = await open([images!.holiday, copy], kept);
    await tab(first.page, 'holiday.img').click();
    await showsRoot(first.page);
    await row(first.page, /^docs/).dblclick();
    await row(first.page, /letters/).waitFor();
    const bounds = { x: 61, y: 43, width: 1003, height: 617 };
    await first.app.evaluate(({ BrowserWindow }, wanted) => BrowserWindow.getAllWindows()[0]!.setBounds(wanted), bounds);
    await until(async () => expect(await first.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.getBounds())).toEqual(bounds));
    await quit(first);
    expect(existsSync(join(kept, 'recents.json'))).toBe(true);
    rmSync(copy);

    const { app, page } = await open([], kept);
    expect(await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.getBounds())).toEqual(bounds);
    // The tabs are those of last time; only the one that is looked at is opened.
    await row(page, /letters/).waitFor();
    expect(await page.getByRole('tab').allInnerTexts()).toEqual(['holiday.img', 'moved.img']);
    expect(await page.locator('[aria-current="location"]').innerText()).toBe('docs');
    await tab(page, 'moved.img').click();
    await page.getByRole('button', { name: 'Open again' }).waitFor();
    await page.keyboard.press('Control+w');
    await page.keyboard.press('Control+t');
    const recents = page.getByRole('region', { name: 'Recent images' });
    await recents.getByRole('row').filter({ hasText: 'moved.img' }).getByText('File not found').waitFor();
    await shot(page, 'electron-recents');
    await recents.getByRole('row').filter({ hasText: 'holiday.img' }).click();
    await row(page, /letters/).waitFor();
    expect(await page.getByRole('tab').count()).toBe(1);
  });

  it('outlives the process of an image, and opens the image again', async () => {
    const { app, page } = await open([images!.disk, images!.holiday]);
    await tab(page, 'holiday.img').click();
    await showsRoot(page);
    const hosts = (): Promise<number[]> => hostsOf(app);
    const both = await hosts();
    // A spare one waits for the next image, on a slow machine already now.
    expect(both.length).toBeGreaterThanOrEqual(2);
    // Images are opened in the order of the arguments.
    const [, host] = both.toSorted((a, b) => a - b);
    process.kill(host!, 'SIGKILL');
    await page.getByRole('heading', { name: 'holiday.img is no longer open: its process ended' }).waitFor();
    await shot(page, 'electron-lost');
    await tab(page, 'disk.img.gz').click();
    await page.getByRole('listbox', { name: 'Partition map' }).waitFor();
    await page.getByRole('grid', { name: 'Volumes' }).getByRole('row', { name: /holiday/ }).dblclick();
    await showsRoot(page);
    await tab(page, 'holiday.img').click();
    await page.getByRole('button', { name: 'Open again' }).click();
    await showsRoot(page);
    expect([2, 3]).toContain((await hosts()).length);
    await quit(desktop!);
  });

  /**
   * An Apply of 300 MiB whose process is killed when the image's file has just begun to change, and the next open of the image.
   * @returns what the window shows then, the image, and the file that was put into it
   */
  const killedApply = async (name: string, free: 'zeros' | 'old bytes'): Promise<{ page: Page; target: string; original: string; large: string; left: () => string[] }> => {
    const mine = join(folder, name);
    mkdirSync(mine);
    const target = join(mine, 'killed.img');
    const original = join(mine, 'original');
    makeImage(images!.tree, target, 700, free);
    run('cp', ['--sparse=always', target, original]);
    const large = join(mine, 'large.bin');
    writeFileSync(large, randomBytes(300 << 20));
    const { app, page } = await open([target]);
    await showsRoot(page);
    await unlock(page);
    await answerDialog(desktop!, large);
    await page.keyboard.press('Control+i');
    await row(page, /^large\.bin/).waitFor({ timeout: 60_000 });
    await page.getByText(/1 change pending/).waitFor({ timeout: 60_000 });
    const before = statSync(target, { bigint: true }).mtimeNs;
    const [host] = await hostsOf(app);
    await page.getByRole('grid').focus();
    await page.keyboard.press('Control+s');
    while (statSync(target, { bigint: true }).mtimeNs === before) await new Promise((resolve) => { setTimeout(resolve, 1); });
    process.kill(host!, 'SIGKILL');
    await page.getByRole('heading', { name: /killed\.img is no longer open/ }).waitFor();
    const left = (): string[] => readdirSync(mine).filter((each) => each.includes('clutch-apply'));
    expect(left()).toHaveLength(1);
    await page.getByRole('button', { name: 'Open again' }).click();
    await showsRoot(page);
    return { page, target, original, large, left };
  };

  it('finishes an Apply whose process was killed after it was committed, at the next open', async () => {
    // What goes over old bytes is whole beside the image before the image is touched.
    const { page, target, large, left } = await killedApply('killed-late', 'old bytes');
    await row(page, /^large\.bin/).waitFor({ timeout: 60_000 });
    await page.getByRole('region', { name: 'An interrupted Apply was finished' }).waitFor();
    await shot(page, 'electron-recovered');
    expect(left()).toEqual([]);
    await quit(desktop!);
    expect(run('e2fsck', ['-fn', target])).toContain('Pass 5');
    const copy = join(folder, 'killed-late', 'copy.bin');
    run('debugfs', ['-R', `dump /large.bin ${copy}`, target]);
    expect(readFileSync(copy).equals(readFileSync(large))).toBe(true);
  });

  it('takes an Apply back whose process was killed before it was committed, at the next open', async () => {
    // What goes over zeros is in the image alone. It is nowhere whole when the file begins to change.
    const { page, target, original, left } = await killedApply('killed-early', 'zeros');
    await page.getByRole('region', { name: 'An Apply was interrupted: the image is whole' }).getByText(/was taken back/).waitFor({ timeout: 60_000 });
    expect(await row(page, /^large\.bin/).count()).toBe(0);
    await shot(page, 'electron-taken-back');
    expect(left()).toEqual([]);
    await quit(desktop!);
    run('cmp', [target, original]);
  });

  /** An image of its own, unlocked, with a file renamed. */
  const pendingRename = async (name: string, kept: string): Promise<Desktop & { readonly image: string; readonly before: Buffer }> => {
    const image = join(folder, name);
    copyFileSync(images!.holiday, image);
    const before = readFileSync(image);
    const started = await open([images!.disk, image], kept);
    await tab(started.page, name).click();
    await row(started.page, /^readme\.txt/).waitFor();
    await unlock(started.page);
    await rename(started.page, /^readme\.txt/, 'other.txt');
    await started.page.getByText(/1 change pending/).waitFor();
    return { ...started, image, before };
  };

  it('asks before its window is closed or the program quit with pending changes; discarding them ends all processes', async () => {
    const kept = join(folder, 'closing');
    const { app, page, image, before } = await pendingRename('closing.img', kept);
    const pids = await processesOf(app);
    const asks = page.getByRole('alertdialog', { name: /Close closing\.img with pending changes/ });
    const stay = asks.getByRole('button', { name: 'Don’t close' });
    await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.close());
    await asks.waitFor();
    await shot(page, 'electron-closing');
    await until(async () => expect(await stay.evaluate((button) => button === document.activeElement)).toBe(true));
    await page.keyboard.press('Enter');
    await asks.waitFor({ state: 'detached' });
    await app.evaluate(({ app: electron }) => electron.quit());
    await asks.waitFor();
    await page.keyboard.press('Escape');
    await asks.waitFor({ state: 'detached' });
    await row(page, /^other\.txt/).waitFor();
    expect(pids.filter(isAlive)).toEqual(pids);
    await app.evaluate(({ app: electron }) => electron.quit());
    const ended = app.waitForEvent('close');
    await asks.getByRole('button', { name: 'Discard and close' }).click();
    await ended;
    desktop = undefined;
    await until(() => expect(pids.filter(isAlive)).toEqual([]), 5000);
    expect(readFileSync(image).equals(before)).toBe(true);
    // Its changes are gone, its tabs are not.
    const again = await open([], kept);
    await row(again.page, /^readme\.txt/).waitFor();
    expect(await again.page.getByRole('tab').allInnerTexts()).toEqual(['disk.img.gz', 'closing.img']);
    await quit(again);
  });

  it('applies pending changes before its window is closed, if that is chosen', async () => {
    const { app, page, image } = await pendingRename('applied.img', join(folder, 'applying'));
    const pids = await processesOf(app);
    await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.close());
    const ended = app.waitForEvent('close');
    await page.getByRole('alertdialog').getByRole('button', { name: 'Apply, then close' }).click();
    await ended;
    desktop = undefined;
    await until(() => expect(pids.filter(isAlive)).toEqual([]), 5000);
    expect(run('debugfs', ['-R', 'ls -p /', image])).toContain('/other.txt/');
    expect(run('e2fsck', ['-fn', image])).toContain('Pass 5');
  });

  it('gives pending changes back when its page has crashed', async () => {
    const { app, page } = await pendingRename('crashed.img', join(folder, 'crashed'));
    await row(page, /^other\.txt/).waitFor();
    await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.webContents.forcefullyCrashRenderer());
    // A page that has crashed once is nothing to Playwright any more: what the fresh one shows is asked of the window.
    const inPage = (script: string): Promise<string> => app.evaluate(({ BrowserWindow }, code) => Promise.race([
      BrowserWindow.getAllWindows()[0]!.webContents.executeJavaScript(code, true) as Promise<string>,
      // A page that is just being loaded never answers.
      new Promise<string>((resolve) => { setTimeout(resolve, 2000, 'no answer'); }),
    ]), script);
    await until(async () => expect(await inPage('document.body.innerText')).toMatch(/1 change pending[^]*other\.txt/));
    // Only what has changes comes back: the rest could be what crashed it.
    expect(await inPage("[...document.querySelectorAll('[role=tab]')].map((tab) => tab.innerText).join()")).toBe('crashed.img');
    await inPage("document.querySelector('button[aria-label^=\"Undo\"]').click()");
    await until(async () => expect(await inPage('document.body.innerText')).toMatch(/^readme\.txt/m));
    await quit(desktop!);
  });

  it('is used by the keyboard alone, and axe finds nothing in its views', async () => {
    const { page } = await open();
    const { keyboard } = page;
    const faults: Record<string, string[]> = {};
    const look = async (view: string): Promise<void> => {
      const found = await axe(page);
      if (found.length > 0) faults[view] = found;
    };
    await page.getByText('Drop a disk image here').waitFor();
    await look('empty window');
    await answerDialog(desktop!, images!.holiday);
    await keyboard.press('Control+o');
    await row(page, /readme\.txt/).waitFor();
    await look('root');
    for (const [letters, next] of [['doc', /letters/], ['let', /2023/], ['202', /to-grandmother/]] as const) {
      await keyboard.type(letters);
      await until(async () => expect(await page.getByRole('grid').getByRole('row', { selected: true }).innerText()).toMatch(new RegExp(`^${letters}`)));
      await keyboard.press('Enter');
      await row(page, next).waitFor();
    }
    await keyboard.press('ArrowDown');
    await keyboard.press('Home');
    await showPreview(page);
    await page.getByText('Dear grandmother,').waitFor();
    await look('preview');
    await keyboard.press('Alt+Enter');
    const properties = page.getByRole('dialog', { name: /Properties of to-grandmother/ });
    await properties.waitFor();
    expect(await properties.innerText()).toContain('/docs/letters/2023/to-grandmother.txt');
    await look('properties');
    await keyboard.press('Escape');
    await properties.waitFor({ state: 'detached' });
    const target = join(folder, 'by-keyboard');
    mkdirSync(target);
    await answerDialog(desktop!, target);
    await keyboard.press('Control+e');
    const dialog = page.getByRole('dialog', { name: 'Extract to…' });
    await dialog.waitFor();
    await look('extract');
    // "Choose folder…" has the focus while there is none; "Extract" is the way on.
    expect(await focusedName()).toBe('Choose folder…');
    await keyboard.press('Enter');
    await dialog.getByText(target).waitFor();
    for (let i = 0; i < 8 && await focusedName() !== 'Extract'; i++) await keyboard.press('Tab');
    expect(await focusedName()).toBe('Extract');
    await keyboard.press('Enter');
    await page.getByText(/extracted 1 file/).first().waitFor();
    expect(readFileSync(join(target, 'to-grandmother.txt'), 'utf8')).toContain('Dear grandmother');
    await look('extracted');
    await keyboard.press('F1');
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
    await look('shortcuts');
    await keyboard.press('Escape');
    await keyboard.press('Control+w');
    await page.getByText('Drop a disk image here').waitFor();

    await answerDialog(desktop!, images!.disk);
    await keyboard.press('Control+o');
    await page.getByRole('listbox', { name: 'Partition map' }).waitFor();
    await look('partition map');
    await keyboard.press('Control+w');
    await answerDialog(desktop!, images!.withoutPrimary);
    await keyboard.press('Control+o');
    await row(page, /readme\.txt/).waitFor();
    await look('damaged');
    expect(Object.entries(faults).map(([view, found]) => `${view}: ${found.join('; ')}`)).toEqual([]);

    function focusedName(): Promise<string | undefined> {
      return page.evaluate(() => document.activeElement?.textContent?.trim());
    }
  });

  it('is drawn in light and in dark', async () => {
    const { page } = await open([images!.withoutPrimary, images!.disk, images!.holiday]);
    await tab(page, 'holiday.img').click();
    await showsRoot(page);
    await row(page, /^readme/).locator('.entry').click();
    await showPreview(page);
    await page.getByText('Hello from inside').waitFor();
    const both = async (name: string): Promise<void> => {
      const grounds: string[] = [];
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        grounds.push(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
        await shot(page, `${name}-${colorScheme}`);
      }
      expect(grounds[0]).not.toBe(grounds[1]);
    };
    await both('files');
    await page.keyboard.press('Alt+Enter');
    await page.getByRole('dialog').waitFor();
    await both('properties');
    await page.keyboard.press('Escape');
    await tab(page, 'disk.img.gz').click();
    await page.getByRole('listbox', { name: 'Partition map' }).waitFor();
    await both('disk');
    await tab(page, 'no-primary.img').click();
    await page.getByRole('button', { name: 'Show what was noticed' }).click();
    await page.locator('.notes').first().waitFor();
    await both('damaged');
  });
});

/** Every process of the program, the first one too. */
async function processesOf(app: ElectronApplication): Promise<number[]> {
  const pids = await app.evaluate(({ app: electron }) => electron.getAppMetrics().map((each) => each.pid));
  return [...new Set([app.process().pid!, ...pids])];
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // An ended one that nobody has waited for yet is no process any more.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
