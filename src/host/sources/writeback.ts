import { closeSync, constants, fdatasync, openSync } from 'node:fs';

/** Bytes after which the system is told to bring them to the disk. */
const SYNC_AFTER = 32 * 1024 * 1024;

/**
 * Brings what is written to a large file to the disk while more is written, so that the sync at the end need not wait for all of it. It promises
 * nothing: that sync does. Linux tells a failed write once to every open file (errseq_t), so this has an open file of its own, and the sync at the end
 * hears of it all the same.
 */
export class Writeback {
  readonly #path: string;
  #waiting = 0;
  #busy = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** So many bytes more were written. */
  wrote(bytes: number): void {
    this.#waiting += bytes;
    if (this.#waiting < SYNC_AFTER || this.#busy || process.platform !== 'linux') return;
    let fd: number;
    try {
      fd = openSync(this.#path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
    } catch {
      return;
    }
    this.#busy = true;
    this.#waiting = 0;
    fdatasync(fd, () => {
      this.#busy = false;
      closeSync(fd);
    });
  }
}
