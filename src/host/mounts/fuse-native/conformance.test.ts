import { describe } from 'vitest';
import { conformance } from '../../../engines/testing/conformance.ts';
import { dir, file, MemoryFileSystem, type MemoryNode, symlink } from '../../../engines/testing/memory-filesystem.ts';
import { missingTools } from '../../../engines/testing/tools.ts';
import { walk } from '../../../engines/testing/walk.ts';
import { writerConformance } from '../../../engines/testing/writer-conformance.ts';
import { MountedFolder } from '../testing/mounted-folder.ts';
import { TestMounts } from '../testing/test-mounts.ts';
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

const mounts = new TestMounts(fuseNativeProvider);

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
    const mount = await mounts.keep(fs, 'memory');
    return { fs: await MountedFolder.open(mount.at), expected: (await walk(fs)).map((entry) => ({ ...entry, mtime: String(BigInt(entry.mtime!) / MILLISECOND * MILLISECOND) })), dispose: () => mount.unmount() };
  });

  writerConformance('ext4 mounted by fuse-native', () => mounts.ext4({ cannot: ['exchange'] }), WITHOUT);
});
