import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { BlockDevice } from '../../../core/bytes/device.ts';
import { MemoryDevice } from '../../../core/bytes/memory.ts';
import { RecordingDevice } from '../../../core/bytes/recording.ts';
import { type Fault, isDiskError } from '../../../core/errors.ts';
import type { FileSystem } from '../../../core/filesystem.ts';
import type { WriteAccess } from '../../../core/probe.ts';
import { testContext } from '../../../testing/context.ts';
import { dirtyByKernel, journalImage, replayedByE2fsck } from '../../../testing/ext4-journal.ts';
import { writeAccess } from '../../../testing/ext4-ledger.ts';
import { missingTools, run, scratchFolder } from '../../../testing/tools.ts';
import { ext4 } from '../index.ts';
import { JournalSuperblock } from '../journal/layout.ts';
import { writeJournalState } from '../journal/superblock.ts';
import { Ext4SuperBlock, MMP_SEQ, MmpStruct } from '../layout.ts';
import type { View } from '../../../core/layout/struct.ts';
import { sealSuperblock, setMountFlag } from './mount-flags.ts';

const scratch = scratchFolder();
afterAll(() => { scratch.remove(); });
const noTools = missingTools('mke2fs', 'debugfs', 'e2fsck');
const noMount = noTools ?? missingTools('mount', 'unshare', 'python3') ?? (process.getuid?.() === 0 ? undefined : 'skipped: mounting needs root');
const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };

let made = 0;

function make(mkfs: readonly string[], size = '16M'): { path: string; bytes: Uint8Array } {
  const path = join(scratch.path, `made-${made++}.img`);
  run('mke2fs', ['-q', '-F', ...mkfs, path, size]);
  return { path, bytes: new Uint8Array(readFileSync(path)) };
}

async function open(bytes: Uint8Array, access: WriteAccess = writeAccess()): Promise<FileSystem> {
  return ext4.open(new MemoryDevice(bytes), { ...testContext(), write: access });
}

/** Why an image is not opened for writing; undefined when it is. */
async function refused(bytes: Uint8Array, access?: WriteAccess): Promise<Fault | undefined> {
  const before = bytes.slice();
  try {
    await (await open(bytes, access)).close();
    return undefined;
  } catch (error) {
    if (!isDiskError(error)) throw error;
    // Whoever is refused leaves no trace.
    expect(Buffer.compare(before, bytes)).toBe(0);
    return error.fault;
  }
}

/** The same image with its superblock changed, and its checksum right. */
function edited(bytes: Uint8Array, edit: (raw: View<typeof Ext4SuperBlock>) => void): Uint8Array {
  const copy = bytes.slice();
  const raw = Ext4SuperBlock.at(copy, 1024);
  edit(raw);
  sealSuperblock(raw);
  return copy;
}

function editedJournal(path: string, edit: (raw: View<typeof JournalSuperblock>) => void): Uint8Array {
  const { bytes, journal } = journalImage(path);
  const copy = new Uint8Array(bytes);
  const block = copy.subarray(journal.physical(0), journal.physical(0) + 1024);
  const raw = JournalSuperblock.at(block);
  edit(raw);
  writeJournalState(block, { start: raw.s_start, sequence: raw.s_sequence, incompat: 0 });
  return copy;
}

const unsupported = (feature: string) => ({ kind: 'unsupported', feature });

describe.skipIf(noTools !== undefined)('opening for writing', () => {
  it('refuses features that can\'t be kept right, by name', async () => {
    const { bytes } = make(['-t', 'ext4']);
    for (const [feature, edit] of [
      ['FEATURE_R7', (raw) => { raw.s_feature_ro_compat |= 0x80; }],
      ['FEATURE_C13', (raw) => { raw.s_feature_compat |= 0x2000; }],
      ['replica', (raw) => { raw.s_feature_ro_compat |= 0x800; }],
      ['read-only', (raw) => { raw.s_feature_ro_compat |= 0x1000; }],
      ['shared_blocks', (raw) => { raw.s_feature_ro_compat |= 0x4000; }],
      ['snapshot_bitmap', (raw) => { raw.s_feature_compat |= 0x100; }],
      ['lazy_bg', (raw) => { raw.s_feature_compat |= 0x40; }],
      ['FEATURE_I20', (raw) => { raw.s_feature_incompat |= 1 << 20; }],
      ['external journal', (raw) => { raw.s_journal_inum = 0; }],
      ['revision 0', (raw) => { raw.s_rev_level = 0; }],
    ] as [string, (raw: View<typeof Ext4SuperBlock>) => void][]) {
      const changed = edited(bytes, edit);
      expect(await refused(changed), feature).toEqual(unsupported(feature));
      if (feature === 'FEATURE_I20') continue;
      // Read, it says so as well.
      const { access } = (await ext4.open(new MemoryDevice(changed), testContext())).info;
      expect(access.write, feature).toBe(false);
    }
    expect(await refused(bytes.slice())).toBeUndefined();
    expect((await ext4.open(new MemoryDevice(bytes), testContext())).info.access).toEqual({ write: true, reason: 'Every feature that it uses can be written' });
  });

  it('refuses what has to be checked first', async () => {
    const { bytes, path } = make(['-t', 'ext4', '-b', '1024']);
    const ext2 = make(['-t', 'ext2', '-b', '1024']).bytes;
    const dirty = { kind: 'dirty' };
    const corrupt = expect.objectContaining({ kind: 'corrupt' }) as unknown;
    const staged = writeAccess('staged');
    for (const access of [writeAccess(), staged]) {
      expect(await refused(edited(bytes, (raw) => { raw.s_state |= 2; }), access)).toEqual(dirty);
      expect(await refused(edited(bytes, (raw) => { raw.s_state &= ~1; }), access)).toEqual(dirty);
      expect(await refused(edited(ext2, (raw) => { raw.s_state &= ~1; }), access)).toEqual(dirty);
      expect(await refused(editedJournal(path, (raw) => { raw.s_errno = -5; }), access)).toEqual(dirty);
      expect(await refused(editedJournal(path, (raw) => { raw.s_start = 1; }), access)).toEqual(dirty);
      // Damage: of the superblock, of a descriptor, of the journal's inode, of the journal, of the end.
      expect(await refused(bytes.with(1024 + 0x30, 77), access)).toEqual(corrupt);
      expect(await refused(bytes.with(2048 + 0x40 + 0xc, 1), access)).toEqual(corrupt);
      expect(await refused(bytes.subarray(0, bytes.length - 1024 * 1024), access)).toEqual(corrupt);
      const noJournal = bytes.slice();
      noJournal.fill(0, journalImage(path).journal.physical(0), journalImage(path).journal.physical(0) + 1024);
      expect(await refused(noJournal, access)).toEqual(corrupt);
    }
    expect(await refused(ext2, staged)).toBeUndefined();
  });

  it('refuses a device that can only be read, and direct changes that nothing would make whole', async () => {
    const { bytes } = make(['-t', 'ext2']);
    const memory = new MemoryDevice(bytes);
    const readOnly: BlockDevice = { size: memory.size, blockSize: 512, read: (at, into) => { memory.read(at, into); }, close() {} };
    await expect(ext4.open(readOnly, { ...testContext(), write: writeAccess() })).rejects.toMatchObject({ fault: { kind: 'usage', errno: 'EROFS' } });
    expect(await refused(bytes)).toEqual(unsupported('no journal'));
    const small = make(['-t', 'ext4', '-b', '1024']);
    expect(await refused(editedJournal(small.path, (raw) => { raw.s_maxlen = 1000; }))).toEqual(unsupported('journal'));
    expect(await refused(editedJournal(small.path, (raw) => { raw.h_blocktype = 3; }))).toEqual(unsupported('journal version 1'));
  });

  it('finishes a superblock that was half written with its flag', async () => {
    const { bytes } = make(['-t', 'ext4']);
    const flagged = edited(bytes, (raw) => { setMountFlag(raw, 'recover', true); });
    for (const [first, second] of [[bytes, flagged], [flagged, bytes]] as const) {
      const torn = first.slice();
      torn.set(second.subarray(1536, 2048), 1536);
      const path = join(scratch.path, 'torn.img');
      await (await open(torn)).close();
      expect(Buffer.compare(torn.subarray(1024, 2048), bytes.subarray(1024, 2048))).toBe(0);
      writeFileSync(path, torn);
      run('e2fsck', ['-fn', path]);
    }
  });

  it('keeps a filesystem without a journal whole by the host\'s redo log, and marks it until the end', async () => {
    const { bytes, path } = make(['-t', 'ext2']);
    const device = new RecordingDevice(new MemoryDevice(bytes));
    const valid = (): boolean => (Ext4SuperBlock.at(bytes, 1024).s_state & 1) !== 0;
    const said: string[] = [];
    let promised: readonly { readonly at: number; readonly bytes: Uint8Array }[] = [];
    const redo = {
      begin: (writes: typeof promised) => {
        // Contents of files are there, and durable, before.
        expect(device.events.findLast(({ kind }) => kind !== 'read')?.kind ?? 'flush').toBe('flush');
        promised = writes;
        device.events.length = 0;
        said.push('begin');
      },
      end: () => {
        const events = device.events.filter(({ kind }) => kind !== 'read');
        expect(events).toEqual([...promised.map((write) => ({ kind: 'write', ...write })), { kind: 'flush' }]);
        said.push('end');
      },
    };
    const fs = await ext4.open(device, { ...testContext(), write: { ...writeAccess(), redo } });
    const file = await fs.writer!.create(fs.root, 'a', { mode: 0o644 });
    await fs.writer!.write(file, 0, new Uint8Array(5000).fill(66));
    expect(valid()).toBe(true);
    await fs.writer!.sync();
    expect(valid()).toBe(false);
    expect(said).toEqual(['begin', 'end']);
    await fs.close();
    expect(said).toEqual(['begin', 'end', 'begin', 'end']);
    expect(valid()).toBe(true);
    writeFileSync(path, bytes);
    run('e2fsck', ['-fn', path]);
  });

  it('counts a mount and its time with the first change, and writes nothing without one', async () => {
    const { bytes } = make(['-t', 'ext4']);
    const before = bytes.slice();
    await (await open(bytes)).close();
    expect(Buffer.compare(before, bytes)).toBe(0);
    const fs = await open(bytes, writeAccess('staged', 5_000_000_000_000_000_000n));
    await fs.writer!.create(fs.root, 'a', { mode: 0o644 });
    await fs.writer!.sync();
    await fs.writer!.create(fs.root, 'b', { mode: 0o644 });
    await fs.close();
    const raw = Ext4SuperBlock.at(bytes, 1024);
    expect(raw.s_mnt_count).toBe(1);
    expect([raw.s_mtime + raw.s_mtime_hi * 2 ** 32, raw.s_wtime + raw.s_wtime_hi * 2 ** 32]).toEqual([5_000_000_000, 5_000_000_000]);
  });
});

/** Of an image with blocks of 1 KiB. */
const mmpOf = (bytes: Uint8Array) => MmpStruct.at(bytes, Number(Ext4SuperBlock.at(bytes, 1024).s_mmp_block) * 1024);

describe.skipIf(noTools !== undefined)('multi-mount protection', () => {
  it('is taken while the filesystem is open for direct changes, and let go of at the end', async () => {
    const { bytes, path } = make(['-t', 'ext4', '-b', '1024', '-O', 'mmp']);
    const context = testContext();
    const fs = await ext4.open(new MemoryDevice(bytes), { ...context, write: writeAccess() });
    expect(context.notes).toEqual([]);
    expect(mmpOf(bytes).mmp_seq).toBe(MMP_SEQ.fsck);
    expect(await refused(bytes.slice())).toEqual({ kind: 'busy', by: 'Clutch' });
    writeFileSync(path, bytes);
    expect(() => run('e2fsck', ['-fp', path])).toThrow('Command failed');
    await fs.writer!.create(fs.root, 'a', { mode: 0o644 });
    await fs.close();
    expect(mmpOf(bytes).mmp_seq).toBe(MMP_SEQ.clean);
    writeFileSync(path, bytes);
    run('e2fsck', ['-fp', path]);
  });

  it('refuses what somebody holds, and damage', async () => {
    const { bytes } = make(['-t', 'ext4', '-b', '1024', '-O', 'mmp,^metadata_csum']);
    mmpOf(bytes).mmp_seq = 12;
    mmpOf(bytes).mmp_nodename.set(new TextEncoder().encode('server'));
    for (const access of [writeAccess(), writeAccess('staged')]) expect(await refused(bytes, access)).toEqual({ kind: 'busy', by: 'server' });
    mmpOf(bytes).mmp_magic = 0;
    expect(await refused(bytes)).toMatchObject({ kind: 'corrupt' });
  });
});

describe.skipIf(noMount !== undefined)('what the kernel left behind', () => {
  it.each([
    ['no checksums, ordered', ['-b', '2048', '-O', '^metadata_csum,^64bit'], 'data=ordered'], ['version 1, data', ['-b', '1024', '-O', '^metadata_csum,^64bit'], 'journal_checksum,data=journal'],
    ['version 3, data', ['-b', '1024'], 'data=journal'], ['version 3, 4 KiB', ['-b', '4096'], 'data=ordered'],
  ])('is recovered on the device, block by block as e2fsck does it: %s', async (name, mkfs, options) => {
    const path = dirtyByKernel(scratch.path, `kernel-${name.replaceAll(/\W/g, '-')}`, mkfs, options);
    const image = journalImage(path);
    const expected = replayedByE2fsck(image);
    const bytes = new Uint8Array(image.bytes);
    // Only the recovery: a closed filesystem without a change.
    await (await open(bytes)).close();
    const { blockSize, count } = image.journal;
    const own = new Set(Array.from({ length: count }, (_, logical) => image.journal.physical(logical) / blockSize));
    own.add(Math.floor(1024 / blockSize));
    for (let block = 0; (block + 1) * blockSize <= expected.length; block++) {
      if (own.has(block)) continue;
      expect(Buffer.compare(bytes.subarray(block * blockSize, (block + 1) * blockSize), expected.subarray(block * blockSize, (block + 1) * blockSize)), `block ${block}`).toBe(0);
    }
    expect(Ext4SuperBlock.at(bytes, 1024).s_feature_incompat & 4).toBe(0);
    const fs = await open(bytes);
    for (let i = 0; i < 50; i++) await fs.writer!.unlink(fs.root, `late${i}`);
    await fs.close();
    writeFileSync(path, bytes);
    run('e2fsck', ['-fn', path]);
  });

  it.each([['list', '-b 1024 -O metadata_csum,^orphan_file'], ['file', '-b 1024 -O metadata_csum,orphan_file'], ['file without checksums', '-b 4096 -O ^metadata_csum,orphan_file']])('orphans are freed, and cut to their size: %s', async (_, mkfs) => {
    const path = join(scratch.path, `orphans-${made++}.img`);
    const script = `
      set -e
      mkdir -p "$1.mnt"; truncate -s 32M "$1.made"; mke2fs -q -F -t ext4 ${mkfs} "$1.made"; mount -o loop "$1.made" "$1.mnt"
      python3 -c '
import os, sys, shutil
top = sys.argv[1]
files = [open(f"{top}/f{i}", "w+") for i in range(7)]
for i, f in enumerate(files): f.write("x" * 50000); f.flush(); os.fsync(f.fileno())
for i in range(7): os.unlink(f"{top}/f{i}")
with open(top + "/last", "w") as f: os.fsync(f.fileno())
os.system(f"sync -f {top}")
shutil.copyfile(sys.argv[2] + ".made", sys.argv[2])' "$1.mnt" "$1"
      umount "$1.mnt"`;
    execFileSync('unshare', ['--mount', '--propagation', 'private', 'bash', '-c', script, 'bash', path], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    for (const durability of ['direct', 'staged'] as const) {
      const bytes = new Uint8Array(readFileSync(path));
      const context = testContext();
      const fs = await ext4.open(new MemoryDevice(bytes), { ...context, write: writeAccess(durability) });
      expect(context.notes).toContainEqual({ severity: 'note', message: '7 inodes that were deleted or cut while they were open are freed or cut now' });
      await fs.close();
      expect(Ext4SuperBlock.at(bytes, 1024).s_last_orphan).toBe(0);
      writeFileSync(`${path}.ours`, bytes);
      run('e2fsck', ['-fn', `${path}.ours`]);
    }
  });

  it('fast commits are not written, but shown, and refused with what to do', async () => {
    const path = join(scratch.path, 'fast.img');
    const script = `
      set -e
      mkdir -p "$1.mnt"; truncate -s 64M "$1.made"; mke2fs -q -F -t ext4 -O fast_commit "$1.made"; mount -o loop "$1.made" "$1.mnt"
      python3 -c '
import os, sys
top = sys.argv[1]
def commit(path):
    file = os.open(f"{top}/{path}", os.O_RDONLY); os.fsync(file); os.close(file)
open(f"{top}/a", "w").write("a" * 5000); commit("a"); os.system(f"sync -f {top}")
open(f"{top}/b", "w").write("b" * 5000); commit("b")' "$1.mnt"
      cp "$1.made" "$1"; umount "$1.mnt"`;
    execFileSync('unshare', ['--mount', '--propagation', 'private', 'bash', '-c', script, 'bash', path], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    const bytes = new Uint8Array(readFileSync(path));
    expect(await refused(bytes)).toEqual({ kind: 'dirty' });
    const fs = await ext4.open(new MemoryDevice(bytes), testContext());
    expect(await fs.lookup(fs.root, 'b')).toBeDefined();
    expect(fs.info.access.write).toBe(false);
  });
});
