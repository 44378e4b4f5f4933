import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import type { AppContract } from '../../shared/contract/calls.ts';
import { createClient } from '../../shared/rpc/client.ts';
import { memoryPair } from '../../shared/rpc/transports/memory.ts';
import type { Client } from '../../shared/rpc/types.ts';
import { App } from './service.ts';
import { FakeProcess } from './testing/fake-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'clutch-pending-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('images with pending changes', () => {
  let processes: FakeProcess[];
  let app: App<never>;
  let page: Client<AppContract>;
  const image = join(folder, 'disk.img');

  function connect(): Client<AppContract> {
    const [near, far] = memoryPair();
    app.connect(far);
    return createClient<AppContract>(near);
  }
  /** The process that has the image. */
  const opened = (): FakeProcess => processes.find(({ heard }) => heard.some((message) => message.do === 'open'))!;

  beforeEach(() => {
    writeFileSync(image, 'x');
    processes = [];
    app = new App<never>({
      info: { version: '0', client: 'browser', platform: 'linux', dialogs: 'path', dragOut: false }, folder, session: false,
      startProcess() {
        processes.push(new FakeProcess());
        return processes.at(-1)!;
      },
    });
    page = connect();
  });

  const open = async (client: Client<AppContract>): Promise<number> => (await client.call('image.open', { token: (await client.call('path.source', { path: image })).token })).image;

  it('are closed only when they are to be discarded', async () => {
    const number = await open(page);
    opened().tell({ did: 'change', pending: 2, applying: false });
    expect(app.pending).toBe(1);
    await expect(page.call('image.close', { image: number })).rejects.toMatchObject({ fault: { kind: 'busy' }, message: '2 changes of the image are pending' });
    await page.call('image.close', { image: number, discard: true });
    expect(opened().heard.at(-1)).toEqual({ do: 'close', discard: true });
    expect(app.pending).toBe(0);
    await app.close();
  });

  it('are opened by the next page itself where there is but one window, and the others are not', async () => {
    const quiet = app;
    app = new App<never>({
      info: { version: '0', client: 'electron', platform: 'linux', dialogs: 'path', dragOut: false }, folder, session: true,
      startProcess() {
        processes.push(new FakeProcess());
        return processes.at(-1)!;
      },
    });
    const [near, far] = memoryPair();
    app.connect(far);
    const first = createClient<AppContract>(near);
    const number = await open(first);
    opened().tell({ did: 'change', pending: 1, applying: false });
    near.close();
    const next = connect();
    for await (const event of next.stream('app.events', {})) {
      if (event.event !== 'open') continue;
      expect(event.sources.map(({ name }) => name)).toEqual(['disk.img']);
      expect(await next.call('image.open', { token: event.sources[0]!.token })).toEqual({ image: number });
      break;
    }
    await app.close();
    await quiet.close();
  });

  it('outlive their page, and are there again for the next one that opens the image', async () => {
    const number = await open(page);
    opened().tell({ did: 'change', pending: 1, applying: false });
    page.close();
    const next = connect();
    expect(await open(next)).toBe(number);
    expect(opened().heard.some((message) => message.do === 'close')).toBe(false);
    opened().tell({ did: 'change', pending: 0, applying: false });
    next.close();
    await new Promise((resolve) => { setTimeout(resolve, 20); });
    expect(opened().heard.at(-1)).toMatchObject({ do: 'close' });
    await app.close();
  });

  it('are given files to put, and parcels, by words of their own', async () => {
    const number = await open(page);
    const { token: source } = await page.call('path.source', { path: image });
    await expect(page.call('image.grantSources', { image: number, tokens: [source] })).rejects.toMatchObject({ fault: { errno: 'EACCES' } });
    const { token } = await page.call('path.put', { path: image });
    await page.call('image.grantSources', { image: number, tokens: [token] });
    expect(opened().heard.at(-1)).toEqual({ do: 'grant', token, path: image, use: 'put' });
    await expect(page.call('path.put', { path: join(folder, 'gone') })).rejects.toMatchObject({ fault: { errno: 'ENOENT' } });
    const { parcel } = await page.call('parcel.make', { from: number, to: number });
    const granted = opened().heard.at(-1)!;
    expect(granted).toMatchObject({ do: 'grant', token: parcel, use: 'parcel' });
    const path = granted.do === 'grant' ? granted.path : '';
    expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
    await page.call('parcel.drop', { parcel });
    expect(existsSync(dirname(path))).toBe(false);
    await app.close();
  });
});
