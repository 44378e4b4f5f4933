import type { Backing, BlockDevice, Extent } from './device.ts';

/** Another device's bytes, which nothing that has them can change. Closing it leaves the device open. */
export class ReadOnlyDevice implements BlockDevice {
  readonly below: BlockDevice;
  readonly size: number;
  readonly blockSize: number;

  constructor(below: BlockDevice) {
    this.below = below;
    this.size = below.size;
    this.blockSize = below.blockSize;
  }

  read(at: number, into: Uint8Array): void {
    this.below.read(at, into);
  }

  view(at: number, length: number): Uint8Array | undefined {
    return this.below.view?.(at, length);
  }

  holes(at: number, length: number): Iterable<Extent> {
    return this.below.holes?.(at, length) ?? [];
  }

  backing(at: number, length: number): Backing | undefined {
    return this.below.backing?.(at, length);
  }

  close(): void {}
}
