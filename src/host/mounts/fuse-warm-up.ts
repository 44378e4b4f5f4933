import { closeSync } from 'node:fs';
import type { FileSystem } from '../../engines/core/filesystem.ts';
import { serveFuse, warmUpRequests } from '../../engines/protocols/fuse/index.ts';
import type { FuseDevice } from '../native/fuse-device.ts';
import { DeviceChannel } from './fuse-channel.ts';

/** Requests in all: the compiler takes up what was called some thousand times. */
const MOST = 6000;

/** Requests on their way at once, so that the answers find room in a socket (of 208 KiB by itself; a page and its header count twice). */
const AT_ONCE = 16;

/** Milliseconds in which they have to be answered: one that was lost ends it. */
const PATIENCE = 2000;

/** Turns of the event loop in a row, before it waits for the thread that waits for requests. */
const TURNS = 20;

/**
 * Has requests answered that no kernel made, on the way that a mount's take, until a program asks for something: the first 4,000 reads of a mount took
 * 0.10 to 0.21 s of this thread's time, all later ones 0.04 to 0.07 s. Never throws; nothing waits for it.
 * @param goOn false as soon as a program asks, or the mount has ended
 */
export async function warmUp(calls: FuseDevice, fs: FileSystem, goOn: () => boolean): Promise<void> {
  const requests = warmUpRequests(fs);
  if (requests === undefined) return;
  const [ours, theirs] = calls.socketPair('packets');
  try {
    const channel = new DeviceChannel(calls, ours);
    const server = serveFuse(channel, { fs, onChange: () => () => {} });
    try {
      calls.dontWait(theirs);
      const answer = new Uint8Array(8192);
      const ask = async (messages: readonly Uint8Array[]): Promise<boolean> => {
        let waiting = 0;
        for (const message of messages) if (calls.write(theirs, message, message.length) > 0) waiting++;
        const begin = performance.now();
        for (let turn = 0; waiting > 0 && goOn() && performance.now() - begin < PATIENCE; turn++) {
          await new Promise((resolve) => { if (turn % TURNS === TURNS - 1) setTimeout(resolve, 1); else setImmediate(resolve); });
          while (calls.read(theirs, answer) > 0) waiting--;
        }
        return waiting === 0;
      };
      const { init, others } = requests;
      let going = await ask([init]);
      for (let done = 0; going && goOn() && done < MOST; done += AT_ONCE) {
        const from = done % others.length;
        going = await ask(others.slice(from, from + AT_ONCE));
      }
    } finally {
      closeSync(theirs);
      await server.ended;
      channel.close();
    }
  } catch {
    // No descriptor is left: those who need one more will tell.
  }
}
