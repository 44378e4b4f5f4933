import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { type BlockDevice, checkRange } from '../core/bytes/device.ts';
import { ioError } from '../core/errors.ts';

/** An image file, read-only, for tests (the host has its own source, with more care for what a person may name). */
export class FileDevice implements BlockDevice {
  readonly size: number;
  readonly blockSize = 512;
  readonly #fd: number;

  constructor(path: string) {
    this.#fd = openSync(path, 'r');
    this.size = fstatSync(this.#fd).size;
  }

  read(at: number, into: Uint8Array): void {
    checkRange(this, at, into.length);
    for (let done = 0; done < into.length;) {
      const count = readSync(this.#fd, into, done, into.length - done, at + done);
      if (count === 0) throw ioError(`The file ended at ${at + done}`, { structure: 'device', at: at + done });
      done += count;
    }
  }

  close(): void {
    closeSync(this.#fd);
  }
}
