import { createInterface } from 'node:readline';
import { toDiskError } from '../../../engines/core/errors.ts';
import type { FileSystem } from '../../../engines/core/filesystem.ts';
import { FileDevice } from '../../../engines/testing/file-device.ts';
import { openImage } from '../../../engines/testing/images.ts';
import { dir, file, MemoryFileSystem, type MemoryNode, symlink } from '../../../engines/testing/memory-filesystem.ts';
import { WritableMemoryFileSystem } from '../../../engines/testing/memory-writer.ts';
import { fuseProvider } from '../fuse.ts';
import type { Mount } from '../provider.ts';
import { webdavProvider } from '../webdav.ts';

/** What a process that serves mounts is asked, a line of JSON each; it answers each with a line. */
export type Asked =
  /** `what`: the path of an image, or a tree of a test. */
  | { readonly do: 'mount'; readonly what: string | 'small tree' | 'writable tree' | 'tree of root'; readonly at?: string; readonly title: string; /** FUSE unless told. */ readonly by?: 'webdav' }
  | { readonly do: 'unmount'; readonly lazy?: boolean }
  | { readonly do: 'ended' }
  | { readonly do: 'users' };

const LARGE = new Uint8Array(3_000_000);
for (let i = 0; i < LARGE.length; i++) LARGE[i] = (i * 7 + (i >> 8)) & 0xff;

/** A tree with all that a mount shows. @param uid who may read all of it */
export function smallTree(uid: number = process.getuid?.() ?? 0): MemoryNode {
  const own = { uid, gid: 12 };
  const twice = file('two names', { ...own, mode: 0o640 });
  return dir([
    ['folder', dir([['inner', dir([['deep', file('x'.repeat(70_000), own)]], own)], ['twice', twice]], { ...own, mode: 0o750 })],
    ['empty', file('', own)], ['large', file(LARGE, own)],
    ['twice', twice], ['link', symlink('folder/inner', own)], ['\udcff\udc80 odd\n', file('odd', own)], ['hole', file('begin', { ...own, size: 100_000, runs: [[0, 5]] })],
    ['fifo', { type: 'fifo', ...own }], ['many', dir(Array.from({ length: 900 }, (_, i): [string, MemoryNode] => [`entry ${i} ${'-'.repeat(i % 200)}`, file(`${i}`, own)]), own)],
  ], { ...own, mode: 0o755 });
}

/** What root keeps to himself, on the computer that it comes from. */
function treeOfRoot(): MemoryNode {
  const root = { uid: 0, gid: 0 };
  return dir([['private', dir([['secret', file('secret\n', { ...root, mode: 0o600 })], ['gone', file('', { ...root, mode: 0o600 })]], { ...root, mode: 0o700 })]], { ...root, mode: 0o755 });
}

async function treeOf(what: string): Promise<FileSystem> {
  if (what === 'small tree') return new MemoryFileSystem(smallTree());
  if (what === 'writable tree') return new WritableMemoryFileSystem(smallTree());
  if (what === 'tree of root') return new WritableMemoryFileSystem(treeOfRoot());
  return (await openImage(new FileDevice(what))).fs;
}

let mount: Mount | undefined;

async function answer(asked: Asked): Promise<unknown> {
  switch (asked.do) {
    case 'mount': {
      const fs = await treeOf(asked.what);
      mount = await (asked.by === 'webdav' ? webdavProvider : fuseProvider).mount({ tree: { fs, onChange: () => () => {} }, title: asked.title, ...(asked.at === undefined ? {} : { at: asked.at }) });
      return { at: mount.at };
    }
    case 'unmount': return mount!.unmount({ lazy: asked.lazy === true });
    case 'ended': return mount!.ended;
    case 'users': return mount!.users();
  }
}

if (process.argv[2] === 'serve') {
  // Ends when nobody asks any more and nothing is mounted.
  createInterface({ input: process.stdin }).on('line', (line) => {
    void answer(JSON.parse(line) as Asked)
      .then((answered) => ({ answered }), (error: unknown) => ({ error: toDiskError(error).toJSON() }))
      .then((said) => process.stdout.write(`${JSON.stringify(said)}\n`));
  });
}
