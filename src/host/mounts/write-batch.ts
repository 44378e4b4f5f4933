import { toDiskError, usage } from '../../engines/core/errors.ts';
import type { Maybe } from '../../engines/core/filesystem.ts';
import type { Editing } from '../edit/editing.ts';

/** What programs did is called so in the list of changes. */
export const CHANGED_THROUGH_MOUNT = 'Changed through the mount';

/** Milliseconds between two looks at whether a batch is to end. */
const LOOK_EVERY = 250;

/** Milliseconds without a change after which a batch ends. */
const IDLE = 1000;

/**
 * Milliseconds after which a batch ends though changes go on to come, as the kernel's ext4 commits every five seconds: what can't be kept any more (the
 * disk of the pending changes is full) takes back no more than the batch that is open.
 */
const LONGEST = 5000;

/** What a batch tells. */
export interface BatchListener {
  /** Changes arrived since it was told last, or a batch has ended. */
  onWritten(): void;
  /** What a batch wrote could not be kept, and was taken back. */
  onLost(error: unknown): void;
}

/**
 * The changes that programs make one after another, gathered into operations of the editing: the first change begins one, which stays open while more come. It
 * ends when none came for a while, when somebody waits for the editing, and when it is asked to. Batches between which nothing else happened and nobody paused
 * are one step of undo.
 */
export class WriteBatch {
  readonly #editing: Editing;
  readonly #layer: string;
  readonly #listener: BatchListener;
  readonly #endsWaiting: () => void;
  #isOpen = false;
  #isClosed = false;
  /** Resolves when the operation that is asked for has begun. */
  #beginning: Promise<void> | undefined;
  /** Resolves when the last operation has ended, whatever came of it. */
  #ended: Promise<void> = Promise.resolve();
  #endWork: (() => void) | undefined;
  /** Changes that were not answered at once, and are under way. */
  #running = 0;
  #changes = 0;
  #failure: unknown;
  /** The next batch goes on with the last one. */
  #joins = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(editing: Editing, layer: string, listener: BatchListener) {
    this.#editing = editing;
    this.#layer = layer;
    this.#listener = listener;
    this.#endsWaiting = editing.onWaiting(() => this.#letOthers());
  }

  /** Runs one change. It is answered at once where a batch is open and the filesystem answers at once. */
  run<T>(work: () => Maybe<T>): Maybe<T> {
    if (!this.#isOpen) return this.#begin().then(() => this.run(work));
    this.#changes++;
    try {
      const result = work();
      return result instanceof Promise ? this.#follow(result) : result;
    } catch (error) {
      this.#look(error);
      throw error;
    }
  }

  /**
   * Everything that was written is where the pending changes are kept (or, written directly, durable in the image) when it resolves.
   * @throws what could not be kept since it was asked last
   */
  async sync(syncWriter: () => Maybe<void>): Promise<void> {
    const { state } = this.#editing;
    if (this.#isOpen && state.state === 'editing' && state.how === 'direct') await this.run(syncWriter);
    else await this.end(true);
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
  }

  /**
   * Ends the batch that is open, or about to be. Resolves when all of it is kept, or was taken back.
   * @param joins changes that follow are more of the same
   */
  async end(joins = false): Promise<void> {
    await this.#beginning?.catch(() => {});
    if (this.#isOpen) this.#finish(joins);
    await this.#ended;
  }

  /** Ends the batch; there are no more. */
  async close(): Promise<void> {
    await this.end();
    this.#isClosed = true;
    this.#endsWaiting();
  }

  #begin(): Promise<void> {
    if (this.#isClosed) return Promise.reject(usage('EBADF', 'It is not mounted any more'));
    this.#beginning ??= new Promise<void>((resolve, reject) => {
      const work = (): Promise<void> => new Promise((end) => {
        this.#endWork = end;
        this.#open();
        resolve();
      });
      this.#ended = this.#editing.operation({ text: CHANGED_THROUGH_MOUNT, layer: this.#layer, joins: this.#joins }, work).catch((error: unknown) => {
        const begun = this.#beginning === undefined;
        this.#beginning = undefined;
        // One that has not begun has lost nothing: whoever wanted to write is told.
        if (!begun) {
          reject(toDiskError(error));
          return;
        }
        this.#failure = error;
        this.#listener.onLost(error);
      }).then(() => this.#listener.onWritten());
    });
    return this.#beginning;
  }

  #open(): void {
    this.#beginning = undefined;
    this.#isOpen = true;
    const opened = performance.now();
    let quietSince = opened;
    let seen = this.#changes;
    this.#timer = setInterval(() => {
      const now = performance.now();
      if (this.#changes !== seen) {
        seen = this.#changes;
        quietSince = now;
        this.#listener.onWritten();
      } else if (this.#running === 0 && now - quietSince >= IDLE) {
        this.#finish(false);
        return;
      }
      if (now - opened >= LONGEST) this.#finish(true);
    }, LOOK_EVERY);
    // Those who wait to write in it have their turn first.
    if (this.#editing.busy > 1) this.#letOthers();
  }

  #letOthers(): void {
    if (this.#isOpen) setImmediate(() => this.#finish(false));
  }

  #finish(joins: boolean): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#joins = joins;
    clearInterval(this.#timer);
    if (this.#running === 0) this.#release();
  }

  #release(): void {
    const end = this.#endWork;
    this.#endWork = undefined;
    end?.();
  }

  async #follow<T>(result: Promise<T>): Promise<T> {
    this.#running++;
    try {
      return await result;
    } catch (error) {
      this.#look(error);
      throw error;
    } finally {
      if (--this.#running === 0 && !this.#isOpen) this.#release();
    }
  }

  /** After what is no plain refusal the filesystem may be unable to go on: ending the batch finds out, and takes back what it can't keep. */
  #look(error: unknown): void {
    const { fault } = toDiskError(error);
    if (fault.kind !== 'usage' || fault.errno === 'ENOSPC') setImmediate(() => this.#finish(true));
  }
}
