import { dirname } from 'node:path';
import type { BlockDevice, Extent } from '../../engines/core/bytes/device.ts';
import { OverlayDevice } from '../../engines/core/bytes/overlay.ts';
import type { PageStore } from '../../engines/core/bytes/pages.ts';
import { DiskError, ioError, isDiskError, toDiskError, unsupported, usage } from '../../engines/core/errors.ts';
import type { Maybe } from '../../engines/core/filesystem.ts';
import type { JobContext } from '../../engines/core/job.ts';
import { type Layer, layersOf } from '../../engines/core/layer.ts';
import type { WriteAccess } from '../../engines/core/probe.ts';
import { fillRandom } from '../random.ts';
import { apply, applyHost } from './apply.ts';
import { isDamaged, whyFixed } from './checks.ts';
import { SidecarLog } from './direct.ts';
import { hostDisk } from './disk.ts';
import type { Applied, EditOperation, Editing, EditState, OperationStart, Recovery, Review, UnlockOptions } from './editing.ts';
import { History } from './history.ts';
import type { FileState } from './identity.ts';
import { LockedImage } from './locked-image.ts';
import { settle } from './replay.ts';
import { filesystemsIn, reviewLayers } from './reviewing.ts';
import { saveAs } from './save-as.ts';
import { SECTOR } from './sectors.ts';
import { readSidecar } from './sidecar-reader.ts';

/** What the editing needs of an open image. */
export interface EditedImage {
  readonly files: readonly string[];
  /** The image's own bytes, for reading. */
  readonly device: BlockDevice;
  readonly recovery: readonly Recovery[];
  /** The files as they are open: their names may lead to others by now. */
  opened(): readonly FileState[];
  /** The outermost layer, as it is now. */
  layers(): Layer;
  /**
   * Closes a layer, and opens it anew over `device`.
   * @param between runs while it is closed: the bytes below it may be changed
   * @param discards what the filesystems could still not write when they are closed is not wanted
   * @throws DiskError what closing it threw; it is open anew all the same
   */
  reopen(path: string, device: BlockDevice, how: { readonly write?: WriteAccess; readonly job?: JobContext; readonly between?: () => void; readonly discards?: boolean }): Promise<void>;
  /** Our own change of the files is nothing to be noted. */
  accept(): void;
  /** A job that is never cancelled and reports to nobody. */
  quietJob(): JobContext;
  /** A new place for changed pages. */
  pages(): PageStore;
  /** Why all of it can't be written to one new file; absent where it can. */
  readonly cannotSaveAs?: DiskError;
}

/** An image that is unlocked. */
interface Unlocked {
  readonly how: 'staged' | 'direct';
  readonly image: LockedImage;
  /** The layer that is opened over the overlay: the outermost one, or what is in a container that can't be written to. */
  readonly stage: string;
  /** What that layer is opened over, and what it was opened over before. */
  readonly device: BlockDevice;
  readonly below: BlockDevice;
  readonly overlay: OverlayDevice;
  readonly history: History;
  readonly access: WriteAccess;
  readonly cannotApply: DiskError | undefined;
}

/** Bytes of a superblock and around it, whose sectors tell an image from what another program made of it. */
const WITNESS = 4096;

/** The computer's. */
const CLOCK: Pick<WriteAccess, 'now' | 'random'> = { now: () => BigInt(Date.now()) * 1_000_000n, random: fillRandom };

/** See Editing. */
export class ImageEditing implements Editing {
  readonly #image: EditedImage;
  readonly #listeners = new Set<() => void>();
  readonly #waitingTold = new Set<() => void>();
  #unlocked: Unlocked | undefined;
  /** An Apply that failed after the image was touched: it goes on with this file, or back. */
  #unfinished: { readonly sidecar: string; readonly wayBack: boolean } | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #busy = 0;
  #closed = false;

  constructor(image: EditedImage) {
    this.#image = image;
  }

  get busy(): number {
    return this.#busy;
  }

  get state(): EditState {
    const unlocked = this.#unlocked;
    if (unlocked === undefined) {
      const refused = this.#refusal(false);
      return { state: 'read-only', ...(refused === undefined ? {} : { refused: refused.toJSON() }) };
    }
    const { how, overlay, history, cannotApply, image } = unlocked;
    const { undoable, redoable } = history;
    const change = how === 'staged' ? image.change() : undefined;
    return {
      state: 'editing', how, changedBytes: overlay.changedBytes, operations: history.operations.length,
      ...(undoable === undefined ? {} : { undo: undoable }), ...(redoable === undefined ? {} : { redo: redoable }),
      ...(cannotApply === undefined ? {} : { cannotApply: cannotApply.toJSON() }), ...(change === undefined ? {} : { changedUnderneath: change.toJSON() }),
      ...(this.#unfinished === undefined ? {} : { unfinished: this.#unfinished }),
    };
  }

  /** What the filesystems are opened with now; undefined while the image is locked. */
  get access(): WriteAccess | undefined {
    return this.#unlocked?.access;
  }

  /** Whether somebody would miss changes. What opening for writing wrote itself (a journal replayed) is done again by every opening. */
  get isPending(): boolean {
    return this.#unlocked?.how === 'staged' && (this.#unlocked.history.operations.length > 0 || this.#unfinished !== undefined);
  }

  onChange(run: () => void): () => void {
    this.#listeners.add(run);
    return () => this.#listeners.delete(run);
  }

  onWaiting(run: () => void): () => void {
    this.#waitingTold.add(run);
    return () => this.#waitingTold.delete(run);
  }

  unlock({ direct = false, repair = false, job }: UnlockOptions = {}): Promise<void> {
    return this.#alone(async () => {
      const how = direct ? 'direct' : 'staged';
      if (this.#unlocked !== undefined) {
        if (this.#unlocked.how !== how) throw usage('EINVAL', `The image is unlocked already, with ${this.#unlocked.how} changes`);
        return;
      }
      const refused = this.#refusal(repair);
      if (refused !== undefined) throw refused;
      const unlocked = this.#prepare(how);
      this.#unlocked = unlocked;
      try {
        await this.#reopen(unlocked, { job });
        const why = repair ? undefined : this.#whyNothing();
        if (why !== undefined) throw why;
      } catch (error) {
        await this.#relock(unlocked);
        throw error;
      }
    });
  }

  lock(): Promise<void> {
    return this.#alone(async () => {
      if (this.#unlocked === undefined) return;
      if (this.#unlocked.how === 'staged') await this.#syncAll();
      if (this.isPending) throw pending();
      await this.#relock(this.#unlocked);
    });
  }

  operation<T>(what: OperationStart, work: () => Maybe<T>): Promise<T> {
    return this.#alone(async () => {
      const unlocked = this.#writable();
      if (unlocked.how === 'direct') {
        if (what.raw === true) throw usage('EINVAL', 'Repairs are not made directly: they are staged, and applied as a whole');
        return this.#working(work);
      }
      const fixed = what.raw === true ? whyFixed(this.#layerAt(what.layer)) : undefined;
      if (fixed !== undefined) throw fixed;
      unlocked.history.begin();
      return what.raw === true ? this.#raw(unlocked, what, work) : this.#staged(unlocked, what, work);
    });
  }

  undo(): Promise<EditOperation | undefined> {
    return this.#step((history) => history.undo());
  }

  redo(): Promise<EditOperation | undefined> {
    return this.#step((history) => history.redo());
  }

  review(): Promise<Review> {
    return this.#alone(async () => {
      const { overlay, history, stage } = this.#writable({ changed: true });
      return { operations: history.operations, changedBytes: overlay.changedBytes, layers: reviewLayers(this.#layerAt(stage), overlay.changedExtents()) };
    });
  }

  apply(job: JobContext = this.#image.quietJob()): Promise<Applied> {
    return this.#alone(async () => {
      const { how, overlay, history, image, cannotApply, stage } = this.#writable();
      if (how === 'direct') return { bytes: 0 };
      if (cannotApply !== undefined) throw cannotApply;
      await this.#syncAll();
      await this.#finishUnfinished(image);
      let touched = false;
      const target = { device: image.device, files: image.files, witnesses: witnessesOf(this.#layerAt(stage)), verify: () => image.verify(), touched: () => { touched = true; } };
      try {
        const applied = await apply(overlay, target, applyHost(image.files), job, (sidecar, wayBack) => { this.#unfinished = { sidecar, wayBack }; });
        this.#acceptOwn(image);
        overlay.discard();
        history.forget();
        return applied;
      } catch (error) {
        // Only what was written by ourselves is no change by another program.
        if (touched) this.#acceptOwn(image);
        throw error;
      }
    });
  }

  discard(): Promise<void> {
    return this.#alone(async () => {
      const unlocked = this.#writable({ changed: true });
      if (unlocked.how === 'direct') throw usage('EINVAL', 'Direct changes are in the image already');
      this.#refuseUnfinished();
      await this.#reopen(unlocked, {
        discards: true,
        between() {
          unlocked.overlay.discard();
          unlocked.history.forget();
        },
      });
    });
  }

  saveAs(path: string, { replace = false, job = this.#image.quietJob() }: { readonly replace?: boolean; readonly job?: JobContext } = {}): Promise<void> {
    return this.#alone(async () => {
      const { device, how, image } = this.#writable({ changed: true });
      if (this.#image.cannotSaveAs !== undefined) throw this.#image.cannotSaveAs;
      // What was moved or deleted is open still, and the changes fit to it. Where another program wrote to it they may not, but there is no other way to keep them.
      const change = how === 'staged' ? image.contentsChange() : undefined;
      const syncing = this.#syncAll();
      await (change === undefined ? syncing : syncing.catch(() => {}));
      await saveAs(device, path, this.#image.files, replace, job);
      if (change !== undefined) job.log({ level: 'warning', message: `${change.message}: if it is in the new image too, that may not fit to the changes. Check the new image` });
    });
  }

  /** @throws DiskError busy while changes are pending, unless they are to be discarded */
  async close(discard: boolean): Promise<void> {
    if (this.#closed) return;
    await this.#alone(async () => {
      if (!discard) {
        await this.#syncAll();
        if (this.isPending) throw pending();
      }
    });
    this.#closed = true;
  }

  /** After the layers were closed: gives back what the editing holds. */
  release(): void {
    if (this.#unlocked !== undefined) release(this.#unlocked);
    this.#unlocked = undefined;
  }

  /** One after another; listeners hear of each. */
  async #alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed) throw usage('EBADF', 'The image is closed');
    this.#busy++;
    if (this.#busy > 1) for (const tell of this.#waitingTold) tell();
    const before = this.#last;
    const run = (async () => {
      await before;
      return work();
    })();
    this.#last = run.catch(() => {});
    try {
      return await run;
    } finally {
      this.#busy--;
      for (const listener of this.#listeners) listener();
    }
  }

  /** @param changed also when another program changed the image */
  #writable({ changed = false } = {}): Unlocked {
    const unlocked = this.#unlocked;
    if (unlocked === undefined) throw usage('EROFS', 'The image is locked against changes', 'Unlock it first.');
    if (!changed && unlocked.how === 'staged') {
      const change = unlocked.image.change();
      if (change !== undefined) throw change;
    }
    return unlocked;
  }

  /** Runs what writes through the filesystems, and brings all of it to the device, whatever came of it. */
  async #working<T>(work: () => Maybe<T>): Promise<T> {
    let result: T;
    try {
      result = await work();
    } catch (error) {
      await this.#syncAll().catch(() => {});
      throw error;
    }
    await this.#syncAll();
    return result;
  }

  /**
   * Writes through the filesystems, into the overlay. What can't be brought there as a whole (its disk is full) would be half a transaction, which no
   * filesystem is sound with: all of the operation is taken back then, and the filesystems are opened anew, as they can't go on.
   */
  async #staged<T>(unlocked: Unlocked, what: OperationStart, work: () => Maybe<T>): Promise<T> {
    const [outcome] = await Promise.allSettled([(async () => work())()]);
    try {
      await this.#syncAll();
      // What the disk has no room for is found out while it can be taken back.
      unlocked.overlay.flush();
    } catch (error) {
      await this.#reopen(unlocked, { discards: true, between: () => { unlocked.history.rollBack(); } });
      throw outcome.status === 'rejected' ? outcome.reason : error;
    }
    unlocked.history.end(what);
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  }

  /** Writes past the filesystems: they are closed meanwhile, so that nothing of theirs comes after it. */
  async #raw<T>(unlocked: Unlocked, what: OperationStart, work: () => Maybe<T>): Promise<T> {
    await this.#syncAll();
    try {
      const result = await work();
      unlocked.history.end(what);
      return result;
    } catch (error) {
      unlocked.history.rollBack();
      throw error;
    } finally {
      await this.#reopen(unlocked);
    }
  }

  #step(move: (history: History) => EditOperation | undefined): Promise<EditOperation | undefined> {
    return this.#alone(async () => {
      const unlocked = this.#writable();
      if (unlocked.how === 'direct') throw usage('EINVAL', 'Direct changes can\'t be undone');
      // Below the changes lies no longer what they were made over.
      this.#refuseUnfinished();
      let moved: EditOperation | undefined;
      await this.#syncAll();
      await this.#reopen(unlocked, { between: () => { moved = move(unlocked.history); } });
      return moved;
    });
  }

  #reopen({ stage, device, access }: Unlocked, { job, ...how }: { readonly job?: JobContext | undefined; readonly between?: () => void; readonly discards?: boolean } = {}): Promise<void> {
    return this.#image.reopen(stage, device, { write: access, ...(job === undefined ? {} : { job }), ...how });
  }

  /** All of them, also when one can't. @throws what the first one threw */
  async #syncAll(): Promise<void> {
    const failures: unknown[] = [];
    for (const { filesystem } of layersOf(this.#image.layers())) {
      try {
        await filesystem?.writer?.sync();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  #refuseUnfinished(): void {
    if (this.#unfinished !== undefined) throw new DiskError({ kind: 'busy' }, 'The changes reached the image in part: they can\'t be taken back any more', 'Apply them again, to finish it.');
  }

  #acceptOwn(image: LockedImage): void {
    image.accept();
    this.#image.accept();
  }

  async #relock(unlocked: Unlocked): Promise<void> {
    this.#unlocked = undefined;
    try {
      await this.#image.reopen(unlocked.stage, unlocked.below, { between: () => { if (unlocked.how === 'direct') this.#image.accept(); } });
    } finally {
      release(unlocked);
    }
  }

  #layerAt(path: string): Layer {
    return [...layersOf(this.#image.layers())].find((layer) => layer.path === path) ?? this.#image.layers();
  }

  /** Why it is no use to unlock the image, as far as reading it has told. */
  #refusal(repair: boolean): DiskError | undefined {
    const stopped = this.#image.recovery.find(({ state }) => state === 'impossible');
    if (stopped !== undefined) return new DiskError({ kind: 'dirty' }, stopped.message, 'Close the image, and open it again when the reason is gone.');
    if (repair || this.#isDamaged) return undefined;
    const access = [...layersOf(this.#image.layers())].flatMap(({ filesystem }) => filesystem?.info.access ?? []);
    if (access.some(({ write }) => write)) return undefined;
    return unsupported('writing', access[0] === undefined ? 'There is no filesystem in the image that can be changed' : `Nothing in the image can be changed: ${access[0].reason}`);
  }

  /** Whether something in the image can be repaired: it is unlocked for that, too. */
  get #isDamaged(): boolean {
    return [...layersOf(this.#image.layers())].some(isDamaged);
  }

  /** Why no filesystem could be opened for writing; undefined where one was, or one can be repaired. */
  #whyNothing(): DiskError | undefined {
    const layers = [...layersOf(this.#image.layers())];
    if (this.#isDamaged || layers.some(({ filesystem }) => filesystem?.writer !== undefined)) return undefined;
    return layers.find(({ notWritable }) => notWritable !== undefined)?.notWritable ?? unsupported('writing', 'No filesystem in the image can be changed');
  }

  /** Takes the lock, and lays the overlay over the image. @throws DiskError busy, unsupported, usage */
  #prepare(how: Unlocked['how']): Unlocked {
    const stage = innermostContent(this.#image.layers());
    const packed = stage.path === '0' ? undefined : unsupported(this.#image.layers().format, `A ${this.#image.layers().title} image can't be changed in its place`, 'Save the changes as a new image, which is not packed.');
    if (how === 'direct' && packed !== undefined) throw packed;
    const { image, readOnly } = openLocked(this.#image.files, how === 'direct');
    const opened = this.#image.opened();
    if (image.device.size !== this.#image.device.size || opened.some(({ inode, device, medium }, i) => inode !== image.files[i]!.inode || device !== image.files[i]!.device || medium !== image.files[i]!.medium)) {
      image.close();
      throw new DiskError({ kind: 'busy' }, 'The image was cut, grown or replaced by another program since it was opened', 'Close it and open it again.');
    }
    const below = packed === undefined ? this.#image.device : stage.device;
    const overlay = new OverlayDevice(below, this.#image.pages());
    return {
      how, image, stage: stage.path, below, overlay, history: new History(overlay), cannotApply: packed ?? readOnly,
      ...(how === 'direct' ? { device: image.device, access: { ...CLOCK, durability: 'direct', redo: new SidecarLog(image) } } : { device: overlay, access: { ...CLOCK, durability: 'staged' } }),
    };
  }

  /** Changes that reached the image in part are brought to their end before others are, or taken back to begin anew: the overlay has them still. */
  async #finishUnfinished(image: LockedImage): Promise<void> {
    if (this.#unfinished === undefined) return;
    const { sidecar: path } = this.#unfinished;
    // It may be gone already, when it was only not known whether for good.
    if (hostDisk.exists(path)) {
      const file = hostDisk.open(path, true);
      try {
        const sidecar = readSidecar(file);
        if (sidecar.state === 'damaged') throw new DiskError({ kind: 'io' }, `What is in ${path} can't be read back: ${sidecar.message}`);
        if (sidecar.state === 'complete') await settle(sidecar, image.device);
      } catch (error) {
        throw isDiskError(error) ? error : ioError(`What reached the image in part could not be brought to its end: ${(error as Error).message}`);
      } finally {
        file.close();
        this.#acceptOwn(image);
      }
      hostDisk.remove(path);
    }
    hostDisk.syncFolder(dirname(path));
    this.#unfinished = undefined;
  }
}

/** The outermost layer that is no container: nothing writes to what a container is packed in. */
function innermostContent(root: Layer): Layer {
  const [inner] = root.children;
  return root.kind === 'container' && inner !== undefined ? innermostContent(inner) : root;
}

/** For writing where the account may; else for reading, and why. */
function openLocked(files: readonly string[], write: boolean): { readonly image: LockedImage; readonly readOnly?: DiskError } {
  try {
    return { image: new LockedImage(files, { write: true }) };
  } catch (error) {
    const readOnly = toDiskError(error);
    if (write || readOnly.fault.kind !== 'usage') throw readOnly;
    return { image: new LockedImage(files, { write: false }), readOnly };
  }
}

/** Superblocks and the like: sectors that every program changes that writes to the image. */
function witnessesOf(stage: Layer): Extent[] {
  const starts = new Set([0, ...filesystemsIn(stage).map(({ at }) => at)]);
  return [...starts].filter((at) => at % SECTOR === 0 && at + WITNESS <= stage.size).map((at) => ({ at, length: WITNESS }));
}

function pending(): DiskError {
  return new DiskError({ kind: 'busy' }, 'There are changes that were not applied', 'Apply them, or discard them.');
}

function release({ overlay, image }: Unlocked): void {
  overlay.close();
  image.close();
}
