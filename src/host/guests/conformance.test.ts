import { closeSync, openSync, readFileSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { BlockDevice } from '../../engines/core/bytes/device.ts';
import { OverlayDevice } from '../../engines/core/bytes/overlay.ts';
import { conformance } from '../../engines/testing/conformance.ts';
import { FileDevice } from '../../engines/testing/file-device.ts';
import { skip } from '../../engines/testing/oracle/check.ts';
import { missingTools, run, scratchFolder } from '../../engines/testing/tools.ts';
import { walk, type WalkEntry } from '../../engines/testing/walk.ts';
import { type Inability, type WriteSubject, writerConformance } from '../../engines/testing/writer-conformance.ts';
import { GuestFileSystem } from './guest-filesystem.ts';
import { installed } from './installed.ts';
import { GuestMount } from './mount.ts';
import { GuestNodes } from './nodes.ts';
import type { GuestSupport } from './support.ts';
import { bigEndianMinix } from './testing/big-endian-minix.ts';
import { builtGuest } from './testing/built.ts';
import { filled, notMounted } from './testing/kernel-tree.ts';
import { leaseMachine } from './testing/lease.ts';
import { record } from './testing/prove.ts';

/** Bytes of every image: XFS takes no less than 300 MiB, and one machine has them all. */
const SIZE = 320 << 20;

/** Milliseconds: a guest boots under emulation, on a machine that does other things, too. */
const LONG = 300_000;

/** What a guest is tried on: its maker, its judge (exit status 0 or an exception), and what it does not have. */
const KINDS: readonly { readonly format: string; readonly tools: readonly string[]; make(image: string): void; judge(image: string): void; readonly cannot: readonly Inability[] }[] = [
  { format: 'ext4', tools: ['mkfs.ext4', 'e2fsck'], make: (image) => { run('mkfs.ext4', ['-q', '-b', '4096', image]); }, judge: (image) => { run('e2fsck', ['-fn', image]); }, cannot: [] },
  { format: 'xfs', tools: ['mkfs.xfs', 'xfs_repair'], make: (image) => { run('mkfs.xfs', ['-q', image]); }, judge: (image) => { run('xfs_repair', ['-n', image]); }, cannot: ['large device numbers'] },
  { format: 'btrfs', tools: ['mkfs.btrfs', 'btrfs'], make: (image) => { run('mkfs.btrfs', ['-q', image]); }, judge: (image) => { run('btrfs', ['check', '--readonly', image]); }, cannot: ['links of folders'] },
];

const ACCESS = { durability: 'staged', now: () => BigInt(Date.now()) * 1_000_000n, random: (into: Uint8Array) => { crypto.getRandomValues(into); } } as const;

const answer = await builtGuest('linux-6.12');
const scratch = scratchFolder();
const at = (name: string): string => join(scratch.path, name);
afterAll(() => scratch.remove());

/** An image that a guest opens as the app has it. */
async function opened(support: GuestSupport, guestName: string, format: string, device: BlockDevice, write: boolean): Promise<GuestFileSystem> {
  const guest = (await support.guests()).find(({ manifest: { name } }) => name === guestName)!;
  const served = guest.manifest.filesystems.find((each) => each.format === format)!;
  const mount = new GuestMount({ support, guest, started: () => {}, died: () => {} }, { served, devices: [device], ...(write ? { write: ACCESS } : {}) });
  const first = await mount.open({}, write);
  return new GuestFileSystem(mount, first, new GuestNodes(), { format, label: '', uuid: '', access: { write, reason: '' }, details: [] });
}

/** Of the suite that it is called in: where nothing fails, that is a proof. */
function recordAtEnd(opener: string, format: string, what: string): void {
  let failed = false;
  let tried = 0;
  afterEach(({ task }) => {
    tried++;
    failed ||= task.result?.state === 'fail';
  });
  afterAll(() => {
    if (!failed && tried > 0) record(opener, format, what);
  });
}

/** A copy of an image with the changes over it. */
function applied(image: string, overlay: OverlayDevice): string {
  const path = at('applied.img');
  run('cp', ['--sparse=always', '--reflink=auto', image, path]);
  const fd = openSync(path, 'r+');
  for (const { at: place, bytes } of overlay.changes()) writeSync(fd, bytes, 0, bytes.length, place);
  closeSync(fd);
  return path;
}

describe.skipIf('reason' in answer)('through linux-6.12', () => {
  const { guest } = answer as Exclude<typeof answer, { reason: string }>;
  const leased = leaseMachine(installed(), guest, SIZE, KINDS.map(({ format }) => format));
  /** The tree of the last rule, whose machine the next one needs. */
  let last: GuestFileSystem | undefined;
  const free = async (): Promise<void> => {
    await last?.close();
    last = undefined;
  };
  afterAll(async () => {
    await free();
    await leased.end();
  }, LONG);

  for (const { format, tools, make, judge, cannot } of KINDS) {
    const why = missingTools(...tools);
    if (why !== undefined) {
      it(`${format}: ${why}`, (context) => skip(context, why));
      continue;
    }
    const image = at(`${format}.img`);
    beforeAll(() => {
      writeFileSync(image, '');
      truncateSync(image, SIZE);
      make(image);
    });

    describe(format, () => {
      recordAtEnd('linux-6.12', format, `the suite of what every writer must keep passes, and ${tools.at(-1)} finds nothing after each of its rules`);
      writerConformance(`${format} through linux-6.12`, async (): Promise<WriteSubject> => {
        await free();
        const overlay = new OverlayDevice(new FileDevice(image));
        const fs = last = await opened(leased.support, 'linux-6.12', format, overlay, true);
        return {
          fs: fs as unknown as WriteSubject['fs'], cannot: ['exchange', 'empty attributes', ...cannot],
          async finish() {
            await free();
            let found = '';
            try {
              judge(applied(image, overlay));
            } catch (error) {
              found = `${(error as { stdout?: string }).stdout ?? ''}${String(error)}`;
            }
            return { found, again: last = await opened(leased.support, 'linux-6.12', format, overlay, false) };
          },
        };
      });
    });

    const unable = notMounted(format);
    if (unable !== undefined) {
      it(`${format}: ${unable}`, (context) => skip(context, unable));
      continue;
    }
    describe(format, () => {
      recordAtEnd('linux-6.12', format, 'the suite of what every reader must keep passes, over a tree of everything that this kernel put in and walked itself');
      const full = at(`${format}-full.img`);
      let expected: readonly WalkEntry[] | undefined;
      conformance(`${format} through linux-6.12`, async () => {
        // Of the one rule that opens it beside another, the second machine is one of its own.
        if (expected !== undefined) return { fs: await opened(installed(), 'linux-6.12', format, new FileDevice(full), false), expected };
        await free();
        run('cp', ['--sparse=always', image, full]);
        expected = filled(full, at('mnt'));
        return { fs: await opened(leased.support, 'linux-6.12', format, new FileDevice(full), false), expected };
      });
    });
  }
});

// Its 75 MB are fetched once for this: nothing else here has the other byte order.
const other = await builtGuest('linux-6.12-s390x', true);
const NO_MINIX = 'reason' in answer ? answer.reason : 'reason' in other ? other.reason : missingTools('mkfs.minix');

describe.skipIf(NO_MINIX !== undefined)(`through linux-6.12-s390x${NO_MINIX === undefined ? '' : ` (${NO_MINIX})`}`, () => {
  const little = at('minix.img');
  const big = at('minix-big.img');
  let expected: readonly WalkEntry[];
  beforeAll(async () => {
    writeFileSync(little, '');
    truncateSync(little, 2 << 20);
    run('mkfs.minix', ['-1', little]);
    const overlay = new OverlayDevice(new FileDevice(little));
    const fs = await opened(installed(), 'linux-6.12', 'minix', overlay, true);
    const { writer } = fs;
    const folder = await writer!.mkdir(fs.root, 'folder', { mode: 0o750, uid: 3 });
    for (const [name, length] of [['small', 5], ['empty', 0], ['indirect', 200_000]] as const) {
      const file = await writer!.create(folder, name, { mode: 0o4644, uid: 1000, gid: 7, mtime: 1_234_567_890_000_000_000n });
      if (length > 0) await writer!.write(file, 0, Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 0xff));
    }
    for (let i = 0; i < 100; i++) await writer!.create(fs.root, `entry ${i}`, { mode: 0o600 });
    await writer!.link(fs.root, 'again', (await fs.lookup(folder, 'small'))!);
    await writer!.symlink(fs.root, 'link', 'folder/small', { mode: 0o777 });
    await writer!.sync();
    // What the kernel of the other byte order read of the same tree.
    expected = await walk(fs);
    await fs.close();
    const bytes = readFileSync(applied(little, overlay));
    run('fsck.minix', ['-f', at('applied.img')]);
    writeFileSync(big, bigEndianMinix(bytes));
  }, LONG);

  it('is what linux-6.12 does not mount', async () => {
    await expect(opened(installed(), 'linux-6.12', 'minix', new FileDevice(big), false)).rejects.toThrow(/Can't find a Minix filesystem/);
  }, LONG);

  recordAtEnd('linux-6.12-s390x', 'minix', 'the suite of what every reader must keep passes over a big-endian image, which linux-6.12 does not mount');
  conformance('big-endian Minix through linux-6.12-s390x', async () => ({ fs: await opened(installed(), 'linux-6.12-s390x', 'minix', new FileDevice(big), false), expected }));
});
