import { type Backing, type BlockDevice, checkRange, type Extent } from './device.ts';

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
    if (parts.every((part) => part.write !== undefined)) this.write = (at, from) => this.#pieces(at, from, (part, inPart, bytes) => part.write!(inPart, bytes));
    if (parts.some((part) => part.flush !== undefined)) this.flush = () => { for (const part of parts) part.flush?.(); };
  }

  readonly write?: (at: number, from: Uint8Array) => void;
  readonly flush?: () => void;

  read(at: number, into: Uint8Array): void {
    this.#pieces(at, into, (part, inPart, bytes) => part.read(inPart, bytes));
  }

  view(at: number, length: number): Uint8Array | undefined {
    checkRange(this, at, length);
    const i = this.#find(at);
    const part = this.#parts[i];
    const inPart = at - this.#starts[i]!;
    return part !== undefined && inPart + length <= part.size ? part.view?.(inPart, length) : undefined;
  }

  *holes(at: number, length: number): Iterable<Extent> {
    checkRange(this, at, length);
    for (let i = this.#find(at), from = at; from < at + length; i++) {
      const [part, start] = [this.#parts[i]!, this.#starts[i]!];
      const to = Math.min(at + length, start + part.size);
      if (to > from) for (const hole of part.holes?.(from - start, to - from) ?? []) yield { at: start + hole.at, length: hole.length };
      from = Math.max(from, to);
    }
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

  /** Takes a range apart: what of it lies in which part, and where in it. */
  #pieces(at: number, bytes: Uint8Array, each: (part: BlockDevice, inPart: number, bytes: Uint8Array) => void): void {
    checkRange(this, at, bytes.length);
    let done = 0;
    for (let i = this.#find(at); done < bytes.length; i++) {
      const part = this.#parts[i]!;
      const inPart = at + done - this.#starts[i]!;
      const length = Math.min(bytes.length - done, part.size - inPart);
      if (length > 0) each(part, inPart, bytes.subarray(done, done + length));
      done += length;
    }
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
