import type { BlockDevice } from '../../engines/core/bytes/device.ts';
import { readFilled } from './filled.ts';
import { SECTOR, Sectors } from './sectors.ts';
import type { SidecarRecord } from './sidecar-reader.ts';

/** How much of a record's changes an image has. In sectors; zeros that stay zeros count for nothing, and what a witness should hold as `now`. */
export interface Standing {
  /** Have the new bytes. */
  readonly now: number;
  /** Have the old bytes, which are others than the new ones. */
  readonly before: number;
  /** Have neither: the image is another one, or was changed since. */
  readonly neither: number;
}

/** Compares one record with the image. */
export function standingOf(record: SidecarRecord, image: BlockDevice): Standing {
  const there = new Uint8Array(record.length);
  readFilled(image, record.at, there);
  const sectors = new Sectors(there);
  const matching = record.match(0, there);
  const target = record.kind === 'redo' ? new Sectors(record.bytes) : undefined;
  let [now, before, neither] = [0, 0, 0];
  for (const [i, matches] of matching.entries()) {
    const fits = matches === 1;
    const at = i * SECTOR;
    // The sums of a redo record are of the old bytes, the others of those that are to be there.
    if (target !== undefined) {
      if (sectors.isSame(target, at)) now++;
      else if (fits) before++;
      else neither++;
    } else if (record.kind === 'fresh' && sectors.isZero(at)) {
      if (!fits) before++;
    } else if (fits) now++;
    else neither++;
  }
  return { now, before, neither };
}
