import type { Duplex, Readable, Writable } from 'node:stream';
import type { ByteChannel } from '../engines/core/channel.ts';
import { type DiskError, toDiskError } from '../engines/core/errors.ts';

/** A socket (or any duplex stream) as a channel. It is the channel's from now on. */
export function streamChannel(stream: Duplex): ByteChannel {
  return pipeChannel(stream, stream);
}

/**
 * Two streams as one channel: the two ends of a process's pipes.
 * @param input what arrives @param output where it is sent
 */
export function pipeChannel(input: Readable, output: Writable): ByteChannel {
  let ended = false;
  let failure: DiskError | undefined;
  let receiver: ((bytes: Uint8Array) => void | Promise<void>) | undefined;
  const listeners: ((error?: DiskError) => void)[] = [];
  const end = (error?: unknown): void => {
    if (ended) return;
    ended = true;
    failure = error === undefined ? undefined : toDiskError(error);
    input.destroy();
    // What was sent goes out first, where somebody still takes it.
    if (!output.writableEnded) output.end();
    for (const run of listeners.splice(0)) run(failure);
  };
  for (const stream of new Set([input, output])) {
    stream.on('error', end);
    stream.on('close', () => { end(); });
  }
  input.on('end', () => { end(); });

  return {
    send(bytes) {
      if (ended || output.writableEnded) return undefined;
      if (output.write(bytes)) return undefined;
      return new Promise((resolve) => {
        const done = (): void => {
          output.off('drain', done);
          output.off('close', done);
          resolve();
        };
        output.on('drain', done);
        output.on('close', done);
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
      if (ended) return;
      output.end(() => { end(); });
      // Who does not take what was sent does not keep it open.
      setTimeout(() => { end(); output.destroy(); }, CLOSING_MS).unref();
    },
  };
}

/** Milliseconds that what was sent may take to go out after the channel is closed. */
const CLOSING_MS = 2000;
