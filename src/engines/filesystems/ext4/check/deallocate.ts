import { crc32c, crc32cOfZeros } from '../../../codecs/crc32c.ts';
import { XATTR_MAGIC } from '../xattr.ts';
import type { CheckContext } from './context.ts';
import { putU32, u32 } from './dir-block.ts';
import { isCharged } from './file-map.ts';
import { clearInode } from './inode-check.ts';
import { visitMap } from './map-visit.ts';
import type { RawInode } from './raw-inode.ts';

/** Of struct ext4_xattr_header. */
const REFERENCES_AT = 4;
const CHECKSUM_AT = 16;

/** Frees an inode with its blocks, and takes it out of all tables, as if pass 1 had not seen it. Only for a repair that was accepted. */
export function deallocateInode(context: CheckContext, number: number): void {
  const inode = context.readInode(number);
  releaseAttributes(context, inode);
  const freed = freeBlocks(context, inode);
  if (isCharged(context, inode)) context.charge(inode, -freed, -1);
  forgetInode(context, inode);
}

/** Marks an inode as deleted, without its attributes. Its blocks are left as they are. */
export function forgetInode(context: CheckContext, inode: RawInode): void {
  inode.setFileAcl(context.superblock, 0);
  clearInode(context, inode);
}

/** Frees what its map leads to, also where that is damaged: pass 1 has counted the same blocks. @returns bytes freed */
function freeBlocks(context: CheckContext, inode: RawInode): number {
  const { clusterRatio, blockSize } = context.superblock;
  const { clustersUsed } = context.tables;
  let freed = 0;
  const free = (block: number, count: number): number => {
    for (let cluster = Math.floor(block / clusterRatio); cluster * clusterRatio < block + count; cluster++) {
      // With bigalloc, several runs may lie in one cluster.
      if (!clustersUsed.has(cluster)) continue;
      context.freeBlock(cluster * clusterRatio);
      freed++;
    }
    return block;
  };
  visitMap(context, inode, { node: (block) => free(block, 1), data: (_, block, count) => free(block, count) });
  return freed * clusterRatio * blockSize;
}

/** One reference less to the block of attributes; the last one frees it. */
function releaseAttributes(context: CheckContext, inode: RawInode): void {
  const { superblock } = context;
  const number = inode.fileAcl(superblock);
  if (number === 0 || number < superblock.firstDataBlock || number >= superblock.blockCount) return;
  const block = new Uint8Array(superblock.blockSize);
  if (!context.tryRead(number, block) || u32(block, 0) !== XATTR_MAGIC) return;
  const references = u32(block, REFERENCES_AT);
  if (references <= 1) {
    context.freeBlock(number);
  } else {
    putU32(block, REFERENCES_AT, references - 1);
    if (superblock.features.metadataChecksum) putU32(block, CHECKSUM_AT, attributeChecksum(superblock.checksumSeed, number, block));
    context.write(number, block);
  }
  if (isCharged(context, inode)) context.charge(inode, -superblock.blockSize * superblock.clusterRatio, 0);
}

/** h_checksum: over the block's number as 64 bits, and the block with that field as zero (ext4_xattr_block_csum). */
function attributeChecksum(seed: number, number: number, block: Uint8Array): number {
  const place = new Uint8Array(8);
  putU32(place, 0, number % 2 ** 32);
  putU32(place, 4, Math.floor(number / 2 ** 32));
  const head = crc32cOfZeros(crc32c(crc32c(seed, place), block, 0, CHECKSUM_AT), 4);
  return crc32c(head, block, CHECKSUM_AT + 4);
}
