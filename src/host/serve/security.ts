import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/**
 * Who may talk to the server: a browser that came with the one-time token and has the cookie since, from a page of the server itself. The
 * Host header is checked against rebound names (a site whose DNS points at 127.0.0.1), Origin against other sites' pages.
 */
export class Gate {
  /** The origin that pages have, "http://127.0.0.1:4711". */
  readonly origin: string;
  readonly #host: string;
  /** The cookie that the one-time token is exchanged for. Browsers keep cookies by host without port: two servers need two names. */
  readonly #cookie: string;
  readonly #session = randomBytes(32).toString('hex');
  #token: string | undefined = randomBytes(32).toString('hex');

  constructor(address: string, port: number) {
    this.#host = `${address}:${port}`;
    this.#cookie = `clutch-${port}`;
    this.origin = `http://${this.#host}`;
  }

  /** The address to print. It works once. */
  get url(): string {
    return `${this.origin}/?token=${this.#token}`;
  }

  /** True when the request names this server by its address, and comes from no other site's page. */
  fits(request: IncomingMessage): boolean {
    const { host, origin } = request.headers;
    return host === this.#host && (origin === undefined || origin === this.origin) && request.headers['sec-fetch-site'] !== 'cross-site';
  }

  /** The cookie header for a right token, which is used up by it; else undefined. */
  redeem(token: string): string | undefined {
    if (this.#token === undefined || !equal(token, this.#token)) return undefined;
    this.#token = undefined;
    return `${this.#cookie}=${this.#session}; HttpOnly; SameSite=Strict; Path=/`;
  }

  isKnown(request: IncomingMessage): boolean {
    const cookies = (request.headers.cookie ?? '').split(';').map((each) => each.trim());
    return cookies.some((each) => each.startsWith(`${this.#cookie}=`) && equal(each.slice(this.#cookie.length + 1), this.#session));
  }

  /** For a WebSocket, which browsers let any site open: the Origin header must be there and ours. */
  admits(request: IncomingMessage): boolean {
    return this.fits(request) && request.headers.origin === this.origin && this.isKnown(request);
  }
}

/** In constant time, so that answers don't tell how much of a guess was right. */
function equal(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a), Buffer.from(b)];
  return x.length === y.length && timingSafeEqual(x, y);
}
