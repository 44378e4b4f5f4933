const BLOCK = 1024;
const SUPER = 1024;
const INODE = 32;
const ROOT_INODE = 1;
const FOLDER = 0o040000;
const DEVICES = new Set([0o020000, 0o060000]);

/**
 * A Minix filesystem of the first version with names of 30 bytes, as a big-endian machine has it: all numbers the other way round, what is in the files as it
 * is (linux/minix_fs.h; fs/minix/minix.h, CONFIG_MINIX_FS_NATIVE_ENDIAN). The bitmaps of what is free stay, so it is for reading alone.
 * @throws Error for one of another version
 */
export function bigEndianMinix(little: Uint8Array): Uint8Array {
  const bytes = little.slice();
  const view = new DataView(bytes.buffer);
  const u16 = (at: number): number => {
    const value = view.getUint16(at, true);
    view.setUint16(at, value);
    return value;
  };
  const u32 = (at: number): number => {
    const value = view.getUint32(at, true);
    view.setUint32(at, value);
    return value;
  };
  const [inodes, , inodeMap, zoneMap] = [0, 2, 4, 6, 8, 10].map((at) => u16(SUPER + at));
  u32(SUPER + 12);
  if (u16(SUPER + 16) !== 0x138f) throw new Error('Not a Minix filesystem of the first version with long names');
  u16(SUPER + 18);
  const table = (2 + inodeMap! + zoneMap!) * BLOCK;
  for (let inode = ROOT_INODE; inode <= inodes!; inode++) {
    const at = table + (inode - 1) * INODE;
    const mode = u16(at);
    u16(at + 2);
    const size = u32(at + 4);
    u32(at + 8);
    const zones = [0, 1, 2, 3, 4, 5, 6, 7, 8].map((i) => u16(at + 14 + i * 2));
    if (mode === 0 || DEVICES.has(mode & 0o170000)) continue;
    if (zones[8] !== 0) throw new Error('A file is too large: its blocks are found in two steps');
    const pointers = zones[7] === 0 ? [] : Array.from({ length: BLOCK / 2 }, (_, i) => u16(zones[7]! * BLOCK + i * 2));
    if ((mode & 0o170000) !== FOLDER) continue;
    for (let done = 0; done < size; done += 32) u16([...zones.slice(0, 7), ...pointers][Math.floor(done / BLOCK)]! * BLOCK + (done % BLOCK));
  }
  return bytes;
}
