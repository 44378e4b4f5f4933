import type { EntryType } from '../../../engines/core/filesystem.ts';
import type { Name } from '../../../engines/core/names.ts';

/** An open folder of the target. Only the target that made it looks inside. */
export interface TargetFolder {
  readonly kind: 'folder';
}

/** Something in the target, by its name, and by what it is open as. */
export interface TargetThing {
  readonly parent: TargetFolder;
  readonly name: Name;
  readonly type: EntryType;
  readonly fd?: number;
  readonly folder?: TargetFolder;
}

/** What a thing is to be given, after its contents. */
export interface Properties {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Nanoseconds since 1970. */
  readonly atime: bigint;
  readonly mtime: bigint;
  readonly xattrs: readonly (readonly [Name, Uint8Array])[];
}

/** What stands in the target already. */
export interface Standing {
  readonly type: EntryType;
  /** Bytes. */
  readonly size: number;
  /** Nanoseconds since 1970. */
  readonly mtime: bigint;
  /** See `fileId`. */
  readonly id: string;
}

/**
 * Where an extraction writes. Every operation is relative to a folder that was opened through this target and never follows a symlink, so
 * that nothing an image holds, and nothing somebody changes in the target meanwhile, leads outside. Names come from `hostName`.
 * What the system refuses is thrown as an error with `code`.
 */
export interface Target {
  readonly root: TargetFolder;
  /** Whether the target's own folder was made for this extraction. */
  readonly made: boolean;
  /** Folders in folders that it takes; deeper ones are reported. */
  readonly deepest: number;
  /** @returns false when the name is taken, as the others do */
  makeFolder(parent: TargetFolder, name: Name, mode: number): boolean;
  /** @returns undefined where a real folder of this name is not there */
  openFolder(parent: TargetFolder, name: Name): TargetFolder | undefined;
  closeFolder(folder: TargetFolder): void;
  /** A new empty file, open for writing. @returns undefined when the name is taken */
  createFile(parent: TargetFolder, name: Name, mode: number): number | undefined;
  makeSymlink(parent: TargetFolder, name: Name, target: Name): boolean;
  /** @throws code ENOTSUP where the host has no such things */
  makeNode(parent: TargetFolder, name: Name, type: EntryType, mode: number, device: { readonly major: number; readonly minor: number }): boolean;
  /** @param from the names from the root to a file that this extraction made */
  makeLink(from: readonly Name[], parent: TargetFolder, name: Name): boolean;
  look(parent: TargetFolder, name: Name): Standing | undefined;
  /** Takes a file, symlink or node away, or an empty folder. */
  remove(parent: TargetFolder, name: Name, type: EntryType): void;
  /** Replaces what is at `to`, in one step. */
  rename(parent: TargetFolder, from: Name, to: Name): void;
  /**
   * Gives a new thing its properties. What the host does not take is told to `lost`, and the rest is still given.
   * @param created the mode it was created with; undefined when it was there before
   */
  apply(thing: TargetThing, properties: Properties, created: number | undefined, lost: (what: string, error: unknown) => void): void;
  /** Copies inside the kernel, from a file of the host. @returns bytes copied; undefined where that can't be done */
  copyRange?(from: number, fromAt: number, to: number, toAt: number, length: number): number | undefined;
  close(): void;
}

/** How a target is set up. */
export interface TargetOptions {
  readonly owners: boolean;
}

/** True when the system says that the whole target can take no more. */
export function isFatal(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'EROFS';
}

/** The system's word for an error. */
export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' ? code : (error as Error).message;
}
