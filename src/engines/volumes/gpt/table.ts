import type { BlockDevice } from '../../core/bytes/device.ts';
import type { Note } from '../../core/filesystem.ts';
import type { Volume } from '../../core/probe.ts';
import { overlaps, withFreeSpace } from '../gaps.ts';
import { attributeNames } from './attributes.ts';
import { byteOffset, type TableCopy } from './header.ts';
import { readProtectiveMbr } from './hybrid.ts';
import { GptEntry, guidText, utf16Text } from './layout.ts';
import type { Located } from './locate.ts';
import { typeName, UNUSED } from './types.ts';

/** The table's volumes in order of offset, with the table's own regions and the free space. Calls `note` for what is odd about them. */
export function readVolumes(device: BlockDevice, found: Located, note: (note: Note) => void): Volume[] {
  const { used, sectorSize } = found;
  const partitions = readEntries(used, sectorSize, note);
  const warn = (message: string, volume: Volume): void => note({ severity: 'warning', message, place: { structure: 'GPT entry', at: volume.offset, length: volume.size } });
  const first = byteOffset(used.header.first_usable_lba, sectorSize) ?? 0;
  const end = (byteOffset(used.header.last_usable_lba, sectorSize) ?? Number.MAX_SAFE_INTEGER - sectorSize) + sectorSize;
  for (const volume of partitions) {
    if (volume.offset + volume.size > device.size) warn(`Partition ${volume.number} reaches ${volume.offset + volume.size - device.size} bytes past the end of the device`, volume);
    else if (volume.offset < first || volume.offset + volume.size > end) warn(`Partition ${volume.number} reaches out of the usable range of the table`, volume);
  }
  for (const [a, b] of overlaps(partitions)) warn(`Partition ${b.number} overlaps partition ${a.number}`, b);
  return withFreeSpace([...partitions, ...ownRegions(device, found)], 0, device.size);
}

function readEntries(copy: TableCopy, sectorSize: number, note: (note: Note) => void): Volume[] {
  const volumes: Volume[] = [];
  const { entries } = copy;
  if (entries === undefined) return volumes;
  const entrySize = copy.header.size_of_partition_entry;
  // A trailing part of an entry cannot be one: the array's length was checked to be count × size when it was read.
  for (let at = 0, number = 1; at + entrySize <= entries.length; at += entrySize, number++) {
    const entry = GptEntry.at(entries, at);
    const typeId = guidText(entry.partition_type_guid);
    if (typeId === UNUSED) continue;
    const place = { structure: `GPT entry ${number}`, at: copy.entriesAt! + at, length: entrySize };
    const offset = byteOffset(entry.starting_lba, sectorSize);
    const end = byteOffset(entry.ending_lba + 1n, sectorSize);
    if (offset === undefined || end === undefined || end <= offset) {
      note({ severity: 'error', message: `Partition ${number} ends before it begins or lies beyond every device, and is left out (LBA ${entry.starting_lba} to ${entry.ending_lba})`, place });
      continue;
    }
    const type = typeName(typeId);
    volumes.push({
      number, kind: 'partition', offset, size: end - offset, type, typeId, label: utf16Text(entry.partition_name),
      uuid: guidText(entry.unique_partition_guid), flags: attributeNames(entry.attributes, typeId, type),
    });
  }
  return volumes;
}

/** The protective MBR, both headers and both entry arrays, as far as they lie inside the device and are there. */
function ownRegions(device: BlockDevice, { primary, backup, sectorSize }: Located): Volume[] {
  const regions: Volume[] = [];
  const add = (type: string, offset: number, size: number): void => {
    const there = Math.min(size, device.size - offset);
    if (there > 0) regions.push({ number: undefined, kind: 'metadata', offset, size: there, type, typeId: '', label: '', uuid: '', flags: [] });
  };
  if (readProtectiveMbr(device).kind !== 'missing') add('Protective MBR', 0, sectorSize);
  for (const [copy, name] of [[primary, 'Primary GPT'], [backup, 'Backup GPT']] as const) {
    if (copy === undefined) continue;
    add(`${name} header`, copy.at, sectorSize);
    if (copy.entries !== undefined) add(`${name} entries`, copy.entriesAt!, Math.ceil(copy.entries.length / sectorSize) * sectorSize);
  }
  return regions;
}
