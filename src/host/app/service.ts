import { lstat, mkdir, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, normalize } from 'node:path';
import { DiskError, isDiskError, toDiskError, usage } from '../../engines/core/errors.ts';
import { displayName } from '../../engines/core/names.ts';
import { type AppContract, appContract, type AppEvent, type AppInfo, type SourceToken } from '../../shared/contract/calls.ts';
import type { Settings } from '../../shared/contract/settings.ts';
import type { Menu } from '../../shared/contract/window.ts';
import { serve } from '../../shared/rpc/server.ts';
import type { Cancel, Params, Service, Transport } from '../../shared/rpc/types.ts';
import type { MountPlace } from '../control.ts';
import { mountProviders } from '../mounts/providers.ts';
import { Spare } from '../spare.ts';
import { type HostLink, SupervisedHost } from '../supervisor.ts';
import { distinctImages } from '../sources/image.ts';
import { groupSets } from '../sources/set.ts';
import { DeviceCalls } from './devices.ts';
import { GuestAppCalls } from './guests.ts';
import { Parcels } from './parcels.ts';
import { RecentStore } from './recents.ts';
import { SessionStore } from './session.ts';
import { SettingsStore } from './settings.ts';
import { TokenStore, type TokenUse } from './tokens.ts';

/** Images that may be open at once: each is a process. */
const MAX_IMAGES = 64;

/** Characters of the clipboard's text that a page gets. */
const MAX_PASTED = 1 << 20;

/** Events that wait for a page that does not listen yet. */
const MAX_WAITING = 256;

/** What Electron and `clutch serve` do each in its own way. Absent = refused. */
export interface Platform<P> {
  readonly info: Omit<AppInfo, 'settingsFile'>;
  /** Absolute path of the folder that keeps recents.json, session.json and settings.json. */
  readonly folder: string;
  /** Whether tabs are kept for the next start, and brought back. */
  readonly session: boolean;
  /** Starts a process that waits for an image. */
  startProcess(): HostLink<P>;
  /** The image that is shipped with the app. */
  readonly sample?: string;
  pickImages?(): Promise<string[]>;
  pickFolder?(): Promise<string | undefined>;
  /** Files, or folders, to be put into an image. */
  pickToPut?(what: 'files' | 'folders'): Promise<string[]>;
  /** Where a new file goes. The dialog asks about a file that is there already. @param name proposed */
  pickSave?(name: string): Promise<string | undefined>;
  showFolder?(folder: string): Promise<void>;
  copyText?(text: string): void;
  pasteText?(): string | Promise<string>;
  drag?(host: SupervisedHost<P>, params: Params<AppContract['drag.start']>): Promise<void>;
  showFile?(file: string): void;
  /** How far the window's long work is; 0 `running` when there is none, or its page is gone. */
  onProgress?(progress: Params<AppContract['app.progress']>): void;
  /** Tells the person, if the window is out of sight. The texts hold no control characters. */
  notify?(notice: Params<AppContract['app.notify']>): void;
  /** The window's commands as they are now. */
  onMenu?(menu: Menu): void;
  /** The settings changed. */
  onSettings?(settings: Settings): void;
  /** The recents changed. */
  onRecents?(): void;
}

/** The app: which images are open, which paths the page may use, what happened before. One for all its clients. */
export class App<P> {
  readonly #platform: Platform<P>;
  readonly #tokens = new TokenStore();
  readonly #recents: RecentStore;
  readonly #settings: SettingsStore;
  readonly #session: SessionStore;
  readonly #spare: Spare<P>;
  readonly #images = new Map<number, SupervisedHost<P>>();
  /** Images with pending changes whose page is gone, by path: whoever opens the image next has them again. */
  readonly #left = new Map<string, number>();
  readonly #parcels = new Parcels();
  readonly #listeners = new Set<(event: AppEvent) => void>();
  readonly #waiting: AppEvent[] = [];
  readonly #guests: GuestAppCalls;
  readonly #devices: DeviceCalls;
  #lastImage = 0;

  constructor(platform: Platform<P>) {
    this.#platform = platform;
    this.#spare = new Spare(() => platform.startProcess());
    this.#recents = new RecentStore(join(platform.folder, 'recents.json'), this.#tokens);
    this.#settings = new SettingsStore(join(platform.folder, 'settings.json'));
    this.#settings.watch(() => this.#settingsChanged());
    this.#guests = new GuestAppCalls({
      guests: async () => (await import('../guests/installed.ts')).installed(),
      folderOf: (token) => this.#tokens.pathOf(token, 'folder'),
      sourceOf: (token) => this.#tokens.pathOf(token, 'source'),
      tokenOf: (path) => this.tokenOf(path, 'source'),
    });
    this.#devices = new DeviceCalls({ tokenOf: (path) => this.tokenOf(path, 'source'), startProcess: () => platform.startProcess() });
    this.#session = new SessionStore(platform.session ? join(platform.folder, 'session.json') : undefined, this.#tokens);
  }

  /** Answers a client until its channel ends. The images that it opened end with it, for a page that is gone can't close them; those with pending changes wait for another. */
  connect(transport: Transport): void {
    const opened = new Set<number>();
    transport.onClose(() => {
      for (const image of opened) this.#leaveImage(image);
      this.#platform.onProgress?.({ running: 0 });
    });
    serve<AppContract>(appContract, this.#service(opened), transport, { onFault: (name, error) => console.error(`clutch: ${name}:`, error) });
  }

  /** Tells the pages to open images: from the command line, a second start, the system. @param paths absolute */
  open(paths: readonly string[]): void {
    if (paths.length > 0 && this.#images.size === 0) this.#spare.prepare();
    if (paths.length > 0) this.tell({ event: 'open', sources: this.sourcesOf(paths) });
  }

  tell(event: AppEvent): void {
    if (this.#listeners.size === 0) {
      if (this.#waiting.length < MAX_WAITING) this.#waiting.push(event);
      return;
    }
    for (const listener of this.#listeners) listener(event);
  }

  /** Tokens for paths that the person named, one an image: the parts of a split one, and the same path twice, are one; so are the disks of a set. */
  sourcesOf(paths: readonly string[]): SourceToken[] {
    return groupSets(distinctImages(paths)).map((path) => this.tokenOf(path, 'source'));
  }

  /** A token for a path that the person named to the privileged side. */
  tokenOf(path: string, use: TokenUse): SourceToken {
    return this.#tokens.tokenOf(path, use);
  }

  /** @throws DiskError usage when it is not open */
  host(image: number): SupervisedHost<P> {
    const host = this.#images.get(image);
    if (host === undefined) throw usage('EBADF', `Image ${image} is not open`);
    return host;
  }

  get settings(): Settings {
    return this.#settings.get();
  }

  /** Images with changes that were neither applied nor discarded. */
  get pending(): number {
    return [...this.#images.values()].filter(({ pending }) => pending > 0).length;
  }

  recentPaths(): string[] {
    return this.#recents.paths();
  }

  /** Forgets the tabs of last time: what ended a page would end the next one, too. */
  forgetSession(): void {
    try {
      this.#session.forget();
    } catch (error) {
      // A full disk must not end the app with the page.
      console.error('clutch: the session could not be forgotten:', error);
    }
  }

  /** Ends every image's process. */
  async close(): Promise<void> {
    this.#settings.close();
    this.#parcels.clear();
    await Promise.all([this.#guests.close(), this.#spare.close(), ...[...this.#images.values()].map((host) => host.close())]);
  }

  #service(opened: Set<number>): Service<AppContract> {
    const platform = this.#platform;
    return {
      'app.info': () => ({ ...platform.info, settingsFile: this.#settings.file }),
      'app.events': (_params, cancel) => {
        // The window is there: what it will open first can be prepared for.
        this.#spare.prepare();
        // The one window's page has crashed: what was pending in it is shown again, and nobody need know that it waits.
        const left = platform.session ? [...this.#left].filter(([, image]) => this.#images.has(image)).map(([path]) => path) : [];
        return this.#events(cancel, left.length === 0 ? [] : [{ event: 'open', sources: this.sourcesOf(left) }]);
      },
      'settings.get': () => this.settings,
      'settings.set': (patch) => {
        const settings = this.#settings.set(patch);
        this.#settingsChanged();
        return settings;
      },
      'settings.show': () => {
        if (!platform.showFile) throw notHere('showing files');
        this.#settings.keep();
        platform.showFile(this.#settings.file);
      },
      'session.get': () => this.#session.get(),
      'session.set': (session) => this.#session.set(session),
      'menu.set': (menu) => platform.onMenu?.(menu),
      'recents.list': () => this.#recents.list(),
      'recents.pin': ({ token, pinned }) => {
        this.#recents.pin(this.#tokens.pathOf(token, 'source'), pinned);
        this.#recentsChanged();
      },
      'recents.remove': ({ token }) => {
        this.#recents.remove(token === undefined ? undefined : this.#tokens.pathOf(token, 'source'));
        this.#recentsChanged();
      },
      'recents.locate': ({ token, found }) => {
        this.#recents.moved(this.#tokens.pathOf(token, 'source'), this.#tokens.pathOf(found, 'source'));
        this.#recentsChanged();
      },
      'sample.open': () => {
        if (platform.sample === undefined) throw notHere('the sample image');
        return this.tokenOf(platform.sample, 'source');
      },
      'dialog.open': async () => {
        if (!platform.pickImages) throw notHere('native dialogs');
        return this.sourcesOf(await platform.pickImages());
      },
      'dialog.folder': async () => {
        if (!platform.pickFolder) throw notHere('native dialogs');
        const folder = await platform.pickFolder();
        return folder === undefined ? undefined : this.tokenOf(folder, 'folder');
      },
      'dialog.save': async ({ name }) => {
        if (!platform.pickSave) throw notHere('native dialogs');
        const path = await platform.pickSave(displayName(basename(name)));
        return path === undefined ? undefined : { folder: this.tokenOf(dirname(path), 'folder'), name: basename(path), replace: true };
      },
      'dialog.put': async ({ what }) => {
        if (!platform.pickToPut) throw notHere('native dialogs');
        return (await platform.pickToPut(what)).map((path) => this.tokenOf(path, 'put'));
      },
      'path.put': async ({ path }) => this.tokenOf(await this.#typedAny(path), 'put'),
      'path.source': async ({ path }) => this.sourcesOf([await this.#typedImage(path)])[0]!,
      'path.folder': async ({ path }) => this.tokenOf(await this.#typedFolder(path), 'folder'),
      'image.open': ({ token }) => {
        const image = this.#openImage(this.#tokens.pathOf(token, 'source'));
        opened.add(image);
        return { image };
      },
      'image.close': async ({ image, discard }) => {
        // Until they are gone, programs may go on to write. Where what they write is to be discarded, nobody waits for them: they are cut off with the process.
        if (discard !== true) await this.host(image).unmount();
        const { pending } = this.host(image);
        if (pending > 0 && discard !== true) throw new DiskError({ kind: 'busy' }, pending === 1 ? 'A change of the image is pending' : `${pending} changes of the image are pending`, 'Apply or discard them.');
        opened.delete(image);
        await this.#closeImage(image);
      },
      'image.grant': async ({ image, token }) => {
        const folder = this.#tokens.pathOf(token, 'folder');
        await this.host(image).grant(token, folder);
      },
      'image.grantSources': async ({ image, tokens }) => {
        const host = this.host(image);
        await Promise.all(tokens.map((token) => host.grant(token, this.#tokens.pathOf(token, 'put'), 'put')));
      },
      'parcel.make': async ({ from, to }) => {
        const hosts = [this.host(from), this.host(to)];
        const { parcel, path } = this.#parcels.make();
        await Promise.all(hosts.map((host) => host.grant(parcel, path, 'parcel')));
        return { parcel };
      },
      'parcel.drop': ({ parcel }) => this.#parcels.drop(parcel),
      'drag.start': async (params) => {
        if (!platform.drag) throw notHere('dragging entries out');
        await platform.drag(this.host(params.image), params);
      },
      'folder.show': async ({ token }) => {
        if (!platform.showFolder) throw notHere('showing folders');
        await platform.showFolder(this.#tokens.pathOf(token, 'folder'));
      },
      'text.paste': async () => {
        if (!platform.pasteText) throw notHere('the clipboard');
        return { text: (await platform.pasteText()).slice(0, MAX_PASTED) };
      },
      'app.progress': (progress) => {
        if (!platform.onProgress) throw notHere('the taskbar');
        platform.onProgress(progress);
      },
      'app.notify': ({ title, body }) => {
        if (!platform.notify) throw notHere('notices of the system');
        platform.notify({ title: displayName(title), body: displayName(body) });
      },
      'text.copy': ({ text }) => {
        if (!platform.copyText) throw notHere('the clipboard');
        platform.copyText(text);
      },
      'mount.ways': () => mountProviders.map(({ id, title, summary, systems }) => ({ id, title, summary, systems })),
      'mount.show': async ({ image, mount }) => {
        if (!platform.showFolder) throw notHere('showing folders');
        const place = this.#placeOf(image, mount);
        if (!place.mounted) throw usage('ENOTDIR', 'It is an address, and no folder');
        await platform.showFolder(place.at);
      },
      'mount.copy': ({ image, mount }) => {
        const text = this.#placeOf(image, mount).at;
        if (!platform.copyText) return { text };
        platform.copyText(text);
        return {};
      },
      ...this.#guests.service,
      ...this.#devices.service,
    };
  }

  /** @throws DiskError usage EBADF for a mount that has ended */
  #placeOf(image: number, mount: number): MountPlace {
    const place = this.host(image).mounts.find((each) => each.mount === mount);
    if (place === undefined) throw usage('EBADF', 'It is not mounted any more');
    return place;
  }

  async *#events(cancel: Cancel, first: readonly AppEvent[]): AsyncGenerator<AppEvent> {
    const events = [...first, ...this.#waiting.splice(0)];
    let wake: (() => void) | undefined;
    const listener = (event: AppEvent): void => {
      events.push(event);
      wake?.();
    };
    this.#listeners.add(listener);
    cancel.onAbort(() => wake?.());
    try {
      while (!cancel.aborted) {
        const event = events.shift();
        if (event) yield event;
        else await new Promise<void>((resolve) => { wake = resolve; });
      }
    } finally {
      this.#listeners.delete(listener);
    }
  }

  #openImage(path: string): number {
    const left = this.#left.get(path);
    this.#left.delete(path);
    if (left !== undefined && this.#images.has(left)) return left;
    if (this.#images.size >= MAX_IMAGES) throw new DiskError({ kind: 'busy' }, `${MAX_IMAGES} images are open already`, 'Close one of them first.');
    const image = ++this.#lastImage;
    const host = new SupervisedHost(this.#spare.take(), path);
    this.#images.set(image, host);
    void this.#watch(image, path, host);
    return image;
  }

  #leaveImage(image: number): void {
    const host = this.#images.get(image);
    if (host === undefined) return;
    // What programs write through a mount is pending in a moment, if it is not yet.
    if (host.pending > 0 || host.mounts.some(({ write }) => write)) this.#left.set(host.path, image);
    else void this.#closeImage(image);
  }

  async #closeImage(image: number): Promise<void> {
    const host = this.#images.get(image);
    this.#images.delete(image);
    await host?.close();
  }

  /** Remembers the image once it is open, and tells when its process is lost. */
  async #watch(image: number, path: string, host: SupervisedHost<P>): Promise<void> {
    try {
      const { summary, size } = await host.opened;
      this.#recents.opened(path, summary, size, Date.now());
      this.#recentsChanged();
    } catch (error) {
      // The page hears of an image that can't be opened from the image's own service; a full disk must not stop one that can.
      if (!isDiskError(error)) console.error('clutch: the recent images could not be written:', error);
    }
    const reason = await host.ended;
    if (this.#images.delete(image) && reason !== undefined) this.tell({ event: 'lost', image, reason });
  }

  #settingsChanged(): void {
    const { settings } = this;
    this.#platform.onSettings?.(settings);
    if (this.#listeners.size > 0) this.tell({ event: 'settings', settings });
  }

  #recentsChanged(): void {
    this.#platform.onRecents?.();
    if (this.#listeners.size > 0) this.tell({ event: 'recents', recents: this.#recents.list() });
  }

  /** A path that was typed into the page: only where the page has no dialogs. */
  async #typedImage(typed: string): Promise<string> {
    const path = this.#typed(typed);
    const there = await stat(path).catch(() => undefined);
    if (there === undefined) throw usage('ENOENT', `There is no file ${displayName(path)}`);
    if (!there.isFile() && !there.isBlockDevice()) throw usage('EINVAL', `${displayName(path)} is neither a file nor a disk`);
    return path;
  }

  /** A file or folder of any kind. */
  async #typedAny(typed: string): Promise<string> {
    const path = this.#typed(typed);
    if ((await lstat(path).catch(() => undefined)) === undefined) throw usage('ENOENT', `There is no file ${displayName(path)}`);
    return path;
  }

  /** An existing folder, or one to be made in an existing one. */
  async #typedFolder(typed: string): Promise<string> {
    const path = this.#typed(typed);
    const there = await stat(path).catch(() => undefined);
    if (there?.isDirectory()) return path;
    if (there) throw usage('ENOTDIR', `${displayName(path)} is no folder`);
    if (!(await stat(dirname(path)).then((parent) => parent.isDirectory(), () => false))) throw usage('ENOENT', `There is no folder ${displayName(dirname(path))}`);
    try {
      await mkdir(path);
    } catch (error) {
      throw usage('EACCES', `The folder ${displayName(path)} can't be made: ${toDiskError(error).message}`);
    }
    return path;
  }

  #typed(path: string): string {
    if (this.#platform.info.dialogs !== 'path') throw usage('EACCES', 'Here files are picked in a dialog');
    if (!isAbsolute(path) || path.includes('\0')) throw usage('EINVAL', `"${displayName(path.slice(0, 300))}" is no absolute path`);
    return normalize(path);
  }
}

function notHere(what: string): DiskError {
  return usage('ENOTSUP', `There is no way here for ${what}`);
}
