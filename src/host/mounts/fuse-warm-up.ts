import { closeSync } from 'node:fs';
import type { FileSystem } from '../../engines/core/filesystem.ts';
import { serveFuse, warmUpRequests } from '../../engines/protocols/fuse/index.ts';
import type { FuseDevice } from '../native/fuse-device.ts';
import { DeviceChannel } from './fuse-channel.ts';

/** Requests in all: the compiler takes up what was called some thousand times. */
const MOST = 6000;

/** Milliseconds until everything else of the process has its turn: whoever asks for something really waits no longer. */
const TURN = 4;

/** Nobody is told when the socket has something: whoever writes to it has it read. */
const NOBODY = { add() {}, remove() {}, wake() {} };

/**
 * Has requests answered that no kernel made, on the way that a mount's take, until a program asks for something: the first 4,000 reads of a mount took
 * 0.10 to 0.21 s of this thread's time, all later ones 0.04 to 0.07 s. Each is read as soon as it is written, with no poll between: a program that is started on the
 * mount asks within 50 ms. Never throws; nothing waits for it.
 * @param goOn false as soon as a program asks, or the mount has ended
 */
export async function warmUp(calls: FuseDevice, fs: FileSystem, goOn: () => boolean): Promise<void> {
  const requests = warmUpRequests(fs);
  if (requests === undefined) return;
  const [ours, theirs] = calls.socketPair('packets');
  try {
    const channel = new DeviceChannel(calls, ours, NOBODY);
    const server = serveFuse(channel, { fs, onChange: () => () => {} });
    try {
      calls.dontWait(theirs);
      const answer = new Uint8Array(8192);
      const ask = (message: Uint8Array): boolean => calls.write(theirs, message, message.length) > 0 && channel.drain(2) && calls.read(theirs, answer) > 0;
      const { init, others } = requests;
      let going = ask(init);
      for (let done = 0; going && goOn() && done < MOST;) {
        for (const end = performance.now() + TURN; going && performance.now() < end; done++) going = ask(others[done % others.length]!);
        await new Promise((resolve) => { setImmediate(resolve); });
      }
    } finally {
      channel.close();
      closeSync(theirs);
      await server.ended;
    }
  } catch {
    // No descriptor is left: those who need one more will tell.
  }
}
