import type { Volume } from '../core/probe.ts';

/**
 * The table's volumes in order of offset, with a 'free' volume for every run of bytes in [from, to) that none of them covers. Volumes may overlap
 * (a damaged or hostile table): what any of them claims is not free. Extended partitions hold others and claim nothing by themselves.
 * All in bytes.
 */
export function withFreeSpace(volumes: readonly Volume[], from: number, to: number): Volume[] {
  const ordered = volumes.toSorted(byOffset);
  const free: Volume[] = [];
  let end = from;
  for (const volume of ordered) {
    if (volume.kind === 'extended') continue;
    if (volume.offset > end && end < to) free.push(freeVolume(end, Math.min(volume.offset, to) - end));
    end = Math.max(end, volume.offset + volume.size);
  }
  if (end < to) free.push(freeVolume(end, to - end));
  return [...ordered, ...free].toSorted(byOffset);
}

/** Pairs of partitions that claim the same bytes, as they follow each other on the device: each is reported with the one before it that reaches furthest. */
export function overlaps(volumes: readonly Volume[]): [Volume, Volume][] {
  const found: [Volume, Volume][] = [];
  let furthest: Volume | undefined;
  for (const volume of volumes.toSorted(byOffset)) {
    if (volume.size === 0) continue;
    if (furthest !== undefined && volume.offset < furthest.offset + furthest.size) found.push([furthest, volume]);
    if (furthest === undefined || volume.offset + volume.size > furthest.offset + furthest.size) furthest = volume;
  }
  return found;
}

function freeVolume(offset: number, size: number): Volume {
  return { number: undefined, kind: 'free', offset, size, type: 'Unallocated', typeId: '', label: '', uuid: '', flags: [] };
}

/** An extended partition comes before the boot record at its start. */
function byOffset(a: Volume, b: Volume): number {
  return a.offset - b.offset || Number(b.kind === 'extended') - Number(a.kind === 'extended') || a.size - b.size;
}
