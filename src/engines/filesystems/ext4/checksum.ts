import { crc16 } from '../../codecs/crc16.ts';
import { crc32c, crc32cOf32, crc32cOfZeros, extend32, extendView, extendZeros } from '../../codecs/crc32c.ts';

/** What the checksums of an inode and of everything that belongs to it start from (kernel: i_csum_seed). */
export function inodeSeed(filesystemSeed: number, inode: number, generation: number): number {
  return crc32cOf32(crc32cOf32(filesystemSeed, inode), generation);
}

/**
 * The checksum of a raw inode, with its own two fields counted as zero (kernel: ext4_inode_csum).
 * @param at byte in `view` where the inode starts
 * @param size bytes an inode
 * @param wide i_checksum_hi is there (i_extra_isize is at least 4); without it only the lower 16 bits are stored
 */
export function inodeChecksum(seed: number, view: DataView, at: number, size: number, wide: boolean): number {
  return extendInode(seed, view, at, size, wide) >>> 0;
}

/** The same as a signed number, straight from the filesystem's seed: a check makes millions, and none of them allocates. */
export function signedInodeChecksum(filesystemSeed: number, inode: number, view: DataView, at: number, size: number, wide: boolean): number {
  return extendInode(extend32(extend32(filesystemSeed, inode), view.getInt32(at + 0x64, true)), view, at, size, wide);
}

function extendInode(seed: number, view: DataView, at: number, size: number, wide: boolean): number {
  let crc = extendZeros(extendView(seed, view, at, at + 0x7c), 2);
  if (!wide) return extendView(crc, view, at + 0x7e, at + size);
  crc = extendZeros(extendView(crc, view, at + 0x7e, at + 0x82), 2);
  return extendView(crc, view, at + 0x84, at + size);
}

/** metadata_csum: the lower 16 bits of the CRC-32C over the group's number and its descriptor, the checksum field counted as zero (ext4_group_desc_csum). */
export function groupChecksum32(filesystemSeed: number, group: number, descriptor: Uint8Array): number {
  const head = crc32cOfZeros(crc32c(crc32cOf32(filesystemSeed, group), descriptor, 0, 0x1e), 2);
  return crc32c(head, descriptor, 0x20) & 0xffff;
}

/** gdt_csum: CRC-16 over the UUID, the group's number and its descriptor, the checksum field left out. */
export function groupChecksum16(uuid: Uint8Array, group: number, descriptor: Uint8Array): number {
  const number = Uint8Array.of(group, group >>> 8, group >>> 16, group >>> 24);
  const head = crc16(crc16(crc16(0xffff, uuid), number), descriptor, 0, 0x1e);
  return crc16(head, descriptor, 0x20);
}
