/**
 * Attribute bits by name: those of every type (UEFI 2.10 table 5.8), then the upper sixteen, whose meaning is the type's own: Microsoft's
 * basic data (PARTITION_BASIC_DATA_ATTRIBUTES), systemd's Discoverable Partitions Specification, ChromeOS kernels.
 */
const COMMON: readonly (readonly [bit: number, name: string])[] = [[0, 'required'], [1, 'no block IO'], [2, 'legacy BIOS bootable']];
const MICROSOFT: readonly (readonly [bit: number, name: string])[] = [[60, 'read-only'], [61, 'shadow copy'], [62, 'hidden'], [63, 'no automount']];
const DISCOVERABLE: readonly (readonly [bit: number, name: string])[] = [[59, 'grow filesystem'], [60, 'read-only'], [63, 'no automount']];

const MICROSOFT_BASIC_DATA = 'ebd0a0a2-b9e5-4433-87c0-68b6b72699c7';
const CHROMEOS_KERNEL = 'fe3a2a5d-4f32-41a7-b725-accc3285a309';

/** The names of the bits that are set; "bit 47" where a bit has no name. */
export function attributeNames(attributes: bigint, typeGuid: string, typeName: string): string[] {
  const names: string[] = [];
  let rest = attributes;
  const take = (bits: readonly (readonly [number, string])[]): void => {
    for (const [bit, name] of bits) {
      if ((rest >> BigInt(bit)) & 1n) names.push(name);
      rest &= ~(1n << BigInt(bit));
    }
  };
  take(COMMON);
  if (typeGuid === MICROSOFT_BASIC_DATA) take(MICROSOFT);
  else if (typeName.startsWith('Linux')) take(DISCOVERABLE);
  else if (typeGuid === CHROMEOS_KERNEL) {
    names.push(`priority ${(rest >> 48n) & 15n}`, `${(rest >> 52n) & 15n} tries left`);
    take([[56, 'successful']]);
    rest &= ~(0xffn << 48n);
  }
  for (let bit = 0; bit < 64; bit++) {
    if ((rest >> BigInt(bit)) & 1n) names.push(`bit ${bit}`);
  }
  return names;
}
