import type { CheckContext } from './context.ts';
import { PASS1 } from './pass1-problems.ts';
import type { RawInode } from './raw-inode.ts';

/** What a walk over an inode's blocks finds out. */
export class BlockCount {
  readonly inode: RawInode;
  /** Clusters in use, blocks of the map itself among them. */
  clusters = 0;
  /** Logical number of the last block; -1 = none. */
  last = -1;
  /** Of the last that is written to (not an unwritten extent). */
  lastWritten = -1;
  /** Of the last that was handed to the list of directory blocks. */
  lastListed = -1;
  /** Physical number of the block before; 0 = none. */
  previous = 0;
  /** Numbers that can't be block numbers. */
  illegal = 0;
  /** The inode is to be cleared, because there is nothing sound in its map. */
  clear = false;
  /** The map in the inode was changed: it must be written. */
  changed = false;
  /** Levels of extents below the root, and by level (the root's is 0) how many entries there are and would fit. */
  depth = 0;
  readonly levels: { entries: number; room: number }[] = [];
  /** The first logical block behind all extents so far. */
  next = 0;

  constructor(inode: RawInode) {
    this.inode = inode;
  }

  /** Hands blocks of a directory to pass 2, the holes before them as well. */
  listDirectory(context: CheckContext, logical: number, physical: number, length: number): void {
    if (!this.inode.isDirectory) return;
    const { directoryBlocks } = context.tables;
    // A directory that claims a hole of a billion blocks must not take the memory: pass 2 meets the end of it as damage.
    const from = Math.max(this.lastListed + 1, logical - MOST_HOLES);
    for (let hole = from; hole < logical; hole++) directoryBlocks.add(this.inode.number, hole, 0);
    for (let i = 0; i < length; i++) directoryBlocks.add(this.inode.number, logical + i, physical === 0 ? 0 : physical + i);
    this.lastListed = Math.max(this.lastListed, logical + length - 1);
  }

  /**
   * Whether a run of blocks breaks the rule of bigalloc, that a logical cluster lies in one physical cluster, each block at its own place in it
   * (has_unaligned_cluster_map). Claimed twice, its clusters get copies of their own in pass 1B.
   */
  isMisaligned(context: CheckContext, logical: number, physical: number): boolean {
    const ratio = context.superblock.clusterRatio;
    if (ratio === 1) return false;
    if (logical % ratio !== physical % ratio) return true;
    return this.previous !== 0 && logical % ratio !== 0 && Math.floor(logical / ratio) === Math.floor(this.last / ratio)
      && Math.floor(physical / ratio) !== Math.floor(this.previous / ratio);
  }

  reportMisaligned(context: CheckContext, logical: number, physical: number): void {
    context.problem(PASS1['misaligned-cluster'], { inode: this.inode.number, logical, physical }, context.inodePlace(this.inode.number));
    context.claim(physical);
    context.claim(physical);
  }
}

/** Blocks of a hole in a directory that are listed, at most. */
const MOST_HOLES = 1 << 16;
