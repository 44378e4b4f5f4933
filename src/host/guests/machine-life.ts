import { IdleWatch } from './idle.ts';
import { loadFactor } from './load.ts';
import type { LogBook } from './log.ts';
import type { GuestEnd } from './machine.ts';
import type { MachineDisks } from './machine-disks.ts';
import type { Guest } from './manifest.ts';
import type { MachineProcess } from './supervisor.ts';

/** How a machine was started. */
export interface MachineStart {
  readonly accelerator: string;
  /** How often the usual time everything may take; the computer's load, unless told. */
  readonly patience?: number;
}

/** What every guest's machine is, whatever it speaks: a process with disks, which is used, idle, and ends. */
export abstract class MachineLife {
  readonly guest: Guest;
  readonly accelerator: string;
  readonly log: LogBook;
  /** Its disks are closed then. */
  readonly ended: Promise<GuestEnd>;
  protected readonly process: MachineProcess;
  protected readonly disks: MachineDisks;
  protected readonly idle = new IdleWatch();
  protected readonly patience: () => number;
  #stopping: Promise<GuestEnd> | undefined;

  constructor(guest: Guest, process: MachineProcess, disks: MachineDisks, log: LogBook, { accelerator, patience }: MachineStart) {
    this.guest = guest;
    this.accelerator = accelerator;
    this.log = log;
    this.process = process;
    this.disks = disks;
    this.patience = () => patience ?? loadFactor();
    this.ended = process.ended.then(async (end) => {
      this.idle.end();
      this.afterEnd(end);
      await disks.close();
      return end;
    });
  }

  get pid(): number {
    return this.process.pid;
  }

  onIdle(after: number, run: () => void): () => void {
    return this.idle.watch(after, run);
  }

  stop(): Promise<GuestEnd> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async kill(): Promise<GuestEnd> {
    await this.process.kill('killed', 'it was told to end at once');
    return this.ended;
  }

  /** Lets who waits for an answer of it know. */
  protected afterEnd(_end: GuestEnd): void {}

  /** Asks the system to turn itself off; resolves when it is, and ends it by force when it does not. */
  protected abstract turnOff(): Promise<GuestEnd>;

  async #stop(): Promise<GuestEnd> {
    this.process.expectEnd();
    const end = await this.turnOff();
    if (end.error === undefined) this.disks.flush();
    return end;
  }
}
