import { isDiskError } from '../../../core/errors.ts';
import { EXTENT_MAGIC, I_BLOCK_SIZE, INODE_FLAGS } from '../layout.ts';
import type { CheckContext } from './context.ts';
import { I_BLOCK_AT } from './extent-walk.ts';
import { readRuns, writeRuns } from './file-map.ts';

/** Entries of an extent tree's root in an inode. */
const ROOT_ENTRIES = 4;

/**
 * With bigalloc files are mapped by extents: those with block numbers get them, in place of their lists, and then everything begins again, as
 * clusters are counted in another way. After pass 1 alone, when it is known what is free.
 */
export function convertBlockMaps(context: CheckContext): void {
  for (const number of context.tables.blockMaps) {
    const inode = context.readInode(number);
    try {
      const runs = readRuns(context, inode);
      inode.set(INODE_FLAGS.extents);
      inode.bytes.fill(0, I_BLOCK_AT, I_BLOCK_AT + I_BLOCK_SIZE);
      inode.view.setUint16(I_BLOCK_AT, EXTENT_MAGIC, true);
      inode.view.setUint16(I_BLOCK_AT + 4, ROOT_ENTRIES, true);
      if (writeRuns(context, inode, runs, 0)) context.restart = 'files with block numbers got extents';
      else context.left++;
    } catch (error) {
      if (!isDiskError(error)) throw error;
      context.left++;
    }
  }
}
