import { describe, expect, it } from 'vitest';
import { usage } from '../../core/errors.ts';
import type { TreeChanged } from '../../core/served.ts';
import { decodeName, encodeName } from '../../core/names.ts';
import { random as generator } from '../../testing/fuzz/random.ts';
import { dir, file, MemoryFileSystem, type MemoryNode, symlink } from '../../testing/memory-filesystem.ts';
import { type MemoryRules, WritableMemoryFileSystem } from '../../testing/memory-writer.ts';
import { listAll, readAll } from '../../testing/walk.ts';
import { type Element, elementsOf, parseXml, textOf } from './xml.ts';
import { WebdavHandler } from './handler.ts';

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  readonly bytes: Uint8Array;
}

const BASE = '/secret/disk.img';
const HOST = '127.0.0.1:4711';

/** A handler over a tree in memory, asked as a client asks. */
function serve(root: MemoryNode = dir(), rules: MemoryRules & { readOnly?: boolean } = {}) {
  const fs = new WritableMemoryFileSystem(root, rules);
  const told = new Set<(change: TreeChanged) => void>();
  const clock = { now: 1_800_000_000_000 };
  const random = generator(1, 0);
  const served = rules.readOnly ? new MemoryFileSystem(root) : fs;
  const handler = new WebdavHandler({
    tree: { fs: served, onChange: (run) => { told.add(run); return () => told.delete(run); } }, title: 'disk.img', now: () => clock.now,
    random: (into) => { for (let i = 0; i < into.length; i++) into[i] = random.below(256); }, breathe: () => undefined,
  });
  const ask = async (method: string, path: string, headers: Record<string, string> = {}, body?: string | Uint8Array | AsyncIterable<Uint8Array>): Promise<Answer> => {
    const bytes = typeof body === 'string' ? encodeName(body) : body;
    const destination = headers['destination'] === undefined ? {} : { destination: `http://${HOST}${BASE}${headers['destination']}` };
    const length = bytes instanceof Uint8Array ? { 'content-length': String(bytes.length) } : {};
    const response = await handler.handle({
      method, target: `${BASE}${path}`, base: BASE, headers: { host: HOST, ...length, ...headers, ...destination },
      body: bytes === undefined ? pieces() : bytes instanceof Uint8Array ? pieces(bytes) : bytes,
    });
    const parts: Uint8Array[] = [];
    if (response.body instanceof Uint8Array) parts.push(response.body);
    else if (response.body !== undefined) for await (const part of response.body) parts.push(part.slice());
    const all = Uint8Array.from(parts.flatMap((part) => [...part]));
    if (response.body !== undefined && response.headers['content-length'] !== undefined) expect(all.length).toBe(Number(response.headers['content-length']));
    return { status: response.status, headers: response.headers, text: decodeName(all), bytes: all };
  };
  const content = async (name: string): Promise<string | undefined> => {
    let node: number | undefined = fs.root;
    for (const part of name.split('/').filter((each) => each !== '')) node = node === undefined ? undefined : fs.lookup(node, part);
    return node === undefined ? undefined : decodeName(await readAll(fs, node));
  };
  const names = async (node = fs.root): Promise<string[]> => (await listAll(fs, node)).map(({ name }) => name).toSorted();
  return { fs, handler, ask, content, names, clock, tell: (change: TreeChanged) => { for (const run of told) run(change); }, listeners: told };
}

// oxlint-disable-next-line require-yield
async function* pieces(...parts: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
}

async function* breaking(...parts: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
  throw new Error('the client is gone');
}

/** href → status of a property's group → properties by local name, their inside as text. */
function multistatus(text: string): Map<string, Record<number, Record<string, string>>> {
  const found = new Map<string, Record<number, Record<string, string>>>();
  for (const response of elementsOf(parseXml(encodeName(text)))) {
    const groups: Record<number, Record<string, string>> = {};
    for (const group of elementsOf(response).filter(({ name }) => name === 'propstat')) {
      groups[statusIn(group)] = Object.fromEntries(elementsOf(elementsOf(group).find(({ name }) => name === 'prop')!).map((each) => [each.name, insideOf(each)]));
    }
    if (Object.keys(groups).length === 0) groups[statusIn(response)] = {};
    found.set(textOf(elementsOf(response)[0]!), groups);
  }
  return found;
}

function statusIn(element: Element): number {
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(textOf(elementsOf(element).find(({ name }) => name === 'status')!))![1]);
}

function insideOf(element: Element): string {
  return elementsOf(element).map(({ name }) => `<${name}>`).join('') + textOf(element);
}

const PROPFIND = (inside: string): string => `<?xml version="1.0"?><propfind xmlns="DAV:" xmlns:a="http://apache.org/dav/props/" xmlns:x="urn:x">${inside}</propfind>`;
const LOCK = (scope = 'exclusive'): string => `<lockinfo xmlns="DAV:"><lockscope><${scope}/></lockscope><locktype><write/></locktype><owner><href>me &amp; you</href></owner></lockinfo>`;

const patch = (inside: string): string => `<propertyupdate xmlns="DAV:" xmlns:x="urn:x" xmlns:Z="urn:schemas-microsoft-com:" xmlns:a="http://apache.org/dav/props/">${inside}</propertyupdate>`;
const set = (inside: string): string => `<set><prop>${inside}</prop></set>`;
const tokenOf = (answer: Answer): string => /^<(urn:uuid:[\da-f-]{36})>$/.exec(answer.headers['lock-token'] ?? '')![1]!;

const linkTree = () => dir({
  real: dir({ file: file('inside'), up: symlink('..'), self: symlink('.'), side: symlink('../other/l') }), other: dir({ l: symlink('/real/file'), back: symlink('../real') }),
  direct: symlink('real/file'), folder: symlink('/real'), nowhere: symlink('gone'), out: symlink('../../../../real/file'), round: symlink('round'), pipe: { type: 'fifo' } as MemoryNode,
});
const fileTree = () => dir({ f: file('0123456789', { mtime: 1_700_000_000_500_000_000n }), empty: file(), d: dir({ '<b>': file('x') }) });
const copyTree = () => dir({ f: file('f', { mode: 0o640, mtime: 5_000_000_000n, xattrs: { 'user.a': '1' } }), g: file('g'), d: dir({ x: file('x'), s: dir({ y: file('y'), l: symlink('y') }) }), e: dir({ old: file() }) });
const propertyTree = () => dir({ 'a & b': file('12345', { mode: 0o755, mtime: 784_111_777_000_000_000n, btime: 784_111_776_000_000_000n }), sub: dir({ deep: file() }), bad: file('', { fault: usage('EPERM', 'It can\'t be read') }) });
const lockTree = () => dir({ f: file('f'), g: file('g'), d: dir({ x: file('x'), s: dir({ y: file('y') }) }) });

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

describe('MKCOL and DELETE', () => {
  it('make and take away folders', async () => {
    const { ask, fs, names } = serve(dir({ f: file(), keep: dir({ pipe: { type: 'fifo' }, deep: dir({ x: file('x'), l: symlink('/f') }) }) }, { uid: 3 }));
    expect((await ask('MKCOL', '/new/')).status).toBe(201);
    expect(fs.stat(fs.lookup(fs.root, 'new')!)).toMatchObject({ type: 'dir', mode: 0o755, uid: 3 });
    for (const [path, body, status] of [['/new', undefined, 405], ['/f', undefined, 405], ['/none/x', undefined, 409], ['/y', '<x/>', 415], ['/', undefined, 405]] as const) expect((await ask('MKCOL', path, {}, body)).status, path).toBe(status);
    expect([(await ask('DELETE', '/keep', { depth: '0' })).status, (await ask('DELETE', '/')).status, (await ask('DELETE', '/none')).status]).toEqual([400, 403, 404]);
    expect((await ask('DELETE', '/keep/')).status).toBe(204);
    expect((await ask('DELETE', '/f')).status).toBe(204);
    expect(await names()).toEqual(['new']);
  });

  it('tell what stayed of a tree, and why', async () => {
    const { ask, fs, names } = serve(dir({ d: dir({ a: file(), b: dir({ stuck: file('s') }), ...Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`n${i}`, file()])) }) }));
    const unlink = fs.writer.unlink.bind(fs.writer);
    fs.writer.unlink = (parent, name) => {
      if (name === 'stuck') throw usage('EPERM', 'It is immutable');
      return unlink(parent, name);
    };
    const answer = await ask('DELETE', '/d');
    expect(answer.status).toBe(207);
    expect([...multistatus(answer.text)]).toEqual([[`${BASE}/d/b/stuck`, { 403: {} }]]);
    expect(await names(fs.lookup(fs.root, 'd'))).toEqual(['b']);
    expect((await ask('DELETE', '/d/b/stuck')).status).toBe(403);
  });
});

describe('COPY and MOVE', () => {
  it.each([
    ['MOVE', '/f', '/n', {}, 201], ['MOVE', '/f', '/g', {}, 204], ['MOVE', '/f', '/g', { overwrite: 'F' }, 412], ['MOVE', '/f', '/none/n', {}, 409], ['MOVE', '/f', '/f', {}, 403], ['MOVE', '/none', '/n', {}, 404],
    ['MOVE', '/d', '/n', {}, 201], ['MOVE', '/d', '/e', {}, 204], ['MOVE', '/d', '/f', {}, 204], ['MOVE', '/f', '/e', {}, 204], ['MOVE', '/d', '/d/s/n', {}, 403], ['MOVE', '/d/s', '/d', {}, 403], ['MOVE', '/d', '/n', { depth: '0' }, 400],
    ['MOVE', '/', '/n', {}, 403], ['MOVE', '/d', '/', {}, 403], ['MOVE', '/f', '/n', { overwrite: 'X' }, 400],
    ['COPY', '/f', '/n', {}, 201], ['COPY', '/f', '/g', {}, 204], ['COPY', '/f', '/g', { overwrite: 'F' }, 412], ['COPY', '/f', '/none/n', {}, 409], ['COPY', '/f', '/f', {}, 403], ['COPY', '/d', '/n', {}, 201],
    ['COPY', '/d', '/e', {}, 204], ['COPY', '/d', '/d/n', {}, 403], ['COPY', '/d/s', '/d', {}, 403], ['COPY', '/d', '/n', { depth: '1' }, 400], ['COPY', '/d', '/n', { depth: '0' }, 201], ['COPY', '/f', '/e', {}, 204],
  ] as [string, string, string, Record<string, string>, number][])('%s %s to %s with %j is %i', async (method, from, to, headers, status) => {
    const { ask, names } = serve(copyTree());
    expect((await ask(method, from, { ...headers, destination: to })).status).toBe(status);
    expect((await names()).filter((name) => name.startsWith('.'))).toEqual([]);
    if (status >= 300) return;
    expect((await ask('HEAD', from)).status === 404).toBe(method === 'MOVE');
    expect((await ask('PROPFIND', to, { depth: '0' })).status).toBe(207);
  });

  it('copy with mode, time and attributes; a folder with all in it or alone', async () => {
    const { ask, content, fs, names } = serve(copyTree());
    await ask('COPY', '/f', { destination: '/n' });
    const node = fs.lookup(fs.root, 'n')!;
    expect([await content('n'), fs.stat(node), fs.xattrs.list(node)]).toMatchObject(['f', { mode: 0o640, mtime: 5_000_000_000n }, ['user.a']]);
    await ask('COPY', '/d', { destination: '/e' });
    expect([await content('e/s/y'), await names(fs.lookup(fs.root, 'e'))]).toEqual(['y', ['s', 'x']]);
    expect(fs.readlink(fs.lookup(fs.lookup(fs.lookup(fs.root, 'e')!, 's')!, 'l')!)).toBe('y');
    await ask('COPY', '/d', { destination: '/alone', depth: '0' });
    expect(await names(fs.lookup(fs.root, 'alone'))).toEqual([]);
  });

  it('leave all as it was when they fail', async () => {
    const { ask, content, fs, names } = serve(dir({ d: dir({ a: file('a'.repeat(1000)), b: file('b'.repeat(1000)) }), e: dir({ old: file('old') }) }), { space: 3500 });
    expect((await ask('COPY', '/d', { destination: '/e' })).status).toBe(507);
    expect([await names(), await content('e/old')]).toEqual([['d', 'e'], 'old']);
    const rename = fs.writer.rename.bind(fs.writer);
    fs.writer.rename = (...given) => {
      if (given[1] === 'd') throw usage('EPERM', 'It is immutable');
      return rename(...given);
    };
    expect((await ask('MOVE', '/d', { destination: '/e' })).status).toBe(403);
    expect([await names(), await content('e/old')]).toEqual([['d', 'e'], 'old']);
  });

  it('move one of two names of a file onto the other', async () => {
    const same = file('same');
    const { ask, names } = serve(dir([['a', same], ['b', same]]));
    expect((await ask('MOVE', '/a', { destination: '/b' })).status).toBe(204);
    expect(await names()).toEqual(['b']);
  });
});

describe('PROPFIND', () => {
  it('tells the properties of RFC 4918', async () => {
    const { ask } = serve(propertyTree());
    const found = multistatus((await ask('PROPFIND', '/', { depth: '1' })).text);
    expect([...found.keys()].toSorted()).toEqual([`${BASE}/`, `${BASE}/a%20%26%20b`, `${BASE}/bad`, `${BASE}/sub/`].toSorted());
    expect(found.get(`${BASE}/a%20%26%20b`)).toEqual({
      200: {
        creationdate: '1994-11-06T08:49:36Z', displayname: 'a & b', getcontentlength: '5', getetag: expect.stringMatching(/^".*"$/) as string, getlastmodified: 'Sun, 06 Nov 1994 08:49:37 GMT', resourcetype: '',
        supportedlock: '<lockentry><lockentry>', lockdiscovery: '',
      },
    });
    expect(found.get(`${BASE}/sub/`)![200]).toMatchObject({ resourcetype: '<collection>', displayname: 'sub' });
    expect(found.get(`${BASE}/sub/`)![200]).not.toHaveProperty('getcontentlength');
    // One that can't be read does not hide the others.
    expect(found.get(`${BASE}/bad`)).toEqual({ 403: {} });
    expect(multistatus((await ask('PROPFIND', '/', { depth: '0' })).text).get(`${BASE}/`)![200]!['displayname']).toBe('disk.img');
  });

  it('tells what is asked for, and what there is not', async () => {
    const { ask } = serve(propertyTree());
    const body = PROPFIND('<prop><a:executable/><quota-available-bytes/><quota-used-bytes/><getcontentlength/><x:none/><getcontentlanguage/></prop>');
    const found = multistatus((await ask('PROPFIND', '/', { depth: '1' }, body)).text);
    expect(found.get(`${BASE}/a%20%26%20b`)).toEqual({ 200: { executable: 'T', getcontentlength: '5' }, 404: { 'quota-available-bytes': '', 'quota-used-bytes': '', none: '', getcontentlanguage: '' } });
    expect(found.get(`${BASE}/`)).toEqual({ 200: { 'quota-available-bytes': String(2 ** 29), 'quota-used-bytes': String(2 ** 29) }, 404: { executable: '', getcontentlength: '', none: '', getcontentlanguage: '' } });
    expect(Object.keys(multistatus((await ask('PROPFIND', '/sub', { depth: '0' }, PROPFIND('<propname/>'))).text).get(`${BASE}/sub/`)![200]!)).toContain('quota-used-bytes');
    expect(multistatus((await ask('PROPFIND', '/a%20&%20b', { depth: '0' }, PROPFIND('<allprop/><include><a:executable/></include>'))).text).get(`${BASE}/a%20%26%20b`)![200]).toMatchObject({ executable: 'T', getcontentlength: '5' });
  });

  it('refuses what has no end, and what is no request', async () => {
    const { ask } = serve(propertyTree());
    for (const headers of [{}, { depth: 'infinity' }] as Record<string, string>[]) expect(await ask('PROPFIND', '/', headers)).toMatchObject({ status: 403, text: expect.stringContaining('<D:propfind-finite-depth/>') as string });
    for (const body of ['<x', '<x/>', PROPFIND(''), PROPFIND('<prop/><allprop/>'), `<!DOCTYPE a [<!ENTITY b "c">]>${PROPFIND('<allprop/>')}`, PROPFIND('<y:a/>'), '<?p?><a/>', '\udcff', `${'<a>'.repeat(100)}${'</a>'.repeat(100)}`, `<propfind xmlns="DAV:"><prop>${'<a/>'.repeat(5000)}</prop></propfind>`]) {
      expect((await ask('PROPFIND', '/', { depth: '0' }, body)).status, body.slice(0, 60)).toBe(400);
    }
    expect((await ask('PROPFIND', '/', { depth: '0' }, ' '.repeat(300_000))).status).toBe(413);
    expect([(await ask('PROPFIND', '/', { depth: '2' })).status, (await ask('PROPFIND', '/none', { depth: '0' })).status]).toEqual([400, 404]);
  });

  it('sends a large folder in pieces, as it is listed', async () => {
    const { handler } = serve(dir(Array.from({ length: 2000 }, (_, i): [string, MemoryNode] => [`file ${i}`, file('x')])));
    const { body } = await handler.handle({ method: 'PROPFIND', target: `${BASE}/`, base: BASE, headers: { depth: '1' }, body: pieces() });
    const parts: number[] = [];
    let text = '';
    for await (const part of body as AsyncIterable<Uint8Array>) {
      parts.push(part.length);
      text += decodeName(part);
    }
    expect(Math.max(...parts)).toBeLessThan(64 * 1024);
    expect(text.match(/<D:response>/g)!.length).toBe(2001);
  });
});

describe('PROPPATCH', () => {
  it('keeps what clients want to be kept, as attributes of the file', async () => {
    const { ask, fs } = serve(dir({ f: file('f') }));
    const value = '<x:p xml:lang="de" b="&lt;1&gt;">one <x:q/> <r xmlns="urn:r">&amp;</r><D xmlns="DAV:"/></x:p>';
    expect(multistatus((await ask('PROPPATCH', '/f', {}, patch(set(value) + set('<none xmlns="">n</none>')))).text).get(`${BASE}/f`)).toEqual({ 200: { p: '', none: '' } });
    expect(fs.xattrs.list(fs.lookup(fs.root, 'f')!)).toEqual(['user.dav:{urn:x}p', 'user.dav:{}none']);
    const asked = await ask('PROPFIND', '/f', { depth: '0' }, PROPFIND('<prop><x:p/><none xmlns=""/></prop>'));
    const [p, none] = elementsOf(elementsOf(elementsOf(elementsOf(parseXml(asked.bytes))[0]!)[1]!)[0]!);
    expect(p).toMatchObject({ ns: 'urn:x', name: 'p', attributes: [{ ns: 'http://www.w3.org/XML/1998/namespace', name: 'lang', value: 'de' }, { ns: '', name: 'b', value: '<1>' }] });
    expect(elementsOf(p!).map(({ ns, name }) => `${ns} ${name}`)).toEqual(['urn:x q', 'urn:r r', 'DAV: D']);
    expect([textOf(p!), none]).toMatchObject(['one  &', { ns: '', name: 'none' }]);
    for (const what of ['', PROPFIND('<allprop/>'), PROPFIND('<propname/>')]) expect((await ask('PROPFIND', '/f', { depth: '0' }, what)).text).toMatch(/<p:p xmlns:p="urn:x"/);
    await ask('COPY', '/f', { destination: '/g' });
    await ask('PUT', '/f', {}, 'new');
    for (const path of ['/f', '/g']) expect((await ask('PROPFIND', path, { depth: '0' })).text).toContain('<p:p xmlns:p="urn:x"');
    expect((await ask('PROPPATCH', '/f', {}, patch('<remove><prop><x:p/><x:never/></prop></remove>'))).status).toBe(207);
    expect((await ask('PROPFIND', '/f', { depth: '0' })).text).not.toContain('urn:x');
  });

  it('does not believe attributes that others wrote', async () => {
    const { ask } = serve(dir({ f: file('', { xattrs: { 'user.dav:{urn:x}p': '</D:prop><evil', 'user.dav:{urn:x}q': '<other/>', 'user.dav:{}<b>': '<b/>', 'user.dav:{urn:x}\udcff': 'x', 'user.dav:{urn:x}ok': '<ok xmlns="urn:x">1</ok>' } }) }));
    expect(Object.keys(multistatus((await ask('PROPFIND', '/f', { depth: '0' }, PROPFIND('<propname/>'))).text).get(`${BASE}/f`)![200]!).filter((name) => ['p', 'q', 'b', 'ok'].includes(name))).toEqual(['ok']);
    expect(multistatus((await ask('PROPFIND', '/f', { depth: '0' }, PROPFIND('<prop><x:p/><x:ok/></prop>'))).text).get(`${BASE}/f`)).toEqual({ 200: { ok: '1' }, 404: { p: '' } });
  });

  it('sets the times of Windows and Apache\'s executable', async () => {
    const { ask, fs } = serve(dir({ f: file('f', { mtime: 1_700_000_000_123_456_789n, mode: 0o640 }) }));
    const node = fs.lookup(fs.root, 'f')!;
    const times = '<Z:Win32CreationTime>Sun, 06 Nov 1994 08:49:37 GMT</Z:Win32CreationTime><Z:Win32LastAccessTime>Sun, 06 Nov 1994 08:49:38 GMT</Z:Win32LastAccessTime><Z:Win32LastModifiedTime>Sun, 06 Nov 1994 08:49:39 GMT</Z:Win32LastModifiedTime><Z:Win32FileAttributes>00000022</Z:Win32FileAttributes>';
    expect(multistatus((await ask('PROPPATCH', '/f', {}, patch(set(times)))).text).get(`${BASE}/f`)).toEqual({ 200: { Win32CreationTime: '', Win32LastAccessTime: '', Win32LastModifiedTime: '', Win32FileAttributes: '' } });
    expect(fs.stat(node)).toMatchObject({ mtime: 784_111_779_000_000_000n, atime: 784_111_778_000_000_000n });
    expect((await ask('PROPFIND', '/f', { depth: '0' })).text).toContain('00000022');
    await ask('PROPPATCH', '/f', {}, patch(set('<a:executable>T</a:executable>')));
    expect(fs.stat(node).mode).toBe(0o750);
    await ask('PROPPATCH', '/f', {}, patch(set('<a:executable>F</a:executable>')));
    expect(fs.stat(node).mode).toBe(0o640);
  });

  it('does all or nothing', async () => {
    const { ask, fs } = serve(dir({ f: file('f', { mode: 0o644, xattrs: { 'user.dav:{urn:x}old': '<old xmlns="urn:x">1</old>' } }) }));
    const node = fs.lookup(fs.root, 'f')!;
    const before = fs.stat(node);
    const answer = await ask('PROPPATCH', '/f', {}, patch(`${set('<a:executable>T</a:executable><x:new>1</x:new>')}<remove><prop><x:old/></prop></remove>${set('<getetag>"x"</getetag>')}`));
    expect(multistatus(answer.text).get(`${BASE}/f`)).toEqual({ 403: { getetag: '' }, 424: { executable: '', new: '', old: '' } });
    expect(answer.text).toContain('<D:cannot-modify-protected-property/>');
    expect([fs.stat(node).mode, fs.stat(node).mtime, fs.xattrs.list(node)]).toEqual([before.mode, before.mtime, ['user.dav:{urn:x}old']]);
    for (const body of ['', '<x/>', patch(''), patch('<set/>')]) expect((await ask('PROPPATCH', '/f', {}, body)).status).toBe(400);
    for (const inside of ['<Z:Win32LastModifiedTime>soon</Z:Win32LastModifiedTime>', '<a:executable>yes</a:executable>']) expect(Object.keys(multistatus((await ask('PROPPATCH', '/f', {}, patch(set(inside)))).text).get(`${BASE}/f`)!)).toEqual(['409']);
    expect(Object.keys(multistatus((await ask('PROPPATCH', '/f', {}, patch(set(`<x:${'n'.repeat(300)}/>`)))).text).get(`${BASE}/f`)!)).toEqual(['403']);
  });

  it('refuses what a filesystem without attributes can\'t keep', async () => {
    const { ask, fs } = serve(dir({ f: file('f') }));
    Object.defineProperty(fs, 'xattrs', { value: undefined });
    const status = async (inside: string) => Object.keys(multistatus((await ask('PROPPATCH', '/f', {}, patch(inside))).text).get(`${BASE}/f`)!);
    expect([await status(set('<x:p>1</x:p>')), await status(set('<Z:Win32FileAttributes>00000020</Z:Win32FileAttributes>')), await status(set('<Z:Win32FileAttributes>00000002</Z:Win32FileAttributes>')), await status('<remove><prop><x:p/></prop></remove>')])
      .toEqual([['403'], ['200'], ['403'], ['200']]);
  });
});

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
