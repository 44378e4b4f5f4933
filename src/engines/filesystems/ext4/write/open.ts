import type { BlockDevice } from '../../../core/bytes/device.ts';
import { corrupt, type DiskError, unsupported, usage } from '../../../core/errors.ts';
import type { Note } from '../../../core/filesystem.ts';
import type { WriteAccess } from '../../../core/probe.ts';
import type { View } from '../../../core/layout/struct.ts';
import { DeviceBlocks } from '../blocks.ts';
import { Groups } from '../groups.ts';
import { InodeTable } from '../inode.ts';
import { Ext4SuperBlock, SUPERBLOCK_AT, SUPERBLOCK_SIZE } from '../layout.ts';
import { type Located, Superblock } from '../superblock.ts';
import { InPlaceCommitter, RedoCommitter } from './committers.ts';
import { JournalCommitter } from './journal.ts';
import { MultiMountProtection } from './mmp.ts';
import { halfWritten, sealSuperblock, setMountFlag } from './mount-flags.ts';
import { whyReadOnly } from './permission.ts';
import { type RecoveredJournal, recoverOnDevice } from './recovery.ts';
import { type Committer, Transaction } from './transaction.ts';
import type { Volume } from './volume.ts';

/** What a Volume stands on: a filesystem that was recovered, whose blocks can be changed. */
export interface Foundation extends Pick<Volume, 'superblock' | 'transaction' | 'groups' | 'access' | 'note' | 'editSuperblock'> {
  /** For readers: with what is changed. */
  readonly blocks: DeviceBlocks;
  readonly inodes: InodeTable;
  /** What became of the journal, for the properties page. */
  readonly journal: string;
  /** Commits, and leaves the device as an unmounted filesystem is left. */
  close(): void;
}

/**
 * Opens a filesystem for writing, as a mount does: refuses what can't be kept right, recovers the journal on the device, and lays a transaction
 * over its blocks. Nothing else is written before the first change.
 * @param device the engine's device, and `cached` the same through a cache: everything is written through that
 * @throws DiskError usage EROFS; unsupported with the feature's name; dirty, corrupt: the filesystem has to be checked first; busy
 */
export function openForWriting(device: BlockDevice, cached: BlockDevice, located: Located, access: WriteAccess, note: (note: Note) => void): Foundation {
  if (device.write === undefined) throw usage('EROFS', 'The device can only be read');
  const before = primaryOf(located, cached);
  const size = before.blockCount * before.blockSize;
  if (size > device.size) throw corrupt('superblock', `the filesystem has ${size} bytes, the device only ${device.size}`, SUPERBLOCK_AT);
  const first = new DeviceBlocks(device, cached, before.blockSize, before.blockCount);
  refuse(before);
  const mmp = before.features.mmp ? new MultiMountProtection(before, cached) : undefined;
  const journal = before.features.hasJournal ? recoverOnDevice(before, first, cached, note) : undefined;
  const superblock = journal?.written === undefined ? before : readPrimary(cached);
  if (!superblock.checksumMatches) throw damaged();
  // The journal may have brought a superblock that turned on a feature, or that records an error.
  refuse(superblock);

  const blocks = new DeviceBlocks(device, cached, superblock.blockSize, superblock.blockCount);
  const sound = (found: Note): void => {
    if (found.severity === 'error') throw corrupt(found.place?.structure ?? 'filesystem', found.message, found.place?.at, found.place?.length);
    note(found);
  };
  const groups = new Groups(superblock, blocks, sound);
  for (let number = 0; number < superblock.groupCount; number++) groups.get(number);
  if (journal !== undefined) new InodeTable(superblock, blocks, groups, sound).get(superblock.raw.s_journal_inum);

  const committer = committerFor(superblock, cached, journal, access);
  const transaction = new Transaction(cached, superblock.blockSize, superblock.blockCount, committer);
  blocks.follow(transaction);
  const inodes = new InodeTable(superblock, blocks, groups, note);
  transaction.onChange(() => { inodes.forget(); });

  // A clock before 1970 is wrong, and the superblock's times have no sign.
  const seconds = (): number => Math.max(0, Number(access.now() / 1_000_000_000n));
  const editSuperblock = (): View<typeof Ext4SuperBlock> => {
    const { blockSize } = superblock;
    const raw = Ext4SuperBlock.at(transaction.edit(Math.floor(SUPERBLOCK_AT / blockSize), 'superblock'), SUPERBLOCK_AT % blockSize);
    transaction.atEnd('superblock', () => { sealSuperblock(raw); });
    return raw;
  };
  const direct = access.durability === 'direct';
  // From here on nobody else may mount it.
  if (direct) mmp?.take(seconds());
  let mounted = false;
  transaction.beforeCommit(() => {
    const raw = editSuperblock();
    raw.s_wtime = seconds() >>> 0;
    raw.s_wtime_hi = Math.floor(seconds() / 2 ** 32);
    // The copy in the journal must say what the superblock in its place says until the end.
    if (direct) setMountFlag(raw, superblock.features.hasJournal ? 'recover' : 'valid', superblock.features.hasJournal);
    if (mounted) return;
    mounted = true;
    raw.s_mtime = raw.s_wtime;
    raw.s_mtime_hi = raw.s_wtime_hi;
    raw.s_mnt_count = Math.min(raw.s_mnt_count + 1, 0xffff);
  });
  return {
    superblock, transaction, groups, access, note, editSuperblock, blocks, inodes, journal: summaryOf(superblock, journal),
    close() {
      transaction.close();
      if (direct) mmp?.release(seconds());
    },
  };
}

/** What recovery can't mend. The state is looked at again after recovery: the journal may clear what the superblock says, or record more. */
function refuse(superblock: Superblock): void {
  superblock.features.refuse();
  const why = whyReadOnly(superblock);
  if (why !== undefined) throw why;
}

/** The primary superblock; one that the power cut in two while it was written is mended where that can be proved, or by the journal. */
function primaryOf({ superblock, notes }: Located, device: BlockDevice): Superblock {
  if (superblock.at !== SUPERBLOCK_AT) throw damaged();
  if (superblock.checksumMatches) {
    if (notes.length > 0) throw damaged();
    return superblock;
  }
  const mended = halfWritten(superblock);
  if (mended !== undefined) {
    device.write!(SUPERBLOCK_AT, mended);
    return readPrimary(device);
  }
  // While the journal is in use, it has the whole superblock.
  if (superblock.features.hasJournal && superblock.features.needsRecovery) return superblock;
  throw damaged();
}

function readPrimary(device: BlockDevice): Superblock {
  const bytes = new Uint8Array(SUPERBLOCK_SIZE);
  device.read(SUPERBLOCK_AT, bytes);
  return new Superblock(bytes, SUPERBLOCK_AT);
}

function damaged(): DiskError {
  return corrupt('superblock', 'it is damaged, and has to be repaired before anything is changed', SUPERBLOCK_AT, SUPERBLOCK_SIZE);
}

function committerFor(superblock: Superblock, device: BlockDevice, journal: RecoveredJournal | undefined, access: WriteAccess): Committer {
  const { blockSize } = superblock;
  if (access.durability === 'staged') return new InPlaceCommitter(device, blockSize);
  if (journal !== undefined) return new JournalCommitter({ device, superblock, journal: journal.source, head: journal.head, now: () => access.now() });
  if (access.redo !== undefined) return new RedoCommitter(device, blockSize, access.redo);
  throw unsupported('no journal', 'The filesystem has no journal, so a direct change that is interrupted could not be finished', 'Change it over an overlay, which is applied as a whole.');
}

function summaryOf({ raw }: Superblock, journal: RecoveredJournal | undefined): string {
  if (journal === undefined) return 'none';
  return `in inode ${raw.s_journal_inum}, ${journal.written === undefined ? 'empty' : `recovered: ${journal.written} blocks were written to their places`}`;
}
