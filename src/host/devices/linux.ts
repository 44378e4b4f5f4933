import { realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Device, inOrder } from './device.ts';
import { deviceSize, mediumOf, namesIn, readText, SYSTEM, type SystemFolders } from './sysfs.ts';
import { type UdevFacts, udevFacts } from './udev.ts';
import { nodeName, readUses, type Uses, useText } from './uses.ts';

/** Disks in memory, and the packages of Ubuntu's snap, each of which is a loop device: nothing that a person would look for. */
const LEFT_OUT = /^(?:ram|zram)\d+$/;
const SNAPS = '/var/lib/snapd/';

/**
 * The disks of a Linux with their partitions, each disk before its own. Drives without a medium are left out. Nothing is read from a disk.
 */
export function linuxDevices(folders: SystemFolders = SYSTEM): Device[] {
  const uses = readUses(folders);
  const found: Device[] = [];
  const list = join(folders.sys, 'class/block');
  for (const name of namesIn(list)) {
    if (LEFT_OUT.test(name)) continue;
    // The entries are links into the device tree. One that is unplugged just now is gone.
    const folder = followed(join(list, name));
    const device = folder === undefined ? undefined : deviceIn(folder, folders, uses);
    if (device !== undefined) found.push(device);
  }
  return inOrder(found);
}

function deviceIn(folder: string, folders: SystemFolders, uses: Uses): Device | undefined {
  const attribute = (path: string): string => readText(join(folder, path)) ?? '';
  const size = deviceSize(folder);
  const backing = attribute('loop/backing_file');
  if (size === undefined || size === 0 || attribute('hidden') === '1' || backing.startsWith(SNAPS)) return undefined;
  const number = attribute('dev');
  const record = number === '' ? undefined : join(folders.udev, `b${number}`);
  const facts = record === undefined ? undefined : factsIn(record);
  if (facts?.empty) return undefined;
  const partition = attribute('partition') !== '';
  const below = partition ? [] : namesIn(folder).filter((name) => readText(join(folder, name, 'partition')) !== undefined).map((name) => join(folder, name));
  const used = [...new Set([folder, ...below].flatMap((each) => uses.of(each)).map(useText))];
  return {
    path: join(folders.dev, nodeName(basename(folder))), kind: partition ? 'partition' : 'disk', size,
    ...(partition ? { parent: join(folders.dev, nodeName(basename(dirname(folder)))) } : {}),
    model: partition ? '' : attribute('device/model') || facts?.model || (backing === '' ? attribute('dm/name') : `loop of ${backing}`),
    contents: facts?.contents ?? '', label: facts?.label ?? '', uuid: facts?.uuid ?? '',
    readOnly: attribute('ro') === '1', removable: attribute(partition ? '../removable' : 'removable') === '1', used,
    state: [size, mediumOf(folder), record === undefined ? '' : changedAt(record), used.length > 0 ? 'used' : written(attribute('stat'))].join(' '),
  };
}

/**
 * Sectors that were written since the computer runs, the seventh number of `stat` (Documentation/block/stat.rst): what is written to tells of
 * itself so. What is in use is written to all the time, and keeps its format and its label meanwhile.
 */
function written(stat: string): string {
  return stat.split(/\s+/)[6] ?? '';
}

function factsIn(record: string): UdevFacts | undefined {
  const text = readText(record);
  return text === undefined ? undefined : udevFacts(text);
}

/** udev writes a disk down anew when it was written to and closed. */
function changedAt(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function followed(link: string): string | undefined {
  try {
    return realpathSync(link);
  } catch {
    return undefined;
  }
}
