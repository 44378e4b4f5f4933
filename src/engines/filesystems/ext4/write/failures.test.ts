import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, afterAll, describe, expect, it, vi } from 'vitest';
import { isDiskError, usage } from '../../../core/errors.ts';
import type { FileSystem } from '../../../core/filesystem.ts';
import type { Writer } from '../../../core/writer.ts';
import { compareWalks } from '../../../testing/compare.ts';
import { freshImage, fsck, openBytes, TestAccess } from '../../../testing/model/images.ts';
import { skip } from '../../../testing/oracle/check.ts';
import { missingTools } from '../../../testing/tools.ts';
import { walk } from '../../../testing/walk.ts';
import { BlockAllocator } from './allocator.ts';
import { InodeWriter } from './inodes.ts';
import { Transaction } from './transaction.ts';

const missing = missingTools('mke2fs', 'e2fsck', 'tune2fs');
let folder = '';
let path = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'clutch-failures-'));
  path = join(folder, 'image');
});
afterAll(() => { rmSync(folder, { recursive: true, force: true }); });
afterEach(() => { vi.restoreAllMocks(); });

type Writable = FileSystem & { readonly writer: Writer };
const given = { mode: 0o644, uid: 7 };

/** Which step from now on fails; 0 = none. */
let countdown = 0;
let injected = 0;

function step(): void {
  if (countdown === 0 || --countdown > 0) return;
  injected++;
  throw usage('ENOSPC', 'No space is left, says the test');
}

/** Each change of a block, and each allocation, is a step at which the space can end. */
function inject(): void {
  const { edit, fresh, forget } = Transaction.prototype;
  vi.spyOn(Transaction.prototype, 'edit').mockImplementation(function (this: Transaction, ...args) { step(); return edit.apply(this, args); });
  vi.spyOn(Transaction.prototype, 'fresh').mockImplementation(function (this: Transaction, ...args) { step(); return fresh.apply(this, args); });
  vi.spyOn(Transaction.prototype, 'forget').mockImplementation(function (this: Transaction, ...args) { step(); forget.apply(this, args); });
  const blocks = BlockAllocator.prototype.allocate;
  vi.spyOn(BlockAllocator.prototype, 'allocate').mockImplementation(function (this: BlockAllocator, ...args) { step(); return blocks.apply(this, args); });
  const inodes = InodeWriter.prototype.allocate;
  vi.spyOn(InodeWriter.prototype, 'allocate').mockImplementation(function (this: InodeWriter, ...args) { step(); return inodes.apply(this, args); });
}

/** A tree with something for each operation. */
async function furnish(fs: Writable): Promise<void> {
  const { writer, root } = fs;
  const dir = await writer.mkdir(root, 'dir', { mode: 0o755 });
  await writer.mkdir(dir, 'empty', { mode: 0o755 });
  const deep = await writer.mkdir(dir, 'deep', { mode: 0o755 });
  const file = await writer.create(dir, 'file', given);
  // Every other block, so that the map has more than one node.
  for (let i = 0; i < 80; i += 2) await writer.write(file, i * 1024, new Uint8Array(1024).fill(i));
  await writer.write(await writer.create(root, 'small', given), 0, new Uint8Array(30));
  await writer.setXattr(file, 'user.a', new Uint8Array(300).fill(1));
  await writer.symlink(root, 'link', 'x'.repeat(200), given);
  // A directory whose last block is nearly full.
  for (let i = 0; i < 24; i++) await writer.create(deep, `a-name-of-some-length-${i}`, given);
}

const node = async (fs: Writable, ...names: string[]): Promise<number> => {
  let at = fs.root;
  for (const name of names) at = (await fs.lookup(at, name))!;
  return at;
};

/** `leavesData`: of those, data in blocks that are free again may be left. */
type Operation = readonly [name: string, run: (fs: Writable) => unknown, leavesData?: true];

const OPERATIONS: readonly Operation[] = [
  ['create', (fs) => fs.writer.create(fs.root, 'new', given)],
  ['mkdir', (fs) => fs.writer.mkdir(fs.root, 'new', given)],
  ['a long symlink', (fs) => fs.writer.symlink(fs.root, 'new', 'y'.repeat(500), given)],
  ['mknod', (fs) => fs.writer.mknod(fs.root, 'new', 'char', given, { major: 4, minor: 5 })],
  ['link', async (fs) => fs.writer.link(fs.root, 'new', await node(fs, 'small'))],
  ['names that split a block', async (fs) => fs.writer.create(await node(fs, 'dir', 'deep'), 'n'.repeat(250), given)],
  ['unlink', async (fs) => fs.writer.unlink(await node(fs, 'dir'), 'file')],
  ['rmdir', async (fs) => fs.writer.rmdir(await node(fs, 'dir'), 'empty')],
  ['rename that replaces', async (fs) => fs.writer.rename(fs.root, 'small', await node(fs, 'dir'), 'file', 'replace')],
  ['rename of a directory', async (fs) => fs.writer.rename(await node(fs, 'dir'), 'deep', fs.root, 'moved', 'keep')],
  ['exchange', async (fs) => fs.writer.rename(await node(fs, 'dir'), 'deep', fs.root, 'link', 'exchange')],
  ['write into holes', async (fs) => fs.writer.write(await node(fs, 'dir', 'file'), 500, new Uint8Array(20_000)), true],
  ['write that outgrows the inode', async (fs) => fs.writer.write(await node(fs, 'small'), 10, new Uint8Array(5000)), true],
  ['write far away', async (fs) => fs.writer.write(await node(fs, 'dir', 'file'), 900_000_000, new Uint8Array(3000)), true],
  ['truncate', async (fs) => fs.writer.truncate(await node(fs, 'dir', 'file'), 5000), true],
  ['punch', async (fs) => fs.writer.allocate!(await node(fs, 'dir', 'file'), 3000, 50_000, 'punch'), true],
  ['a large attribute', async (fs) => fs.writer.setXattr(await node(fs, 'dir', 'file'), 'user.b', new Uint8Array(600)), true],
  ['an attribute that takes another\'s place', async (fs) => fs.writer.setXattr(await node(fs, 'dir', 'file'), 'user.a', new Uint8Array(5)), true],
  ['removal of an attribute', async (fs) => fs.writer.removeXattr(await node(fs, 'dir', 'file'), 'user.a')],
  ['chown', async (fs) => fs.writer.change(await node(fs, 'dir', 'file'), { uid: 99, gid: 98, mode: 0o600 })],
  ['a file that is held when it goes', async (fs) => {
    const held = await node(fs, 'dir', 'file');
    await fs.writer.hold(held);
    try {
      await fs.writer.unlink(await node(fs, 'dir'), 'file');
    } finally {
      const left = countdown;
      countdown = 0;
      await fs.writer.release(held);
      countdown = left;
    }
  }],
];

const SHAPES: readonly (readonly [name: string, options: readonly string[]])[] = [
  ['ext2', ['-t', 'ext2', '-b', '1024']],
  ['ext4', ['-t', 'ext4', '-b', '1024']],
  ['quota, project, inline_data, ea_inode', ['-t', 'ext4', '-b', '1024', '-I', '256', '-O', 'quota,project,inline_data,ea_inode,orphan_file']],
  ['bigalloc', ['-t', 'ext4', '-b', '1024', '-O', 'bigalloc', '-C', '4096']],
];

describe('the space may end at any step of an operation', () => {
  it.for(SHAPES)('%s: nothing is left of what failed, and it can be done afterwards', { timeout: 300_000 }, async ([, options], context) => {
    if (missing !== undefined) skip(context, missing);
    const base = freshImage({ name: 'failures', size: '8M', options }, path);
    const first = await openBytes(base, new TestAccess(5, 'staged')) as Writable;
    await furnish(first);
    await first.close();
    const tree = await walk(await openBytes(base));
    inject();
    let images = 0;
    for (const [name, run, leavesData] of OPERATIONS) {
      let failed = true;
      for (let n = 1; failed; n += n < 10 ? 1 : 13) {
        expect(n, `${name} does not end`).toBeLessThan(5000);
        // The mocks remember every call.
        vi.clearAllMocks();
        const bytes = base.slice();
        const fs = await openBytes(bytes, new TestAccess(5, 'staged')) as Writable;
        const before = injected;
        countdown = n;
        let refused = false;
        try {
          await run(fs);
        } catch (error) {
          if (!isDiskError(error)) throw error;
          expect(error.fault, `${name}, step ${n}: ${error.stack}`).toMatchObject({ kind: 'usage', errno: 'ENOSPC' });
          refused = true;
        }
        failed = injected > before;
        countdown = 0;
        if (refused) {
          await fs.writer.sync();
          if (leavesData !== true) expect(Buffer.compare(bytes, base), `${name} left a trace of step ${n}`).toBe(0);
          // Long maps are freed in several operations: what comes after the first of them is done or not.
          else if (n <= 6) expect(compareWalks(tree, await walk(fs)).differences, `${name}, step ${n}`).toEqual([]);
          await run(fs);
        }
        await fs.close();
        // What it counts in memory is seen in what the second try leaves.
        if (!failed || n % 8 === 1) {
          images++;
          writeFileSync(path, bytes);
          expect(fsck(path), `${name}, step ${n}`).toBe('');
        }
      }
    }
    expect(images).toBeGreaterThan(20);
  });
});
