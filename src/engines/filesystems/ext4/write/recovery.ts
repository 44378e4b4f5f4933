import type { BlockDevice } from '../../../core/bytes/device.ts';
import { corrupt, DiskError } from '../../../core/errors.ts';
import type { Note } from '../../../core/filesystem.ts';
import type { DeviceBlocks } from '../blocks.ts';
import { type JournalMap, type JournalSource, readJournal } from '../journal/replay.ts';
import { type JournalHead, readJournalSuperblock, writeJournalState } from '../journal/superblock.ts';
import { SUPERBLOCK_AT } from '../layout.ts';
import { journalSource } from '../recovery.ts';
import type { Superblock } from '../superblock.ts';
import { withMountFlag } from './mount-flags.ts';

/** A journal that has nothing to recover any more. */
export interface RecoveredJournal {
  readonly source: JournalSource;
  readonly head: JournalHead;
  /** Blocks that were written; undefined where recovery was not due. */
  readonly written: number | undefined;
}

/**
 * Recovers a filesystem on its device, as a mount does: what the journal has is written to its places, then the journal is made empty, then
 * needs_recovery is cleared. Interrupted at any moment, it can be done again. Where the kernel would leave something out because it is damaged,
 * nothing is written.
 * @param device cached; the same bytes as those of `blocks`
 * @throws DiskError corrupt, dirty with what to do, unsupported
 */
export function recoverOnDevice(superblock: Superblock, blocks: DeviceBlocks, device: BlockDevice, note: (note: Note) => void): RecoveredJournal {
  const source = journalSource(superblock, blocks, note);
  const head = readJournalSuperblock(source);
  if (head.errno !== 0) throw check(`The filesystem was shut down after error ${head.errno}, as its journal says`);
  if (!superblock.features.needsRecovery) {
    if (head.start !== 0) throw check('The journal is not empty, but the filesystem says that it needs no recovery');
    return { source, head, written: undefined };
  }
  const strict = (found: Note): void => {
    if (found.severity === 'error') throw corrupt(found.place?.structure ?? 'journal', found.message, found.place?.at, found.place?.length);
    note(found);
  };
  const map = readJournal(source, strict);
  if (map.fastCommits !== undefined) {
    throw new DiskError({ kind: 'dirty' }, `The journal ends in ${map.fastCommits.records.length} fast commits, which are shown but can't be made lasting here`, 'Mount the filesystem once with Linux, or let it be checked; then it can be changed.');
  }
  writeMap(map, source, device, superblock.blockSize);
  device.flush?.();
  const empty = { start: 0, sequence: (map.endSequence + 1) >>> 0 };
  if (head.start !== 0) {
    const block = source.block(0).slice();
    writeJournalState(block, empty);
    device.write!(source.physical(0), block.subarray(0, 1024));
    device.flush?.();
  }
  const bytes = withMountFlag(device, 'recover', false);
  if (bytes !== undefined) device.write!(SUPERBLOCK_AT, bytes);
  device.flush?.();
  return { source, head: { ...head, start: 0, sequence: head.start === 0 ? head.sequence : empty.sequence }, written: map.size };
}

function writeMap(map: JournalMap, source: JournalSource, device: BlockDevice, blockSize: number): void {
  // No transaction changes the journal's own blocks: a log that does would change itself while it is replayed.
  const own = new Set<number>();
  for (let logical = 0; logical < source.count; logical++) own.add(source.physical(logical));
  const blocks = [...map.blocks()].toSorted((a, b) => a - b);
  for (const block of blocks) {
    const at = block * blockSize;
    if (own.has(at)) throw corrupt('journal', `it has a copy for its own block ${block}`, at);
    if (!(at + blockSize <= device.size)) throw corrupt('journal', `it has a copy for block ${block}, behind the end of the device`);
  }
  for (const block of blocks) device.write!(block * blockSize, map.get(block)!);
}

function check(message: string): DiskError {
  return new DiskError({ kind: 'dirty' }, message, 'Check the filesystem first.');
}
