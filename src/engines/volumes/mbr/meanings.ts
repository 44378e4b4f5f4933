import { asExpected, inHex, type Meanings, sizeText } from '../../core/layout/annotate.ts';
import { type BootRecord, type PartitionEntry, SIGNATURE } from './layout.ts';
import { typeName } from './types.ts';

/** What the fields of boot records mean. */

export const bootRecordMeanings: Meanings<typeof BootRecord.fields> = {
  unique_mbr_signature: (value) => inHex(value, 'disk signature'),
  signature: (value) => asExpected(value, SIGNATURE, 'boot record'),
};

/** @param base the byte offset that starting_lba counts from */
export const entryMeanings = (base: number, sectorSize: number): Meanings<typeof PartitionEntry.fields> => ({
  boot_indicator: (value) => inHex(value, value === 0x80 ? 'active' : value === 0 ? 'not active' : 'impossible'),
  os_type: (value) => inHex(value, value === 0 ? 'not in use' : typeName(value)),
  starting_lba: (value) => `at byte 0x${(base + value * sectorSize).toString(16)}`,
  size_in_lba: (value) => sizeText(value * sectorSize),
});
