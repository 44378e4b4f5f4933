import { type BlockDevice, readBytes } from '../../core/bytes/device.ts';
import { corrupt } from '../../core/errors.ts';
import type { JournalMap } from './journal/replay.ts';

/** The filesystem's blocks as recovery would leave them. Everything but the superblock is read through this. */
export interface Blocks {
  /** Bytes a block. */
  readonly blockSize: number;
  /** Blocks in all, as the superblock says. */
  readonly count: number;
  /**
   * A whole block. A view that is read-only by agreement.
   * @param structure what the block is, for the error: "extent block of inode 12"
   * @throws DiskError corrupt when the number lies outside the filesystem, io when it can't be read
   */
  get(block: number, structure: string): Uint8Array;
  /** Byte offset of a block on the engine's device, for places. */
  at(block: number): number;
}

/** What is changed of the blocks and not on the device yet: see write/transaction.ts. */
export interface Changes {
  readonly size: number;
  changed(block: number): Uint8Array | undefined;
}

/** Blocks over a device: metadata through `cached`, contents straight from `device`. */
export class DeviceBlocks implements Blocks {
  readonly blockSize: number;
  readonly count: number;
  readonly #device: BlockDevice;
  readonly #cached: BlockDevice;
  #map: JournalMap | undefined;
  /** The block numbers that the map has copies of, in ascending order. */
  #mapped: Float64Array = new Float64Array(0);
  #changes: Changes | undefined;

  /** @param cached the same bytes as `device`, for small repeated reads */
  constructor(device: BlockDevice, cached: BlockDevice, blockSize: number, count: number) {
    this.#device = device;
    this.#cached = cached;
    this.blockSize = blockSize;
    this.count = count;
  }

  /** Lays a journal's copies over the blocks from now on. */
  overlay(map: JournalMap): void {
    this.#map = map;
    this.#mapped = Float64Array.from(map.blocks()).toSorted();
  }

  /** Shows changes that the device does not have yet, from now on. There is no journal to be laid over by then: it was recovered. */
  follow(changes: Changes): void {
    this.#changes = changes;
  }

  at(block: number): number {
    return block * this.blockSize;
  }

  get(block: number, structure: string): Uint8Array {
    // The negated form also refuses NaN.
    if (!(block >= 0 && block < this.count)) throw corrupt(structure, `block ${block} is outside the filesystem of ${this.count} blocks`);
    const changed = this.#changes?.changed(block);
    if (changed !== undefined) return changed;
    if (this.#mapped.length !== 0) {
      const copy = this.#map?.get(block);
      if (copy !== undefined) return copy;
    }
    return readBytes(this.#cached, block * this.blockSize, this.blockSize);
  }

  /**
   * Fills `into` from byte `at` of the filesystem, past the cache: for file contents, in as few reads as there are runs.
   * @throws DiskError io
   */
  readRange(at: number, into: Uint8Array): void {
    const size = this.blockSize;
    const end = at + into.length;
    let from = at;
    for (let i = this.#firstMapped(Math.floor(at / size)); i < this.#mapped.length; i++) {
      const block = this.#mapped[i]!;
      if (block * size >= end) break;
      const start = Math.max(block * size, at);
      const stop = Math.min((block + 1) * size, end);
      if (start > from) this.#device.read(from, into.subarray(from - at, start - at));
      into.set(this.get(block, 'block of a file').subarray(start - block * size, stop - block * size), start - at);
      from = stop;
    }
    if (from === at) this.#device.read(at, into);
    else if (from < end) this.#device.read(from, into.subarray(from - at));
    if (this.#changes !== undefined && this.#changes.size > 0) this.#overlayChanges(this.#changes, at, into);
  }

  /** Symbolic links and attribute values are metadata: their blocks may be changed and not written yet. */
  #overlayChanges(changes: Changes, at: number, into: Uint8Array): void {
    const size = this.blockSize;
    const end = at + into.length;
    for (let block = Math.floor(at / size); block * size < end; block++) {
      const bytes = changes.changed(block);
      if (bytes === undefined) continue;
      const start = Math.max(block * size, at);
      into.set(bytes.subarray(start - block * size, Math.min(end - block * size, size)), start - at);
    }
  }

  /** A run of blocks in parts: those that lie on the device as they are, and single ones whose newest copy is in the journal. */
  *parts(block: number, count: number): Iterable<{ readonly block: number; readonly count: number; readonly inPlace: boolean }> {
    let next = block;
    for (let i = this.#firstMapped(block); i < this.#mapped.length && this.#mapped[i]! < block + count; i++) {
      const mapped = this.#mapped[i]!;
      if (mapped > next) yield { block: next, count: mapped - next, inPlace: true };
      yield { block: mapped, count: 1, inPlace: false };
      next = mapped + 1;
    }
    if (next < block + count) yield { block: next, count: block + count - next, inPlace: true };
  }

  /** Index in the sorted keys of the first that is not below `block`. */
  #firstMapped(block: number): number {
    let low = 0;
    let high = this.#mapped.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#mapped[middle]! < block) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
