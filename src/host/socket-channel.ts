import type { Socket } from 'node:net';
import type { ByteChannel } from '../engines/core/channel.ts';
import { type DiskError, ioError } from '../engines/core/errors.ts';

/** Milliseconds that what was sent has to reach the other side after `close`. One that does not read is not waited for. */
const LAST_WORDS_MS = 5000;

/** A socket as the channel that protocols are spoken over. It is the channel's from now on. */
export function socketChannel(socket: Socket): ByteChannel {
  const listeners: ((error?: DiskError) => void)[] = [];
  let failure: DiskError | undefined;
  let ended = false;
  const end = (): void => {
    ended = true;
    for (const run of listeners.splice(0)) run(failure);
  };
  socket.on('error', (error) => { failure ??= ioError(`The connection failed: ${error.message}`); });
  socket.on('end', end);
  socket.on('close', end);
  return {
    send(bytes) {
      if (!socket.writable) return undefined;
      let done = false;
      let resolve: (() => void) | undefined;
      // Called also when the socket is destroyed meanwhile.
      socket.write(bytes, () => {
        done = true;
        resolve?.();
      });
      // Node hands to the system at once what it takes, and counts it off at once, too: the array is free then.
      if (done || socket.writableLength === 0) return undefined;
      return new Promise((free) => { resolve = free; });
    },
    onBytes(run) {
      socket.on('data', (bytes: Uint8Array) => {
        const pause = run(bytes);
        if (pause === undefined) return;
        socket.pause();
        void pause.then(() => socket.resume());
      });
    },
    onEnd(run) {
      if (ended) run(failure);
      else listeners.push(run);
    },
    close() {
      socket.destroySoon();
      const timer = setTimeout(() => socket.destroy(), LAST_WORDS_MS);
      timer.unref();
      socket.once('close', () => clearTimeout(timer));
    },
  };
}
