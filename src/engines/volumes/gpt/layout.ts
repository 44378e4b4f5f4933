/** On-disk structures of the GUID partition table (UEFI 2.10 sections 5.3.2 and 5.3.3), little-endian. */
import { bytes, struct, u32, u64, u8, type View } from '../../core/layout/struct.ts';

/** The header, at LBA 1 and again at the device's last LBA. */
export const GptHeader = struct('gpt_header', 92, {
  /** "EFI PART". */
  signature: bytes(0, 8),
  revision: u32(8),
  /** Bytes that header_crc32 covers, 92 at least. */
  header_size: u32(12),
  /** CRC-32 of the header with this field taken as zero. */
  header_crc32: u32(16),
  reserved: u32(20),
  my_lba: u64(24),
  alternate_lba: u64(32),
  first_usable_lba: u64(40),
  /** The last LBA that partitions may use, not the one after it. */
  last_usable_lba: u64(48),
  disk_guid: bytes(56, 16),
  partition_entry_lba: u64(72),
  number_of_partition_entries: u32(80),
  /** 128 × 2ⁿ. */
  size_of_partition_entry: u32(84),
  partition_entry_array_crc32: u32(88),
});
export type GptHeader = View<typeof GptHeader>;

/** One entry of the array; entries may be longer, the rest is reserved. */
export const GptEntry = struct('gpt_entry', 128, {
  partition_type_guid: bytes(0, 16),
  unique_partition_guid: bytes(16, 16),
  starting_lba: u64(32),
  /** Inclusive. */
  ending_lba: u64(40),
  attributes: u64(48),
  /** UTF-16LE, 36 units, ended by a zero unit where shorter. */
  partition_name: bytes(56, 72),
});
export type GptEntry = View<typeof GptEntry>;

/** A partition record of the protective MBR in sector 0, from byte 446 on (section 5.2.3). */
export const ProtectiveEntry = struct('protective_mbr_partition_record', 16, {
  boot_indicator: u8(0), starting_chs: bytes(1, 3), os_type: u8(4), ending_chs: bytes(5, 3), starting_lba: u32(8), size_in_lba: u32(12),
});

/** "EFI PART". */
export const SIGNATURE: readonly number[] = [0x45, 0x46, 0x49, 0x20, 0x50, 0x41, 0x52, 0x54];

/** Sixteen bytes as a GUID is spelled, in lower case: the first three groups are little-endian numbers. */
export function guidText(guid: Uint8Array): string {
  const hex = (...order: number[]): string => order.map((i) => guid[i]!.toString(16).padStart(2, '0')).join('');
  return `${hex(3, 2, 1, 0)}-${hex(5, 4)}-${hex(7, 6)}-${hex(8, 9)}-${hex(10, 11, 12, 13, 14, 15)}`;
}

/** UTF-16LE up to the first zero unit. Lone surrogates stay as they are, so that the units come back exactly. */
export function utf16Text(units: Uint8Array): string {
  let text = '';
  for (let i = 0; i + 1 < units.length; i += 2) {
    const unit = units[i]! | (units[i + 1]! << 8);
    if (unit === 0) break;
    text += String.fromCharCode(unit);
  }
  return text;
}
