import type { LocalPlace } from '../host/sockets/listen.ts';
import { shownText, UsageError } from './exit.ts';
import { stderr, stdout } from './streams.ts';

/** What the verbs take that serve something to other programs until it is enough. */
export interface ServingOptions {
  readonly write?: boolean;
  readonly direct?: boolean;
  readonly socket?: string;
  readonly port?: string;
  readonly once?: boolean;
}

/** Where to listen, and when it is enough. */
export interface Serving {
  readonly at?: LocalPlace;
  /** Ends when all clients are gone that came. */
  readonly once: boolean;
  readonly write: boolean;
  readonly direct: boolean;
}

/** @throws UsageError */
export function servingOf({ write = false, direct = false, once = false, socket, port }: ServingOptions): Serving {
  if (direct && !write) throw new UsageError('--direct is a way of writing: say --write --direct');
  if (socket !== undefined && port !== undefined) throw new UsageError('It listens at a socket or at a port, not at both');
  const how = { once, write, direct };
  if (socket !== undefined) return { ...how, at: { socket } };
  if (port === undefined) return how;
  const number = Number(port);
  if (!/^\d+$/.test(port) || number > 65535) throw new UsageError(`--port takes a number up to 65535, not "${port}"`);
  return { ...how, at: { port: number } };
}

/** A server of this computer, as far as waiting for its end goes. */
export interface LocalServer {
  readonly clients: number;
  close(): Promise<void>;
}

/**
 * Serves until Ctrl-C, or with `once` until the last client has gone.
 * @param start is told whom to tell how many clients there are @param announce says on standard output where it is @param shown what is served
 */
export async function serveUntil<S extends LocalServer>(start: (onClients: (count: number) => void) => Promise<S>, announce: (server: S) => string, shown: string, { once, write }: Serving, stopped: Promise<void>): Promise<S> {
  let leave: (() => void) | undefined;
  const left = new Promise<void>((resolve) => { leave = resolve; });
  const server = await start((count) => { if (once && count === 0) leave?.(); });
  try {
    stdout.line(announce(server));
    stdout.flush();
    tell(`${shown} is served ${write ? 'for reading and writing' : 'for reading'}; Ctrl-C ends it`);
    await Promise.race([stopped, left]);
    if (server.clients > 0) tell('a program that uses it was cut off');
  } finally {
    await server.close();
  }
  return server;
}

/** Never throws: a terminal that was closed must not keep what was written from being applied. */
export function tell(text: string): void {
  try {
    stderr.line(shownText(`clutch: ${text}`));
    stderr.flush();
  } catch {
    // Nobody reads it.
  }
}
