import { parseHttpDate } from './dates.ts';
import { HttpError } from './messages.ts';

/** What a condition is about: undefined where nothing is there. */
export interface Validators {
  readonly etag: string;
  /** Nanoseconds since 1970. */
  readonly mtime: bigint;
}

type Headers = Readonly<Record<string, string | undefined>>;

/**
 * Preconditions in the order of RFC 9110, section 13.2.2 (If-Range is the range's own).
 * @returns 304 for a GET or HEAD of what the client has already
 * @throws HttpError 412; 400 for a list that is none
 */
export function checkConditions(method: string, headers: Headers, validators: Validators | undefined): 304 | undefined {
  const reads = method === 'GET' || method === 'HEAD';
  const match = headers['if-match'];
  const since = headers['if-unmodified-since'];
  if (match !== undefined) {
    if (!names(match, validators, false)) throw new HttpError(412, 'It is not the version that If-Match names');
  } else if (since !== undefined) {
    const time = parseHttpDate(since);
    if (time !== undefined && validators !== undefined && wholeSeconds(validators.mtime) > time) throw new HttpError(412, 'It was modified since');
  }
  const none = headers['if-none-match'];
  const modified = headers['if-modified-since'];
  if (none !== undefined) {
    if (!names(none, validators, true)) return undefined;
    if (reads) return 304;
    throw new HttpError(412, 'It is there already, as If-None-Match says it must not be');
  }
  if (modified !== undefined && reads && validators !== undefined) {
    const time = parseHttpDate(modified);
    if (time !== undefined && wholeSeconds(validators.mtime) <= time) return 304;
  }
  return undefined;
}

/** Whether a Range is to be taken: If-Range names the version that is there (RFC 9110, section 13.1.5). Dates are too coarse to be sure by, but for what is older than their step. */
export function rangeHolds(headers: Headers, { etag, mtime }: Validators, now: bigint): boolean {
  const condition = headers['if-range']?.trim();
  if (condition === undefined) return true;
  if (condition.startsWith('"')) return condition === etag;
  const time = parseHttpDate(condition);
  return time !== undefined && wholeSeconds(mtime) === time && now - mtime >= 2_000_000_000n;
}

/** Whether a list of entity tags, or "*", names what is there. */
function names(list: string, validators: Validators | undefined, weakly: boolean): boolean {
  if (list.trim() === '*') return validators !== undefined;
  const tags = list.match(/(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/g);
  if (tags === null || list.replace(/(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/g, '').replace(/[,\s]/g, '') !== '') throw new HttpError(400, 'A list of entity tags is none');
  return validators !== undefined && tags.some((tag) => (weakly ? tag.replace(/^W\//, '') : tag) === validators.etag);
}

function wholeSeconds(time: bigint): bigint {
  return time - ((time % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
}
