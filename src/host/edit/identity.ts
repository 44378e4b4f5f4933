import { fstatSync, statSync } from 'node:fs';
import { DiskError, toDiskError } from '../../engines/core/errors.ts';
import type { FileDevice } from '../sources/file.ts';

/** A file of the image, as it was when it was last looked at. */
export interface FileState {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Absent for disks, whose state tells nothing of what is on them: they are ours alone while they are open for writing. */
  readonly inode?: string;
  /** The number of the disk that the inode is on: two disks have the same inodes. It counts for as long as the computer runs. */
  readonly device?: string;
  /** Of a disk: the number of its medium, where the system has one. It counts for as long as the computer runs. */
  readonly medium?: string;
  /** Times of the last change of contents and of metadata: programs that put the first one back can't do so with the second (nor those that only give it another name or attribute). */
  readonly times?: { readonly mtime: bigint; readonly ctime: bigint };
  /** Mode, owners and number of names: they change the second of the times alone. */
  readonly status?: string;
}

/** @throws DiskError io when it can't be had */
export function stateOf(device: FileDevice): FileState {
  const { path, size, descriptor } = device;
  const stats = fstatSync(descriptor, { bigint: true });
  if (!stats.isFile()) return { path, size, ...(device.medium === undefined ? {} : { medium: device.medium }) };
  return { path, size: Number(stats.size), inode: String(stats.ino), device: String(stats.dev), times: { mtime: stats.mtimeNs, ctime: stats.ctimeNs }, status: `${stats.mode} ${stats.uid} ${stats.gid} ${stats.nlink}` };
}

/**
 * How a file differs now from what it was, by its open descriptor and by its name; undefined when it does not.
 * @param named false: its contents alone count, wherever its name leads by now
 */
export function changeOf(before: FileState, device: FileDevice, named = true): DiskError | undefined {
  const error = (what: string): DiskError => new DiskError({ kind: 'busy' }, `${before.path} ${what} by another program since it was unlocked`, 'The changes may not fit it any more. Save them as a new image, or discard them and unlock it anew.');
  if (before.inode === undefined) {
    const replaced = device.replaced();
    return replaced === undefined ? undefined : new DiskError({ kind: 'busy' }, `${before.path} ${replaced}: it is not the disk that was unlocked`, 'Save the changes as a new image, or discard them.');
  }
  try {
    const now = stateOf(device);
    if (now.size !== before.size) return error(`was cut or grown from ${before.size} to ${now.size} bytes`);
    if (now.times?.mtime !== before.times?.mtime) return error('was changed');
    // The name may lead to another file by now: programs save by writing a new one and renaming it.
    const there = statSync(before.path, { bigint: true, throwIfNoEntry: false });
    const isThere = there !== undefined && String(there.ino) === before.inode && String(there.dev) === before.device;
    if (!isThere) return named ? error(there === undefined ? 'was moved or deleted' : 'was replaced') : undefined;
    // chmod, chown, a further name: nothing in it is another for that.
    return now.times?.ctime !== before.times?.ctime && now.status === before.status ? error('was changed') : undefined;
  } catch (failure) {
    return toDiskError(failure);
  }
}
