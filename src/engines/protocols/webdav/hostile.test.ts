import { expect, it } from 'vitest';
import { decodeName, encodeName } from '../../core/names.ts';
import { random, type Random } from '../../testing/fuzz/random.ts';
import { dir, file, symlink } from '../../testing/memory-filesystem.ts';
import { WritableMemoryFileSystem } from '../../testing/memory-writer.ts';
import { WebdavHandler } from './handler.ts';
import type { WebdavRequest } from './messages.ts';
import { childOf, elementsOf, parseXml, textOf } from './xml.ts';

const REQUESTS = 20_000;
const BASE = '/s/v';
const LOCK = '<?xml version="1.0" encoding="utf-8"?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype><D:owner>me</D:owner></D:lockinfo>';
const TOKEN = 'urn:uuid:00000000-0000-4000-8000-000000000000';

/** Requests as clients send them, from which the others are made. */
const SEEDS: readonly { readonly method: string; readonly path: string; readonly headers: Readonly<Record<string, string>>; readonly body: string }[] = [
  { method: 'OPTIONS', path: '/', headers: {}, body: '' },
  { method: 'GET', path: '/a', headers: { range: 'bytes=0-3,5-6' }, body: '' },
  { method: 'GET', path: '/d/x', headers: { range: 'bytes=-1', 'if-range': '"x"', 'if-modified-since': 'Sun, 06 Nov 1994 08:49:37 GMT' }, body: '' },
  { method: 'HEAD', path: '/d/x', headers: { 'if-none-match': '"a", W/"b"', 'if-match': '*' }, body: '' },
  { method: 'PUT', path: '/new%20name', headers: { 'content-length': '4', 'if-none-match': '*' }, body: 'text' },
  { method: 'PUT', path: '/a', headers: { 'content-range': 'bytes 3-6/10' }, body: 'text' },
  { method: 'DELETE', path: '/gone', headers: { depth: 'infinity', if: `(<${TOKEN}> ["etag"]) (Not <DAV:no-lock>)` }, body: '' },
  { method: 'MKCOL', path: '/d/new/', headers: {}, body: '' },
  { method: 'COPY', path: '/d', headers: { destination: `http://h${BASE}/copy`, overwrite: 'T', depth: '0' }, body: '' },
  { method: 'MOVE', path: '/a', headers: { destination: `${BASE}/moved`, overwrite: 'F' }, body: '' },
  { method: 'PROPFIND', path: '/', headers: { depth: '1' }, body: '<?xml version="1.0"?><D:propfind xmlns:D="DAV:"><D:prop><D:getetag/><x:y xmlns:x="urn:x"/></D:prop></D:propfind>' },
  { method: 'PROPFIND', path: '/d/', headers: { depth: '0' }, body: '<propfind xmlns="DAV:"><allprop/><include><quota-used-bytes/></include></propfind>' },
  { method: 'PROPPATCH', path: '/a', headers: {}, body: '<D:propertyupdate xmlns:D="DAV:" xmlns:Z="urn:schemas-microsoft-com:"><D:set><D:prop><Z:Win32LastModifiedTime>Sun, 06 Nov 1994 08:49:37 GMT</Z:Win32LastModifiedTime><a>&lt;b&gt;<![CDATA[c]]></a></D:prop></D:set><D:remove><D:prop><b/></D:prop></D:remove></D:propertyupdate>' },
  { method: 'LOCK', path: '/a', headers: { timeout: 'Second-100, Infinite', depth: 'infinity' }, body: LOCK },
  { method: 'LOCK', path: '/a', headers: { if: `(<${TOKEN}>)` }, body: '' },
  { method: 'UNLOCK', path: '/a', headers: { 'lock-token': `<${TOKEN}>` }, body: '' },
];

const SPLINTERS = ['..', '/', '%2f', '%00', '%', '\0', '\r\n', '<', '>', '"', '&#0;', '&a;', '<!DOCTYPE a>', ']]>', 'D:', 'xmlns=""', '(', ')', 'Not', '-', '99999999999999999999', '\u00ff', '*', '//', 'infinity', '{', 'W/', ' ', '%ff', '.'];

/** A text with a few bytes changed, taken out, doubled or put in. */
function mutated(text: string, { below, pick, oneIn }: Random): string {
  let result = text;
  for (let i = 0; i <= below(3); i++) {
    const at = below(result.length + 1);
    const how = below(4);
    if (how === 0) result = result.slice(0, at) + result.slice(at + 1 + below(8));
    else if (how === 1) result = result.slice(0, at) + result.slice(Math.max(0, at - below(30)));
    else result = result.slice(0, at) + (oneIn(2) ? pick(SPLINTERS) : String.fromCharCode(below(256))) + result.slice(at);
  }
  return result;
}

const plant = () => new WritableMemoryFileSystem(dir({ a: file('0123456789'), d: dir({ x: file('x'), l: symlink('..') }), l: symlink('d') }), { space: 100_000 });

it(`answers ${REQUESTS} damaged requests in bounded time, and nothing of it is lost or left behind`, { timeout: 600_000 }, async () => {
  const numbers = random(7, 1);
  let fs = plant();
  const serve = (): WebdavHandler => new WebdavHandler({
    tree: { fs, onChange: () => () => {} }, title: 'v', now: () => 1_800_000_000_000, breathe: () => undefined, random: (into) => { for (let i = 0; i < into.length; i++) into[i] = numbers.below(256); },
  });
  let handler = serve();
  const statuses = new Map<number, number>();
  for (let i = 0; i < REQUESTS; i++) {
    // A tree that grows with every request that was right after all would make the later ones slow.
    if (i % 100 === 0) {
      fs = plant();
      handler = serve();
    }
    const seed = numbers.pick(SEEDS);
    const part = numbers.below(10);
    const headers: Record<string, string> = { host: 'h', ...seed.headers };
    const names = Object.keys(headers);
    if (part >= 3 && part < 7) {
      const name = numbers.pick(names);
      headers[name] = mutated(headers[name]!, numbers);
      if (numbers.oneIn(10)) Object.assign(headers, numbers.pick(SEEDS).headers);
    }
    const body = encodeName(part >= 7 || numbers.oneIn(8) ? mutated(seed.body, numbers) : seed.body);
    const request: WebdavRequest = {
      method: part === 0 ? mutated(seed.method, numbers) : seed.method, target: `${BASE}${part === 1 || part === 2 ? mutated(seed.path, numbers) : seed.path}`, base: BASE, headers,
      body: (async function* () { yield body; if (numbers.oneIn(50)) throw new Error('gone'); })(),
    };
    const response = await handler.handle(request);
    statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
    const said = JSON.stringify({ ...request, body: decodeName(body) });
    expect(response.status, said).toBeGreaterThanOrEqual(200);
    // 500 would be a fault of ours; the only one here is a client that went away.
    if (response.status === 500) expect(decodeName(response.body as Uint8Array), said).toBe('gone\n');
    let length = 0;
    const parts: Uint8Array[] = [];
    if (response.body !== undefined) for await (const piece of response.body instanceof Uint8Array ? [response.body] : response.body) {
      length += piece.length;
      parts.push(piece);
    }
    expect(length, said).toBeLessThan(200_000);
    for (const value of Object.values(response.headers)) expect(value, said).toMatch(/^[\t\x20-\x7e]*$/);
    // Whatever names were made, the answer is XML.
    if (response.headers['content-type']?.startsWith('application/xml')) parseXml(new Uint8Array(parts.flatMap((each) => [...each])));
    if (i % 20 === 0) expect(fs.list(fs.root).entries.filter(({ name }) => name.startsWith('.clutch-')), said).toEqual([]);
  }
  // Most were wrong, and each kind of answer came.
  for (const status of [200, 201, 204, 206, 207, 400, 403, 404, 405, 409, 412, 423, 501]) expect(statuses.get(status) ?? 0, `${status} of ${JSON.stringify([...statuses])}`).toBeGreaterThan(0);
});

it('tells of a volume whose names and attributes mean harm in answers that are XML, headers and pages all the same', async () => {
  const names = ['"><evil>', ']]>', '&a;', 'new\r\nSet-Cookie: a=b', '\u001b]0;x\u0007', 'nul\0byte', decodeName(Uint8Array.of(0x62, 0xff, 0xfe)), '..x', '%2e%2e', '%2f', '?', '#', '\u202etxt.exe', '\ufffe', '<script>alert(1)', 'javascript:alert(1)', 'x'.repeat(4000)];
  const bomb = '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><a xmlns="u">&b;</a>';
  const xattrs = Object.fromEntries([
    'user.dav:{u}a', 'user.dav:{"><evil/>}a', 'user.dav:{u}a><evil/>', 'user.dav:{u}a b', 'user.dav:{}', 'user.dav:{', 'user.dav:{DAV:}getetag', 'user.dav:{http://www.w3.org/2000/xmlns/}a', `user.dav:{u}${decodeName(Uint8Array.of(0xff))}`,
  ].flatMap((name, i) => [[name, ''], [`${name}${i}`, bomb], [`${name}x`, '<a xmlns="u"/><evil/>'], [`${name}y`, `${'<a>'.repeat(1000)}`], [`${name}z`, new Uint8Array(60_000).fill(0x3c)]]));
  const fs = new WritableMemoryFileSystem(dir([...names.map((name): [string, ReturnType<typeof file>] => [name, file('<b>', { xattrs })]), ['folder<&>', dir({})], ['l', symlink('"><evil/>')]]), { space: 1e9 });
  const handler = new WebdavHandler({ tree: { fs, onChange: () => () => {} }, title: '<t>', now: () => 1_800_000_000_000, breathe: () => undefined, random: (into) => into.fill(1) });
  const ask = async (method: string, target: string, headers: Record<string, string> = {}, body = ''): Promise<{ readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly text: string }> => {
    const response = await handler.handle({ method, target, base: BASE, headers: { host: 'h', ...headers }, body: (async function* () { yield encodeName(body); })() });
    const parts: Uint8Array[] = [];
    if (response.body !== undefined) for await (const piece of response.body instanceof Uint8Array ? [response.body] : response.body) parts.push(piece.slice());
    for (const value of Object.values(response.headers)) expect(value).toMatch(/^[\t\x20-\x7e]*$/);
    return { status: response.status, headers: response.headers, text: parts.map((part) => decodeName(part)).join('') };
  };
  for (const body of ['', '<propfind xmlns="DAV:"><propname/></propfind>', '<propfind xmlns="DAV:"><allprop/></propfind>', '<propfind xmlns="DAV:"><prop><a xmlns="u"/><displayname/></prop></propfind>']) {
    const { status, text } = await ask('PROPFIND', `${BASE}/`, { depth: '1' }, body);
    expect(status).toBe(207);
    for (const acting of ['<evil', '<!', '\u001b', '\0']) expect(text).not.toContain(acting);
    const told = parseXml(encodeName(text), 1_000_000);
    // The folder itself, and all that is in it but the link, which leads nowhere.
    expect(elementsOf(told).length).toBe(names.length + 2);
    for (const href of elementsOf(told).map((each) => textOf(childOf(each, 'href')!))) expect(href).toMatch(/^\/s\/v\/[\w.~!$()*+,;=:@%-]*\/?$/);
  }
  const page = (await ask('GET', `${BASE}/`)).text;
  for (const acting of ['<script', '<evil', '\u001b', '\0', '\u202e']) expect(page).not.toContain(acting);
  expect([...page.matchAll(/href="([^"]*)"/g)].filter(([, href = '']) => !/^(\.\.\/|\.\/[\w.~!$()*+,;=:@%-]*\/?)$/.test(href))).toEqual([]);
  // What the page leads to is found, and is text or bytes that no browser runs.
  for (const [, href = ''] of page.matchAll(/href="\.\/([^"]*[^"/])"/g)) {
    if (href.includes('%00')) continue;
    const { status, headers } = await ask('GET', `${BASE}/${href}`);
    expect(status, href).toBe(200);
    expect(headers['content-security-policy']).toContain('sandbox');
  }
});
