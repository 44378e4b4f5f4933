import type { Duplex, Readable, Writable } from 'node:stream';
import type { ByteChannel } from '../engines/core/channel.ts';
import { type DiskError, ioError } from '../engines/core/errors.ts';

/** Milliseconds that what was sent may take to go out after the channel is closed. Who does not take it does not keep it open. */
const CLOSING_MS = 2000;

/** A socket (or any duplex stream) as a channel. It is the channel's from now on. */
export function streamChannel(stream: Duplex): ByteChannel {
  return pipeChannel(stream, stream);
}

/**
 * Two streams as one channel: the two ends of a process's pipes. They are the channel's from now on.
 * @param input what arrives @param output where it is sent
 */
export function pipeChannel(input: Readable, output: Writable): ByteChannel {
  let receiver: ((bytes: Uint8Array) => void | Promise<void>) | undefined;
  let failure: DiskError | undefined;
  let ended = false;
  const listeners: ((error?: DiskError) => void)[] = [];
  const senders = new Set<() => void>();
  const end = (): void => {
    ended = true;
    for (const run of listeners.splice(0)) run(failure);
  };
  input.on('end', end);
  for (const stream of new Set([input, output])) {
    stream.on('error', (error: Error) => { failure ??= ioError(`The connection failed: ${error.message}`); });
    stream.on('close', () => {
      end();
      for (const free of senders) free();
    });
  }
  const destroy = (): void => {
    input.destroy();
    output.destroy();
  };

  return {
    send(bytes) {
      if (!output.writable) return undefined;
      let free: (() => void) | undefined;
      output.write(bytes, () => free?.());
      // What the system takes it takes at once, and Node counts it off at once: the array is the sender's again. Else it waits in the stream, as it is.
      if (output.writableLength === 0) return undefined;
      return new Promise((resolve) => {
        free = () => {
          senders.delete(free!);
          resolve();
        };
        senders.add(free);
      });
    },
    onBytes(run) {
      if (receiver !== undefined) throw new Error('A channel has one receiver');
      receiver = run;
      input.on('data', (bytes: Uint8Array) => {
        const pause = run(bytes);
        if (pause === undefined) return;
        input.pause();
        void pause.finally(() => { input.resume(); });
      });
    },
    onEnd(run) {
      if (ended) run(failure);
      else listeners.push(run);
    },
    close() {
      output.end(destroy);
      const timer = setTimeout(destroy, CLOSING_MS);
      timer.unref();
      output.once('close', () => clearTimeout(timer));
    },
  };
}
