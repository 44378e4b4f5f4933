import { setTimeout } from 'node:timers/promises';
import { checkRange } from '../../engines/core/bytes/device.ts';
import { DiskError, ioError, usage } from '../../engines/core/errors.ts';
import { type Choices, type Layer, layersOf } from '../../engines/core/layers.ts';
import { displayName } from '../../engines/core/names.ts';
import type { FindBytesEvent } from '../../shared/contract/bytes.ts';
import type { HostContract } from '../../shared/contract/calls.ts';
import type { ImageInfo } from '../../shared/contract/rows.ts';
import { hostContract } from '../../shared/contract/calls.ts';
import { serve } from '../../shared/rpc/server.ts';
import type { Cancel, Service, Transport } from '../../shared/rpc/types.ts';
import { extract } from '../jobs/extract/extract.ts';
import { type FilesystemLayer, type ImageSession, nodeJob, openImage, resolvePath } from '../session.ts';
import { checkName, entryDetails } from './entries.ts';
import { findBytes, type FindRequest, type Readable } from './find-bytes.ts';
import { Jobs } from './jobs.ts';
import { imageInfo } from './layer-rows.ts';
import { preview } from './preview.ts';
import { placeRows, structureRows } from './structures.ts';
import { DirectoryView, Views } from './view.ts';

/** Milliseconds in which what is noticed is told together: damage seldom comes alone. */
const NOTED_TOGETHER = 100;

/** One image, served to any number of clients: windows, browsers, tests. */
export class ImageHost {
  readonly #path: string;
  readonly #jobs = new Jobs();
  readonly #folders = new Map<string, string>();
  readonly #opening = { aborted: false };
  readonly #noticed = new Set<() => void>();
  #choices: Choices = new Map();
  #session: Promise<ImageSession>;

  /** Opens at once; a failure is told by every call. */
  constructor(path: string) {
    this.#path = path;
    this.#session = this.#open(this.#choices);
    // Told to whoever asks; without a client yet it must not count as unhandled.
    this.#session.catch(() => {});
  }

  /** @throws DiskError when the image can't be opened */
  async info(): Promise<ImageInfo> {
    return imageInfo(await this.#session);
  }

  /** Makes a folder known under a word, as one that clients may extract to. Only the privileged side calls this; no message does. */
  grant(token: string, folder: string): void {
    this.#folders.set(token, folder);
  }

  /** Answers a client until its channel ends. */
  connect(transport: Transport): void {
    const views = new Views();
    transport.onClose(() => views.clear());
    serve<HostContract>(hostContract, this.#service(views), transport, { onFault: (name, error) => console.error(`clutch: ${name}:`, error) });
  }

  /** Cancels the jobs and closes the image. */
  async close(): Promise<void> {
    this.#opening.aborted = true;
    await this.#jobs.close();
    await this.#session.then((session) => session.close(), () => {});
  }

  #open(choices: Choices): Promise<ImageSession> {
    const onNote = (): void => { for (const tell of this.#noticed) tell(); };
    return openImage(this.#path, { choices, job: nodeJob({ signal: this.#opening }), onNote });
  }

  async *#changes(cancel: Cancel): AsyncGenerator<ImageInfo> {
    // What was noticed between the opening and this call counts.
    let noted = true;
    let wake: (() => void) | undefined;
    const tell = (): void => {
      noted = true;
      wake?.();
    };
    this.#noticed.add(tell);
    cancel.onAbort(() => wake?.());
    try {
      while (!cancel.aborted) {
        if (noted) {
          noted = false;
          yield await this.info();
          await setTimeout(NOTED_TOGETHER);
        } else {
          await new Promise<void>((resolve) => { wake = resolve; });
        }
      }
    } finally {
      this.#noticed.delete(tell);
    }
  }

  #service(views: Views): Service<HostContract> {
    return {
      'image.info': () => this.info(),
      'image.changes': (_params, cancel) => this.#changes(cancel),
      'image.reopen': ({ layer, format }) => this.#reopen(layer, format),
      'view.open': async ({ layer, ...request }, cancel) => {
        const { filesystem } = await this.#filesystem(layer);
        const view = await DirectoryView.open(filesystem, request, nodeJob({ signal: cancel }));
        return { view: views.add(view), count: view.count, hidden: view.hidden, notes: view.notes };
      },
      'view.rows': ({ view, from, count }) => views.get(view).rows(from, count),
      'view.find': ({ view, prefix, from }) => ({ index: views.get(view).find(prefix, from) }),
      'view.index': ({ view, node }) => ({ index: views.get(view).indexOf(node) }),
      'view.close': ({ view }) => views.close(view),
      'path.resolve': async ({ layer, path }) => {
        const { filesystem } = await this.#filesystem(layer);
        const { steps } = await resolvePath(filesystem, path);
        return { crumbs: steps.map(({ node, name }) => ({ node, name, display: displayName(name) })) };
      },
      'entry.details': async ({ layer, node, name }) => {
        const { filesystem } = await this.#filesystem(layer);
        checkName(filesystem, node, name);
        return entryDetails(filesystem, node, name);
      },
      'entry.preview': async ({ layer, node, name }) => {
        const { filesystem } = await this.#filesystem(layer);
        checkName(filesystem, node, name);
        return preview(filesystem, node);
      },
      'bytes.read': ({ layer, node, at, length }) => (node === undefined ? this.#layerBytes(layer, at, length) : this.#fileBytes(layer, node, at, length)),
      'bytes.structures': async ({ layer, at, length }) => structureRows(this.#layer(await this.#session, layer), at, length),
      'bytes.places': async ({ layer }) => placeRows(this.#layer(await this.#session, layer)),
      'bytes.find': ({ layer, node, ...request }, cancel) => this.#findBytes(layer, node, request, cancel),
      'extract.start': async ({ layer, entries, target, options }) => {
        const { filesystem } = await this.#filesystem(layer);
        const folder = this.#folders.get(target);
        if (folder === undefined) throw usage('EACCES', 'The target folder was not granted to this image');
        for (const { node, name } of entries) checkName(filesystem, node, name);
        return { job: this.#jobs.start((job, tally) => extract({ fs: filesystem, entries }, folder, options, job, undefined, tally)) };
      },
      'job.events': ({ job }, cancel) => this.#jobs.get(job).events(cancel),
      'job.cancel': ({ job }) => this.#jobs.get(job).cancel(),
      'job.pause': ({ job, paused }) => this.#jobs.get(job).pause(paused),
      'job.answer': ({ job, id, answer }) => this.#jobs.get(job).answer(id, answer),
    };
  }

  async #reopen(layer: string, format: string): Promise<ImageInfo> {
    const current = await this.#session;
    this.#layer(current, layer);
    if (this.#jobs.running > 0) throw new DiskError({ kind: 'busy' }, 'Work on the image is still under way', 'Wait for it or cancel it, then open the image another way.');
    // What was chosen inside the layer was chosen for what it is no longer.
    const choices = new Map([...this.#choices].filter(([path]) => !path.startsWith(`${layer}/`)));
    choices.set(layer, format);
    const opened = await this.#open(choices);
    this.#choices = choices;
    this.#session = Promise.resolve(opened);
    await current.close();
    return imageInfo(opened);
  }

  #layer(session: ImageSession, path: string): Layer {
    for (const layer of layersOf(session.layers)) {
      if (layer.path === path) return layer;
    }
    throw usage('ENOENT', `The image has no layer ${path}`);
  }

  async #filesystem(path: string): Promise<FilesystemLayer> {
    const layer = this.#layer(await this.#session, path);
    if (layer.filesystem === undefined) throw layer.error ?? usage('EINVAL', `Layer ${path} (${layer.title}) has no files`);
    return layer as FilesystemLayer;
  }

  async #layerBytes(path: string, at: number, length: number): Promise<{ bytes: Uint8Array; size: number }> {
    const { device } = this.#layer(await this.#session, path);
    const bytes = new Uint8Array(Math.max(0, Math.min(length, device.size - at)));
    if (bytes.length > 0) {
      checkRange(device, at, bytes.length);
      device.read(at, bytes);
    }
    return { bytes, size: device.size };
  }

  async *#findBytes(path: string, node: number | undefined, request: FindRequest, cancel: Cancel): AsyncGenerator<FindBytesEvent> {
    const read = async (at: number, length: number): Promise<{ bytes: Uint8Array; size: number }> => (node === undefined ? this.#layerBytes(path, at, length) : this.#fileBytes(path, node, at, length));
    const { size } = await read(0, 0);
    const source: Readable = {
      size,
      async read(at, into) {
        const { bytes } = await read(at, into.length);
        into.set(bytes);
        return bytes.length;
      },
    };
    yield* findBytes(source, request, nodeJob({ signal: cancel }));
  }

  async #fileBytes(path: string, node: number, at: number, length: number): Promise<{ bytes: Uint8Array; size: number }> {
    const { filesystem } = await this.#filesystem(path);
    const { type, size } = await filesystem.stat(node);
    if (type !== 'file') throw usage(type === 'dir' ? 'EISDIR' : 'EINVAL', `A ${type} has no bytes to read`);
    const bytes = new Uint8Array(Math.max(0, Math.min(length, size - at)));
    if (bytes.length === 0) return { bytes, size };
    const got = await filesystem.read(node, at, bytes);
    if (got < 0 || got > bytes.length) throw ioError(`A read returned ${got} bytes of ${bytes.length}`);
    return { bytes: bytes.subarray(0, got), size };
  }
}
