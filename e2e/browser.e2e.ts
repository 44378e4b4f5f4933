import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeImage, makeTree, scratch } from './harness/image.ts';
import { endAll, has } from './harness/processes.ts';
import { CHROMIUM, type Served, shot, startServed } from './harness/window.ts';
import { browsesAndPreviews, extractsAll, nothingLeft, showsRoot } from './scenarios/browse.ts';

const why = !existsSync(CHROMIUM) ? 'needs Chromium' : !has('mke2fs') ? 'needs mke2fs' : undefined;

describe.skipIf(why !== undefined)(`the window in a browser${why ? ` (${why})` : ''}`, () => {
  const folder = scratch('browser');
  const source = join(folder, 'tree');
  const image = join(folder, 'holiday.img');
  let served: Served;

  beforeAll(async () => {
    process.env['CLUTCH_E2E_CLIENT'] = 'browser';
    mkdirSync(source);
    makeTree(source);
    makeImage(source, image);
    served = await startServed(join(folder, 'settings'), [image]);
  });

  afterAll(async () => {
    await served?.close();
    endAll();
    nothingLeft(folder);
    rmSync(folder, { recursive: true, force: true });
  });

  it('opens, browses, previews and extracts the same way', async () => {
    const { page } = served;
    await showsRoot(page);
    await shot(page, 'browser-root');
    await browsesAndPreviews(page);
    const target = join(folder, 'out');
    mkdirSync(target);
    await extractsAll(page, source, target, (p) => p.getByRole('dialog').getByRole('textbox').fill(target));
  });

  it('lets nobody in without the token, and nobody twice', async () => {
    const { url } = served;
    const { origin } = new URL(url);
    expect((await fetch(url)).status).toBe(403);
    expect((await fetch(origin)).status).toBe(403);
  });
});
