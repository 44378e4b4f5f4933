import type { BlockDevice } from '../../core/bytes/device.ts';
import { byteOffset, readCopy, SECTOR_SIZES, type TableCopy } from './header.ts';

/** How far from the device's end a deep search looks for a backup header: past a VHD footer (512 bytes) and what imaging tools append. */
const SEARCH_LENGTH = 64 * 1024;

/** Both copies of a table as far as they were found, and the one to use. */
export interface Located {
  readonly sectorSize: number;
  readonly primary: TableCopy | undefined;
  readonly backup: TableCopy | undefined;
  readonly used: TableCopy;
}

/** Finds the table in the sector size that gives the soundest copy. @param deep looks for a backup header before the device's end too */
export function locate(device: BlockDevice, deep: boolean): Located | undefined {
  let best: Located | undefined;
  for (const sectorSize of SECTOR_SIZES) {
    const found = locateWith(device, sectorSize, deep);
    if (found !== undefined && (best === undefined || soundness(found.used) > soundness(best.used))) best = found;
  }
  return best;
}

/** 3: header and entries are sound; 2: the header is; 1: the entries match a damaged header; 0: neither. */
export function soundness(copy: TableCopy): number {
  return (copy.headerSound ? 2 : 0) + (copy.entriesSound ? 1 : 0);
}

function locateWith(device: BlockDevice, sectorSize: number, deep: boolean): Located | undefined {
  const primary = readCopy(device, sectorSize, sectorSize);
  const backup = findBackup(device, sectorSize, primary, deep);
  const used = primary === undefined || (backup !== undefined && soundness(backup) > soundness(primary)) ? backup : primary;
  return used === undefined ? undefined : { sectorSize, primary, backup, used };
}

/** The backup where the primary says that it is, else at the device's end, else (deep) shortly before it. */
function findBackup(device: BlockDevice, sectorSize: number, primary: TableCopy | undefined, deep: boolean): TableCopy | undefined {
  const last = (Math.floor(device.size / sectorSize) - 1) * sectorSize;
  const claimed = primary?.headerSound ? byteOffset(primary.header.alternate_lba, sectorSize) : undefined;
  if (claimed !== undefined && claimed > sectorSize) {
    const there = readCopy(device, claimed, sectorSize);
    if (there !== undefined) return there;
  }
  if (last > sectorSize) {
    const there = readCopy(device, last, sectorSize);
    if (there !== undefined) return there;
  }
  if (!deep) return undefined;
  for (let at = last - sectorSize; at > sectorSize && at >= last - SEARCH_LENGTH; at -= sectorSize) {
    const there = readCopy(device, at, sectorSize);
    if (there !== undefined) return there;
  }
  return undefined;
}
