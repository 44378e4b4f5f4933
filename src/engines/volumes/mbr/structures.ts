import { type BlockDevice } from '../../core/bytes/device.ts';
import { type Landmark, type Structure, type Structures, structureOf } from '../../core/layout/annotate.ts';
import { BootRecord, entriesOf, PartitionEntry, ENTRIES_AT } from './layout.ts';
import { bootRecordMeanings, entryMeanings } from './meanings.ts';
import { type MbrTable, readBootRecord } from './table.ts';
import { isExtended } from './types.ts';

/** A boot record of the table: the master's at 0, then those of the extended chain as the table was read (their number is bounded there). */
export class MbrStructures implements Structures {
  readonly #device: BlockDevice;
  readonly #sectorSize: number;
  readonly #records: readonly number[];
  /** Where the links of the chain count from: the first extended partition. */
  readonly #extendedAt: number;

  constructor(device: BlockDevice, table: MbrTable) {
    this.#device = device;
    this.#sectorSize = table.sectorSize;
    // The table calls its boot records its own regions.
    this.#records = table.volumes.filter((volume) => volume.kind === 'metadata').map((volume) => volume.offset);
    this.#extendedAt = table.volumes.find((volume) => volume.kind === 'extended')?.offset ?? 0;
  }

  *within(at: number, length: number): Iterable<Structure> {
    for (const record of this.#records) {
      if (record < at + length && record + BootRecord.size > at) yield* this.#record(record);
    }
  }

  *landmarks(): Iterable<Landmark> {
    for (const at of this.#records) yield { at, length: BootRecord.size, name: recordName(at) };
  }

  *#record(at: number): Iterable<Structure> {
    const record = readBootRecord(this.#device, at);
    if (record === undefined) return;
    const bytes = new Uint8Array(record.$view.buffer, record.$view.byteOffset + record.$at, BootRecord.size);
    const whole = structureOf(BootRecord, bytes, 0, at, recordName(at), bootRecordMeanings);
    if (whole !== undefined) yield whole;
    for (const [i, { os_type: type }] of entriesOf(record).entries()) {
      const from = ENTRIES_AT + i * PartitionEntry.size;
      const name = at === 0 ? `MBR partition ${i + 1}` : `entry ${i + 1} of the boot record at sector ${at / this.#sectorSize}`;
      const base = at === 0 ? 0 : isExtended(type) ? this.#extendedAt : at;
      const entry = structureOf(PartitionEntry, bytes, from, at + from, name, entryMeanings(base, this.#sectorSize));
      if (entry !== undefined) yield entry;
    }
  }
}

function recordName(at: number): string {
  return at === 0 ? 'master boot record' : 'extended boot record';
}
