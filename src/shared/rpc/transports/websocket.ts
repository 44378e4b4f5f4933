import { decodeMessage, encodeMessage } from './json.ts';
import type { Message, Transport } from '../types.ts';

/** Characters of one message, either way: a picture of 16 MiB in base64, or a million selected entries. */
export const MAX_MESSAGE = 64 * 1024 * 1024;

/** Characters that may wait for a client that does not read them; then it is given up. */
const MAX_BUFFERED = 4 * MAX_MESSAGE;

/** The DOM's WebSocket, and that of `ws`. */
export interface SocketLike {
  readonly readyState: number;
  readonly bufferedAmount: number;
  send(text: string): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: 'message', run: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: 'close', run: (event: { readonly reason: string }) => void): void;
  addEventListener(type: 'error', run: () => void): void;
}

const OPEN = 1;

/** An open WebSocket. A message that can't be read ends it. */
export function websocketTransport(socket: SocketLike): Transport {
  return textTransport({
    send(text) {
      if (socket.readyState !== OPEN) return;
      socket.send(text);
      if (socket.bufferedAmount > MAX_BUFFERED) socket.close(1008, 'the answers are not read');
    },
    close: () => socket.close(1000),
    onText: (run) => socket.addEventListener('message', (event) => run(event.data)),
    onClose(run) {
      socket.addEventListener('close', (event) => run(event.reason || 'the connection was lost'));
      socket.addEventListener('error', () => run('the connection was lost'));
    },
  });
}

/** A channel of whole texts: a WebSocket, or one whose frames are relayed by another process. */
export interface TextChannel {
  send(text: string): void;
  close(): void;
  onText(run: (text: unknown) => void): void;
  onClose(run: (reason: string) => void): void;
}

/** Messages as JSON over a channel of texts. */
export function textTransport(channel: TextChannel): Transport {
  const closeRuns: ((reason: string) => void)[] = [];
  let closed = false;
  const end = (reason: string): void => {
    if (closed) return;
    closed = true;
    for (const run of closeRuns.splice(0)) run(reason);
  };
  channel.onClose(end);
  return {
    send(message: Message) {
      if (!closed) channel.send(encodeMessage(message));
    },
    onMessage(run) {
      channel.onText((text) => {
        if (closed) return;
        let message: unknown;
        try {
          if (typeof text !== 'string' || text.length > MAX_MESSAGE) throw new SyntaxError('Not a message');
          message = decodeMessage(text);
        } catch {
          end('the other side sent something unreadable');
          channel.close();
          return;
        }
        run(message);
      });
    },
    onClose: (run) => void closeRuns.push(run),
    close() {
      if (closed) return;
      end('closed');
      channel.close();
    },
  };
}
