import { readBytes } from '../../../core/bytes/device.ts';
import { crc32c } from '../../../codecs/crc32c.ts';
import { corrupt, isDiskError } from '../../../core/errors.ts';
import { SUPERBLOCK_AT, SUPERBLOCK_SIZE } from '../layout.ts';
import { locateSuperblock, type Superblock } from '../superblock.ts';
import { Abort, type CheckContext } from './context.ts';
import { Descriptors } from './descriptors.ts';

/** Finds the superblock and the descriptors, and checks what they say. */
export function checkSuperblock(context: CheckContext): void {
  const found = locateSuperblock(context.device, true);
  if (found === undefined) throw new Abort(corrupt('superblock', 'there is none, and no backup of one', SUPERBLOCK_AT));
  if (isDiskError(found)) throw new Abort(found);
  context.superblock = found.superblock;
  context.descriptors = readDescriptors(context);
}

/** The primary descriptors as they lie on the device; those that can't be read are zeros. */
export function readDescriptors(context: CheckContext): Descriptors {
  const { superblock } = context;
  const { blockSize, descriptorsPerBlock, groupCount, descriptorSize } = superblock;
  const blocks = Math.ceil(groupCount / descriptorsPerBlock);
  const bytes = new Uint8Array(blocks * blockSize);
  for (let index = 0; index < blocks; index++) context.tryRead(descriptorBlock(superblock, index), bytes.subarray(index * blockSize, (index + 1) * blockSize));
  return new Descriptors(superblock, bytes.subarray(0, groupCount * descriptorSize));
}

/** Where the primary copy of a block of descriptors lies (ext2fs_descriptor_block_loc2). */
export function descriptorBlock(superblock: Superblock, index: number): number {
  const { blockSize, features, raw, descriptorsPerBlock } = superblock;
  if (!features.metaBg || index < raw.s_first_meta_bg) return Math.floor(1024 / blockSize) + 1 + index;
  const group = index * descriptorsPerBlock;
  return superblock.groupStart(group) + (superblock.hasBackup(group) ? 1 : 0) + (group === 0 && blockSize === 1024 && superblock.firstDataBlock === 0 ? 1 : 0);
}

/** Writes the superblock and the descriptors where they were changed. */
export function finish(context: CheckContext): void {
  const { superblock, descriptors, device } = context;
  if (descriptors.changed) {
    descriptors.seal();
    const { blockSize, descriptorsPerBlock, descriptorSize } = superblock;
    for (let index = 0; index * descriptorsPerBlock < descriptors.count; index++) {
      const from = index * blockSize;
      const at = descriptorBlock(superblock, index);
      const block = readBytes(device, at * blockSize, blockSize).slice();
      block.set(descriptors.bytes.subarray(from, Math.min(from + blockSize, descriptors.count * descriptorSize)));
      context.write(at, block);
    }
  }
  if (context.superblockChanged) {
    const { raw } = superblock;
    const bytes = new Uint8Array(raw.$view.buffer, raw.$view.byteOffset + raw.$at, SUPERBLOCK_SIZE);
    if (superblock.features.metadataChecksum) raw.s_checksum = crc32c(0xffffffff, bytes, 0, SUPERBLOCK_SIZE - 4);
    device.write!(SUPERBLOCK_AT, bytes);
  }
}
