/**
 * A FAT, exFAT or NTFS boot sector carries the same 55 AA at 510 as a partition table, and boot code where the table would be.
 * These signs tell them apart.
 */

/** What filesystem the sector begins, by its BIOS parameter block; undefined where there is none. */
export function bootSectorOf(sector: Uint8Array): string | undefined {
  if (hasText(sector, 3, 'NTFS    ')) return 'NTFS';
  if (hasText(sector, 3, 'EXFAT   ')) return 'exFAT';
  if (hasText(sector, 3, '-FVE-FS-')) return 'BitLocker';
  const u16 = (at: number): number => sector[at]! | (sector[at + 1]! << 8);
  const sectorSize = u16(11);
  const perCluster = sector[13]!;
  const fats = sector[16]!;
  const media = sector[21]!;
  // The checks of the kernel's fat_read_bpb (fs/fat/inode.c).
  const isFat = isPowerOfTwo(sectorSize) && sectorSize >= 512 && sectorSize <= 4096 && isPowerOfTwo(perCluster)
    && u16(14) !== 0 && fats >= 1 && fats <= 2 && (media >= 0xf8 || media === 0xf0);
  return isFat ? 'FAT' : undefined;
}

function hasText(sector: Uint8Array, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (sector[at + i] !== text.charCodeAt(i)) return false;
  return true;
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && (value & (value - 1)) === 0;
}
