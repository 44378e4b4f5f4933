import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { FileSystem } from '../../engines/core/filesystem.ts';
import { conformance } from '../../engines/testing/conformance.ts';
import { FileDevice } from '../../engines/testing/file-device.ts';
import { openImage } from '../../engines/testing/images.ts';
import { MemoryFileSystem } from '../../engines/testing/memory-filesystem.ts';
import { WritableMemoryFileSystem } from '../../engines/testing/memory-writer.ts';
import { freshImage, fsck, openBytes, TestAccess } from '../../engines/testing/model/images.ts';
import { matrix } from '../../engines/testing/model/matrix.ts';
import { build, missing } from '../../engines/testing/recipes/build.ts';
import { recipes } from '../../engines/testing/recipes/ext4.ts';
import { skip } from '../../engines/testing/oracle/check.ts';
import { missingTools, scratchFolder } from '../../engines/testing/tools.ts';
import { readAll, walk } from '../../engines/testing/walk.ts';
import { writerConformance, type WriteSubject } from '../../engines/testing/writer-conformance.ts';
import { seenByWebdav } from './testing/seen.ts';
import { smallTree } from './testing/serving.ts';
import { WebdavClient } from './testing/webdav-client.ts';
import { WebdavServer } from './webdav-server.ts';

/** The suites of readers and writers through the server and a plain client. */

const scratch = scratchFolder();
const servers = new Set<WebdavServer>();
afterAll(async () => {
  for (const server of servers) await server.close({ cut: true });
  scratch.remove();
});

async function served(fs: FileSystem): Promise<{ readonly client: WebdavClient; end(): Promise<void> }> {
  const server = await WebdavServer.start({ tree: { fs, onChange: () => () => {} }, title: 'a volume' });
  servers.add(server);
  const client = new WebdavClient(server.gate.secretUrl);
  return {
    client,
    async end() {
      client.close();
      await server.close();
      servers.delete(server);
    },
  };
}

conformance('a tree in memory by WebDAV', async () => {
  const fs = new MemoryFileSystem(smallTree());
  const { client, end } = await served(fs);
  return { fs: client, expected: seenByWebdav(await walk(fs)), dispose: end };
});

for (const name of ['ext4', 'names', 'times']) {
  const recipe = recipes.find((each) => each.name === name)!;
  const why = missing(recipe);
  if (why !== '') {
    it(`conformance: ext4 ${name} by WebDAV`, (context) => skip(context, why));
    continue;
  }
  conformance(`ext4 ${name} by WebDAV`, async () => {
    const { fs, close } = await openImage(new FileDevice(build(recipe).image));
    const { client, end } = await served(fs);
    return {
      fs: client, expected: seenByWebdav(await walk(fs)),
      async dispose() {
        await end();
        await close();
      },
    };
  });
}

/** By the beginnings of the rules' texts. */
const WITHOUT = {
  'create and delete': 'WebDAV has no modes, owners and devices', 'directories:': 'WebDAV has no modes and owners of folders; folders are tried below', 'chmod, chown': 'WebDAV has no modes and owners',
  'truncate:': 'WebDAV has no request that cuts a file, and to send 5 GB anew is no test of it', 'space is reserved': 'WebDAV has no holes', 'hard links': 'WebDAV has no hard links', 'symbolic links': 'WebDAV has no symbolic links',
  'rename:': 'WebDAV exchanges no names, and the rule ends with hard links; moving is tried below', 'attributes:': 'WebDAV has properties in place of attributes', 'ACLs:': 'WebDAV has no POSIX ACLs',
  'a file with all': 'WebDAV gives no mode and owner with the contents', 'what is held': 'WebDAV has no open files',
} as const;

writerConformance('a tree in memory by WebDAV', async (): Promise<WriteSubject> => {
  const { client, end } = await served(new WritableMemoryFileSystem());
  return {
    fs: client,
    async finish() {
      await end();
      return { found: '' };
    },
  };
}, WITHOUT);

const reason = missingTools('mke2fs', 'e2fsck');
describe.skipIf(reason !== undefined)(`ext4 by WebDAV${reason === undefined ? '' : ` (${reason})`}`, () => {
  writerConformance('ext4 by WebDAV', async (): Promise<WriteSubject> => {
    const bytes = freshImage(matrix.find(({ name }) => name === 'ext4-4k')!, join(scratch.path, 'image'));
    const fs = await openBytes(bytes, new TestAccess(1, 'staged'));
    const { client, end } = await served(fs);
    return {
      fs: client,
      async finish() {
        await end();
        await fs.close();
        const folder = mkdtempSync(join(scratch.path, 'image-'));
        writeFileSync(join(folder, 'image'), bytes);
        const found = fsck(join(folder, 'image'));
        rmSync(folder, { recursive: true });
        return { found, again: (await served(await openBytes(bytes))).client };
      },
    };
  }, WITHOUT);
});

describe('folders and moves by WebDAV', () => {
  it('hold hundreds of names, which are moved, replaced and removed', async () => {
    const fs = new WritableMemoryFileSystem();
    const { client, end } = await served(fs);
    const { writer } = client;
    const dir = await writer.mkdir(client.root, 'dir', { mode: 0o755 });
    const made = Array.from({ length: 300 }, (_, i) => `name ${i} %&?#;ä`);
    for (const name of made) await writer.write(await writer.create(dir, name, { mode: 0o644 }), 0, Buffer.from(name));
    expect((await client.list(dir)).entries.map(({ name }) => name).toSorted()).toEqual(made.toSorted());
    const other = await writer.mkdir(client.root, 'other', { mode: 0o755 });
    for (const [i, name] of made.entries()) await writer.rename(dir, name, other, `moved ${i}`, 'keep');
    expect(await readAll(client, (await client.lookup(other, 'moved 7'))!)).toEqual(new Uint8Array(Buffer.from(made[7]!)));
    await expect(writer.rename(other, 'moved 1', other, 'moved 2', 'keep')).rejects.toMatchObject({ fault: { errno: 'EEXIST' } });
    await writer.rename(other, 'moved 1', other, 'moved 2', 'replace');
    expect(Buffer.from(await readAll(client, (await client.lookup(other, 'moved 2'))!)).toString()).toBe(made[1]);
    await writer.truncate((await client.lookup(other, 'moved 2'))!, 4);
    expect(Buffer.from(await readAll(client, (await client.lookup(other, 'moved 2'))!)).toString()).toBe('name');
    await writer.rename(client.root, 'other', dir, 'inner', 'keep');
    await expect(writer.rename(client.root, 'dir', (await client.lookup(dir, 'inner'))!, 'x', 'keep')).rejects.toMatchObject({ fault: { errno: 'EINVAL' } });
    for (let i = 0; i < made.length; i++) if (i !== 1) await writer.unlink((await client.lookup(dir, 'inner'))!, `moved ${i}`);
    await writer.rmdir(dir, 'inner');
    await writer.rmdir(client.root, 'dir');
    expect(fs.list(fs.root).entries).toEqual([]);
    await end();
  });
});
