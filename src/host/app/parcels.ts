import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DiskError } from '../../engines/core/errors.ts';

/** Parcels that may be on their way at once. */
const MAX_PARCELS = 64;

/** Places through which entries go from one image to another: each a file in a private temporary folder, made by the one host and read by the other. */
export class Parcels {
  readonly #folders = new Map<string, string>();

  /** @returns its word, and the path of the file that is to be made. @throws DiskError busy */
  make(): { readonly parcel: string; readonly path: string } {
    if (this.#folders.size >= MAX_PARCELS) throw new DiskError({ kind: 'busy' }, `${MAX_PARCELS} copies between images are under way already`, 'Wait until one of them is done.');
    // Readable by this user alone.
    const folder = mkdtempSync(join(process.env.CLUTCH_SCRATCH ?? tmpdir(), 'clutch-parcel-'));
    const parcel = randomBytes(16).toString('hex');
    this.#folders.set(parcel, folder);
    return { parcel, path: join(folder, 'parcel.tar') };
  }

  /** One that is not there is gone already. */
  drop(parcel: string): void {
    const folder = this.#folders.get(parcel);
    if (folder === undefined) return;
    this.#folders.delete(parcel);
    rmSync(folder, { recursive: true, force: true, maxRetries: 2 });
  }

  clear(): void {
    for (const parcel of this.#folders.keys()) this.drop(parcel);
  }
}
