import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import type { AppContract } from '../../shared/contract/calls.ts';
import { createClient } from '../../shared/rpc/client.ts';
import { memoryPair } from '../../shared/rpc/transports/memory.ts';
import type { Client } from '../../shared/rpc/types.ts';
import { mountProviders } from '../mounts/providers.ts';
import { App, type Platform } from './service.ts';
import { FakeProcess } from './testing/fake-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'clutch-mounted-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('images that are mounted', () => {
  let processes: FakeProcess[];
  let shown: string[];
  let copied: string[];
  let platform: Platform<never>;
  let app: App<never>;
  const path = join(folder, 'disk.img');

  beforeEach(() => {
    writeFileSync(path, 'x');
    processes = [];
    shown = [];
    copied = [];
    platform = {
      info: { version: '0', client: 'browser', platform: 'linux', dialogs: 'path', dragOut: false }, folder, session: false,
      async showFolder(at) { shown.push(at); },
      copyText(text) { copied.push(text); },
      startProcess() {
        processes.push(new FakeProcess());
        return processes.at(-1)!;
      },
    };
    app = new App<never>(platform);
  });

  /** An image that a page has open, with its process. */
  async function open(): Promise<{ page: Client<AppContract>; image: number; host: FakeProcess }> {
    const [near, far] = memoryPair();
    app.connect(far);
    const page = createClient<AppContract>(near);
    const { image } = await page.call('image.open', { token: (await page.call('path.source', { path })).token });
    const host = processes.findLast(({ heard }) => heard.some((message) => message.do === 'open'))!;
    return { page, image, host };
  }

  it('are made in ways that the page shows: which systems each is for, and where it was tried', async () => {
    const [near, far] = memoryPair();
    app.connect(far);
    const ways = await createClient<AppContract>(near).call('mount.ways', {});
    expect(ways.map(({ id }) => id)).toEqual(mountProviders.map(({ id }) => id));
    expect(ways.find(({ id }) => id === 'winfsp')).toMatchObject({ title: 'WinFsp', systems: { Windows: '' } });
    expect(Object.keys(ways[0]!)).toEqual(['id', 'title', 'summary', 'systems']);
    await app.close();
  });

  it('are shown where they are, if they are folders', async () => {
    const { page, image, host } = await open();
    host.tell({ did: 'mounts', mounts: [{ mount: 1, at: '/run/clutch/disk.img', mounted: true, write: false }, { mount: 2, at: 'http://localhost:1/', mounted: false, write: false }] });
    await page.call('mount.show', { image, mount: 1 });
    expect(shown).toEqual(['/run/clutch/disk.img']);
    await expect(page.call('mount.show', { image, mount: 2 })).rejects.toMatchObject({ fault: { errno: 'ENOTDIR' } });
    await expect(page.call('mount.show', { image, mount: 3 })).rejects.toMatchObject({ fault: { errno: 'EBADF' } });
    await app.close();
  });

  it('are copied as the system names them, which the page does not know', async () => {
    const { page, image, host } = await open();
    host.tell({ did: 'mounts', mounts: [{ mount: 1, at: '/run/odd\nname\u202e', mounted: true, write: false }] });
    await page.call('mount.copy', { image, mount: 1 });
    expect(copied).toEqual(['/run/odd\nname\u202e']);
    // A page in a browser has the only clipboard that is the person's.
    delete platform.copyText;
    expect(await page.call('mount.copy', { image, mount: 1 })).toEqual({ text: '/run/odd\nname\u202e' });
    await expect(page.call('mount.copy', { image, mount: 2 })).rejects.toMatchObject({ fault: { errno: 'EBADF' } });
    await app.close();
  });

  it('are unmounted before they are closed, and stay open while somebody uses them', async () => {
    const { page, image, host } = await open();
    host.tell({ did: 'mounts', mounts: [{ mount: 1, at: '/m', mounted: true, write: false }] });
    host.busy = { fault: { kind: 'busy' }, message: 'in use by bash (7)' };
    await expect(page.call('image.close', { image })).rejects.toMatchObject({ fault: { kind: 'busy' }, message: 'in use by bash (7)' });
    host.busy = undefined;
    await page.call('image.close', { image });
    expect(host.heard.slice(-2)).toEqual([{ do: 'unmount' }, { do: 'close', discard: true }]);
    await app.close();
  });

  it('are cut off from whoever uses them when the image is closed for good: it waits for nobody', async () => {
    const { page, image, host } = await open();
    host.tell({ did: 'mounts', mounts: [{ mount: 1, at: '/m', mounted: true, write: true }] });
    host.busy = { fault: { kind: 'busy' }, message: 'in use by bash (7)' };
    await page.call('image.close', { image, discard: true });
    expect(host.heard.at(-1)).toEqual({ do: 'close', discard: true });
    await app.close();
  });

  it('are not closed with what programs wrote last, unless that is to be discarded', async () => {
    const { page, image, host } = await open();
    host.tell({ did: 'mounts', mounts: [{ mount: 1, at: '/m', mounted: true, write: true }] });
    host.pending = 1;
    await expect(page.call('image.close', { image })).rejects.toMatchObject({ fault: { kind: 'busy' }, message: 'A change of the image is pending' });
    await page.call('image.close', { image, discard: true });
    await app.close();
  });

  it('stay when their page is gone and programs may write to them', async () => {
    const first = await open();
    first.host.tell({ did: 'mounts', mounts: [{ mount: 1, at: '/m', mounted: true, write: true }] });
    first.page.close();
    const second = await open();
    expect(second.image).toBe(first.image);
    expect(first.host.heard.filter((message) => message.do === 'close')).toEqual([]);
    first.host.tell({ did: 'mounts', mounts: [{ mount: 2, at: '/m', mounted: true, write: false }] });
    second.page.close();
    await expect.poll(() => first.host.heard.at(-1)).toEqual({ do: 'close', discard: true });
    await app.close();
  });
});
