import { corrupt } from '../../core/errors.ts';
import type { Groups } from './groups.ts';
import type { Superblock } from './superblock.ts';

/** The filesystem block that holds an inode, and the byte in it where the inode starts. @throws DiskError corrupt when there is no such inode */
export function inodePlace(superblock: Superblock, groups: Groups, node: number): { readonly block: number; readonly at: number } {
  const { inodeCount, inodesPerGroup, inodeSize, blockSize } = superblock;
  // The negated form also refuses NaN.
  if (!(node >= 1 && node <= inodeCount)) throw corrupt(`inode ${node}`, `the filesystem has inodes 1 to ${inodeCount}`);
  const offset = ((node - 1) % inodesPerGroup) * inodeSize;
  return { block: groups.get(Math.floor((node - 1) / inodesPerGroup)).inodeTable + Math.floor(offset / blockSize), at: offset % blockSize };
}
