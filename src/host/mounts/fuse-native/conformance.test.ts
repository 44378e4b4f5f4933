import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe } from 'vitest';
import type { FileSystem } from '../../../engines/core/filesystem.ts';
import { conformance } from '../../../engines/testing/conformance.ts';
import { dir, file, MemoryFileSystem, type MemoryNode, symlink } from '../../../engines/testing/memory-filesystem.ts';
import { freshImage, fsck, openBytes, TestAccess } from '../../../engines/testing/model/images.ts';
import { matrix } from '../../../engines/testing/model/matrix.ts';
import { missingTools, scratchFolder } from '../../../engines/testing/tools.ts';
import { walk } from '../../../engines/testing/walk.ts';
import { writerConformance, type WriteSubject } from '../../../engines/testing/writer-conformance.ts';
import type { Mount } from '../provider.ts';
import { MountedFolder } from '../testing/mounted-folder.ts';
import { fuseNativeProvider } from './index.ts';

const available = await fuseNativeProvider.available();
const root = process.platform === 'linux' && process.getuid!() === 0;
const reason = !available.ok ? `skipped: ${available.reason}` : root ? missingTools('python3', 'e2fsck', 'mke2fs') : 'skipped: owners are tried as root of Linux';
if (!available.ok || !root) console.warn(reason);

/** What fuse-native 2.2.6 can't do, by the rules' beginnings. */
const WITHOUT: Readonly<Record<string, string>> = {
  'create and delete': 'fuse-native loses one of the two times, so none is set',
  'names:': 'fuse-native hands names over as text: those that are not UTF-8 are lost',
  'chmod, chown and times': 'fuse-native loses one of the two times, so none is set',
  'space is reserved': 'fuse-native has no fallocate',
  'symbolic links:': 'fuse-native hands targets over as text: those that are not UTF-8 are lost',
  'rename:': 'libfuse 2 has no renames that keep or exchange',
  'what is held': 'libfuse 2 keeps what is removed while it is open under a hidden name',
  'times of directories': 'fuse-native loses one of the two times, so none is set',
};

/** The smallest step of its times, in nanoseconds. */
const MILLISECOND = 1_000_000n;

const scratch = scratchFolder();
const mounts = new Set<Mount>();
const kept = new Set<Mount>();
afterEach(takeDown);
afterAll(async () => {
  kept.clear();
  await takeDown();
  scratch.remove();
});

/** Nothing may stay mounted, whatever a test left; what a suite has stays for its next rule. */
async function takeDown(): Promise<void> {
  for (const mount of mounts) if (!kept.has(mount)) await mount.unmount({ lazy: true });
}

async function mounted(fs: FileSystem, title: string): Promise<Mount> {
  const mount = await fuseNativeProvider.mount({ tree: { fs, onChange: () => () => {} }, title, at: mkdtempSync(join(scratch.path, 'at-')) });
  mounts.add(mount);
  void mount.ended.then(() => { mounts.delete(mount); });
  return mount;
}

/** Its names are Unicode. */
function tree(): MemoryNode {
  const twice = file('two names', { mode: 0o640, uid: 11, gid: 12 });
  return dir([
    ['folder', dir([['inner', dir([['deep', file('x'.repeat(70_000))]])], ['twice', twice]], { mode: 0o750 })], ['twice', twice], ['empty', file('')],
    ['large', file(Uint8Array.from({ length: 3_000_000 }, (_, i) => (i * 7 + (i >> 8)) & 0xff))], ['link', symlink('folder/inner')], ['gr\u00f6\u00dfe \u{1f642}\n', file('odd')],
    ['hole', file('begin', { size: 100_000, runs: [[0, 5]] })], ['fifo', { type: 'fifo' }], ['many', dir(Array.from({ length: 900 }, (_, i): [string, MemoryNode] => [`entry ${i} ${'-'.repeat(i % 200)}`, file(`${i}`)]))],
  ], { mode: 0o755 });
}

describe.skipIf(reason !== undefined)(`a tree through libfuse${reason === undefined ? '' : ` (${reason})`}`, () => {
  conformance('a tree in memory mounted by fuse-native', async () => {
    const fs = new MemoryFileSystem(tree());
    const mount = await mounted(fs, 'memory');
    kept.add(mount);
    return { fs: await MountedFolder.open(mount.at), expected: (await walk(fs)).map((entry) => ({ ...entry, mtime: String(BigInt(entry.mtime!) / MILLISECOND * MILLISECOND) })), dispose: () => mount.unmount() };
  });

  const shape = matrix.find(({ name }) => name === 'ext4-4k')!;
  writerConformance('ext4 mounted by fuse-native', async (): Promise<WriteSubject> => {
    const folder = mkdtempSync(join(scratch.path, 'image-'));
    const image = join(folder, 'image');
    const bytes = freshImage(shape, image);
    const fs = await openBytes(bytes, new TestAccess(1, 'staged'));
    const mount = await mounted(fs, 'ext4');
    const seen = await MountedFolder.open(mount.at);
    return {
      fs: seen,
      cannot: ['exchange'],
      async finish() {
        await seen.close();
        await mount.unmount();
        await fs.close();
        writeFileSync(image, bytes);
        const found = fsck(image);
        rmSync(folder, { recursive: true });
        return { found, again: await openBytes(bytes) };
      },
    };
  }, WITHOUT);
});
