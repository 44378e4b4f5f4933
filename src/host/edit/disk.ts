import { closeSync, constants, existsSync, fstatSync, fsyncSync, mkdirSync, openSync, readSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { ioError } from '../../engines/core/errors.ts';
import { writeAll } from '../sources/write-all.ts';
import { Writeback } from '../sources/writeback.ts';

/** An open file beside the image. Positions in bytes; errors are the system's own. */
export interface DiskFile {
  readonly size: number;
  /** Fills all of `into`. @throws DiskError io where the file ends before */
  read(at: number, into: Uint8Array): void;
  write(at: number, from: Uint8Array): void;
  /** All that was written is durable. */
  sync(): void;
  close(): void;
}

/** What an Apply does to the computer's files beside the image itself. Tests record it, and cut the power anywhere. */
export interface Disk {
  exists(path: string): boolean;
  /** Makes sure of a folder; a new one is for this account alone. */
  makeFolder(path: string): void;
  /** A new file that nobody else may read. @throws the system's error EEXIST, EACCES, EROFS … */
  create(path: string): DiskFile;
  /** @param write also for writing */
  open(path: string, write?: boolean): DiskFile;
  remove(path: string): void;
  /** Names that were made or removed in the folder are durable. */
  syncFolder(path: string): void;
}

/** The computer's own. */
export const hostDisk: Disk = {
  exists: existsSync,
  makeFolder(path) {
    const made = mkdirSync(path, { recursive: true, mode: 0o700 });
    if (made !== undefined) this.syncFolder(dirname(made));
  },
  // O_NOFOLLOW: a link that somebody put there must not lead the changes elsewhere.
  create: (path) => fileOf(openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0), 0o600), new Writeback(path)),
  open: (path, write = false) => fileOf(openSync(path, (write ? constants.O_RDWR : constants.O_RDONLY) | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0))),
  remove: unlinkSync,
  syncFolder(path) {
    // Windows has no such thing: names are durable there with the file (FlushFileBuffers).
    if (process.platform === 'win32') return;
    const fd = openSync(path, constants.O_RDONLY);
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  },
};

function fileOf(fd: number, writeback?: Writeback): DiskFile {
  return {
    get size() { return fstatSync(fd).size; },
    read(at, into) {
      for (let done = 0; done < into.length;) {
        const count = readSync(fd, into, done, into.length - done, at + done);
        if (count === 0) throw ioError(`The file ends at byte ${at + done}`);
        done += count;
      }
    },
    write(at, from) {
      writeAll(fd, from, at);
      writeback?.wrote(from.length);
    },
    sync: () => fsyncSync(fd),
    close: () => closeSync(fd),
  };
}
