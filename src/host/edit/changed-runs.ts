import type { BlockDevice, Extent } from '../../engines/core/bytes/device.ts';
import { filled } from './filled.ts';
import { SECTOR, Sectors } from './sectors.ts';

/** Sectors that a fresh run has at least: what is shorter is kept with its bytes, and costs no second round of syncs where nothing else is fresh. */
const LEAST_FRESH = 32;

/** Sectors of zeros in the middle of a fresh run, at most: fewer than a block of most filesystems has, which they fill anyway. */
const MOST_GAP = 7;

/** What becomes of a sector. GAP: zeros stay zeros. */
const [SAME, REDO, FRESH, GAP] = [0, 1, 2, 3];

/** A run of sectors that change. */
export interface ChangedRun extends Extent {
  /** It was nothing but zeros. */
  readonly fresh: boolean;
}

/** Finds in what runs of sectors new bytes differ from those of a device. */
export class ChangedRuns {
  readonly #device: BlockDevice;
  readonly #fresh: boolean;
  #buffer = new Uint8Array(0);
  #kinds = new Uint8Array(0);

  /** @param fresh whether long runs of zeros are told apart */
  constructor(device: BlockDevice, fresh: boolean) {
    this.#device = device;
    this.#fresh = fresh;
  }

  /** What the device held at a run of the last call of `of`. Good until the next call. */
  old({ at, length }: Extent): Uint8Array {
    return this.#buffer.subarray(at, at + length);
  }

  /** @param at a multiple of 512 @returns runs, in bytes from `at`; fresh ones first */
  *of(at: number, now: Uint8Array): Iterable<ChangedRun> {
    const sectors = Math.ceil(now.length / SECTOR);
    if (this.#buffer.length < now.length) [this.#buffer, this.#kinds] = [new Uint8Array(now.length), new Uint8Array(sectors)];
    this.#compare(at, now);
    const kinds = this.#kinds;
    for (let from = 0; this.#fresh && from < sectors;) {
      if (kinds[from] !== FRESH) {
        from++;
        continue;
      }
      let end = from + 1;
      for (let to = end; to < sectors && to - end <= MOST_GAP && (kinds[to] === FRESH || kinds[to] === GAP); to++) if (kinds[to] === FRESH) end = to + 1;
      if (end - from >= LEAST_FRESH) {
        yield { at: from * SECTOR, length: Math.min(end * SECTOR, now.length) - from * SECTOR, fresh: true };
        kinds.fill(SAME, from, end);
      }
      from = end;
    }
    for (let from = 0; from < sectors; from++) {
      if (kinds[from] !== REDO && kinds[from] !== FRESH) continue;
      let end = from + 1;
      while (end < sectors && (kinds[end] === REDO || kinds[end] === FRESH)) end++;
      yield { at: from * SECTOR, length: Math.min(end * SECTOR, now.length) - from * SECTOR, fresh: false };
      from = end;
    }
  }

  /** Says of every sector what becomes of it. */
  #compare(at: number, now: Uint8Array): void {
    const [old, kinds] = [this.#buffer.subarray(0, now.length), this.#kinds];
    const [before, after] = [new Sectors(old), new Sectors(now)];
    let done = 0;
    const zerosTo = (end: number): void => {
      old.fill(0, done, end);
      for (let from = done; from < end; from += SECTOR) kinds[from / SECTOR] = after.isZero(from) ? GAP : FRESH;
    };
    for (const part of filled(this.#device, at, now.length)) {
      // Holes are of whole blocks, but where a part of a split image ends.
      const from = Math.max(done, Math.floor((part.at - at) / SECTOR) * SECTOR);
      const to = Math.min(now.length, Math.ceil((part.at - at + part.length) / SECTOR) * SECTOR);
      if (to <= from) continue;
      zerosTo(from);
      this.#device.read(at + from, old.subarray(from, to));
      for (let sector = from; sector < to; sector += SECTOR) {
        const zero = before.isZero(sector);
        if (before.isSame(after, sector)) kinds[sector / SECTOR] = zero ? GAP : SAME;
        else kinds[sector / SECTOR] = zero ? FRESH : REDO;
      }
      done = to;
    }
    zerosTo(now.length);
  }
}
