import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { corrupt } from '../../engines/core/errors.ts';
import { compareNames, decodeName } from '../../engines/core/names.ts';
import { dir, file, MemoryFileSystem, type MemoryNode, symlink } from '../../engines/testing/memory-filesystem.ts';
import { nodeJob } from '../session.ts';
import { WalkJson } from './walk-json.ts';
import { walk, type WalkOptions } from './walk.ts';

async function walked(tree: MemoryNode | MemoryFileSystem, options: WalkOptions = {}) {
  let text = '';
  const json = new WalkJson();
  const summary = await walk(tree instanceof MemoryFileSystem ? tree : new MemoryFileSystem(tree), options, nodeJob(), (entry) => { text += json.line(entry); });
  const lines = text.trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
  return { summary, lines, paths: lines.map((line) => line['path'] as string) };
}

describe('walk', () => {
  it('prints the golden format', async () => {
    const { lines, summary } = await walked(dir({
      f: file('hello', { mode: 0o4755, uid: 1000, gid: 100, mtime: 1_700_000_000_123_456_789n, xattrs: { 'user.b': Uint8Array.of(0, 255), 'user.a': 'x' } }),
      l: symlink('../to "x"', { mode: 0o777 }),
    }, { mode: 0o755, mtime: -1n }), { hash: true });
    expect(lines).toEqual([
      { path: '/', type: 'dir', mode: '0755', uid: 0, gid: 0, size: 0, nlink: 2, mtime: '-1' },
      {
        path: '/f', type: 'file', mode: '4755', uid: 1000, gid: 100, size: 5, nlink: 1, mtime: '1700000000123456789',
        xattrs: { 'user.a': '78', 'user.b': '00ff' }, sha256: createHash('sha256').update('hello').digest('hex'),
      },
      { path: '/l', type: 'symlink', mode: '0777', uid: 0, gid: 0, size: 9, nlink: 1, mtime: '1700000000123456789', target: '../to "x"' },
    ]);
    expect(Object.keys(lines[1]!)).toEqual(['path', 'type', 'mode', 'uid', 'gid', 'size', 'nlink', 'mtime', 'xattrs', 'sha256']);
    expect(summary).toEqual({ entries: 3, errors: 0 });
  });

  it('stands in byte order of whole paths', async () => {
    const { paths } = await walked(dir([
      ['a', dir({ b: file(), '!': file() })], ['a.txt', file()], ['a-', dir({ x: file() })], ['a0', file()], ['a!', file()], ['', file()],
      ['\u{10000}', file()], ['\uffff', file()], ['é', dir({ z: file() })], [decodeName(Uint8Array.of(0xff)), file()], ['Z', file()],
    ]));
    expect(paths).toEqual(paths.toSorted(compareNames));
    expect(paths.indexOf('/a')).toBeLessThan(paths.indexOf('/a.txt'));
    expect(paths.indexOf('/a.txt')).toBeLessThan(paths.indexOf('/a/b'));
    expect(paths).toHaveLength(16);
  });

  it('escapes names losslessly', async () => {
    const names = ['q"\\', 'line\nbreak', '\u007f', decodeName(Uint8Array.of(0x80, 0x61)), '日本語'];
    const { paths } = await walked(dir(names.map((name): [string, MemoryNode] => [name, file()])));
    expect(paths.slice(1)).toEqual(names.map((name) => `/${name}`).toSorted(compareNames));
  });

  it('says what can not be read, and goes on', async () => {
    const { lines, summary } = await walked(dir({
      a: file('', { fault: corrupt('inode 7', 'is broken') }), b: file('content', { damagedAt: 3 }), c: file('c'),
    }), { hash: true });
    expect(lines[1]).toEqual({ path: '/a', error: { kind: 'corrupt', message: 'inode 7: is broken' } });
    expect(lines[2]).toMatchObject({ path: '/b', size: 7, error: { kind: 'usage' } });
    expect(lines[3]).toMatchObject({ path: '/c', sha256: expect.any(String) });
    expect(summary).toEqual({ entries: 4, errors: 2 });
  });

  it('enters every directory once', async () => {
    const cycle = dir([]);
    cycle.entries!.push(['again', cycle]);
    let doubled: MemoryNode = dir({ leaf: file() });
    for (let i = 0; i < 40; i++) doubled = dir({ a: doubled, b: doubled });
    const { summary, lines } = await walked(dir({ cycle, doubled }));
    expect(summary).toEqual({ entries: 1 + 2 + 1 + 80 + 1, errors: 41 });
    expect(lines.find((line) => line['path'] === '/cycle/again')).toMatchObject({ error: { kind: 'corrupt' } });
  });

  it.each([
    ['one after another, in the order of their numbers', 1, [1, 2, 3, 4, 5]],
    ['as listed, where the numbers are too large to have neighbours', 2 ** 50, [1, 5, 2, 3, 4]],
  ])('looks at nodes %s', async (_title, spacing, expected) => {
    const looked: number[] = [];
    class Spaced extends MemoryFileSystem {
      override stat(node: number) {
        const near = node > 1 ? node / spacing : node;
        looked.push(near);
        return super.stat(near);
      }
      override list(node: number) {
        return { entries: super.list(node).entries.map((entry) => ({ ...entry, node: entry.node * spacing })) };
      }
    }
    const fs = new Spaced(dir({ d: file('1'), b: file('22'), c: file('333'), a: file('4444') }));
    for (const name of ['b', 'c', 'a', 'd']) fs.lookup(fs.root, name);
    const { lines } = await walked(fs);
    expect(lines.map(({ path, size }) => [path, size])).toEqual([['/', 0], ['/a', 4], ['/b', 2], ['/c', 3], ['/d', 1]]);
    expect(looked).toEqual(expected);
  });

  it('begins where it is told', async () => {
    const fs = new MemoryFileSystem(dir({ sub: dir({ x: file('x') }), other: file() }));
    const { paths } = await walked(fs, { node: fs.lookup(fs.root, 'sub')!, path: '/sub' });
    expect(paths).toEqual(['/sub', '/sub/x']);
  });

  it('stops when cancelled', async () => {
    const fs = new MemoryFileSystem(dir({ a: file() }));
    await expect(walk(fs, {}, nodeJob({ signal: { aborted: true } }), () => {})).rejects.toMatchObject({ fault: { kind: 'cancelled' } });
  });
});
