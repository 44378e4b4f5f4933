import { INODE_FLAGS } from '../layout.ts';
import type { CheckContext } from './context.ts';
import { u16, u32 } from './dir-block.ts';
import { inlineDirectory } from './inline-directory.ts';
import type { RawInode } from './raw-inode.ts';

/** Flags that tools can't set on devices: blocks behind them are left from something else. */
const IMMUTABLE_OR_APPEND = 0x30;
const I_BLOCK_AT = 40;
const I_BLOCK_SIZE = 60;

/** Whether a device, FIFO or socket has nothing that none of them has (e2fsck_pass1_check_device_inode). */
export function isSoundDevice(inode: RawInode): boolean {
  if (inode.raw.i_blocks_lo !== 0 || inode.has(INODE_FLAGS.index)) return false;
  if (!inode.has(IMMUTABLE_OR_APPEND)) return true;
  return inode.bytes.subarray(I_BLOCK_AT + 16, I_BLOCK_AT + I_BLOCK_SIZE).every((byte) => byte === 0);
}

/** Whether a symbolic link leads somewhere: its target is as long as its size (e2fsck_pass1_check_symlink). */
export function isSoundSymlink(context: CheckContext, inode: RawInode): boolean {
  const { size } = inode;
  if (size === 0 || size >= 2 ** 32 || inode.has(INODE_FLAGS.index)) return false;
  if (inode.has(INODE_FLAGS.inlineData)) {
    if (inode.has(INODE_FLAGS.extents)) return false;
    return size === I_BLOCK_SIZE + (inlineDirectory(context, inode).more?.length ?? 0);
  }
  const block = inode.bytes.subarray(I_BLOCK_AT, I_BLOCK_AT + I_BLOCK_SIZE);
  let target: Uint8Array = block;
  if (size < I_BLOCK_SIZE) {
    if (inode.has(INODE_FLAGS.extents)) return false;
  } else {
    const number = inode.has(INODE_FLAGS.extents) ? onlyExtent(block) : onlyNumber(block);
    const { firstDataBlock, blockCount, blockSize } = context.superblock;
    if (number === undefined || number < firstDataBlock || number >= blockCount) return false;
    target = new Uint8Array(blockSize);
    if (!context.tryRead(number, target)) return false;
  }
  const end = target.indexOf(0);
  const length = inode.has(INODE_FLAGS.encrypt) ? u16(target, 0) + 2 : end < 0 ? target.length : end;
  return length < target.length && length === size;
}

/** The block of a root with one extent of one block, the first. */
function onlyExtent(root: Uint8Array): number | undefined {
  if (u16(root, 0) !== 0xf30a || u16(root, 2) !== 1 || u16(root, 6) !== 0) return undefined;
  return u32(root, 12) === 0 && u16(root, 16) === 1 ? u32(root, 20) + u16(root, 18) * 2 ** 32 : undefined;
}

/** The first block number, where there is no other. */
function onlyNumber(root: Uint8Array): number | undefined {
  return root.subarray(4).every((byte) => byte === 0) ? u32(root, 0) : undefined;
}
