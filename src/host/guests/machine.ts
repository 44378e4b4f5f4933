import type { BlockDevice } from '../../engines/core/bytes/device.ts';
import type { ByteChannel } from '../../engines/core/channel.ts';
import type { DiskError } from '../../engines/core/errors.ts';
import type { OpenContext } from '../../engines/core/probe.ts';
import type { Guest } from './manifest.ts';
import type { MachineProgram } from './qemu.ts';

/** A disk that a guest gets. */
export interface GuestDisk {
  /** Any layer of ours. Without `write` the guest can't write to it either. */
  readonly device: BlockDevice;
  readonly readOnly: boolean;
}

/** What a guest is started for. */
export interface LaunchOptions {
  /** In order: the first is "disk 0" for `mount`. Several for sets (btrfs on many disks, md, LVM). */
  readonly disks: readonly GuestDisk[];
  /** Filesystem types whose modules it must have; tool packages that it must have. */
  readonly filesystems: readonly string[];
  readonly tools?: readonly string[];
  /** 'never' boots cold, for tests and for measuring. */
  readonly warm?: 'auto' | 'never';
  readonly accelerator?: 'auto' | 'tcg';
  /** Boot steps are told here, as every opening tells its steps. */
  readonly step?: OpenContext['step'];
  readonly signal?: { readonly aborted: boolean };
  /** MiB, where a tool needs more than the manifest gives. */
  readonly memory?: number;
  /** Folder of saved states and of what was learned about accelerators. The app's own unless told. */
  readonly cache?: string;
  /** What plays the machine; QEMU from the PATH unless told. */
  readonly program?: MachineProgram;
  /** How many times longer than on an idle machine everything may take before it counts as hung. By the machine's load unless told. */
  readonly patience?: number;
}

/** A running guest. One a layer; owned by the host process of the image. */
export interface GuestMachine {
  readonly guest: Guest;
  /** Process id of QEMU. */
  readonly pid: number;
  readonly start: 'cold' | 'warm';
  readonly accelerator: string;
  /** What a 9P client attaches to (`aname`): the folder that the guest's server exports. */
  readonly aname: string;
  /** Console, QMP, agent, and the times of each step. */
  readonly log: GuestLog;
  /**
   * Mounts, and serves the tree over 9P.
   * @param options a comma list for mount -o; "ro" included by the caller where wanted
   * @throws DiskError with what the kernel said when it does not mount
   */
  mount(type: string, options: string, how?: MountOptions): Promise<ByteChannel>;
  /** One of its own trees. 'overlay' keeps changes to the mounted filesystem in memory: mount it read-only, unmount nothing, and take this in its place. */
  serve(tree: 'devfs' | 'procfs' | 'sysfs' | 'tmpfs' | 'overlay'): Promise<ByteChannel>;
  /** All that was written is on the disks when it returns (syncfs in the guest, then NBD flush). */
  sync(): Promise<void>;
  /** Ends the serving and unmounts, so that a checker may run or the disk may change underneath. The machine stays. */
  unmount(): Promise<void>;
  /** Runs a program of the guest. Its output comes line by line, verbatim; stopped when the signal is aborted. */
  run(program: string, args: readonly string[], how: RunOptions): Promise<{ readonly status: number }>;
  /**
   * A tar of a folder of the mounted tree, over the bulk channel; names in it begin with "./". Made by busybox: without extended attributes, and
   * holes are zeros. The channel ends with an error when it is not whole.
   * @param path from the tree's root, without a slash at the front; "" is all of it
   */
  tar(path: string): Promise<ByteChannel>;
  /** Sync, unmount, power off; killed at a deadline. Returns when the process is gone. */
  stop(): Promise<GuestEnd>;
  /** At once; what was not synced is lost. Writes of it that are on the way are refused from now on. */
  kill(): Promise<GuestEnd>;
  readonly ended: Promise<GuestEnd>;
  /** Puts sets together (md, LVM), where the guest has the tools. @returns devices that came up, for MountOptions.volume */
  assemble(): Promise<readonly string[]>;
  /**
   * Runs once when nothing was asked of the guest and nothing went to or from it for so many milliseconds. Whoever owns the tree stops it then,
   * and launches it again on the next use.
   * @returns ends the watch
   */
  onIdle(after: number, run: () => void): () => void;
}

export interface MountOptions {
  /** The disk by its place in LaunchOptions.disks, and a partition of it as the guest's kernel counts them. */
  readonly disk?: number;
  readonly partition?: number;
  /** Mounted by a program of the guest: ntfs-3g. */
  readonly helper?: string;
  readonly device?: 'disk' | 'mtd' | 'ubi';
  /** Bytes of a flash device's erase block; 128 KiB unless told. */
  readonly eraseBlock?: number;
  /** A device that `assemble` told, in place of disk and partition. */
  readonly volume?: string;
}

export interface RunOptions {
  /** What the word {dev} stands for: a disk by its place in LaunchOptions.disks (the first unless told), and a partition of it. */
  readonly disk?: number;
  readonly partition?: number;
  readonly onLine: (line: string) => void;
  readonly signal?: { readonly aborted: boolean };
}

/** How a guest ended. */
export interface GuestEnd {
  readonly cause: 'stopped' | 'killed' | 'panic' | 'reset' | 'crashed' | 'hung' | 'signal';
  /** For people, in a sentence with what the console said last where that tells. */
  readonly message: string;
  /** Undefined for a clean stop. */
  readonly error?: DiskError;
}

/** What a guest said and did, bounded: the oldest lines go first. */
export interface GuestLog {
  readonly lines: readonly GuestLogLine[];
  onLine(run: (line: GuestLogLine) => void): () => void;
}

export interface GuestLogLine {
  /** Milliseconds since the launch. */
  readonly at: number;
  readonly from: 'launcher' | 'console' | 'qmp' | 'agent' | 'qemu';
  readonly text: string;
}
