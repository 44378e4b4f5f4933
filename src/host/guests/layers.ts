import { displayName } from '../../engines/core/names.ts';
import type { SetLook } from './assembled.ts';
import type { GuestEnd, GuestLogLine, GuestMachine } from './machine.ts';
import { GuestNodes } from './nodes.ts';

/** Lines of one layer's machines that are kept, the newest ones. */
const MOST_LINES = 5000;

/** What is told of a layer's guest. */
export type GuestTold =
  | { readonly event: 'start'; readonly guest: string; readonly title: string; readonly start: 'cold' | 'warm'; readonly accelerator: string }
  | { readonly event: 'line'; readonly line: GuestLogLine }
  | { readonly event: 'end'; readonly message: string; readonly clean: boolean };

/** A layer's guest: which one, how it was started, and whether it runs. */
export interface GuestLayerState {
  readonly name: string;
  readonly title: string;
  readonly start: 'cold' | 'warm';
  readonly accelerator: string;
  readonly idle: boolean;
  /** It ended by itself: what happened. */
  readonly died?: string;
}

/** What stays of a layer's guest when its filesystem is closed and opened anew (undo, Apply, idleness): node numbers, and what its machines said. */
export class GuestLayer {
  /** Until the layer is opened as something else. */
  nodes = new GuestNodes();
  /** Of which opener and format the numbers are. */
  #of = '';
  /** It was mounted for writing since the image was unlocked: a later opening needs no proof. */
  proved = false;
  machine: GuestMachine | undefined;
  /** What a set of disks held when it was looked at. */
  look: SetLook | undefined;
  #state: GuestLayerState | undefined;
  readonly #told: GuestTold[] = [];
  readonly #listeners = new Set<() => void>();
  readonly #onState: () => void;
  #dropped = 0;

  /** @param changed called when a machine was started or ended */
  constructor(changed: () => void = () => {}) {
    this.#onState = changed;
  }

  /** It is opened by `guest` as `format`: numbers of another tree are of no use. */
  enter(guest: string, format: string, write: boolean): void {
    const of = `${guest}/${format}`;
    if (of !== this.#of) {
      this.#of = of;
      this.nodes = new GuestNodes();
      this.look = undefined;
    }
    if (!write) this.proved = false;
  }

  /** A machine was started for it. */
  started(machine: GuestMachine): void {
    this.machine = machine;
    this.#changed(machine, {});
    const { guest: { manifest: { name, title } }, start, accelerator } = machine;
    this.#tell({ event: 'start', guest: name, title, start, accelerator });
    for (const line of machine.log.lines) this.#tell({ event: 'line', line });
    const stop = machine.log.onLine((line) => this.#tell({ event: 'line', line }));
    void machine.ended.then((end) => {
      stop();
      this.#ended(machine, end);
      return undefined;
    });
  }

  /** The newest machine, as clients see it; undefined when there was none yet. */
  get state(): GuestLayerState | undefined {
    return this.#state;
  }

  #changed({ guest: { manifest: { name, title } }, start, accelerator }: GuestMachine, more: Partial<GuestLayerState>): void {
    this.#state = { name, title, start, accelerator, idle: false, ...more };
    this.#onState();
  }

  #ended(machine: GuestMachine, { message, error }: GuestEnd): void {
    if (this.machine === machine) {
      this.machine = undefined;
      this.#changed(machine, error === undefined ? { idle: true } : { idle: true, died: message });
    }
    this.#tell({ event: 'end', message, clean: error === undefined });
  }

  /** What is kept of the log, as lines of text. */
  *lines(): Iterable<string> {
    for (const each of this.#told) {
      if (each.event === 'line') yield `${(each.line.at / 1000).toFixed(3).padStart(9)} ${each.line.from.padEnd(8)} ${displayName(each.line.text)}`;
      else if (each.event === 'start') yield `--- ${each.title} (guest ${each.guest}), ${each.start} start, ${each.accelerator}`;
      else yield `--- ended: ${displayName(each.message)}`;
    }
  }

  /** All that is kept, and what comes; ends when `signal` says so. */
  async *events(signal: { readonly aborted: boolean; onAbort(run: () => void): void }): AsyncGenerator<readonly GuestTold[]> {
    let wake: (() => void) | undefined;
    const listener = (): void => wake?.();
    this.#listeners.add(listener);
    signal.onAbort(listener);
    try {
      for (let at = this.#dropped; !signal.aborted;) {
        const from = Math.max(0, at - this.#dropped);
        const some = this.#told.slice(from);
        at = this.#dropped + this.#told.length;
        if (some.length > 0) yield some;
        else await new Promise<void>((resolve) => { wake = resolve; });
      }
    } finally {
      this.#listeners.delete(listener);
    }
  }

  #tell(told: GuestTold): void {
    this.#told.push(told);
    if (this.#told.length > MOST_LINES) {
      this.#told.shift();
      this.#dropped++;
    }
    for (const wake of this.#listeners) wake();
  }
}

/** The guests of one image's layers, by path. */
export class GuestLayers {
  readonly #layers = new Map<string, GuestLayer>();
  readonly #listeners: (() => void)[] = [];

  /** Calls `run` whenever a machine was started or ended. */
  onChange(run: () => void): void {
    this.#listeners.push(run);
  }

  at(path: string): GuestLayer {
    let layer = this.#layers.get(path);
    if (layer === undefined) this.#layers.set(path, (layer = new GuestLayer(() => this.#listeners.forEach((run) => run()))));
    return layer;
  }

  /** What a layer has of guests, if it ever had one. */
  find(path: string): GuestLayer | undefined {
    return this.#layers.get(path);
  }
}
