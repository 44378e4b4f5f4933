import { statSync } from 'node:fs';
import { DiskError, usage } from '../../engines/core/errors.ts';
import type { FileSystem, NodeId } from '../../engines/core/filesystem.ts';
import type { JobContext } from '../../engines/core/job.ts';
import type { TreeChanged } from '../../engines/core/served.ts';
import type { EditState, OperationLabel, OperationRow, Possible, TreeChange, Verb } from '../../shared/contract/edit.ts';
import type { Cancel } from '../../shared/rpc/types.ts';
import type { EditOperation, EditState as SessionState } from '../edit/editing.ts';
import type { Tally } from '../jobs/extract/tally.ts';
import { CHANGED_THROUGH_MOUNT } from '../mounts/write-batch.ts';
import type { WritableFileSystem } from '../jobs/untar.ts';
import type { ImageSession } from '../session.ts';
import type { Work } from './jobs.ts';
import { Told } from './told.ts';
import { Turns } from './turns.ts';

/** Folders that one change tells of; with more, everything of the layer may be different. */
const MOST_FOLDERS = 1000;

/** Milliseconds between two looks at whether another program changed the file. */
const LOOK_EVERY = 2000;

/** Operations whose labels are kept beside the session's own texts. */
const MOST_LABELS = 100_000;

/** What the image's host does for its editing. */
export interface EditedImage {
  session(): Promise<ImageSession>;
  /** Undefined until the image is open. */
  opened(): ImageSession | undefined;
  /** Jobs of any kind that run. */
  running(): number;
  /** A filesystem that is open. @throws DiskError */
  filesystem(layer: string): Promise<FileSystem>;
  /** Layers are other ones than before: what clients hold of the old ones is dropped. */
  reset(): void;
  /** Folders that clients look at and that have an entry of one of the nodes. */
  showing(fs: FileSystem, nodes: ReadonlySet<NodeId>): readonly NodeId[];
  /** Something of what `info` tells is different. */
  changed(): void;
  /** What is kept of a filesystem may be out of date. */
  forget(fs: FileSystem): void;
  /** Volumes that are mounted for other programs. */
  readonly mounted: MountedVolumes;
}

/** What the editing has to do with mounts. Each check throws DiskError busy where something mounted is in the way. */
export interface MountedVolumes {
  /** Of writing to a layer past its filesystem. */
  checkFree(layer: string): void;
  /** Of locking the image. */
  checkNoWriter(): void;
  /** Of taking the image to another state. */
  checkNothingOpen(): void;
  /** What programs have written through them is an operation that has ended. */
  settle(): Promise<void>;
  /** Programs that see a layer are to hear of a change. */
  changed(layer: string, change: TreeChanged): void;
}

/** An operation that is to be done. */
export interface Wanted extends OperationLabel {
  readonly layer: string;
  /** Of the folder in which it is done. */
  readonly path: string;
}

/** What an operation tells of, while it runs and at its end. */
export interface Changed {
  /** A folder whose entries are not what they were. */
  folder(node: NodeId, layer?: string): void;
  /** Nodes whose properties are not what they were. */
  nodes(nodes: readonly NodeId[]): void;
}

const OK: Possible = { ok: true };
const no = (reason: string): Possible => ({ ok: false, reason });

const TEXTS: Readonly<Record<Verb, string>> = {
  create: 'Created', mkdir: 'Made the folder', symlink: 'Made the link', rename: 'Renamed', delete: 'Deleted', move: 'Moved', copy: 'Copied', duplicate: 'Duplicated', put: 'Put in', paste: 'Pasted', change: 'Changed', xattr: 'Changed an attribute of', repair: 'Repaired', mount: CHANGED_THROUGH_MOUNT,
};

/** Changing one image on behalf of its clients: one operation at a time, each with its undo; everybody hears of it. */
export class Editing {
  readonly #image: EditedImage;
  readonly #turns = new Turns(() => this.tell());
  readonly #states = new Told<EditState>();
  readonly #layers = new Told<ReadonlyMap<string, TreeChange>>(joinChanges);
  readonly #labels = new Map<number, OperationRow>();
  readonly #pendingTold: ((pending: number, applying: boolean) => void)[] = [];
  #pending = 0;
  #pendingApplied = false;
  #applying = false;
  /** A check found something that it can repair: the image may be unlocked for that alone. */
  #repairable = false;
  #told: EditState['changedUnderneath'];
  /** What was pending when the running job had its turn. */
  #before: readonly EditOperation[] | undefined;
  #watched: ImageSession | undefined;

  constructor(image: EditedImage) {
    this.#image = image;
  }

  /** Operations that were neither applied nor discarded. */
  get pending(): number {
    return this.#pending;
  }

  onPending(tell: (pending: number, applying: boolean) => void): void {
    this.#pendingTold.push(tell);
  }

  /** The state, now and whenever it changes. */
  async *states(cancel: Cancel): AsyncGenerator<EditState> {
    const look = setInterval(() => this.#look(), LOOK_EVERY);
    look.unref();
    try {
      yield* this.#states.items(cancel, await this.state());
    } finally {
      clearInterval(look);
    }
  }

  /** What of the tree changes. */
  async *treeChanges(cancel: Cancel): AsyncGenerator<TreeChange> {
    for await (const changes of this.#layers.items(cancel)) yield* changes.values();
  }

  async state(): Promise<EditState> {
    return this.#stateOf(await this.#session());
  }

  /** Tells all clients of the state as it is now. */
  tell(): void {
    const session = this.#image.opened();
    if (session === undefined) return;
    const state = this.#stateOf(session);
    this.#told = state.changedUnderneath;
    this.#states.tell(state);
    if (state.operations === this.#pending && this.#applying === this.#pendingApplied) return;
    this.#pending = state.operations;
    this.#pendingApplied = this.#applying;
    for (const tell of this.#pendingTold) tell(this.#pending, this.#applying);
  }

  /** A check found something that can be repaired. */
  foundRepairs(): void {
    this.#repairable = true;
    this.tell();
  }

  unlock(): Promise<EditState> {
    return this.#reopening(async ({ editing }) => { await editing.unlock({ repair: this.#repairable }); });
  }

  lock(discard: boolean): Promise<EditState> {
    return this.#reopening(async ({ editing }) => {
      this.#image.mounted.checkNoWriter();
      const { state } = editing;
      // What the filesystem itself wrote when it was unlocked (its journal replayed) is nothing that the person would miss.
      if (state.state === 'editing' && (discard || state.operations === 0)) await editing.discard();
      await editing.lock();
    });
  }

  undo(): Promise<EditState> {
    return this.#reopening(async ({ editing }) => {
      this.#image.mounted.checkNothingOpen();
      if (await editing.undo() === undefined) throw usage('EINVAL', 'There is nothing to undo');
    });
  }

  redo(): Promise<EditState> {
    return this.#reopening(async ({ editing }) => {
      this.#image.mounted.checkNothingOpen();
      if (await editing.redo() === undefined) throw usage('EINVAL', 'There is nothing to redo');
    });
  }

  discard(): Promise<EditState> {
    return this.#reopening(async ({ editing }) => {
      this.#image.mounted.checkNothingOpen();
      await editing.discard();
    });
  }

  async review(from: number, count: number): Promise<{ operations: OperationRow[]; total: number }> {
    // The session answers when the operation under way has ended, which may be waiting for an answer itself.
    const operations = this.#turns.jobs > 0 && this.#before !== undefined ? this.#before : (await (await this.#session()).editing.review()).operations;
    return { operations: operations.slice(from, from + count).map((operation) => this.#rowOf(operation)), total: operations.length };
  }

  /** A job's turn. */
  #job<T>(job: JobContext, run: (session: ImageSession) => Promise<T>): Promise<T> {
    return this.#turns.job(job.signal, async () => {
      const session = await this.#session();
      this.#before = session.editing.state.state === 'editing' ? (await session.editing.review()).operations : [];
      try {
        return await run(session);
      } finally {
        this.#before = undefined;
      }
    });
  }

  /** Work that applies the pending changes. */
  async apply(): Promise<Work> {
    await this.#image.mounted.settle();
    const { canApply } = await this.state();
    if (!canApply.ok) throw new DiskError({ kind: 'busy' }, canApply.reason);
    return async (job, tally) => {
      await this.#job(job, async (session) => {
        this.#applying = true;
        this.tell();
        try {
          tally.bytes = (await session.editing.apply(job)).bytes;
        } finally {
          this.#applying = false;
        }
      });
      this.#labels.clear();
      this.#image.changed();
      return tally;
    };
  }

  /** Work that writes a new image. @param path absolute */
  saveAs(path: string, replace: boolean): Work {
    return async (job, tally) => {
      const { size } = await this.#session();
      await this.#job(job, ({ editing }) => editing.saveAs(path, { replace, job }));
      return { ...tally, files: 1, bytes: size };
    };
  }

  /** @throws DiskError usage EROFS when the image is not unlocked; unsupported when the filesystem can only be read */
  async writable(layer: string): Promise<WritableFileSystem> {
    const { editing } = await this.#session();
    if (editing.state.state !== 'editing') throw usage('EROFS', 'The image is open for reading', 'Unlock it to edit.');
    const fs = await this.#image.filesystem(layer);
    if (fs.writer === undefined) throw new DiskError({ kind: 'unsupported', feature: 'writing' }, `This volume can only be read: ${fs.info.access.reason}`);
    return fs as WritableFileSystem;
  }

  /** One operation of a call. @throws DiskError busy while a job writes */
  call<T>(wanted: Wanted, run: (fs: WritableFileSystem, changed: Changed) => Promise<T>): Promise<T> {
    return this.#turns.call(() => this.#operation(wanted, run));
  }

  /** Work that is one operation. */
  work(wanted: Wanted, run: (fs: WritableFileSystem, changed: Changed, job: JobContext, tally: Tally) => Promise<unknown>): Work {
    return async (job, tally) => {
      await this.#job(job, () => this.#operation(wanted, (fs, changed) => run(fs, changed, job, tally)));
      return tally;
    };
  }

  /** Work that looks at the bytes of an image, and at no other state of them than one: while it is unlocked, nothing else changes them. */
  still(run: Work): Work {
    return async (job, tally) => {
      const { editing } = await this.#session();
      return editing.state.state === 'editing' ? this.#job(job, () => run(job, tally)) : run(job, tally);
    };
  }

  /** Work that writes to a layer's device itself, past the filesystem on it; when it throws, nothing of it stays. */
  rawWork(wanted: Wanted, run: (session: ImageSession, job: JobContext, tally: Tally) => Promise<unknown>): Work {
    return async (job, tally) => {
      await this.#job(job, async (session) => {
        this.#image.mounted.checkFree(wanted.layer);
        try {
          await session.editing.operation({ text: textOf(wanted), layer: wanted.layer, raw: true }, () => run(session, job, tally));
          this.#label(session, wanted, false);
        } finally {
          this.#image.reset();
          this.#changedAll(session);
        }
      });
      return tally;
    };
  }

  async #operation<T>(wanted: Wanted, run: (fs: WritableFileSystem, changed: Changed) => Promise<T>): Promise<T> {
    const session = await this.#session();
    const fs = await this.writable(wanted.layer);
    const folders = new Map<string, TreeChange>();
    /** Of calls, which say all that they change; a job changes what lies below its folders, too. */
    const touched = new Set<NodeId>();
    const changed: Changed = {
      folder: (node, layer = wanted.layer) => {
        const change = new Map([[layer, { layer, folders: [node] }]]);
        for (const [path, each] of joinChanges(folders, change)) folders.set(path, each);
      },
      nodes: (nodes) => {
        for (const node of nodes) touched.add(node);
        for (const node of [...nodes, ...this.#image.showing(fs, new Set(nodes))]) changed.folder(node);
      },
    };
    let partial = true;
    try {
      const result = await session.editing.operation({ text: textOf(wanted), layer: wanted.layer }, () => run(fs, changed));
      partial = false;
      return result;
    } finally {
      // What was done until it failed stays, and is to be seen.
      this.#label(session, wanted, partial);
      this.#image.forget(fs);
      this.#layers.tell(folders);
      for (const { layer, folders: changedFolders } of folders.values()) {
        this.#image.mounted.changed(layer, this.#turns.jobs > 0 || changedFolders === undefined ? { what: 'all' } : { what: 'nodes', folders: changedFolders, nodes: [...touched, ...changedFolders] });
      }
      this.#image.changed();
      this.tell();
    }
  }

  /** Tells of folders before the operation that fills them has ended. */
  tellFolder(layer: string, node: NodeId): void {
    this.#layers.tell(new Map([[layer, { layer, folders: [node] }]]));
  }

  /** Programs have changed a layer through a mount. */
  tellWritten(layer: string, fs: FileSystem, folders: readonly NodeId[], nodes: readonly NodeId[]): void {
    this.#image.forget(fs);
    this.#layers.tell(joinChanges(new Map(), new Map([[layer, { layer, folders: [...new Set([...folders, ...this.#image.showing(fs, new Set(nodes))])] }]])));
    this.#image.changed();
  }

  /** Something that opens the layers anew. */
  #reopening(run: (session: ImageSession) => Promise<void>): Promise<EditState> {
    return this.#turns.call(async () => {
      if (this.#image.running() > 0) throw new DiskError({ kind: 'busy' }, 'Work on the image is still under way', 'Wait for it or cancel it.');
      const session = await this.#session();
      try {
        await run(session);
      } finally {
        this.#image.reset();
        this.#changedAll(session);
      }
      return this.#stateOf(session);
    });
  }

  #changedAll(session: ImageSession): void {
    this.#layers.tell(new Map(session.filesystems().map(({ path }) => [path, { layer: path }])));
    this.#image.changed();
    this.tell();
  }

  /** Another program that changes the file tells nobody. */
  #look(): void {
    const session = this.#image.opened();
    if (session?.editing.state.state === 'editing' && this.#stateOf(session).changedUnderneath !== this.#told) this.tell();
  }

  async #session(): Promise<ImageSession> {
    const session = await this.#image.session();
    if (this.#watched !== session) {
      this.#watched = session;
      session.editing.onChange(() => this.tell());
    }
    return session;
  }

  /** The session knows an operation by its text; clients are told what it was in parts. */
  #label(session: ImageSession, { verb, name, to, count, layer, path }: Wanted, partial: boolean): void {
    const { state } = session.editing;
    const last = state.state === 'editing' ? state.undo : undefined;
    // An operation that wrote nothing is none.
    if (last === undefined || this.#labels.has(last.id)) return;
    this.#labels.set(last.id, { id: last.id, verb, name, count, layer, path, when: last.time, bytes: last.bytes, ...(to === undefined ? {} : { to }), ...(partial ? { partial } : {}) });
    if (this.#labels.size > MOST_LABELS) this.#labels.delete(this.#labels.keys().next().value!);
  }

  #rowOf({ id, text, layer, bytes, time }: EditOperation): OperationRow {
    return { ...(this.#labels.get(id) ?? { verb: text === CHANGED_THROUGH_MOUNT ? 'mount' : 'change', name: text, count: 1, path: '' }), id, layer, bytes, when: time };
  }

  #labelOf(operation: EditOperation): OperationLabel {
    const { verb, name, to, count } = this.#rowOf(operation);
    return { verb, name, count, ...(to === undefined ? {} : { to }) };
  }

  #stateOf({ editing, recovery: all }: ImageSession): EditState {
    const { state } = editing;
    const recovery = all.find((each) => each.state === 'impossible') ?? all.find((each) => each.state !== 'unchanged') ?? all[0];
    const writing = this.#turns.jobs > 0;
    const more = recovery === undefined ? {} : { recovery: { state: recovery.state, message: recovery.message } };
    if (state.state === 'read-only') {
      const canUnlock = state.refused === undefined || this.#repairable ? OK : no(state.refused.message);
      if (recovery?.state !== 'impossible') return { state: 'read-only', canUnlock, canApply: no('The image is open for reading'), operations: 0, bytes: 0, writing, ...more };
      return {
        state: 'interrupted', canUnlock: no('The changes that were being applied come first'), canApply: no('The image is open for reading'), operations: 0, bytes: 0, writing, ...more,
        interrupted: { ...sidecarOf(recovery.sidecar), canFinish: OK, canUndo: no('What had come far is finished, what had not is taken back: the file that is kept tells') },
      };
    }
    return {
      state: this.#applying ? 'applying' : 'editing', canUnlock: no('It is unlocked'), canApply: this.#canApply(state, writing),
      operations: state.operations, bytes: state.changedBytes, writing, ...more,
      ...(state.undo ? { undo: this.#labelOf(state.undo) } : {}), ...(state.redo ? { redo: this.#labelOf(state.redo) } : {}),
      ...(state.changedUnderneath ? { changedUnderneath: state.changedUnderneath.message } : {}), ...(state.cannotApply ? { cannotApply: state.cannotApply.message } : {}),
      ...(state.unfinished ? { unfinished: { wayBack: state.unfinished.wayBack } } : {}),
    };
  }

  #canApply(state: Extract<SessionState, { state: 'editing' }>, writing: boolean): Possible {
    if (state.changedUnderneath) return no(state.changedUnderneath.message);
    if (state.cannotApply) return no(state.cannotApply.message);
    if (writing) return no('The image is being changed');
    return state.operations === 0 && state.unfinished === undefined ? no('Nothing is changed') : OK;
  }
}

function sidecarOf(path: string): { readonly when: number; readonly bytes: number } {
  const found = statSync(path, { throwIfNoEntry: false });
  return { when: Math.floor(found?.mtimeMs ?? 0), bytes: found?.size ?? 0 };
}

function textOf({ verb, name, to, count }: OperationLabel): string {
  return `${TEXTS[verb]} ${name}${count > 1 ? ` and ${count - 1} more` : ''}${to === undefined ? '' : ` to ${to}`}`;
}

/** Both changes together. */
function joinChanges(one: ReadonlyMap<string, TreeChange>, other: ReadonlyMap<string, TreeChange>): ReadonlyMap<string, TreeChange> {
  const joined = new Map(one);
  for (const [layer, change] of other) {
    const before = joined.get(layer);
    const folders = before === undefined ? change.folders : before.folders && change.folders && [...new Set([...before.folders, ...change.folders])];
    joined.set(layer, folders === undefined || folders.length > MOST_FOLDERS ? { layer } : { layer, folders });
  }
  return joined;
}
