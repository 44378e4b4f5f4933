import { describe, expect, it } from 'vitest';
import { usage } from '../../core/errors.ts';
import { decodeName } from '../../core/names.ts';
import { dir, file, type MemoryNode } from '../../testing/memory-filesystem.ts';
import { BASE, PROPFIND, multistatus, patch, pieces, serve, set } from '../../testing/webdav-client.ts';
import { elementsOf, parseXml, textOf } from './xml.ts';

const propertyTree = () => dir({ 'a & b': file('12345', { mode: 0o755, mtime: 784_111_777_000_000_000n, btime: 784_111_776_000_000_000n }), sub: dir({ deep: file() }), bad: file('', { fault: usage('EPERM', 'It can\'t be read') }) });

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
