import { describe, expect, it } from 'vitest';
import { encodeName } from '../../core/names.ts';
import { dir, file, type MemoryNode, symlink } from '../../testing/memory-filesystem.ts';
import { BASE, HOST, LOCK, breaking, multistatus, pieces, serve } from '../../testing/webdav-client.ts';

const linkTree = () => dir({
  real: dir({ file: file('inside'), up: symlink('..'), self: symlink('.'), side: symlink('../other/l') }), other: dir({ l: symlink('/real/file'), back: symlink('../real') }),
  direct: symlink('real/file'), folder: symlink('/real'), nowhere: symlink('gone'), out: symlink('../../../../real/file'), round: symlink('round'), pipe: { type: 'fifo' } as MemoryNode,
});
const fileTree = () => dir({ f: file('0123456789', { mtime: 1_700_000_000_500_000_000n }), empty: file(), d: dir({ '<b>': file('x') }) });

describe('OPTIONS', () => {
  it('says class 2 where it can be written to, class 1 where not', async () => {
    expect((await serve().ask('OPTIONS', '/')).headers).toMatchObject({ dav: '1, 2', 'ms-author-via': 'DAV', allow: expect.stringContaining('PROPPATCH') });
    const { headers } = await serve(dir(), { readOnly: true }).ask('OPTIONS', '/');
    expect(headers).toMatchObject({ dav: '1', allow: 'OPTIONS, GET, HEAD, PROPFIND' });
  });

  it('refuses to change what is served for reading alone, whatever the method', async () => {
    const { ask, content } = serve(dir({ a: file('x') }), { readOnly: true });
    for (const method of ['PUT', 'DELETE', 'MKCOL', 'COPY', 'MOVE', 'PROPPATCH', 'LOCK', 'UNLOCK']) expect((await ask(method, '/a', { destination: '/b' }, method === 'PUT' ? 'y' : undefined)).status).toBe(403);
    expect(await content('a')).toBe('x');
  });

  it('does not answer other methods', async () => {
    const { ask } = serve();
    expect((await ask('POST', '/')).status).toBe(405);
    expect((await ask('SEARCH', '/')).status).toBe(501);
    expect((await ask('TRACE', '/')).headers['allow']).toContain('GET');
  });
});

describe('paths', () => {
  it.each([
    ['/..', 400], ['/a/../b', 400], ['/%2e%2e', 400], ['/%2E/', 400], ['/a%2fb', 400], ['/a%00', 400], ['/%zz', 400], ['/%4', 400], ['/a#b', 400], ['/none', 404], ['/a/none', 404], ['/d/a/b/c', 404],
    ['/d//x', 200], ['/d/x?query', 200], ['/%64/x', 200], ['/a%5cb', 404],
  ])('%s is %i', async (path, status) => {
    expect((await serve(dir({ a: file('a'), d: dir({ x: file('x') }) })).ask('GET', path)).status).toBe(status);
  });

  it('keeps names of any bytes', async () => {
    const { ask, fs } = serve();
    expect((await ask('PUT', '/%ff%fe%0a%26', {}, 'odd')).status).toBe(201);
    expect(fs.lookup(fs.root, '\udcff\udcfe\n&')).toBeDefined();
    const found = multistatus((await ask('PROPFIND', '/', { depth: '1' })).text);
    expect(found.get(`${BASE}/%FF%FE%0A%26`)![200]!['displayname']).toBe('\\xff\\xfe\\x0a&');
    expect((await ask('GET', '/%FF%FE%0A%26')).text).toBe('odd');
  });

  it('does not lead out of the base, nor to another server', async () => {
    const { handler, ask } = serve(dir({ a: file('a') }));
    const bare = (target: string, headers = {}) => handler.handle({ method: 'GET', target, base: BASE, headers, body: pieces() });
    for (const target of ['/', '/secret/disk.imgx/a', '/secret', 'a', '*']) expect((await bare(target)).status).toBe(404);
    expect((await handler.handle({ method: 'MOVE', target: `${BASE}/a`, base: BASE, headers: { host: HOST, destination: `http://elsewhere${BASE}/b` }, body: pieces() })).status).toBe(502);
    expect((await handler.handle({ method: 'MOVE', target: `${BASE}/a`, base: BASE, headers: { host: HOST, destination: 'b' }, body: pieces() })).status).toBe(400);
    expect((await handler.handle({ method: 'MOVE', target: `${BASE}/a`, base: BASE, headers: { host: HOST, destination: `http://me@${HOST}${BASE}/../../x` }, body: pieces() })).status).toBe(400);
    expect((await ask('MOVE', '/a', { destination: '/%2e%2e/b' })).status).toBe(400);
    expect((await handler.handle({ method: 'MOVE', target: `${BASE}/a`, base: BASE, headers: { host: HOST, destination: `${BASE}/b` }, body: pieces() })).status).toBe(201);
  });
});

describe('symbolic links', () => {
  it('are followed inside the tree, whose root is a wall', async () => {
    const { ask } = serve(linkTree());
    for (const path of ['/direct', '/folder/file', '/out', '/other/l', '/real/side', '/folder/side', '/other/back/file']) expect((await ask('GET', path)).text, path).toBe('inside');
    for (const path of ['/nowhere', '/round', '/pipe', '/real/self', '/real/up', '/other/back/side/x', '/folder/self/file']) expect((await ask('GET', path)).status, path).toBe(404);
  });

  it('are listed as what they lead to; what leads nowhere, back, or is no file is left out', async () => {
    const { ask } = serve(linkTree());
    const hrefs = async (path: string) => [...multistatus((await ask('PROPFIND', path, { depth: '1' })).text).keys()].map((each) => each.slice(BASE.length)).toSorted();
    expect(await hrefs('/')).toEqual(['/', '/direct', '/folder/', '/other/', '/out', '/real/']);
    expect(await hrefs('/real/')).toEqual(['/real/', '/real/file', '/real/side']);
    expect(await hrefs('/folder/')).toEqual(['/folder/', '/folder/file', '/folder/side']);
    expect(await hrefs('/other/')).toEqual(['/other/', '/other/back/', '/other/l']);
  });

  it('are written through, removed and moved themselves', async () => {
    const { ask, content, fs } = serve(linkTree());
    expect((await ask('PUT', '/direct', {}, 'new')).status).toBe(204);
    expect(await content('real/file')).toBe('new');
    expect(fs.stat(fs.lookup(fs.root, 'direct')!).type).toBe('symlink');
    expect((await ask('MOVE', '/direct', { destination: '/moved' })).status).toBe(201);
    expect(fs.stat(fs.lookup(fs.root, 'moved')!).type).toBe('symlink');
    expect((await ask('COPY', '/moved', { destination: '/copied' })).status).toBe(201);
    expect(fs.stat(fs.lookup(fs.root, 'copied')!).type).toBe('file');
    expect((await ask('DELETE', '/folder')).status).toBe(204);
    expect(await content('real/file')).toBe('new');
    for (const path of ['/nowhere', '/pipe']) expect([(await ask('PUT', path, {}, 'x')).status, (await ask('MKCOL', path)).status, (await ask('LOCK', path, {}, LOCK())).status], path).toEqual([409, 409, 409]);
  });

  it('in every folder to every other do not make a walk that never ends', async () => {
    const folders = Array.from({ length: 30 }, (_, i) => [`d${i}`, dir(Array.from({ length: 30 }, (_unused, k): [string, MemoryNode] => [`to${k}`, symlink(`/d${k}`)]))] as [string, MemoryNode]);
    const { ask } = serve(dir(folders));
    let path = '/d0';
    let depth = 1;
    for (; depth < 40; depth++) {
      path += `/to${depth}`;
      if ((await ask('PROPFIND', path, { depth: '0' })).status !== 207) break;
    }
    expect(depth).toBeLessThan(20);
  });
});

describe('GET and HEAD', () => {
  it('answer the whole with what it needs to be asked again', async () => {
    const { ask } = serve(fileTree());
    const got = await ask('GET', '/f');
    expect(got).toMatchObject({ status: 200, text: '0123456789', headers: { 'content-length': '10', 'accept-ranges': 'bytes', 'last-modified': 'Tue, 14 Nov 2023 22:13:20 GMT', etag: expect.stringMatching(/^"[\w.-]+"$/) as string } });
    expect(await ask('HEAD', '/f')).toMatchObject({ status: 200, text: '', headers: got.headers });
    expect(await ask('GET', '/empty')).toMatchObject({ status: 200, text: '', headers: { 'content-length': '0' } });
    expect((await ask('GET', '/f/')).status).toBe(404);
  });

  it.each([
    ['bytes=0-3', 206, '0123', 'bytes 0-3/10'], ['bytes=8-', 206, '89', 'bytes 8-9/10'], ['bytes=-3', 206, '789', 'bytes 7-9/10'], ['bytes=5-99', 206, '56789', 'bytes 5-9/10'], ['bytes=-99', 206, '0123456789', 'bytes 0-9/10'],
    ['bytes=10-', 416, undefined, 'bytes */10'], ['bytes=-0', 416, undefined, 'bytes */10'], ['bytes=3-2', 200, '0123456789', undefined], ['items=0-1', 200, '0123456789', undefined], ['bytes=', 200, '0123456789', undefined],
    ['bytes=99999999999999999999-', 416, undefined, 'bytes */10'], [`bytes=${'0-0,'.repeat(50)}1-1`, 200, '0123456789', undefined],
  ])('%s is %i', async (range, status, text, contentRange) => {
    const got = await serve(fileTree()).ask('GET', '/f', { range });
    expect(got.status).toBe(status);
    if (text !== undefined) expect(got.text).toBe(text);
    expect(got.headers['content-range']).toBe(contentRange);
  });

  it('answer several ranges in parts', async () => {
    const got = await serve(fileTree()).ask('GET', '/f', { range: 'bytes=0-1, 4-5,-1, 50-60' });
    expect(got.status).toBe(206);
    const boundary = /^multipart\/byteranges; boundary=(\w+)$/.exec(got.headers['content-type']!)![1]!;
    const parts = got.text.split(`\r\n--${boundary}`).slice(1);
    expect(parts.pop()).toBe('--\r\n');
    expect(parts.map((part) => [/Content-Range: (.*)\r/.exec(part)![1], part.split('\r\n\r\n')[1]])).toEqual([['bytes 0-1/10', '01'], ['bytes 4-5/10', '45'], ['bytes 9-9/10', '9']]);
  });

  it('take a range only of the version that If-Range names', async () => {
    const { ask, fs } = serve(fileTree());
    const { etag, 'last-modified': date } = (await ask('HEAD', '/f')).headers as { etag: string; 'last-modified': string };
    const status = async (value: string) => (await ask('GET', '/f', { range: 'bytes=0-0', 'if-range': value })).status;
    expect([await status(etag), await status(date), await status('"other"'), await status(`W/${etag}`), await status('Tue, 14 Nov 2023 22:13:19 GMT')]).toEqual([206, 206, 200, 200, 200]);
    fs.writer.write(fs.lookup(fs.root, 'f')!, 0, encodeName('x'));
    expect(await status(etag)).toBe(200);
  });

  it('hold conditions in the order of RFC 9110', async () => {
    const { ask } = serve(fileTree());
    const { etag } = (await ask('HEAD', '/f')).headers as { etag: string };
    const [before, same, after] = ['Tue, 14 Nov 2023 22:13:19 GMT', 'Tue, 14 Nov 2023 22:13:20 GMT', 'Tuesday, 14-Nov-23 22:13:21 GMT'];
    for (const [headers, status] of [
      [{ 'if-none-match': etag }, 304], [{ 'if-none-match': `W/${etag}, "x"` }, 304], [{ 'if-none-match': '*' }, 304], [{ 'if-none-match': '"x"' }, 200], [{ 'if-none-match': '"x"', 'if-modified-since': same }, 200],
      [{ 'if-match': etag }, 200], [{ 'if-match': '*' }, 200], [{ 'if-match': `W/${etag}` }, 412], [{ 'if-match': '"x"' }, 412], [{ 'if-match': 'x' }, 400], [{ 'if-none-match': '"a" b' }, 400],
      [{ 'if-modified-since': before }, 200], [{ 'if-modified-since': same }, 304], [{ 'if-modified-since': after }, 304], [{ 'if-modified-since': 'yesterday' }, 200],
      [{ 'if-unmodified-since': before }, 412], [{ 'if-unmodified-since': 'Tue Nov 14 22:13:20 2023' }, 200], [{ 'if-match': etag, 'if-unmodified-since': before }, 200],
    ] as [Record<string, string>, number][]) expect((await ask('GET', '/f', headers)).status, JSON.stringify(headers)).toBe(status);
  });

  it('give a folder as a page that can do nothing', async () => {
    const { ask } = serve(fileTree());
    const got = await ask('GET', '/d/');
    expect(got.text).toContain('<a href="./%3Cb%3E">&lt;b&gt;</a>');
    expect(got.headers['content-security-policy']).toContain('sandbox');
    expect((await ask('GET', '/f')).headers).toMatchObject({ 'content-security-policy': expect.stringContaining('sandbox') as string, 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' });
    expect(await ask('GET', '/d')).toMatchObject({ status: 301, headers: { location: `${BASE}/d/` } });
  });

  it('fail in the middle where the file does, and let it go', async () => {
    const { ask, fs, handler } = serve(dir({ bad: file('x'.repeat(600_000), { damagedAt: 400_000 }) }));
    await expect(ask('GET', '/bad')).rejects.toThrow('damaged');
    fs.writer.unlink(fs.root, 'bad');
    expect((await ask('GET', '/bad')).status).toBe(404);
    expect(handler.statistics.bytesRead).toBe(262_144);
  });

  it('read a file to its end that is removed meanwhile', async () => {
    const { fs, handler } = serve(dir({ f: file('x'.repeat(600_000)) }));
    const response = await handler.handle({ method: 'GET', target: `${BASE}/f`, base: BASE, headers: {}, body: pieces() });
    let length = 0;
    for await (const part of response.body as AsyncIterable<Uint8Array>) {
      if (length === 0) fs.writer.unlink(fs.root, 'f');
      length += part.length;
    }
    expect(length).toBe(600_000);
  });
});

describe('PUT', () => {
  it('makes files, and replaces them with their mode, owner and attributes', async () => {
    const { ask, content, fs, names } = serve(dir({ old: file('old', { mode: 0o751, uid: 5, gid: 6, xattrs: { 'user.tag': 'v', 'security.capability': 'c' } }) }, { uid: 7, gid: 8 }));
    const made = await ask('PUT', '/new', {}, 'content');
    expect([made.status, await content('new'), fs.stat(fs.lookup(fs.root, 'new')!)]).toMatchObject([201, 'content', { mode: 0o644, uid: 7, gid: 8 }]);
    expect(made.headers['etag']).toBe((await ask('HEAD', '/new')).headers['etag']);
    expect((await ask('PUT', '/old', {}, 'newer')).status).toBe(204);
    const node = fs.lookup(fs.root, 'old')!;
    expect([await content('old'), fs.stat(node), fs.xattrs.list(node)]).toMatchObject(['newer', { mode: 0o751, uid: 5, gid: 6 }, ['user.tag']]);
    expect((await ask('PUT', '/new', {}, '')).status).toBe(204);
    expect([await content('new'), await names()]).toEqual(['', ['new', 'old']]);
  });

  it('changes nothing when the client goes away, sends less than it said, or the volume is full', async () => {
    const { ask, content, names } = serve(dir({ old: file('old') }), { space: 3_000_000 });
    const large = new Uint8Array(2_000_000).fill(7);
    for (const path of ['/old', '/new']) {
      expect((await ask('PUT', path, {}, breaking(large))).status).toBe(500);
      expect((await ask('PUT', path, {}, breaking())).status).toBe(500);
      expect((await ask('PUT', path, { 'content-length': '2000001' }, pieces(large))).status).toBe(400);
      expect((await ask('PUT', path, { 'content-length': '1' }, pieces(encodeName('xy')))).status).toBe(400);
      expect((await ask('PUT', path, {}, pieces(large, large))).status).toBe(507);
    }
    expect([await content('old'), await names()]).toEqual(['old', ['old']]);
    expect((await ask('PUT', '/new', {}, pieces(large))).status).toBe(201);
  });

  it('has its refusals', async () => {
    const { ask, names } = serve(dir({ d: dir(), f: file('f') }));
    for (const [path, headers, status] of [
      ['/d', {}, 405], ['/', {}, 405], ['/none/x', {}, 409], ['/f/x', {}, 409], ['/new/', {}, 409], ['/x', { 'content-encoding': 'gzip' }, 415], ['/x', { 'content-range': 'bytes 0-/*' }, 400],
      ['/x', { 'content-range': 'bytes 5-3/*' }, 400], ['/x', { 'content-range': 'bytes 0-2/2' }, 400], ['/x', { 'content-range': 'bytes 0-99/*' }, 400], ['/x', { 'content-length': 'many' }, 400], [`/${'x'.repeat(300)}`, {}, 414],
      ['/f', { 'if-none-match': '*' }, 412], ['/x', { 'if-match': '*' }, 412], ['/f', { 'if-match': '"no"' }, 412],
    ] as [string, Record<string, string>, number][]) expect((await ask('PUT', path, headers, 'abc')).status, `${path} ${JSON.stringify(headers)}`).toBe(status);
    expect(await names()).toEqual(['d', 'f']);
  });

  it('writes a part where Content-Range says', async () => {
    const { ask, content } = serve(dir({ f: file('0123456789') }));
    expect((await ask('PUT', '/f', { 'content-range': 'bytes 3-5/10' }, 'abc')).status).toBe(204);
    expect(await content('f')).toBe('012abc6789');
    expect((await ask('PUT', '/f', { 'content-range': 'bytes 12-12/*' }, 'z')).status).toBe(204);
    expect(await content('f')).toBe('012abc6789\0\0z');
    expect((await ask('PUT', '/n', { 'content-range': 'bytes 1-1/*' }, 'y')).status).toBe(201);
    expect(await content('n')).toBe('\0y');
  });

  it('gives every version a tag of its own, also within one tick of the clock', async () => {
    const { ask, fs, tell } = serve(dir(), { now: () => 1_000_000_000n });
    const tags = new Set<string>();
    for (const text of ['aa', 'bb', 'cc']) tags.add((await ask('PUT', '/f', {}, text)).headers['etag']!);
    tags.add((await ask('PUT', '/f', { 'content-range': 'bytes 0-0/*' }, 'x')).headers['etag']!);
    const node = fs.lookup(fs.root, 'f')!;
    tell({ what: 'nodes', folders: [], nodes: [node] });
    tags.add((await ask('HEAD', '/f')).headers['etag']!);
    tell({ what: 'all' });
    tags.add((await ask('HEAD', '/f')).headers['etag']!);
    expect(tags.size).toBe(6);
  });

  it('of two at once, each takes its place whole', async () => {
    const { ask, content, names } = serve(dir({ old: file('old') }));
    for (const path of ['new', 'old']) {
      const answers = await Promise.all(['a', 'b', 'c'].map((letter) => ask('PUT', `/${path}`, {}, letter.repeat(1_500_000))));
      expect(answers.every(({ status }) => status === 201 || status === 204)).toBe(true);
      expect(await content(path)).toMatch(/^(a{1500000}|b{1500000}|c{1500000})$/);
    }
    expect(await names()).toEqual(['new', 'old']);
  });
});
