import type { HostContract } from '../../shared/contract/calls.ts';
import type { mountCalls } from '../../shared/contract/mounts.ts';
import type { Service } from '../../shared/rpc/types.ts';

/** An image's mounts, as the fake host tells of them. */
export function fakeMounts(): Pick<Service<HostContract>, keyof typeof mountCalls> {
  return {
    'mount.providers': () => [],
    'mount.start': () => { throw new Error('no mounts'); },
    'mount.users': () => [],
    'mount.stop': () => ({ done: true }),
    'mount.changes': async function* changes(_params, cancel) {
      yield [];
      await new Promise<void>((done) => { cancel.onAbort(done); });
    },
  };
}
