import type { ByteChannel } from '../../engines/core/channel.ts';
import { DiskError, unsupported } from '../../engines/core/errors.ts';
import type { LogBook } from './log.ts';
import { MachineLife, type MachineStart } from './machine-life.ts';
import type { GuestEnd, GuestMachine } from './machine.ts';
import type { MachineDisks } from './machine-disks.ts';
import type { Guest } from './manifest.ts';
import { FilePort } from './ports.ts';
import type { MachineProcess } from './supervisor.ts';

/** Milliseconds that a system has to turn itself off when it is asked to; then it is turned off. Multiplied by the load. */
const STOP_WITHIN = 20_000;

/** Milliseconds until the first answer, where nothing else says that the server is up: seconds of the manifest, so many times. Multiplied by the load. */
const ANSWER_PATIENCE = 10_000;

/**
 * A guest without an agent, as people bring them: it mounts by itself what it finds, and serves it on one connection. It can be looked at, written
 * to where its server writes, and turned off.
 */
export class SerialMachine extends MachineLife implements GuestMachine {
  readonly start = 'cold' as const;
  readonly aname = '';
  readonly #files: FilePort;
  #served = false;
  #answered = false;

  constructor(guest: Guest, process: MachineProcess, disks: MachineDisks, log: LogBook, how: MachineStart) {
    super(guest, process, disks, log, how);
    this.#files = new FilePort(process.files, {
      ended: process.ended.then((end) => end.error),
      onUse: () => this.idle.use(),
      onReceive: () => { this.#answered = true; },
    });
  }

  async prepare(): Promise<void> {}

  /** The system has mounted what it could. */
  async mount(): Promise<ByteChannel> {
    const { name, boot } = this.guest.manifest;
    if (this.#served) throw new DiskError({ kind: 'busy', by: name }, `${name} serves its files once; open it again`);
    this.#served = true;
    const within = boot.deadline * ANSWER_PATIENCE * this.patience();
    const timer = setTimeout(() => { if (!this.#answered) void this.process.kill('hung', `its file server did not answer within ${Math.round(within / 1000)} s`); }, within);
    void this.ended.then(() => clearTimeout(timer));
    return this.#files.open();
  }

  serve(): Promise<ByteChannel> {
    return Promise.reject(this.#none('shows no trees of its own'));
  }

  /** Its server has answered to fsync; there is no way to ask the system for more. */
  async sync(): Promise<void> {
    this.disks.flush();
  }

  unmount(): Promise<void> {
    return Promise.reject(this.#none('can\'t unmount while it runs'));
  }

  run(): Promise<{ readonly status: number }> {
    return Promise.reject(this.#none('runs no programs for us'));
  }

  tar(): Promise<ByteChannel> {
    return Promise.reject(this.#none('makes no tar'));
  }

  assemble(): Promise<readonly string[]> {
    return Promise.reject(this.#none('assembles no sets'));
  }

  /** By the power button; a system that does not know it is turned off when its server had time to write. */
  protected async turnOff(): Promise<GuestEnd> {
    this.#files.endSession();
    this.process.files.close();
    await this.process.qmp.execute('system_powerdown').catch(() => {});
    const within = STOP_WITHIN * this.patience();
    const quit = setTimeout(() => { this.process.qmp.execute('quit').catch(() => {}); }, within);
    const kill = setTimeout(() => { void this.process.kill('hung', 'it did not stop'); }, 2 * within);
    const end = await this.ended;
    clearTimeout(quit);
    clearTimeout(kill);
    return end;
  }

  #none(what: string): DiskError {
    return unsupported('guest without an agent', `${this.guest.manifest.title} ${what}`);
  }
}
