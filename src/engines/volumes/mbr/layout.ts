/** On-disk structures of the MBR partition table (UEFI 2.10 section 5.2.1; the extended chain has the same form). */
import { bytes, struct, u16, u32, u8, type View } from '../../core/layout/struct.ts';

/** One of the four entries. Cylinder, head and sector numbers are from before LBA and are ignored, as every kernel of today does. */
export const PartitionEntry = struct('mbr_partition', 16, {
  /** 0x80 active, 0x00 not; anything else and this is not a partition table. */
  boot_indicator: u8(0),
  starting_chs: bytes(1, 3),
  os_type: u8(4),
  ending_chs: bytes(5, 3),
  /** In sectors: of the disk; for logicals of their boot record; for links of the extended partition. */
  starting_lba: u32(8),
  size_in_lba: u32(12),
});
export type PartitionEntry = View<typeof PartitionEntry>;

/** Sector 0, and each extended boot record. */
export const BootRecord = struct('mbr', 512, {
  boot_code: bytes(0, 440),
  unique_mbr_signature: u32(440),
  unknown: u16(444),
  partition_record: bytes(446, 64),
  signature: u16(510),
});
export type BootRecord = View<typeof BootRecord>;

/** 55 AA, read as a little-endian number. */
export const SIGNATURE = 0xaa55;

/** Where the entries begin in a boot record. */
export const ENTRIES_AT = 446;

/** The four entries of a boot record. */
export function entriesOf(record: BootRecord): PartitionEntry[] {
  return [0, 1, 2, 3].map((i) => PartitionEntry.over(record.$view, record.$at + ENTRIES_AT + i * PartitionEntry.size));
}
