import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { type Display, startDisplay } from './harness/display.ts';
import { scratch } from './harness/image.ts';
import { drag } from './harness/pointer.ts';
import { endAll, has, type Lines, run, start } from './harness/processes.ts';
import { answerDialog, type Desktop, dropFiles, ROOT, shot, startElectron, until } from './harness/window.ts';
import { nothingLeft, showsRoot } from './scenarios/browse.ts';
import { row, type TestClient } from './scenarios/client.ts';
import { mount, mountsAt, noMount, showsInFileManager } from './scenarios/mounts.ts';
import { tellsTheSystem } from './scenarios/transfers.ts';
import { apply, unlock } from './scenarios/editing.ts';
import { everyClient } from './scenarios/index.ts';
import { opensDropped } from './scenarios/opening.ts';

const images = inject('images');
const why = inject('why') ?? (has('Xvfb') ? undefined : 'needs Xvfb');
const noGtk = !has('xdotool') || !existsSync('/usr/bin/python3') || !existsSync('/usr/lib/python3/dist-packages/gi') ? 'needs xdotool and python3-gi' : undefined;

describe.skipIf(why !== undefined)(`the window in Electron${why ? ` (${why})` : ''}`, () => {
  const folder = scratch('electron');
  const source = images?.tree ?? '';
  const image = images?.holiday ?? '';
  let display: Display;
  let desktop: Desktop | undefined;
  let settings = 0;

  const open = async (args: readonly string[] = []): Promise<Desktop> => {
    desktop = await startElectron(display, join(folder, `settings-${settings++}`), args);
    return desktop;
  };

  beforeAll(async () => {
    process.env['CLUTCH_E2E_CLIENT'] = 'electron';
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

  describe('like every client', () => {
    let kept: Desktop;
    let client: TestClient;
    beforeAll(async () => {
      kept = await startElectron(display, join(folder, 'settings'));
      client = {
        name: 'electron', page: kept.page, settingsFile: join(folder, 'settings', 'settings.json'),
        async open(path) {
          await answerDialog(kept, path);
          await kept.page.keyboard.press('Control+o');
        },
        async choose(target) {
          await answerDialog(kept, target);
          await kept.page.getByRole('dialog').getByRole('button', { name: 'Choose folder…' }).click();
        },
        async put(path) {
          await answerDialog(kept, path);
          await kept.page.keyboard.press('Control+i');
        },
        async chooseByKeys(target) {
          await answerDialog(kept, target);
          const button = kept.page.getByRole('dialog').getByRole('button', { name: 'Choose folder…' });
          for (let i = 0; i < 20 && !(await button.evaluate((each) => each === document.activeElement)); i++) await kept.page.keyboard.press('Tab');
          await kept.page.keyboard.press('Enter');
          await kept.page.getByRole('dialog').getByText(target).waitFor();
        },
      };
    });
    afterAll(() => kept?.close());
    if (images) everyClient(() => client, images, folder);
    it.skipIf(noMount !== undefined)(`shows a mount in the file manager${noMount ? ` (${noMount})` : ''}`, async () => {
      // Nobody is there to close a file manager.
      await kept.app.evaluate(({ shell }) => {
        const shown: string[] = [];
        Object.assign(globalThis, { shownFolders: shown });
        shell.openPath = async (path) => {
          shown.push(path);
          return '';
        };
      });
      await showsInFileManager(client, images!.holiday, 'holiday.img', () => kept.app.evaluate(() => (globalThis as unknown as { shownFolders: string[] }).shownFolders));
    });
    it('tells the system how far it is, and when it is done out of sight', () => tellsTheSystem(kept.app, client, images!.big, 'big.img', join(folder, 'told')));
  });

  it('opens an image by the dialog', async () => {
    const { page } = await open();
    await page.getByText('Drop a disk image here').waitFor();
    await shot(page, 'electron-empty');
    await answerDialog(desktop!, image);
    await page.keyboard.press('Control+o');
    await showsRoot(page);
  });

  it('opens an image dropped with its real path', async () => {
    const { page } = await open();
    await page.getByText('Drop a disk image here').waitFor();
    await dropFiles(page, [image]);
    await showsRoot(page);
  });

  it.skipIf(noMount !== undefined)(`leaves nothing mounted when it is quit${noMount ? ` (${noMount})` : ''}`, async () => {
    const { page } = await open([image]);
    await showsRoot(page);
    const at = await mount(page);
    expect(mountsAt(at)).toHaveLength(1);
    await desktop!.close();
    desktop = undefined;
    await until(() => expect(mountsAt(at)).toEqual([]));
  });

  it('copies what is dropped on the folder of an unlocked image into it', async () => {
    const mine = join(folder, 'dropped-in');
    mkdirSync(join(mine, 'album'), { recursive: true });
    writeFileSync(join(mine, 'album', 'song.txt'), 'la la la\n');
    writeFileSync(join(mine, 'single.txt'), 'one\n');
    const target = join(mine, 'target.img');
    copyFileSync(image, target);
    const { page } = await open([target]);
    await showsRoot(page);
    await unlock(page);
    await dropFiles(page, [join(mine, 'album'), join(mine, 'single.txt')]);
    await row(page, /^album/).waitFor();
    await row(page, /^single\.txt/).waitFor();
    await shot(page, 'electron-dropped-in');
    await apply(page);
    await desktop!.close();
    desktop = undefined;
    expect(run('e2fsck', ['-fn', target])).toContain('Pass 5');
    expect(run('debugfs', ['-R', 'cat /album/song.txt', target])).toBe('la la la\n');
  });

  it('opens each of several dropped images once, the parts of a split one together', async () => {
    const { page } = await open();
    await page.getByText('Drop a disk image here').waitFor();
    await opensDropped(page, join(folder, 'dropped'), image);
  });

  it.skipIf(noGtk !== undefined)(`opens an image dragged in from another program${noGtk ? ` (${noGtk})` : ''}`, async () => {
    const { app, page } = await open();
    await page.getByText('Drop a disk image here').waitFor();
    await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.setBounds({ x: 0, y: 200, width: 1000, height: 560 }));
    const partner = await gtk(display, ['give', '40', '40', image]);
    await drag(display.name, { x: 100, y: 70 }, { x: 500, y: 500 });
    await partner.line(/sent/);
    await showsRoot(page);
    await partner.end();
  });

  it.skipIf(noGtk !== undefined)(`drags a file out to another program${noGtk ? ` (${noGtk})` : ''}`, async () => {
    const { app, page } = await open([image]);
    await showsRoot(page);
    await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.setBounds({ x: 0, y: 200, width: 1000, height: 560 }));
    const partner = await gtk(display, ['take', '40', '40']);
    await row(page, /readme\.txt/).locator('.entry').click();
    const box = (await row(page, /readme\.txt/).locator('.entry').boundingBox())!;
    const at = await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.getContentBounds());
    await drag(display.name, { x: Math.round(at.x + box.x + 30), y: Math.round(at.y + box.y + box.height / 2) }, { x: 100, y: 70 });
    const path = (await partner.line(/^dropped/)).slice('dropped '.length);
    expect(basename(path)).toBe('readme.txt');
    await until(() => expect(readFileSync(path).equals(readFileSync(join(source, 'readme.txt')))).toBe(true));
    await partner.end();
  });

  it('says what is wrong with a file that is no image, and with one that is missing', async () => {
    const { page } = await open([join(ROOT, 'package.json'), join(folder, 'gone.img')]);
    await page.getByRole('tab', { name: 'package.json' }).click();
    await page.getByText('Nothing known was found').waitFor();
    await shot(page, 'electron-unknown');
  });

  it('gives the page no way out: no Node, no navigation, no new windows, no remote content', async () => {
    const { app, page } = await open();
    await page.getByText('Drop a disk image here').waitFor();
    const found = await page.evaluate(async () => ({
      node: typeof (globalThis as { require?: unknown }).require + typeof (globalThis as { process?: unknown }).process,
      opened: window.open('https://example.org/') === null,
      remote: await fetch('https://example.org/').then(() => 'fetched', () => 'refused'),
      file: await fetch('file:///etc/passwd').then(() => 'fetched', () => 'refused'),
      permission: await Notification.requestPermission(),
    }));
    expect(found).toEqual({ node: 'undefinedundefined', opened: true, remote: 'refused', file: 'refused', permission: 'denied' });
    const before = page.url();
    await page.evaluate(() => { location.href = 'https://example.org/'; });
    await new Promise((resolve) => { setTimeout(resolve, 500); });
    expect(page.url()).toBe(before);
    expect(await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(1);
  });
});

/** A GTK window of ours on the display, ready. */
async function gtk(display: Display, args: readonly string[]): Promise<Lines> {
  const partner = start('/usr/bin/python3', [join(ROOT, 'e2e/harness/drag-partner.py'), ...args], { ...process.env, DISPLAY: display.name, GDK_BACKEND: 'x11', NO_AT_BRIDGE: '1' });
  await partner.line(/ready/);
  return partner;
}
