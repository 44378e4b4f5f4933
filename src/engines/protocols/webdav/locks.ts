import { hrefOf, keyOf, type Path } from './paths.ts';
import { HttpError } from './messages.ts';
import { dav, escapeXml } from './xml.ts';

/** A write lock (RFC 4918, section 6). */
export interface Lock {
  /** "urn:uuid:…" */
  readonly token: string;
  readonly path: Path;
  readonly scope: 'exclusive' | 'shared';
  /** It is about everything below, too. */
  readonly deep: boolean;
  /** What the client said of its owner, as XML of ours; may be empty. */
  readonly owner: string;
  /** Milliseconds that it lasts without being refreshed. */
  readonly timeout: number;
}

/** Locks at once. A client has one for each file that it writes. */
const MAX_LOCKS = 1000;

/** Seconds. A client that dies leaves its locks; who lives refreshes them (Windows asks for an hour, davfs2 for half of one). */
const LONGEST = 3600;
const SHORTEST = 10;

interface Held {
  readonly lock: Lock;
  readonly key: string;
  expires: number;
}

/**
 * The locks of a tree, by URL as WebDAV has them: not by node. They end with the server, and bind only those who come through it.
 */
export class Locks {
  readonly #held = new Map<string, Held>();
  readonly #now: () => number;
  readonly #random: (into: Uint8Array) => void;

  /** @param now milliseconds of a clock that never goes back */
  constructor(now: () => number, random: (into: Uint8Array) => void) {
    this.#now = now;
    this.#random = random;
  }

  get size(): number {
    this.#expire();
    return this.#held.size;
  }

  /**
   * @param seconds as asked for
   * @throws HttpError 423 when another lock is in the way; 503 when there are too many
   */
  add(path: Path, more: Pick<Lock, 'scope' | 'deep' | 'owner'>, seconds: number, base: string): Lock {
    const key = keyOf(path);
    const inTheWay = [...this.covering(path), ...(more.deep ? this.below(path) : [])].find(({ scope }) => more.scope === 'exclusive' || scope === 'exclusive');
    if (inTheWay !== undefined) throw new HttpError(423, 'It is locked already', { condition: dav('no-conflicting-lock', dav('href', escapeXml(hrefOf(base, inTheWay.path, false)))) });
    if (this.#held.size >= MAX_LOCKS) throw new HttpError(503, `There are ${MAX_LOCKS} locks already`);
    const timeout = Math.min(LONGEST, Math.max(SHORTEST, seconds)) * 1000;
    const lock: Lock = { ...more, path, token: this.#token(), timeout };
    this.#held.set(lock.token, { lock, key, expires: this.#now() + timeout });
    return lock;
  }

  /** The lock of a token, where it is about a path. */
  find(token: string, path: Path): Lock | undefined {
    return this.covering(path).find((lock) => lock.token === token);
  }

  /** It lasts from now on as long as it may. @param seconds as asked for; absent: as before */
  refresh(lock: Lock, seconds: number | undefined): Lock {
    const timeout = seconds === undefined ? lock.timeout : Math.min(LONGEST, Math.max(SHORTEST, seconds)) * 1000;
    const renewed = { ...lock, timeout };
    this.#held.set(lock.token, { lock: renewed, key: keyOf(lock.path), expires: this.#now() + timeout });
    return renewed;
  }

  remove(lock: Lock): void {
    this.#held.delete(lock.token);
  }

  /** What is there no more has no locks. */
  removeAt(path: Path): void {
    const key = keyOf(path);
    for (const held of this.#held.values()) if (held.key.startsWith(key)) this.#held.delete(held.lock.token);
  }

  /** Those about a path: on it, or deep ones on what it lies in. */
  covering(path: Path): Lock[] {
    this.#expire();
    if (this.#held.size === 0) return [];
    const key = keyOf(path);
    return [...this.#held.values()].filter((held) => held.key === key || held.lock.deep && key.startsWith(held.key)).map(({ lock }) => lock);
  }

  /** Those on something below a path. */
  below(path: Path): Lock[] {
    this.#expire();
    if (this.#held.size === 0) return [];
    const key = keyOf(path);
    return [...this.#held.values()].filter((held) => held.key.length > key.length && held.key.startsWith(key)).map(({ lock }) => lock);
  }

  /**
   * Whether who has these tokens may change something (RFC 4918, section 7). Each resource that is locked needs a token of a lock on it.
   * @param what.deep everything below is changed as well
   * @param what.member its name is made or taken away: that is a change of the folder it is in
   * @throws HttpError 423
   */
  check(path: Path, what: { readonly deep?: boolean; readonly member?: boolean }, tokens: ReadonlySet<string>, base: string): void {
    if (this.size === 0) return;
    const places = [path, ...(what.member && path.length > 0 ? [path.slice(0, -1)] : []), ...(what.deep ? this.below(path).map((lock) => lock.path) : [])];
    for (const place of places) {
      const locks = this.covering(place);
      if (locks.length === 0 || locks.some(({ token }) => tokens.has(token))) continue;
      throw new HttpError(423, 'It is locked', { condition: dav('lock-token-submitted', dav('href', escapeXml(hrefOf(base, locks[0]!.path, false)))) });
    }
  }

  #expire(): void {
    const now = this.#now();
    for (const { lock, expires } of this.#held.values()) if (expires <= now) this.#held.delete(lock.token);
  }

  /** A random UUID (RFC 9562, version 4), so that nobody can guess another's lock. */
  #token(): string {
    const bytes = new Uint8Array(16);
    this.#random(bytes);
    bytes[6] = (bytes[6]! & 0x0f) | 0x40;
    bytes[8] = (bytes[8]! & 0x3f) | 0x80;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
    return `urn:uuid:${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }
}

/** Seconds of a Timeout header: the first that is understood (RFC 4918, section 10.7). Absent: as the server likes. */
export function parseTimeout(header: string | undefined): number | undefined {
  for (const each of (header ?? '').split(',')) {
    if (/^\s*infinite\s*$/i.test(each)) return LONGEST;
    const seconds = /^\s*second-(\d{1,10})\s*$/i.exec(each)?.[1];
    if (seconds !== undefined) return Number(seconds);
  }
  return undefined;
}

/** How long a lock lasts where nobody says. */
export const USUAL_TIMEOUT = LONGEST;

/** The value of DAV:lockdiscovery. */
export function lockDiscovery(locks: readonly Lock[], base: string): string {
  return locks.map(({ scope, deep, owner, timeout, token, path }) => dav('activelock',
    dav('locktype', dav('write')) + dav('lockscope', dav(scope)) + dav('depth', deep ? 'infinity' : '0') + (owner === '' ? '' : dav('owner', owner))
    + dav('timeout', `Second-${Math.round(timeout / 1000)}`) + dav('locktoken', dav('href', escapeXml(token))) + dav('lockroot', dav('href', escapeXml(hrefOf(base, path, false)))))).join('');
}
