/** Partition tables made in memory, for tests that damage them and for the fuzzer. */
import { crc32 } from '../codecs/crc32.ts';
import { headerCrc } from '../volumes/gpt/header.ts';
import { GptEntry, GptHeader, SIGNATURE } from '../volumes/gpt/layout.ts';
import { BootRecord, PartitionEntry, SIGNATURE as BOOT_SIGNATURE } from '../volumes/mbr/layout.ts';

/** An entry of an MBR or of an extended boot record, in sectors. */
export interface MbrEntry {
  readonly type: number;
  readonly start: number;
  readonly size: number;
  readonly active?: boolean;
}

/** Writes a boot record with up to four entries at byte `at`. */
export function writeBootRecord(image: Uint8Array, at: number, entries: readonly MbrEntry[], signature = 0): void {
  const record = BootRecord.at(image, at);
  record.unique_mbr_signature = signature;
  record.signature = BOOT_SIGNATURE;
  entries.forEach(({ type, start, size, active }, i) => {
    const entry = PartitionEntry.at(image, at + 446 + i * 16);
    entry.boot_indicator = active ? 0x80 : 0;
    entry.os_type = type;
    entry.starting_lba = start;
    entry.size_in_lba = size;
  });
}

/** A partition of a GPT, in sectors; `last` is inclusive. */
export interface GptPartition {
  readonly first: number;
  readonly last: number;
  readonly name?: string;
}

/** Writes a protective MBR and both copies of a table with 128 entries, all checksums right. */
export function writeGpt(image: Uint8Array, partitions: readonly GptPartition[], sectorSize = 512): void {
  const sectors = Math.floor(image.length / sectorSize);
  const arraySectors = (128 * GptEntry.size) / sectorSize;
  writeBootRecord(image, 0, [{ type: 0xee, start: 1, size: sectors - 1 }]);
  const entries = new Uint8Array(128 * GptEntry.size);
  partitions.forEach(({ first, last, name = '' }, i) => {
    const entry = GptEntry.at(entries, i * GptEntry.size);
    // The GUID of "Linux filesystem", in its order on disk.
    entry.partition_type_guid = Uint8Array.of(0xaf, 0x3d, 0xc6, 0x0f, 0x83, 0x84, 0x72, 0x47, 0x8e, 0x79, 0x3d, 0x69, 0xd8, 0x47, 0x7d, 0xe4);
    entry.unique_partition_guid = new Uint8Array(16).fill(i + 1);
    entry.starting_lba = BigInt(first);
    entry.ending_lba = BigInt(last);
    for (let k = 0; k < name.length; k++) new DataView(entries.buffer).setUint16(i * GptEntry.size + 56 + k * 2, name.charCodeAt(k), true);
  });
  const copies = [{ at: 1, other: sectors - 1, array: 2 }, { at: sectors - 1, other: 1, array: sectors - 1 - arraySectors }];
  for (const { at, other, array } of copies) {
    image.set(entries, array * sectorSize);
    const header = GptHeader.at(image, at * sectorSize);
    header.signature = Uint8Array.from(SIGNATURE);
    header.revision = 0x10000;
    header.header_size = GptHeader.size;
    header.my_lba = BigInt(at);
    header.alternate_lba = BigInt(other);
    header.first_usable_lba = BigInt(2 + arraySectors);
    header.last_usable_lba = BigInt(sectors - 2 - arraySectors);
    header.disk_guid = new Uint8Array(16).fill(0xd1);
    header.partition_entry_lba = BigInt(array);
    header.number_of_partition_entries = 128;
    header.size_of_partition_entry = GptEntry.size;
    header.partition_entry_array_crc32 = crc32(entries);
    sealGptHeader(image, at * sectorSize);
  }
}

/** Makes the header's checksum right again after a change. */
export function sealGptHeader(image: Uint8Array, at: number): void {
  const header = GptHeader.at(image, at);
  const size = Math.min(header.header_size, image.length - at);
  header.header_crc32 = headerCrc(image.subarray(at, at + size), size);
}
