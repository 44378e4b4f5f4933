import { isDiskError } from '../../core/errors.ts';
import type { Note } from '../../core/filesystem.ts';
import type { DeviceBlocks } from './blocks.ts';
import { BlockMapping } from './block-map.ts';
import { inodeSeed } from './checksum.ts';
import { ExtentMapping } from './extents.ts';
import { Groups } from './groups.ts';
import { InodeTable } from './inode.ts';
import { readJournal } from './journal/replay.ts';
import type { JournalMap, JournalSource } from './journal/replay.ts';
import { EXTENT_MAGIC, I_BLOCK_SIZE, INODE_FLAGS, SUPERBLOCK_AT, SUPERBLOCK_SIZE } from './layout.ts';
import type { Mapping } from './mapping.ts';
import { Superblock } from './superblock.ts';

/** What became of the journal. */
export interface Recovery {
  /** The superblock after recovery: the journal may hold a newer one. */
  readonly superblock: Superblock;
  /** undefined where there is no journal, or none that can be read. */
  readonly map: JournalMap | undefined;
  /** For the properties page. */
  readonly summary: string;
}

/**
 * Reads the journal where recovery is due, and finds the superblock that it leaves. Nothing is written: the map is laid over the blocks.
 * The journal is looked at as well when a backup superblock is used: only the primary says that recovery is needed.
 * @param fromBackup the superblock is not the primary
 */
export function recover(superblock: Superblock, blocks: DeviceBlocks, fromBackup: boolean, note: (note: Note) => void): Recovery {
  const { features, raw } = superblock;
  if (!features.hasJournal) return { superblock, map: undefined, summary: 'none' };
  const due = features.needsRecovery || fromBackup;
  if (raw.s_journal_inum === 0) {
    if (due) note({ severity: 'warning', message: 'Recovery is needed, but the journal is on another device: the tree is shown without it' });
    return { superblock, map: undefined, summary: `on another device${features.needsRecovery ? '; recovery is needed' : ''}` };
  }
  if (!due) return { superblock, map: undefined, summary: `in inode ${raw.s_journal_inum}, empty` };
  try {
    const map = readJournal(journalSource(superblock, blocks, note), note);
    if (map.size === 0 && map.fastCommits === undefined) return { superblock, map, summary: `in inode ${raw.s_journal_inum}, with nothing to recover` };
    const summary = `in inode ${raw.s_journal_inum}; ${map.size} blocks are read from it, as they will be after recovery${map.fastCommits !== undefined ? ', and fast commits are replayed' : ''}`;
    return { superblock: newestSuperblock(superblock, map, note), map, summary };
  } catch (error) {
    if (!isDiskError(error)) throw error;
    note({ severity: 'error', message: `The journal can't be read, so the tree is shown without recovery: ${error.message}`, ...('place' in error.fault && error.fault.place ? { place: error.fault.place } : {}) });
    return { superblock, map: undefined, summary: `in inode ${raw.s_journal_inum}, not readable` };
  }
}

/** The superblock in the journal, where a transaction wrote it. */
function newestSuperblock(superblock: Superblock, map: JournalMap, note: (note: Note) => void): Superblock {
  const bytes = map.get(Math.floor(SUPERBLOCK_AT / superblock.blockSize));
  if (bytes === undefined) return superblock;
  const inBlock = SUPERBLOCK_AT % superblock.blockSize;
  try {
    const newest = new Superblock(bytes.slice(inBlock, inBlock + SUPERBLOCK_SIZE), SUPERBLOCK_AT);
    if (newest.blockSize === superblock.blockSize && newest.checksumMatches) return newest;
    note({ severity: 'error', message: 'The superblock in the journal is damaged; the one before it is used' });
  } catch (error) {
    if (!isDiskError(error)) throw error;
    note({ severity: 'error', message: `The superblock in the journal is damaged; the one before it is used (${error.message})` });
  }
  return superblock;
}

/** The blocks of the journal's inode, or of the copy of its i_block in the superblock when the inode is damaged. */
export function journalSource(superblock: Superblock, blocks: DeviceBlocks, note: (note: Note) => void): JournalSource {
  const { mapping, size } = journalMapping(superblock, blocks, note);
  const { blockSize } = superblock;
  const physical = (logical: number): number => {
    const run = mapping.find(logical);
    // A journal has no holes; readers of one meet them as a block that can't be read.
    return run.physical ?? NaN;
  };
  return {
    blockSize,
    count: Math.min(Math.floor(size / blockSize), superblock.blockCount),
    block: (logical) => blocks.get(physical(logical), `journal block ${logical}`),
    physical: (logical) => blocks.at(physical(logical)),
  };
}

function journalMapping(superblock: Superblock, blocks: DeviceBlocks, note: (note: Note) => void): { mapping: Mapping; size: number } {
  const { raw, features } = superblock;
  const number = raw.s_journal_inum;
  const map = (root: Uint8Array, rootAt: number, extents: boolean, generation: number): Mapping => (extents
    ? new ExtentMapping({ blocks, inode: number, root, rootAt, checksumSeed: features.metadataChecksum ? inodeSeed(superblock.checksumSeed, number, generation) : undefined, note })
    : new BlockMapping(blocks, number, root));
  try {
    const inode = new InodeTable(superblock, blocks, new Groups(superblock, blocks, note), note).get(number);
    return { mapping: map(inode.block, inode.at + 0x28, inode.has(INODE_FLAGS.extents), inode.raw.i_generation), size: inode.size };
  } catch (error) {
    // EXT3_JNL_BACKUP_BLOCKS: i_block, then the high and the low word of the size.
    if (!isDiskError(error) || raw.s_jnl_backup_type !== 1) throw error;
    note({ severity: 'warning', message: `The journal's inode is damaged; the copy of its map in the superblock is used (${error.message})` });
    const root = new Uint8Array(raw.$view.buffer, raw.$view.byteOffset + raw.$at + 0x10c, I_BLOCK_SIZE);
    const extents = (root[0]! | (root[1]! << 8)) === EXTENT_MAGIC;
    return { mapping: map(root, superblock.at + 0x10c, extents, 0), size: raw.s_jnl_blocks[16]! + raw.s_jnl_blocks[15]! * 2 ** 32 };
  }
}
