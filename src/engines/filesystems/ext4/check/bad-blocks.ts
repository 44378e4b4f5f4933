import { INODE_FLAGS } from '../layout.ts';
import type { CheckContext } from './context.ts';
import { I_BLOCK_AT } from './extent-walk.ts';
import { BAD_BLOCKS_INODE, ownBlocks, tableBlocks } from './metadata.ts';
import { PASS1 } from './pass1-problems.ts';
import type { RawInode } from './raw-inode.ts';

const DIRECT = 12;

/**
 * The list of bad blocks: inode 1, whose map names every bad block as if it were its contents (process_bad_block in pass1.c).
 * @returns the blocks on it
 */
export function checkBadBlocks(context: CheckContext): ReadonlySet<number> {
  const bad = new Set<number>();
  if (context.relocations.inodeTables.has(0) || context.descriptors.inodeTable(0) === 0) return bad;
  const inode = context.readInode(BAD_BLOCKS_INODE);
  const { raw } = inode;
  const place = context.inodePlace(BAD_BLOCKS_INODE);
  const fails = !inode.checksumMatches(context.superblock) && inode.bytes.subarray(0, 128).some((byte) => byte !== 0);
  if ((fails || raw.i_mode !== 0 || raw.i_uid !== 0 || raw.i_gid !== 0 || raw.i_links_count !== 0 || inode.has(INODE_FLAGS.inlineData) || raw.i_file_acl_lo !== 0)
    && context.problem(PASS1['bad-blocks-invalid'], {}, place)) {
    inode.bytes.fill(0);
    context.writeInode(inode);
  }
  if (!inode.has(INODE_FLAGS.extents)) new BadBlocks(context, inode, bad).walk();
  const table = context.descriptors.inodeTable(0);
  if (bad.has(table) && context.problem(PASS1['bad-blocks-bad'], {}, place)) {
    inode.bytes.fill(0);
    context.writeInode(inode);
    context.restart = 'the list of bad blocks was cleared';
  }
  return bad;
}

class BadBlocks {
  readonly #context: CheckContext;
  readonly #inode: RawInode;
  readonly #bad: Set<number>;
  /** Where the blocks of a map that is shared by others would be followed again and again. */
  #visits = 0;

  constructor(context: CheckContext, inode: RawInode, bad: Set<number>) {
    this.#context = context;
    this.#inode = inode;
    this.#bad = bad;
  }

  walk(): void {
    const { view } = this.#inode;
    let changed = false;
    for (let i = 0; i < DIRECT + 3; i++) if (this.#slot(view, I_BLOCK_AT + i * 4, i < DIRECT ? 0 : i - DIRECT + 1)) changed = true;
    if (changed) this.#context.writeInode(this.#inode);
  }

  /** @returns whether the number was cleared, so that what holds it must be written */
  #slot(view: DataView, at: number, level: number): boolean {
    const context = this.#context;
    const { superblock, tables } = context;
    const block = view.getUint32(at, true);
    if (block === 0 || ++this.#visits > superblock.blockCount) return false;
    const clear = (problem: Parameters<CheckContext['problem']>[0], parts: Record<string, number> = {}): boolean => {
      if (!context.problem(problem, { block, ...parts }, context.inodePlace(BAD_BLOCKS_INODE))) return false;
      view.setUint32(at, 0, true);
      return true;
    };
    if (block < superblock.firstDataBlock || block >= superblock.blockCount) return clear(PASS1['bad-blocks-illegal']);
    const cluster = Math.floor(block / superblock.clusterRatio);
    if (level > 0) {
      if (tables.clustersUsed.has(cluster) && clear(PASS1['bad-blocks-map'])) return true;
      context.claim(block);
      this.#list(block, level);
      return false;
    }
    this.#bad.add(block);
    if (!tables.clustersUsed.has(cluster)) {
      tables.clustersUsed.add(cluster);
      return false;
    }
    return this.#metadata(block, clear);
  }

  #list(block: number, level: number): void {
    const bytes = new Uint8Array(this.#context.superblock.blockSize);
    if (!this.#context.tryRead(block, bytes)) return;
    const view = new DataView(bytes.buffer);
    let changed = false;
    for (let i = 0; i < bytes.length; i += 4) if (this.#slot(view, i, level - 1)) changed = true;
    if (changed) this.#context.write(block, bytes);
  }

  /** A bad block that the filesystem uses for itself. */
  #metadata(block: number, clear: (problem: Parameters<CheckContext['problem']>[0], parts?: Record<string, number>) => boolean): boolean {
    const { superblock, descriptors, relocations } = this.#context;
    const problem = (...args: Parameters<CheckContext['problem']>): boolean => this.#context.problem(...args);
    for (let group = 0; group < superblock.groupCount; group++) {
      for (const own of ownBlocks(superblock, group)) {
        if (block < own.block || block >= own.block + own.count) continue;
        if (group === 0) return clear(PASS1['bad-primary']);
        problem(PASS1['bad-backup'], { block });
        return false;
      }
      if (block === descriptors.blockBitmap(group)) {
        if (problem(PASS1['bad-block-bitmap'], { group, block })) relocations.blockBitmaps.add(group);
        return false;
      }
      if (block === descriptors.inodeBitmap(group)) {
        if (problem(PASS1['bad-inode-bitmap'], { group, block })) relocations.inodeBitmaps.add(group);
        return false;
      }
      // Inodes in bad blocks of a table are left alone, all of them.
      if (block >= descriptors.inodeTable(group) && block < descriptors.inodeTable(group) + tableBlocks(superblock)) return false;
    }
    return [DIRECT, DIRECT + 1, DIRECT + 2].some((i) => this.#inode.view.getUint32(I_BLOCK_AT + i * 4, true) === block) && clear(PASS1['bad-blocks-map']);
  }
}
