import { describe, expect, it } from 'vitest';
import { encodeName } from '../../core/names.ts';
import { dir, file } from '../../testing/memory-filesystem.ts';
import { WritableMemoryFileSystem } from '../../testing/memory-writer.ts';
import { type Answer, BASE, HOST, LOCK, multistatus, pieces, serve, tokenOf } from '../../testing/webdav-client.ts';
import { WebdavHandler } from './handler.ts';

const lockTree = () => dir({ f: file('f'), g: file('g'), d: dir({ x: file('x'), s: dir({ y: file('y') }) }) });

describe('LOCK and UNLOCK', () => {
  it('keep others away, and let in who has the token', async () => {
    const { ask, content } = serve(lockTree());
    const locked = await ask('LOCK', '/f', { depth: '0', timeout: 'Infinite, Second-60' }, LOCK());
    const token = tokenOf(locked);
    expect([locked.status, locked.text]).toEqual([200, expect.stringContaining(`<D:locktoken><D:href>${token}</D:href></D:locktoken><D:lockroot><D:href>${BASE}/f</D:href></D:lockroot>`)]);
    expect(locked.text).toContain('<D:owner><D:href>me &amp; you</D:href></D:owner><D:timeout>Second-3600</D:timeout>');
    expect(multistatus((await ask('PROPFIND', '/f', { depth: '0' })).text).get(`${BASE}/f`)![200]!['lockdiscovery']).toContain(token);
    const refused = await ask('PUT', '/f', {}, 'no');
    expect([refused.status, refused.text]).toEqual([423, expect.stringContaining(`<D:lock-token-submitted><D:href>${BASE}/f</D:href></D:lock-token-submitted>`)]);
    for (const [method, headers] of [['DELETE', {}], ['MOVE', { destination: '/n' }], ['PROPPATCH', {}]] as [string, Record<string, string>][]) {
      expect((await ask(method, '/f', headers, method === 'PROPPATCH' ? '<propertyupdate xmlns="DAV:"><set><prop><a/></prop></set></propertyupdate>' : undefined)).status, method).toBe(423);
    }
    expect((await ask('COPY', '/g', { destination: '/f' })).status).toBe(423);
    expect((await ask('LOCK', '/f', {}, LOCK())).text).toContain('no-conflicting-lock');
    expect((await ask('LOCK', '/f', {}, LOCK('shared'))).status).toBe(423);
    expect((await ask('COPY', '/f', { destination: '/copy' })).status).toBe(201);
    expect((await ask('PUT', '/copy', {}, 'free')).status).toBe(204);
    expect((await ask('PUT', '/f', { if: `(<${token}>)` }, 'yes')).status).toBe(204);
    expect(await content('f')).toBe('yes');
    expect((await ask('UNLOCK', '/f', { 'lock-token': '<urn:uuid:other>' })).status).toBe(409);
    expect((await ask('UNLOCK', '/g', { 'lock-token': `<${token}>` })).status).toBe(409);
    expect((await ask('UNLOCK', '/f', {})).status).toBe(400);
    expect((await ask('UNLOCK', '/f', { 'lock-token': `<${token}>` })).status).toBe(204);
    expect((await ask('PUT', '/f', {}, 'again')).status).toBe(204);
  });

  it('share, and then keep all others away', async () => {
    const { ask } = serve(lockTree());
    const tokens = [tokenOf(await ask('LOCK', '/f', {}, LOCK('shared'))), tokenOf(await ask('LOCK', '/f', {}, LOCK('shared')))];
    expect(new Set(tokens).size).toBe(2);
    expect([(await ask('PUT', '/f', {}, 'x')).status, (await ask('LOCK', '/f', {}, LOCK())).status, (await ask('LOCK', '/', {}, LOCK())).status]).toEqual([423, 423, 423]);
    for (const token of tokens) expect((await ask('PUT', '/f', { if: `(<${token}>)` }, 'x')).status).toBe(204);
  });

  it('on a folder are about its names, and about all below when they are deep', async () => {
    const { ask } = serve(lockTree());
    const shallow = tokenOf(await ask('LOCK', '/d', { depth: '0' }, LOCK()));
    expect([(await ask('PUT', '/d/new', {}, 'x')).status, (await ask('DELETE', '/d/x')).status, (await ask('PUT', '/d/x', {}, 'x')).status, (await ask('PUT', '/d/s/new', {}, 'x')).status]).toEqual([423, 423, 204, 201]);
    expect((await ask('PUT', '/d/new', { if: `<http://${HOST}${BASE}/d/> (<${shallow}>)` }, 'x')).status).toBe(201);
    await ask('UNLOCK', '/d', { 'lock-token': `<${shallow}>` });
    const deep = tokenOf(await ask('LOCK', '/d/', {}, LOCK()));
    expect([(await ask('PUT', '/d/s/y', {}, 'x')).status, (await ask('LOCK', '/d/s/y', {}, LOCK())).status, (await ask('MOVE', '/f', { destination: '/d/s/f' })).status]).toEqual([423, 423, 423]);
    expect((await ask('PUT', '/d/s/y', { if: `(<${deep}>)` }, 'x')).status).toBe(204);
    // A lock below keeps the whole from going.
    await ask('UNLOCK', '/d/x', { 'lock-token': `<${deep}>` });
    const inner = tokenOf(await ask('LOCK', '/d/s/y', {}, LOCK()));
    expect((await ask('DELETE', '/d')).status).toBe(423);
    expect((await ask('DELETE', '/d', { if: `<${BASE}/d/s/y> (<${inner}>)` })).status).toBe(204);
    expect((await ask('MKCOL', '/d')).status).toBe(201);
    expect((await ask('PUT', '/d/s', {}, 'free')).status).toBe(201);
  });

  it('make what is not there, end with what is gone, and go when their time is over', async () => {
    const { ask, content, clock } = serve(lockTree());
    const made = await ask('LOCK', '/new', { timeout: 'Second-100' }, LOCK());
    expect([made.status, await content('new')]).toEqual([201, '']);
    expect((await ask('LOCK', '/none/x', {}, LOCK())).status).toBe(409);
    const refresh = { if: `(<${tokenOf(made)}>)`, timeout: 'Second-200' };
    clock.now += 99_000;
    expect(await ask('LOCK', '/new', refresh)).toMatchObject({ status: 200, text: expect.stringContaining('<D:timeout>Second-200</D:timeout>') as string });
    clock.now += 199_000;
    expect((await ask('PUT', '/new', {}, 'x')).status).toBe(423);
    clock.now += 1000;
    expect((await ask('PUT', '/new', {}, 'x')).status).toBe(204);
    expect([(await ask('LOCK', '/new', refresh)).status, (await ask('LOCK', '/new')).status]).toEqual([412, 400]);
    const again = tokenOf(await ask('LOCK', '/f', {}, LOCK()));
    expect((await ask('MOVE', '/f', { destination: '/moved', if: `(<${again}>)` })).status).toBe(201);
    expect([(await ask('PUT', '/f', {}, 'x')).status, (await ask('PUT', '/moved', {}, 'x')).status]).toEqual([201, 204]);
  });

  it('keep a file from being replaced by an upload that began before them', async () => {
    const { ask, content } = serve(lockTree());
    let locked: Answer | undefined;
    const body = async function* (): AsyncGenerator<Uint8Array> {
      yield encodeName('late');
      locked = await ask('LOCK', '/f', {}, LOCK());
    };
    expect((await ask('PUT', '/f', {}, body())).status).toBe(423);
    expect([locked!.status, await content('f')]).toEqual([200, 'f']);
  });

  it('are asked for in a form that is one', async () => {
    const { ask } = serve(lockTree());
    for (const body of ['<x/>', '<lockinfo xmlns="DAV:"/>', LOCK('selfish'), LOCK().replace('<write/>', '<read/>')]) expect((await ask('LOCK', '/f', {}, body)).status).toBe(400);
    expect((await ask('LOCK', '/f', { depth: '1' }, LOCK())).status).toBe(400);
    expect((await ask('LOCK', '/f', {}, LOCK().replace('me', 'x'.repeat(5000)))).status).toBe(413);
  });

  it('are not without end', async () => {
    const { ask } = serve(lockTree());
    let status = 0;
    let count = 0;
    for (; count < 2000; count++) if ((status = (await ask('LOCK', '/f', {}, LOCK('shared'))).status) !== 200) break;
    expect([status, count]).toEqual([503, 1000]);
  });

  it('hold If headers with tags, tokens and their opposites', async () => {
    const { ask } = serve(lockTree());
    const token = tokenOf(await ask('LOCK', '/f', {}, LOCK()));
    const etag = (await ask('HEAD', '/f')).headers['etag']!;
    for (const [header, status] of [
      [`(<${token}> [${etag}])`, 200], [`(<${token}> ["no"])`, 412], [`(<${token}>) (["no"])`, 200], ['(Not <DAV:no-lock>)', 200], [`(Not <${token}>)`, 412], [`</other> (<${token}>)`, 412], [`<${BASE}/f> ([${etag}])`, 200],
      [`<http://elsewhere/f> (Not <${token}>)`, 200], ['()', 400], ['', 400], ['(<a', 400], [`(<a>) </x> (<b>)`, 400], [`(${'<a>'.repeat(300)})`, 400],
    ] as [string, number][]) expect((await ask('GET', '/f', { if: header })).status, header).toBe(status);
    expect((await ask('PUT', '/f', { if: `(<${token}x>) (Not <DAV:no-lock>)` }, 'x')).status).toBe(423);
    expect((await ask('PUT', '/g', { if: `(<${token}>)` }, 'x')).status).toBe(412);
  });
});

it('listens to the tree until it is closed, and makes changes durable where it is told to', async () => {
  const { handler, listeners } = serve();
  expect(listeners.size).toBe(1);
  handler.close();
  expect(listeners.size).toBe(0);
  const fs = new WritableMemoryFileSystem();
  const direct = new WebdavHandler({ tree: { fs, onChange: () => () => {} }, title: '', now: () => 0, random: () => {}, breathe: () => undefined, direct: true });
  await direct.handle({ method: 'PUT', target: '/f', base: '', headers: {}, body: pieces(encodeName('x')) });
  expect(fs.synced).toBe(1);
});
