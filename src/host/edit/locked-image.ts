import type { BlockDevice } from '../../engines/core/bytes/device.ts';
import { ConcatDevice } from '../../engines/core/bytes/concat.ts';
import type { DiskError } from '../../engines/core/errors.ts';
import type { FileDevice } from '../sources/file.ts';
import { openParts } from '../sources/image.ts';
import { changeOf, type FileState, stateOf } from './identity.ts';
import { refuseInUse } from './in-use.ts';
import { lockImage } from './lock.ts';

/** The files of an image while it is being changed: nobody else writes to them, and it is noticed when somebody does all the same. */
export class LockedImage {
  /** All files as one. Writable unless it was opened for reading. */
  readonly device: BlockDevice;
  /** Whether the lock keeps other programs out: false where there are no locks. */
  readonly locked: boolean;
  readonly #parts: readonly FileDevice[];
  #states: readonly FileState[];

  /** @throws DiskError busy when another program has it; usage EACCES, EROFS; io */
  constructor(files: readonly string[], { write }: { readonly write: boolean }) {
    for (const file of files) refuseInUse(file);
    this.#parts = openParts(files, { write });
    try {
      this.locked = this.#parts.map(lockImage).every((locked) => locked);
      this.#states = this.#parts.map(stateOf);
    } catch (error) {
      this.close();
      throw error;
    }
    this.device = this.#parts.length === 1 ? this.#parts[0]! : new ConcatDevice(this.#parts);
  }

  /** Its files as they were when it was last looked at. */
  get files(): readonly FileState[] {
    return this.#states;
  }

  /** How another program changed it since; undefined when none did. */
  change(): DiskError | undefined {
    // From before they are compared: what is written in between is noticed next time.
    const now = this.#parts.map(stateOf);
    for (const [i, part] of this.#parts.entries()) {
      const change = changeOf(this.#states[i]!, part);
      if (change !== undefined) return change;
    }
    // Rights and names that changed are the usual ones from now on.
    this.#states = now;
    return undefined;
  }

  /** How another program changed what is in it; that it was moved, deleted or replaced by another file is no such change. */
  contentsChange(): DiskError | undefined {
    return this.#parts.map((part, i) => changeOf(this.#states[i]!, part, false)).find((change) => change !== undefined);
  }

  /** The last look before it is written to. @throws DiskError busy when another program changed it, or the system has come to use it since */
  verify(): void {
    const change = this.change();
    if (change !== undefined) throw change;
    for (const { path } of this.#parts) refuseInUse(path);
  }

  /** It was written to, by ourselves. */
  accept(): void {
    this.#states = this.#parts.map(stateOf);
  }

  close(): void {
    for (const part of this.#parts) part.close();
  }
}
