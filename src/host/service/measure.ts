import { corrupt, usage } from '../../engines/core/errors.ts';
import type { Cursor, FileSystem, NodeId, Stat } from '../../engines/core/filesystem.ts';
import type { JobContext } from '../../engines/core/job.ts';
import type { Name } from '../../engines/core/names.ts';

/** Folders in folders that are followed; Linux's own paths end at 2048 of them (PATH_MAX). */
const MAX_DEPTH = 2048;

/** Entries between two looks at the clock. */
const STRIDE = 32;

/** An entry by its node; the name is for those who show it. */
export interface Entry {
  readonly node: NodeId;
  readonly name: Name;
}

/** What is in some entries and below them. Bytes and things of a node with several names count once, as `du` counts them. */
export interface Measured {
  /** All that is no directory. */
  readonly files: number;
  readonly directories: number;
  /** Bytes of files by their size, holes included. */
  readonly size: number;
  /** Bytes on the device, those of directories included. */
  readonly allocated: number;
  /** Bytes of files that a copy writes: holes are left out. */
  readonly data: number;
  /** Entries and listings that could not be read. */
  readonly unreadable: number;
}

/**
 * Counts what is in entries and below them.
 * @param onProgress told of the count so far every time that the event loop had its turn, some hundred times a second
 * @throws DiskError cancelled; what can't be read is only counted
 */
export async function measure(fs: FileSystem, entries: readonly Entry[], job: JobContext, onProgress?: (measured: Measured) => void): Promise<Measured> {
  const count = { files: 0, directories: 0, size: 0, allocated: 0, data: 0, unreadable: 0 };
  await visitBelow<true>(fs, entries, job, {
    enter(_entry, stat) {
      count.directories++;
      count.allocated += stat.allocated;
      return true;
    },
    leaf(_entry, stat, _above, again) {
      if (again) return;
      const { size, allocated } = stat;
      count.files++;
      count.allocated += allocated;
      if (stat.type !== 'file') return;
      count.size += size;
      count.data += Math.min(size, allocated);
    },
    failed() { count.unreadable++; },
    ...(onProgress === undefined ? {} : { paused: () => onProgress({ ...count }) }),
  });
  return count;
}

/** What is told of a tree, in the order in which it is met: a directory before what is in it. `D` stands for a directory. */
export interface Visitor<D extends object | true> {
  /** @param above the directory that it stands in; undefined for the entries that were asked about */
  enter(entry: Entry, stat: Stat, above: D | undefined): D;
  /** All that is no directory. @param again a further name of a node that was met before */
  leaf(entry: Entry, stat: Stat, above: D | undefined, again: boolean): void;
  /** What can't be read: an entry of `above`, or the rest of the listing of `dir`. */
  failed(entry: Entry, error: unknown, above: D | undefined, dir: D | undefined): void;
  /** Everything below has been met. */
  leave?(dir: D): void;
  /** The event loop had its turn. */
  paused?(): void;
}

/**
 * Meets all entries and all that is below them, each directory once: a hostile image has cycles. Holds the directories on the way and those
 * that wait beside it, a number for each directory met and for each node with several names.
 * @throws DiskError cancelled
 */
export function visitBelow<D extends object | true>(fs: FileSystem, entries: readonly Entry[], job: JobContext, visitor: Visitor<D>): Promise<void> {
  return new Visit(fs, job, visitor).run(entries);
}

/** A directory whose contents are being met. */
interface Frame<D extends object | true> {
  readonly entry: Entry;
  readonly dir: D;
  next: Cursor | undefined;
  listed: boolean;
  /** Directories in it that wait for their turn. */
  readonly waiting: { readonly entry: Entry; readonly dir: D }[];
}

class Visit<D extends object | true> {
  readonly #fs: FileSystem;
  readonly #job: JobContext;
  readonly #visitor: Visitor<D>;
  readonly #directories = new Set<NodeId>();
  readonly #linked = new Set<NodeId>();
  readonly #stack: Frame<D>[] = [];

  constructor(fs: FileSystem, job: JobContext, visitor: Visitor<D>) {
    this.#fs = fs;
    this.#job = job;
    this.#visitor = visitor;
  }

  async run(entries: readonly Entry[]): Promise<void> {
    const waiting: Frame<D>['waiting'] = [];
    await this.#all(entries, undefined, waiting);
    for (;;) {
      const frame = this.#stack.at(-1);
      if (frame !== undefined && !frame.listed) {
        await this.#list(frame);
        continue;
      }
      const next = frame === undefined ? waiting.pop() : frame.waiting.pop();
      if (next !== undefined) {
        this.#stack.push({ ...next, next: undefined, listed: false, waiting: [] });
      } else {
        if (frame === undefined) return;
        this.#stack.pop();
        this.#visitor.leave?.(frame.dir);
      }
    }
  }

  /** The next batch of a listing. */
  async #list(frame: Frame<D>): Promise<void> {
    const { entry, dir } = frame;
    let batch;
    try {
      const got = this.#fs.list(entry.node, frame.next);
      batch = got instanceof Promise ? await got : got;
    } catch (error) {
      this.#visitor.failed(entry, error, undefined, dir);
      frame.listed = true;
      return;
    }
    frame.next = batch.next;
    frame.listed = batch.next === undefined;
    // In the order of their nodes inodes lie beside each other.
    await this.#all(batch.entries.toSorted((a, b) => a.node - b.node), dir, frame.waiting);
  }

  async #all(entries: readonly Entry[], above: D | undefined, waiting: Frame<D>['waiting']): Promise<void> {
    for (let i = 0; i < entries.length; i++) {
      const met = this.#one(entries[i]!, above, waiting);
      if (met !== undefined) await met;
      if (i % STRIDE === 0) await this.#breathe();
    }
    // A hostile tree of empty directories has its turns too.
    await this.#breathe();
  }

  #breathe(): Promise<void> | undefined {
    return this.#job.breathe()?.then(() => this.#visitor.paused?.());
  }

  #one(entry: Entry, above: D | undefined, waiting: Frame<D>['waiting']): Promise<void> | undefined {
    try {
      const got = this.#fs.stat(entry.node);
      if (!(got instanceof Promise)) {
        this.#met(entry, got, above, waiting);
        return undefined;
      }
      return got.then((stat) => this.#met(entry, stat, above, waiting)).catch((error: unknown) => this.#visitor.failed(entry, error, above, undefined));
    } catch (error) {
      this.#visitor.failed(entry, error, above, undefined);
      return undefined;
    }
  }

  #met(entry: Entry, stat: Stat, above: D | undefined, waiting: Frame<D>['waiting']): void {
    if (stat.type !== 'dir') {
      const again = stat.nlink > 1 && this.#linked.has(stat.node);
      if (stat.nlink > 1) this.#linked.add(stat.node);
      this.#visitor.leaf(entry, stat, above, again);
      return;
    }
    // A folder that was asked for by name is met once, wherever else it stands.
    if (this.#directories.has(stat.node)) {
      if (above === undefined) return;
      throw corrupt(`directory ${stat.node}`, 'it stands in more than one place');
    }
    if (this.#stack.length >= MAX_DEPTH) throw usage('ENAMETOOLONG', `Folders are nested deeper than ${MAX_DEPTH}`);
    this.#directories.add(stat.node);
    waiting.push({ entry, dir: this.#visitor.enter(entry, stat, above) });
  }
}
