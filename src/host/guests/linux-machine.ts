import { Agent } from './agent.ts';
import type { ByteChannel } from '../../engines/core/channel.ts';
import { cancelled, DiskError, toDiskError } from '../../engines/core/errors.ts';
import { Lines } from './lines.ts';
import type { GuestEnd, GuestMachine, MountOptions, RunOptions } from './machine.ts';
import type { Guest } from './manifest.ts';
import { FilePort, newMark, OutputChannel, StreamPort } from './ports.ts';
import type { MachineDisks } from './machine-disks.ts';
import type { LogBook } from './log.ts';
import { MachineLife, type MachineStart } from './machine-life.ts';
import type { MachineProcess } from './supervisor.ts';

/** Milliseconds for what the agent answers at once, and for what works on the disk. Multiplied by the load. */
const SHORT = 30_000;
const LONG = 300_000;

/** Milliseconds from the request to the end of the machine: a sync of what fits in its memory. */
const STOP_WITHIN = 60_000;

/** Milliseconds between looks at a signal, which has no event. */
const LOOK_EVERY = 100;

/** Bytes; what NOR flash has as a rule. */
const ERASE_BLOCK = 128 * 1024;

/** What the agent exports (guests/linux/agent). */
const ROOT = '/mnt';

/** A guest with an agent. */
export class LinuxMachine extends MachineLife implements GuestMachine {
  readonly start: 'cold' | 'warm';
  readonly aname = ROOT;
  readonly #agent: Agent;
  readonly #files: FilePort;
  readonly #streams: StreamPort;
  #serving = false;

  constructor(guest: Guest, process: MachineProcess, disks: MachineDisks, log: LogBook, how: MachineStart & { readonly start: 'cold' | 'warm' }) {
    super(guest, process, disks, log, how);
    this.start = how.start;
    const { name } = guest.manifest;
    this.#agent = new Agent(process.control, name, log);
    const options = { ended: process.ended.then((end) => end.error), onUse: () => this.idle.use() };
    this.#files = new FilePort(process.files, options);
    this.#streams = new StreamPort(process.bulk, name, options);
    this.#agent.onHang = (message) => { void process.kill('hung', message); };
    // It may come in the same piece as the answer to the mount: after who waits for that has its session.
    this.#agent.onServed = (status) => setImmediate(() => {
      this.#files.endSession(new DiskError({ kind: 'guest', guest: name }, `The file server of ${name} ended with status ${status}`, 'Open the guest again. Its log tells more.'));
    });
  }

  /** Brings it from the boot to where it can mount. @throws DiskError guest */
  async prepare(): Promise<void> {
    if (this.start === 'warm') {
      this.#agent.resume();
      await Promise.all([this.#clock(), this.#ask('disks', ['bind'], LONG)]);
    } else {
      await this.#agent.ready;
      await this.#clock();
    }
  }

  /** Lets go of its disks, so that another machine can go on from here with others. */
  async release(): Promise<void> {
    await this.#agent.ready;
    await this.#ask('disks', ['unbind'], LONG);
    await this.#ask('sync', [], LONG);
  }

  async mount(type: string, options: string, how: MountOptions = {}): Promise<ByteChannel> {
    this.#onlyOne();
    const { disk = 0, partition, helper = '', device = 'disk', eraseBlock = ERASE_BLOCK, volume = '' } = how;
    await this.#ask('mount', [String(disk), partition === undefined ? '' : String(partition), device, String(eraseBlock), type, options, helper, volume], LONG);
    this.#serving = true;
    return this.#files.open();
  }

  async serve(tree: 'devfs' | 'procfs' | 'sysfs' | 'tmpfs' | 'overlay'): Promise<ByteChannel> {
    if (tree === 'overlay') await this.#hush();
    else this.#onlyOne();
    await this.#ask('tree', [tree], LONG);
    this.#serving = true;
    return this.#files.open();
  }

  async sync(): Promise<void> {
    await this.#ask('sync', [], LONG);
    this.disks.flush();
  }

  async unmount(): Promise<void> {
    await this.#hush();
    await this.#ask('unmount', [], LONG);
    this.#serving = false;
    this.disks.flush();
  }

  async run(program: string, args: readonly string[], how: RunOptions): Promise<{ readonly status: number }> {
    const lines = new Lines(how.onLine);
    const { disk = 0, partition, signal } = how;
    const mark = newMark();
    return this.idle.during(async () => {
      const over = this.#stream(mark, (bytes) => lines.push(bytes), ['run', [mark, String(disk), partition === undefined ? '' : String(partition), program, ...args]]);
      const status = await this.#until(over, signal);
      lines.end();
      return { status };
    });
  }

  async tar(path: string): Promise<ByteChannel> {
    const mark = newMark();
    const { name } = this.guest.manifest;
    const output = new OutputChannel(() => { this.#ask('cancel', [], SHORT).catch(() => {}); });
    const over = this.idle.during(() => this.#stream(mark, (bytes) => output.push(bytes), ['tar', [mark, path]]));
    over.then((status) => output.end(status === 0 ? undefined : new DiskError({ kind: 'guest', guest: name }, `tar in ${name} ended with status ${status}: it is not whole`)), (error: unknown) => output.end(toDiskError(error)));
    return output;
  }

  async assemble(): Promise<readonly string[]> {
    return (await this.#ask('assemble', [], LONG)).split('\n').filter((line) => line !== '');
  }

  /** The kernel's log. */
  async kernelLog(): Promise<string> {
    return this.#ask('log', [], SHORT);
  }

  protected override afterEnd({ error }: GuestEnd): void {
    const { name } = this.guest.manifest;
    this.#agent.end(error ?? new DiskError({ kind: 'guest', guest: name }, `${name} was stopped`));
  }

  protected async turnOff(): Promise<GuestEnd> {
    this.#files.endSession();
    const within = STOP_WITHIN * this.patience();
    const timer = setTimeout(() => { void this.process.kill('hung', `it did not stop within ${Math.round(within / 1000)} s`); }, within);
    await this.#ask('stop', [], within).catch(() => {});
    const end = await this.ended;
    clearTimeout(timer);
    return end;
  }

  /** Runs something whose output comes on the port of streams. @returns its status */
  #stream(mark: string, onBytes: (bytes: Uint8Array) => void | Promise<void>, [verb, words]: readonly [string, readonly string[]]): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#streams.open(mark, onBytes, (status, error) => {
        if (status === undefined) reject(error ?? new DiskError({ kind: 'guest', guest: this.guest.manifest.name }, 'The guest told no status'));
        else resolve(status);
      });
      this.#ask(verb, words, SHORT).catch((error: DiskError) => this.#streams.abandon(error));
    });
  }

  async #until(over: Promise<number>, signal: RunOptions['signal']): Promise<number> {
    if (signal === undefined) return over;
    let asked = false;
    const look = setInterval(() => {
      if (!signal.aborted || asked) return;
      asked = true;
      this.#ask('cancel', [], SHORT).catch(() => {});
    }, LOOK_EVERY);
    try {
      const status = await over;
      if (asked) throw cancelled();
      return status;
    } finally {
      clearInterval(look);
    }
  }

  /** Ends the session and its server; a new one waits. */
  async #hush(): Promise<void> {
    this.#files.endSession();
    await this.#ask('hush', [], SHORT);
    const within = SHORT * this.patience();
    await this.#files.settle((mark) => this.#ask('settle', [mark], SHORT), { within, onHang: () => { void this.process.kill('hung', `its port of files did not become clean within ${Math.round(within / 1000)} s`); } });
  }

  #clock(): Promise<string> {
    return this.#ask('clock', [String(Math.round(Date.now() / 1000))], SHORT);
  }

  #ask(verb: string, words: readonly string[], within: number): Promise<string> {
    return this.idle.during(() => this.#agent.ask(verb, words, within * this.patience()));
  }

  #onlyOne(): void {
    if (this.#serving) throw new DiskError({ kind: 'busy', by: this.guest.manifest.name }, `${this.guest.manifest.name} already serves a tree`, 'Unmount it first.');
  }
}

