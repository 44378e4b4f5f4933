import type { BlockDevice, Extent } from '../../engines/core/bytes/device.ts';

/** What of a range is in no hole, in order. */
export function* filled(device: BlockDevice, at: number, length: number): Iterable<Extent> {
  let from = at;
  for (const hole of device.holes?.(at, length) ?? []) {
    if (hole.at > from) yield { at: from, length: hole.at - from };
    from = hole.at + hole.length;
  }
  if (from < at + length) yield { at: from, length: at + length - from };
}

/** Reads a range, but for its holes: the system would make zeros for them, and keep these in memory. */
export function readFilled(device: BlockDevice, at: number, into: Uint8Array): void {
  let done = 0;
  for (const part of filled(device, at, into.length)) {
    const [from, to] = [part.at - at, part.at - at + part.length];
    into.fill(0, done, from);
    device.read(part.at, into.subarray(from, to));
    done = to;
  }
  into.fill(0, done);
}
