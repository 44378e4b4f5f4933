import { toDiskError } from '../engines/core/errors.ts';
import { registry } from '../engines/index.ts';
import { type EmitterPort, portTransport } from '../shared/rpc/transports/port.ts';
import { textTransport } from '../shared/rpc/transports/websocket.ts';
import type { FromHost, ToHost } from './control.ts';
import { lookAt } from './devices/look.ts';
import { ImageHost } from './service/service.ts';

/**
 * The program of an image's own process: Electron's utilityProcess or a child of `clutch serve`. A hostile image that makes it loop, crash or
 * eat memory costs its own tab and nothing else. It ends with the process that started it.
 */

/** Resident bytes at which it gives itself up. V8's own heap has a limit of its own; this one holds buffers too. */
const MEMORY_LIMIT = 2 * 1024 ** 3;
const MEMORY_CHECK_EVERY = 1000;

/** Milliseconds that it lives on at most when the process that started it is gone. */
const END_WITHIN = 60_000;

/** Electron's, in a utilityProcess only. */
interface ParentPort {
  on(event: 'message', run: (event: { readonly data: unknown; readonly ports: readonly EmitterPort[] }) => void): void;
  postMessage(message: FromHost): void;
}

/** A client whose texts the parent relays. */
interface Relay {
  text(text: string): void;
  close(reason: string): void;
}

const { parentPort } = process as unknown as { readonly parentPort?: ParentPort };
const relays = new Map<number, Relay>();
let host: ImageHost | undefined;

function tell(message: FromHost): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port, no window
  if (parentPort) parentPort.postMessage(message);
  else if (process.connected) process.send!(message);
}

function receive(message: ToHost, ports: readonly EmitterPort[]): void {
  if (message.do === 'prepare') {
    void prepare();
    return;
  }
  if (message.do === 'look') {
    const { path, partitioned } = message;
    void lookAt(path, partitioned).then((found) => tell({ did: 'look', path, found }));
    return;
  }
  if (message.do === 'open') {
    if (host === undefined) {
      host = new ImageHost(message.path);
      host.onMounts((mounts) => tell({ did: 'mounts', mounts }));
      host.onPending((pending, applying) => tell({ did: 'change', pending, applying }));
    }
    host.info().then(({ summary, size }) => tell({ did: 'open', summary, size }), (error: unknown) => tell({ did: 'fail', error: toDiskError(error).toJSON() }));
    return;
  }
  if (host === undefined) return;
  switch (message.do) {
    case 'connect': {
      const [port] = ports;
      if (port) host.connect(portTransport(port));
      break;
    }
    case 'join':
      relays.set(message.channel, openRelay(host, message.channel));
      break;
    case 'frame':
      relays.get(message.channel)?.text(message.text);
      break;
    case 'hangup':
      relays.get(message.channel)?.close('the other side is gone');
      relays.delete(message.channel);
      break;
    case 'grant':
      host.grant(message.token, message.path, message.use);
      tell({ did: 'grant', token: message.token });
      break;
    case 'unmount':
      host.unmount().then(() => tell({ did: 'unmount' }), (error: unknown) => tell({ did: 'unmount', error: toDiskError(error).toJSON() }));
      break;
    case 'close':
      // Changes that nobody discarded are not lost by a message that was sent before they were made.
      if (host.pending > 0 && !message.discard) tell({ did: 'change', pending: host.pending, applying: false });
      else void host.close().finally(() => process.exit(0));
      break;
  }
}

/** The process that started this one is gone. What is being applied is brought to its end, and nothing half-made is left. */
function end(): void {
  setTimeout(() => process.exit(1), END_WITHIN).unref();
  void (host?.close() ?? Promise.resolve()).finally(() => process.exit(0));
}

/** Loads the code of every engine, so that the image that comes finds it there. */
async function prepare(): Promise<void> {
  for (const { load } of registry) {
    // An image that has come meanwhile loads what it needs, and no more.
    if (host !== undefined) return;
    await load();
  }
}

function openRelay(image: ImageHost, channel: number): Relay {
  let onText: ((text: string) => void) | undefined;
  let onClose: ((reason: string) => void) | undefined;
  image.connect(textTransport({
    send: (text) => tell({ did: 'frame', channel, text }),
    close() {
      relays.delete(channel);
      tell({ did: 'hangup', channel });
    },
    onText: (run) => { onText = run; },
    onClose: (run) => { onClose = run; },
  }));
  return { text: (text) => onText?.(text), close: (reason) => onClose?.(reason) };
}

if (parentPort) {
  parentPort.on('message', ({ data, ports }) => receive(data as ToHost, ports));
} else {
  process.on('message', (message) => receive(message as ToHost, []));
  process.on('disconnect', end);
}
// A Ctrl-C in the terminal reaches every process of the program: the one that started this one decides what becomes of the image.
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});

setInterval(() => {
  const used = process.memoryUsage.rss();
  if (used < MEMORY_LIMIT) return;
  tell({ did: 'giveUp', reason: `it used ${Math.round(used / 2 ** 20)} MiB of memory` });
  // The message needs a moment to get out.
  setTimeout(() => process.exit(1), 100);
}, MEMORY_CHECK_EVERY).unref();
