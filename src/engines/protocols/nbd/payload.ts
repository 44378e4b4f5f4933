import { OptionError } from './errors.ts';
import { REP } from './layout.ts';

/** Takes an option's data apart, from its start to its end. Every method throws OptionError (NBD_REP_ERR_INVALID) where the data ends before. */
export class PayloadReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  u16(): number {
    return this.#view.getUint16(this.#pass(2));
  }

  u32(): number {
    return this.#view.getUint32(this.#pass(4));
  }

  bytes(length: number): Uint8Array {
    const at = this.#pass(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** A number of things that each take `size` bytes of what is left, or more. */
  count(value: number, size: number): number {
    if (value * size > this.#bytes.length - this.#at) throw new OptionError(REP.ERR_INVALID, `The option's data is too short for ${value} of what it holds`);
    return value;
  }

  /** Nothing may be left. */
  end(): void {
    if (this.#at < this.#bytes.length) throw new OptionError(REP.ERR_INVALID, `The option has ${this.#bytes.length - this.#at} bytes of data too many`);
  }

  #pass(length: number): number {
    const at = this.#at;
    this.#at += this.count(length, 1);
    return at;
  }
}
