import { closeSync, openSync, readSync } from 'node:fs';
import { AlignedDevice } from '../../engines/core/bytes/aligned.ts';
import { type BlockDevice, checkRange } from '../../engines/core/bytes/device.ts';
import { type DiskError, ioError, usage } from '../../engines/core/errors.ts';
import { accessAdvice } from '../devices/access.ts';
import { diskGeometry, type DiskGeometry } from '../native/windows-disk.ts';

/** The calls, for tests to stand in. */
export interface WindowsCalls {
  geometry(path: string): DiskGeometry;
  open(path: string): number;
  read(fd: number, into: Uint8Array, at: number): number;
  close(fd: number): void;
}

const CALLS: WindowsCalls = {
  geometry: diskGeometry,
  open: (path) => openSync(path, 'r'),
  read: (fd, into, at) => readSync(fd, into, 0, into.length, at),
  close: closeSync,
};

/** Bytes that are read at once: Windows refuses very long reads of some disks. */
const MOST = 1024 * 1024;

/**
 * A disk, a partition or a drive of Windows, for reading. Windows reads whole sectors of it only, and fstat knows neither its size nor its kind.
 * Not tried on Windows yet: tested over a stand-in that refuses what Windows is documented to refuse.
 * @param path as `absolutePath` gives it
 * @throws DiskError usage ENOENT, EACCES; io
 */
export function openWindowsDisk(path: string, calls: WindowsCalls = CALLS): BlockDevice {
  let fd: number | undefined;
  try {
    fd = calls.open(path);
    const { size, sector } = calls.geometry(path);
    return new AlignedDevice(new RawDisk(path, fd, size, sector, calls), sector);
  } catch (error) {
    if (fd !== undefined) calls.close(fd);
    throw openError(path, error);
  }
}

class RawDisk implements BlockDevice {
  readonly size: number;
  readonly blockSize: number;
  readonly #path: string;
  readonly #calls: WindowsCalls;
  #fd: number | undefined;

  constructor(path: string, fd: number, size: number, sector: number, calls: WindowsCalls) {
    this.#path = path;
    this.#fd = fd;
    this.size = size;
    this.blockSize = sector;
    this.#calls = calls;
  }

  read(at: number, into: Uint8Array): void {
    checkRange(this, at, into.length);
    const failed = (why: string, from: number): DiskError => ioError(`Reading ${into.length - from} bytes at ${at + from} of ${this.#path} failed (${why})`, { structure: 'disk', at: at + from, length: into.length - from });
    for (let done = 0; done < into.length;) {
      if (this.#fd === undefined) throw failed('it is closed', done);
      let count: number;
      try {
        count = this.#calls.read(this.#fd, into.subarray(done, done + MOST), at + done);
      } catch (error) {
        throw failed((error as NodeJS.ErrnoException).code ?? String(error), done);
      }
      if (count <= 0) throw failed('it ends there', done);
      done += count;
    }
  }

  close(): void {
    if (this.#fd !== undefined) this.#calls.close(this.#fd);
    this.#fd = undefined;
  }
}

function openError(path: string, error: unknown): unknown {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT': return usage('ENOENT', `There is no ${path}`, 'Its disk may not be connected.');
    case 'EACCES': case 'EPERM': return usage('EACCES', `${path} may not be read by this account`, accessAdvice(path, 'win32'));
    case undefined: return error;
    default: return ioError(`Opening ${path} failed: ${(error as Error).message}`);
  }
}
