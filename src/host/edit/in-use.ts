import { realpathSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DiskError, unsupported } from '../../engines/core/errors.ts';
import { deviceFolder, deviceNumber, namesIn, readText, SYSTEM } from '../devices/sysfs.ts';
import { loopsOf, nodeName, readUses, type Use } from '../devices/uses.ts';
import { isBelowOwnMount } from '../mounts/own-mounts.ts';
import { isWindowsDisk } from '../sources/windows-path.ts';

/**
 * Refuses an image that Linux itself works with: nothing of that takes a lock, and two that write to one filesystem ruin it.
 * @param path a file or a disk
 * @throws DiskError busy
 */
export function refuseInUse(path: string): void {
  if (process.platform !== 'linux') {
    refuseDisk(path);
    return;
  }
  const stats = statusOf(path);
  // Opening it says what is wrong.
  if (stats === undefined) return;
  const user = stats.isBlockDevice() ? diskUser(stats) : fileUser(path, stats);
  if (user !== undefined) throw new DiskError({ kind: 'busy', by: user }, `${path} is in use: ${user}`, 'Unmount or detach it first.');
}

/** Elsewhere there is no way here to be sure that nobody else writes to a disk. */
function refuseDisk(path: string): void {
  if (isWindowsDisk(path) || statusOf(path)?.isBlockDevice() === true) throw unsupported('disks', `Clutch writes to disks on Linux only: here it can't tell whether the system uses ${path}`, 'Save the changes as a new image.');
}

/** A loop device that stands on the file. */
function fileUser(path: string, stats: Stats): string | undefined {
  for (const { name, backing } of loopsOf()) {
    // A file in a mount of ours may not be looked at from here; nor is it the image that is mounted.
    const there = isBelowOwnMount(backing) ? undefined : statusOf(backing);
    const same = there === undefined ? backing === realpathSync(path) : there.ino === stats.ino && there.dev === stats.dev;
    if (!same) continue;
    const mount = readUses().of(join(SYSTEM.sys, 'block', name)).find((use) => use.kind === 'mount');
    return mount === undefined ? `it is attached to /dev/${name}` : `it is mounted on ${mount.at} (by /dev/${name})`;
  }
  return undefined;
}

/** What the system does with the disk, with a partition of it, or with the disk that it is a partition of. */
function diskUser(stats: Stats): string | undefined {
  const folder = deviceFolder(deviceNumber(stats));
  if (folder === undefined) return undefined;
  const partitions = namesIn(folder).map((name) => join(folder, name)).filter(isPartition);
  const uses = readUses();
  for (const each of [folder, ...partitions, ...(isPartition(folder) ? [dirname(folder)] : [])]) {
    const [use] = uses.of(each);
    if (use !== undefined) return `/dev/${nodeName(basename(each))} ${useSentence(use)}`;
  }
  return undefined;
}

function isPartition(folder: string): boolean {
  return readText(join(folder, 'partition')) !== undefined;
}

function useSentence(use: Use): string {
  switch (use.kind) {
    case 'mount': return `is mounted on ${use.at}`;
    case 'part': return `is a part of /dev/${use.of}`;
    case 'swap': return 'is swap space';
    case 'loop': return `is attached to /dev/${use.name}`;
    case 'btrfs': return 'is one of the disks of a mounted btrfs';
  }
}

function statusOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}
