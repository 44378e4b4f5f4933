import type { Message, Transport } from '../types.ts';

/** The DOM's MessagePort, and that of worker_threads. */
export interface EventPort {
  postMessage(message: unknown): void;
  start(): void;
  close(): void;
  addEventListener(type: 'message' | 'close', run: (event: { readonly data?: unknown }) => void): void;
}

/** Electron's MessagePortMain. */
export interface EmitterPort {
  postMessage(message: unknown): void;
  start(): void;
  close(): void;
  on(type: 'message', run: (event: { readonly data: unknown }) => void): unknown;
  on(type: 'close', run: () => void): unknown;
}

/** A message port of any make. Messages are structured clones, so bigint, undefined and bytes go as they are. */
export function portTransport(port: EventPort | EmitterPort): Transport {
  const closeRuns: ((reason: string) => void)[] = [];
  let closed = false;
  const end = (reason: string): void => {
    if (closed) return;
    closed = true;
    for (const run of closeRuns.splice(0)) run(reason);
  };
  if ('addEventListener' in port) port.addEventListener('close', () => end('the other side is gone'));
  else port.on('close', () => end('the other side is gone'));
  return {
    send(message: Message) {
      if (!closed) port.postMessage(message);
    },
    onMessage(run) {
      if ('addEventListener' in port) port.addEventListener('message', (event) => run(event.data));
      else port.on('message', (event) => run(event.data));
      port.start();
    },
    onClose: (run) => void closeRuns.push(run),
    close() {
      end('closed');
      port.close();
    },
  };
}
