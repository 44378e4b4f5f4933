import { DiskError } from '../../../engines/core/errors.ts';
import type { MountUser } from '../../../shared/contract/mounts.ts';
import type { MountEnd, Mount, MountProvider, MountRequest } from '../provider.ts';
import type { ProviderEntry } from '../providers.ts';

/** A mount that a test uses as the system would. */
export interface FakeMount extends Mount {
  readonly request: MountRequest;
  /** Who has something of it open. */
  using: readonly MountUser[];
  bytesWritten: number;
  /** It ends by itself. */
  end(end: MountEnd): void;
}

/** A way to mount that mounts nothing: the tree is there for the test to use. */
export function fakeProvider(available: () => Promise<{ readonly ok: true } | { readonly ok: false; readonly reason: string }> = async () => ({ ok: true })): { readonly entry: ProviderEntry; readonly mounts: FakeMount[] } {
  const mounts: FakeMount[] = [];
  const provider: MountProvider = {
    id: 'fuse',
    available,
    async mount(request) {
      let over: ((end: MountEnd) => void) | undefined;
      const ended = new Promise<MountEnd>((resolve) => { over = resolve; });
      const mount: FakeMount = {
        provider: 'fuse', at: request.at ?? `/mnt/fake ${mounts.length}`, mounted: true, request, using: [], bytesWritten: 0, ended,
        stats: () => ({ requests: 0, bytesRead: 0, bytesWritten: mount.bytesWritten, open: mount.using.length }),
        users: async () => mount.using,
        async unmount({ lazy = false } = {}) {
          if (mount.using.length > 0 && !lazy) throw new DiskError({ kind: 'busy' }, `${mount.at} is in use`);
          if (mount.using.length === 0) over?.({ how: 'unmounted' });
        },
        end: (end) => over?.(end),
      };
      mounts.push(mount);
      return mount;
    },
  };
  return { mounts, entry: { id: 'fuse', title: 'Fake', summary: 'Mounts nothing.', systems: {}, load: async () => provider } };
}
