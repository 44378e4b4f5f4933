import { once } from 'node:events';
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type InlineConfig } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { missingTools, run, scratchFolder } from '../../engines/testing/tools.ts';
import type { AppContract, AppEvent, HostContract } from '../../shared/contract/calls.ts';
import { createClient } from '../../shared/rpc/client.ts';
import { websocketTransport } from '../../shared/rpc/transports/websocket.ts';
import type { Client } from '../../shared/rpc/types.ts';
import { serve, type Served } from './index.ts';

const skip = missingTools('mke2fs');

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

function get(url: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { hostname, port, pathname, search } = new URL(url);
    const sent = request({ hostname, port, path: pathname + search, method, headers }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => { body += text; }).on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body }));
    });
    sent.on('error', reject).end();
  });
}

describe('clutch serve', () => {
  const scratch = scratchFolder();
  const image = join(scratch.path, 'image.ext4');
  const built = { host: join(scratch.path, 'host/host.cjs'), renderer: join(scratch.path, 'renderer') };
  let served: Served;
  let origin: string;
  let cookie: string;
  let welcome: Answer;

  beforeAll(async () => {
    const { nodeConfig } = await import(pathToFileURL('vite.node.config.mjs').href) as { nodeConfig(entry: object, folder: string): InlineConfig };
    await build(nodeConfig({ source: 'src/host/process.ts', out: 'out/host/host.cjs' }, join(scratch.path, 'host')));
    mkdirSync(join(built.renderer, 'assets'), { recursive: true });
    writeFileSync(join(built.renderer, 'index.html'), '<!doctype html><title>page</title>');
    writeFileSync(join(built.renderer, 'assets/app.js'), 'export {};');
    writeFileSync(join(scratch.path, 'secret'), 'secret');
    writeFileSync(image, '');
    truncateSync(image, 8 << 20);
    if (skip === undefined) run('mke2fs', ['-q', '-F', '-t', 'ext4', '-L', 'served', image]);
    served = await start();
    ({ origin } = new URL(served.url));
    welcome = await get(served.url);
    [cookie] = (welcome.headers['set-cookie'] as string[])[0]!.split(';') as [string];
  });

  afterAll(async () => {
    await served?.close();
    scratch.remove();
  });

  const start = (): Promise<Served> => serve({ images: [image], built, settings: join(scratch.path, 'settings') });

  /** Writes a request as it is, for paths that clients would tidy up. */
  async function raw(path: string): Promise<string> {
    const { hostname, port, host } = new URL(origin);
    const socket = connect(Number(port), hostname);
    socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nCookie: ${cookie}\r\nConnection: close\r\n\r\n`);
    let text = '';
    socket.setEncoding('utf8').on('data', (more: string) => { text += more; });
    await once(socket, 'close');
    return text;
  }

  const open = (path: string, headers: Record<string, string> = { cookie, origin }): Promise<WebSocket> => new Promise((resolve, reject) => {
    const socket = new WebSocket(`${origin.replace('http', 'ws')}${path}`, { headers });
    socket.on('open', () => resolve(socket)).on('error', reject);
  });

  async function openApp(): Promise<Client<AppContract>> {
    return createClient<AppContract>(websocketTransport(await open('/app')));
  }

  it('exchanges the token for a cookie that only the browser and only this site see', () => {
    expect(welcome).toMatchObject({ status: 303, headers: { location: '/' } });
    expect(welcome.headers['set-cookie']).toEqual([expect.stringMatching(/^clutch-\d+=[0-9a-f]{64}; HttpOnly; SameSite=Strict; Path=\/$/)]);
  });

  it('sends the page to a browser with the cookie, with a policy that allows nothing else', async () => {
    const page = await get(`${origin}/`, { cookie });
    expect(page).toMatchObject({ status: 200, body: '<!doctype html><title>page</title>' });
    expect(page.headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self';/);
    expect(page.headers['content-security-policy']).not.toContain('unsafe');
    expect(page.headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'cross-origin-opener-policy': 'same-origin' });
    expect(await get(`${origin}/assets/app.js`, { cookie })).toMatchObject({ status: 200, headers: { 'content-type': 'text/javascript; charset=utf-8' } });
  });

  it('sends nothing without the cookie, and takes the token once', async () => {
    expect((await get(`${origin}/`)).status).toBe(403);
    expect((await get(`${origin}/assets/app.js`)).status).toBe(403);
    expect((await get(served.url)).status).toBe(403);
    expect((await get(`${origin}/?token=${'0'.repeat(64)}`)).status).toBe(403);
    expect((await get(`${origin}/`, { cookie: `${cookie}0` })).status).toBe(403);
    expect((await get(`${origin}/`, { cookie: cookie.replace(/.$/, (last) => (last === '0' ? '1' : '0')) })).status).toBe(403);
  });

  it('answers only to its own address and its own pages', async () => {
    expect((await get(`${origin}/`, { cookie, host: 'evil.example' })).status).toBe(403);
    expect((await get(`${origin}/`, { cookie, host: `localhost:${new URL(origin).port}` })).status).toBe(403);
    expect((await get(`${origin}/`, { cookie, origin: 'https://evil.example' })).status).toBe(403);
    expect((await get(`${origin}/`, { cookie, 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    expect((await get(`${origin}/`, { cookie }, 'POST')).status).toBe(405);
    await expect(serve({ images: [], host: '0.0.0.0', built })).rejects.toMatchObject({ fault: { kind: 'usage', errno: 'EACCES' } });
  });

  it.each(['/../secret', '/assets/../../secret', '/%2e%2e/secret', '/..%2fsecret', '/assets/%00', '//secret', '/.hidden', '/assets', '/nothing.js', '/\\..\\secret'])('finds nothing outside the page\'s folder: %s', async (path) => {
    const text = await raw(path);
    expect(text).toMatch(/^HTTP\/1\.1 (404|400|403) /);
    expect(text).not.toContain('secret');
  });

  it.each<[string, string, (own: { cookie: string; origin: string }) => Record<string, string>]>([
    ['without the cookie', '/app', ({ origin: own }) => ({ origin: own })],
    ['of another site', '/app', (own) => ({ cookie: own.cookie, origin: 'https://evil.example' })],
    ['without an origin', '/app', (own) => ({ cookie: own.cookie })],
    ['under another name', '/app', (own) => ({ ...own, host: 'evil.example' })],
    ['to nothing', '/nothing', (own) => own],
    ['to an image that is not open', '/image/99', (own) => own],
  ])('refuses a WebSocket %s', async (_, path, headers) => {
    await expect(open(path, headers({ cookie, origin }))).rejects.toThrow('403');
  });

  it.skipIf(skip !== undefined)('serves the app and an image in a process of its own', async () => {
    const app = await openApp();
    expect(await app.call('app.info', {})).toMatchObject({ client: 'browser', dialogs: 'path', dragOut: false });
    const events = app.stream('app.events', {})[Symbol.asyncIterator]();
    const { value: first } = await events.next() as { value: AppEvent };
    expect(first).toMatchObject({ event: 'open', sources: [{ name: 'image.ext4', path: image }] });
    const [source] = (first as Extract<AppEvent, { event: 'open' }>).sources;
    const { image: opened } = await app.call('image.open', { token: source!.token });
    const host = createClient<HostContract>(websocketTransport(await open(`/image/${opened}`)));
    const info = await host.call('image.info', {});
    expect(info).toMatchObject({ summary: 'ext4 (clean)', layers: [{ label: 'served' }] });
    const { view } = await host.call('view.open', { layer: '0', node: 2, sort: { key: 'name', descending: false }, hidden: true });
    const [row] = await host.call('view.rows', { view, from: 0, count: 10 });
    expect(row).toMatchObject({ name: 'lost+found', mtime: expect.any(BigInt) });
    expect((await events.next()).value).toMatchObject({ event: 'recents', recents: [{ name: 'image.ext4', summary: 'ext4 (clean)', missing: false }] });

    const folder = await app.call('path.folder', { path: join(scratch.path, 'out') });
    const extract = (): Promise<{ job: number }> => host.call('extract.start', { layer: '0', entries: [{ node: row!.node, name: row!.name }], target: folder.token, options: {} });
    await expect(extract()).rejects.toMatchObject({ fault: { errno: 'EACCES' } });
    await expect(app.call('image.grant', { image: opened, token: source!.token })).rejects.toMatchObject({ fault: { errno: 'EACCES' } });
    await app.call('image.grant', { image: opened, token: folder.token });
    const { job } = await extract();
    let last: unknown;
    for await (const event of host.stream('job.events', { job })) last = event;
    expect(last).toMatchObject({ event: 'end', state: 'done', summary: { directories: 1 } });

    const gone = new Promise<string>((resolve) => { host.onClose(resolve); });
    await app.call('image.close', { image: opened });
    await gone;
    await expect(open(`/image/${opened}`)).rejects.toThrow('403');
    app.close();
  });

  it('refuses paths that are none, dialogs and drags', async () => {
    const app = await openApp();
    await expect(app.call('path.source', { path: join(scratch.path, 'none') })).rejects.toMatchObject({ fault: { errno: 'ENOENT' } });
    await expect(app.call('path.source', { path: 'relative' })).rejects.toMatchObject({ fault: { errno: 'EINVAL' } });
    await expect(app.call('path.source', { path: scratch.path })).rejects.toMatchObject({ fault: { errno: 'EINVAL' } });
    await expect(app.call('path.folder', { path: image })).rejects.toMatchObject({ fault: { errno: 'ENOTDIR' } });
    await expect(app.call('dialog.open', {})).rejects.toMatchObject({ fault: { errno: 'ENOTSUP' } });
    await expect(app.call('image.open', { token: 'f'.repeat(32) })).rejects.toMatchObject({ fault: { errno: 'EACCES' } });
    await expect(app.call('image.grant', { image: 99, token: 'f'.repeat(32) })).rejects.toMatchObject({ fault: { errno: 'EACCES' } });
    app.close();
  });

  it.skipIf(skip !== undefined)('tells when an image\'s process is lost, and ends all processes when it ends', async () => {
    // Under a name of its own: processes of the other server come and go in their own time.
    symlinkSync(join(scratch.path, 'host'), join(scratch.path, 'host-of-another'));
    const program = join(scratch.path, 'host-of-another/host.cjs');
    const other = await serve({ images: [image], built: { ...built, host: program }, settings: join(scratch.path, 'settings') });
    const [own] = ((await get(other.url)).headers['set-cookie'] as string[])[0]!.split(';') as [string];
    const there = new URL(other.url).origin;
    const connectTo = (path: string): Promise<WebSocket> => new Promise((resolve, reject) => {
      const socket = new WebSocket(`${there.replace('http', 'ws')}${path}`, { headers: { cookie: own, origin: there } });
      socket.on('open', () => resolve(socket)).on('error', reject);
    });
    const app = createClient<AppContract>(websocketTransport(await connectTo('/app')));
    const { token } = await app.call('path.source', { path: image });
    const [first, second] = [await app.call('image.open', { token }), await app.call('image.open', { token })];
    for (const each of [first, second]) await createClient<HostContract>(websocketTransport(await connectTo(`/image/${each.image}`))).call('image.info', {});
    const children = hostsOf(program);
    expect(children.length).toBeGreaterThanOrEqual(2);
    process.kill(children[0]!, 'SIGKILL');
    for await (const event of app.stream('app.events', {})) {
      if (event.event !== 'lost') continue;
      expect(event).toMatchObject({ image: first.image, reason: expect.stringContaining('SIGKILL') });
      break;
    }
    await other.close();
    expect(hostsOf(program)).toEqual([]);
  });
});

/** The processes that run a program, of those that this one started: others may run the same build. */
function hostsOf(program: string): number[] {
  const all = run('ps', ['-eo', 'pid=,ppid=,args=']).split('\n').map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line)).filter((match) => match !== null);
  return all.filter(([, , parent, args]) => Number(parent) === process.pid && args!.includes(program)).map(([, pid]) => Number(pid)).toSorted((a, b) => a - b);
}
