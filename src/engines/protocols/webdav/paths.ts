import { decodeName, encodeName, type Name } from '../../core/names.ts';
import { HttpError } from './messages.ts';

/** The names that lead from the tree's root to something; empty for the root itself. */
export type Path = readonly Name[];

/** A path as a URL spells it. */
export interface Target {
  readonly path: Path;
  /** It ends in "/": a folder is meant. */
  readonly slash: boolean;
}

/** Names on one path at most: deeper ones are no path of a person's, and each costs a step. */
const MAX_DEPTH = 512;

/**
 * The path of a request's target below the tree's root. Percent signs stand for bytes, so a name may be any bytes.
 * @throws HttpError 400 for what could lead elsewhere: ".", "..", an encoded "/" or NUL, and percent signs that are none; 404 outside `base`
 */
export function parseTarget(target: string, base: string): Target {
  // What a fragment names is no part of a request: taken as if it were not there, DELETE would remove the whole.
  if (target.includes('#')) throw new HttpError(400, 'A request has no fragment');
  const raw = target.replace(/\?.*$/s, '');
  if (!raw.startsWith(`${base}/`) && raw !== base) throw new HttpError(404, 'Nothing is served there');
  const parts = raw.slice(base.length).split('/').filter((part) => part !== '');
  if (parts.length > MAX_DEPTH) throw new HttpError(414, 'The path is too deep');
  return { path: parts.map(decodeSegment), slash: raw.endsWith('/') };
}

/**
 * The path in a header that holds a URL of this server (Destination, a tagged list of If).
 * @param host what the request says in Host
 * @throws HttpError 400, 404 as parseTarget; 502 for another server's (RFC 4918, section 9.8.5)
 */
export function parseUrl(url: string, base: string, host: string | undefined): Target {
  const absolute = /^([a-z][a-z\d+.-]*):\/\/([^/?#]*)(.*)$/is.exec(url.trim());
  if (absolute === null) {
    if (!url.trim().startsWith('/')) throw new HttpError(400, 'The URL is none');
    return parseTarget(url.trim(), base);
  }
  const [, scheme = '', authority = '', rest = ''] = absolute;
  // Some clients name the person in it, too.
  const other = !/^https?$/i.test(scheme) || authority.replace(/^.*@/, '').toLowerCase() !== (host ?? '').toLowerCase();
  if (other) throw new HttpError(502, 'The URL is another server\'s');
  return parseTarget(rest === '' ? '/' : rest, base);
}

/** A path as a URL path, the way hrefs give it. */
export function hrefOf(base: string, path: Path, isDirectory: boolean): string {
  let href = base;
  for (const name of path) href += `/${encodeSegment(name)}`;
  return isDirectory ? `${href}/` : href === '' ? '/' : href;
}

/** A key for maps: no name holds a "/". Ends in "/" itself, so that one path is below another when its key begins with the other's. */
export function keyOf(path: Path): string {
  return path.length === 0 ? '/' : `/${path.join('/')}/`;
}

// Unreserved characters and those sub-delimiters that mean nothing in XML (RFC 3986, section 3.3).
const PLAIN = /^[\w.~!$()*+,;=:@-]*$/;

/** One name in a URL. */
export function encodeSegment(name: Name): string {
  if (PLAIN.test(name)) return name;
  let text = '';
  for (const byte of encodeName(name)) {
    const character = String.fromCharCode(byte);
    text += byte < 0x80 && PLAIN.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return text;
}

function decodeSegment(segment: string): Name {
  const bytes = new Uint8Array(segment.length);
  let length = 0;
  for (let i = 0; i < segment.length; i++) {
    let code = segment.charCodeAt(i);
    if (code === 0x25) {
      const digits = segment.slice(i + 1, i + 3);
      if (!/^[\da-f]{2}$/i.test(digits)) throw new HttpError(400, 'A percent sign in the path has no two digits behind it');
      code = parseInt(digits, 16);
      i += 2;
    }
    // A "/" that was encoded would be one name to us and two to whoever is behind us.
    if (code > 0xff || code === 0 || code === 0x2f) throw new HttpError(400, 'The path holds what no name can hold');
    bytes[length++] = code;
  }
  const name = decodeName(bytes, 0, length);
  if (name === '.' || name === '..') throw new HttpError(400, 'The path holds a "." or "..": it must be written out');
  return name;
}
