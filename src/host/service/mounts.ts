import { unsupported } from '../../engines/core/errors.ts';
import type { HostContract } from '../../shared/contract/calls.ts';
import type { MountRow, mountCalls } from '../../shared/contract/mounts.ts';
import type { Cancel, Service } from '../../shared/rpc/types.ts';
import { Told } from './told.ts';

/** The calls of an image's host about its mounts. */
export class Mounts {
  readonly #rows = new Told<readonly MountRow[]>();

  get service(): Pick<Service<HostContract>, keyof typeof mountCalls> {
    const refuse = (): never => { throw unsupported('mount', 'Mounting is not in this version'); };
    return {
      'mount.providers': () => [],
      'mount.start': refuse, 'mount.users': refuse, 'mount.stop': refuse,
      'mount.changes': (_params, cancel) => this.#changes(cancel),
    };
  }

  async *#changes(cancel: Cancel): AsyncGenerator<MountRow[]> {
    for await (const rows of this.#rows.items(cancel, [])) yield [...rows];
  }
}
