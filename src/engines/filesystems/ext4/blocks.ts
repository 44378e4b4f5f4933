import { type BlockDevice, readBytes } from '../../core/bytes/device.ts';
import { corrupt } from '../../core/errors.ts';

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

/** Where the newest committed copy of a filesystem block lies. */
export interface JournalCopy {
  /** Filesystem block number of the copy (inside the journal). */
  readonly block: number;
  /** The copy's first four bytes were zeroed because they spelled the journal's magic (JBD2_FLAG_ESCAPE). */
  readonly escaped: boolean;
}

/** Filesystem block → its copy in the journal. Laid over the blocks, so that an image that needs recovery reads as if recovered. */
export type JournalMap = ReadonlyMap<number, JournalCopy>;

/** JBD2_MAGIC_NUMBER, big-endian on disk. */
const JOURNAL_MAGIC = [0xc0, 0x3b, 0x39, 0x98] as const;

/** Blocks over a device: metadata through `cached`, contents straight from `device`. */
export class DeviceBlocks implements Blocks {
  readonly blockSize: number;
  readonly count: number;
  readonly #device: BlockDevice;
  readonly #cached: BlockDevice;
  #map: JournalMap = new Map();
  /** Keys of the map in ascending order. */
  #mapped: Float64Array = new Float64Array(0);

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
    this.#mapped = Float64Array.from(map.keys()).sort();
  }

  at(block: number): number {
    return block * this.blockSize;
  }

  get(block: number, structure: string): Uint8Array {
    // The negated form also refuses NaN.
    if (!(block >= 0 && block < this.count)) throw corrupt(structure, `block ${block} is outside the filesystem of ${this.count} blocks`);
    if (this.#mapped.length !== 0) {
      const copy = this.#map.get(block);
      if (copy !== undefined) return this.#copied(copy);
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
      into.set(this.#copied(this.#map.get(block)!).subarray(start - block * size, stop - block * size), start - at);
      from = stop;
    }
    if (from === at) this.#device.read(at, into);
    else if (from < end) this.#device.read(from, into.subarray(from - at));
  }

  /** True when no block of the run has a copy in the journal: its bytes lie on the device as they are. */
  isPlain(block: number, count: number): boolean {
    const i = this.#firstMapped(block);
    return i === this.#mapped.length || this.#mapped[i]! >= block + count;
  }

  #copied(copy: JournalCopy): Uint8Array {
    const bytes = readBytes(this.#cached, copy.block * this.blockSize, this.blockSize);
    if (!copy.escaped) return bytes;
    const restored = bytes.slice();
    restored.set(JOURNAL_MAGIC);
    return restored;
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
