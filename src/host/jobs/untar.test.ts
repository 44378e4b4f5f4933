import { afterAll, describe, expect, it } from 'vitest';
import { TAR_END, type TarEntry, tarHead } from '../../engines/archives/tar/entry.ts';
import type { JobNote } from '../../engines/core/job.ts';
import { dir, file, MemoryFileSystem, type MemoryNode, symlink } from '../../engines/testing/memory-filesystem.ts';
import { WritableMemoryFileSystem } from '../../engines/testing/memory-writer.ts';
import { missingTools, run, scratchFolder } from '../../engines/testing/tools.ts';
import { walk } from '../../engines/testing/walk.ts';
import { nodeJob } from '../session.ts';
import { TarStream } from '../sources/tar-stream.ts';
import { tar } from './tar.ts';
import { untar } from './untar.ts';

const scratch = scratchFolder();
afterAll(() => scratch.remove());

const twin = file('twin', { mtime: 5n });
const tree = (): MemoryNode => dir({
  large: file(new Uint8Array(3_000_000).map((_, i) => i % 253), { mtime: 1_700_000_000_123_456_789n, mode: 0o4711, uid: 1000, gid: 100 }),
  one: twin, sub: dir({ two: twin, empty: dir({}, { mtime: 7n, mode: 0o700 }) }, { mode: 0o750, mtime: 12_345_000_000_000n }),
  sparse: file(Uint8Array.from({ length: 100_000 }, (_, i) => (i >= 65_536 && i < 69_632 ? 9 : 0)), { size: 8 * 1024 * 1024, runs: [[65_536, 4096]] }),
  hollow: file('', { size: 1024 * 1024 }),
  link: symlink('t'.repeat(150)),
  tagged: file('t', { xattrs: { 'user.tag=x': 'a\nb\0c', 'user.plain': 'v' } }),
  pipe: { type: 'fifo' }, null: { type: 'char', device: { major: 1, minor: 3 } },
}, { mtime: 99n });

async function packed(root: MemoryNode): Promise<Buffer> {
  const fs = new MemoryFileSystem(root);
  const pieces: Buffer[] = [];
  await tar({ fs, entries: [{ node: fs.root, name: '' }] }, nodeJob(), (bytes) => { pieces.push(Buffer.from(bytes)); });
  return Buffer.concat(pieces);
}

async function unpacked(archive: Uint8Array, root: MemoryNode = dir({})) {
  const fs = new WritableMemoryFileSystem(root);
  const notes: JobNote[] = [];
  // In pieces that fit nothing.
  const pieces = Array.from({ length: Math.ceil(archive.length / 5000) }, (_, i) => archive.subarray(i * 5000, (i + 1) * 5000));
  const summary = await untar(fs, fs.root, new TarStream(pieces), nodeJob({ log: (note) => { notes.push(note); } }));
  return { fs, notes, summary };
}

const member = (entry: Partial<TarEntry> & { path: string }, contents = ''): Uint8Array => {
  const head = tarHead({ type: 'file', mode: 0o644, uid: 0, gid: 0, size: contents.length, mtime: 0n, ...entry });
  return Buffer.concat([head.bytes, Buffer.from(contents), new Uint8Array(head.padding)]);
};

describe('untar', () => {
  it('brings back what tar packed: contents, holes, owners, times, links, attributes', async () => {
    const { fs, notes, summary } = await unpacked(await packed(tree()));
    expect(notes).toEqual([]);
    expect(await walk(fs)).toEqual(await walk(new WritableMemoryFileSystem(tree())));
    expect(summary).toMatchObject({ files: 9, directories: 2, problems: 0 });
  });

  it('replaces files, merges folders, and keeps what it does not name', async () => {
    const { fs } = await unpacked(Buffer.concat([member({ path: 'a' }, 'new'), member({ path: 'd/', type: 'dir', mode: 0o700, mtime: 3n }), member({ path: 'd/x' }, 'x'), TAR_END]), dir({ a: file('older, longer'), d: dir({ kept: file('k') }) }));
    const entries = new Map((await walk(fs)).map((entry) => [entry.path, entry]));
    expect([...entries.keys()]).toEqual(['/', '/a', '/d', '/d/kept', '/d/x']);
    expect([entries.get('/a')!.size, entries.get('/d')!.mode, entries.get('/d')!.mtime]).toEqual([3, '0700', '3']);
  });

  it('never leaves the folder: "..", symlinks on the way and absolute paths', async () => {
    const { fs, notes } = await unpacked(Buffer.concat([
      member({ path: '../up' }), member({ path: 'a/../../up' }), member({ path: 'out', type: 'symlink', target: '/etc' }), member({ path: 'out/passwd' }, 'x'),
      member({ path: 'steal', type: 'link', target: '../secret' }), member({ path: '/absolute' }, 'inside'), TAR_END,
    ]));
    expect((await walk(fs)).map(({ path }) => path)).toEqual(['/', '/absolute', '/out']);
    expect(notes.map(({ path }) => path)).toEqual(['../up', 'a/../../up', 'out/passwd', 'steal']);
  });

  it('goes on after a member that can not be made, and stops at damage', async () => {
    const { notes, summary, fs } = await unpacked(Buffer.concat([member({ path: 'd' }, 'file over folder'), member({ path: 'lost', type: 'link', target: 'nowhere' }), member({ path: 'b' }, 'b'), TAR_END]), dir({ d: dir({}) }));
    expect([notes.length, summary.problems, summary.files]).toEqual([2, 2, 1]);
    expect((await walk(fs)).map(({ path }) => path)).toEqual(['/', '/b', '/d']);
    await expect(unpacked(member({ path: 'cut' }, 'x').subarray(0, 513))).rejects.toMatchObject({ fault: { kind: 'corrupt' } });
  });

  it.skipIf(missingTools('tar') !== undefined)('reads what GNU tar makes of its own unpacking', async () => {
    const first = await packed(dir({ one: twin, two: twin, deep: dir({ file: file('f', { mode: 0o640 }) }) }));
    run('tar', ['-C', scratch.path, '-xf', '-'], first as unknown as string);
    const { fs } = await unpacked(Buffer.from(run('sh', ['-c', `tar -C ${scratch.path} --format=gnu -cf - . | base64`]), 'base64'));
    expect((await walk(fs)).map(({ path, nlink }) => [path, nlink])).toEqual([['/', 3], ['/deep', 2], ['/deep/file', 1], ['/one', 2], ['/two', 2]]);
  });
});
