import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { DiskError, ioError, toDiskError } from '../../engines/core/errors.ts';
import { jobContext } from '../../engines/core/job.ts';
import type { ServedTree } from '../../engines/core/served.ts';
import { encodeSegment, textResponse, WebdavHandler, type WebdavResponse } from '../../engines/protocols/webdav/index.ts';
import type { MountStats } from '../../shared/contract/mounts.ts';
import { fillRandom } from '../random.ts';
import { USER, WebdavGate } from './webdav-gate.ts';

/** Connections at once: a client has a handful. */
const MAX_CONNECTIONS = 64;

/** Bytes of a request's head: a path of PATH_MAX bytes, each of them written as three, twice (Destination), and the rest. */
const MAX_HEAD = 32 * 1024;

/** Milliseconds in which a head must arrive, and between two requests. */
const HEAD_MS = 30_000;
const IDLE_MS = 120_000;

/** Milliseconds in which a client must send or take something of a body. A program that was stopped (Ctrl-Z) holds what it reads no longer than this. */
const STALL_MS = 10 * 60_000;

export interface WebdavServerOptions {
  readonly tree: ServedTree;
  readonly title: string;
  readonly direct?: boolean;
}

/** A tree as a WebDAV server of this computer alone. */
export class WebdavServer {
  readonly gate: WebdavGate;
  readonly #server: Server;
  readonly #handler: WebdavHandler;
  /** In the order in which they came. */
  readonly #sockets = new Set<Socket>();
  /** Those that showed the secret. */
  readonly #known = new WeakSet<Socket>();
  readonly #working = new Set<Promise<void>>();
  #closed = false;

  private constructor(server: Server, handler: WebdavHandler, gate: WebdavGate) {
    this.#server = server;
    this.#handler = handler;
    this.gate = gate;
    server.on('connection', (socket) => {
      if (this.#sockets.size >= MAX_CONNECTIONS && !this.#makeRoom()) {
        socket.destroy();
        return;
      }
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    server.on('request', (request, response) => {
      const work = this.#serve(request, response).catch(() => { response.destroy(); });
      this.#working.add(work);
      void work.finally(() => this.#working.delete(work));
    });
    // What is no HTTP, or too long, is answered in a word.
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      if (socket.writable && error.code !== 'ECONNRESET') socket.end(`HTTP/1.1 ${error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request'}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      else socket.destroy();
    });
  }

  /** Listens at a free port of 127.0.0.1. @throws DiskError io */
  static async start(options: WebdavServerOptions): Promise<WebdavServer> {
    const server = createServer({ maxHeaderSize: MAX_HEAD, headersTimeout: HEAD_MS, keepAliveTimeout: IDLE_MS, requestTimeout: 0, connectionsCheckingInterval: 5000 });
    server.listen(0, '127.0.0.1');
    try {
      await once(server, 'listening');
    } catch (error) {
      throw ioError(`No port can be had on this computer: ${toDiskError(error).message}`);
    }
    const job = jobContext({ now: () => performance.now(), nextTurn: async () => { await setImmediate(); }, signal: { aborted: false } });
    const handler = new WebdavHandler({
      tree: options.tree, title: options.title, now: () => Date.now(), random: fillRandom, breathe: () => job.breathe(), ...(options.direct ? { direct: true } : {}),
    });
    return new WebdavServer(server, handler, new WebdavGate((server.address() as AddressInfo).port, encodeSegment(options.title)));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** `open`: requests that are being answered, for WebDAV opens nothing. */
  get stats(): MountStats {
    return { ...this.#handler.statistics, open: this.#working.size };
  }

  /** Requests that are on their way. */
  get busy(): boolean {
    return this.#working.size > 0;
  }

  /** No more requests are taken; those on their way are answered, unless they are cut off. Returns when nothing touches the tree any more. */
  async close(how: { readonly cut?: boolean } = {}): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#server.close();
    this.#server.closeIdleConnections();
    if (how.cut) for (const socket of this.#sockets) socket.destroy();
    await Promise.allSettled(this.#working);
    for (const socket of this.#sockets) socket.destroy();
    this.#handler.close();
  }

  /** Any account of this computer may connect. The longest open of those that showed no secret goes, or idle ones would keep the mount's own client out. */
  #makeRoom(): boolean {
    for (const socket of this.#sockets) {
      if (this.#known.has(socket)) continue;
      this.#sockets.delete(socket);
      socket.destroy();
      return true;
    }
    return false;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = request;
    // Windows and others ask the server before they ask for a path, and without the password. Nothing of the tree is in the answer.
    const admission = this.gate.admit(request);
    if ('status' in admission) {
      if (method === 'OPTIONS' && admission.status !== 403) return send(request, response, await this.#handler.handle({ method, target: url, base: '', headers: {}, body: nothing() }));
      return send(request, response, textResponse(admission.status, admission.text, admission.status === 401 ? { 'www-authenticate': `Basic realm="${USER}", charset="UTF-8"` } : {}));
    }
    this.#known.add(request.socket);
    await send(request, response, await this.#handler.handle({ method, target: url, base: admission.base, headers: headersOf(request), body: bodyOf(request) }));
  }
}

function headersOf({ headers }: IncomingMessage): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]));
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** A request's body. @throws DiskError io when the client is gone before its end, timeout when it sends nothing for too long */
async function* bodyOf(request: IncomingMessage): AsyncGenerator<Uint8Array> {
  const { socket } = request;
  let stalled = false;
  const onTimeout = (): void => {
    stalled = true;
    socket.destroy();
  };
  socket.setTimeout(STALL_MS, onTimeout);
  try {
    // Whoever stops reading does not end the request: the answer is still to be sent.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) yield chunk as Buffer;
    if (!request.complete) throw new Error('it ended early');
  } catch (error) {
    throw stalled ? new DiskError({ kind: 'timeout', ms: STALL_MS }, 'The client sent nothing more') : ioError(`The client went away: ${(error as Error).message}`);
  } finally {
    socket.removeListener('timeout', onTimeout);
    socket.setTimeout(0);
  }
}

/** Bytes of a request's body that are read to no end, so that its sender gets the answer: more than that, and the connection is cut. */
const MAX_LEFT = 64 << 20;

async function send(request: IncomingMessage, response: ServerResponse, { status, headers, body }: WebdavResponse): Promise<void> {
  const { 'content-length': length, 'transfer-encoding': coding } = request.headers;
  const left = request.complete ? 0 : coding === undefined ? Number(length ?? 0) : Infinity;
  if (left > MAX_LEFT) response.shouldKeepAlive = false;
  response.writeHead(status, { ...headers });
  const isHead = request.method === 'HEAD';
  if (body === undefined || isHead) response.end();
  else if (body instanceof Uint8Array) response.end(body);
  else {
    const { socket } = response;
    const onTimeout = (): void => { response.destroy(); };
    socket?.setTimeout(STALL_MS, onTimeout);
    try {
      for await (const piece of body) {
        if (response.destroyed || response.writableEnded) return;
        if (!response.write(piece)) await drained(response);
      }
      response.end();
    } catch {
      // What was promised can't be kept: a connection that ends in the middle is how HTTP says so.
      response.destroy();
    } finally {
      socket?.removeListener('timeout', onTimeout);
      socket?.setTimeout(0);
    }
  }
  if (left <= MAX_LEFT) return;
  await new Promise<void>((resolve) => { response.once('close', resolve); if (response.closed || response.destroyed || response.writableFinished) resolve(); });
  request.destroy();
}

/** Resolves when more can be written, or nobody reads any more. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
    if (response.destroyed) done();
  });
}
