import { crc32 } from '../../codecs/crc32.ts';
import { type BlockDevice, readBytes } from '../../core/bytes/device.ts';
import { GptEntry, GptHeader, SIGNATURE } from './layout.ts';

/** The longest entry array that is read, in bytes: Linux stops at 4 MiB too. The usual one has 16 KiB. */
const MAX_ARRAY = 4 * 1024 * 1024;

/** Sector sizes in use: 512, and 4096 of 4Kn disks. */
export const SECTOR_SIZES = [512, 4096] as const;

/** One of the two copies of a table, as it was found. */
export interface TableCopy {
  readonly header: GptHeader;
  /** Byte offset of the header. */
  readonly at: number;
  /** Bytes. */
  readonly sectorSize: number;
  /** The header's CRC is right. */
  readonly headerSound: boolean;
  /** The entry array lies inside the device and its CRC is right. */
  readonly entriesSound: boolean;
  /** What is wrong with it, for people; empty when it is sound. */
  readonly problems: readonly string[];
  /** Byte offset of the entry array; undefined when it does not lie inside the device. */
  readonly entriesAt: number | undefined;
  readonly entries: Uint8Array | undefined;
}

/** The copy whose header is at byte `at`; undefined when there is no signature or nothing to read. Never throws for what it reads. */
export function readCopy(device: BlockDevice, at: number, sectorSize: number): TableCopy | undefined {
  const sector = tryRead(device, at, sectorSize);
  if (sector === undefined || !SIGNATURE.every((byte, i) => sector[i] === byte)) return undefined;
  const header = GptHeader.at(sector);
  const problems: string[] = [];

  const size = header.header_size;
  const headerSound = size >= GptHeader.size && size <= sectorSize && headerCrc(sector, size) === header.header_crc32;
  if (!headerSound) problems.push('the header checksum is wrong');
  else if (header.my_lba !== BigInt(at / sectorSize)) problems.push(`the header says that it is at LBA ${header.my_lba}`);

  const entrySize = header.size_of_partition_entry;
  const length = header.number_of_partition_entries * entrySize;
  const entriesAt = byteOffset(header.partition_entry_lba, sectorSize);
  if (entrySize < GptEntry.size || entrySize % 8 !== 0 || length > MAX_ARRAY) {
    problems.push(`${header.number_of_partition_entries} entries of ${entrySize} bytes are not a partition array`);
    return { header, at, sectorSize, headerSound, entriesSound: false, problems, entriesAt: undefined, entries: undefined };
  }
  const entries = entriesAt === undefined ? undefined : tryRead(device, entriesAt, length);
  if (entries === undefined) {
    problems.push('the partition entries lie outside the device or cannot be read');
    return { header, at, sectorSize, headerSound, entriesSound: false, problems, entriesAt: undefined, entries: undefined };
  }
  const entriesSound = crc32(entries) === header.partition_entry_array_crc32;
  if (!entriesSound) problems.push('the checksum of the partition entries is wrong');
  return { header, at, sectorSize, headerSound, entriesSound, problems, entriesAt, entries };
}

/** CRC-32 of the first `size` bytes with the CRC's own field as zeros. */
export function headerCrc(sector: Uint8Array, size: number): number {
  return crc32(sector.subarray(20, size), crc32(new Uint8Array(4), crc32(sector.subarray(0, 16))));
}

/** An LBA as a byte offset; undefined past 2^53, where no device of ours reaches. */
export function byteOffset(lba: bigint, sectorSize: number): number | undefined {
  const offset = lba * BigInt(sectorSize);
  return offset <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(offset) : undefined;
}

function tryRead(device: BlockDevice, at: number, length: number): Uint8Array | undefined {
  if (at < 0 || at + length > device.size) return undefined;
  try {
    return readBytes(device, at, length);
  } catch {
    // A sector that cannot be read is a damaged copy; the other copy is there for that.
    return undefined;
  }
}
