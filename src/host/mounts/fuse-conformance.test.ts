import { describe, expect, it } from 'vitest';
import type { FileSystem, NodeId } from '../../engines/core/filesystem.ts';
import type { Name } from '../../engines/core/names.ts';
import { conformance } from '../../engines/testing/conformance.ts';
import { FileDevice } from '../../engines/testing/file-device.ts';
import { openImage } from '../../engines/testing/images.ts';
import { MemoryFileSystem } from '../../engines/testing/memory-filesystem.ts';
import { WritableMemoryFileSystem } from '../../engines/testing/memory-writer.ts';
import { skip } from '../../engines/testing/oracle/check.ts';
import { truth } from '../../engines/testing/oracle/truth.ts';
import { build, missing } from '../../engines/testing/recipes/build.ts';
import { recipes } from '../../engines/testing/recipes/ext4.ts';
import { missingTools } from '../../engines/testing/tools.ts';
import { walk } from '../../engines/testing/walk.ts';
import { writerConformance, type WriteSubject } from '../../engines/testing/writer-conformance.ts';
import { fuseProvider } from './fuse.ts';
import { MountedFolder } from './testing/mounted-folder.ts';
import { smallTree } from './testing/serving.ts';
import { TestMounts } from './testing/test-mounts.ts';

const available = await fuseProvider.available();
const reason = !available.ok ? `skipped: ${available.reason}` : missingTools('python3', 'e2fsck', 'mke2fs');
if (!available.ok) console.warn(reason);

const mounts = new TestMounts(fuseProvider);

describe.skipIf(reason !== undefined)(`a tree through the kernel${reason === undefined ? '' : ` (${reason})`}`, () => {
  for (const name of ['ext4', 'names', 'nodes', 'times', 'xattr', 'acl', 'unwritten']) {
    const recipe = recipes.find((each) => each.name === name)!;
    const why = missing(recipe);
    if (why !== '') {
      it(`conformance: ext4 ${name} mounted by FUSE`, (context) => skip(context, why));
      continue;
    }
    conformance(`ext4 ${name} mounted by FUSE`, async () => {
      const { image, digest } = build(recipe);
      const reference = truth(image, { digest, ...(recipe.oracle ? { oracle: recipe.oracle } : {}) });
      if ('refused' in reference) throw new Error(`${name}: ${reference.refused}`);
      const { fs, close } = await openImage(new FileDevice(image));
      const mount = await mounts.keep(fs, name);
      return {
        fs: await MountedFolder.open(mount.at), expected: reference.entries,
        async dispose() {
          await mount.unmount();
          await close();
        },
      };
    });
  }

  conformance('a tree in memory mounted by FUSE', async () => {
    const fs = new MemoryFileSystem(smallTree());
    const mount = await mounts.keep(fs, 'memory');
    return { fs: await MountedFolder.open(mount.at), expected: await walk(fs), dispose: () => mount.unmount() };
  });

  writerConformance('ext4 mounted by FUSE', () => mounts.ext4());

  it('names of any case are the same where the filesystem says so', async () => {
    const mount = await mounts.mount(caseless(), 'caseless');
    const seen = await MountedFolder.open(mount.at);
    const { root, writer } = seen;
    expect(await seen.lookup(root, 'read me.txt')).toBeUndefined();
    const node = await writer.create(root, 'Read Me.TXT', { mode: 0o644 });
    // Not by what the kernel remembers of the question before.
    expect(await seen.lookup(root, 'read me.txt')).toBe(node);
    expect(await seen.lookup(root, 'READ ME.txt')).toBe(node);
    await expect(writer.create(root, 'READ ME.TXT', { mode: 0o644 })).rejects.toMatchObject({ fault: { errno: 'EEXIST' } });
    // By way of another name: of two names of one node Linux renames none to the other (fs/namei.c, vfs_rename), which are the same to it.
    await writer.rename(root, 'Read Me.TXT', root, 'third', 'replace');
    await writer.rename(root, 'third', root, 'read me.txt', 'replace');
    expect((await seen.list(root)).entries.map(({ name }) => name)).toEqual(['read me.txt']);
    await writer.unlink(root, 'READ me.txt');
    for (const name of ['read me.txt', 'Read Me.TXT', 'READ ME.txt']) expect(await seen.lookup(root, name), name).toBeUndefined();
    await seen.close();
    await mount.unmount();
  });

  writerConformance('a tree in memory mounted by FUSE', async (): Promise<WriteSubject> => {
    const fs = new WritableMemoryFileSystem();
    const mount = await mounts.mount(fs, 'memory');
    const seen = await MountedFolder.open(mount.at);
    return {
      fs: seen,
      async finish() {
        await seen.close();
        await mount.unmount();
        return { found: '', again: fs };
      },
    };
  });
});

/** As FAT and its like have it: a name is found whatever its case, and keeps the one that it was given. */
function caseless(): FileSystem {
  const inner = new WritableMemoryFileSystem();
  const { writer } = inner;
  const spelled = (dir: NodeId, name: Name): Name => inner.list(dir).entries.find((entry) => entry.name.toLowerCase() === name.toLowerCase())?.name ?? name;
  return {
    info: inner.info, root: inner.root,
    lookup: (dir, name) => inner.lookup(dir, spelled(dir, name)),
    stat: (node) => inner.stat(node), list: (dir, cursor) => inner.list(dir, cursor as number), read: (node, at, into) => inner.read(node, at, into),
    readlink: (node) => inner.readlink(node), close: () => inner.close(),
    writer: {
      ...writer,
      names: { ...writer.names, caseSensitive: false },
      create: (dir, name, node) => writer.create(dir, spelled(dir, name), node),
      unlink: (dir, name) => writer.unlink(dir, spelled(dir, name)),
      rename: (fromDir, from, toDir, to, mode) => writer.rename(fromDir, spelled(fromDir, from), toDir, to, mode),
    },
  };
}
