import type { ByteChannel } from '../../engines/core/channel.ts';
import { Lines } from './lines.ts';
import type { LogBook } from './log.ts';

/** What terminals are told between the texts (ECMA-48): colours and positions of the firmware and of boot menus. */
// eslint-disable-next-line no-control-regex -- they are what is looked for
const CONTROLS = /\u001B\[[0-?]*[ -/]*[@-~]|[\u0000-\u0008\u000B-\u001A\u001C-\u001F\u007F]|\u001B/g;

/** The last characters that a ready marker is looked for in: it may come in pieces. */
const TAIL = 8192;

/**
 * Keeps what a guest's console says.
 * @returns resolves when the text `ready` was said; never without one
 */
export function watchConsole(channel: ByteChannel, log: LogBook, ready?: string): Promise<void> {
  const lines = new Lines((line) => log.add('console', line.replaceAll(CONTROLS, '')), 4096);
  const decoder = new TextDecoder();
  let tail = '';
  return new Promise((resolve) => {
    channel.onBytes((bytes) => {
      lines.push(bytes);
      if (ready === undefined) return;
      tail = (tail + decoder.decode(bytes, { stream: true })).slice(-TAIL);
      if (tail.includes(ready)) {
        ready = undefined;
        resolve();
      }
    });
    channel.onEnd(() => lines.end());
  });
}
