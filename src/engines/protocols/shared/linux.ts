import type { EntryType } from '../../core/filesystem.ts';

/** File types in a Linux mode (S_IFMT, include/uapi/linux/stat.h). */
export const TYPE_BITS: Readonly<Record<EntryType, number>> = { fifo: 0o010000, char: 0o020000, dir: 0o040000, block: 0o060000, file: 0o100000, symlink: 0o120000, socket: 0o140000 };
const TYPES: ReadonlyMap<number, EntryType> = new Map(Object.entries(TYPE_BITS).map(([type, bits]) => [bits, type as EntryType]));

/** The type in a mode; undefined where its bits are none's. */
export function typeOfMode(mode: number): EntryType | undefined {
  return TYPES.get(mode & 0o170000);
}

/** Nanoseconds of a second. */
export const NANO = 1_000_000_000n;
