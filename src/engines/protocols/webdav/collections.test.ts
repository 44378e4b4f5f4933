import { describe, expect, it } from 'vitest';
import { usage } from '../../core/errors.ts';
import { dir, file, symlink } from '../../testing/memory-filesystem.ts';
import { BASE, multistatus, serve } from '../../testing/webdav-client.ts';

const copyTree = () => dir({ f: file('f', { mode: 0o640, mtime: 5_000_000_000n, xattrs: { 'user.a': '1' } }), g: file('g'), d: dir({ x: file('x'), s: dir({ y: file('y'), l: symlink('y') }) }), e: dir({ old: file() }) });

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
