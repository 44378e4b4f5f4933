import type { ByteChannel } from '../../engines/core/channel.ts';
import type { FileSystem } from '../../engines/core/filesystem.ts';
import type { GuestMachine, LaunchOptions } from './machine.ts';
import type { Guest, GuestFilesystem } from './manifest.ts';

/** What opening by guests needs of the world; tests have one without QEMU. */
export interface GuestSupport {
  /** All guests, built or not, the best first. */
  guests(): Promise<readonly Guest[]>;
  /** Why no guest can run here at all (there is no QEMU), and what would help; undefined when they can. */
  impossible(guest: Guest): string | undefined;
  /** @throws DiskError guest, with the cause */
  launch(guest: Guest, options: LaunchOptions): Promise<GuestMachine>;
  /** Speaks 9P. @throws DiskError */
  connect(channel: ByteChannel, how: ConnectHow): Promise<FileSystem>;
}

export interface ConnectHow {
  readonly guest: Guest;
  readonly machine: GuestMachine;
  readonly write: boolean;
  /** What is mounted; absent for a tree of the guest's own. */
  readonly served?: GuestFilesystem;
}
