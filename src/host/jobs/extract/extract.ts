import { closeSync, existsSync } from 'node:fs';
import { corrupt, isDiskError, usage } from '../../../engines/core/errors.ts';
import type { Cursor, DirEntry, FileSystem, NodeId, Stat } from '../../../engines/core/filesystem.ts';
import type { JobContext } from '../../../engines/core/job.ts';
import { displayName, type Name } from '../../../engines/core/names.ts';
import type { ExtractOptions } from '../../../shared/contract/calls.ts';
import type { JobSummary } from '../../../shared/contract/rows.ts';
import { libc } from '../../native/libc.ts';
import { fileIds } from '../../sources/same-file.ts';
import { Ahead } from '../ahead.ts';
import { Account, targetError, type Told } from './account.ts';
import { type Attempt, wanted } from './attempt.ts';
import { ContentCopier } from './contents.ts';
import { hostName, localRules, type NameRules } from './host-names.ts';
import { Places } from './places.ts';
import { PlainBatches } from './plain-batches.ts';
import { newTally, type Tally } from './tally.ts';
import { codeOf, type Properties, type Target, type TargetOptions, type TargetThing } from './target.ts';
import { frame as newFrame, type Frame, namesTo } from './frame.ts';
import { LinuxTarget } from './target-linux.ts';
import { PlainTarget } from './target-plain.ts';

const NO_DEVICE = { major: 0, minor: 0 };

/** What to extract: nodes of one filesystem, and the names that they get. The root's contents go into the target itself. */
export interface ExtractSource {
  readonly fs: FileSystem;
  readonly entries: readonly { readonly node: NodeId; readonly name: Name }[];
}

export interface ExtractSettings extends ExtractOptions, Attempt, Told {
  /** Keeps the part of a damaged file that could be read, with its name. Otherwise none of it stays. */
  readonly keepDamaged?: boolean | undefined;
  /** Files that the image is made of: they are never replaced. */
  readonly images?: readonly string[] | undefined;
}

/**
 * Copies entries with all that is below them into a folder, which is made where it is not there. Never writes outside it.
 * Entries and properties that can't be kept are logged and counted as problems; the rest goes on.
 * @param open how the folder is written to
 * @param tally counts as it goes: what was done before a cancel is in it
 * @throws DiskError cancelled, with no half-written file left; usage ENOSPC, EROFS when the target can take no more
 */
export async function extract(source: ExtractSource, folder: string, settings: ExtractSettings, job: JobContext, open = openTarget, tally = newTally()): Promise<JobSummary> {
  const options = { owners: settings.owners ?? process.geteuid?.() === 0 };
  let target: Target;
  try {
    target = open(folder, options);
  } catch (error) {
    throw targetError(error, folder);
  }
  const extraction = new Extraction(source.fs, target, settings, options, localRules(), job, tally);
  try {
    return await extraction.run(source.entries);
  } finally {
    await extraction.close();
    target.close();
  }
}

/** The safest and most faithful way to write that this system has. */
function openTarget(folder: string, options: TargetOptions): Target {
  const calls = existsSync('/proc/self/fd') ? libc() : undefined;
  return calls ? LinuxTarget.open(calls, folder, options) : new PlainTarget(folder, options);
}

class Extraction {
  readonly #fs: FileSystem;
  readonly #target: Target;
  readonly #settings: ExtractSettings;
  readonly #rules: NameRules;
  readonly #job: JobContext;
  readonly #account: Account;
  readonly #places: Places;
  readonly #contents: ContentCopier;
  readonly #ahead: Ahead;
  /** Directories met: no sound filesystem has one twice, a hostile one has cycles. */
  readonly #directories = new Set<NodeId>();
  /** The first names of nodes that have more. */
  readonly #links = new Map<NodeId, { readonly frame: Frame; readonly name: Name; left: number }>();
  readonly #wanted: (path: Name) => boolean;
  /** In the image: what is under way. */
  #now: Name = '';
  readonly #plain: PlainBatches;
  /** Nothing more is begun. */
  #closing = false;

  constructor(fs: FileSystem, target: Target, settings: ExtractSettings, options: TargetOptions, rules: NameRules, job: JobContext, tally: Tally) {
    const account = new Account(job, tally, settings);
    this.#account = account;
    this.#plain = new PlainBatches(fs, target, options, (bytes) => {
      tally.files++;
      tally.bytes += bytes;
    });
    this.#fs = fs;
    this.#ahead = new Ahead(fs);
    this.#target = target;
    this.#settings = settings;
    this.#wanted = wanted(settings.only);
    this.#rules = rules;
    this.#job = job;
    this.#places = new Places(target, job, account, {
      rules, policy: settings.conflict === 'ask' ? undefined : settings.conflict, resumed: settings.resumed === true, kept: fileIds(settings.images ?? []),
      standing: (frame, name, stat) => this.#remember(frame, name, stat),
    });
    this.#contents = new ContentCopier(fs, target, job, (bytes) => {
      tally.bytes += bytes;
      account.report(this.#now);
    });
  }

  async run(entries: ExtractSource['entries']): Promise<JobSummary> {
    const root = newFrame({ folder: this.#target.root, path: '', above: undefined, name: '', depth: 0, fresh: this.#target.made });
    for (const { node, name } of entries) {
      if (node !== this.#fs.root) {
        if (this.#wanted(`/${name}`)) await this.#entry(root, { node, name, type: undefined });
        continue;
      }
      this.#directories.add(node);
      await this.#fill(root, node);
      await this.#plain.settleAll();
      await this.#longWay(root);
      const stat = await this.#fs.stat(node);
      // A folder that was there before is the person's own: it keeps its owner and times.
      if (root.fresh) await this.#apply({ parent: root.folder, name: '.', type: 'dir', folder: root.folder }, stat, undefined, '/');
    }
    await this.#plain.settleAll();
    this.#account.report('');
    return this.#account.tally;
  }

  /** Ends the second thread. After a cancel too the folders get their properties: what is there is whole. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#plain.close();
  }

  /** Everything in a directory. */
  async #fill(frame: Frame, node: NodeId): Promise<void> {
    try {
      for (let next: Cursor | undefined; ;) {
        const listed = this.#fs.list(node, next);
        const batch = listed instanceof Promise ? await listed : listed;
        // In the order of their nodes: inodes are read once, and contents mostly lie in that order too.
        const entries = batch.entries.filter(({ name }) => this.#wanted(`${frame.path}/${name}`)).toSorted((a, b) => a.node - b.node);
        const ask = this.#ahead.entries(entries);
        for (const [i, entry] of entries.entries()) {
          ask(i);
          if (!(hostName(entry.name, this.#rules).reason === undefined && this.#plain.add(frame, entry))) await this.#entry(frame, entry);
          const pause = this.#job.breathe();
          if (pause) {
            this.#account.report(`${frame.path}/${entry.name}`);
            await pause;
            await this.#plain.settle();
          }
        }
        if (batch.next === undefined) break;
        next = batch.next;
      }
    } catch (error) {
      this.#account.failed(frame.path || '/', error);
    }
    this.#plain.flush(frame);
  }

  /** Takes the entries that turned out not to be plain the long way. */
  async #longWay(frame: Frame): Promise<void> {
    if (this.#closing) return;
    for (const entry of frame.again.splice(0)) await this.#entry(frame, entry);
  }

  /** One entry; what goes wrong with it is logged, and only what ends the whole work is thrown. */
  async #entry(frame: Frame, entry: DirEntry): Promise<void> {
    const path = `${frame.path}/${entry.name}`;
    try {
      const got = this.#ahead.stat(entry.node);
      const stat = got instanceof Promise ? await got : got;
      const { name, reason } = hostName(entry.name, this.#rules);
      if (reason !== undefined) this.#account.lost(path, `extracted as "${displayName(name)}": ${reason}`);
      if (stat.type === 'dir') await this.#directory(frame, name, stat, path);
      else if (stat.nlink > 1 && await this.#again(frame, name, stat, path)) return;
      else if (stat.type === 'file') await this.#file(frame, name, stat, path);
      else await this.#other(frame, name, stat, path);
    } catch (error) {
      this.#account.failed(path, error);
    } finally {
      this.#ahead.forget(entry.node);
    }
  }

  async #directory(frame: Frame, name: Name, stat: Stat, path: Name): Promise<void> {
    if (this.#directories.has(stat.node)) throw corrupt(`directory ${stat.node}`, 'it stands in more than one place; only the first is extracted');
    if (frame.depth >= this.#target.deepest) throw usage('ENAMETOOLONG', `Folders are nested deeper than ${this.#target.deepest}`);
    this.#directories.add(stat.node);
    const created = (stat.mode & 0o777) | 0o700;
    let fresh = true;
    const at = await this.#places.place(frame, name, stat, path, (free) => {
      if (this.#target.makeFolder(frame.folder, free, created)) return true;
      // A real folder that stood there before is filled; one that this image made is another directory of the same name.
      if (this.#places.isMine(frame, free)) return false;
      const standing = this.#target.look(frame.folder, free);
      fresh = standing?.type !== 'dir';
      return !fresh;
    });
    if (at === undefined) return;
    const folder = this.#target.openFolder(frame.folder, at.name);
    if (folder === undefined) throw usage('ENOTDIR', 'Something else took the folder\'s name meanwhile');
    const inside = newFrame({ folder, path, above: frame, name: at.final, depth: frame.depth + 1, fresh });
    const finish = async (): Promise<void> => {
      try {
        try {
          await this.#longWay(inside);
        } finally {
          // Last, since filling it changes its times, and also after a cancel: what is there is whole.
          await this.#apply({ parent: frame.folder, name: at.name, type: 'dir', folder }, stat, fresh ? created : undefined, path);
        }
        this.#places.finish(frame, at);
        this.#account.tally.directories++;
      } catch (error) {
        this.#account.failed(path, error);
      } finally {
        this.#target.closeFolder(folder);
      }
    };
    try {
      await this.#fill(inside, stat.node);
    } finally {
      await this.#plain.whenMade(inside, frame, finish);
    }
  }

  async #file(frame: Frame, name: Name, stat: Stat, path: Name): Promise<void> {
    const created = stat.mode & 0o777;
    let fd = -1;
    const at = await this.#places.place(frame, name, stat, path, (free) => {
      fd = this.#target.createFile(frame.folder, free, created) ?? -1;
      return fd >= 0;
    });
    if (at === undefined) return;
    let whole = false;
    this.#now = path;
    try {
      try {
        await this.#contents.copy(stat.node, stat, fd, await this.#ahead.bytes(stat.node));
        whole = true;
      } catch (error) {
        if (!this.#settings.keepDamaged || !isDiskError(error) || error.kind === 'cancelled') throw error;
        this.#account.failed(path, error);
      }
      await this.#apply({ parent: frame.folder, name: at.name, type: 'file', fd }, stat, created, path);
    } catch (error) {
      closeSync(fd);
      fd = -1;
      this.#target.remove(frame.folder, at.name, 'file');
      throw error;
    } finally {
      if (fd >= 0) closeSync(fd);
    }
    this.#places.finish(frame, at);
    this.#account.tally.files++;
    if (whole) this.#remember(frame, at.final, stat);
  }

  /** Symlinks, devices, fifos; sockets have no life outside the system that made them. */
  async #other(frame: Frame, name: Name, stat: Stat, path: Name): Promise<void> {
    const { type } = stat;
    if (type === 'socket' || ((type === 'char' || type === 'block') && !this.#settings.special)) {
      this.#account.tally.skipped++;
      this.#account.log('info', path, type === 'socket' ? 'sockets are left out' : `${type} device left out: device nodes are made only on request`);
      return;
    }
    const got = type === 'symlink' ? this.#fs.readlink(stat.node) : '';
    const link = got instanceof Promise ? await got : got;
    const created = stat.mode & 0o777;
    const at = await this.#places.place(frame, name, stat, path, (free) => (type === 'symlink'
      ? this.#target.makeSymlink(frame.folder, free, link)
      : this.#target.makeNode(frame.folder, free, type, created, stat.device ?? NO_DEVICE)));
    if (at === undefined) return;
    await this.#apply({ parent: frame.folder, name: at.name, type }, stat, created, path);
    this.#places.finish(frame, at);
    this.#account.tally.files++;
    this.#remember(frame, at.final, stat);
  }

  /** A further name of something extracted already. @returns whether that was all */
  async #again(frame: Frame, name: Name, stat: Stat, path: Name): Promise<boolean> {
    const first = this.#links.get(stat.node);
    if (first === undefined) return false;
    if (--first.left <= 0) this.#links.delete(stat.node);
    const from = namesTo(first.frame, first.name);
    try {
      const at = await this.#places.place(frame, name, stat, path, (free) => this.#target.makeLink(from, frame.folder, free));
      if (at) {
        this.#places.finish(frame, at);
        this.#account.tally.files++;
      }
      return true;
    } catch (error) {
      if (isDiskError(error) && error.kind === 'cancelled') throw error;
      this.#account.lost(path, `hard link to "${displayName(from.join('/'))}" not kept (${codeOf(error)}): extracted as a file of its own`);
      return false;
    }
  }

  #remember(frame: Frame, name: Name, stat: Stat): void {
    if (stat.nlink > 1 && !this.#links.has(stat.node)) this.#links.set(stat.node, { frame, name, left: stat.nlink - 1 });
  }

  async #apply(thing: TargetThing, stat: Stat, created: number | undefined, path: Name): Promise<void> {
    const special = this.#settings.special === true;
    if (!special && (stat.mode & 0o7000) !== 0 && stat.type !== 'symlink') this.#account.log('info', path, `${specialBits(stat.mode)} left out: kept only on request`);
    const xattrs = this.#fs.xattrs ? await this.#attributes(stat, special, path) : NONE;
    const properties: Properties = { mode: special ? stat.mode : stat.mode & 0o777, uid: stat.uid, gid: stat.gid, atime: stat.atime, mtime: stat.mtime, xattrs };
    this.#target.apply(thing, properties, created, (what, error) => this.#account.lost(path, `${what} not kept (${codeOf(error)})`));
  }

  async #attributes(stat: Stat, special: boolean, path: Name): Promise<Properties['xattrs']> {
    const { found, failure } = await this.#ahead.attributes(stat.node);
    if (failure !== undefined) this.#account.lost(path, `attributes not kept: ${(failure as Error).message}`);
    if (special) return found;
    const kept = found.filter(([name]) => name !== 'security.capability');
    if (kept.length < found.length) this.#account.log('info', path, 'file capabilities left out: kept only on request');
    return kept;
  }
}

const NONE: readonly [] = [];

function specialBits(mode: number): string {
  return [[0o4000, 'setuid'], [0o2000, 'setgid'], [0o1000, 'sticky']].filter(([bit]) => (mode & (bit as number)) !== 0).map(([, name]) => name).join(', ');
}
