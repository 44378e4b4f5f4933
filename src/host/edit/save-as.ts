import { randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, ftruncateSync, linkSync, openSync, realpathSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { BlockDevice } from '../../engines/core/bytes/device.ts';
import { type DiskError, ioError, isDiskError, usage } from '../../engines/core/errors.ts';
import type { JobContext } from '../../engines/core/job.ts';
import { writeAll } from '../sources/write-all.ts';
import { hostDisk } from './disk.ts';
import { LockedImage } from './locked-image.ts';

/** Bytes that are copied at once. */
const PIECE = 1024 * 1024;
/** Zeros of this length, and at such a place, become a hole: a block of most filesystems. */
const HOLE = 4096;
const ZEROS = new Uint8Array(HOLE);

/**
 * Writes a device as a new file, with holes where it reads as zeros. It appears under its name when it is whole and durable.
 * @param path absolute
 * @param sources files that it must not replace: those that the device is made of
 * @throws DiskError usage EEXIST unless `replace`, EINVAL for one of the sources; busy for an image that is edited; ENOSPC, EACCES; io; cancelled
 */
export async function saveAs(device: BlockDevice, path: string, sources: readonly string[], replace: boolean, job: JobContext): Promise<void> {
  refuseTarget(path, sources, replace);
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path)}.${randomUUID().slice(0, 8)}.clutch-part`);
  let fd: number | undefined;
  try {
    fd = openSync(temporary, 'wx', modeFor(sources[0]!));
    await copy(device, fd, job);
    fsyncSync(fd);
    closeSync(fd);
    fd = undefined;
    // Somebody may have made the file meanwhile.
    refuseTarget(path, sources, replace);
    appear(temporary, path, replace);
    hostDisk.syncFolder(folder);
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    rmSync(temporary, { force: true });
    throw saveError(error, path);
  }
}

/** What nobody else may read, nobody else may read under another name. */
function modeFor(source: string): number {
  const there = statSync(source, { throwIfNoEntry: false });
  return there === undefined ? 0o600 : (there.mode & 0o666) | 0o600;
}

async function copy(device: BlockDevice, fd: number, job: JobContext): Promise<void> {
  ftruncateSync(fd, device.size);
  const buffer = new Uint8Array(PIECE);
  for (let at = 0; at < device.size; at += PIECE) {
    const bytes = buffer.subarray(0, Math.min(PIECE, device.size - at));
    device.read(at, bytes);
    writeWithHoles(fd, at, bytes);
    job.report({ done: at + bytes.length, total: device.size, unit: 'bytes' });
    const pause = job.breathe();
    if (pause) await pause;
  }
}

function writeWithHoles(fd: number, at: number, bytes: Uint8Array): void {
  const isHole = (from: number): boolean => {
    const part = bytes.subarray(from, from + HOLE);
    return Buffer.compare(part, ZEROS.subarray(0, part.length)) === 0;
  };
  for (let from = 0; from < bytes.length;) {
    const hole = isHole(from);
    let to = from + HOLE;
    while (to < bytes.length && isHole(to) === hole) to += HOLE;
    to = Math.min(to, bytes.length);
    if (!hole) writeAll(fd, bytes.subarray(from, to), at + from);
    from = to;
  }
}

function refuseTarget(path: string, sources: readonly string[], replace: boolean): void {
  const there = statSync(path, { throwIfNoEntry: false });
  if (there === undefined) return;
  const isSource = sources.some((source) => {
    const stats = statSync(source, { throwIfNoEntry: false });
    return stats !== undefined && ((stats.ino === there.ino && stats.dev === there.dev) || realpathSync(source) === realpathSync(path));
  });
  if (isSource) throw usage('EINVAL', `${path} is the image that is open`, 'Choose another name; to change the image itself, apply the changes.');
  if (there.isDirectory()) throw usage('EISDIR', `${path} is a folder`);
  if (!there.isFile()) throw usage('EINVAL', `${path} is no file`);
  if (!replace) throw usage('EEXIST', `There is a file ${path} already`);
  refuseLocked(path);
}

/** Changes that are pending over a file could be applied no more when another took its place. @throws DiskError busy */
function refuseLocked(path: string): void {
  try {
    new LockedImage([path], { write: false }).close();
  } catch (error) {
    if (isDiskError(error) && error.kind === 'busy') throw error;
    // One that may not be read can be replaced all the same.
  }
}

/** The name is given to what is whole; without `replace` it must be free at that very moment. */
function appear(temporary: string, path: string, replace: boolean): void {
  if (!replace) {
    try {
      linkSync(temporary, path);
      rmSync(temporary);
      return;
    } catch (error) {
      // FAT, exFAT and some network disks have no hard links: there the look a moment ago has to do.
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw error;
    }
  }
  renameSync(temporary, path);
}

function saveError(error: unknown, path: string): DiskError {
  if (isDiskError(error)) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'EEXIST': return usage('EEXIST', `There is a file ${path} already`);
    case 'ENOENT': return usage('ENOENT', `There is no folder ${dirname(path)}`);
    case 'EACCES': case 'EPERM': return usage('EACCES', `This account may not write to ${dirname(path)}`);
    case 'EROFS': return usage('EROFS', `${dirname(path)} lies on a disk that is read-only`);
    case 'ENOSPC': case 'EDQUOT': return usage('ENOSPC', `The disk of ${dirname(path)} has no room for the new image`);
    default: return ioError(`${path} could not be written: ${message}`);
  }
}
