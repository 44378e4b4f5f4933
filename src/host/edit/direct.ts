import { readBytes } from '../../engines/core/bytes/device.ts';
import { ioError, usage } from '../../engines/core/errors.ts';
import type { RedoLog } from '../../engines/core/probe.ts';
import { type ApplyHost, applyHost, createSidecar } from './apply.ts';
import type { DiskFile } from './disk.ts';
import type { LockedImage } from './locked-image.ts';
import type { SidecarPlace } from './places.ts';
import { SECTOR } from './sectors.ts';
import { SidecarWriter } from './sidecar.ts';
import { identityOf } from './sidecar-format.ts';

/**
 * Makes the commits of a filesystem without a journal whole, while it is written to directly: each is kept in a sidecar until it is in its place,
 * as the changes of an Apply are, and is finished at the next opening when it was interrupted.
 */
export class SidecarLog implements RedoLog {
  readonly #image: LockedImage;
  readonly #host: ApplyHost;
  #open: { readonly file: DiskFile; readonly place: SidecarPlace } | undefined;

  constructor(image: LockedImage, host: ApplyHost = applyHost(image.files)) {
    this.#image = image;
    this.#host = host;
  }

  begin(writes: readonly { readonly at: number; readonly bytes: Uint8Array }[]): void {
    if (this.#open !== undefined) throw ioError('The last changes did not all reach the image; nothing more is written to it');
    const created = createSidecar(this.#host);
    const { device, files } = this.#image;
    try {
      const writer = new SidecarWriter(created.file, identityOf(device.size, files));
      writer.begin();
      for (const { at, bytes } of writes) {
        if (at % SECTOR !== 0 || bytes.length % SECTOR !== 0) throw usage('EINVAL', `A write of ${bytes.length} bytes at ${at} is not of whole sectors`);
        writer.add(at, readBytes(device, at, bytes.length), bytes);
      }
      this.#host.disk.syncFolder(created.place.folder);
      writer.finish();
    } catch (error) {
      created.file.close();
      this.#host.disk.remove(created.place.path);
      throw error;
    }
    this.#open = created;
  }

  end(): void {
    const { file, place } = this.#open!;
    file.close();
    this.#host.disk.remove(place.path);
    this.#host.disk.syncFolder(place.folder);
    this.#open = undefined;
  }
}
