import { type Device, inOrder } from './device.ts';
import { parsePlist, type PlistValue } from './plist.ts';

/** Runs a program, and gives what it printed. */
export type Run = (program: string, args: readonly string[]) => Promise<string>;

type Dict = Readonly<Record<string, PlistValue>>;

/**
 * The disks of a macOS, as `diskutil list -plist` lists them and `diskutil info -plist` describes each. Tested with recorded outputs; not tried on
 * macOS yet. Nothing is read from a disk.
 * @throws the program's error
 */
export async function macDevices(run: Run): Promise<Device[]> {
  const list = dict(parsePlist(await run('diskutil', ['list', '-plist'])));
  const found: Device[] = [];
  const disks = dicts(list['AllDisksAndPartitions']);
  /** Where the volumes of a container of APFS are mounted, by the partition that it lies in: the container is a disk of its own here. */
  const apfs = new Map(disks.flatMap((disk) => dicts(disk['APFSPhysicalStores']).map((store) => [text(store['DeviceIdentifier']), mountsOf(disk)] as const)));
  for (const disk of disks) {
    const whole = text(disk['DeviceIdentifier']);
    if (!IDENTIFIER.test(whole)) continue;
    const own = deviceOf({ ...disk, ...(await infoOf(whole, run)) }, undefined);
    const partitions: Device[] = [];
    // Volumes of APFS stand apart from partitions: they share their container's bytes, and have none of their own to be opened.
    for (const each of dicts(disk['Partitions'])) {
      const identifier = text(each['DeviceIdentifier']);
      if (!IDENTIFIER.test(identifier)) continue;
      const partition = deviceOf({ ...each, ...(await infoOf(identifier, run)) }, whole);
      partitions.push({ ...partition, used: [...partition.used, ...(apfs.get(identifier) ?? [])] });
    }
    found.push({ ...own, used: [...new Set([...own.used, ...mountsOf(disk), ...partitions.flatMap(({ used }) => used)])] }, ...partitions);
  }
  return inOrder(found.filter(({ size }) => size > 0));
}

/** "disk0", "disk2s1". */
const IDENTIFIER = /^disk\d+(?:s\d+)*$/;

/** diskutil's words for formats. */
const CONTENTS: ReadonlyMap<string, string> = new Map([
  ['GUID_partition_scheme', 'GPT'], ['FDisk_partition_scheme', 'MBR'], ['Apple_partition_scheme', 'Apple partition map'], ['Apple_HFS', 'HFS+'], ['Apple_APFS', 'APFS'], ['Apple_APFS_Container', 'APFS'], ['Apple_APFS_ISC', 'APFS'], ['EF57347C-0000-11AA-AA11-00306543ECAC', 'APFS'], ['EFI', 'FAT'],
  ['Windows_NTFS', 'NTFS'], ['DOS_FAT_32', 'FAT'], ['DOS_FAT_16', 'FAT'], ['Linux', 'Linux'], ['CD_DA', 'Audio CD'],
]);

function mountsOf(container: Dict): string[] {
  return dicts(container['APFSVolumes']).map((each) => text(each['MountPoint'])).filter((each) => each !== '');
}

function deviceOf(about: Dict, parent: string | undefined): Device {
  const identifier = text(about['DeviceIdentifier']);
  const mounted = text(about['MountPoint']);
  const size = number(about['Size']) || number(about['TotalSize']);
  const named = text(about['FilesystemName']) || text(about['Content']);
  return {
    path: `/dev/${identifier}`, kind: parent === undefined ? 'disk' : 'partition', ...(parent === undefined ? {} : { parent: `/dev/${parent}` }), size,
    model: parent === undefined ? text(about['MediaName']) : '', contents: CONTENTS.get(named) ?? named, label: text(about['VolumeName']), uuid: text(about['VolumeUUID']) || text(about['DiskUUID']),
    readOnly: about['WritableMedia'] === false, removable: about['RemovableMedia'] === true || about['Ejectable'] === true,
    used: mounted === '' ? [] : [mounted], state: `${size} ${text(about['DiskUUID'])} ${text(about['VolumeUUID'])} ${mounted}`,
  };
}

async function infoOf(identifier: string, run: Run): Promise<Dict> {
  try {
    return dict(parsePlist(await run('diskutil', ['info', '-plist', identifier])));
  } catch {
    return {}; // It went meanwhile; the list's own words have to do.
  }
}

function dict(value: PlistValue | undefined): Dict {
  return typeof value === 'object' && !Array.isArray(value) ? value as Dict : {};
}

function dicts(value: PlistValue | undefined): Dict[] {
  return Array.isArray(value) ? value.map(dict) : [];
}

function text(value: PlistValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

function number(value: PlistValue | undefined): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : 0;
}
