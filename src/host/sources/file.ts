import { closeSync, constants, fstatSync, fsyncSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Backing, type BlockDevice, checkRange, type Extent } from '../../engines/core/bytes/device.ts';
import { DiskError, ioError, usage } from '../../engines/core/errors.ts';
import type { Note } from '../../engines/core/filesystem.ts';
import { accessAdvice } from '../devices/access.ts';
import { deviceFolder, deviceNumber, deviceSize, mediumOf, readText } from '../devices/sysfs.ts';
import { libc } from '../native/libc.ts';
import { writeAll } from './write-all.ts';
import { Writeback } from './writeback.ts';

/** Milliseconds between two looks at whether the file changed under us. */
const WATCH_MS = 1000;

export interface FileDeviceOptions {
  readonly note?: (note: Note) => void;
  /** It is opened for writing, too. A disk is then ours alone: one that is mounted or part of another is refused as `busy`. */
  readonly write?: boolean;
}

/**
 * A file or a disk of this computer, opened for reading unless told. Reads are synchronous and positional; a file that is cut
 * while it is open answers with an `io` fault for what is gone, and with a note.
 */
export class FileDevice implements BlockDevice {
  readonly size: number;
  readonly blockSize: number;
  readonly path: string;
  /** Of a disk: the number of its medium, as it was opened. Undefined where the system has no such number. */
  readonly medium: string | undefined;
  #fd: number;
  readonly #note: (note: Note) => void;
  #state: { readonly size: number; readonly mtimeMs: number };
  /** Its folder in sysfs, of a disk of Linux. */
  readonly #folder: string | undefined;
  #watched = performance.now();
  #closed = false;
  /** That it is another disk was noted. */
  #told = false;

  /** Absent = it was opened for reading. */
  readonly write?: (at: number, from: Uint8Array) => void;
  readonly flush?: () => void;
  /** Absent for disks. */
  readonly holes?: (at: number, length: number) => Iterable<Extent>;

  /**
   * @throws DiskError usage ENOENT, EACCES, EROFS, EISDIR, or EINVAL for what has no positions (a pipe, a terminal); busy; io otherwise
   */
  constructor(path: string, { note = () => {}, write = false }: FileDeviceOptions = {}) {
    this.path = path;
    this.#note = note;
    // O_NONBLOCK: opening a pipe that nobody writes to would wait for ever, before it could be refused.
    const flags = (write ? constants.O_RDWR : constants.O_RDONLY) | (constants.O_NONBLOCK ?? 0);
    this.#fd = attempt(path, write, () => openSync(path, flags));
    try {
      const stats = attempt(path, write, () => fstatSync(this.#fd));
      if (stats.isDirectory()) throw usage('EISDIR', `${path} is a folder, not a disk image`, 'Choose the image in it: a file.');
      if (stats.isFile()) {
        this.size = stats.size;
        this.blockSize = 512;
        this.holes = (at, length) => this.#holes(at, length);
      } else if (stats.isBlockDevice()) {
        // Linux gives a disk to one holder alone with O_EXCL (open(2)); without it, what is mounted could be written to. For files it says nothing.
        if (write && process.platform === 'linux') {
          const alone = attempt(path, write, () => openSync(path, flags | constants.O_EXCL));
          closeSync(this.#fd);
          this.#fd = alone;
        }
        this.#folder = process.platform === 'linux' ? deviceFolder(deviceNumber(stats)) : undefined;
        this.medium = this.#folder === undefined ? undefined : mediumOf(this.#folder);
        this.size = blockDeviceSize(this.#fd, this.#folder);
        if (this.size === 0) throw noMedium(path);
        // Linux opens such a disk for writing all the same, and refuses each write.
        if (write && this.#folder !== undefined && readText(join(this.#folder, 'ro')) === '1') throw usage('EROFS', `${path} is read-only: by a switch on it, or by the system`, 'Save the changes as a new image.');
        this.blockSize = logicalBlockSize(this.#folder);
      } else {
        throw usage('EINVAL', `${path} is neither a file nor a disk`, 'Only files and disks can be opened: they can be read at any place.');
      }
      this.#state = stats;
      if (write) {
        const writeback = new Writeback(path);
        this.write = (at, from) => {
          this.#writeAll(at, from);
          writeback.wrote(from.length);
        };
        this.flush = () => this.#sync();
      }
    } catch (error) {
      closeSync(this.#fd);
      throw error;
    }
  }

  read(at: number, into: Uint8Array): void {
    checkRange(this, at, into.length);
    let done = 0;
    while (done < into.length) {
      const count = this.#readOnce(at + done, into, done);
      if (count === 0) {
        this.#watch();
        throw ioError(`${this.path} ends at byte ${at + done}, before its size of ${this.size} bytes`, { structure: 'image file', at: at + done, length: into.length - done });
      }
      done += count;
    }
    if (performance.now() - this.#watched > WATCH_MS) this.#watch();
  }

  backing(at: number, length: number): Backing | undefined {
    checkRange(this, at, length);
    return this.#closed ? undefined : { fd: this.#fd, at };
  }

  /** How a disk is another than the one that was opened, in words; undefined while it is the same. */
  replaced(): string | undefined {
    if (this.#folder === undefined) return undefined;
    const size = deviceSize(this.#folder);
    if (size === undefined) return 'was disconnected';
    if (mediumOf(this.#folder) !== this.medium) return 'has another medium now';
    return size === this.size ? undefined : `was cut or grown from ${this.size} to ${size} bytes`;
  }

  /** The host's number of the open file: for locks and the state of the file. */
  get descriptor(): number {
    return this.#fd;
  }

  /** The file was changed, by ourselves: no reason for a note. */
  accept(): void {
    this.#state = fstatSync(this.#fd);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#fd);
  }

  #writeAll(at: number, from: Uint8Array): void {
    checkRange(this, at, from.length);
    try {
      writeAll(this.#fd, from, at);
    } catch (error) {
      throw writeError(error, `Writing ${from.length} bytes at ${at} of ${this.path} failed`, at, from.length);
    }
  }

  /** What the system says has no blocks. Nothing where it can't tell, and of a file that has all its blocks or was cut. */
  * #holes(at: number, length: number): Iterable<Extent> {
    checkRange(this, at, length);
    const { size, blocks } = fstatSync(this.#fd);
    const system = size < this.size || blocks * 512 >= size ? undefined : libc();
    if (system === undefined) return;
    const end = at + length;
    for (let from = at; from < end;) {
      const data = system.seek(this.#fd, from, 'data') ?? end;
      if (data < 0) return;
      if (data > from) yield { at: from, length: Math.min(end, data) - from };
      if (data >= end) return;
      const hole = system.seek(this.#fd, data, 'hole') ?? end;
      if (hole <= data) return;
      from = hole;
    }
  }

  #sync(): void {
    try {
      fsyncSync(this.#fd);
    } catch (error) {
      throw writeError(error, `What was written to ${this.path} could not be made safe`, 0, this.size);
    }
  }

  #readOnce(at: number, into: Uint8Array, from: number): number {
    try {
      return readSync(this.#fd, into, from, into.length - from, at);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw ioError(`Reading ${into.length - from} bytes at ${at} of ${this.path} failed (${code})`, { structure: 'image file', at, length: into.length - from });
    }
  }

  /** Notices that somebody else writes to the image: what was read of it before may no longer fit together. */
  #watch(): void {
    this.#watched = performance.now();
    if (this.#folder !== undefined) {
      const what = this.#told ? undefined : this.replaced();
      if (what === undefined) return;
      this.#told = true;
      this.#note({ severity: 'warning', message: `${this.path} ${what}; close it and open it again` });
      return;
    }
    let now: Stats;
    try {
      now = fstatSync(this.#fd);
    } catch {
      return; // The read itself reports a device that went away.
    }
    if (now.size === this.#state.size && now.mtimeMs === this.#state.mtimeMs) return;
    const what = now.size < this.#state.size ? `was cut from ${this.#state.size} to ${now.size} bytes` : 'was changed by another program';
    this.#state = now;
    this.#note({ severity: 'warning', message: `${this.path} ${what} while it is open; close and open it again` });
  }
}

/** A file with holes may need room that its disk does not have. */
function writeError(error: unknown, message: string, at: number, length: number): DiskError {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') return usage('ENOSPC', `${message}: its disk is full`, 'Make room on the disk, and try again.');
  return ioError(`${message} (${code})`, { structure: 'image file', at, length });
}

/** ENOMEDIUM and EMEDIUMTYPE of Linux, for which Node has no names. */
const NO_MEDIUM: ReadonlySet<number | undefined> = new Set([-123, -124]);

/** Runs a system call on a path; its failure becomes a DiskError. */
function attempt<T>(path: string, write: boolean, call: () => T): T {
  try {
    return call();
  } catch (error) {
    const { code, errno, message } = error as NodeJS.ErrnoException;
    if (process.platform === 'linux' && NO_MEDIUM.has(errno)) throw noMedium(path);
    switch (code) {
      case 'ENOENT': case 'ENOTDIR': throw usage('ENOENT', `There is no ${path}`, 'It may have been moved or deleted, or its disk is not connected.');
      case 'EACCES': case 'EPERM': throw usage('EACCES', `${path} may not be ${write ? 'written to' : 'read'} by this account`, write ? 'Save the changes as a new image, or ask whoever owns the file.' : isDisk(path) ? accessAdvice(path) : 'Ask whoever owns the file, or open a copy of it.');
      case 'EROFS': throw usage('EROFS', `${path} lies on a disk that is read-only`, 'Save the changes as a new image.');
      case 'ETXTBSY': throw new DiskError({ kind: 'busy' }, `${path} is in use as a program or as swap space`);
      case 'ENXIO': case 'ENODEV': throw isDisk(path) ? noMedium(path) : usage('EINVAL', `${path} is neither a file nor a disk`, 'Only files and disks can be opened: they can be read at any place.');
      case 'EBUSY': throw new DiskError({ kind: 'busy' }, `${path} is in use`, 'The system has it mounted, or works with it in another way; perhaps out of sight, in a container. Unmount it there first.');
      default: throw ioError(`Opening ${path}${write ? ' for writing' : ''} failed: ${message}`);
    }
  }
}

function noMedium(path: string): DiskError {
  return usage('ENOENT', `There is no medium in ${path}`, 'Insert one, or connect the disk again.');
}

function isDisk(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isBlockDevice() === true;
}

/** Bytes of a disk: what Linux says about it, else found by reading. */
function blockDeviceSize(fd: number, folder: string | undefined): number {
  return (folder === undefined ? undefined : deviceSize(folder)) ?? measuredSize(fd);
}

/** Partitions find their disk's queue one step up. */
function logicalBlockSize(folder: string | undefined): number {
  const told = folder === undefined ? undefined : readText(join(folder, 'queue/logical_block_size')) ?? readText(join(folder, '../queue/logical_block_size'));
  return Number(told) || 512;
}

/** The end of a disk by bisection: the last 4096-byte block that can be read. For systems that tell a disk's size only through ioctl. */
function measuredSize(fd: number): number {
  const block = new Uint8Array(4096);
  const readable = (number: number): boolean => {
    try {
      return readSync(fd, block, 0, block.length, number * block.length) > 0;
    } catch {
      return false;
    }
  };
  if (!readable(0)) return 0;
  let low = 0;
  let high = 1;
  while (high < 2 ** 40 && readable(high)) [low, high] = [high, high * 2];
  while (low + 1 < high) {
    const middle = Math.floor((low + high) / 2);
    if (readable(middle)) low = middle;
    else high = middle;
  }
  return low * block.length + readSync(fd, block, 0, block.length, low * block.length);
}
