/** How a made-up member of an array is told of itself. */
export interface MadeMember {
  readonly version: '0.90' | '1.0';
  readonly level?: number;
  /** Bytes of the device that the array uses; all before the superblock unless told. */
  readonly used?: number;
  /** 0.90 is in the byte order of the computer that made it. */
  readonly big?: boolean;
}

/**
 * A superblock of Linux RAID at the end of a device, as the kernel writes it (super_90_sync, super_1_sync of drivers/md/md.c): md makes none where it is not
 * in the kernel.
 * @param size bytes of the device
 * @returns where it lies, and its 4 KiB
 */
export function mdSuperblock(size: number, { version, level = 1, big = false, ...more }: MadeMember): { readonly at: number; readonly bytes: Uint8Array } {
  const bytes = new Uint8Array(4096);
  const view = new DataView(bytes.buffer);
  const at = version === '0.90' ? size - (size % 65_536) - 65_536 : Math.floor((size - 8192) / 4096) * 4096;
  const used = more.used ?? at;
  const little = version === '1.0' || !big;
  const put = (offset: number, value: number): void => view.setUint32(offset, value, little);
  put(0, 0xa92b_4efc);
  if (version === '0.90') {
    // md_magic, 0.90.0, set_uuid0, level, size in KiB, nr_disks, raid_disks, set_uuid1 to 3, state clean, active and working disks, this_disk.
    for (const [word, value] of [[2, 90], [5, 0xdead_beef], [7, level], [8, used / 1024], [9, 2], [10, 2], [13, 0xffff_fff0], [14, 2], [15, 3], [33, 1], [34, 2], [35, 2], [995, 1]] as const) put(word * 4, value);
  } else {
    put(4, 1);
    bytes.fill(0xa5, 16, 32);
    put(72, level);
    put(92, 2);
    put(220, 3);
    for (const [offset, value] of [[80, used / 512], [136, at / 512], [144, at / 512], [200, 17]] as const) view.setBigUint64(offset, BigInt(value), true);
    // Roles: of an odd count of disks, the last one is half a word of the checksum.
    for (const [i, role] of [0, 1, 0xfffe].entries()) view.setUint16(256 + i * 2, role, true);
  }
  let total = 0n;
  const length = version === '0.90' ? 4096 : 262;
  for (let offset = 0; offset < length; offset += 4) total += BigInt(offset + 4 <= length ? view.getUint32(offset, little) : view.getUint16(offset, little));
  put(version === '0.90' ? 152 : 216, Number((total & 0xffff_ffffn) + (total >> 32n)) >>> 0);
  return { at, bytes };
}
