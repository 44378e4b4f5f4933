/**
 * The one error of the engines. A fault is of a closed set of kinds, because the kind decides
 * what a client offers next: unsupported → open in a guest, corrupt → check, locked → unlock,
 * dirty → replay. All fields are plain, so that an error survives a process border.
 */

/** POSIX error names that a caller's own mistake maps to (FUSE and 9P send their numbers). */
export type Errno =
  | 'ENOENT' | 'ENOTDIR' | 'EISDIR' | 'EINVAL' | 'EEXIST' | 'ENOTEMPTY' | 'ENAMETOOLONG' | 'ELOOP' | 'EROFS'
  | 'EACCES' | 'EPERM' | 'ENOSPC' | 'EFBIG' | 'EXDEV' | 'EMLINK' | 'ENODATA' | 'ERANGE' | 'EBADF' | 'ESTALE' | 'ENOTSUP' | 'EOVERFLOW';

/** Where on the image: the structure's standard name, and where it lies. */
export interface Place {
  /** The structure in the field's terms: "superblock", "inode 12", "extent block 4711", "GPT header". */
  readonly structure: string;
  /** Byte offset on the device that the engine was given; absent when it has no single place. */
  readonly at?: number;
  /** Length in bytes of the damaged structure, when known. */
  readonly length?: number;
}

export type Fault =
  /** The request was wrong, not the image: a path that does not exist, a file read as a folder. */
  | { readonly kind: 'usage'; readonly errno: Errno }
  /** The device below failed or ended early. */
  | { readonly kind: 'io'; readonly place?: Place }
  /** Sound, but not something that this engine handles; `feature` is the format's own name for it. */
  | { readonly kind: 'unsupported'; readonly feature: string }
  /** The bytes break the format's rules. */
  | { readonly kind: 'corrupt'; readonly place: Place }
  /** A key or password is needed. */
  | { readonly kind: 'locked'; readonly what: string }
  /** It needs recovery that was not allowed here. */
  | { readonly kind: 'dirty' }
  /** Somebody else holds it. */
  | { readonly kind: 'busy'; readonly by?: string }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'timeout'; readonly ms: number }
  | { readonly kind: 'guest'; readonly guest: string };

export type FaultKind = Fault['kind'];

/** A DiskError as plain data, as it crosses ports, sockets and `--json`. */
export interface DiskErrorData {
  readonly fault: Fault;
  readonly message: string;
  readonly advice?: string;
}

/** What happened (`message`), of what kind and where (`fault`), and what to do about it (`advice`). */
export class DiskError extends Error {
  readonly fault: Fault;
  readonly advice: string | undefined;

  constructor(fault: Fault, message: string, advice?: string) {
    super(message);
    this.name = 'DiskError';
    this.fault = fault;
    this.advice = advice;
  }

  get kind(): FaultKind {
    return this.fault.kind;
  }

  toJSON(): DiskErrorData {
    return this.advice === undefined
      ? { fault: this.fault, message: this.message }
      : { fault: this.fault, message: this.message, advice: this.advice };
  }

  static from(data: DiskErrorData): DiskError {
    return new DiskError(data.fault, data.message, data.advice);
  }
}

/** The bytes at a place break the format's rules. */
export function corrupt(structure: string, message: string, at?: number, length?: number): DiskError {
  const place: Place = { structure, ...(at === undefined ? {} : { at }), ...(length === undefined ? {} : { length }) };
  const where = at === undefined ? structure : `${structure} at byte ${at}`;
  return new DiskError({ kind: 'corrupt', place }, `${where}: ${message}`, 'Check the filesystem to see the whole extent of the damage.');
}

/** The format is sound but uses something we do not handle; named as the format names it. */
export function unsupported(feature: string, message: string, advice?: string): DiskError {
  return new DiskError({ kind: 'unsupported', feature }, message, advice);
}

/** The caller's mistake. */
export function usage(errno: Errno, message: string, advice?: string): DiskError {
  return new DiskError({ kind: 'usage', errno }, message, advice);
}

/** The device failed. */
export function ioError(message: string, place?: Place): DiskError {
  return new DiskError(place === undefined ? { kind: 'io' } : { kind: 'io', place }, message, 'The image may be cut short, or the disk that holds it may be failing.');
}

/** The work was stopped by the person. */
export function cancelled(message = 'Cancelled'): DiskError {
  return new DiskError({ kind: 'cancelled' }, message);
}

/** True for a DiskError, whichever copy of this module made it. */
export function isDiskError(error: unknown): error is DiskError {
  return error instanceof DiskError || (error instanceof Error && error.name === 'DiskError' && 'fault' in error);
}

/**
 * Any thrown value as a DiskError. What is not one already is a fault of ours
 * (or of the platform) and is reported as `io`, with its own message kept and itself as `cause` (fuzzing looks for it).
 */
export function toDiskError(error: unknown): DiskError {
  if (isDiskError(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  return Object.assign(new DiskError({ kind: 'io' }, message), { cause: error });
}
