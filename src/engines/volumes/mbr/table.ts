import { type BlockDevice, readBytes } from '../../core/bytes/device.ts';
import type { Note } from '../../core/filesystem.ts';
import type { Volume } from '../../core/probe.ts';
import { overlaps, withFreeSpace } from '../gaps.ts';
import { BootRecord, ENTRIES_AT, entriesOf, type PartitionEntry, SIGNATURE } from './layout.ts';
import { GPT_PROTECTIVE, isExtended, typeId, typeName } from './types.ts';

/** Most partitions of one disk; Linux stops there too (DISK_MAX_PARTS). The chain is a linked list on disk and could be made to go on for ever. */
const MAX_PARTITIONS = 256;

/** Most boot records without a partition in a row, as in the kernel's block/partitions/msdos.c. */
const MAX_EMPTY_LINKS = 100;

/** A table as it was read: volumes in order of offset, and what was odd about them. */
export interface MbrTable {
  readonly diskSignature: number;
  readonly sectorSize: number;
  readonly volumes: readonly Volume[];
  readonly notes: readonly Note[];
}

/** Sector 0 when it is a boot record; undefined when the device is too short, unreadable or not signed. */
export function readBootRecord(device: BlockDevice, at = 0): BootRecord | undefined {
  if (at + BootRecord.size > device.size) return undefined;
  let bytes: Uint8Array;
  try {
    bytes = readBytes(device, at, BootRecord.size);
  } catch {
    // An unreadable sector holds no table; the chain ends there with a note.
    return undefined;
  }
  const record = BootRecord.at(bytes);
  return record.signature === SIGNATURE ? record : undefined;
}

/** Reads the primary table and the chains of its extended partitions. Damage shortens the table and is noted, it never throws. */
export function readTable(device: BlockDevice, record: BootRecord): MbrTable {
  return new TableReader(device, record).read();
}

class TableReader {
  readonly #device: BlockDevice;
  readonly #record: BootRecord;
  readonly #sectorSize: number;
  readonly #volumes: Volume[] = [];
  readonly #notes: Note[] = [];
  #nextLogical = 5;

  constructor(device: BlockDevice, record: BootRecord) {
    this.#device = device;
    this.#record = record;
    this.#sectorSize = sectorSizeOf(device, record);
  }

  read(): MbrTable {
    const entries = entriesOf(this.#record);
    this.#volumes.push(this.#bootRecord(0, 'Master boot record'));
    entries.forEach((entry, i) => {
      // The kernel shows what has a size and fdisk what has a type; an entry with neither is unused.
      if (entry.size_in_lba === 0) {
        if (entry.os_type !== 0) this.#note('warning', `Partition ${i + 1} has a type but no size and is left out`, ENTRIES_AT + i * 16, 16);
        return;
      }
      const kind = isExtended(entry.os_type) ? 'extended' : 'partition';
      this.#add(kind, i + 1, entry.starting_lba * this.#sectorSize, entry);
    });
    // Logical partitions are numbered after all primaries, whichever entry the chain hangs on.
    for (const entry of entries) {
      if (entry.size_in_lba !== 0 && isExtended(entry.os_type)) this.#chain(entry);
    }
    this.#noteOverlaps();
    return {
      diskSignature: this.#record.unique_mbr_signature, sectorSize: this.#sectorSize,
      volumes: withFreeSpace(this.#volumes, 0, this.#device.size), notes: this.#notes,
    };
  }

  /** Follows one extended partition's boot records (the rules are those of the kernel's parse_extended). */
  #chain(extended: PartitionEntry): void {
    const first = extended.starting_lba * this.#sectorSize;
    const end = first + extended.size_in_lba * this.#sectorSize;
    const seen = new Set<number>();
    let at = first;
    let size = end - first;
    let emptyLinks = 0;
    for (;;) {
      if (seen.has(at)) return this.#note('error', 'The chain of logical partitions runs in a circle; it is cut there', at, 512);
      seen.add(at);
      const record = readBootRecord(this.#device, at);
      if (record === undefined) return this.#note('warning', 'The chain of logical partitions ends in a sector without a boot record', at, 512);
      this.#volumes.push(this.#bootRecord(at, 'Extended boot record'));
      const entries = entriesOf(record);
      const before = this.#nextLogical;
      for (const [i, entry] of entries.entries()) {
        if (entry.size_in_lba === 0 || isExtended(entry.os_type)) continue;
        const offset = at + entry.starting_lba * this.#sectorSize;
        const length = entry.size_in_lba * this.#sectorSize;
        // The third and fourth entry often hold garbage: they count only where they fit into the extended partition.
        if (i >= 2 && (offset + length > at + size || offset < first || offset + length > end)) continue;
        if (this.#nextLogical > MAX_PARTITIONS) return this.#note('error', `There are more than ${MAX_PARTITIONS} partitions; the rest is left out`, at, 512);
        if (offset < first || offset + length > end) this.#note('warning', `Partition ${this.#nextLogical} reaches out of its extended partition`, at + ENTRIES_AT + i * 16, 16);
        this.#add('partition', this.#nextLogical++, offset, entry);
      }
      const link = entries.find((entry) => entry.size_in_lba !== 0 && isExtended(entry.os_type));
      if (link === undefined) return undefined;
      emptyLinks = this.#nextLogical === before ? emptyLinks + 1 : 0;
      if (emptyLinks > MAX_EMPTY_LINKS) return this.#note('error', `More than ${MAX_EMPTY_LINKS} extended boot records without a partition; the chain is cut there`, at, 512);
      at = first + link.starting_lba * this.#sectorSize;
      size = link.size_in_lba * this.#sectorSize;
    }
  }

  #add(kind: 'partition' | 'extended', number: number, offset: number, entry: PartitionEntry): void {
    const size = entry.size_in_lba * this.#sectorSize;
    if (offset + size > this.#device.size) {
      this.#note('warning', `Partition ${number} reaches ${offset + size - this.#device.size} bytes past the end of the device`, offset, size);
    }
    const signature = this.#record.unique_mbr_signature.toString(16).padStart(8, '0');
    this.#volumes.push({
      number, kind, offset, size, type: entry.os_type === GPT_PROTECTIVE ? 'GPT protective' : typeName(entry.os_type), typeId: typeId(entry.os_type), label: '',
      uuid: `${signature}-${number.toString(16).padStart(2, '0')}`, flags: entry.boot_indicator === 0x80 ? ['active'] : [],
    });
  }

  #bootRecord(offset: number, type: string): Volume {
    return { number: undefined, kind: 'metadata', offset, size: Math.min(this.#sectorSize, this.#device.size - offset), type, typeId: '', label: '', uuid: '', flags: [] };
  }

  #noteOverlaps(): void {
    const claims = this.#volumes.filter((volume) => volume.kind === 'partition' || volume.offset === 0);
    for (const [a, b] of overlaps(claims)) this.#note('warning', `${nameOf(b)} overlaps ${nameOf(a).toLowerCase()}`, b.offset, b.size);
  }

  #note(severity: Note['severity'], message: string, at: number, length: number): void {
    this.#notes.push({ severity, message, place: { structure: 'MBR partition table', at, length } });
  }
}

function nameOf(volume: Volume): string {
  return volume.number === undefined ? 'The boot record' : `Partition ${volume.number}`;
}

/**
 * The table counts in sectors but does not say how long they are: 512 bytes, unless the device itself has longer ones
 * or the first extended boot record is only found with 4096 (a copy of a 4Kn disk in a file).
 */
function sectorSizeOf(device: BlockDevice, record: BootRecord): number {
  const extended = entriesOf(record).filter((entry) => entry.size_in_lba !== 0 && isExtended(entry.os_type));
  const sizes = device.blockSize === 4096 ? [4096, 512] : [512, 4096];
  return sizes.find((size) => extended.some((entry) => readBootRecord(device, entry.starting_lba * size) !== undefined)) ?? sizes[0]!;
}
