import { closeSync, ftruncateSync, openSync, readSync, rmSync, statfsSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Backing, checkRange } from '../../engines/core/bytes/device.ts';
import { type DiskError, ioError, usage } from '../../engines/core/errors.ts';
import type { ScratchDevice } from '../../engines/core/probe.ts';
import { writeAll } from './write-all.ts';

/** What stays free on the disk that holds the scratch file: a full disk hurts every other program. */
const RESERVE = 64 * 1024 * 1024;

/** Bytes between two looks at the free space. */
const SPACE_STEP = 32 * 1024 * 1024;

/**
 * Unpacked bytes in a temporary file that has no name (or, where an open file can't lose its name, is removed on close).
 * What is never written stays a hole. Bounded by its limit and by the free space.
 */
export class ScratchFile implements ScratchDevice {
  readonly blockSize = 512;
  readonly #fd: number;
  readonly #folder: string;
  readonly #limit: number;
  readonly #what: string;
  #path: string | undefined;
  #size = 0;
  #room = 0;
  #closed = false;

  /**
   * @param limit bytes at most
   * @param folder where the file lies; the system's own for temporary files unless told
   * @param what lies in it, for messages
   * @throws DiskError usage ENOSPC; io
   */
  constructor(limit: number, folder = process.env.CLUTCH_SCRATCH ?? tmpdir(), what = 'the unpacked image') {
    this.#limit = limit;
    this.#what = what;
    this.#folder = folder;
    const path = join(folder, `clutch-${randomUUID()}`);
    try {
      // 'wx+' and a random name: somebody else's link in a shared folder is never followed.
      this.#fd = openSync(path, 'wx+', 0o600);
    } catch (error) {
      if (isFull(error)) throw this.#full();
      throw ioError(`No temporary file can be made in ${folder}: ${(error as Error).message}`);
    }
    try {
      rmSync(path);
    } catch {
      this.#path = path;
    }
  }

  get size(): number {
    return this.#size;
  }

  read(at: number, into: Uint8Array): void {
    checkRange(this, at, into.length);
    for (let done = 0; done < into.length;) {
      const count = readSync(this.#fd, into, done, into.length - done, at + done);
      if (count === 0) throw ioError('The temporary file ends early', { structure: 'temporary file', at: at + done });
      done += count;
    }
  }

  write(at: number, from: Uint8Array): void {
    const end = at + from.length;
    if (!(at >= 0 && end <= this.#limit)) throw ioError(`What is to be kept, ${this.#what}, is larger than the ${this.#limit} bytes allowed`);
    this.#store(at, from);
    if (end > this.#size) this.#size = end;
  }

  finish(size: number): void {
    if (!(size >= 0 && size <= this.#limit)) throw usage('EINVAL', `A scratch device of ${size} bytes is outside its limit of ${this.#limit}`);
    ftruncateSync(this.#fd, size);
    this.#size = size;
  }

  backing(at: number, length: number): Backing | undefined {
    checkRange(this, at, length);
    return this.#closed ? undefined : { fd: this.#fd, at };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#fd);
    if (this.#path !== undefined) rmSync(this.#path, { force: true });
  }

  #store(at: number, bytes: Uint8Array): void {
    // What lies over bytes that are there takes no room: a full disk must not stop that.
    const grows = Math.max(0, at + bytes.length - Math.max(at, this.#size));
    this.#room -= grows;
    if (grows > 0 && this.#room < 0) this.#lookForRoom(bytes.length);
    try {
      writeAll(this.#fd, bytes, at);
    } catch (error) {
      if (isFull(error)) throw this.#full();
      throw ioError(`Writing to the temporary file in ${this.#folder} failed (${(error as NodeJS.ErrnoException).code})`);
    }
  }

  #full(): DiskError {
    return usage('ENOSPC', `The disk of ${this.#folder} has no room for ${this.#what}`, 'Set CLUTCH_SCRATCH to a folder on a disk with more room.');
  }

  #lookForRoom(wanted: number): void {
    const { bavail, bsize } = statfsSync(this.#folder);
    const free = bavail * bsize - RESERVE;
    if (free < wanted) throw this.#full();
    this.#room = Math.min(SPACE_STEP, free - wanted);
  }
}

/** The disk has no room, not even for a name, or this account may take no more of it. */
function isFull(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT';
}
