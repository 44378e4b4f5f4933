import { DiskError, toDiskError } from '../../engines/core/errors.ts';
import { libc } from '../native/libc.ts';
import type { FileDevice } from '../sources/file.ts';

/**
 * The lock of an image that is written to. It is QEMU's (block/file-posix.c, raw_apply_lock_bytes): single bytes of the file, locked for sharing.
 * Byte 100 + n: the holder does n; byte 200 + n: the holder lets nobody else do n. So a QEMU that runs from the image keeps us out, we keep it out,
 * and one Clutch another. It is advisory: a kernel mount takes no lock (in-use.ts looks for that).
 */
const DOES = 100;
const KEEPS_OTHERS_FROM = 200;

/** QEMU's permissions by their bits (BLK_PERM_*). */
const READ = 0;
const WRITE = 1;
const WRITE_UNCHANGED = 2;
const RESIZE = 3;

const OURS = [READ, WRITE];
const NOT_OTHERS = [WRITE, WRITE_UNCHANGED, RESIZE];

/**
 * Takes the lock; it lasts until the device is closed.
 * @returns false where there are no such locks: not Linux, or a network disk without them
 * @throws DiskError busy when somebody else has the image
 */
export function lockImage(device: FileDevice): boolean {
  const calls = libc();
  if (calls === undefined) return false;
  const { descriptor, path } = device;
  const busy = (): DiskError => new DiskError({ kind: 'busy', by: 'another program' }, `${path} is being used by another program: QEMU, or another Clutch`, 'Close it there first.');
  try {
    // First our own, then a look at the others': of two that begin at once, at least one sees the other.
    for (const bit of OURS) if (!calls.lockShared(descriptor, DOES + bit, 1)) throw busy();
    for (const bit of NOT_OTHERS) if (!calls.lockShared(descriptor, KEEPS_OTHERS_FROM + bit, 1)) throw busy();
    const free = OURS.every((bit) => calls.isUnlocked(descriptor, KEEPS_OTHERS_FROM + bit, 1)) && NOT_OTHERS.every((bit) => calls.isUnlocked(descriptor, DOES + bit, 1));
    if (!free) throw busy();
    return true;
  } catch (error) {
    const { code } = error as { readonly code?: string };
    if (code !== undefined && NO_LOCKS.has(code)) return false;
    throw toDiskError(error);
  }
}

/** Answers that mean that the file's disk has no locks. */
const NO_LOCKS: ReadonlySet<string> = new Set(['ENOLCK', 'EINVAL', 'ENOSYS', 'EOPNOTSUPP', 'ENOTSUP']);
