import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CacheDevice } from '../core/bytes/cache.ts';
import type { BlockDevice } from '../core/bytes/device.ts';
import { MemoryDevice } from '../core/bytes/memory.ts';
import { isDiskError } from '../core/errors.ts';
import type { WriteAccess } from '../core/probe.ts';
import { JournalSuperblock } from '../filesystems/ext4/journal/layout.ts';
import { writeJournalState } from '../filesystems/ext4/journal/superblock.ts';
import { ext4 } from '../filesystems/ext4/index.ts';
import { locateSuperblock } from '../filesystems/ext4/superblock.ts';
import { type Foundation, openForWriting } from '../filesystems/ext4/write/open.ts';
import { testContext } from './context.ts';
import { journalImage } from './ext4-journal.ts';
import { run } from './tools.ts';

/** A file whose blocks transactions can change by hand: whatever stands in them, the filesystem is sound. */
export interface Ledger {
  readonly image: Uint8Array;
  readonly blockSize: number;
  /** The blocks of the filesystem that it has, in order. */
  readonly blocks: readonly number[];
}

/** A write access with a clock that stands still, and numbers that are always the same. */
export function writeAccess(durability: WriteAccess['durability'] = 'direct', now = 1_700_000_000_000_000_000n): WriteAccess {
  return { durability, now: () => now, random: (into) => { into.fill(7); } };
}

/**
 * Makes an image with a file of `count` blocks.
 * @param journal features of the journal's superblock that are set beforehand
 */
export async function makeLedger(folder: string, name: string, mkfs: readonly string[], size: string, count: number, journal: { readonly compat?: number; readonly incompat?: number } = {}): Promise<Ledger> {
  // debugfs splits its commands at spaces.
  const path = join(folder, `${name.replaceAll(/\W/g, '-')}.img`);
  run('mke2fs', ['-q', '-F', '-U', '6d7e2d8a-1b2c-4d3e-8f90-a1b2c3d4e5f6', '-E', 'hash_seed=6d7e2d8a-1b2c-4d3e-8f90-a1b2c3d4e5f6', ...mkfs, path, size]);
  const blockSize = 1024 << readFileSync(path).readUInt32LE(1024 + 24);
  const data = `${path}.ledger`;
  writeFileSync(data, Buffer.alloc(count * blockSize, 0x2e));
  run('debugfs', ['-w', '-f', '-', path], `write ${data} ledger\n`);
  if (journal.compat !== undefined || journal.incompat !== undefined) {
    const { bytes, journal: source } = journalImage(path);
    const block = bytes.subarray(source.physical(0), source.physical(0) + 1024);
    const raw = JournalSuperblock.at(block);
    raw.s_feature_compat |= journal.compat ?? 0;
    writeJournalState(block, { start: raw.s_start, sequence: raw.s_sequence, incompat: journal.incompat ?? 0 });
    writeFileSync(path, bytes);
  }
  const image = new Uint8Array(readFileSync(path));
  const fs = await ext4.open(new MemoryDevice(image), testContext());
  const blocks: number[] = [];
  for (const { physical, length } of await fs.extents!.map((await fs.lookup(fs.root, 'ledger'))!)) {
    for (let at = 0; at < length; at += blockSize) blocks.push((physical! + at) / blockSize);
  }
  return { image, blockSize, blocks };
}

/** Opens an image for changes by hand. */
export function openLedger(device: BlockDevice, access: WriteAccess = writeAccess()): Foundation {
  const located = locateSuperblock(device, true);
  if (located === undefined || isDiskError(located)) throw located ?? new Error('no superblock');
  return openForWriting(device, new CacheDevice(device, 16 * 1024, 1024 * 1024), located, access, () => {});
}
