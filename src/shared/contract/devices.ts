import type { DiskErrorData } from '../../engines/core/errors.ts';
import type { SourceToken } from './calls.ts';
import { none, streams } from './schemas.ts';

/** What crosses the border about the disks of this computer. */

/** A disk or a partition. */
export interface DeviceRow {
  /** For 'image.open'; its path is for showing ("/dev/sda1", "\\.\PhysicalDrive0"). */
  readonly source: SourceToken;
  readonly kind: 'disk' | 'partition';
  /** Of a partition: the path of its disk. */
  readonly parent?: string;
  /** Bytes. */
  readonly size: number;
  /** Escaped for showing, as all texts here. */
  readonly model: string;
  readonly label: string;
  readonly uuid: string;
  /** What was found on it: "GPT", "ext4"; empty when nothing is known or it may not be read. */
  readonly contents: string;
  readonly readOnly: boolean;
  readonly removable: boolean;
  /** Where the system has it mounted (a disk: its partitions too), or what else uses it ("swap", "md0"); it is not written to then. */
  readonly used: readonly string[];
  /** Why its contents are not known: most often that this account may not read it. */
  readonly error?: DiskErrorData;
}

/** The disks of this computer. */
export interface DeviceList {
  /** Each disk before its partitions. */
  readonly devices: readonly DeviceRow[];
  /** Why there are none, or what would show more: a sentence; empty when there is nothing to say. */
  readonly advice: string;
}

/** Of the app. */
export const deviceCalls = {
  /** The disks, now and whenever they, or what is mounted of them, change. Ends with the channel. */
  'devices.changes': streams<DeviceList>()(none),
} as const;
