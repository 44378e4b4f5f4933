import { usage } from '../../../engines/core/errors.ts';
import type { Cursor, NodeId } from '../../../engines/core/filesystem.ts';
import type { JobContext } from '../../../engines/core/job.ts';
import { displayName, type Name } from '../../../engines/core/names.ts';
import type { WriteOptions } from '../../../shared/contract/edit.ts';
import type { JobSummary } from '../../../shared/contract/rows.ts';
import { Account } from '../extract/account.ts';
import type { Tally } from '../extract/tally.ts';
import type { WritableFileSystem } from '../untar.ts';
import { checkOutside, type CopyTarget } from './copy.ts';
import { pathIn, Receiver } from './receiver.ts';
import { checkEntry, type PlacedEntry } from './remove.ts';

/** Moves entries within a filesystem: by their names alone, and entry by entry where folders are merged. @throws DiskError usage EINVAL for a folder into itself; cancelled */
export async function moveWithin(fs: WritableFileSystem, entries: readonly PlacedEntry[], target: CopyTarget, options: WriteOptions, job: JobContext, tally: Tally): Promise<JobSummary> {
  const needed = await checkOutside({ fs, entries, move: true }, target);
  const account = new Account(job, tally, {});
  const moving = new Moving(fs, new Receiver(fs, job, account, { ...options, needed }), job, account);
  for (const entry of entries) await moving.run(entry, target.folder);
  return tally;
}

/** Folders in folders that are followed, as everywhere: a damaged tree may lead in circles. */
const MAX_DEPTH = 2048;

class Moving {
  readonly #fs: WritableFileSystem;
  readonly #receiver: Receiver;
  readonly #job: JobContext;
  readonly #account: Account;

  constructor(fs: WritableFileSystem, receiver: Receiver, job: JobContext, account: Account) {
    this.#fs = fs;
    this.#receiver = receiver;
    this.#job = job;
    this.#account = account;
  }

  async run({ folder, node, name }: PlacedEntry, to: NodeId): Promise<void> {
    try {
      await checkEntry(this.#fs, folder, node, name);
      await this.#entry(folder, node, name, to, '', 0);
    } catch (error) {
      this.#account.failed(name, error);
    }
  }

  /** @param path of the target, from the folder that all goes into @returns whether it is gone from where it was */
  async #entry(folder: NodeId, node: NodeId, name: Name, to: NodeId, path: Name, depth: number): Promise<boolean> {
    const pause = this.#job.breathe();
    if (pause) await pause;
    const own = pathIn({ node: to, path }, name);
    try {
      // Where it is already.
      if (folder === to) return false;
      const standing = await this.#fs.lookup(to, name);
      const stat = await this.#fs.stat(node);
      let as = name;
      if (standing !== undefined) {
        const there = await this.#fs.stat(standing);
        const decision = await this.#receiver.conflicts.decide(own, stat, there);
        if (decision === 'skip') {
          this.#account.tally.skipped++;
          return false;
        }
        if (decision === 'merge') return await this.#merge(folder, node, name, standing, own, depth);
        if (decision === 'keep-both') as = await this.#receiver.freeName(to, name);
        else if (there.type === 'dir') {
          if (stat.type !== 'dir') throw usage('EISDIR', 'A folder has the name; it is not replaced by something else');
          await this.#receiver.clear({ folder: to, node: standing, name });
        } else if (stat.type === 'dir') await this.#fs.writer.unlink(to, name);
      }
      await this.#fs.writer.rename(folder, name, to, as, standing === undefined || as !== name ? 'keep' : 'replace');
      // Two names of one node: rename leaves both.
      if (standing === node && as === name) await this.#fs.writer.unlink(folder, name);
      if (stat.type === 'dir') this.#account.tally.directories++;
      else this.#account.tally.files++;
      this.#job.report({ done: this.#account.tally.files + this.#account.tally.directories, unit: 'entries', now: displayName(own) });
      return true;
    } catch (error) {
      this.#account.failed(own, error);
      return false;
    }
  }

  /** What is in a folder goes into the one of its name. */
  async #merge(folder: NodeId, node: NodeId, name: Name, into: NodeId, path: Name, depth: number): Promise<boolean> {
    if (depth >= MAX_DEPTH) throw usage('ELOOP', `More than ${MAX_DEPTH} folders in one another`);
    const left = new Set<Name>();
    for (let gone = 1; gone > 0;) {
      gone = 0;
      let cursor: Cursor | undefined;
      do {
        const { entries, next } = await this.#fs.list(node, cursor);
        for (const entry of entries) {
          if (left.has(entry.name)) continue;
          if (await this.#entry(node, entry.node, entry.name, into, path, depth + 1)) gone++;
          else left.add(entry.name);
        }
        cursor = next;
      } while (cursor !== undefined);
    }
    if (left.size > 0) return false;
    await this.#fs.writer.rmdir(folder, name);
    this.#account.tally.directories++;
    return true;
  }
}
