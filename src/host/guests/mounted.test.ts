import { mkdtempSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { conformance } from '../../engines/testing/conformance.ts';
import { skip } from '../../engines/testing/oracle/check.ts';
import { missingTools, run, scratchFolder } from '../../engines/testing/tools.ts';
import { listAll, type WalkEntry } from '../../engines/testing/walk.ts';
import { type WriteSubject, writerConformance } from '../../engines/testing/writer-conformance.ts';
import { fuseProvider } from '../mounts/fuse.ts';
import { SessionMounts } from '../mounts/mounts.ts';
import { MountedFolder } from '../mounts/testing/mounted-folder.ts';
import { type ImageSession, openImage } from '../session.ts';
import { installed } from './installed.ts';
import type { GuestSupport } from './support.ts';
import { builtGuest } from './testing/built.ts';
import { filled, notMounted } from './testing/kernel-tree.ts';
import { leaseMachine } from './testing/lease.ts';

/** Bytes of every image: XFS takes no less than 300 MiB, and one machine has them all. */
const SIZE = 320 << 20;

/** Milliseconds: a guest boots under emulation, on a machine that does other things, too. */
const LONG = 300_000;

const GUEST = 'guest:linux-6.12';

const answer = await builtGuest('linux-6.12');
const fuse = await fuseProvider.available();
const reason = 'reason' in answer ? answer.reason : !fuse.ok ? `skipped: ${fuse.reason}` : missingTools('python3', 'mkfs.xfs', 'xfs_repair');

const scratch = scratchFolder();
const at = (name: string): string => join(scratch.path, name);

/** An image whose volume is a folder by way of its guest, as the window has it. */
interface Mounted {
  readonly session: ImageSession;
  readonly seen: MountedFolder;
  /** Takes the mount down. @throws Error where it ended otherwise */
  unmount(): Promise<void>;
}

/** Whatever a rule that failed left: nothing may stay mounted, and the one machine is for the next. */
let last: { readonly session: ImageSession; readonly mounts: SessionMounts; readonly seen?: MountedFolder } | undefined;
async function free(): Promise<void> {
  const left = last;
  last = undefined;
  await left?.seen?.close();
  await left?.mounts.close({ lazy: true });
  await left?.session.close({ discard: true });
}

async function opened(image: string, guests: GuestSupport): Promise<ImageSession> {
  const session = await openImage(image, { guests, open: false });
  await session.reopen('0', { format: GUEST });
  return session;
}

async function mounted(image: string, guests: GuestSupport, write: boolean): Promise<Mounted> {
  await free();
  const session = await opened(image, guests);
  const mounts = new SessionMounts({ session });
  last = { session, mounts };
  if (write) await session.editing.unlock();
  const row = await mounts.start({ layer: '0', options: { provider: 'fuse', write }, at: mkdtempSync(at('at-')) });
  const seen = await MountedFolder.open(row.at);
  last = { session, mounts, seen };
  return {
    session, seen,
    async unmount() {
      await seen.close();
      const end = await mounts.stop(row.mount, false);
      if (!end.done) throw new Error(end.reason);
    },
  };
}

describe.skipIf(reason !== undefined)(`a volume of linux-6.12 through the kernel's FUSE${reason === undefined ? '' : ` (${reason})`}`, () => {
  const { guest } = answer as Exclude<typeof answer, { reason: string }>;
  const leased = leaseMachine(installed(), guest, SIZE, ['xfs', 'vfat']);
  const empty = at('empty.img');
  beforeAll(() => {
    writeFileSync(empty, '');
    truncateSync(empty, SIZE);
    run('mkfs.xfs', ['-q', empty]);
  });
  afterAll(async () => {
    await free();
    await leased.end();
    scratch.remove();
  }, LONG);

  writerConformance('XFS in linux-6.12, mounted by FUSE', async (): Promise<WriteSubject> => {
    const image = at('written.img');
    await free();
    run('cp', ['--sparse=always', '--reflink=auto', empty, image]);
    const { session, seen, unmount } = await mounted(image, leased.support, true);
    return {
      fs: seen, cannot: ['exchange', 'empty attributes', 'allocation', 'release at once', 'large device numbers'],
      async finish() {
        await unmount();
        await session.editing.apply();
        await free();
        let found = '';
        try {
          run('xfs_repair', ['-n', image]);
        } catch (error) {
          found = `${(error as { stdout?: string }).stdout ?? ''}${String(error)}`;
        }
        const again = await opened(image, leased.support);
        last = { session: again, mounts: new SessionMounts({ session: again }) };
        return { found, again: again.select().filesystem };
      },
    };
  });

  it('names of any case are the same where the volume says so: FAT', async (context) => {
    const why = missingTools('mkfs.vfat', 'fsck.vfat', 'mtype');
    if (why !== undefined) skip(context, why);
    const image = at('fat.img');
    writeFileSync(image, '');
    truncateSync(image, SIZE);
    run('mkfs.vfat', ['-F', '32', image]);
    const { session, seen, unmount } = await mounted(image, leased.support, true);
    const { root, writer } = seen;
    expect(await seen.lookup(root, 'read me.txt')).toBeUndefined();
    await writer.create(root, 'Read Me.TXT', { mode: 0o755 });
    // Not by what the kernel remembers of the question before.
    for (const name of ['read me.txt', 'READ ME.txt', 'Read Me.TXT']) {
      const node = await seen.lookup(root, name);
      expect(node, name).toBeDefined();
      expect((await seen.stat(node!)).type).toBe('file');
    }
    await expect(writer.create(root, 'READ ME.TXT', { mode: 0o755 })).rejects.toMatchObject({ fault: { errno: 'EEXIST' } });
    await writer.write((await seen.lookup(root, 'READ ME.TXT'))!, 0, new TextEncoder().encode('told once'));
    expect((await listAll(seen, root)).map(({ name }) => name)).toEqual(['Read Me.TXT']);
    await writer.create(root, 'second', { mode: 0o755 });
    await writer.unlink(root, 'SECOND');
    for (const name of ['second', 'SECOND']) expect(await seen.lookup(root, name), name).toBeUndefined();
    await unmount();
    await session.editing.apply();
    await free();
    run('fsck.vfat', ['-n', image]);
    expect(run('mtype', ['-i', image, '::read me.txt'])).toBe('told once');
  }, LONG);

  const unable = notMounted('xfs');
  if (unable !== undefined) {
    it(`what it reads: ${unable}`, (context) => skip(context, unable));
    return;
  }
  let expected: readonly WalkEntry[] | undefined;
  conformance('XFS in linux-6.12, mounted by FUSE', async () => {
    const full = at('full.img');
    if (expected === undefined) {
      run('cp', ['--sparse=always', empty, full]);
      expected = filled(full, at('mnt'));
    }
    const { seen, unmount, session } = await mounted(full, leased.support, false);
    // Of the one rule that opens it beside another, the second has taken the first one's place.
    return { fs: seen, expected, dispose: async () => { if (last?.session === session) await unmount(); } };
  });
});
