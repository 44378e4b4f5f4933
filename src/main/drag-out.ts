import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { app, MessageChannelMain, type MessagePortMain, type NativeImage, nativeImage, type WebContents } from 'electron';
import { DiskError, usage } from '../engines/core/errors.ts';
import type { SupervisedHost } from '../host/supervisor.ts';
import type { AppContract, HostContract } from '../shared/contract/calls.ts';
import { createClient } from '../shared/rpc/client.ts';
import { portTransport } from '../shared/rpc/transports/port.ts';
import type { Params } from '../shared/rpc/types.ts';

/** Bytes that a drag may extract: the system wants the files to be there before the drag begins. */
const MAX_DRAG = 256 * 1024 * 1024;

/** A plain sheet, where the system has no icon for a file. */
const SHEET = 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAABgAAAAYCAYAAADgdz34AAAAP0lEQVR42mNgGAWjYBSMglEwCkbBKBgFo2AUjIJRMApGwSgYBaNgFIyCUTAKRsEoGAWjYBSMglEwCkbBKBgFAwAAo1gAAU0uYQwAAAAASUVORK5CYII=';

/** Drags entries of images into other programs: extracts them into private folders, which last until the app ends. */
export class DragOut {
  readonly #folders: string[] = [];

  /** @throws DiskError when extracting fails or it is too much */
  async start(host: SupervisedHost<MessagePortMain>, { layer, entries }: Params<AppContract['drag.start']>, page: WebContents): Promise<void> {
    // Made with mode 0700, below a name that nobody can guess.
    const folder = mkdtempSync(join(tmpdir(), 'clutch-drag-'));
    this.#folders.push(folder);
    await extractTo(folder, host, layer, entries);
    const files = readdirSync(folder).map((name) => join(folder, name));
    const [file] = files;
    if (file === undefined) throw usage('ENODATA', 'Nothing of the selection could be extracted');
    page.startDrag({ file, files, icon: await iconOf(file) });
  }

  /** Removes what was extracted. */
  clear(): void {
    for (const folder of this.#folders.splice(0)) rmSync(folder, { recursive: true, force: true, maxRetries: 2 });
  }
}

async function extractTo(folder: string, host: SupervisedHost<MessagePortMain>, layer: string, entries: Params<AppContract['drag.start']>['entries']): Promise<void> {
  const { port1, port2 } = new MessageChannelMain();
  host.connect(port2);
  const client = createClient<HostContract>(portTransport(port1));
  try {
    const target = randomBytes(16).toString('hex');
    await host.grant(target, folder);
    const { job } = await client.call('extract.start', { layer, entries, target, options: { conflict: 'keep-both' } });
    let tooMuch = false;
    for await (const event of client.stream('job.events', { job })) {
      if (event.event === 'progress' && event.progress.unit === 'bytes' && Math.max(event.progress.done, event.progress.total ?? 0) > MAX_DRAG && !tooMuch) {
        tooMuch = true;
        await client.call('job.cancel', { job });
      }
      if (event.event !== 'end') continue;
      if (tooMuch) throw usage('EFBIG', `More than ${MAX_DRAG >> 20} MiB can't be dragged out`, 'Extract it to a folder instead.');
      if (event.error) throw DiskError.from(event.error);
    }
  } finally {
    client.close();
  }
}

async function iconOf(file: string): Promise<NativeImage> {
  const icon = await app.getFileIcon(file, { size: 'normal' }).catch(() => undefined);
  return icon === undefined || icon.isEmpty() ? nativeImage.createFromDataURL(SHEET) : icon;
}
