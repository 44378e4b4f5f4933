import { createServer, type Socket } from 'node:net';
import type { DiskError } from '../../engines/core/errors.ts';
import { checkExports, type NbdConnection, type NbdExport, type NbdStatistics, newStatistics, serveNbd } from '../../engines/protocols/nbd/index.ts';
import { streamChannel } from '../channels.ts';
import { nodeJob } from '../session.ts';
import { listenLocally, type LocalPlace, LOOPBACK } from '../sockets/listen.ts';

/** Clients at a time. One more is turned away. */
const MOST_CLIENTS = 64;

export interface DiskServerOptions {
  /** The first one of the name '' is what a client gets that names none. */
  readonly exports: readonly NbdExport[];
  /** Where it listens. Without it a socket in a private folder. */
  readonly at?: LocalPlace;
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
  const { place, port } = await listenLocally(server, 'nbd', at);
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
