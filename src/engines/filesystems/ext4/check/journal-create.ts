import { INODE, INODE_FLAGS } from '../layout.ts';
import { SUPERBLOCK_V2 } from '../journal/layout.ts';
import type { CheckContext } from './context.ts';
import { type MapRun, writeRuns } from './file-map.ts';
import { I_BLOCK_AT } from './extent-walk.ts';
import { writeEmptyHead } from './journal.ts';
import { JOURNAL } from './journal-problems.ts';
import { MODE } from './raw-inode.ts';

const HAS_JOURNAL = 0x4;
const EXTENTS = 0x40;
/** Blocks of the filesystem → blocks of its journal (ext2fs_default_journal_size). */
const SIZES: readonly (readonly [below: number, journal: number])[] = [
  [2048, 0], [32_768, 1024], [256 * 1024, 4096], [512 * 1024, 8192], [4096 * 1024, 16_384], [8192 * 1024, 32_768], [16_384 * 1024, 65_536], [32_768 * 1024, 131_072], [Infinity, 262_144],
];

/** Makes a new journal where the old one was given up. After pass 4, before the bitmaps are written. */
export function recreateJournal(context: CheckContext): void {
  const { superblock, tables } = context;
  if (!context.recreateJournal) return;
  const count = SIZES.find(([below]) => superblock.blockCount < below)![1];
  if (!context.problem(JOURNAL['recreate'])) return;
  context.recreateJournal = false;
  if (count === 0) return;
  const runs = allocate(context, count);
  if (runs === undefined) {
    context.problem(JOURNAL['no-room'], { count });
    return;
  }
  const inode = context.readInode(INODE.journal);
  inode.bytes.fill(0);
  const { raw } = inode;
  raw.i_mode = MODE.file | 0o600;
  raw.i_links_count = 1;
  raw.i_atime = raw.i_ctime = raw.i_mtime = context.seconds | 0;
  if (superblock.inodeSize > 128) raw.i_extra_isize = superblock.raw.s_want_extra_isize;
  if ((superblock.features.incompat & EXTENTS) !== 0) inode.set(INODE_FLAGS.extents);
  inode.size = count * superblock.blockSize;
  tables.inodesUsed.add(INODE.journal);
  if (!writeRuns(context, inode, runs, count)) {
    for (const { physical, count: length } of runs) for (let i = 0; i < length; i += superblock.clusterRatio) context.freeBlock(physical + i);
    context.problem(JOURNAL['no-room'], { count });
    return;
  }
  // Old logs in what was free must not be taken for new ones.
  const block = new Uint8Array(superblock.blockSize);
  for (const run of runs) for (let i = 0; i < run.count; i++) context.write(run.physical + i, block);
  writeEmptyHead(block, SUPERBLOCK_V2, count, 1);
  context.write(runs[0]!.physical, block);
  const sb = superblock.raw;
  sb.s_journal_inum = INODE.journal;
  sb.s_jnl_backup_type = 1;
  sb.s_jnl_blocks = [...Array.from({ length: 15 }, (_, i) => inode.view.getUint32(I_BLOCK_AT + i * 4, true)), raw.i_size_high, raw.i_size_lo];
  context.setFeatures(HAS_JOURNAL, 0, 0);
}

function allocate(context: CheckContext, count: number): MapRun[] | undefined {
  const ratio = context.superblock.clusterRatio;
  const runs: MapRun[] = [];
  let goal = Math.floor(context.superblock.blockCount / 2);
  for (let logical = 0; logical < count; logical += ratio) {
    const physical = context.allocateBlock(goal);
    if (physical === undefined) {
      for (const run of runs) for (let i = 0; i < run.count; i += ratio) context.freeBlock(run.physical + i);
      return undefined;
    }
    const length = Math.min(ratio, count - logical);
    const last = runs.at(-1);
    if (last !== undefined && last.physical + last.count === physical && last.count + length <= 32_768) runs[runs.length - 1] = { ...last, count: last.count + length };
    else runs.push({ logical, physical, count: length, unwritten: false });
    goal = physical + ratio;
  }
  return runs;
}
