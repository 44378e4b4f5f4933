import { DiskError, type Errno, usage } from './errors.ts';

/** Linux's numbers of POSIX errors (include/uapi/asm-generic/errno-base.h, errno.h): FUSE and 9P2000.L send them on every machine. */
const NUMBERS: Readonly<Record<Errno, number>> = {
  EPERM: 1, ENOENT: 2, EBADF: 9, EACCES: 13, EEXIST: 17, EXDEV: 18, ENOTDIR: 20, EISDIR: 21, EINVAL: 22, EFBIG: 27, ENOSPC: 28, EROFS: 30,
  EMLINK: 31, ERANGE: 34, ENAMETOOLONG: 36, ENOTEMPTY: 39, ELOOP: 40, ENODATA: 61, EOVERFLOW: 75, ENOTSUP: 95, ESTALE: 116,
};

const NAMES: ReadonlyMap<number, Errno> = new Map(Object.entries(NUMBERS).map(([name, number]) => [number, name as Errno]));

/** Numbers that our faults have beside those of usage. */
const EINTR = 4;
const EIO = 5;
const ENXIO = 6;
const EBUSY = 16;
const ENOSYS = 38;
const ETIMEDOUT = 110;
const EUCLEAN = 117;
const EDQUOT = 122;
const ENOKEY = 126;

/** The number for an error of ours; what has none of its own is EIO. */
export function errnoOf(error: DiskError): number {
  const { fault } = error;
  switch (fault.kind) {
    case 'usage': return NUMBERS[fault.errno];
    case 'unsupported': return NUMBERS.ENOTSUP;
    // The kernel's own name for a damaged structure ("Structure needs cleaning").
    case 'corrupt': return EUCLEAN;
    case 'locked': return ENOKEY;
    case 'busy': return EBUSY;
    case 'cancelled': return EINTR;
    case 'timeout': return ETIMEDOUT;
    case 'dirty': return NUMBERS.EROFS;
    default: return EIO;
  }
}

/**
 * The error for a number that another side sent, whatever it is.
 * @param what was asked for, as the beginning of a sentence: "Reading /a"
 */
export function errorOf(number: number, what: string): DiskError {
  const name = NAMES.get(number) ?? (number === ENOSYS ? 'ENOTSUP' : number === EDQUOT ? 'ENOSPC' : undefined);
  if (name !== undefined) return usage(name, `${what}: ${name}`);
  if (number === EUCLEAN) return new DiskError({ kind: 'corrupt', place: { structure: 'filesystem' } }, `${what}: the filesystem is damaged (EUCLEAN)`, 'Check the filesystem to see the whole extent of the damage.');
  if (number === EBUSY) return new DiskError({ kind: 'busy' }, `${what}: it is in use (EBUSY)`);
  if (number === ENOKEY) return new DiskError({ kind: 'locked', what: 'the file' }, `${what}: its key is not there (ENOKEY)`);
  if (number === EIO || number === ENXIO) return new DiskError({ kind: 'io' }, `${what}: the device failed (${number === EIO ? 'EIO' : 'ENXIO'})`);
  return new DiskError({ kind: 'io' }, `${what}: error ${number}`);
}
