import { basename, resolve } from 'node:path';

/** A disk, a partition or a drive of Windows in its namespace of devices: "\\.\PhysicalDrive0", "\\.\Harddisk0Partition1", "\\.\E:". */
const DISK = /^[\\/]{2}[.?][\\/](?:PhysicalDrive\d+|Harddisk\d+Partition\d+|HarddiskVolume\d+|CdRom\d+|[A-Z]:|Volume\{[0-9a-f-]+\})[\\/]?$/i;

/** Whether a path names one. Below a drive (`\\.\E:\folder`) are files as any others. */
export function isWindowsDisk(path: string, platform: NodeJS.Platform = process.platform): boolean {
  return platform === 'win32' && DISK.test(path);
}

/**
 * The absolute path of an image. Windows's disks have only the one; with a separator at the end, as Node's `resolve` gives it one,
 * it would be the folder at the root of what is on them.
 */
export function absolutePath(path: string, platform: NodeJS.Platform = process.platform): string {
  return isWindowsDisk(path, platform) ? path.replaceAll('/', '\\').replace(/\\$/, '').replace(/^\\\\\?/, '\\\\.') : resolve(path);
}

/** What an image is called in a title: "PhysicalDrive0". */
export function imageName(path: string, platform: NodeJS.Platform = process.platform): string {
  return isWindowsDisk(path, platform) ? path.slice(path.lastIndexOf('\\') + 1) : basename(path);
}
