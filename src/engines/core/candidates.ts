import { type BlockDevice, readBytes } from './bytes/device.ts';
import type { Candidate, RegistryEntry } from './probe.ts';

/**
 * Asks every format that may match. All matches, best first.
 * @param deep searches for backups too; done by itself when nothing matched
 */
export async function probe(device: BlockDevice, registry: readonly RegistryEntry[], deep = false): Promise<Candidate[]> {
  const found: Candidate[] = [];
  for (const entry of registry) {
    if (entry.serves !== undefined) continue;
    if (!entry.magics.some((magic) => hasMagic(device, magic)) && !(deep && entry.deep)) continue;
    const format = await entry.load();
    const match = format.probe(device, deep);
    if (match !== undefined) found.push({ format, match });
  }
  if (found.length === 0 && !deep) return probe(device, registry, true);
  return found.toSorted((a, b) => b.match.confidence - a.match.confidence);
}

function hasMagic(device: BlockDevice, magic: RegistryEntry['magics'][number]): boolean {
  const at = magic.at < 0 ? device.size + magic.at : magic.at;
  if (at < 0 || at + magic.bytes.length > device.size) return false;
  try {
    const there = readBytes(device, at, magic.bytes.length);
    return magic.bytes.every((byte, i) => there[i] === byte);
  } catch {
    // An unreadable sector is no evidence for a format; opening what does match reports it with its place.
    return false;
  }
}

/** What bytes are called that nothing matched. */
export const UNKNOWN = { format: 'unknown', title: 'Unknown', evidence: ['no known format matched'] };

/** What is told of bytes that no format has. */
export function describeUnknown(device: BlockDevice): { kind: 'unknown'; format: string; title: string; evidence: readonly string[] } {
  if (device.size === 0) return { kind: 'unknown', format: 'empty', title: 'Empty', evidence: ['it has no bytes'] };
  const length = Math.min(device.size, 64 * 1024);
  let empty = true;
  try {
    empty = readBytes(device, 0, length).every((byte) => byte === 0);
  } catch {
    return { kind: 'unknown', format: 'unknown', title: 'Unreadable', evidence: ['the first bytes cannot be read'] };
  }
  return empty
    ? { kind: 'unknown', format: 'empty', title: 'Empty', evidence: [`the first ${length} bytes are zero`] }
    : { kind: 'unknown', ...UNKNOWN };
}
