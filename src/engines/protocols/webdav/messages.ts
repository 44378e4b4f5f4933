import { toDiskError } from '../../core/errors.ts';
import { encodeName } from '../../core/names.ts';

/** One request of HTTP. Whoever has the socket has read its head, and knows that the client may be here. */
export interface WebdavRequest {
  /** In capitals, as it was sent. */
  readonly method: string;
  /** The request target, undecoded: "/secret/disk.img/a%20folder/file?x". It begins with `base`. */
  readonly target: string;
  /** What stands before the tree's own root in it, undecoded, without a "/" at its end: "/secret/disk.img". May be empty. */
  readonly base: string;
  /** By lower-case names; what came several times is joined by ", ". */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Throws when the client is gone before its end. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** What is answered. The length of a body that comes in pieces stands in content-length, where it is known. */
export interface WebdavResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Absent for HEAD and where there is none. Pieces may throw: the answer can't be finished then, and the connection must be cut. */
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>;
}

/** What a request is answered with that was not done. */
export class HttpError extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The pre- or postcondition of RFC 4918, section 16, that did not hold, as the inside of a DAV:error. */
  readonly condition: string | undefined;

  constructor(status: number, message: string, more: { readonly headers?: Readonly<Record<string, string>>; readonly condition?: string } = {}) {
    super(message);
    this.name = 'HttpError';
    this.status = status;
    this.headers = more.headers ?? {};
    this.condition = more.condition;
  }
}

/** Any failure as the status that says it best (RFC 9110, section 15; RFC 4918, section 11). */
export function httpError(failure: unknown): HttpError {
  if (failure instanceof HttpError) return failure;
  const { fault, message } = toDiskError(failure);
  switch (fault.kind) {
    case 'usage': return new HttpError(USAGE[fault.errno] ?? 500, message);
    case 'unsupported': case 'locked': case 'dirty': return new HttpError(403, message);
    case 'busy': case 'cancelled': return new HttpError(503, message);
    case 'timeout': return new HttpError(504, message);
    default: return new HttpError(500, message);
  }
}

const USAGE: Readonly<Record<string, number>> = {
  ENOENT: 404, ESTALE: 404, ELOOP: 404, ENOTDIR: 409, EISDIR: 405, EEXIST: 405, ENOTEMPTY: 409, EINVAL: 400, ENAMETOOLONG: 414, EROFS: 403, EACCES: 403,
  EPERM: 403, ENOTSUP: 403, EMLINK: 403, EOVERFLOW: 403, ERANGE: 403, ENOSPC: 507, EFBIG: 413, EXDEV: 502,
};

/** An answer in words. */
export function textResponse(status: number, text: string, headers: Readonly<Record<string, string>> = {}): WebdavResponse {
  const body = encodeName(`${text}\n`);
  return { status, headers: { ...headers, 'content-type': 'text/plain; charset=utf-8', 'content-length': String(body.length) }, body };
}

/** An answer without a body. */
export function emptyResponse(status: number, headers: Readonly<Record<string, string>> = {}): WebdavResponse {
  // 204 and 304 have no content by definition.
  return { status, headers: status === 204 || status === 304 ? headers : { ...headers, 'content-length': '0' } };
}

const REASONS: Readonly<Record<number, string>> = {
  200: 'OK', 400: 'Bad Request', 403: 'Forbidden', 404: 'Not Found', 405: 'Method Not Allowed', 409: 'Conflict', 412: 'Precondition Failed', 413: 'Content Too Large', 414: 'URI Too Long',
  423: 'Locked', 424: 'Failed Dependency', 500: 'Internal Server Error', 502: 'Bad Gateway', 503: 'Service Unavailable', 504: 'Gateway Timeout', 507: 'Insufficient Storage',
};

/** A status line as it stands in a multi-status answer. */
export function statusLine(status: number): string {
  return `HTTP/1.1 ${status} ${REASONS[status] ?? 'Error'}`;
}
