import { asExpected, type Explained, inHex, type Meanings } from '../../core/layout/annotate.ts';
import { attributeNames } from './attributes.ts';
import { headerCrc, type TableCopy } from './header.ts';
import { type GptEntry, type GptHeader, guidText, type ProtectiveEntry, utf16Text } from './layout.ts';
import { typeName, UNUSED } from './types.ts';

/** What the fields of a GUID partition table mean. */

/** @param copy the table that the header begins @param sector the whole sector that the header lies in */
export function headerMeanings(copy: TableCopy, sector: Uint8Array): Meanings<typeof GptHeader.fields> {
  const place = (lba: bigint): Explained => `at byte 0x${(lba * BigInt(copy.sectorSize)).toString(16)}`;
  return {
    signature: () => '"EFI PART"',
    revision: (value) => inHex(value, `${value >>> 16}.${value & 0xffff}`),
    header_crc32: (stored, { header_size: size }) => (size >= 92 && size <= sector.length ? asExpected(stored, headerCrc(sector, size), 'right') : inHex(stored)),
    my_lba: place,
    alternate_lba: place,
    first_usable_lba: place,
    last_usable_lba: place,
    disk_guid: (value) => guidText(value),
    partition_entry_lba: place,
    partition_entry_array_crc32: (value) => inHex(value, copy.entries === undefined ? undefined : copy.entriesSound ? 'right' : 'wrong'),
  };
}

export const entryMeanings = (sectorSize: number): Meanings<typeof GptEntry.fields> => ({
  partition_type_guid: (value) => {
    const guid = guidText(value);
    return guid === UNUSED ? 'not in use' : typeName(guid);
  },
  unique_partition_guid: (value) => guidText(value),
  starting_lba: (value) => `at byte 0x${(value * BigInt(sectorSize)).toString(16)}`,
  ending_lba: (value) => `the last byte is 0x${((value + 1n) * BigInt(sectorSize) - 1n).toString(16)}`,
  attributes: (value, entry) => {
    const type = guidText(entry.partition_type_guid);
    return inHex(value, attributeNames(value, type, typeName(type)).join(', '));
  },
  partition_name: (value) => `"${utf16Text(value)}"`,
});

export const protectiveMeanings: Meanings<typeof ProtectiveEntry.fields> = {
  boot_indicator: (value) => inHex(value),
  os_type: (value) => inHex(value, value === 0xee ? 'GPT protective' : value === 0 ? 'not in use' : 'an entry of a hybrid MBR'),
  size_in_lba: (value) => (value === 0xffffffff ? 'as much as fits' : undefined),
};
