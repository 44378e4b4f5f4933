import type { BlockDevice } from '../../core/bytes/device.ts';
import { corrupt } from '../../core/errors.ts';
import type { Note } from '../../core/filesystem.ts';
import type { Match, OpenContext, OpenedTable, TableFormat } from '../../core/probe.ts';
import type { TableCopy } from './header.ts';
import { readProtectiveMbr } from './hybrid.ts';
import { guidText } from './layout.ts';
import { type Located, locate, soundness } from './locate.ts';
import { GptStructures } from './structures.ts';
import { readVolumes } from './table.ts';

/** The GUID partition table of UEFI. */
export const gpt: TableFormat = {
  id: 'gpt',
  kind: 'table',
  name: 'GPT',

  probe(device: BlockDevice, deep: boolean): Match | undefined {
    const found = locate(device, deep);
    return found === undefined ? undefined : judge(device, found);
  },

  async open(device: BlockDevice, context: OpenContext): Promise<OpenedTable> {
    // Always deep: it costs nothing where a copy is in its place, and the caller may have probed deep.
    const found = locate(device, true);
    if (found === undefined) throw corrupt('GPT header', 'neither the primary nor the backup header is there', 512, 512);
    const { header } = found.used;
    for (const note of notesOf(device, found)) context.note(note);
    return {
      label: '', uuid: guidText(header.disk_guid), sectorSize: found.sectorSize,
      details: [
        ['Disk GUID', guidText(header.disk_guid)],
        ['Usable sectors', `${header.first_usable_lba} to ${header.last_usable_lba}`],
        ['Entries', `${header.number_of_partition_entries} of ${header.size_of_partition_entry} bytes`],
        ['Table used', found.used === found.primary ? 'primary' : 'backup'],
      ],
      volumes: readVolumes(device, found, (note) => context.note(note)),
      structures: new GptStructures(device, found),
    };
  },
};

function judge(device: BlockDevice, found: Located): Match {
  const { used, primary, backup, sectorSize } = found;
  const evidence = [`"EFI PART" at ${used.at}, sectors of ${sectorSize} bytes`];
  if (used.headerSound) evidence.push('header checksum is right');
  if (used.entriesSound) evidence.push('checksum of the partition entries is right');
  if (used !== primary) evidence.push(primary === undefined ? 'the primary table is gone; this is the backup' : 'the primary table is damaged; this is the backup');
  else if (backup !== undefined && soundness(backup) === 3) evidence.push('the backup table is sound');
  const mbr = readProtectiveMbr(device);
  if (mbr.kind !== 'missing') evidence.push(`${mbr.kind} MBR in sector 0`);
  const confidence = [40, 60, 80, 95][soundness(used)]!;
  // Partitioned anew by a tool that knows no GPT: the headers stay behind. Without an entry of type 0xEE the kernel takes the MBR too.
  if (mbr.kind === 'missing' && mbr.others.length > 0) return { confidence: 35, evidence: [...evidence, 'sector 0 holds another partition table'] };
  // Formatted as a whole: mkfs overwrites the disk's first sectors and leaves the backup header at its end. Whatever begins there now goes first.
  if (primary === undefined && mbr.kind === 'missing') return { confidence: Math.min(confidence, 45), evidence };
  return { confidence: mbr.kind === 'missing' ? confidence : Math.min(99, confidence + 4), evidence };
}

/** What is damaged or unusual about the table as a whole. */
function notesOf(device: BlockDevice, { primary, backup, used, sectorSize }: Located): Note[] {
  const notes: Note[] = [];
  const place = (structure: string, at: number): Note['place'] => ({ structure, at, length: sectorSize });
  const other = used === primary ? 'The primary table is used' : 'The backup table is used';
  const last = (Math.floor(device.size / sectorSize) - 1) * sectorSize;

  if (primary === undefined) notes.push({ severity: 'error', message: `The primary GPT header is missing. ${other}.`, place: place('primary GPT header', sectorSize) });
  else if (primary.problems.length > 0) notes.push({ severity: 'error', message: `The primary GPT is damaged: ${primary.problems.join('; ')}. ${other}.`, place: place('primary GPT header', primary.at) });

  if (backup === undefined) notes.push({ severity: 'warning', message: `The backup GPT header is missing (a cut image, or one that was copied to a larger disk). ${other}.`, place: place('backup GPT header', last) });
  else if (backup.problems.length > 0) notes.push({ severity: 'warning', message: `The backup GPT is damaged: ${backup.problems.join('; ')}. ${other}.`, place: place('backup GPT header', backup.at) });
  else if (backup.at !== last) notes.push({ severity: 'note', message: `The backup GPT header is ${last - backup.at} bytes before the end of the device, not at it.`, place: place('backup GPT header', backup.at) });

  if (primary !== undefined && backup !== undefined && soundness(primary) === 3 && soundness(backup) === 3 && !sameTable(primary, backup)) {
    notes.push({ severity: 'warning', message: `The primary and the backup GPT are sound but differ. ${other}.`, place: place('backup GPT header', backup.at) });
  }

  const mbr = readProtectiveMbr(device);
  if (mbr.kind === 'missing') notes.push({ severity: 'warning', message: 'There is no protective MBR: old systems take the disk for empty.', place: place('protective MBR', 0) });
  if (mbr.kind === 'hybrid') notes.push({ severity: 'note', message: `Hybrid MBR: sector 0 lists partitions of its own (types ${mbr.others.join(', ')}) for systems that do not read GPT.`, place: place('protective MBR', 0) });
  return notes;
}

function sameTable(a: TableCopy, b: TableCopy): boolean {
  return a.header.partition_entry_array_crc32 === b.header.partition_entry_array_crc32 && guidText(a.header.disk_guid) === guidText(b.header.disk_guid)
    && a.header.first_usable_lba === b.header.first_usable_lba && a.header.last_usable_lba === b.header.last_usable_lba;
}
