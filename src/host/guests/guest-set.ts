import type { BlockDevice } from '../../engines/core/bytes/device.ts';
import { DiskError } from '../../engines/core/errors.ts';
import { assemble, release } from './assembly.ts';
import type { GuestMachine } from './machine.ts';
import type { Guest } from './manifest.ts';
import type { GuestMount } from './mount.ts';

/** The disks of one or several sets, of which a guest makes volumes. Each mount of one has a machine of its own, in which all of them are assembled. */
export class GuestSet {
  readonly devices: readonly BlockDevice[];
  /** Names by which the guest's modules are asked for, and packages of tools. */
  readonly modules: readonly string[];
  readonly tools: readonly string[];
  readonly #assembled = new WeakMap<GuestMachine, { readonly blocks: ReadonlyMap<string, string>; readonly arrays: boolean }>();
  /** Whose machine has it for writing. */
  #writer: GuestMount | undefined;
  #entering: Promise<unknown> = Promise.resolve();

  constructor(guest: Guest, devices: readonly BlockDevice[]) {
    const { volumes } = guest.manifest;
    this.devices = devices;
    this.modules = volumes.map(({ type }) => type);
    this.tools = volumes.map(({ tool }) => tool.package);
  }

  /**
   * The device of a volume, in a machine in which the set is assembled from now on.
   * @param id as AssembledVolume has it
   * @throws DiskError guest when it does not come up
   */
  async attach(machine: GuestMachine, id: string): Promise<string> {
    let known = this.#assembled.get(machine);
    if (known === undefined) {
      const { volumes, arrays, said } = await assemble(machine);
      known = { blocks: new Map(volumes.filter(({ block }) => block !== '').map((each) => [each.id, each.block])), arrays };
      if (!known.blocks.has(id)) throw new DiskError({ kind: 'guest', guest: machine.guest.manifest.name }, `The volume did not come up${said.length === 0 ? '' : `: ${said.at(-1)}`}`);
      this.#assembled.set(machine, known);
    }
    const block = known.blocks.get(id);
    if (block === undefined) throw new DiskError({ kind: 'guest', guest: machine.guest.manifest.name }, 'The volume is not there any more');
    return `/dev/${block}`;
  }

  /** After it was unmounted. Arrays note on their disks that they are in use; logical volumes do not, and may stay. */
  async detach(machine: GuestMachine): Promise<void> {
    if (this.#assembled.get(machine)?.arrays !== true) return;
    this.#assembled.delete(machine);
    await release(machine);
  }

  /**
   * Two machines that write to one array would write each over the other's parity and state: who wrote before brings it to the disks and lets go.
   * @throws DiskError busy when it has files open
   */
  async enter(mount: GuestMount): Promise<void> {
    if (this.#writer === mount) return;
    const before = this.#entering;
    const turn = (async () => {
      await before;
      await this.#writer?.letGo();
      this.#writer = mount;
    })();
    this.#entering = turn.catch(() => {});
    await turn;
  }

  leave(mount: GuestMount): void {
    if (this.#writer === mount) this.#writer = undefined;
  }
}

/** A volume of a set, for a mount. */
export interface SetVolume {
  readonly set: GuestSet;
  readonly id: string;
}
