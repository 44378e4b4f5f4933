import { unsupported, usage } from '../../engines/core/errors.ts';
import type { Cursor, FileExtents, FileSystem, ListBatch, Maybe, NodeId, Stat, VolumeInfo, Xattrs } from '../../engines/core/filesystem.ts';
import { isWaiting, layersOf } from '../../engines/core/layer.ts';
import type { Name } from '../../engines/core/names.ts';
import type { ServedTree, TreeChanged } from '../../engines/core/served.ts';
import type { Writer } from '../../engines/core/writer.ts';
import type { ImageSession } from '../session.ts';
import { LiveWriter } from './live-writer.ts';
import { type Held, Holds } from './holds.ts';
import { WriteBatch } from './write-batch.ts';

/** What a tree that is served needs of an image that is open. */
export type LiveSession = Pick<ImageSession, 'layers' | 'onReopen' | 'editing'>;

export interface LiveTreeOptions {
  /** Programs may change it: the image is unlocked, and the filesystem has a writer. */
  readonly write?: boolean;
  /** Told now and then while programs change it, and when they pause: folders whose entries, and nodes that are not what they were. */
  readonly onWritten?: (folders: readonly NodeId[], nodes: readonly NodeId[]) => void;
  /** What programs wrote lately could not be kept, and was taken back; whoever asks next for it to be kept is told, too. */
  readonly onLost?: (error: unknown) => void;
}

/**
 * The filesystem of a layer for other programs, as long as they like: the image may be locked, unlocked, undone and applied meanwhile, which opens its layers
 * anew. Node numbers are the format's own, and stay. Calls that come while the layer is closed wait until it is open again; at all other times a call costs
 * one look at a field more than asking the filesystem itself.
 */
export class LiveTree implements ServedTree {
  readonly fs: FileSystem;
  readonly layer: string;
  readonly #session: LiveSession;
  readonly #listeners = new Set<(change: TreeChanged) => void>();
  readonly #endsReopen: () => void;
  readonly #holds = new Holds();
  readonly #batch: WriteBatch | undefined;
  /** The filesystem as it is open; undefined while it is not. */
  #current: FileSystem | undefined;
  #last: FileSystem;
  /** Why it is not open, where that is for good. */
  #gone: Error | undefined;
  /** Resolves when the layer was opened anew. */
  #opened: Promise<void> = Promise.resolve();
  #wake: (() => void) | undefined;
  /** Calls that were not answered at once. */
  #running = 0;
  #settled: (() => void) | undefined;
  #before: readonly Held[] = [];

  /** @throws DiskError where the layer has no tree that is open, or can't be written to */
  constructor(session: LiveSession, layer: string, { write = false, onWritten, onLost }: LiveTreeOptions = {}) {
    this.#session = session;
    this.layer = layer;
    const fs = this.#find();
    if (fs instanceof Error) throw fs;
    this.#current = fs;
    this.#last = fs;
    if (write) {
      if (session.editing.state.state !== 'editing') throw usage('EROFS', 'The image is open for reading', 'Unlock it to edit.');
      if (fs.writer === undefined) throw unsupported('writing', `This volume can only be read: ${fs.info.access.reason}`);
    }
    const live = new LiveFileSystem(this.#door, fs);
    if (write) {
      const writer = fs.writer!;
      const batch = new WriteBatch(session.editing, layer, {
        onWritten: () => live.writer?.tell(),
        onLost: (error) => {
          live.writer?.tell();
          onLost?.(error);
        },
      });
      this.#batch = batch;
      live.writer = new LiveWriter({ batch, at: (run, node, other) => this.#at(run, node, other), holds: this.#holds, first: writer, written: onWritten ?? (() => {}) });
    }
    this.fs = live;
    this.#endsReopen = session.onReopen({ before: () => this.#close(), after: () => this.#reopen() });
  }

  /** Files that programs have open in it for writing, or that only they keep from being freed. */
  get held(): number {
    return this.#holds.count;
  }

  onChange(run: (change: TreeChanged) => void): () => void {
    this.#listeners.add(run);
    return () => this.#listeners.delete(run);
  }

  /** Somebody else has changed it. */
  changed(change: TreeChanged): void {
    for (const tell of this.#listeners) tell(change);
  }

  /** Everything that programs wrote is kept, as one finished operation. @throws what could not be kept */
  async settle(): Promise<void> {
    await this.#batch?.sync(() => this.#at((fs) => fs.writer?.sync()));
  }

  /** What was written until now is an operation that has ended: it can be applied, or undone. Never rejects. */
  async endBatch(): Promise<void> {
    await this.#batch?.end();
  }

  /** Nobody uses it any more. @throws what could not be kept of the last changes */
  async close(): Promise<void> {
    try {
      await this.settle();
      for (const node of this.#holds.takeAll()) await this.#batch?.run(() => this.#at((fs) => fs.writer?.release(node)));
    } finally {
      await this.#batch?.close();
      this.#endsReopen();
      this.#gone ??= usage('EBADF', 'It is not mounted any more');
      this.#current = undefined;
      this.#wake?.();
    }
  }

  #find(): FileSystem | Error {
    const layer = [...layersOf(this.#session.layers)].find(({ path }) => path === this.layer);
    if (layer === undefined) return usage('ENOENT', `The image has no layer ${this.layer}`);
    return layer.filesystem ?? layer.error ?? (isWaiting(layer) ? usage('EINVAL', `${layer.title} is not open yet`, 'Open it first.') : usage('EINVAL', `${layer.title} has no files`));
  }

  readonly #door: Door = {
    info: () => (this.#current ?? this.#last).info,
    device: () => (this.#current ?? this.#last).extents!.device,
    at: (run, node) => this.#at(run, node),
  };

  #at<T>(run: (fs: FileSystem) => Maybe<T>, node?: NodeId, other?: NodeId): Maybe<T> {
    const fs = this.#current;
    if (fs === undefined) return this.#later(run, node, other);
    if (this.#holds.lost.size > 0) this.#holds.check(node, other);
    const result = run(fs);
    return result instanceof Promise ? this.#follow(result) : result;
  }

  async #later<T>(run: (fs: FileSystem) => Maybe<T>, node?: NodeId, other?: NodeId): Promise<T> {
    while (this.#current === undefined) {
      if (this.#gone !== undefined) throw this.#gone;
      await this.#opened;
    }
    return this.#at(run, node, other);
  }

  async #follow<T>(result: Promise<T>): Promise<T> {
    this.#running++;
    try {
      return await result;
    } finally {
      if (--this.#running === 0) this.#settled?.();
    }
  }

  /** Nothing is asked of the filesystem from now on; resolves when all was answered. */
  async #close(): Promise<void> {
    const fs = this.#current;
    if (fs === undefined) return;
    this.#current = undefined;
    this.#opened = new Promise((resolve) => { this.#wake = resolve; });
    // Guests answer within the time that each call of theirs has.
    if (this.#running > 0) await new Promise<void>((resolve) => { this.#settled = resolve; });
    this.#settled = undefined;
    this.#before = await this.#holds.describe(fs);
  }

  #reopen(): void {
    void this.#takeUp();
  }

  /** Goes on with the layer as it is open now. */
  async #takeUp(): Promise<void> {
    const fs = this.#find();
    if (!(fs instanceof Error)) {
      this.#last = fs;
      await this.#holds.takeUp(fs, this.#before);
      this.#gone = undefined;
      this.#current = fs;
    } else {
      this.#gone = fs;
    }
    this.#before = [];
    this.#wake?.();
    this.changed({ what: 'all' });
  }
}

/** The way to the filesystem that is open now. */
export interface Door {
  info(): VolumeInfo;
  device(): FileExtents['device'];
  /** @param node what is asked about: refused where it is lost */
  at<T>(run: (fs: FileSystem) => Maybe<T>, node?: NodeId): Maybe<T>;
}

/** See LiveTree. Facets are those that the filesystem had at first: opened anew, a format has the same. */
class LiveFileSystem implements FileSystem {
  readonly root: NodeId;
  readonly xattrs?: Xattrs;
  readonly extents?: FileExtents;
  writer?: LiveWriter & Writer;
  readonly #door: Door;

  constructor(door: Door, first: FileSystem) {
    this.#door = door;
    this.root = first.root;
    if (first.xattrs !== undefined) {
      this.xattrs = {
        list: (node) => door.at((fs) => fs.xattrs?.list(node) ?? [], node),
        get: (node, name) => door.at((fs) => fs.xattrs?.get(node, name), node),
      };
    }
    if (first.extents !== undefined) {
      this.extents = {
        get device() { return door.device(); },
        map: (node) => door.at((fs) => {
          if (fs.extents === undefined) throw unsupported('extents', 'Where files lie is not known here');
          return fs.extents.map(node);
        }, node),
      };
    }
  }

  get info(): VolumeInfo {
    return this.#door.info();
  }

  lookup(dir: NodeId, name: Name): Maybe<NodeId | undefined> {
    return this.#door.at((fs) => fs.lookup(dir, name), dir);
  }

  stat(node: NodeId): Maybe<Stat> {
    return this.#door.at((fs) => fs.stat(node), node);
  }

  list(dir: NodeId, cursor?: Cursor): Maybe<ListBatch> {
    return this.#door.at((fs) => fs.list(dir, cursor), dir);
  }

  read(node: NodeId, at: number, into: Uint8Array): Maybe<number> {
    return this.#door.at((fs) => fs.read(node, at, into), node);
  }

  readlink(node: NodeId): Maybe<Name> {
    return this.#door.at((fs) => fs.readlink(node), node);
  }

  /** The filesystem is its owner's, who goes on with it. */
  close(): void {}
}
