import type { RegistryEntry } from '../../engines/core/probe.ts';
import { guestEntry } from './format.ts';
import { GuestLayers } from './layers.ts';
import type { Guest } from './manifest.ts';
import type { GuestSupport } from './support.ts';

/** The guests of one open image: looked for when they are needed first, for most images need none. */
export class SessionGuests {
  readonly layers = new GuestLayers();
  readonly #support: GuestSupport | 'none' | undefined;
  #entries: Promise<readonly RegistryEntry[]> | undefined;
  #known: readonly RegistryEntry[] = [];

  /** @param support what this computer has unless told */
  constructor(support: GuestSupport | 'none' | undefined) {
    this.#support = support;
  }

  /** Those that were looked for. */
  get known(): readonly RegistryEntry[] {
    return this.#known;
  }

  /** Looks anew: what was built or removed since counts from now on. */
  again(): Promise<readonly RegistryEntry[]> {
    return (this.#entries = this.#load());
  }

  entries(): Promise<readonly RegistryEntry[]> {
    return (this.#entries ??= this.#load());
  }

  async #load(): Promise<readonly RegistryEntry[]> {
    if (this.#support === 'none') return [];
    const support = this.#support ?? (await import('./installed.ts')).installed();
    let guests: readonly Guest[];
    try {
      guests = await support.guests();
    } catch {
      return []; // A program without its guests opens what it has engines for.
    }
    this.#known = guests.map((guest) => guestEntry(guest, support, this.layers));
    return this.#known;
  }
}
