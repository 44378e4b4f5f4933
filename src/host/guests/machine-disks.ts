import { type DiskServer, startDiskServer } from '../nbd/disk-server.ts';
import type { DiskArgument } from './arguments.ts';
import type { LogBook } from './log.ts';
import type { GuestDisk } from './machine.ts';

/** The disks of one machine: our devices, behind an NBD server that is the machine's alone. */
export class MachineDisks {
  /** In the order of the disks. */
  readonly arguments: readonly DiskArgument[];
  readonly #disks: readonly GuestDisk[];
  readonly #server: DiskServer | undefined;

  static async start(disks: readonly GuestDisk[], log: LogBook): Promise<MachineDisks> {
    if (disks.length === 0) return new MachineDisks(disks, undefined);
    const exports = disks.map(({ device, readOnly }, i) => ({ name: `disk${i}`, device, readOnly }));
    return new MachineDisks(disks, await startDiskServer({ exports, onFailure: (error) => log.add('launcher', `Disk: ${error.message}`) }));
  }

  private constructor(disks: readonly GuestDisk[], server: DiskServer | undefined) {
    this.#disks = disks;
    this.#server = server;
    this.arguments = server === undefined ? [] : disks.map(({ device, readOnly }, i) => ({ socket: server.path, name: `disk${i}`, readOnly: readOnly || device.write === undefined }));
  }

  /** From now on nothing is written any more. */
  fence(): void {
    this.#server?.fence();
  }

  /** What the guest had flushed is durable where it can be. @throws DiskError io */
  flush(): void {
    for (const { device, readOnly } of this.#disks) if (!readOnly) device.flush?.();
  }

  /** The devices are nobody's any more. */
  async close(): Promise<void> {
    await this.#server?.close();
  }
}
