import type { BlockDevice } from '../../../core/bytes/device.ts';
import { inodeChecksum, inodeSeed } from '../checksum.ts';
import { Ext4InodeExtra, INODE } from '../layout.ts';
import type { Superblock } from '../superblock.ts';
import { setTime } from '../write/times.ts';
import type { Geometry } from './geometry.ts';
import type { Wanted } from './options.ts';
import { FIRST_INODE } from './superblock.ts';

const S_IFDIR = 0x4000;
const S_IFREG = 0x8000;

/** EXT2_RESIZE_INO: it owns the blocks that are kept for more descriptors. */
export const RESIZE_INODE = 7;

/**
 * Writes the inodes that have fixed numbers, still without blocks: the root, lost+found, and where they are wanted the one for growing and
 * that of the journal. The writer changes sound inodes only.
 * @param table first block of the first group's inode table
 * @param now nanoseconds since 1970
 */
export function writeInodes(device: BlockDevice, table: number, superblock: Superblock, geometry: Geometry, wanted: Wanted, now: bigint): void {
  const { inodeSize, blockSize } = geometry;
  const write = (node: number, mode: number, links: number, owner = { uid: 0, gid: 0 }): void => {
    // The declaration reaches behind the shortest inodes.
    const bytes = new Uint8Array(Math.max(inodeSize, Ext4InodeExtra.size));
    const raw = Ext4InodeExtra.at(bytes);
    const extra = inodeSize > 128 ? superblock.raw.s_want_extra_isize : 0;
    raw.i_mode = mode;
    raw.i_links_count = links;
    raw.i_uid = owner.uid & 0xffff;
    raw.i_uid_high = owner.uid >>> 16;
    raw.i_gid = owner.gid & 0xffff;
    raw.i_gid_high = owner.gid >>> 16;
    if (extra > 0) raw.i_extra_isize = extra;
    for (const name of ['atime', 'ctime', 'mtime', 'crtime'] as const) setTime(raw, extra, name, now);
    if (superblock.features.metadataChecksum) {
      const sum = inodeChecksum(inodeSeed(superblock.checksumSeed, node, 0), raw.$view, raw.$at, inodeSize, extra >= 4);
      raw.i_checksum_lo = sum & 0xffff;
      if (extra >= 4) raw.i_checksum_hi = sum >>> 16;
    }
    device.write!(table * blockSize + (node - 1) * inodeSize, bytes.subarray(0, inodeSize));
  };
  write(INODE.root, S_IFDIR | 0o755, 3, wanted.rootOwner);
  write(FIRST_INODE, S_IFDIR | 0o700, 2);
  if (geometry.reservedDescriptorBlocks > 0) write(RESIZE_INODE, S_IFREG | 0o600, 1);
  if (geometry.journalBlocks > 0) write(INODE.journal, S_IFREG | 0o600, 1);
}
