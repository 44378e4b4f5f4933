import { closeSync, constants, fsyncSync, ftruncateSync, linkSync, openSync, readSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type BlockDevice, checkRange, type Extent } from '../../engines/core/bytes/device.ts';
import { DiskError, ioError, usage } from '../../engines/core/errors.ts';
import { hostDisk } from '../edit/disk.ts';
import { GatheredWrites } from './gathered-writes.ts';
import { Writeback } from './writeback.ts';

/** Bytes of which it is known together whether they were ever written. */
const CHUNK = 1024 * 1024;

/**
 * A new image while it is made: a sparse file under a name of its own beside the one that it gets when it is whole. Whatever happens before
 * leaves nothing behind that looks like an image.
 */
export class NewFile implements BlockDevice {
  readonly size: number;
  readonly blockSize = 512;
  readonly #path: string;
  readonly #partial: string;
  readonly #fd: number;
  /** Whether anything was written into each chunk: what was not is a hole, and need not be asked for. */
  readonly #touched: Uint8Array;
  #closed = false;
  readonly #writeback: Writeback;
  readonly #writes = new GatheredWrites((at, from) => attempt(this.#path, () => {
    for (let done = 0; done < from.length;) done += writeSync(this.#fd, from, done, from.length - done, at + done);
    this.#writeback.wrote(from.length);
  }));

  /**
   * @param size bytes
   * @throws DiskError usage EEXIST, ENOENT, EACCES, EFBIG; io
   */
  constructor(path: string, size: number) {
    this.size = size;
    this.#touched = new Uint8Array(Math.ceil(size / CHUNK));
    this.#path = path;
    this.#partial = join(dirname(path), `.${basename(path)}.${process.pid}.partial`);
    this.#writeback = new Writeback(this.#partial);
    if (hostDisk.exists(path)) throw usage('EEXIST', `${path} is there already`);
    this.#fd = attempt(path, () => openSync(this.#partial, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0), 0o644));
    try {
      attempt(path, () => ftruncateSync(this.#fd, size));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  read(at: number, into: Uint8Array): void {
    checkRange(this, at, into.length);
    if (this.#isHole(at, into.length)) {
      into.fill(0);
      return;
    }
    this.#writes.settle(at, into.length);
    for (let done = 0; done < into.length;) {
      const count = readSync(this.#fd, into, done, into.length - done, at + done);
      if (count === 0) throw ioError(`${this.#path} ends at byte ${at + done}`);
      done += count;
    }
  }

  write(at: number, from: Uint8Array): void {
    checkRange(this, at, from.length);
    this.#touched.fill(1, Math.floor(at / CHUNK), Math.ceil((at + from.length) / CHUNK));
    this.#writes.write(at, from);
  }

  *holes(at: number, length: number): Iterable<Extent> {
    checkRange(this, at, length);
    for (let from = at; from < at + length;) {
      const end = Math.min(at + length, (Math.floor(from / CHUNK) + 1) * CHUNK);
      if (this.#isHole(from, end - from)) yield { at: from, length: end - from };
      from = end;
    }
  }

  #isHole(at: number, length: number): boolean {
    for (let chunk = Math.floor(at / CHUNK); chunk * CHUNK < at + length; chunk++) {
      if (this.#touched[chunk] === 1) return false;
    }
    return true;
  }

  /** Nobody can see it before it is finished, so nothing has to be durable before. */
  flush(): void {}

  /** Gives it its name, durably. @throws DiskError usage EEXIST when something has taken the name meanwhile */
  finish(): void {
    this.#writes.flush();
    attempt(this.#path, () => {
      fsyncSync(this.#fd);
      try {
        // A link never replaces what is there, a rename does.
        linkSync(this.#partial, this.#path);
        unlinkSync(this.#partial);
      } catch (error) {
        // FAT and some network filesystems have no links.
        if ((error as NodeJS.ErrnoException).code === 'EEXIST' || hostDisk.exists(this.#path)) throw error;
        renameSync(this.#partial, this.#path);
      }
      hostDisk.syncFolder(dirname(this.#path));
    });
    this.#closed = true;
    closeSync(this.#fd);
  }

  /** Throws it away, unless it was finished. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#fd);
    unlinkSync(this.#partial);
  }
}

function attempt<T>(path: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    switch (code) {
      case 'EEXIST': throw usage('EEXIST', `${path} is there already`);
      case 'ENOENT': case 'ENOTDIR': throw usage('ENOENT', `There is no folder ${dirname(path)}`);
      case 'EACCES': case 'EPERM': case 'EROFS': throw usage('EACCES', `${path} may not be made by this account`);
      case 'ENOSPC': case 'EDQUOT': throw usage('ENOSPC', `There is no space left for ${path}`);
      case 'EFBIG': case 'EINVAL': throw usage('EFBIG', `The filesystem that ${path} would lie on can't hold so large a file`);
      default: throw error instanceof DiskError ? error : ioError(`Writing ${path} failed: ${message}`);
    }
  }
}
