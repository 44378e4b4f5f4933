import { readdirSync, readFileSync, realpathSync, type Stats } from 'node:fs';
import { join } from 'node:path';

/** Linux's files about its disks. They are made when they are read, out of what the kernel has in memory: no disk is waited for. */
export interface SystemFolders {
  /** sysfs. */
  readonly sys: string;
  /** procfs. */
  readonly proc: string;
  /** udev's database; absent in containers, and on systems without it. */
  readonly udev: string;
  readonly dev: string;
}

export const SYSTEM: SystemFolders = { sys: '/sys', proc: '/proc', udev: '/run/udev/data', dev: '/dev' };

/** What stands in a file, without the line's end; undefined where there is none, or it may not be read. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** None where there is no such folder. */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** "8:1": st_rdev as glibc's gnu_dev_major and gnu_dev_minor take it apart, for the 32-bit numbers that Linux uses. */
export function deviceNumber({ rdev }: Pick<Stats, 'rdev'>): string {
  return `${(rdev >>> 8) & 0xfff}:${(rdev & 0xff) | ((rdev >>> 12) & 0xfff00)}`;
}

/** A disk's or partition's folder in sysfs, where a partition's lies in its disk's. */
export function deviceFolder(number: string, { sys }: Pick<SystemFolders, 'sys'> = SYSTEM): string | undefined {
  try {
    return realpathSync(join(sys, 'dev/block', number));
  } catch {
    return undefined;
  }
}

/** Bytes of a disk or a partition; the kernel counts 512-byte sectors, whatever its own are (Documentation/ABI/stable/sysfs-block). */
export function deviceSize(folder: string): number | undefined {
  const text = readText(join(folder, 'size'));
  const size = Number(text) * 512;
  return text !== undefined && text !== '' && Number.isSafeInteger(size) ? size : undefined;
}

/**
 * The number of the medium: another one whenever a disk is connected, or its medium is changed, and never given twice while the
 * computer runs (`diskseq` of Documentation/ABI/stable/sysfs-block, Linux 5.15). Undefined before that.
 */
export function mediumOf(folder: string): string | undefined {
  return readText(join(folder, 'diskseq')) ?? readText(join(folder, '../diskseq'));
}
