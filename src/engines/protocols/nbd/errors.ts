import { DiskError, toDiskError } from '../../core/errors.ts';
import { ERROR } from './layout.ts';

/** What a request is answered with that was not done. The connection goes on. */
export class RequestError extends Error {
  /** NBD_E* */
  readonly error: number;

  constructor(error: number, message: string) {
    super(message);
    this.error = error;
  }
}

/** What an option of the handshake is answered with that is refused. The handshake goes on. */
export class OptionError extends Error {
  /** NBD_REP_ERR_* */
  readonly type: number;

  constructor(type: number, message: string) {
    super(message);
    this.type = type;
  }
}

/** What can't be gone on from: bytes of which nobody knows what they mean. It ends the connection. */
export function malformed(message: string): DiskError {
  return new DiskError({ kind: 'io' }, `The NBD client does not keep to the protocol: ${message}`);
}

/** A failure as a request is answered with it, of the few numbers that the protocol has. */
export function requestError(failure: unknown): RequestError {
  if (failure instanceof RequestError) return failure;
  const { fault, message } = toDiskError(failure);
  switch (fault.kind) {
    case 'usage':
      switch (fault.errno) {
        case 'ENOSPC': case 'EFBIG': return new RequestError(ERROR.ENOSPC, message);
        case 'EPERM': case 'EACCES': case 'EROFS': return new RequestError(ERROR.EPERM, message);
        case 'EINVAL': case 'ENOTSUP': return new RequestError(ERROR.EINVAL, message);
        default: return new RequestError(ERROR.EIO, message);
      }
    case 'locked': return new RequestError(ERROR.EPERM, message);
    case 'cancelled': return new RequestError(ERROR.ESHUTDOWN, message);
    default: return new RequestError(ERROR.EIO, message);
  }
}
