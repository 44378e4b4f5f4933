import { describe, expect, it } from 'vitest';
import { corrupt } from '../../engines/core/errors.ts';
import type { FileSystem, ListBatch } from '../../engines/core/filesystem.ts';
import { dir, file, MemoryFileSystem, symlink } from '../../engines/testing/memory-filesystem.ts';
import type { SortKey } from '../../shared/contract/rows.ts';
import { nodeJob } from '../session.ts';
import { DirectoryView } from './view.ts';

const tree = new MemoryFileSystem(dir({
  'b10.txt': file('1234567890', { mtime: 3n, mode: 0o600, uid: 2 }),
  'b9.TXT': file('12', { mtime: 1n, mode: 0o644, uid: 1, gid: 9 }),
  'a.bin': file('12345', { mtime: 2n, mode: 0o755, uid: 1, gid: 1 }),
  '.hidden': file('x'),
  zoo: dir({ inner: file(''), hop: symlink('./hop2'), hop2: symlink('inner'), round: symlink('round2'), round2: symlink('round') }),
  Alpha: dir(),
  link: symlink('zoo/inner'),
  loop: symlink('loop'),
  away: symlink('/zoo'),
  up: symlink('../../zoo'),
  dead: symlink('nowhere\n'),
  broken: file('', { fault: corrupt('inode 7', 'is broken', 77) }),
}));

async function open(request: Partial<Parameters<typeof DirectoryView.open>[1]> & { key?: SortKey; descending?: boolean } = {}, fs: FileSystem = tree): Promise<DirectoryView> {
  const { key = 'name', descending = false, ...rest } = request;
  return DirectoryView.open(fs, { node: fs.root, hidden: false, ...rest, sort: { key, descending } }, nodeJob());
}

const names = async (view: DirectoryView): Promise<string[]> => (await view.rows(0, 1000, nodeJob())).map((row) => row.name);

describe('a view of a directory', () => {
  it('shows folders first, names in natural order, hidden ones on request', async () => {
    const view = await open();
    expect(view).toMatchObject({ count: 11, hidden: 1, notes: [] });
    expect(await names(view)).toEqual(['Alpha', 'zoo', 'a.bin', 'away', 'b9.TXT', 'b10.txt', 'broken', 'dead', 'link', 'loop', 'up']);
    expect(await names(await open({ hidden: true }))).toContain('.hidden');
    expect(await names(await open({ descending: true }))).toEqual(['zoo', 'Alpha', 'up', 'loop', 'link', 'dead', 'broken', 'b10.txt', 'b9.TXT', 'away', 'a.bin']);
  });

  it.each<[SortKey, string[]]>([
    ['size', ['b9.TXT', 'a.bin', 'b10.txt']], ['mtime', ['b9.TXT', 'a.bin', 'b10.txt']], ['type', ['a.bin', 'b9.TXT', 'b10.txt']],
    ['mode', ['b10.txt', 'b9.TXT', 'a.bin']], ['owner', ['a.bin', 'b9.TXT', 'b10.txt']], ['gid', ['b10.txt', 'a.bin', 'b9.TXT']], ['inode', ['b10.txt', 'b9.TXT', 'a.bin']],
    ['atime', ['a.bin', 'b9.TXT', 'b10.txt']], ['target', ['a.bin', 'b9.TXT', 'b10.txt']], ['flags', ['a.bin', 'b9.TXT', 'b10.txt']],
  ])('sorts by %s', async (key, expected) => {
    const files = (await names(await open({ key }))).filter((name) => /^(a\.|b\d)/.test(name));
    expect(files).toEqual(expected);
    const descending = (await names(await open({ key, descending: true }))).filter((name) => /^(a\.|b\d)/.test(name));
    expect(descending).toEqual(expected.toReversed());
  });

  it('narrows by a filter regardless of case, and finds names by their beginning', async () => {
    expect(await names(await open({ filter: '.txt' }))).toEqual(['b9.TXT', 'b10.txt']);
    expect(await open({ filter: 'B?.*' })).toMatchObject({ count: 1, filtered: 10, hidden: 1 });
    expect(await names(await open({ filter: 'b?.*' }))).toEqual(['b9.TXT']);
    const view = await open();
    const all = await names(view);
    expect(view.find('B', 0)).toBe(all.indexOf('b9.TXT'));
    expect(view.find('b', all.indexOf('b9.TXT') + 1)).toBe(all.indexOf('b10.txt'));
    expect(view.find('al', 5)).toBe(0);
    expect(view.find('none', 0)).toBeUndefined();
    const { node } = (await view.rows(4, 1, nodeJob()))[0]!;
    expect(view.indexOf(node)).toBe(4);
    expect(view.indexOf(9999)).toBeUndefined();
  });

  it('tells which rows a pattern describes, as ranges', async () => {
    const view = await open();
    expect(await names(view)).toEqual(['Alpha', 'zoo', 'a.bin', 'away', 'b9.TXT', 'b10.txt', 'broken', 'dead', 'link', 'loop', 'up']);
    expect(view.match('*.txt')).toEqual([[4, 6]]);
    expect(view.match('o')).toEqual([[1, 2], [6, 7], [9, 10]]);
    expect(view.match('*')).toEqual([[0, 11]]);
    expect(view.match('none')).toEqual([]);
    expect((await open({ descending: true })).match('*.txt')).toEqual([[7, 9]]);
  });

  it('tells where symlinks lead inside the image, and shows a broken entry with its error', async () => {
    const rows = new Map((await (await open()).rows(0, 100, nodeJob())).map((row) => [row.name, row]));
    expect(rows.get('link')).toMatchObject({ type: 'symlink', target: 'zoo/inner', targetType: 'file' });
    expect(rows.get('away')).toMatchObject({ targetType: 'dir', targetNode: rows.get('zoo')!.node });
    expect(rows.get('up')).toMatchObject({ targetType: 'dir', targetNode: rows.get('zoo')!.node });
    for (const name of ['loop', 'dead']) expect(rows.get(name)).not.toHaveProperty('targetNode');
    expect(rows.get('dead')).toMatchObject({ target: 'nowhere\\x0a' });
    expect(rows.get('broken')).toMatchObject({ type: 'file', error: { fault: { kind: 'corrupt', place: { structure: 'inode 7', at: 77 } } } });
  });

  it('gives the event loop its turns while it follows crafted links, and stops when it is cancelled', async () => {
    const fs = new MemoryFileSystem(dir({ a: dir(), far: symlink(`/${'a/../'.repeat(5000)}a`), near: symlink('a') }));
    const view = await open({}, fs);
    let clock = 0;
    let turns = 0;
    const signal = { aborted: false };
    const job = nodeJob({
      signal,
      now: () => clock += 20,
      nextTurn: async () => {
        turns++;
        signal.aborted = turns > 500;
      },
    });
    await expect(view.rows(0, 10, job)).rejects.toMatchObject({ fault: { kind: 'cancelled' } });
    expect(turns).toBeLessThan(510);
  });

  it('follows a relative link through another one, and not in circles', async () => {
    const zoo = tree.lookup(tree.root, 'zoo')!;
    const rows = new Map((await (await open({ node: zoo })).rows(0, 100, nodeJob())).map((row) => [row.name, row]));
    expect(rows.get('hop')).toMatchObject({ target: './hop2', targetNode: rows.get('inner')!.node, targetType: 'file' });
    for (const name of ['round', 'round2']) expect(rows.get(name)).not.toHaveProperty('targetNode');
  });

  it('answers with the page of a row, or of a node where it is there', async () => {
    const view = await open();
    const all = await names(view);
    expect((await view.page({ size: 4, at: 5 }, nodeJob())).rows.map((row) => row.name)).toEqual(all.slice(4, 8));
    const node = tree.lookup(tree.root, 'loop')!;
    expect(await view.page({ size: 4, at: 0, node }, nodeJob())).toMatchObject({ from: 8, index: all.indexOf('loop'), rows: [{ name: 'link' }, { name: 'loop' }, { name: 'up' }] });
    expect(await view.page({ size: 4, at: 99, node: 4711 }, nodeJob())).toMatchObject({ from: 8 });
  });

  it('finds a selection again in another order, and what is left of it under a filter', async () => {
    const view = await open();
    const turned = await open({ descending: true });
    const all = await names(view);
    const other = await names(turned);
    const chosen = ['zoo', 'a.bin', 'away', 'up'];
    const kept = turned.keep(view, { ranges: [[1, 4], [10, 11]], focus: 3, anchor: -1 });
    expect(kept.ranges.flatMap(([from, to]) => other.slice(from, to)).toSorted()).toEqual(chosen.toSorted());
    expect(other[kept.focus]).toBe(all[3]);
    expect(kept.anchor).toBe(-1);
    expect(turned.keep(view, { ranges: [[0, 11]], focus: -1, anchor: -1 }).ranges).toEqual([[0, 11]]);
    const narrowed = await open({ filter: 'a' });
    const few = await names(narrowed);
    expect(narrowed.keep(view, { ranges: [[1, 4]], focus: 1, anchor: 2 })).toEqual({ ranges: [[few.indexOf('a.bin'), few.indexOf('away') + 1]], focus: -1, anchor: few.indexOf('a.bin') });
    const crowd = new MemoryFileSystem(dir(Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`n${i}`, file('x'.repeat((i * 37) % 200))]))));
    const byName = await open({}, crowd);
    const bySize = await open({ key: 'size' }, crowd);
    const want = (await names(byName)).slice(20, 120);
    expect(bySize.keep(byName, { ranges: [[20, 120]], focus: 0, anchor: 0 }).ranges.length).toBeGreaterThan(5);
    const found = await names(bySize);
    expect(bySize.keep(byName, { ranges: [[20, 120]], focus: 0, anchor: 0 }).ranges.flatMap(([from, to]) => found.slice(from, to)).toSorted()).toEqual(want.toSorted());
  });

  it('answers ranges past the end with what there is', async () => {
    const view = await open();
    expect(await view.rows(10, 5, nodeJob())).toHaveLength(1);
    expect(await view.rows(50, 5, nodeJob())).toEqual([]);
  });

  it('opens 100,000 names quickly', async () => {
    const entries = Array.from({ length: 100_000 }, (_, i) => ({ name: `file-${(i * 7919) % 100_000}.txt`, node: 10 + i, type: 'file' as const }));
    const fs = { root: 1, info: tree.info, list: (_dir, from) => { const at = Number(from ?? 0); return { entries: entries.slice(at, at + 256), ...(at + 256 < entries.length ? { next: at + 256 } : {}) } satisfies ListBatch; }, stat: () => tree.stat(1), lookup: () => undefined, read: () => 0, readlink: () => '', close: () => {} } as FileSystem;
    await (await open({}, fs)).rows(0, 100, nodeJob());
    const started = performance.now();
    const view = await open({}, fs);
    const rows = await view.rows(0, 100, nodeJob());
    const took = performance.now() - started;
    console.log(`100,000 entries: first rows after ${took.toFixed(0)} ms`);
    expect(rows.slice(8, 12).map((row) => row.name)).toEqual(['file-8.txt', 'file-9.txt', 'file-10.txt', 'file-11.txt']);
    expect((await view.rows(99_990, 100, nodeJob())).map((row) => row.name).at(-1)).toBe('file-99999.txt');
    expect(took).toBeLessThan(1000);
  });

  it('stops listing when it is cancelled', async () => {
    const endless = { ...tree, root: 1, info: tree.info, list: () => ({ entries: [{ name: 'x', node: 2, type: 'file' }], next: 1 }) } as unknown as FileSystem;
    const signal = { aborted: false };
    setTimeout(() => { signal.aborted = true; }, 50);
    const opening = DirectoryView.open(endless, { node: 1, hidden: false, sort: { key: 'name', descending: false } }, nodeJob({ signal }));
    await expect(opening).rejects.toMatchObject({ fault: { kind: 'cancelled' } });
  });
});
