import type { BlockDevice } from './bytes/device.ts';
import type { DiskErrorData, Place } from './errors.ts';
import type { JobContext } from './job.ts';

/** Something wrong that a check found. Plain data: it crosses ports and `--json`. */
export interface Finding {
  /** Stable and unique within one run, and the same in the next run over the same bytes: what a person ticks. */
  readonly id: string;
  /** The format's class of problem, stable over releases: "1/inode-bad-mode". The first part is the pass. */
  readonly code: string;
  readonly severity: 'error' | 'warning' | 'note';
  /** What is wrong, with its numbers: "Inode 12 (/etc/passwd) has 3 links, its names are 2". */
  readonly message: string;
  /** What that means for the person's data, in a sentence. */
  readonly meaning: string;
  readonly place?: Place;
  /** What a repair would do; undefined where nothing can be done about it. */
  readonly repair?: string;
  /** In this run it was. */
  readonly repaired: boolean;
}

/** How a check is run. */
export interface CheckOptions {
  /**
   * Whether a repair is to be made. The check goes on as if it were not wanted when it says no, and in the end the state is 'errors'.
   * Asked once a finding, in order.
   */
  accept(finding: Omit<Finding, 'repaired'>): boolean;
  /** Each finding, in order, when it has been dealt with. */
  found(finding: Finding): void;
  /** Nanoseconds since 1970, for what a repair stamps. */
  now(): bigint;
}

/** What became of a check. */
export interface CheckResult {
  /** 'fixed': there was damage, and all of it was repaired. 'unchecked': it could not be looked at at all. */
  readonly state: 'clean' | 'fixed' | 'errors' | 'unchecked';
  /** Findings in all, and how many of them were repaired. */
  readonly findings: number;
  readonly repaired: number;
  /** Why it could not be checked, or not to its end. */
  readonly error?: DiskErrorData;
}

/**
 * Checks a filesystem, and repairs what `accept` wants. Repairs are written to `device`: a dry run is one over an overlay that is thrown away
 * (so that it tells what the repairs would lead to), and a repair one over an overlay that is kept.
 * Never throws for what it reads; rejects with `cancelled` alone, and then nothing that it wrote counts.
 */
export type Check = (device: BlockDevice, options: CheckOptions, job: JobContext) => Promise<CheckResult>;

/** A check by a program of the filesystem's own: what it says is told as it says it, and nobody chooses among its repairs. */
export interface ToolCheck {
  /** "xfs_repair 6.13.0, in Linux 6.12". */
  readonly name: string;
  /** It can repair, too; else it only looks. */
  readonly repairs: boolean;
  /**
   * Looks, or with `repair` repairs, which is written to the devices.
   * @param devices the filesystem's; of one that lies on several, all that are there
   * @throws DiskError cancelled, guest; unsupported where it can't, or a device is missing that it takes. What it wrote until then is to be taken back.
   */
  run(devices: readonly BlockDevice[], options: ToolCheckOptions, job: JobContext): Promise<ToolResult>;
}

export interface ToolCheckOptions {
  readonly repair: boolean;
  /** Each line of its output, as it is. */
  line(text: string): void;
}

/** What became of a tool's check. */
export interface ToolResult extends CheckResult {
  /** The program's exit status. */
  readonly status: number;
}
