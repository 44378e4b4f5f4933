import { ioError } from '../../engines/core/errors.ts';
import { type Device, inOrder } from './device.ts';
import type { Run } from './mac.ts';

/** What is asked of PowerShell's module Storage: disks, their partitions, and the volumes on them. Depth 3 holds all of it. */
export const SCRIPT = `$ErrorActionPreference = 'Stop'
[Console]::OutputEncoding = [Text.Encoding]::UTF8
@{
  disks = @(Get-Disk | Select-Object Number, FriendlyName, Size, PartitionStyle, IsReadOnly, BusType, UniqueId, LogicalSectorSize)
  partitions = @(Get-Partition | Select-Object DiskNumber, PartitionNumber, Size, AccessPaths, Guid, Type, IsReadOnly)
  volumes = @(Get-Volume | Select-Object Path, FileSystem, FileSystemLabel, DriveType)
} | ConvertTo-Json -Depth 3 -Compress`;

type Row = Readonly<Record<string, unknown>>;

/**
 * The disks of a Windows. Tested with recorded outputs; not tried on Windows yet. Nothing is read from a disk.
 * @throws the program's error; DiskError io for an answer that is none
 */
export async function windowsDevices(run: Run): Promise<Device[]> {
  return parseWindowsDevices(await run('powershell.exe', ['-NoProfile', '-NonInteractive', '-Command', SCRIPT]));
}

/** @param answer of SCRIPT. @throws DiskError io */
export function parseWindowsDevices(answer: string): Device[] {
  let told: Row;
  try {
    // oxlint-disable-next-line unicorn/text-encoding-identifier-case -- PowerShell begins with a byte order mark
    told = JSON.parse(answer.replace(/^\uFEFF/, '')) as Row;
  } catch {
    throw ioError('PowerShell does not list the disks as JSON');
  }
  const volumes = new Map(rows(told['volumes']).map((volume) => [text(volume['Path']), volume]));
  const partitions = rows(told['partitions']).flatMap((row) => partitionOf(row, volumes));
  const found = rows(told['disks']).flatMap((row): Device[] => {
    const index = row['Number'];
    const size = bytes(row['Size']);
    if (!Number.isSafeInteger(index) || size === 0) return [];
    const path = `\\\\.\\PhysicalDrive${index as number}`;
    const style = styleOf(row['PartitionStyle']);
    return [{
      path, kind: 'disk', size, model: text(row['FriendlyName']), contents: style, label: '', uuid: text(row['UniqueId']), readOnly: row['IsReadOnly'] === true, removable: REMOVABLE.has(row['BusType']),
      used: [...new Set(partitions.filter(({ parent }) => parent === path).flatMap(({ used }) => used))], state: `${size} ${style} ${text(row['UniqueId'])}`,
    }];
  });
  const disks = new Set(found.map(({ path }) => path));
  return inOrder([...found, ...partitions.filter(({ parent }) => disks.has(parent!))]);
}

function partitionOf(row: Row, volumes: ReadonlyMap<string, Row>): Device[] {
  const [disk, index] = [row['DiskNumber'], row['PartitionNumber']];
  const size = bytes(row['Size']);
  if (!Number.isSafeInteger(disk) || !Number.isSafeInteger(index) || size === 0) return [];
  const paths = Array.isArray(row['AccessPaths']) ? row['AccessPaths'].map(text) : [];
  const volume = paths.map((each) => volumes.get(each)).find((each) => each !== undefined);
  const [filesystem, label] = [text(volume?.['FileSystem']), text(volume?.['FileSystemLabel'])];
  // Its volume's own name is no place where a person would find it.
  const used = paths.filter((each) => each !== '' && !each.startsWith('\\\\?\\'));
  return [{
    path: `\\\\.\\Harddisk${disk as number}Partition${index as number}`, kind: 'partition', parent: `\\\\.\\PhysicalDrive${disk as number}`, size, model: '', contents: filesystem || text(row['Type']),
    label, uuid: text(row['Guid']).replaceAll(/[{}]/g, ''), readOnly: row['IsReadOnly'] === true, removable: volume?.['DriveType'] === 'Removable' || volume?.['DriveType'] === 2, used, state: `${size} ${filesystem} ${label}`,
  }];
}

/** Names, or the numbers of MSFT_Disk that older PowerShells print: RAW 0, MBR 1, GPT 2; USB 7, SD 12, MMC 13. */
const STYLES: ReadonlyMap<unknown, string> = new Map<unknown, string>([[1, 'MBR'], [2, 'GPT'], ['MBR', 'MBR'], ['GPT', 'GPT']]);
const REMOVABLE: ReadonlySet<unknown> = new Set([7, 12, 13, 'USB', 'SD', 'MMC']);

function styleOf(value: unknown): string {
  return STYLES.get(value) ?? '';
}

/** ConvertTo-Json writes a list of one as the one itself where it is not told otherwise. */
function rows(value: unknown): Row[] {
  return (Array.isArray(value) ? value : [value]).filter((each): each is Row => typeof each === 'object' && each !== null);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function bytes(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : 0;
}
