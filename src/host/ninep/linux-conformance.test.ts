import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, it } from 'vitest';
import type { FileSystem } from '../../engines/core/filesystem.ts';
import { connect9p, open9pFileSystem } from '../../engines/protocols/ninep/index.ts';
import { conformance } from '../../engines/testing/conformance.ts';
import { FileDevice } from '../../engines/testing/file-device.ts';
import { openImage } from '../../engines/testing/images.ts';
import { freshImage, fsck, openBytes, TestAccess } from '../../engines/testing/model/images.ts';
import { matrix } from '../../engines/testing/model/matrix.ts';
import { skip } from '../../engines/testing/oracle/check.ts';
import { truth } from '../../engines/testing/oracle/truth.ts';
import { build, missing } from '../../engines/testing/recipes/build.ts';
import { recipes } from '../../engines/testing/recipes/ext4.ts';
import { missingTools, scratchFolder } from '../../engines/testing/tools.ts';
import { type Inability, writerConformance, type WriteSubject } from '../../engines/testing/writer-conformance.ts';
import { streamChannel } from '../channels.ts';
import { clientParts, LinuxClient } from './testing/linux-client.ts';
import { startTreeServer } from './tree-server.ts';

/**
 * Our 9P server under Linux's own client, whole: a machine of the guest's kernel mounts what we serve, diod in it serves the mount back, and the suites of what
 * every reader and every writer must keep run on that. What is seen has gone through our server and the kernel's client of it.
 */

const scratch = scratchFolder();
const parts = await clientParts();
const reason = typeof parts === 'string' ? parts : missingTools('python3', 'e2fsck', 'mke2fs');

/** Frames as large as the kernel asks for, attributes that are ACLs. */
const OPTIONS = 'msize=131072,posixacl';

/**
 * What the kernel keeps: nothing, or all until it is unmounted. What it can't say: a time before 1970, which it makes 1970 (fs/9p/vfs_super.c), and when a file was
 * written that it keeps: it tells its own clock's time, and the server's is another.
 */
const CACHES: readonly { readonly cache: string; readonly cannot: readonly Inability[] }[] = [
  { cache: 'none', cannot: ['times before 1970'] },
  { cache: 'loose', cannot: ['times before 1970', 'times of writes'] },
];

/** Milliseconds: the machine boots under emulation, on a computer that does other things, too. */
const LONG = 600_000;

let machine: Promise<LinuxClient> | undefined;
/** Takes down what the rule before left mounted, even when it failed. */
let takeDown: (() => Promise<void>) | undefined;
afterAll(async () => {
  await (await machine)?.end();
  scratch.remove();
}, LONG);

interface Seen {
  readonly fs: FileSystem;
  /** Unmounts, and has our server closed. */
  end(): Promise<void>;
}

/** A tree as it is seen through the kernel's mount of it. */
async function through(fs: FileSystem, options: string, write: boolean): Promise<Seen> {
  await takeDown?.();
  const client = await (machine ??= LinuxClient.start(parts as Exclude<typeof parts, string>, scratch.path));
  let failed: unknown;
  const server = await startTreeServer(fs, { at: { port: 0 }, onFailure: (error) => { failed = error; } });
  const diod = await client.mount(server.port, options);
  const end = async (): Promise<void> => {
    if (takeDown !== end) return;
    takeDown = undefined;
    diod.destroy();
    await client.unmounted();
    await server.close();
    if (failed !== undefined) throw failed;
  };
  takeDown = end;
  const remote = await connect9p(streamChannel(diod), { aname: '/mnt', peer: 'diod', msize: 1 << 20 });
  return { fs: await open9pFileSystem(remote, { format: '9p', label: '', uuid: '', details: [], write }), end };
}

describe.skipIf(reason !== undefined)(`Linux's own client of 9P${reason === undefined ? '' : ` (${reason})`}`, { timeout: LONG }, () => {
  for (const name of ['nodes', 'names']) {
    const recipe = recipes.find((each) => each.name === name)!;
    const why = missing(recipe);
    if (why !== '') {
      it(`conformance: ext4 ${name}`, (context) => skip(context, why));
      continue;
    }
    conformance(`ext4 ${name} mounted by v9fs`, async () => {
      const { image, digest } = build(recipe);
      const reference = truth(image, { digest, ...(recipe.oracle ? { oracle: recipe.oracle } : {}) });
      if ('refused' in reference) throw new Error(`${name}: ${reference.refused}`);
      const { fs, close } = await openImage(new FileDevice(image));
      const seen = await through(fs, OPTIONS, false);
      return {
        fs: seen.fs, expected: reference.entries,
        async dispose() {
          await seen.end();
          await close();
        },
      };
    });
  }

  for (const { cache, cannot } of CACHES) {
    const shape = matrix.find((each) => each.name === 'ext4-4k')!;
    writerConformance(`ext4 mounted by v9fs, cache=${cache}`, async (): Promise<WriteSubject> => {
      const folder = join(scratch.path, 'image');
      mkdirSync(folder, { recursive: true });
      const image = join(folder, 'image');
      const bytes = freshImage(shape, image);
      const fs = await openBytes(bytes, new TestAccess(1, 'staged'));
      const seen = await through(fs, `${OPTIONS},cache=${cache}`, true);
      return {
        fs: seen.fs as WriteSubject['fs'], cannot: ['exchange', 'empty attributes', ...cannot],
        async finish() {
          await seen.fs.close();
          await seen.end();
          await fs.close();
          writeFileSync(image, bytes);
          const found = fsck(image);
          rmSync(folder, { recursive: true });
          return { found, again: await openBytes(bytes) };
        },
      };
    });
  }
});
