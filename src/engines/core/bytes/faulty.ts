import { ioError } from '../errors.ts';
import type { BlockDevice } from './device.ts';

/** What goes wrong, and when. Offsets in bytes. */
export interface Faults {
  /** Reads that touch this range fail, as on a disk with bad sectors. */
  readonly badRanges?: readonly { readonly at: number; readonly length: number }[];
  /** After this many reads every read fails, as on a disk that was pulled out. */
  readonly readsBeforeLoss?: number;
  /** After this many writes every write fails. */
  readonly writesBeforeLoss?: number;
}

/** A device that fails on purpose. */
export class FaultyDevice implements BlockDevice {
  readonly size: number;
  readonly blockSize: number;
  readonly #below: BlockDevice;
  readonly #faults: Faults;
  #reads = 0;
  #writes = 0;

  constructor(below: BlockDevice, faults: Faults) {
    this.#below = below;
    this.#faults = faults;
    this.size = below.size;
    this.blockSize = below.blockSize;
    if (below.write) {
      this.write = (at, from) => {
        if (this.#writes++ >= (faults.writesBeforeLoss ?? Infinity)) throw ioError(`Write of ${from.length} bytes at ${at} failed`, { structure: 'device', at, length: from.length });
        below.write!(at, from);
      };
    }
    if (below.flush) this.flush = () => below.flush!();
  }

  readonly write?: (at: number, from: Uint8Array) => void;
  readonly flush?: () => void;

  read(at: number, into: Uint8Array): void {
    const bad = this.#faults.badRanges?.some((range) => at < range.at + range.length && range.at < at + into.length) ?? false;
    if (bad || this.#reads++ >= (this.#faults.readsBeforeLoss ?? Infinity)) {
      throw ioError(`Read of ${into.length} bytes at ${at} failed`, { structure: 'device', at, length: into.length });
    }
    this.#below.read(at, into);
  }

  close(): void {
    this.#below.close();
  }
}
