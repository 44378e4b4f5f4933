import { CacheDevice } from '../../core/bytes/cache.ts';
import type { BlockDevice } from '../../core/bytes/device.ts';
import { corrupt, isDiskError } from '../../core/errors.ts';
import type { FileSystem, Note, VolumeInfo } from '../../core/filesystem.ts';
import type { FilesystemFormat, Match, OpenContext, WriteAccess } from '../../core/probe.ts';
import { DeviceBlocks } from './blocks.ts';
import { withFastCommits } from './fast-commits.ts';
import { Ext4FileSystem } from './filesystem.ts';
import { Groups } from './groups.ts';
import { volumeInfo } from './info.ts';
import { InodeTable } from './inode.ts';
import { SUPERBLOCK_AT } from './layout.ts';
import { findOrphans } from './orphans.ts';
import { recover } from './recovery.ts';
import { type Located, locateSuperblock, type Superblock } from './superblock.ts';
import { whyReadOnly } from './write/permission.ts';

/**
 * Bytes a page of the cache, or a block where that is more. With 64 KiB a listing that meets inodes in a thousand groups would read four times
 * as much, and a walk in the order of the inode tables is no faster.
 */
const PAGE_SIZE = 16 * 1024;
/** Holds the inode tables and directories that a walk is at. */
const CACHE_SIZE = 24 * 1024 * 1024;

/** Different notes that one opening passes on: an image may have damage in every inode. */
const MOST_NOTES = 10_000;

/** ext2, ext3 and ext4. */
export const ext4: FilesystemFormat = {
  kind: 'filesystem',
  id: 'ext4',
  name: 'ext2/3/4',
  probe,
  open: async (device, context) => (context.write === undefined ? open(device, context) : change(device, context, context.write)),
  check: async () => (await import('./check/index.ts')).checkExt4,
  make: async () => (await import('./make/index.ts')).makeExt4,
};

function probe(device: BlockDevice, deep: boolean): Match | undefined {
  let found: ReturnType<typeof locateSuperblock>;
  try {
    found = locateSuperblock(device, deep);
  } catch (error) {
    // A device that fails while it is looked at is no match.
    if (isDiskError(error)) return undefined;
    throw error;
  }
  if (found === undefined) return undefined;
  if (isDiskError(found)) return { confidence: 20, evidence: ['magic 0xEF53 at 0x438', found.message] };
  const { superblock, notes } = found;
  const { features } = superblock;
  const evidence = superblock.at === SUPERBLOCK_AT ? ['magic 0xEF53 at 0x438', 'the superblock\'s numbers agree with one another'] : [];
  if (features.metadataChecksum && superblock.checksumMatches) evidence.push('the superblock\'s checksum matches');
  evidence.push(...notes.map(({ message }) => message));
  const confidence = notes.length > 0 ? 80 : features.metadataChecksum ? 99 : 95;
  return { confidence, evidence, variant: features.variant };
}

function locate(device: BlockDevice): Located {
  const found = locateSuperblock(device, true);
  if (found === undefined) throw corrupt('superblock', 'there is none, and no backup of one', SUPERBLOCK_AT);
  if (isDiskError(found)) throw found;
  return found;
}

function cache(device: BlockDevice, { superblock: { blockSize } }: Located): BlockDevice {
  return new CacheDevice(device, Math.max(PAGE_SIZE, blockSize), CACHE_SIZE);
}

/** For writing: its code is loaded when it is first needed. @throws DiskError why it can't be written to: see write/open.ts */
async function change(device: BlockDevice, context: OpenContext, access: WriteAccess): Promise<FileSystem> {
  const { openTree } = await import('./write/tree.ts');
  const found = locate(device);
  const step = found.superblock.features.needsRecovery ? context.step?.({ text: 'the journal needs recovery, writing what it has to its places' }) : undefined;
  const fs = openTree(device, cache(device, found), found, access, onceEach(context));
  step?.end('done', 'the filesystem is recovered');
  return fs;
}

/** @throws DiskError unsupported with the feature's name, corrupt when there is no sound superblock */
function open(device: BlockDevice, context: OpenContext): FileSystem {
  const found = locate(device);
  const noted = onceEach(context);
  let damage = false;
  const note = (each: Note): void => {
    damage ||= each.severity === 'error';
    noted(each);
  };
  found.notes.forEach(note);
  found.superblock.features.refuse();

  const { blockSize, blockCount } = found.superblock;
  const cached = cache(device, found);
  const unrecovered = new DeviceBlocks(device, cached, blockSize, blockCount);
  const step = found.superblock.features.needsRecovery ? context.step?.({ text: 'the journal needs recovery, replaying it in memory' }) : undefined;
  const recovery = recover(found.superblock, unrecovered, found.superblock.at !== SUPERBLOCK_AT, note);
  step?.end('done', `the journal is ${recovery.summary}`);
  const { superblock, map } = recovery;
  // The journal may hold a superblock that grew the filesystem, or that turned on a feature.
  superblock.features.refuse();
  const size = superblock.blockCount * blockSize;
  if (size > device.size) note({ severity: 'warning', message: `The filesystem has ${size} bytes, the device only ${device.size}: what lies behind its end can't be read` });
  const blocks = new DeviceBlocks(device, cached, blockSize, superblock.blockCount);
  if (map !== undefined) {
    blocks.overlay(map);
    if (map.fastCommits !== undefined) blocks.overlay(withFastCommits(superblock, blocks, map, note));
  }
  const groups = new Groups(superblock, blocks, note);
  const inodes = new InodeTable(superblock, blocks, groups, note);
  const orphans = findOrphans(superblock, blocks, groups, inodes, note);
  const info = volumeInfo(superblock, groups, blocks, recovery, orphans.length, context.readOnly === undefined ? accessOf(superblock, damage, map?.fastCommits !== undefined) : { write: false, reason: context.readOnly }, note);
  return new Ext4FileSystem(info, superblock, device, blocks, groups, inodes, orphans, note);
}

/** Whether it could be opened for writing, as far as reading it has told. */
function accessOf(superblock: Superblock, damage: boolean, fastCommits: boolean): VolumeInfo['access'] {
  const why = whyReadOnly(superblock);
  if (why !== undefined) return { write: false, reason: why.message };
  if (fastCommits) return { write: false, reason: 'The journal ends in fast commits: mount it once with Linux, or check it, before anything is changed' };
  if (damage || superblock.at !== SUPERBLOCK_AT) return { write: false, reason: 'It is damaged: check it before anything is changed' };
  return { write: true, reason: 'Every feature that it uses can be written' };
}

/** Passes every note on once, however often the damage is met. */
function onceEach(context: OpenContext): (note: Note) => void {
  const seen = new Set<string>();
  return (note) => {
    if (seen.has(note.message) || seen.size > MOST_NOTES) return;
    seen.add(note.message);
    context.note(seen.size > MOST_NOTES ? { severity: 'error', message: 'There is more damage than is listed' } : note);
  };
}
