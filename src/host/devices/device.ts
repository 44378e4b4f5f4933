/** A disk or a partition of this computer, as its system lists it. Texts are as they stand there: whoever shows them escapes them. */
export interface Device {
  /** As it is opened: "/dev/sda1", "\\.\PhysicalDrive0". */
  readonly path: string;
  readonly kind: 'disk' | 'partition';
  /** Of a partition: the path of its disk. */
  readonly parent?: string;
  /** Bytes. */
  readonly size: number;
  readonly model: string;
  /** What the system knows of its contents, without that anything is read: all empty where it does not look. */
  readonly contents: string;
  readonly label: string;
  readonly uuid: string;
  readonly readOnly: boolean;
  readonly removable: boolean;
  /** Where it is mounted, or what else uses it ("swap", "md0"); of a disk, also of its partitions. */
  readonly used: readonly string[];
  /** Another text whenever there may be another medium, or something else on it. */
  readonly state: string;
}

/** The disks of this computer, each before its partitions. */
export interface Devices {
  readonly devices: readonly Device[];
  /** Why there are none; empty where there are. */
  readonly advice: string;
}

const collator = new Intl.Collator('en', { numeric: true });

/** Disks by their names, numbers as numbers, with their partitions after each. */
export function inOrder<D extends Pick<Device, 'path' | 'parent'>>(devices: readonly D[]): D[] {
  return devices.toSorted((a, b) => collator.compare(a.parent ?? a.path, b.parent ?? b.path) || Number(a.parent !== undefined) - Number(b.parent !== undefined) || collator.compare(a.path, b.path));
}
