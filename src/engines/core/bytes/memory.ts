import { type BlockDevice, checkRange } from './device.ts';

/** A device over an array in memory: small images, tests, decoded metadata. */
export class MemoryDevice implements BlockDevice {
  readonly size: number;
  readonly blockSize: number;
  readonly #bytes: Uint8Array;

  /** @param bytes held, not copied */
  constructor(bytes: Uint8Array, blockSize = 512) {
    // A plain view: Node's Buffer is a Uint8Array whose slice() shares memory instead of copying, and views handed out would inherit that.
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    this.size = bytes.length;
    this.blockSize = blockSize;
  }

  read(at: number, into: Uint8Array): void {
    checkRange(this, at, into.length);
    into.set(this.#bytes.subarray(at, at + into.length));
  }

  view(at: number, length: number): Uint8Array {
    checkRange(this, at, length);
    return this.#bytes.subarray(at, at + length);
  }

  write(at: number, from: Uint8Array): void {
    checkRange(this, at, from.length);
    this.#bytes.set(from, at);
  }

  flush(): void {}

  close(): void {}
}
