import { type Backing, type BlockDevice, checkRange, type Extent } from './device.ts';

/** A window onto a part of another device: a partition, an image inside an image. Closing it leaves the device open. */
export class SliceDevice implements BlockDevice {
  readonly size: number;
  readonly blockSize: number;
  readonly #below: BlockDevice;
  readonly #at: number;

  /**
   * @param at first byte on `below`
   * @param size bytes; the slice must lie inside `below`
   */
  constructor(below: BlockDevice, at: number, size: number, blockSize = below.blockSize) {
    checkRange(below, at, size);
    this.#below = below;
    this.#at = at;
    this.size = size;
    this.blockSize = blockSize;
    if (below.write) this.write = (offset, from) => { checkRange(this, offset, from.length); below.write!(at + offset, from); };
    if (below.flush) this.flush = () => below.flush!();
  }

  readonly write?: (at: number, from: Uint8Array) => void;
  readonly flush?: () => void;

  read(at: number, into: Uint8Array): void {
    checkRange(this, at, into.length);
    this.#below.read(this.#at + at, into);
  }

  view(at: number, length: number): Uint8Array | undefined {
    checkRange(this, at, length);
    return this.#below.view?.(this.#at + at, length);
  }

  *holes(at: number, length: number): Iterable<Extent> {
    checkRange(this, at, length);
    for (const hole of this.#below.holes?.(this.#at + at, length) ?? []) yield { at: hole.at - this.#at, length: hole.length };
  }

  backing(at: number, length: number): Backing | undefined {
    checkRange(this, at, length);
    return this.#below.backing?.(this.#at + at, length);
  }

  close(): void {}
}
