import { type Backing, type BlockDevice, checkRange } from './device.ts';

/** Devices one after another: split images, linear volumes. Closing it closes its parts. */
export class ConcatDevice implements BlockDevice {
  readonly size: number;
  readonly blockSize: number;
  readonly #parts: readonly BlockDevice[];
  /** First byte of each part, and the end last. */
  readonly #starts: number[];

  constructor(parts: readonly BlockDevice[]) {
    this.#parts = parts;
    this.#starts = [0];
    for (const part of parts) this.#starts.push(this.#starts[this.#starts.length - 1]! + part.size);
    this.size = this.#starts[parts.length]!;
    this.blockSize = parts.reduce((most, part) => Math.max(most, part.blockSize), 512);
  }

  read(at: number, into: Uint8Array): void {
    checkRange(this, at, into.length);
    let done = 0;
    for (let i = this.#find(at); done < into.length; i++) {
      const part = this.#parts[i]!;
      const inPart = at + done - this.#starts[i]!;
      const length = Math.min(into.length - done, part.size - inPart);
      if (length > 0) part.read(inPart, into.subarray(done, done + length));
      done += length;
    }
  }

  view(at: number, length: number): Uint8Array | undefined {
    checkRange(this, at, length);
    const i = this.#find(at);
    const part = this.#parts[i];
    const inPart = at - this.#starts[i]!;
    return part !== undefined && inPart + length <= part.size ? part.view?.(inPart, length) : undefined;
  }

  backing(at: number, length: number): Backing | undefined {
    checkRange(this, at, length);
    const i = this.#find(at);
    const part = this.#parts[i];
    const inPart = at - this.#starts[i]!;
    return part !== undefined && inPart + length <= part.size ? part.backing?.(inPart, length) : undefined;
  }

  close(): void {
    for (const part of this.#parts) part.close();
  }

  /** Index of the part that holds byte `at` (binary search: a split image may have hundreds of parts). */
  #find(at: number): number {
    let low = 0;
    let high = this.#parts.length;
    while (low + 1 < high) {
      const middle = (low + high) >>> 1;
      if (this.#starts[middle]! <= at) low = middle;
      else high = middle;
    }
    return low;
  }
}
