import { isDiskError } from '../../../engines/core/errors.ts';
import type { Cursor, FileSystem, NodeId, Stat } from '../../../engines/core/filesystem.ts';
import type { JobContext } from '../../../engines/core/job.ts';
import { displayName, encodeName, type Name } from '../../../engines/core/names.ts';
import type { Loss, TransferPlan } from '../../../shared/contract/edit.ts';
import type { WritableFileSystem } from '../untar.ts';
import type { CopySource } from './copy.ts';
import { HostTree } from './host-tree.ts';

/** Milliseconds that somebody waits for what would be lost. */
const MOST_TIME = 1000;

const MAX_DEPTH = 2048;

/** What a copy of entries into a filesystem would be, and what it would lose: as far as that is seen in a second. @throws DiskError cancelled */
export async function planCopy({ fs, entries }: Pick<CopySource, 'fs' | 'entries'>, target: WritableFileSystem, job: JobContext): Promise<TransferPlan> {
  const planning = new Planning(fs, target, job);
  for (const { node, name } of entries) await planning.look(node, name, name, 0);
  return planning.plan;
}

/** As `planCopy`, of files and folders of this computer. @param paths absolute */
export async function planPut(paths: readonly string[], target: WritableFileSystem, job: JobContext): Promise<TransferPlan> {
  const tree = new HostTree(paths);
  try {
    return await planCopy({ fs: tree, entries: tree.entries }, target, job);
  } finally {
    tree.close();
  }
}

class Planning {
  readonly #fs: FileSystem;
  readonly #target: WritableFileSystem;
  readonly #job: JobContext;
  readonly #until = performance.now() + MOST_TIME;
  readonly #losses = new Map<Loss['what'], { count: number; readonly example: string; readonly reason: string }>();
  readonly #seen = new Set<NodeId>();
  #files = 0;
  #directories = 0;
  #bytes = 0;
  #complete = true;

  constructor(fs: FileSystem, target: WritableFileSystem, job: JobContext) {
    this.#fs = fs;
    this.#target = target;
    this.#job = job;
  }

  get plan(): TransferPlan {
    const losses = [...this.#losses].map(([what, loss]) => ({ what, ...loss }));
    return { losses, files: this.#files, directories: this.#directories, bytes: this.#bytes, free: this.#target.info.free, complete: this.#complete };
  }

  async look(node: NodeId, name: Name, path: Name, depth: number): Promise<void> {
    const pause = this.#job.breathe();
    if (pause) await pause;
    if (performance.now() > this.#until || depth > MAX_DEPTH) {
      this.#complete = false;
      return;
    }
    try {
      const stat = await this.#fs.stat(node);
      this.#name(name, path);
      this.#judge(stat, path);
      if (stat.type !== 'dir') {
        this.#files++;
        if (stat.type === 'file' && !this.#seen.has(stat.node)) this.#bytes += Math.min(stat.size, stat.allocated);
        if (stat.nlink > 1) this.#seen.add(stat.node);
        return;
      }
      this.#directories++;
      let cursor: Cursor | undefined;
      do {
        const { entries, next } = await this.#fs.list(node, cursor);
        for (const entry of entries) await this.look(entry.node, entry.name, `${path}/${entry.name}`, depth + 1);
        cursor = next;
      } while (cursor !== undefined && this.#complete);
    } catch (error) {
      if (!isDiskError(error) || error.kind === 'cancelled') throw error;
      // The copy itself tells of what can't be read.
    }
  }

  #name(name: Name, path: Name): void {
    const { longest, unit, forbidden } = this.#target.writer.names;
    // A name of a third of it is never too long: no character takes more than three bytes a unit.
    if (name.length * 3 > longest && (unit === 'bytes' ? encodeName(name).length : name.length) > longest) this.#lose('names', path, `Names are at most ${longest} ${unit} long; such entries are left out`);
    if (forbidden !== '' && [...forbidden].some((character) => name.includes(character))) this.#lose('names', path, `Names can't hold any of ${forbidden}; such entries are left out`);
  }

  #judge({ type, size, mtime }: Stat, path: Name): void {
    const { limits } = this.#target.writer;
    if (limits === undefined) return;
    const { times: { from, to, step }, largest } = limits;
    if (mtime < from || mtime > to) this.#lose('times', path, `Times are kept from ${yearOf(from)} to ${yearOf(to)}; others become the nearest`);
    else if (mtime % step !== 0n) this.#lose('times', path, step === 1_000_000_000n ? 'Times are kept to the second' : `Times are kept in steps of ${step} nanoseconds`);
    if (type === 'file' && size > largest) this.#lose('large-files', path, `Files are at most ${largest} bytes long; such files are left out`);
  }

  #lose(what: Loss['what'], path: Name, reason: string): void {
    const known = this.#losses.get(what);
    if (known === undefined) this.#losses.set(what, { count: 1, example: displayName(path.slice(-4096)), reason });
    else known.count++;
  }
}

function yearOf(time: bigint): number {
  return new Date(Number(time / 1_000_000n)).getUTCFullYear();
}
