import type { CheckContext } from './context.ts';
import { I_BLOCK_AT } from './extent-walk.ts';
import { RESIZE_INODE } from './metadata.ts';
import { MODE, type RawInode } from './raw-inode.ts';

/** i_block's number of the double indirect block: the only one that the resize inode uses. */
const DOUBLE_INDIRECT = I_BLOCK_AT + 13 * 4;

/** The block that lists the reserved ones. */
export const resizeListBlock = ({ view }: RawInode): number => view.getUint32(DOUBLE_INDIRECT, true);

/**
 * Whether the resize inode maps the blocks that are reserved for more descriptors, and those of the backups (check_resize_inode in super.c):
 * its double indirect block lists the reserved blocks behind the primary descriptors, and each of these the ones at its place in every backup.
 */
export function isResizeInodeSound(context: CheckContext, inode: RawInode): boolean {
  const { superblock } = context;
  const { view, raw } = inode;
  const root = resizeListBlock(inode);
  for (let i = 0; i < 15; i++) if (i !== 13 && view.getUint32(I_BLOCK_AT + i * 4, true) !== 0) return false;
  if (root < superblock.firstDataBlock || root >= superblock.blockCount || root === 0 || raw.i_links_count === 0 || (raw.i_mode & MODE.file) === 0) return false;
  const list = new Uint8Array(superblock.blockSize);
  if (!context.tryRead(root, list)) return false;
  const numbers = new DataView(list.buffer);
  const inner = new Uint8Array(superblock.blockSize);
  const innerNumbers = new DataView(inner.buffer);
  // e2fsck looks at a quarter of them only, and so do we: what it accepts is sound to it and to the kernel.
  for (let i = 0; i < Math.floor(superblock.raw.s_reserved_gdt_blocks / 4); i++) {
    const { slot, block } = reserved(context, i);
    if (numbers.getUint32(slot * 4, true) !== block || !context.tryRead(block, inner)) return false;
    let at = 0;
    for (const backup of backups(context)) {
      if (innerNumbers.getUint32(at, true) !== block + backup * superblock.blocksPerGroup) return false;
      at += 4;
    }
  }
  return true;
}

/**
 * How many numbers in the blocks of a resize inode that is sound are none of the reserved blocks and of their backups: those that are blocks, and
 * those that can't be. e2fsck follows them in pass 1, and clears there what can't be: that may be somebody's data, so the inode is made anew instead.
 */
export function foreignBlocks(context: CheckContext, inode: RawInode): { readonly blocks: number; readonly illegal: number } {
  const { blockSize, blockCount, firstDataBlock, raw } = context.superblock;
  const { block: first } = reserved(context, 0);
  const counts = { blocks: 0, illegal: 0 };
  const count = (block: number): void => { counts[block < firstDataBlock || block >= blockCount ? 'illegal' : 'blocks']++; };
  const list = context.block(resizeListBlock(inode));
  const numbers = new DataView(list.buffer);
  const inner = new Uint8Array(blockSize);
  const innerNumbers = new DataView(inner.buffer);
  const behind = [...backups(context)].length * 4;
  for (let at = 0; at < blockSize; at += 4) {
    const block = numbers.getUint32(at, true);
    if (block === 0) continue;
    if (block < first || block >= first + raw.s_reserved_gdt_blocks) {
      count(block);
      continue;
    }
    if (!context.tryRead(block, inner)) continue;
    for (let to = behind; to < blockSize; to += 4) if (innerNumbers.getUint32(to, true) !== 0) count(innerNumbers.getUint32(to, true));
  }
  return counts;
}

/** Where the reserved block `index` is listed, and which it is. */
function reserved({ superblock }: CheckContext, index: number): { readonly slot: number; readonly block: number } {
  const tableBlocks = Math.ceil(superblock.groupCount / superblock.descriptorsPerBlock);
  const first = superblock.firstDataBlock + 1 + tableBlocks + (superblock.blockSize === 1024 && superblock.firstDataBlock === 0 ? 1 : 0);
  return { slot: (tableBlocks + index) % (superblock.blockSize / 4), block: first + index };
}

function* backups({ superblock }: CheckContext): Iterable<number> {
  // A block lists 16,384 backups at most, far more than there are.
  for (let group = 1; group < superblock.groupCount; group++) if (superblock.hasBackup(group)) yield group;
}

/** Makes the resize inode anew (ext2fs_create_resize_inode). After pass 1, which knows what is free. */
export function createResizeInode(context: CheckContext): void {
  const { superblock } = context;
  const { blockSize } = superblock;
  const inode = context.readInode(RESIZE_INODE);
  inode.bytes.fill(0);
  const count = superblock.raw.s_reserved_gdt_blocks;
  const root = context.allocateBlock();
  if (root === undefined) {
    context.left++;
    return;
  }
  const list = new Uint8Array(blockSize);
  const numbers = new DataView(list.buffer);
  let blocks = 1;
  for (let i = 0; i < count; i++) {
    const { slot, block } = reserved(context, i);
    numbers.setUint32(slot * 4, block, true);
    const inner = new Uint8Array(blockSize);
    const innerNumbers = new DataView(inner.buffer);
    let at = 0;
    for (const backup of backups(context)) {
      if (at >= blockSize) break;
      innerNumbers.setUint32(at, block + backup * superblock.blocksPerGroup, true);
      at += 4;
      blocks++;
    }
    context.write(block, inner);
    blocks++;
  }
  context.write(root, list);
  const { raw, view } = inode;
  view.setUint32(DOUBLE_INDIRECT, root, true);
  raw.i_mode = MODE.file | 0o600;
  raw.i_links_count = 1;
  raw.i_blocks_lo = (blocks * superblock.clusterRatio * blockSize) / 512;
  // The size that a file has which its last possible indirect block belongs to.
  const perBlock = blockSize / 4;
  inode.size = (perBlock * perBlock + perBlock + 12) * blockSize;
  raw.i_atime = raw.i_ctime = raw.i_mtime = context.seconds | 0;
  if (inode.bytes.length > 128) raw.i_extra_isize = superblock.raw.s_want_extra_isize;
  context.writeInode(inode);
  context.tables.inodesUsed.add(RESIZE_INODE);
}
