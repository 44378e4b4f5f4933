import { corrupt } from '../../core/errors.ts';
import type { DeviceBlocks } from './blocks.ts';

/** Logical blocks of a file that lie together on the device, or that are a hole together. */
export interface Run {
  readonly logical: number;
  /** Blocks; Infinity for the hole behind the last mapped block. */
  readonly count: number;
  /** The filesystem block of the first; undefined for a hole. */
  readonly physical: number | undefined;
  /** Allocated but reads as zeros. */
  readonly unwritten: boolean;
}

/** Where a file's blocks lie: by extents or by block numbers. */
export interface Mapping {
  /**
   * The run from `logical` on. It need not be as long as it could be.
   * @throws DiskError corrupt
   */
  find(logical: number): Run;
  /** No sound file has more runs: what walks over all of them stops there. */
  readonly mostRuns: number;
}

/** A hole. */
export function hole(logical: number, count: number): Run {
  return { logical, count, physical: undefined, unwritten: false };
}

/** Holes of a map beside those that its mapped runs account for: none of a sound map's blocks is without a mapped one, so at most seven lie between two. */
const MOST_HOLES = 16_384;
const HOLES_A_RUN = 8;

/** The mapped runs of a file in order, those that follow one another on the device as one. @throws DiskError corrupt */
export function* mappedRuns(mapping: Mapping): Iterable<Run & { readonly physical: number }> {
  let held: (Run & { readonly physical: number }) | undefined;
  let steps = 0;
  let holes = 0;
  for (let logical = 0; ;) {
    const run = mapping.find(logical);
    const { physical } = run;
    if (physical !== undefined) {
      if (held !== undefined && held.unwritten === run.unwritten && held.logical + held.count === logical && held.physical + held.count === physical) {
        held = { ...held, count: held.count + run.count };
      } else {
        if (held !== undefined) yield held;
        held = { ...run, physical };
      }
      holes -= HOLES_A_RUN;
    } else if (++holes > MOST_HOLES) {
      // Shared indirect blocks without a number spell hundreds of millions of holes; nobody who walks over runs gets a turn before the next one.
      throw corrupt('block map', `it is made of holes, ${MOST_HOLES} more than its blocks account for, up to logical block ${logical}`);
    }
    // Shared indirect blocks can spell a map of 2^30 runs in three blocks.
    if (run.count === Infinity || ++steps > mapping.mostRuns) break;
    logical += run.count;
  }
  if (held !== undefined) yield held;
}

/** Fills `into` from byte `at` of a mapped file: one read a run. Holes and unwritten extents are zeros. @throws DiskError */
export function readMapped(mapping: Mapping, blocks: DeviceBlocks, at: number, into: Uint8Array): void {
  const size = blocks.blockSize;
  for (let done = 0; done < into.length;) {
    const logical = Math.floor((at + done) / size);
    const run = mapping.find(logical);
    const skip = at + done - logical * size;
    const length = Math.min(into.length - done, run.count * size - skip);
    const part = length === into.length ? into : into.subarray(done, done + length);
    if (run.physical === undefined || run.unwritten) part.fill(0);
    else blocks.readRange(run.physical * size + skip, part);
    done += length;
  }
}
