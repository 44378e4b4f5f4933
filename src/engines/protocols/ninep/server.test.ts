import { expect, it } from 'vitest';
import { channelPair } from '../../core/channel.ts';
import type { FileSystem, NodeId } from '../../core/filesystem.ts';
import type { Name } from '../../core/names.ts';
import { conformance } from '../../testing/conformance.ts';
import { dir, file, MemoryFileSystem, type MemoryNode, symlink } from '../../testing/memory-filesystem.ts';
import { WritableMemoryFileSystem } from '../../testing/memory-writer.ts';
import { walk, type WalkEntry } from '../../testing/walk.ts';
import { type WriteSubject, writerConformance } from '../../testing/writer-conformance.ts';
import { connect9p, type ConnectOptions, open9pFileSystem, serve9p } from './index.ts';

const ABOUT = { format: 'memory', label: 'a label', uuid: 'an id', details: [] } as const;

/** A tree with something of everything. In .u names, times and links must be what that dialect can tell. */
function tree(unix: boolean): MemoryNode {
  const when = { mtime: 1_500_000_000_000_000_000n, atime: 1_400_000_000_000_000_000n };
  const twice = file('linked', { mode: 0o4751, uid: 70_000, gid: 4_000_000_000, ...when });
  const many = Array.from({ length: 300 }, (_, i): [string, MemoryNode] => [`entry ${i} ${'-'.repeat(i % 60)}`, file(`${i}`, when)]);
  return dir([
    ['empty', file('', when)], ['small', twice], ['pieces', file(Uint8Array.from({ length: 300_001 }, (_, i) => i * 7), when)], ['holes', file('start', { size: 2_000_000, ...when })],
    ...(unix ? [] : [['again', twice], ['before 1970', file('x', { mtime: -5_000_000_000n + 1n })], ['tagged', file('x', { xattrs: { 'user.tag': 'value', 'user.empty': '', 'user.long': 'v'.repeat(60_000) } })]] satisfies [string, MemoryNode][]),
    ['many', dir(many, { mode: 0o1777, ...when })], ['link', symlink('small', when)], ['odd \udcff\udcfe', dir([['\u0001\n', file('x', when)]], when)], ['ä'.repeat(127), file('long', when)],
    ['char', { type: 'char', device: { major: 1, minor: 3 }, ...when }], ['block', { type: 'block', device: { major: 259, minor: 70_000 }, ...when }], ['fifo', { type: 'fifo', ...when }], ['socket', { type: 'socket', ...when }],
    ['deep', Array.from({ length: 40 }).reduce<MemoryNode>((inner, _, i) => dir([[`d${i}`, inner]], when), file('down here', when))],
  ], when);
}

async function through(fs: FileSystem, options: ConnectOptions, write = false): Promise<FileSystem> {
  const [ours, theirs] = channelPair();
  serve9p(theirs, fs);
  return open9pFileSystem(await connect9p(ours, options), { ...ABOUT, write });
}

for (const msize of [4096, 1 << 20]) {
  conformance(`9P2000.L of our own server, msize ${msize}`, async () => {
    const fs = new MemoryFileSystem(tree(false));
    return { fs: await through(fs, { msize }), expected: await walk(fs) };
  });
}

conformance('9P2000.u of our own server', async () => {
  const fs = new MemoryFileSystem(tree(true));
  // It tells neither how many names a file has nor attributes.
  const expected = (await walk(fs)).map((entry): WalkEntry => ({ ...entry, nlink: 1 }));
  return { fs: await through(fs, { msize: 8192, dialect: '9P2000.u' }), expected };
});

writerConformance('9P2000.L of our own server', async (): Promise<WriteSubject> => {
  const fs = new WritableMemoryFileSystem();
  const client = await through(fs, { msize: 16_384 }, true) as WriteSubject['fs'];
  return {
    fs: client, cannot: ['exchange', 'empty attributes'],
    async finish() {
      await client.close();
      return { found: '', again: fs };
    },
  };
});

writerConformance('9P2000.u of our own server', async (): Promise<WriteSubject> => {
  const fs = new WritableMemoryFileSystem(dir([], { mtime: 1_500_000_000_000_000_000n }), { now: () => BigInt(Math.floor(Date.now() / 1000)) * 1_000_000_000n });
  const client = await through(fs, { msize: 16_384, dialect: '9P2000.u' }, true) as WriteSubject['fs'];
  return {
    fs: client, cannot: ['exchange', 'empty attributes'],
    async finish() {
      await client.close();
      return { found: '' };
    },
  };
}, {
  directories: '9P2000.u does not tell the number of links', 'hard links': '9P2000.u does not tell the number of links', rename: '9P2000.u renames within a directory alone',
  chmod: '9P2000.u has no times before 1970', attributes: '9P2000.u has no attributes', ACLs: '9P2000.u has no attributes',
});

/** As FAT: names are found in any case. */
class Folding extends WritableMemoryFileSystem {
  override lookup(parent: NodeId, name: Name): NodeId | undefined {
    return this.list(parent).entries.find((entry) => entry.name.toLowerCase() === name.toLowerCase())?.node;
  }
}

it('changes the case of a name where case does not count', async () => {
  const served = new Folding();
  const [ours, theirs] = channelPair();
  serve9p(theirs, served);
  const fs = await open9pFileSystem(await connect9p(ours), { ...ABOUT, write: true, names: { caseSensitive: false } });
  const [plain, folder] = [await fs.writer!.create(fs.root, 'file', { mode: 0o644 }), await fs.writer!.mkdir(fs.root, 'folder', { mode: 0o755 })];
  await fs.writer!.rename(fs.root, 'file', fs.root, 'FILE', 'replace');
  await fs.writer!.rename(fs.root, 'folder', fs.root, 'FOLDER', 'replace');
  expect(served.list(served.root).entries.map(({ name }) => name)).toEqual(['FILE', 'FOLDER']);
  expect([await fs.lookup(fs.root, 'FILE'), await fs.lookup(fs.root, 'FOLDER')]).toEqual([plain, folder]);
  expect((await fs.stat(folder)).type).toBe('dir');
  await fs.writer!.unlink(fs.root, 'FILE');
  await fs.writer!.rmdir(fs.root, 'FOLDER');
  expect(served.list(served.root).entries).toEqual([]);
  await fs.close();
});
