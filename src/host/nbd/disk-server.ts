import { chmodSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { DiskError, ioError, unsupported, usage } from '../../engines/core/errors.ts';
import { checkExports, type NbdConnection, type NbdExport, type NbdStatistics, newStatistics, serveNbd } from '../../engines/protocols/nbd/index.ts';
import { streamChannel } from '../channels.ts';
import { nodeJob } from '../session.ts';
import { chosenPlace, privatePlace, type SocketPlace } from './socket-place.ts';

/** Clients at a time. One more is turned away. */
const MOST_CLIENTS = 64;

const LOOPBACK = '127.0.0.1';

export interface DiskServerOptions {
  /** The first one of the name '' is what a client gets that names none. */
  readonly exports: readonly NbdExport[];
  /** Where it listens: a socket of this path, or a port of this computer alone (0: any that is free). Without either a socket in a private folder. */
  readonly at?: { readonly socket: string } | { readonly port: number };
  /** Told how many clients have an export open, whenever one opens or one is gone. */
  readonly onClients?: (open: number) => void;
  /** Told why a client was cut off that did not keep to the protocol. */
  readonly onFailure?: (error: DiskError) => void;
}

/** Devices that other processes use as disks, over NBD. */
export interface DiskServer {
  /** Of the socket; '' for a port. */
  readonly path: string;
  /** Of 127.0.0.1; 0 for a socket. */
  readonly port: number;
  readonly stats: Readonly<NbdStatistics>;
  /** Clients that have an export open. */
  readonly clients: number;
  /** How programs are told where an export is, as the NBD URI specification has it: "nbd+unix:///name?socket=/path". */
  uri(name?: string): string;
  /** From when it returns on, no client changes anything; what they read is still answered. For good. */
  fence(): void;
  /** Ends all connections and takes the socket away. When it resolves, the devices are nobody's any more; they stay open. */
  close(): Promise<void>;
}

/**
 * Serves devices to other processes of this computer until it is closed.
 * @throws DiskError usage EEXIST, EINVAL, EACCES; io; unsupported where there are no such sockets
 */
export async function startDiskServer({ exports, at, onClients, onFailure }: DiskServerOptions): Promise<DiskServer> {
  checkExports(exports);
  const stats = newStatistics();
  // One for all: the pauses are the process's.
  const job = nodeJob();
  const connections = new Set<NbdConnection>();
  let clients = 0;
  let fenced = false;

  const count = (change: number): void => {
    clients += change;
    onClients?.(clients);
  };
  const serve = async (socket: Socket): Promise<void> => {
    let open = false;
    const connection = serveNbd(streamChannel(socket), exports, {
      job, statistics: stats, fenced: () => fenced,
      onOpen() {
        open = true;
        count(1);
      },
    });
    connections.add(connection);
    const error = await connection.ended;
    connections.delete(connection);
    if (error !== undefined) onFailure?.(error);
    if (open) count(-1);
  };

  // A client may close its direction before it has read the answers.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    if (connections.size < MOST_CLIENTS) void serve(socket);
    else socket.destroy();
  });
  const { place, port } = await listen(server, at);
  const path = place?.path ?? '';
  return {
    path, port, stats,
    get clients() { return clients; },
    uri: (name = '') => (place === undefined ? `nbd://${LOOPBACK}:${port}/${encodeURIComponent(name)}` : `nbd+unix:///${encodeURIComponent(name)}?socket=${encodeURIComponent(path).replaceAll('%2F', '/')}`),
    fence() { fenced = true; },
    async close() {
      fenced = true;
      const closed = new Promise((resolve) => { server.close(resolve); });
      const ending = [...connections].map(({ ended }) => ended);
      for (const connection of connections) connection.close();
      await Promise.all(ending);
      place?.remove();
      await closed;
    },
  };
}

async function listen(server: Server, at: DiskServerOptions['at']): Promise<{ readonly place?: SocketPlace; readonly port: number }> {
  if (at !== undefined && 'port' in at) {
    await listening(server, () => server.listen(at.port, LOOPBACK));
    return { port: (server.address() as { readonly port: number }).port };
  }
  if (process.platform === 'win32') throw unsupported('unix sockets', 'There are no Unix sockets here', 'Use a port of this computer.');
  const place = await (at === undefined ? privatePlace() : chosenPlace(at.socket));
  try {
    await listening(server, () => {
      server.listen(place.path);
      // The socket is there when listen returns: only this account may connect.
      if (server.listening) chmodSync(place.path, 0o600);
    });
  } catch (error) {
    // What another program put there meanwhile is not ours.
    if (at === undefined) place.remove();
    else place.forget();
    throw error;
  }
  return { place, port: 0 };
}

function listening(server: Server, begin: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('listening', () => {
      server.removeAllListeners('error');
      // A failed accept (too many open files) is the client's loss alone.
      server.on('error', () => {});
      resolve();
    });
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error)));
    begin();
  });
}

function listenError({ code, message }: NodeJS.ErrnoException): DiskError {
  switch (code) {
    case 'EADDRINUSE': return new DiskError({ kind: 'busy' }, 'Another program listens there already', 'Choose another path or port.');
    case 'EACCES': case 'EPERM': return usage('EACCES', 'This account may not listen there', 'Choose another path or port.');
    default: return ioError(`It can't be listened: ${message}`);
  }
}
