import { isDiskError, usage } from '../../../engines/core/errors.ts';
import type { Cursor, NodeId } from '../../../engines/core/filesystem.ts';
import type { JobContext } from '../../../engines/core/job.ts';
import { displayName, type Name } from '../../../engines/core/names.ts';
import type { JobSummary } from '../../../shared/contract/rows.ts';
import { Account } from '../extract/account.ts';
import type { Tally } from '../extract/tally.ts';
import type { WritableFileSystem } from '../untar.ts';

/** Folders in folders that are followed, as everywhere. */
const MAX_DEPTH = 2048;

/** Times that a listing is begun anew while more can be deleted: entries of a format whose folders close up when one is taken away. */
const MOST_PASSES = 1_000_000;

/** An entry with the folder in which it has its name. */
export interface PlacedEntry {
  readonly folder: NodeId;
  readonly node: NodeId;
  readonly name: Name;
}

/** What became of an entry, and of those below it. */
interface Told {
  removed(type: 'file' | 'dir', path: Name): void;
  failed(path: Name, error: unknown): void;
}

/** Deletes entries with all below them. What can't be deleted is logged, and the rest goes on. @throws DiskError cancelled */
export async function remove(fs: WritableFileSystem, entries: readonly PlacedEntry[], job: JobContext, tally: Tally): Promise<JobSummary> {
  const account = new Account(job, tally, {});
  const told: Told = {
    removed(type, path) {
      if (type === 'dir') tally.directories++;
      else tally.files++;
      job.report({ done: tally.files + tally.directories, unit: 'entries', now: displayName(path) });
    },
    failed: (path, error) => account.failed(path, error),
  };
  for (const entry of entries) await new Removal(fs, job, told).run(entry);
  job.report({ done: tally.files + tally.directories, unit: 'entries' });
  return tally;
}

/** Deletes an entry with all below it. @throws DiskError the first thing that can't be deleted */
export async function removeBelow(fs: WritableFileSystem, entry: PlacedEntry, job: JobContext): Promise<void> {
  await new Removal(fs, job, { removed() {}, failed(_path, error) { throw error; } }).run(entry);
}

class Removal {
  readonly #fs: WritableFileSystem;
  readonly #job: JobContext;
  readonly #told: Told;

  constructor(fs: WritableFileSystem, job: JobContext, told: Told) {
    this.#fs = fs;
    this.#job = job;
    this.#told = told;
  }

  async run({ folder, node, name }: PlacedEntry): Promise<void> {
    try {
      await checkEntry(this.#fs, folder, node, name);
      await this.#entry(folder, node, name, name, 0);
    } catch (error) {
      this.#told.failed(name, error);
    }
  }

  /** @returns whether it is gone */
  async #entry(folder: NodeId, node: NodeId, name: Name, path: Name, depth: number): Promise<boolean> {
    const pause = this.#job.breathe();
    if (pause) await pause;
    try {
      const type = await this.#isDirectory(node) ? 'dir' : 'file';
      if (type === 'dir') {
        await this.#below(node, path, depth);
        await this.#fs.writer.rmdir(folder, name);
      } else {
        const gone = this.#fs.writer.unlink(folder, name);
        if (gone instanceof Promise) await gone;
      }
      this.#told.removed(type, path);
      return true;
    } catch (error) {
      // What is not empty has said why already.
      if (!isNotEmpty(error)) this.#told.failed(path, error);
      return false;
    }
  }

  async #below(dir: NodeId, path: Name, depth: number): Promise<void> {
    if (depth >= MAX_DEPTH) throw usage('ELOOP', `More than ${MAX_DEPTH} folders in one another`);
    const kept = new Set<Name>();
    for (let pass = 0; pass < MOST_PASSES; pass++) {
      let gone = 0;
      let cursor: Cursor | undefined;
      do {
        const { entries, next } = await this.#fs.list(dir, cursor);
        for (const { node, name } of entries) {
          if (kept.has(name)) continue;
          if (await this.#entry(dir, node, name, `${path}/${name}`, depth + 1)) gone++;
          else kept.add(name);
        }
        cursor = next;
      } while (cursor !== undefined);
      if (gone === 0) return;
    }
  }

  async #isDirectory(node: NodeId): Promise<boolean> {
    const stat = this.#fs.stat(node);
    return (stat instanceof Promise ? await stat : stat).type === 'dir';
  }
}

function isNotEmpty(error: unknown): boolean {
  return isDiskError(error) && error.fault.kind === 'usage' && error.fault.errno === 'ENOTEMPTY';
}

/**
 * That a name still leads where somebody saw it lead: nothing is done to what took its place since.
 * @throws DiskError usage ENOENT, ESTALE
 */
export async function checkEntry(fs: WritableFileSystem, folder: NodeId, node: NodeId, name: Name): Promise<void> {
  const found = await fs.lookup(folder, name);
  if (found === undefined) throw usage('ENOENT', `"${displayName(name)}" is not there any more`);
  if (found !== node) throw usage('ESTALE', `"${displayName(name)}" is something else now`, 'Look at the folder again.');
}
