import { DiskError, ioError, usage } from '../../engines/core/errors.ts';
import type { AppContract, HostContract, SourceToken } from '../../shared/contract/calls.ts';
import type { Bridge, PortMessage } from '../../shared/rpc/bridge.ts';
import { createClient } from '../../shared/rpc/client.ts';
import { portTransport } from '../../shared/rpc/transports/port.ts';
import { websocketTransport } from '../../shared/rpc/transports/websocket.ts';
import type { Client, Params, Transport } from '../../shared/rpc/types.ts';

declare global {
  interface Window {
    /** There in Electron only. */
    readonly clutch?: Bridge;
  }
}

/** The app's own service: Electron's main process, or `clutch serve`. */
export async function connectApp(): Promise<Client<AppContract>> {
  const client = createClient<AppContract>(await connect('app'));
  if (window.clutch !== undefined) return client;
  // A server has no clipboard of the person's; the browser has.
  return {
    call(name, params, signal) {
      if (name === 'text.copy') return copyText(params as Params<AppContract['text.copy']>) as never;
      return name === 'text.paste' ? pasteText() as never : client.call(name, params, signal);
    },
    stream: (name, params, signal) => client.stream(name, params, signal),
    close: () => client.close(),
    onClose: (run) => client.onClose(run),
  };
}

/**
 * The service of an image that 'image.open' answered with.
 * @throws DiskError when there is no such image (any longer)
 */
export async function connectHost(image: number): Promise<Client<HostContract>> {
  return createClient<HostContract>(await connect(image));
}

/**
 * Tokens of files that were dropped on the page: to be opened as images, or put into one.
 * @throws DiskError in a browser, which never tells a page where a file lies
 */
export async function sourcesOfFiles(files: readonly File[], use: 'open' | 'put' = 'open'): Promise<SourceToken[]> {
  const { clutch } = window;
  if (clutch === undefined) throw usage('ENOTSUP', 'A browser does not tell where a dropped file lies', 'Type the path of the image instead.');
  const answer = await clutch.sourcesOf(files, use);
  if ('error' in answer) throw DiskError.from(answer.error);
  return [...answer.sources];
}

async function copyText({ text }: Params<AppContract['text.copy']>): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    throw usage('EACCES', 'The browser does not let the page copy');
  }
}

async function pasteText(): Promise<{ text: string }> {
  try {
    return { text: (await navigator.clipboard.readText()).slice(0, 1 << 20) };
  } catch {
    throw usage('EACCES', 'The browser does not let the page read the clipboard', 'Allow it in the address bar, or paste into the field instead.');
  }
}

function connect(target: 'app' | number): Promise<Transport> {
  const { clutch } = window;
  return clutch === undefined ? connectSocket(target) : connectPort(clutch, target);
}

function connectPort(bridge: Bridge, target: 'app' | number): Promise<Transport> {
  const id = crypto.randomUUID();
  return new Promise((resolve, reject) => {
    const receive = (event: MessageEvent<PortMessage | undefined>): void => {
      // Only this very window posts ports: its preload, with the id that was just made up.
      if (event.source !== window || event.data?.clutch !== 'port' || event.data.id !== id) return;
      window.removeEventListener('message', receive);
      const port = event.ports[0];
      if (port === undefined) reject(event.data.error ? DiskError.from(event.data.error) : ioError('There is no channel'));
      else resolve(portTransport(port));
    };
    window.addEventListener('message', receive);
    bridge.connect(target, id);
  });
}

function connectSocket(target: 'app' | number): Promise<Transport> {
  const path = target === 'app' ? 'app' : `image/${target}`;
  const url = new URL(path, location.href);
  url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
  url.search = '';
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    socket.addEventListener('open', () => resolve(websocketTransport(socket)));
    socket.addEventListener('close', (event) => reject(ioError(event.reason || 'clutch serve does not answer; it may have ended')));
  });
}
