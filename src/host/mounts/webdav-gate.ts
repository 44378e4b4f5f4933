import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** Where a request that was let in is about: what stands before the tree's root in its target. */
export type Admission = { readonly base: string } | { readonly status: 401 | 403 | 404; readonly text: string };

/** The name that goes with the password. */
export const USER = 'clutch';

/** The first part of paths that need the password. */
const ASKED = '/dav';

/**
 * Who may talk to a mount's server. There is one secret of 256 bits for each mount; it is either the first part of the path, or the password of Basic
 * authentication for programs that have a place for one: a path is seen by everybody, in the list of processes and of mounts. The server listens on this
 * computer alone, where only root can listen in.
 * The Host header is checked against rebound names (a site whose DNS points at 127.0.0.1), Origin and Sec-Fetch-Site against other sites' pages: no client of WebDAV sends them.
 */
export class WebdavGate {
  readonly password = randomBytes(32).toString('hex');
  readonly #hosts: ReadonlySet<string>;
  readonly #origin: string;
  readonly #folder: string;
  readonly #secret = randomBytes(32).toString('hex');

  /** @param folder the last part of the tree's path, encoded: what clients show as its name */
  constructor(port: number, folder: string) {
    this.#hosts = new Set([`127.0.0.1:${port}`, `localhost:${port}`]);
    this.#origin = `http://127.0.0.1:${port}`;
    this.#folder = folder;
  }

  /** The address that needs nothing else. */
  get secretUrl(): string {
    return `${this.#origin}/${this.#secret}/${this.#folder}/`;
  }

  /** The address that asks for USER and the password. */
  get plainUrl(): string {
    return `${this.#origin}${ASKED}/${this.#folder}/`;
  }

  admit({ headers, url = '' }: IncomingMessage): Admission {
    if (!this.#hosts.has((headers.host ?? '').toLowerCase())) return { status: 403, text: 'This server answers only to its own address.' };
    const site = headers['sec-fetch-site'];
    if (headers.origin !== undefined || site !== undefined && site !== 'none' && site !== 'same-origin') return { status: 403, text: 'This server does not answer pages of other sites.' };
    const [, first = '', folder = ''] = (url.split('?', 1)[0] ?? '').split('/', 3);
    if (unescaped(folder) !== unescaped(this.#folder)) return { status: 404, text: 'Nothing is served there.' };
    if (same(first, this.#secret)) return { base: `/${first}/${folder}` };
    if (`/${first}` !== ASKED) return { status: 404, text: 'Nothing is served there.' };
    const basic = /^basic ([a-z\d+/=]+)$/i.exec(headers.authorization ?? '')?.[1];
    if (basic === undefined || !same(Buffer.from(basic, 'base64').toString('latin1'), `${USER}:${this.password}`)) return { status: 401, text: 'The password is missing, or wrong.' };
    return { base: `${ASKED}/${folder}` };
  }
}

/** In a time that says nothing of where they differ, nor of their lengths. */
function same(given: string, expected: string): boolean {
  return timingSafeEqual(digest(given), digest(expected));
}

/** Clients differ in what they spell with a percent sign. */
function unescaped(text: string): string {
  return text.replace(/%([\da-f]{2})/gi, (_, digits: string) => String.fromCharCode(parseInt(digits, 16)));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
