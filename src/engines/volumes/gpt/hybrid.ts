import { type BlockDevice, readBytes } from '../../core/bytes/device.ts';

/**
 * What sector 0 of a GPT disk says (UEFI 2.10 section 5.2.3). 'protective': one entry of type 0xEE. 'hybrid': further entries besides it,
 * which old systems take for the partitions, so that the two tables may contradict each other. 'missing': no 0xEE entry.
 */
export interface ProtectiveMbr {
  readonly kind: 'protective' | 'hybrid' | 'missing';
  /** Types of the entries other than 0xEE, as "0x83". */
  readonly others: readonly string[];
}

export function readProtectiveMbr(device: BlockDevice): ProtectiveMbr {
  let sector: Uint8Array;
  try {
    sector = readBytes(device, 0, 512);
  } catch {
    // Sector 0 is unreadable: the GPT is sound without it, and that it is missing is reported.
    return { kind: 'missing', others: [] };
  }
  if (sector[510] !== 0x55 || sector[511] !== 0xaa) return { kind: 'missing', others: [] };
  const types = [0, 1, 2, 3].map((i) => sector[446 + i * 16 + 4]!).filter((type) => type !== 0);
  const others = types.filter((type) => type !== 0xee).map((type) => `0x${type.toString(16).padStart(2, '0')}`);
  if (others.length === types.length) return { kind: 'missing', others };
  return { kind: others.length === 0 ? 'protective' : 'hybrid', others };
}
