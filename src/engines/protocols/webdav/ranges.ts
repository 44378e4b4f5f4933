import { HttpError } from './messages.ts';

/** Bytes of a file: from `start` on, `length` of them, at least one. */
export interface ByteRange {
  readonly start: number;
  readonly length: number;
}

/** Parts of one answer. More are an attack or a mistake (RFC 9110, section 14.2), and get the whole file. */
const MAX_RANGES = 16;

/**
 * The parts of a file of `size` bytes that a Range header asks for.
 * @returns undefined where the header is to be ignored: another unit, a list that is none, too many parts
 * @throws HttpError 416 when none of them lies in the file
 */
export function parseRange(header: string, size: number): ByteRange[] | undefined {
  const list = /^bytes=([\d\s,-]+)$/i.exec(header.trim())?.[1];
  if (list === undefined) return undefined;
  const ranges: ByteRange[] = [];
  const parts = list.split(',').map((part) => part.trim()).filter((part) => part !== '');
  if (parts.length === 0 || parts.length > MAX_RANGES) return undefined;
  for (const part of parts) {
    const match = /^(\d*)-(\d*)$/.exec(part);
    if (match === null || part === '-') return undefined;
    const [first, last] = [number(match[1]!), number(match[2]!)];
    if (first !== undefined && last !== undefined && last < first) return undefined;
    const start = first ?? Math.max(0, size - last!);
    const end = first === undefined ? size : Math.min(size, (last ?? size) + 1);
    if (start < end) ranges.push({ start, length: end - start });
  }
  if (ranges.length === 0) throw new HttpError(416, 'Nothing of the file lies in the range', { headers: { 'content-range': `bytes */${size}` } });
  return ranges;
}

/**
 * Where the body of a PUT goes in a file (RFC 9110, section 14.4).
 * @throws HttpError 400 for what says no place
 */
export function parseContentRange(header: string): ByteRange {
  const match = /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16}|\*)$/i.exec(header.trim());
  const [start, last] = [Number(match?.[1]), Number(match?.[2])];
  if (match === null || !Number.isSafeInteger(last + 1) || last < start || match[3] !== '*' && last >= Number(match[3])) throw new HttpError(400, 'The Content-Range says no place in a file');
  return { start, length: last - start + 1 };
}

/** Digits as a number; beyond 2^53 it is past every file's end all the same. */
function number(digits: string): number | undefined {
  return digits === '' ? undefined : Math.min(Number(digits), Number.MAX_SAFE_INTEGER - 1);
}
