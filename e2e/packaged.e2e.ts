import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
// @ts-expect-error a script without types: what it returns is written down there
import { missingInPackage } from '../scripts/packaged.mjs';
import { type Display, startDisplay } from './harness/display.ts';
import { scratch } from './harness/image.ts';
import { ProtocolPage } from './harness/page-protocol.ts';
import { endAll, has, run, start } from './harness/processes.ts';
import { ROOT, until } from './harness/window.ts';
import { nothingLeft } from './scenarios/browse.ts';
import { mountsAt, noMount } from './scenarios/mounts.ts';

const images = inject('images');
const why = inject('why') ?? (has('Xvfb') ? undefined : 'needs Xvfb');

/** Milliseconds that packing may take: it copies a whole runtime. */
const PACKING = 600_000;

describe.skipIf(why !== undefined)(`the packaged app${why ? ` (${why})` : ''}`, () => {
  const folder = scratch('packaged');
  const resources = join(folder, 'dist/linux-unpacked/resources');
  let display: Display;

  beforeAll(async () => {
    const packed = spawnSync(process.execPath, [join(ROOT, 'scripts/package.mjs'), '--output', join(folder, 'dist')], { cwd: ROOT, encoding: 'utf8', timeout: PACKING });
    if (packed.status !== 0) throw new Error(`It was not packed:\n${packed.stdout}\n${packed.stderr}`);
    display = await startDisplay();
  }, PACKING);

  afterAll(() => {
    display?.end();
    endAll();
    nothingLeft(folder);
    rmSync(folder, { recursive: true, force: true });
  });

  it('has everything that it needs, and the look into it finds what is missing', () => {
    const outside = join(resources, 'app.asar.unpacked');
    const missing = (): string[] => missingInPackage(resources, ROOT) as string[];
    expect(missing()).toEqual([]);
    for (const [path, told] of [[join(outside, 'guests/keys'), /guests\/keys\/.+ is not unpacked/], [join(outside, 'node_modules'), /koffi\.node is not unpacked/]] as const) {
      renameSync(path, `${path}.gone`);
      expect(missing().join('\n')).toMatch(told);
      renameSync(`${path}.gone`, path);
    }
  });

  it.skipIf(noMount !== undefined)(`opens an image, makes its volume a folder for other programs, and applies what they wrote${noMount ? ` (${noMount})` : ''}`, async () => {
    const image = join(folder, 'packed.img');
    copyFileSync(images!.holiday, image);
    const settings = join(folder, 'settings');
    mkdirSync(settings);
    const app = start(join(folder, 'dist/linux-unpacked/clutch'), [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), '--disable-gpu', '--remote-debugging-port=0', `--user-data-dir=${settings}`, image], { ...process.env, DISPLAY: display.name });
    const gone = once(app.child, 'exit');
    const page = await ProtocolPage.of(/ws:\/\/\S+/.exec(await app.line(/DevTools listening on/, 60_000))![0]);
    await page.shows(/readme\.txt/);
    await page.press('e', true);
    await page.shows(/Lock again/);
    await page.click('Mount');
    await page.shows(/Mounted at/);
    const at = await page.evaluate<string>('document.querySelector(".mount-at").innerText');
    expect(mountsAt(at)).toHaveLength(1);
    expect(run('cat', [join(at, 'readme.txt')])).toBe(readFileSync(join(images!.tree, 'readme.txt'), 'utf8'));
    run('sh', ['-c', 'echo packed > "$1/by another"', 'sh', at]);
    await page.click('Unmount');
    await until(() => expect(mountsAt(at)).toEqual([]), 60_000);
    await page.shows(/1 change pending/);
    await page.press('s');
    await page.shows(/the changes are in the image/);
    // What guests are made of is found, too.
    await page.press('g', true);
    await page.shows(/Linux 6\.12/);
    page.close();
    app.child.kill('SIGTERM');
    await gone;
    expect(run('debugfs', ['-R', 'cat "/by another"', image])).toBe('packed\n');
    expect(run('e2fsck', ['-fn', image])).toContain('Pass 5');
  }, 300_000);
});
