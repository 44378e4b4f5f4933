import type { Server } from 'node:net';
import { DiskError, ioError, unsupported, usage } from '../../engines/core/errors.ts';
import { chosenPlace, privatePlace, type SocketKind, type SocketPlace } from './place.ts';

export const LOOPBACK = '127.0.0.1';

/** Where a server listens for programs of this computer: a socket of this path, or a port of this computer alone (0: any that is free). */
export type LocalPlace = { readonly socket: string } | { readonly port: number };

/**
 * Listens for programs of this computer alone. Without a place at a socket in a new folder that only this account can enter.
 * @returns the socket's place, or the port; `port` is 0 for a socket
 * @throws DiskError usage EEXIST, EINVAL, EACCES; busy; io; unsupported where there are no such sockets
 */
export async function listenLocally(server: Server, kind: SocketKind, at?: LocalPlace): Promise<{ readonly place?: SocketPlace; readonly port: number }> {
  if (at !== undefined && 'port' in at) {
    await listening(server, () => server.listen(at.port, LOOPBACK));
    return { port: (server.address() as { readonly port: number }).port };
  }
  if (process.platform === 'win32') throw unsupported('unix sockets', 'There are no Unix sockets here', 'Use a port of this computer.');
  const place = await (at === undefined ? privatePlace(kind) : chosenPlace(at.socket));
  try {
    await listening(server, () => {
      // The socket is there when listen returns, and only this account may connect to it: also in a folder of others, also in the moment that a chmod would take.
      const mask = process.umask(0o177);
      try {
        server.listen(place.path);
      } finally {
        process.umask(mask);
      }
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
