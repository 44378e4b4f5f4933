import type { BlockDevice } from '../../../engines/core/bytes/device.ts';
import type { GuestEnd, GuestMachine } from '../machine.ts';
import type { Guest } from '../manifest.ts';
import type { GuestSupport } from '../support.ts';

/** One machine that opens many images of one size, one after another: booting is most of the time of a small test. */
export interface LeasedMachine {
  /** Each launch is the same machine, with another disk; its stop unmounts. */
  readonly support: GuestSupport;
  /** Ends the machine. */
  end(): Promise<void>;
}

/**
 * @param size bytes of every image
 * @param filesystems that the machine must have, as mount(8) calls them
 */
export function leaseMachine(support: GuestSupport, guest: Guest, size: number, filesystems: readonly string[]): LeasedMachine {
  let disk: BlockDevice | undefined;
  let launched: Promise<GuestMachine> | undefined;
  const current = (): BlockDevice => {
    if (disk === undefined) throw new Error('No disk is in the machine');
    return disk;
  };
  const device: BlockDevice = {
    size, blockSize: 512,
    read: (at, into) => current().read(at, into),
    write: (at, from) => current().write!(at, from),
    // The machine flushes once more when it ends, without a disk.
    flush: () => disk?.flush?.(),
    close() {},
  };
  return {
    support: {
      guests: () => support.guests(), impossible: (each) => support.impossible(each), connect: (channel, how) => support.connect(channel, how),
      async launch(_, { disks }) {
        if (disk !== undefined) throw new Error('The machine is taken');
        if (disks.length !== 1 || disks[0]!.device.size !== size) throw new Error('The machine has one disk, of another size');
        disk = disks[0]!.device;
        launched ??= support.launch(guest, { disks: [{ device, readOnly: false }], filesystems });
        return lease(await launched, () => { disk = undefined; });
      },
    },
    async end() {
      await (await launched)?.stop();
    },
  };
}

function lease(machine: GuestMachine, free: () => void): GuestMachine {
  let over: ((end: GuestEnd) => void) | undefined;
  const ended = new Promise<GuestEnd>((resolve) => { over = resolve; });
  void machine.ended.then(over);
  const stop = async (): Promise<GuestEnd> => {
    // As a machine does that stops: all is on the disk.
    await machine.unmount();
    free();
    over?.({ cause: 'stopped', message: 'the lease is over' });
    return ended;
  };
  return new Proxy(machine, {
    get(target, key) {
      if (key === 'ended') return ended;
      if (key === 'stop' || key === 'kill') return stop;
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(target) : value;
    },
  });
}
