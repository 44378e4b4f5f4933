import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { MemoryDevice } from '../../../core/bytes/memory.ts';
import { RecordingDevice } from '../../../core/bytes/recording.ts';
import { journalImage, replayedByE2fsck } from '../../../testing/ext4-journal.ts';
import { type Ledger, makeLedger, openLedger } from '../../../testing/ext4-ledger.ts';
import { random } from '../../../testing/fuzz/random.ts';
import { missingTools, run, scratchFolder } from '../../../testing/tools.ts';
import { COMPAT_CHECKSUM, INCOMPAT_CSUM_V2, JournalSuperblock } from '../journal/layout.ts';
import { writeJournalState } from '../journal/superblock.ts';
import { Ext4SuperBlock } from '../layout.ts';

const scratch = scratchFolder();
afterAll(() => { scratch.remove(); });
const noTools = missingTools('mke2fs', 'debugfs', 'e2fsck');
const noMount = noTools ?? missingTools('mount', 'unshare') ?? (process.getuid?.() === 0 ? undefined : 'skipped: mounting needs root');

/** Kinds of journals: [name, mke2fs, features of the journal, what it has after the first commit]. */
const KINDS: readonly (readonly [name: string, mkfs: readonly string[], journal: { compat?: number; incompat?: number }, features: string])[] = [
  ['no checksums, 1 KiB', ['-t', 'ext3', '-b', '1024', '-J', 'size=1'], {}, 'journal_incompat_revoke'],
  ['no checksums, 64bit', ['-t', 'ext4', '-b', '1024', '-J', 'size=1', '-O', '^metadata_csum,64bit'], {}, 'journal_incompat_revoke journal_64bit'],
  ['version 1', ['-t', 'ext4', '-b', '1024', '-J', 'size=1', '-O', '^metadata_csum,^64bit'], { compat: COMPAT_CHECKSUM }, 'journal_checksum journal_incompat_revoke'],
  ['version 2', ['-t', 'ext4', '-b', '1024', '-J', 'size=1', '-O', '^metadata_csum,^64bit'], { incompat: INCOMPAT_CSUM_V2 }, 'journal_incompat_revoke journal_checksum_v2'],
  ['version 2, 64bit', ['-t', 'ext4', '-b', '2048', '-J', 'size=2', '-O', '^metadata_csum,64bit'], { incompat: INCOMPAT_CSUM_V2 }, 'journal_incompat_revoke journal_64bit journal_checksum_v2'],
  ['version 3', ['-t', 'ext4', '-b', '1024', '-J', 'size=1', '-O', '^64bit'], {}, 'journal_incompat_revoke journal_checksum_v3'],
  ['version 3, 64bit, 4 KiB', ['-t', 'ext4', '-b', '4096', '-J', 'size=4', '-O', '64bit'], {}, 'journal_incompat_revoke journal_64bit journal_checksum_v3'],
  ['with fast commits', ['-t', 'ext4', '-b', '1024', '-J', 'size=2', '-O', 'fast_commit'], {}, 'journal_incompat_revoke journal_64bit journal_checksum_v3'],
];

/** What one block of the ledger holds: a number throughout, after the journal's magic where it must be escaped. */
function fill(bytes: Uint8Array, number: number): void {
  new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4).fill(number);
  if (number % 3 === 0) new DataView(bytes.buffer, bytes.byteOffset).setUint32(0, 0xc03b3998);
}

/**
 * Random transactions through the journal, as if the power went before any block was written to its place.
 * @returns the image with nothing but the log, and what the ledger has to hold after recovery: undefined where a block is revoked, which
 * recovery then leaves as it lies
 */
function leaveDirty(ledger: Ledger, commits: number, seed: number): { dirty: Uint8Array; expected: Map<number, Uint8Array> } {
  const dice = random(seed, 2);
  const { blockSize, blocks } = ledger;
  const device = new RecordingDevice(new MemoryDevice(ledger.image.slice()));
  const { transaction } = openLedger(device);
  const expected = new Map<number, Uint8Array>(blocks.map((block) => [block, ledger.image.slice(block * blockSize, (block + 1) * blockSize)]));
  for (let number = 1; number <= commits; number++) {
    transaction.operation(() => {
      for (let i = dice.below(20); i >= 0; i--) {
        const block = dice.pick(blocks);
        if (dice.oneIn(6)) {
          transaction.forget(block);
          expected.set(block, ledger.image.subarray(block * blockSize, (block + 1) * blockSize));
          continue;
        }
        const bytes = dice.oneIn(2) ? transaction.edit(block, 'ledger') : transaction.fresh(block, 'ledger');
        fill(bytes, number * 1000 + i);
        expected.set(block, bytes.slice());
      }
    });
    transaction.commit();
  }
  const own = new Set(blocks.map((block) => block * blockSize));
  const dirty = ledger.image.slice();
  let held = 0;
  for (const event of device.events) {
    if (event.kind !== 'write') continue;
    // Neighbours are written in one go, and the ledger's blocks have none that are changed.
    if (own.has(event.at)) held++;
    else dirty.set(event.bytes, event.at);
  }
  expect(held).toBeGreaterThan(0);
  return { dirty, expected };
}

describe.skipIf(noTools !== undefined)('commits through the journal', () => {
  it.each(KINDS)('are replayed by e2fsck: %s', async (name, mkfs, journal, features) => {
    const ledger = await makeLedger(scratch.path, name, mkfs, mkfs.includes('4096') ? '24M' : '12M', 60, journal);
    for (const [seed, commits] of [[1, 1], [2, 12], [3, 40]] as const) {
      const { dirty, expected } = leaveDirty(ledger, commits, seed);
      const path = join(scratch.path, 'dirty.img');
      writeFileSync(path, dirty);
      expect(/^Journal features:\s+(.*)$/m.exec(run('dumpe2fs', ['-h', path]))?.[1]).toBe(features);
      expect(run('debugfs', ['-R', 'logdump', path])).toMatch(/Found expected sequence [1-9]\d*, type 2 \(commit block\)/);
      const replayed = replayedByE2fsck({ path, bytes: dirty, journal: journalImage(path).journal });
      for (const [block, bytes] of expected) expect(Buffer.compare(replayed.subarray(block * ledger.blockSize, (block + 1) * ledger.blockSize), bytes), `block ${block}, seed ${seed}`).toBe(0);
      run('e2fsck', ['-fn', `${path}.replayed`]);
      // By ourselves: the same, and the log is empty.
      const device = new MemoryDevice(dirty.slice());
      openLedger(device).close();
      const ours = device.view(0, device.size);
      for (const [block, bytes] of expected) expect(Buffer.compare(ours.subarray(block * ledger.blockSize, (block + 1) * ledger.blockSize), bytes), `block ${block}, seed ${seed}`).toBe(0);
      writeFileSync(path, ours);
      run('e2fsck', ['-fn', path]);
      expect(run('dumpe2fs', ['-h', path])).not.toContain('needs_recovery');
      expect(run('debugfs', ['-R', 'logdump', path])).toMatch(/Journal starts at block 0/);
    }
  });

  it('wraps around the log, and gives it up when it is full', async () => {
    const ledger = await makeLedger(scratch.path, 'wrap', ['-t', 'ext4', '-b', '1024', '-J', 'size=1'], '8M', 100);
    const device = new RecordingDevice(new MemoryDevice(ledger.image.slice()));
    const volume = openLedger(device);
    for (let number = 1; number <= 120; number++) {
      volume.transaction.operation(() => { for (const block of ledger.blocks) fill(volume.transaction.edit(block, 'ledger'), number * 100 + (block % 100)); });
      volume.transaction.commit();
      device.events.length = 0;
      if (![7, 11, 30, 64, 99, 120].includes(number)) continue;
      // Left as it is at this moment, it recovers to this moment.
      const path = join(scratch.path, 'wrap.img');
      const bytes = new Uint8Array(device.size);
      device.read(0, bytes);
      for (const block of ledger.blocks) bytes.fill(0x55, block * 1024, (block + 1) * 1024);
      writeFileSync(path, bytes);
      const replayed = replayedByE2fsck({ path, bytes, journal: journalImage(path).journal });
      const expected = new Uint8Array(1024);
      for (const block of ledger.blocks) {
        fill(expected, number * 100 + (block % 100));
        expect(Buffer.compare(replayed.subarray(block * 1024, (block + 1) * 1024), expected), `block ${block} after commit ${number}`).toBe(0);
      }
    }
    volume.close();
    const bytes = new Uint8Array(device.size);
    device.read(0, bytes);
    const path = join(scratch.path, 'wrapped.img');
    writeFileSync(path, bytes);
    run('e2fsck', ['-fn', path]);
    expect(run('dumpe2fs', ['-h', path])).toMatch(/Mount count:\s+1\n/);
  });

  it('goes on where the numbers of transactions wrap', async () => {
    const ledger = await makeLedger(scratch.path, 'numbers', ['-t', 'ext4', '-b', '1024', '-J', 'size=1'], '8M', 60);
    const path = join(scratch.path, 'numbers.img');
    const { journal } = journalImage(path);
    const block = ledger.image.subarray(journal.physical(0), journal.physical(0) + 1024);
    writeJournalState(block, { start: 0, sequence: 0xfffffffe });
    const { dirty, expected } = leaveDirty(ledger, 6, 4);
    writeFileSync(path, dirty);
    const replayed = replayedByE2fsck({ path, bytes: dirty, journal });
    const ours = new MemoryDevice(dirty.slice());
    openLedger(ours).close();
    for (const [number, bytes] of expected) {
      expect(Buffer.compare(replayed.subarray(number * 1024, (number + 1) * 1024), bytes), `block ${number}`).toBe(0);
      expect(Buffer.compare(ours.view(number * 1024, 1024), bytes), `block ${number}`).toBe(0);
    }
    expect(JournalSuperblock.at(ours.view(journal.physical(0), 1024)).s_sequence).toBeLessThan(10);
  });

  it('refuses an operation that is larger than the journal, and takes one that fits', async () => {
    const ledger = await makeLedger(scratch.path, 'large', ['-t', 'ext4', '-b', '1024', '-J', 'size=1'], '8M', 1500);
    const device = new MemoryDevice(ledger.image.slice());
    const volume = openLedger(device);
    const change = (count: number, number: number): void => {
      volume.transaction.operation(() => { for (const block of ledger.blocks.slice(0, count)) fill(volume.transaction.edit(block, 'ledger'), number); });
    };
    expect(() => { change(1500, 1); }).toThrow(expect.objectContaining({ fault: { kind: 'usage', errno: 'ENOSPC' } }));
    expect(volume.transaction.size).toBe(0);
    for (const number of [2, 4, 5]) change(380, number);
    volume.close();
    const expected = new Uint8Array(1024);
    fill(expected, 5);
    for (const [index, block] of ledger.blocks.entries()) expect(Buffer.compare(device.view(block * 1024, 1024), index < 380 ? expected : ledger.image.subarray(block * 1024, (block + 1) * 1024))).toBe(0);
    const path = join(scratch.path, 'large.img');
    writeFileSync(path, device.view(0, device.size));
    run('e2fsck', ['-fn', path]);
  });

  it('costs two flushes, and says that recovery is needed as long as it is', async () => {
    const ledger = await makeLedger(scratch.path, 'flushes', ['-t', 'ext4', '-b', '1024', '-J', 'size=1'], '8M', 100);
    const device = new RecordingDevice(new MemoryDevice(ledger.image.slice()));
    const recovers = (): boolean => {
      const bytes = new Uint8Array(1024);
      device.read(1024, bytes);
      return (Ext4SuperBlock.at(bytes).s_feature_incompat & 4) !== 0;
    };
    const flushes = (): number => device.events.splice(0).filter(({ kind }) => kind === 'flush').length;
    const volume = openLedger(device);
    expect(device.events.some(({ kind }) => kind === 'write')).toBe(false);
    volume.transaction.operation(() => { fill(volume.transaction.edit(ledger.blocks[0]!, 'ledger'), 1); });
    expect(recovers()).toBe(false);
    volume.transaction.commit();
    expect(recovers()).toBe(true);
    flushes();
    volume.transaction.operation(() => { fill(volume.transaction.edit(ledger.blocks[0]!, 'ledger'), 1); });
    volume.transaction.commit();
    expect(flushes()).toBe(2);
    // Contents alone need no transaction.
    volume.transaction.writeData(ledger.blocks[1]! * 1024, new Uint8Array(1024));
    volume.transaction.commit();
    expect(flushes()).toBe(1);
    volume.transaction.commit();
    expect(flushes()).toBe(0);
    volume.close();
    expect(recovers()).toBe(false);
  });
});

describe.skipIf(noMount !== undefined)('a log that was left behind', () => {
  it.each(KINDS)('is replayed by the kernel: %s', async (name, mkfs, journal) => {
    const ledger = await makeLedger(scratch.path, `${name}.kernel`, mkfs, mkfs.includes('4096') ? '24M' : '12M', 60, journal);
    const { dirty, expected } = leaveDirty(ledger, 25, 9);
    const path = join(scratch.path, 'mounted.img');
    writeFileSync(path, dirty);
    copyFileSync(path, `${path}.before`);
    const script = 'set -e; mkdir -p "$1.mnt"; mount -o loop "$1" "$1.mnt"; cat "$1.mnt/ledger" > "$1.ledger"; umount "$1.mnt"';
    execFileSync('unshare', ['--mount', '--propagation', 'private', 'bash', '-c', script, 'bash', path], { env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` } });
    expect(Buffer.compare(readFileSync(`${path}.ledger`), Buffer.concat([...ledger.blocks].map((block) => expected.get(block)!)))).toBe(0);
    run('e2fsck', ['-fn', path]);
  });
});
