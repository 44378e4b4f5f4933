import type { Owner } from './volume.ts';

/** What owners use, kept as quotacheck would find it. */
export interface Usage {
  /** Adds to what an owner uses. @param bytes of blocks @param inodes number of inodes; both may be negative */
  add(owner: Owner, bytes: number, inodes: number): void;
}

/** Of a filesystem without quota files. */
export const unlimited: Usage = { add: () => {} };
