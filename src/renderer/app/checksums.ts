import type { HashName, HashRow } from '../../shared/contract/checksums.ts';
import type { JobEvent } from '../../shared/contract/calls.ts';
import type { JobState } from '../../shared/contract/rows.ts';
import { type ErrorData, errorOf, type HostClient, isCancelled } from './services.ts';

/** What is hashed: entries of a folder, all below a folder, or (neither) the layer's own bytes. */
export interface Hashed {
  readonly layer: string;
  readonly entries?: readonly { readonly node: number; readonly name: string }[];
  readonly folder?: number;
}

/** Milliseconds between two looks at the rows while they come: a hundred thousand are compared at each. */
const SHOWN_EVERY = 250;

/** One run of checksums, as a dialog follows it. */
export class Hashing {
  /** What there is; another array when there is more. */
  rows: readonly HashRow[] = [];
  state: JobState = 'running';
  progress: Extract<JobEvent, { event: 'progress' }> | undefined;
  error: ErrorData | undefined;
  readonly #host: HostClient;
  readonly #abort = new AbortController();
  readonly #listeners = new Set<() => void>();
  readonly #all: HashRow[] = [];
  #shown = 0;
  #job: number | undefined;
  #version = 0;

  constructor(host: HostClient, what: Hashed, algorithms: readonly HashName[]) {
    this.#host = host;
    void this.#run(what, algorithms);
  }

  get running(): boolean {
    return this.state === 'running' || this.state === 'paused';
  }

  readonly version = (): number => this.#version;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  pause(paused: boolean): void {
    this.#tell('job.pause', { paused });
  }

  cancel(): void {
    this.#tell('job.cancel', {});
  }

  /** Nobody looks any longer: the host hears of it and stops. */
  close(): void {
    this.#listeners.clear();
    if (this.running) this.cancel();
    this.#abort.abort();
  }

  #tell(name: 'job.pause' | 'job.cancel', more: object): void {
    if (this.#job === undefined) return;
    this.#host.call(name, { job: this.#job, ...more } as never).catch((error: unknown) => this.#fail(error));
  }

  async #run({ layer, entries, folder }: Hashed, algorithms: readonly HashName[]): Promise<void> {
    try {
      const { job } = await this.#host.call('hash.start', { layer, algorithms: [...algorithms], ...(entries === undefined ? {} : { entries: [...entries] }), ...(folder === undefined ? {} : { folder }) });
      this.#job = job;
      if (this.#abort.signal.aborted) {
        this.cancel();
        return;
      }
      await Promise.all([this.#takeRows(job), this.#follow(job)]);
    } catch (error) {
      this.#fail(error);
    }
  }

  async #takeRows(job: number): Promise<void> {
    for await (const batch of this.#host.stream('hash.rows', { job }, this.#abort.signal)) {
      for (const row of batch) this.#all.push(row);
      if (performance.now() - this.#shown > SHOWN_EVERY) this.#showRows();
    }
    this.#showRows();
  }

  async #follow(job: number): Promise<void> {
    for await (const event of this.#host.stream('job.events', { job }, this.#abort.signal)) {
      if (event.event === 'progress') this.progress = event;
      else if (event.event === 'state') this.state = event.state;
      else if (event.event === 'end') {
        this.state = event.state;
        if (event.state === 'failed') this.error = event.error;
      }
      this.#changed();
    }
  }

  #showRows(): void {
    this.rows = [...this.#all];
    this.#shown = performance.now();
    this.#changed();
  }

  #fail(error: unknown): void {
    if (isCancelled(error)) return;
    this.error = errorOf(error);
    this.state = 'failed';
    this.#changed();
  }

  #changed(): void {
    this.#version++;
    for (const listener of this.#listeners) listener();
  }
}
