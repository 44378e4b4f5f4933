import type { ServedTree } from '../../engines/core/served.ts';
import type { MountProviderId, MountStats, MountUser } from '../../shared/contract/mounts.ts';
import type { Possible } from '../../shared/contract/edit.ts';

/** What is to be mounted, and how. */
export interface MountRequest {
  /** Owners and modes are as they shall be seen already. Has a writer when it is mounted for writing. */
  readonly tree: ServedTree;
  /**
   * Absolute path of an empty folder, or of one that does not exist yet in a folder that does (it is made, and taken away at the end); a drive's letter on
   * Windows. Absent: the provider's own choice. Nothing for those that have no place in the file system.
   */
  readonly at?: string;
  /** For the system's list of mounts and the drive's name: "disk.img". Holds no control characters. */
  readonly title: string;
  /** What was asked for is durable in the image when fsync returns (`--direct`): no write may be kept back by the provider or the kernel longer than that. */
  readonly direct?: boolean;
  /** Other accounts of this computer may use it too, where the system lets them. */
  readonly shared?: boolean;
}

/** How a mount ended. */
export interface MountEnd {
  /** 'unmounted': by `unmount`, or by somebody with the system's own means. 'failed': `message` says why. */
  readonly how: 'unmounted' | 'failed';
  readonly message?: string;
}

/** Something that is mounted. */
export interface Mount {
  readonly provider: MountProviderId;
  /** Where: the absolute path of a folder, a drive ("X:"), or an address when nothing could mount it for the person. */
  readonly at: string;
  /** `at` is a folder or drive, not only an address. */
  readonly mounted: boolean;
  /** For the person, when it is not mounted as it was wanted: what to do with the address. */
  readonly advice?: string;
  stats(): MountStats;
  /** Processes that have a file or folder of it open, as far as this account may see. */
  users(): Promise<readonly MountUser[]>;
  /**
   * Everything that programs wrote has arrived in the tree's writer when it returns.
   * @param how.lazy takes it out of the way at once, and serves those who have something open until they let it go
   * @throws DiskError busy when something of it is open (`users()` knows what), and it is not lazy
   */
  unmount(how?: { readonly lazy?: boolean }): Promise<void>;
  /** Resolves once, when nothing of it is left: no mount, no process, no folder that was made for it. Never rejects. */
  readonly ended: Promise<MountEnd>;
}

/** A way to make a tree a folder or a drive for other programs. One file each: fuse, webdav, fuse-native, winfsp. */
export interface MountProvider {
  readonly id: MountProviderId;
  /** Whether it can be used here, and if not why and what would help. Cheap: it is asked for by every look at a volume. */
  available(): Promise<Possible>;
  /** @throws DiskError usage ENOTDIR, ENOENT, ENOTEMPTY, EEXIST, EACCES for the place; unsupported; busy; io with what the system's own tool said */
  mount(request: MountRequest): Promise<Mount>;
}
