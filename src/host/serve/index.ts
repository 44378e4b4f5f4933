import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, isIPv6 } from 'node:net';
import { resolve } from 'node:path';
import type { Duplex } from 'node:stream';
import envPaths from 'env-paths';
import { type WebSocket, WebSocketServer } from 'ws';
import { version } from '../../../package.json';
import { isDiskError, usage } from '../../engines/core/errors.ts';
import { MAX_MESSAGE, websocketTransport } from '../../shared/rpc/transports/websocket.ts';
import { App } from '../app/service.ts';
import { findBuilt } from '../built.ts';
import type { SupervisedHost } from '../supervisor.ts';
import { forkHost } from './child.ts';
import { HEADERS, sendPage } from './pages.ts';
import { Gate } from './security.ts';

/** Connections at once, of all browsers together. */
const MAX_CONNECTIONS = 256;

/** Bytes that may wait for a browser that does not read them. */
const MAX_BUFFERED = 256 * 1024 * 1024;

export interface ServeOptions {
  /** Images to open in the first page. */
  readonly images: readonly string[];
  /** 0 or absent: any free one. */
  readonly port?: number;
  /** Only addresses of this computer itself. */
  readonly host?: string;
  /** The program of an image's process and the folder of the page, where they are not the built ones. */
  readonly built?: { readonly host: string; readonly renderer: string; readonly sample?: string | undefined };
  /** Where settings lie, if not where this system keeps them. */
  readonly settings?: string;
}

export interface Served {
  /** To open in a browser. Works once. */
  readonly url: string;
  /** Images with changes that were neither applied nor discarded. */
  readonly pending: number;
  /** Ends the server and every image's process; what is pending goes with it. */
  close(): Promise<void>;
}

/**
 * The window for a browser of this computer: the page over HTTP, the app's service and the images' over WebSockets.
 * @throws DiskError usage for an address that others could reach; io when the port can't be had
 */
export async function serve(options: ServeOptions): Promise<Served> {
  const address = options.host ?? '127.0.0.1';
  if (!/^(127(\.\d{1,3}){3}|::1)$/.test(address)) throw usage('EACCES', `${address} is not an address of this computer alone`, 'Use 127.0.0.1; from elsewhere, forward the port with ssh -L.');
  const built = options.built ?? findBuilt();
  const app = new App<never>({
    info: { version, client: 'browser', platform: process.platform, dialogs: 'path', dragOut: false },
    folder: options.settings ?? envPaths('clutch', { suffix: '' }).config,
    // Who names images wants those.
    session: options.images.length === 0,
    startProcess: () => forkHost(built.host),
    ...(built.sample === undefined ? {} : { sample: built.sample }),
  });
  const server = createServer();
  server.maxConnections = MAX_CONNECTIONS;
  server.listen(options.port ?? 0, address);
  await once(server, 'listening');
  const gate = new Gate(isIPv6(address) ? `[${address}]` : address, (server.address() as AddressInfo).port);
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE, perMessageDeflate: false });

  server.on('request', (request, response) => void answer(gate, built.renderer, request, response));
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    const target = gate.admits(request) ? targetOf(request, app) : undefined;
    if (target === undefined) return refuse(socket);
    sockets.handleUpgrade(request, socket, head, (client) => {
      client.on('error', () => client.terminate());
      if (target === 'app') app.connect(websocketTransport(client));
      else relay(client, target);
    });
  });
  app.open(options.images.map((path) => resolve(path)));
  return {
    url: gate.url,
    get pending() { return app.pending; },
    async close() {
      for (const client of sockets.clients) client.terminate();
      server.close();
      server.closeAllConnections();
      await app.close();
    },
  };
}

async function answer(gate: Gate, folder: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  // Taken as it is: a URL parser would tidy up ".." and read a host into "//host".
  const [path = '', query = ''] = (request.url ?? '').split('?', 2);
  const say = (status: number, text: string, more: Record<string, string> = {}): void => void response.writeHead(status, { ...HEADERS, 'content-type': 'text/plain; charset=utf-8', ...more }).end(`${text}\n`);
  if (!gate.fits(request)) return say(403, 'This server answers only to its own address.');
  if (request.method !== 'GET') return say(405, 'Only GET is answered.', { allow: 'GET' });
  const token = path === '/' ? new URLSearchParams(query).get('token') : null;
  if (token !== null && !gate.isKnown(request)) {
    const cookie = gate.redeem(token);
    return cookie === undefined
      ? say(403, 'This address works once, and was used already. Start clutch serve again for a new one.')
      : say(303, 'Welcome.', { 'set-cookie': cookie, location: '/' });
  }
  if (!gate.isKnown(request)) return say(403, 'Open the address that clutch serve printed.');
  // Out of the address bar and the history.
  if (token !== null) return say(303, 'Welcome.', { location: '/' });
  await sendPage(folder, path, response);
}

function targetOf(request: IncomingMessage, app: App<never>): 'app' | SupervisedHost<never> | undefined {
  if (request.url === '/app') return 'app';
  const image = /^\/image\/(\d{1,9})$/.exec(request.url ?? '')?.[1];
  if (image === undefined) return undefined;
  try {
    return app.host(Number(image));
  } catch (error) {
    if (isDiskError(error)) return undefined;
    throw error;
  }
}

function refuse(socket: Duplex): void {
  socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
}

/** Texts of a browser's to an image's process and back, unread: what is in them the image's process checks. */
function relay(client: WebSocket, host: SupervisedHost<never>): void {
  const channel = host.openChannel({
    onText(text) {
      client.send(text);
      if (client.bufferedAmount > MAX_BUFFERED) client.terminate();
    },
    onClose: () => client.close(1000, 'the image was closed'),
  });
  client.on('message', (data, isBinary) => {
    if (isBinary) client.close(1003);
    else channel.send(String(data));
  });
  client.on('close', () => channel.close());
}
