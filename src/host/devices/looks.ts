import { setTimeout as sleep } from 'node:timers/promises';
import { cancelled, DiskError } from '../../engines/core/errors.ts';
import type { FromHost } from '../control.ts';
import type { HostLink } from '../supervisor.ts';
import type { Device } from './device.ts';
import type { Looked } from './look.ts';

/** What a look takes at most, in milliseconds: a sleeping disk needs ten seconds to begin to turn. */
const LOOK_WITHIN = 30_000;

/** Milliseconds until a disk that is written to all the time is looked at again. */
const AGAIN_AFTER = 10_000;

/** A process that looks. */
export type LookLink = Pick<HostLink<never>, 'send' | 'onMessage' | 'onExit' | 'kill'>;

/** An answer, or how the process ended; nothing when it is not wanted any more. */
type Heard = Extract<FromHost, { readonly did: 'look' }> | string | undefined;

/**
 * What is on the disks of this computer, found by reading them: one after another, in a process that waits for no image, and again only when the
 * system says that something changed. A read of a disk that is dying blocks whoever waits for it, and can't be taken back (Linux: a process in
 * state D, which even SIGKILL does not end): the process is then left to itself, the next disk has another one, and that disk is asked no more until it is another.
 */
export class DeviceLooks {
  readonly #start: () => LookLink;
  readonly #within: number;
  readonly #again: number;
  readonly #known = new Map<string, { readonly state: string; readonly at: number; readonly found: Looked }>();
  #link: LookLink | undefined;
  #running: Promise<void> | undefined;
  #closed = false;
  /** Who waits for the process: its answer, or how it ended. */
  #heard: (message: Heard) => void = () => {};

  /** @param start begins a process that looks */
  constructor(start: () => LookLink, { within = LOOK_WITHIN, again = AGAIN_AFTER } = {}) {
    this.#start = start;
    this.#within = within;
    this.#again = again;
  }

  /** What was found when the disk was last looked at. */
  of({ path }: Pick<Device, 'path'>): Looked | undefined {
    return this.#known.get(path)?.found;
  }

  /** Looks at what changed; those that are gone are forgotten. @param told runs after each @returns when all are looked at. Called meanwhile, it does nothing more than that. */
  refresh(devices: readonly Device[], told: () => void = () => {}): Promise<void> {
    this.#closed = false;
    this.#running ??= this.#refresh(devices, told).finally(() => { this.#running = undefined; });
    return this.#running;
  }

  /** Ends the process. What is known stays. */
  close(): void {
    this.#closed = true;
    this.#heard(undefined);
    this.#end();
  }

  async #refresh(devices: readonly Device[], told: () => void): Promise<void> {
    const there = new Set(devices.map(({ path }) => path));
    for (const path of this.#known.keys()) if (!there.has(path)) this.#known.delete(path);
    try {
      for (const device of devices) {
        if (this.#closed) return;
        const known = this.#known.get(device.path);
        if (known !== undefined && (known.state === device.state || (known.found.error?.fault.kind !== 'timeout' && performance.now() - known.at < this.#again))) continue;
        const found = await this.#look(device.path, devices.some(({ parent }) => parent === device.path));
        if (found === undefined) return;
        this.#known.set(device.path, { state: device.state, at: performance.now(), found });
        told();
      }
    } finally {
      this.#end();
    }
  }

  /** @returns undefined when it was closed meanwhile */
  async #look(path: string, partitioned: boolean): Promise<Looked | undefined> {
    const link = this.#link ??= this.#begin();
    const over = new AbortController();
    const answer = new Promise<Looked | DiskError | undefined>((resolve) => {
      this.#heard = (message) => {
        if (message === undefined) resolve(undefined);
        else if (typeof message === 'string') resolve(new DiskError({ kind: 'io' }, `What is on ${path} can't be found out: the process that read it ended (${message})`));
        else if (message.path === path) resolve(message.found);
      };
    });
    const late = sleep(this.#within, new DiskError({ kind: 'timeout', ms: this.#within }, `${path} does not answer`, 'The disk may be failing. Disconnect it, and connect it again.'), { signal: over.signal, ref: false }).catch(() => cancelled());
    link.send({ do: 'look', path, partitioned });
    const came = await Promise.race([answer, late]);
    over.abort();
    if (!(came instanceof DiskError)) return came;
    // One that is late or gone looks at no other disk.
    if (this.#link === link) this.#end();
    return { contents: '', label: '', uuid: '', error: came.toJSON() };
  }

  #begin(): LookLink {
    const link = this.#start();
    const hear = (message: Heard): void => {
      if (this.#link === link) this.#heard(message);
    };
    link.onMessage((message) => {
      if (message.did === 'look') hear(message);
      else if (message.did === 'giveUp') hear(message.reason);
    });
    link.onExit(hear);
    return link;
  }

  #end(): void {
    this.#link?.kill();
    this.#link = undefined;
  }
}
