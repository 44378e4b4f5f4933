import type { BlockDevice } from '../../core/bytes/device.ts';
import { corrupt } from '../../core/errors.ts';
import type { Match, OpenContext, OpenedTable, TableFormat } from '../../core/probe.ts';
import { bootSectorOf } from './boot-sector.ts';
import { type BootRecord, entriesOf } from './layout.ts';
import { MbrStructures } from './structures.ts';
import { readBootRecord, readTable } from './table.ts';
import { GPT_PROTECTIVE } from './types.ts';

/** The partition table of the master boot record ("DOS", "MS-DOS" or "MBR" partitions), with extended and logical partitions. */
export const mbr: TableFormat = {
  id: 'mbr',
  kind: 'table',
  name: 'MBR',

  probe(device: BlockDevice): Match | undefined {
    const record = readBootRecord(device);
    return record === undefined ? undefined : judge(device, record);
  },

  async open(device: BlockDevice, context: OpenContext): Promise<OpenedTable> {
    const record = readBootRecord(device);
    if (record === undefined) throw corrupt('MBR', 'the boot signature 55 AA is missing', 0, 512);
    const table = readTable(device, record);
    for (const note of table.notes) context.note(note);
    const uuid = table.diskSignature.toString(16).padStart(8, '0');
    return { label: '', uuid, sectorSize: table.sectorSize, details: [['Disk signature', `0x${uuid}`]], volumes: table.volumes, structures: new MbrStructures(device, table) };
  },
};

/** How much this sector looks like a partition table, with the kernel's own test first: each entry is active (80) or not (00). */
function judge(device: BlockDevice, record: BootRecord): Match | undefined {
  const entries = entriesOf(record);
  if (entries.some((entry) => entry.boot_indicator !== 0 && entry.boot_indicator !== 0x80)) return undefined;
  const evidence = ['boot signature 55 AA at 510'];
  const used = entries.filter((entry) => entry.size_in_lba !== 0);
  const filesystem = bootSectorOf(new Uint8Array(record.$view.buffer, record.$view.byteOffset, 512));
  if (used.length === 0) {
    // A filesystem's boot sector, or any sector that ends so, unless a tool that makes partition tables signed it.
    if (filesystem !== undefined || record.unique_mbr_signature === 0) return undefined;
    return { confidence: 20, evidence: [...evidence, 'no partitions, but a disk signature'] };
  }
  const inside = used.filter((entry) => entry.starting_lba > 0 && entry.starting_lba * 512 < device.size);
  evidence.push(`${used.length} partition ${used.length === 1 ? 'entry' : 'entries'}, ${inside.length} of them start inside the device`);
  if (filesystem !== undefined) {
    return { confidence: inside.length === used.length ? 25 : 10, evidence: [...evidence, `the sector is a ${filesystem} boot sector too`] };
  }
  if (used.some((entry) => entry.os_type === GPT_PROTECTIVE)) {
    return { confidence: 30, evidence: [...evidence, 'an entry of type 0xEE: the disk has, or had, a GPT'] };
  }
  const active = used.filter((entry) => entry.boot_indicator === 0x80).length;
  let confidence = 50;
  if (inside.length === used.length) confidence += 25;
  if (used.every((entry) => entry.os_type !== 0)) confidence += 10;
  if (active <= 1) confidence += 5;
  return { confidence: inside.length === 0 ? 15 : confidence, evidence };
}
