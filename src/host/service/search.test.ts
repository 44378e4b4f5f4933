import { describe, expect, it } from 'vitest';
import { corrupt } from '../../engines/core/errors.ts';
import type { FileSystem, ListBatch } from '../../engines/core/filesystem.ts';
import { decodeName } from '../../engines/core/names.ts';
import { dir, file, MemoryFileSystem, type MemoryNode, symlink } from '../../engines/testing/memory-filesystem.ts';
import type { SearchEvent, SearchFolder, SearchHit } from '../../shared/contract/rows.ts';
import { nodeJob } from '../session.ts';
import { search, type SearchLimits } from './search.ts';

type End = Extract<SearchEvent, { event: 'end' }>;

/** A whole search: what it found, as paths from the start on, in order, and how it ended. */
async function find(fs: FileSystem, query: string, more: { hidden?: boolean; node?: number; limits?: SearchLimits } = {}): Promise<{ paths: string[]; hits: SearchHit[]; end: End }> {
  const folders = new Map<number, SearchFolder>();
  const hits: SearchHit[] = [];
  let end: End | undefined;
  for await (const event of search(fs, { node: more.node ?? fs.root, query, hidden: more.hidden ?? false }, nodeJob(), more.limits)) {
    expect(end).toBeUndefined();
    if (event.event === 'end') end = event;
    if (event.event !== 'hits') continue;
    for (const folder of event.folders) {
      expect(folder.above === 0 || folders.has(folder.above)).toBe(true);
      folders.set(folder.id, folder);
    }
    hits.push(...event.hits);
  }
  const pathOf = (id: number): string => {
    const folder = folders.get(id);
    return folder === undefined ? '' : `${pathOf(folder.above)}${folder.name}/`;
  };
  return { paths: hits.map((hit) => pathOf(hit.folder) + hit.row.name), hits, end: end! };
}

const tree = new MemoryFileSystem(dir({
  docs: dir({ letters: dir({ '2023': dir({ 'to-grandmother.TXT': file('Dear') }) }), 'b10.txt': file(''), 'b9.txt': file('') }),
  aaa: dir({ deep: dir({ 'note.txt': file('12345', { mtime: 7n }) }) }),
  'z.txt': file(''),
  '.secret.txt': file(''),
  '.cache': dir({ 'cached.txt': file('') }),
  link: symlink('docs'),
  'link.txt': symlink('docs/letters'),
}));

describe('a search', () => {
  it('tells near names first, those of one folder in natural order', async () => {
    const { paths, end } = await find(tree, '.TXT');
    expect(paths).toEqual(['link.txt', 'z.txt', 'docs/b9.txt', 'docs/b10.txt', 'aaa/deep/note.txt', 'docs/letters/2023/to-grandmother.TXT']);
    expect(end).toEqual({ event: 'end', capped: false, notes: [], progress: { searched: 12, directories: 6, found: 6, damaged: 0, hidden: 2 } });
  });

  it('looks below where it is told to, and into hidden folders when it is', async () => {
    const docs = tree.lookup(tree.root, 'docs')!;
    expect((await find(tree, 'b?.*', { node: docs })).paths).toEqual(['b9.txt']);
    expect((await find(tree, '.txt', { hidden: true })).paths).toEqual(expect.arrayContaining(['.secret.txt', '.cache/cached.txt']));
    expect((await find(tree, 'nothing of the kind')).paths).toEqual([]);
  });

  it('answers whole rows, and finds folders and links but follows none', async () => {
    const { hits } = await find(tree, 'note.txt');
    expect(hits[0]!.row).toMatchObject({ name: 'note.txt', display: 'note.txt', size: 5, mtime: 7n, type: 'file' });
    const found = await find(tree, 'l?*');
    expect(found.paths).toEqual(['link', 'link.txt', 'docs/letters']);
    expect(found.hits[0]!.row).toMatchObject({ type: 'symlink', target: 'docs', targetType: 'dir' });
  });

  it('finds names that are no text, and shows them escaped', async () => {
    const bytes = decodeName(Uint8Array.of(0x61, 0xff));
    const fs = new MemoryFileSystem(dir([['\u202egpj.exe', file('')], [bytes, dir([['line\nbreak', file('')], ['A\u0301rbol', file('')]])]]));
    expect((await find(fs, 'a')).hits.map(({ row }) => row.display)).toEqual(['a\\xff', 'line\\x0abreak']);
    expect((await find(fs, 'árbol')).paths).toEqual([`${bytes}/A\u0301rbol`]);
    expect((await find(fs, 'exe')).hits[0]!.row.display).toBe('\\u{202e}gpj.exe');
  });

  it('looks into no folder twice, though a damaged tree shows it in many places and in itself', async () => {
    const shared = dir({ 'here.txt': file('') });
    const loop: MemoryNode = dir({});
    loop.entries!.push(['again', loop], ['shared', shared]);
    const fs = new MemoryFileSystem(dir({ loop, shared, other: shared }));
    const { paths, end } = await find(fs, '*');
    expect(paths).toHaveLength(6);
    expect(paths.filter((path) => path.endsWith('here.txt'))).toHaveLength(1);
    expect(end.progress.directories).toBe(3);
  });

  it('goes on beside what is damaged', async () => {
    const torn = dir({ inside: file('') });
    const fs = new MemoryFileSystem(dir({ torn, sound: dir({ inside: file('', { fault: corrupt('inode 7', 'is broken', 77) }) }) }));
    const node = fs.lookup(fs.root, 'torn')!;
    const damaged = Object.assign(Object.create(fs) as FileSystem, {
      list: (at: number, cursor?: number) => { if (at === node) throw corrupt('directory block 0 of inode 12', 'is torn', 4096); return fs.list(at, cursor); },
      stat: (at: number) => fs.stat(at), lookup: (at: number, name: string) => fs.lookup(at, name), root: fs.root,
    });
    const { paths, hits, end } = await find(damaged, 'inside');
    expect(paths).toEqual(['sound/inside']);
    expect(hits[0]!.row.error).toMatchObject({ fault: { kind: 'corrupt' } });
    expect(end.progress).toMatchObject({ damaged: 1, directories: 3 });
    expect(end.notes).toEqual([{ severity: 'error', message: expect.stringContaining('torn: ') }]);
    await expect(find(damaged, 'inside', { node })).rejects.toMatchObject({ fault: { kind: 'corrupt' } });
    await expect(find(fs, 'x', { node: fs.lookup(fs.lookup(fs.root, 'sound')!, 'inside')! })).rejects.toMatchObject({ fault: { kind: 'usage', errno: 'ENOTDIR' } });
  });

  it('ends at a number of hits, and says what it did not look into', async () => {
    const many = await find(endless(1000), 'file', { limits: { hits: 600, folders: 1e6, depth: 100 } });
    expect(many.hits).toHaveLength(600);
    expect(many.end).toMatchObject({ capped: true, progress: { found: 600 }, notes: [] });
    const few = await find(endless(10), 'nothing', { limits: { hits: 10, folders: 5, depth: 100 } });
    expect(few.end).toMatchObject({ capped: false, progress: { directories: 5 }, notes: [{ message: expect.stringContaining('Only 5 folders') }] });
    expect((await find(endless(1), 'nothing', { limits: { hits: 10, folders: 1e6, depth: 3 } })).end.progress.directories).toBe(3);
  });

  it('goes no faster than it is asked', async () => {
    let listed = 0;
    const fs = endless(1000, () => { listed++; });
    const events = search(fs, { node: 1, query: 'file', hidden: false }, nodeJob());
    for (let i = 0; i < 3; i++) await events.next();
    const before = listed;
    await new Promise((resolve) => { setTimeout(resolve, 50); });
    expect(listed).toBe(before);
    await events.return(undefined);
  });

  it('stops when it is cancelled, and tells how far it is until then', async () => {
    const signal = { aborted: false };
    let cancelled = 0;
    let progress = 0;
    setTimeout(() => {
      signal.aborted = true;
      cancelled = performance.now();
    }, 350);
    const searching = (async () => {
      for await (const event of search(endless(50_000), { node: 1, query: 'nothing', hidden: false }, nodeJob({ signal }))) {
        if (event.event === 'progress') expect(event.progress).toMatchObject({ searched: expect.any(Number), now: expect.stringMatching(/^(dir\/?)+$|^…|^$/), found: 0 });
        progress++;
      }
    })();
    await expect(searching).rejects.toMatchObject({ fault: { kind: 'cancelled' } });
    expect(performance.now() - cancelled).toBeLessThan(200);
    expect(progress).toBeGreaterThan(0);
    expect(progress).toBeLessThan(6);
  });
});

/** Folders in folders without an end, each with some files. */
function endless(files: number, onList: () => void = () => {}): FileSystem {
  const entries = Array.from({ length: files }, (_, i) => ({ name: `file-${i}`, node: 0, type: 'file' as const }));
  return {
    root: 1, info: tree.info, stat: () => tree.stat(tree.lookup(tree.root, 'z.txt')!), lookup: () => undefined, read: () => 0, readlink: () => '', close: () => {},
    list: (node): ListBatch => {
      onList();
      return { entries: [...entries, { name: 'dir', node: node + 1, type: 'dir' }] };
    },
  };
}
