import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { checkRange } from '../../engines/core/bytes/device.ts';
import { DiskError, ioError, toDiskError, unsupported, usage } from '../../engines/core/errors.ts';
import { bestOpener, isWaiting, type Layer, layersOf } from '../../engines/core/layer.ts';
import type { NodeId } from '../../engines/core/filesystem.ts';
import { displayName } from '../../engines/core/names.ts';
import type { FindBytesEvent } from '../../shared/contract/bytes.ts';
import type { HostContract } from '../../shared/contract/calls.ts';
import type { GuestLogEvent } from '../../shared/contract/guests.ts';
import type { HashRow } from '../../shared/contract/checksums.ts';
import type { ImageInfo, MeasureProgress, SearchEvent, SpaceSnapshot } from '../../shared/contract/rows.ts';
import { hostContract } from '../../shared/contract/calls.ts';
import { serve } from '../../shared/rpc/server.ts';
import type { Cancel, Params, Service, Transport } from '../../shared/rpc/types.ts';
import { deviceSource } from '../jobs/hash.ts';
import { type FilesystemLayer, type ImageSession, nodeJob, openImage, type OpenImageOptions, type ReopenOptions, resolvePath } from '../session.ts';
import type { GrantUse, MountPlace } from '../control.ts';
import { refuseAroundOwnMount, refuseOwnMount } from '../mounts/own-mounts.ts';
import type { ProviderEntry } from '../mounts/providers.ts';
import { EditCalls } from './edit-calls.ts';
import { Editing } from './editing.ts';
import { forgetIdentities } from './identities.ts';
import { checkName, entryDetails } from './entries.ts';
import { logEvents } from './guest-log.ts';
import { findBytes, type FindRequest, type Readable } from './find-bytes.ts';
import { extraction } from './extraction.ts';
import { Jobs } from './jobs.ts';
import { imageInfo } from './layer-rows.ts';
import { openersOf } from './openers.ts';
import { Opening } from './opening.ts';
import { measuring } from './measuring.ts';
import { Mounts } from './mounts.ts';
import { hashBytes, hashEntries, HashRows, listsBeside, listsInFolder } from './hashing.ts';
import { preview, readText } from './preview.ts';
import { search } from './search.ts';
import { placeRows, structureRows } from './structures.ts';
import { space } from './space.ts';
import { DirectoryView, Views } from './view.ts';

/** Milliseconds in which what is noticed is told together: damage seldom comes alone. */
const NOTED_TOGETHER = 100;

/** Jobs whose checksums wait to be asked for. */
const MAX_HASHES = 32;

/** What an image is opened with. */
export interface ImageHostOptions extends Pick<OpenImageOptions, 'registry' | 'guests'> {
  /** The ways to mount, where not all that Clutch has. */
  readonly providers?: readonly ProviderEntry[];
}

/** One image, served to any number of clients: windows, browsers, tests. */
export class ImageHost {
  readonly #path: string;
  readonly #jobs = new Jobs();
  /** Paths that clients may use, by what for and their word. */
  readonly #granted: Readonly<Record<GrantUse, Map<string, string>>> = { folder: new Map(), put: new Map(), parcel: new Map() };
  readonly #editing: Editing;
  readonly #editCalls: EditCalls;
  readonly #mounts: Mounts;
  /** What clients look at. */
  readonly #views = new Set<Views>();
  /** Rows of checksums that nobody has taken yet, by job. */
  readonly #hashes = new Map<number, HashRows>();
  readonly #closing = { aborted: false };
  readonly #noticed = new Set<() => void>();
  #session: Promise<ImageSession>;
  /** The same, once it is open. */
  #opened: ImageSession | undefined;
  readonly #options: Pick<OpenImageOptions, 'registry' | 'guests'>;
  /** The one under way, or the last one. */
  #opening = new Opening();
  /** Resolves when no layer is being opened anew. */
  #reopened: Promise<unknown> = Promise.resolve();
  /** Layers that are being opened anew, or wait for it. */
  #reopening = 0;

  /** Opens at once; a failure is told by every call. @param options the formats that are looked for, where not all that Clutch has */
  constructor(path: string, { providers, ...options }: ImageHostOptions = {}) {
    this.#path = path;
    this.#options = options;
    this.#mounts = new Mounts({
      session: () => this.#session, folder: (token) => this.#grantedPath('folder', token), checkSettled: () => this.#checkSettled(),
      written: (layer, folders, nodes) => this.#written(layer, folders, nodes), ...(providers === undefined ? {} : { providers }),
    });
    this.#editing = new Editing({
      mounted: this.#mounts,
      session: () => this.#session, opened: () => this.#opened, running: () => this.#jobs.running,
      filesystem: async (layer) => (await this.#filesystem(layer)).filesystem,
      reset: () => this.#dropViews(), showing: (fs, nodes) => [...this.#views].flatMap((views) => views.foldersOf(fs, nodes)), changed: () => this.#tellChange(), forget: forgetIdentities,
    });
    this.#editCalls = new EditCalls({
      jobs: this.#jobs, editing: this.#editing, session: () => this.#session, layer: async (layer) => this.#layer(await this.#session, layer), filesystem: (layer) => this.#filesystem(layer),
      granted: (use, token) => this.#grantedPath(use, token),
      checkSettled: () => this.#checkSettled(), reopenAll: () => this.#reopenAll(),
    });
    // Who looks at it starts the guest of an image that has nothing else, and can stop it.
    this.#session = this.#open({ open: false });
  }

  /** @throws DiskError usage EACCES */
  #grantedPath(use: GrantUse, token: string): string {
    const found = this.#granted[use].get(token);
    if (found === undefined) throw usage('EACCES', 'That file or folder was not granted to this image');
    // Whoever goes there from this process, which has to answer, would wait for ever. What is put into the image is gone through.
    if (use === 'put') refuseAroundOwnMount(found);
    else refuseOwnMount(found);
    return found;
  }

  /** Programs have changed a layer through a mount: what clients look at of it is out of date. */
  #written(path: string, folders: readonly NodeId[], nodes: readonly NodeId[]): void {
    const { filesystem } = [...layersOf(this.#opened!.layers)].find((layer) => layer.path === path) ?? {};
    if (filesystem !== undefined) this.#editing.tellWritten(path, filesystem, folders, nodes);
  }

  /** Opens the image; a failure is told to whoever asks. */
  #open(first: Pick<OpenImageOptions, 'open'> = {}): Promise<ImageSession> {
    const session = this.#tellOpening((how) => openImage(this.#path, { ...this.#options, ...first, ...how })).then((opened) => {
      opened.guestLayers.onChange(() => this.#tellChange());
      return (this.#opened = opened);
    });
    // Without a client yet it must not count as unhandled.
    session.catch(() => {});
    return session;
  }

  /** Once more from the beginning, as after an Apply that could not be finished the first time. */
  async #reopenAll(): Promise<void> {
    this.#mounts.checkFree('0');
    await (await this.#session).close();
    this.#opened = undefined;
    this.#session = this.#open();
    await this.#session;
    this.#dropViews();
    this.#editing.tell();
    this.#tellChange();
  }

  #dropViews(): void {
    for (const views of this.#views) views.retire();
  }

  /** @throws DiskError when the image can't be opened */
  async info(): Promise<ImageInfo> {
    return imageInfo(await this.#session);
  }

  /** Makes a path known under a word, as one that clients may use. Only the privileged side calls this; no message does. */
  grant(token: string, path: string, use: GrantUse = 'folder'): void {
    this.#granted[use].set(token, path);
  }

  /** Operations that were neither applied nor discarded. */
  get pending(): number {
    return this.#editing.pending;
  }

  /** Tells whenever their number changes, and when they begin and end to be applied. */
  onPending(tell: (pending: number, applying: boolean) => void): void {
    this.#editing.onPending(tell);
  }

  /** Tells where its volumes are mounted, whenever that changes. */
  onMounts(tell: (places: readonly MountPlace[]) => void): void {
    this.#mounts.onPlaces(tell);
  }

  /** Ends all mounts. @throws DiskError busy, saying who uses what; those before it have ended */
  unmount(): Promise<void> {
    return this.#mounts.close(false);
  }

  /** Answers a client until its channel ends. */
  connect(transport: Transport): void {
    const views = new Views();
    this.#views.add(views);
    const hashes = new Set<number>();
    transport.onClose(() => {
      this.#views.delete(views);
      views.clear();
      for (const job of hashes) this.#dropHashes(job);
    });
    serve<HostContract>(hostContract, this.#service(views, hashes), transport, { onFault: (name, error) => console.error(`clutch: ${name}:`, error) });
  }

  /** Cancels the jobs and closes the image; pending changes go with it. */
  async close(): Promise<void> {
    this.#closing.aborted = true;
    // What could not be kept of the last changes goes with all of them.
    await this.#mounts.close(true).catch(() => {});
    await this.#jobs.close();
    // What is being opened anew ends by itself, for its job is cancelled; what it opened is closed with the rest.
    await this.#reopened;
    await this.#session.then((session) => session.close({ discard: true }), () => {});
  }

  /** Whoever asks for the steps from now on hears those of this opening, though it has not begun yet. */
  #begin(): Opening {
    return (this.#opening = new Opening());
  }

  /** Runs an opening whose steps and notes clients may follow. */
  async #tellOpening<T>(open: (how: Pick<Required<OpenImageOptions>, 'job' | 'onStep' | 'onNote'>) => Promise<T>, cancel?: Cancel, opening = this.#begin()): Promise<T> {
    const closing = this.#closing;
    const onNote: OpenImageOptions['onNote'] = (note) => {
      opening.note(note);
      this.#tellChange();
    };
    try {
      const opened = await open({ job: nodeJob({ signal: { get aborted() { return closing.aborted || cancel?.aborted === true; } } }), onStep: (start) => opening.step(start), onNote });
      opening.end();
      return opened;
    } catch (error) {
      opening.end(toDiskError(error).toJSON());
      throw error;
    }
  }

  #tellChange(): void {
    for (const tell of this.#noticed) tell();
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

  /** @param hashes the client's jobs whose checksums may still wait to be asked for */
  #service(views: Views, hashes: Set<number>): Service<HostContract> {
    return {
      'image.info': () => this.info(),
      'image.changes': (_params, cancel) => this.#changes(cancel),
      'image.opening': (_params, cancel) => this.#opening.events(cancel),
      'image.reopen': ({ layer, format }, cancel) => this.#reopen(layer, { format }, cancel),
      'layer.unlock': ({ layer, password }) => this.#reopen(layer, { password }),
      'layer.openers': async ({ layer }) => {
        const session = await this.#session;
        return openersOf(this.#layer(session, layer), await session.openers());
      },
      'layer.open': ({ layer, with: opener }, cancel) => this.#openLayer(layer, opener, cancel),
      'guest.log': (params, cancel) => this.#guestLog(params.layer, cancel),
      'guest.saveLog': async ({ layer, target, name, replace }) => this.#editCalls.saveLog((await this.#session).guestLayers.find(layer)?.lines() ?? [], target, name, replace === true),
      'view.open': async ({ layer, page, keep, ...request }, cancel) => {
        const { filesystem } = await this.#filesystem(layer);
        const job = nodeJob({ signal: cancel });
        const view = await DirectoryView.open(filesystem, request, job);
        const before = keep === undefined ? undefined : views.find(keep.view);
        const kept = keep === undefined || before === undefined ? undefined : view.keep(before, keep);
        const first = page === undefined ? undefined : await view.page(page, job);
        return {
          view: views.add(view), count: view.count, hidden: view.hidden, filtered: view.filtered, notes: view.notes,
          ...(kept === undefined ? {} : { kept }), ...(first === undefined ? {} : { page: first }),
        };
      },
      'view.rows': ({ view, from, count }, cancel) => views.get(view).rows(from, count, nodeJob({ signal: cancel })),
      'view.find': ({ view, prefix, from }) => ({ index: views.get(view).find(prefix, from) }),
      'view.match': ({ view, query }) => ({ ranges: views.get(view).match(query) }),
      'view.index': ({ view, node }) => ({ index: views.get(view).indexOf(node) }),
      'view.close': ({ view }) => views.close(view),
      'search.start': (params, cancel) => this.#search(params, cancel),
      'path.resolve': async ({ layer, path }, cancel) => {
        const { filesystem } = await this.#filesystem(layer);
        const { steps } = await resolvePath(filesystem, path, { job: nodeJob({ signal: cancel }) });
        return { crumbs: steps.map(({ node, name }) => ({ node, name, display: displayName(name) })) };
      },
      'entry.details': async ({ layer, node, name }, cancel) => {
        const { filesystem } = await this.#filesystem(layer);
        checkName(filesystem, node, name);
        return entryDetails(filesystem, node, name, nodeJob({ signal: cancel }));
      },
      'measure.start': (params, cancel) => this.#measure(params, cancel),
      'space.start': (params, cancel) => this.#space(params, cancel),
      'entry.preview': async ({ layer, node, name, encoding }, cancel) => {
        const { filesystem } = await this.#filesystem(layer);
        checkName(filesystem, node, name);
        return preview(filesystem, node, nodeJob({ signal: cancel }), { encoding });
      },
      'text.read': async ({ layer, node, at, encoding }, cancel) => readText((await this.#filesystem(layer)).filesystem, node, at, encoding, nodeJob({ signal: cancel })),
      'bytes.read': ({ layer, node, at, length }) => (node === undefined ? this.#layerBytes(layer, at, length) : this.#fileBytes(layer, node, at, length)),
      'bytes.structures': async ({ layer, at, length }) => structureRows(this.#layer(await this.#session, layer), at, length),
      'bytes.places': async ({ layer }) => placeRows(this.#layer(await this.#session, layer)),
      'bytes.find': ({ layer, node, ...request }, cancel) => this.#findBytes(layer, node, request, cancel),
      'extract.start': async ({ layer, entries, target, options }) => {
        const { filesystem } = await this.#filesystem(layer);
        const folder = this.#grantedPath('folder', target);
        for (const { node, name } of entries) checkName(filesystem, node, name);
        for (const { name } of entries) refuseAroundOwnMount(join(folder, name));
        this.#checkSettled();
        return { job: this.#jobs.start(extraction(filesystem, entries, folder, { ...options, images: (await this.#session).files })) };
      },
      'hash.start': async (params, cancel) => {
        const job = await this.#startHash(params);
        hashes.add(job);
        if (cancel.aborted) this.#dropHashes(job);
        return { job };
      },
      'hash.rows': ({ job }, cancel) => {
        hashes.delete(job);
        return this.#hashRows(job, cancel);
      },
      'hash.lists': async ({ layer, node }, cancel) => (node === undefined ? listsBeside((await this.#session).path) : listsInFolder((await this.#filesystem(layer)).filesystem, node, nodeJob({ signal: cancel }))),
      'job.events': ({ job }, cancel) => this.#jobs.get(job).events(cancel),
      'job.cancel': ({ job }) => this.#jobs.get(job).cancel(),
      'job.pause': ({ job, paused }) => this.#jobs.get(job).pause(paused),
      'job.retry': ({ job }) => {
        this.#checkSettled();
        return { job: this.#jobs.retry(job) };
      },
      ...this.#editCalls.service,
      ...this.#mounts.service,
      'job.answer': ({ job, id, answer }) => this.#jobs.get(job).answer(id, answer),
    };
  }

  async *#guestLog(path: string, cancel: Cancel): AsyncGenerator<GuestLogEvent> {
    const { guestLayers } = await this.#session;
    for await (const told of guestLayers.at(path).events(cancel)) yield* logEvents(told);
  }

  async *#search({ layer, ...request }: Params<HostContract['search.start']>, cancel: Cancel): AsyncGenerator<SearchEvent> {
    const { filesystem } = await this.#filesystem(layer);
    yield* search(filesystem, request, nodeJob({ signal: cancel }));
  }

  async *#measure({ layer, entries }: Params<HostContract['measure.start']>, cancel: Cancel): AsyncGenerator<MeasureProgress> {
    const { filesystem } = await this.#filesystem(layer);
    for (const { node, name } of entries) checkName(filesystem, node, name);
    yield* measuring(filesystem, entries, nodeJob({ signal: cancel }));
  }

  async *#space({ layer, node, name }: Params<HostContract['space.start']>, cancel: Cancel): AsyncGenerator<SpaceSnapshot> {
    const { filesystem } = await this.#filesystem(layer);
    checkName(filesystem, node, name);
    yield* space(filesystem, { node, name }, nodeJob({ signal: cancel }));
  }

  async #startHash({ layer: path, entries, folder, algorithms }: Params<HostContract['hash.start']>): Promise<number> {
    const rows = new HashRows();
    const session = await this.#session;
    const layer = this.#layer(session, path);
    const fs = entries === undefined && folder === undefined ? undefined : (await this.#filesystem(path)).filesystem;
    // A folder's own name is no part of the paths below it.
    const below = entries ?? (folder === undefined ? [] : [{ node: folder, name: '' }]);
    if (fs !== undefined) for (const { node, name } of entries ?? []) checkName(fs, node, name);
    const name = path === '0' ? session.name : layer.label || layer.title;
    this.#checkSettled();
    const job = this.#jobs.start((context, tally) => (fs === undefined
      ? hashBytes(deviceSource(layer.device), name, algorithms, context, tally, rows)
      : hashEntries(fs, below, algorithms, context, tally, rows)).finally(() => rows.end()));
    this.#hashes.set(job, rows);
    if (this.#hashes.size > MAX_HASHES) this.#dropHashes(this.#hashes.keys().next().value!);
    return job;
  }

  /** Checksums that were never asked for. A job that waits for somebody to take them would be in the way of others for ever. */
  #dropHashes(job: number): void {
    if (this.#hashes.delete(job)) this.#jobs.find(job)?.cancel();
  }

  async *#hashRows(job: number, cancel: Cancel): AsyncGenerator<HashRow[]> {
    const rows = this.#hashes.get(job);
    if (rows === undefined) throw usage('EBADF', `Job ${job} has no checksums to tell (any longer)`);
    this.#hashes.delete(job);
    yield* rows.take(cancel, () => this.#jobs.get(job).cancel());
  }

  /** Opens a layer that waits. */
  async #openLayer(path: string, opener: string | undefined, cancel: Cancel): Promise<ImageInfo> {
    const opening = this.#begin();
    try {
      const session = await this.#session;
      const found = this.#layer(session, path);
      if (!isWaiting(found)) return await imageInfo(session);
      const best = opener ?? bestOpener(found)?.id;
      if (best === undefined) throw unsupported(found.format, `Nothing here can open ${found.title}`, found.openers.map(({ name, reason }) => `${name}: ${reason}`).slice(0, 4).join(' '));
      return await this.#reopen(path, { format: best.replace(/^native:/, '') }, cancel, opening);
    } catch (error) {
      opening.end(toDiskError(error).toJSON());
      throw error;
    } finally {
      opening.end();
    }
  }

  /** One after another: each is a change of the one tree. */
  async #reopen(layer: string, how: Pick<ReopenOptions, 'format' | 'password'>, cancel?: Cancel, opening = this.#begin()): Promise<ImageInfo> {
    const session = await this.#session;
    const reopen = async (): Promise<ImageInfo> => {
      this.#layer(session, layer);
      this.#mounts.checkFree(layer);
      if (this.#jobs.running > 0) throw new DiskError({ kind: 'busy' }, 'Work on the image is still under way', 'Wait for it or cancel it, then open the image another way.');
      await this.#tellOpening((told) => session.reopen(layer, { ...how, ...told }), cancel, opening);
      this.#tellChange();
      return imageInfo(session);
    };
    this.#reopening++;
    const opened = this.#reopened.then(reopen).catch((error: unknown) => {
      opening.end(toDiskError(error).toJSON());
      throw error;
    }).finally(() => { this.#reopening--; });
    this.#reopened = opened.catch(() => {});
    return opened;
  }

  /** What is begun now would go on in layers that are closed in a moment. @throws DiskError busy */
  #checkSettled(): void {
    if (this.#reopening > 0) throw new DiskError({ kind: 'busy' }, 'The image is being opened another way', 'Begin again when it is open.');
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
