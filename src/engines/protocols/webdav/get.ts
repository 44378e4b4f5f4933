import type { FileSystem, Stat } from '../../core/filesystem.ts';
import { ioError } from '../../core/errors.ts';
import { displayName, encodeName, type Name } from '../../core/names.ts';
import { rangeHolds, type Validators } from './conditions.ts';
import { httpDate } from './dates.ts';
import { HttpError, type WebdavResponse } from './messages.ts';
import { encodeSegment } from './paths.ts';
import { follow, type Found } from './places.ts';
import { type ByteRange, parseRange } from './ranges.ts';
import { escapeXml } from './xml.ts';

/** Bytes of one read. */
const PIECE = 256 * 1024;

/**
 * What a browser is told with everything that comes out of an image: it may be a page that wants to run, and would then have the address of the whole
 * tree. In a sandbox it has no scripts, no origin and no way out.
 */
const HARMLESS = { 'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox", 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'cross-origin-resource-policy': 'same-origin' } as const;

/** What GET and HEAD need to know of a request. */
export interface GetContext {
  readonly fs: FileSystem;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly head: boolean;
  /** Nanoseconds since 1970. */
  readonly now: bigint;
  random(into: Uint8Array): void;
  breathe(): Promise<void> | undefined;
  /** Told the bytes of files that are read. */
  read(count: number): void;
}

/** A file, or the parts of it that are asked for. @throws HttpError 416 */
export function getFile(context: GetContext, stat: Stat, validators: Validators): WebdavResponse {
  const headers = {
    ...HARMLESS, 'accept-ranges': 'bytes', etag: validators.etag, 'last-modified': httpDate(stat.mtime),
    // Who asks again is answered 304: an image that is open here changes at any time.
    'cache-control': 'private, no-cache',
  };
  const range = context.headers['range'];
  // A range has no meaning for HEAD (RFC 9110, section 14.2).
  const ranges = range === undefined || context.head || !rangeHolds(context.headers, validators, context.now) ? undefined : parseRange(range, stat.size);
  const [only] = ranges ?? [];
  if (ranges === undefined || only === undefined) return { status: 200, headers: { ...headers, 'content-length': String(stat.size) }, ...(context.head ? {} : { body: reading(context, stat, [{ range: { start: 0, length: stat.size } }]) }) };
  if (ranges.length === 1) return { status: 206, headers: { ...headers, 'content-length': String(only.length), 'content-range': contentRange(only, stat.size) }, body: reading(context, stat, [{ range: only }]) };
  const bytes = new Uint8Array(12);
  context.random(bytes);
  const boundary = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  const parts = ranges.map((each): Part => ({ before: encodeName(`\r\n--${boundary}\r\nContent-Type: application/octet-stream\r\nContent-Range: ${contentRange(each, stat.size)}\r\n\r\n`), range: each }));
  parts.push({ before: encodeName(`\r\n--${boundary}--\r\n`) });
  const length = parts.reduce((sum, part) => sum + (part.before?.length ?? 0) + (part.range?.length ?? 0), 0);
  return { status: 206, headers: { ...headers, 'content-type': `multipart/byteranges; boundary=${boundary}`, 'content-length': String(length) }, body: reading(context, stat, parts) };
}

interface Part {
  readonly before?: Uint8Array;
  readonly range?: ByteRange;
}

function contentRange({ start, length }: ByteRange, size: number): string {
  return `bytes ${start}-${start + length - 1}/${size}`;
}

async function* reading({ fs, breathe, read }: GetContext, { node }: Stat, parts: readonly Part[]): AsyncGenerator<Uint8Array> {
  // Whoever takes the name away meanwhile does not take what is being read.
  const { writer } = fs;
  await writer?.hold(node);
  try {
    for (const { before, range } of parts) {
      if (before !== undefined) yield before;
      const { start, length } = range ?? { start: 0, length: 0 };
      for (let done = 0; done < length;) {
        const into = new Uint8Array(Math.min(PIECE, length - done));
        const count = await fs.read(node, start + done, into);
        if (count === 0) throw ioError('The file became shorter while it was read');
        yield count === into.length ? into : into.subarray(0, count);
        done += count;
        read(count);
        const pause = breathe();
        if (pause) await pause;
      }
    }
  } finally {
    await writer?.release(node);
  }
}

/** A folder for a browser: a page of its names, sent as it is listed. No client of WebDAV asks for it. */
export function getFolder(context: GetContext, { folder }: Found, title: Name, slash: boolean, href: string): WebdavResponse {
  // Without the "/" the links of the page would lead beside it.
  if (!slash) throw new HttpError(301, 'A folder ends in "/"', { headers: { location: href } });
  const headers = { ...HARMLESS, 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' };
  return { status: 200, headers, ...(context.head ? {} : { body: folderPage(context, folder!, title) }) };
}

async function* folderPage({ fs, breathe }: GetContext, folder: NonNullable<Found['folder']>, title: Name): AsyncGenerator<Uint8Array> {
  const name = escapeXml(displayName(title));
  let text = `<!doctype html>\n<meta charset="utf-8"><title>${name}</title>\n<h1>${name}</h1>\n<ul>\n<li><a href="../">..</a>\n`;
  let batch = await fs.list(folder.node);
  for (;;) {
    for (const entry of batch.entries) {
      const found = await follow(fs, folder, entry.name, entry.node).catch(() => undefined);
      const end = found?.folder === undefined ? '' : '/';
      if (found !== undefined) text += `<li><a href="./${escapeXml(encodeSegment(entry.name))}${end}">${escapeXml(displayName(entry.name))}${end}</a>\n`;
      if (text.length > 32 * 1024) {
        yield encodeName(text);
        text = '';
      }
      const pause = breathe();
      if (pause) await pause;
    }
    if (batch.next === undefined) break;
    batch = await fs.list(folder.node, batch.next);
  }
  yield encodeName(`${text}</ul>\n`);
}
