import { usage } from '../../../engines/core/errors.ts';
import type { Cursor, FileSystem, NodeId } from '../../../engines/core/filesystem.ts';
import type { JobContext } from '../../../engines/core/job.ts';
import type { Name } from '../../../engines/core/names.ts';
import type { JobSummary } from '../../../shared/contract/rows.ts';
import { Account } from '../extract/account.ts';
import type { Tally } from '../extract/tally.ts';
import type { WritableFileSystem } from '../untar.ts';
import { itemOf, PIECE } from './item.ts';
import { type Frame, pathIn, Receiver, type ReceiverOptions } from './receiver.ts';
import { checkEntry, type PlacedEntry } from './remove.ts';

/** Folders in folders that are followed, as everywhere. */
const MAX_DEPTH = 2048;

/** What is copied, and whether it goes from where it is. */
export interface CopySource {
  readonly fs: FileSystem;
  readonly entries: readonly PlacedEntry[];
  /** Each thing is deleted when it is whole in the target, a folder when all of it is there. */
  readonly move: boolean;
}

export interface CopyTarget {
  readonly fs: WritableFileSystem;
  readonly folder: NodeId;
}

export interface CopyOptions extends ReceiverOptions {
  /** Bytes of all of it, once that is known. */
  readonly total?: (() => number | undefined) | undefined;
}

/**
 * Copies entries with all below them and all that belongs to them, between two filesystems or within one: contents with their holes, modes, owners, times,
 * attributes, links of several names. What can't be copied is logged, and the rest goes on.
 * @throws DiskError ENOSPC, cancelled; what was copied until then is whole
 */
export async function copy(source: CopySource, target: CopyTarget, options: CopyOptions, job: JobContext, tally: Tally): Promise<JobSummary> {
  const account = new Account(job, tally, { total: options.total });
  const needed = source.fs === target.fs ? await checkOutside(source, target) : undefined;
  const receiver = new Receiver(target.fs, job, account, { ...options, needed });
  const copying = new Copying(source, target, receiver, job, account);
  for (const entry of source.entries) await copying.run(entry);
  account.report('');
  return tally;
}

/** As `copy`, of all that is in a folder; the folder it goes into gets what that one has: mode, owner, times, attributes. */
export async function copyContents(fs: FileSystem, folder: NodeId, target: CopyTarget, options: CopyOptions, job: JobContext, tally: Tally): Promise<JobSummary> {
  const account = new Account(job, tally, { total: options.total });
  const receiver = new Receiver(target.fs, job, account, options);
  const copying = new Copying({ fs, entries: [], move: false }, target, receiver, job, account);
  const frame: Frame = { node: target.folder, path: '', item: itemOf(fs, folder, '', await fs.stat(folder), new Uint8Array(0), new Set()) };
  await copying.below(folder, frame, 0);
  await receiver.leave(frame);
  account.report('');
  return tally;
}

/**
 * @returns the entries and all folders above them: what must not be deleted to make room for them
 * @throws DiskError usage when a folder would go into itself
 */
export async function checkOutside({ fs, entries }: CopySource, { folder }: CopyTarget): Promise<ReadonlySet<NodeId>> {
  const sources = new Set(entries.map(({ node }) => node));
  for await (const at of upFrom(fs, folder)) if (sources.has(at)) throw usage('EINVAL', 'A folder can\'t be put into itself');
  for (const above of new Set(entries.map((entry) => entry.folder))) for await (const at of upFrom(fs, above)) sources.add(at);
  return sources;
}

/** A folder and those above it. */
async function *upFrom(fs: FileSystem, folder: NodeId): AsyncGenerator<NodeId> {
  let at: NodeId | undefined = folder;
  for (let depth = 0; at !== undefined && depth < MAX_DEPTH; depth++) {
    yield at;
    at = at === fs.root ? undefined : await fs.lookup(at, '..');
  }
}

class Copying {
  readonly #source: CopySource;
  readonly #target: CopyTarget;
  readonly #receiver: Receiver;
  readonly #job: JobContext;
  readonly #account: Account;
  readonly #buffer = new Uint8Array(PIECE);
  readonly #several = new Set<NodeId>();

  constructor(source: CopySource, target: CopyTarget, receiver: Receiver, job: JobContext, account: Account) {
    this.#source = source;
    this.#target = target;
    this.#receiver = receiver;
    this.#job = job;
    this.#account = account;
  }

  async run({ folder, node, name }: PlacedEntry): Promise<void> {
    try {
      if (this.#source.move) await checkEntry(this.#source.fs as WritableFileSystem, folder, node, name);
      await this.#entry(folder, node, name, { node: this.#target.folder, path: '' }, 0);
    } catch (error) {
      this.#account.failed(name, error);
    }
  }

  /** @returns whether all of it is in the target */
  async #entry(folder: NodeId, node: NodeId, name: Name, frame: Frame, depth: number): Promise<boolean> {
    const pause = this.#job.breathe();
    if (pause) {
      this.#account.report(pathIn(frame, name));
      await pause;
    }
    try {
      const { fs, move } = this.#source;
      const got = fs.stat(node);
      const stat = got instanceof Promise ? await got : got;
      const item = itemOf(fs, node, name, stat, this.#buffer, this.#several);
      if (stat.type !== 'dir') {
        if (!(await this.#receiver.put(frame, item))) return false;
        if (move) await (fs as WritableFileSystem).writer.unlink(folder, name);
        return true;
      }
      // A listing that grows by what is copied would have no end; only reached in a tree whose ".." are wrong.
      if (fs === this.#target.fs && node === this.#target.folder) throw usage('EINVAL', 'A folder can\'t be put into itself');
      if (depth >= MAX_DEPTH) throw usage('ELOOP', `More than ${MAX_DEPTH} folders in one another`);
      const entered = await this.#receiver.enter(frame, item);
      if (entered === undefined) return false;
      const whole = await this.below(node, entered, depth);
      await this.#receiver.leave(entered);
      if (move && whole) await (fs as WritableFileSystem).writer.rmdir(folder, name);
      return whole;
    } catch (error) {
      this.#account.failed(pathIn(frame, name), error);
      return false;
    }
  }

  /** Everything in a folder. @returns whether all of it is in the target */
  async below(dir: NodeId, frame: Frame, depth: number): Promise<boolean> {
    const { fs, move } = this.#source;
    const left = new Set<Name>();
    // Entries that go away may make the others close up, so a folder that is moved is listed until nothing goes any more.
    for (let gone = 1; gone > 0;) {
      gone = 0;
      let cursor: Cursor | undefined;
      do {
        const { entries, next } = await fs.list(dir, cursor);
        for (const { node, name } of entries) {
          if (left.has(name)) continue;
          const whole = await this.#entry(dir, node, name, frame, depth + 1);
          if (whole && move) gone++;
          // Only of what did not get there, or of all where nothing is moved.
          else if (move || !whole) left.add(name);
        }
        cursor = next;
      } while (cursor !== undefined);
    }
    return left.size === 0;
  }
}
