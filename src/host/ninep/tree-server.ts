import { createServer, type Socket } from 'node:net';
import type { DiskError } from '../../engines/core/errors.ts';
import type { FileSystem } from '../../engines/core/filesystem.ts';
import { serve9p } from '../../engines/protocols/ninep/index.ts';
import { streamChannel } from '../channels.ts';
import { listenLocally, type LocalPlace, LOOPBACK } from '../sockets/listen.ts';

/** Clients at a time. One more is turned away. */
const MOST_CLIENTS = 64;

/** fids of one client: Linux keeps one for every name that it remembers, and remembers as many as memory allows when it caches. */
const FIDS = 1 << 20;

export interface TreeServerOptions {
  /** Where it listens. Without it a socket in a private folder. */
  readonly at?: LocalPlace;
  /** Told how many clients are connected, whenever one comes or goes. */
  readonly onClients?: (connected: number) => void;
  /** Told why a client was cut off that did not keep to the protocol. */
  readonly onFailure?: (error: DiskError) => void;
}

/** Bytes of a frame that mount(8) is told to ask for: Linux asks for a quarter of it by itself. */
const MSIZE = 512 << 10;

/** A tree that other processes use, over 9P. */
export interface TreeServer {
  /** Of the socket; '' for a port. */
  readonly path: string;
  /** Of 127.0.0.1; 0 for a socket. */
  readonly port: number;
  readonly clients: number;
  /** What mount(8) of Linux is told: the options of `-t 9p`, and the device's name behind them. */
  readonly source: { readonly options: string; readonly device: string };
  /** Ends all connections and takes the socket away. When it resolves, nobody uses the tree any more; what was open is let go. */
  close(): Promise<void>;
}

/**
 * Serves a tree to other processes of this computer until it is closed. Its owners and modes are told and not enforced: whoever may connect may do all.
 * @throws DiskError usage EEXIST, EINVAL, EACCES; busy; io; unsupported where there are no such sockets
 */
export async function startTreeServer(fs: FileSystem, { at, onClients, onFailure }: TreeServerOptions = {}): Promise<TreeServer> {
  const connections = new Map<ReturnType<typeof streamChannel>, Promise<void>>();

  const serve = (socket: Socket): void => {
    const channel = streamChannel(socket);
    connections.set(channel, new Promise((resolve) => {
      serve9p(channel, fs, {
        fids: FIDS,
        ended(error) {
          connections.delete(channel);
          if (error !== undefined) onFailure?.(error);
          onClients?.(connections.size);
          resolve();
        },
      });
    }));
    onClients?.(connections.size);
  };

  const server = createServer({ noDelay: true }, (socket) => {
    if (connections.size < MOST_CLIENTS) serve(socket);
    else socket.destroy();
  });
  const { place, port } = await listenLocally(server, '9p', at);
  const path = place?.path ?? '';
  return {
    path, port,
    get clients() { return connections.size; },
    source: place === undefined ? { options: `trans=tcp,port=${port},version=9p2000.L,msize=${MSIZE}`, device: LOOPBACK } : { options: `trans=unix,version=9p2000.L,msize=${MSIZE}`, device: path },
    async close() {
      const closed = new Promise((resolve) => { server.close(resolve); });
      const ending = [...connections.values()];
      for (const channel of connections.keys()) channel.close();
      await Promise.all(ending);
      place?.remove();
      await closed;
    },
  };
}
