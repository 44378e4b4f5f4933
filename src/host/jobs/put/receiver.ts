import { randomBytes } from 'node:crypto';
import { isDiskError, toDiskError, usage } from '../../../engines/core/errors.ts';
import type { Maybe, NodeId } from '../../../engines/core/filesystem.ts';
import type { JobContext } from '../../../engines/core/job.ts';
import { displayName, type Name } from '../../../engines/core/names.ts';
import type { NewNode } from '../../../engines/core/writer.ts';
import type { WriteOptions } from '../../../shared/contract/edit.ts';
import type { Account } from '../extract/account.ts';
import type { WritableFileSystem } from '../untar.ts';
import { Conflicts, numberedName } from './conflicts.ts';
import type { Item } from './item.ts';
import { putWhole } from './put-whole.ts';
import { type PlacedEntry, removeBelow } from './remove.ts';

/** Numbers that are tried to find a free name. */
const MOST_NUMBERS = 10_000;

/** A folder of the target that is being filled. */
export interface Frame {
  readonly node: NodeId;
  /** From the folder into which all goes; "" for itself. */
  readonly path: Name;
  /** What it gets when it is full; absent for one that was there before, which keeps its own. */
  readonly item?: Item;
}

/** What is made of items, beside the conflicts. */
export interface ReceiverOptions extends WriteOptions {
  /** Creation times come along: it is the same thing in another place, not a copy. */
  readonly births?: boolean;
  /** Folders of the target that hold what comes, or are it: none of them is replaced. */
  readonly needed?: ReadonlySet<NodeId> | undefined;
}

/**
 * Makes items in a filesystem: each whole or not at all. What can't be kept of one is told to the account. A file that takes the place of another is
 * written under a name of its own first, so that a cancel or a damaged source costs nothing that was there.
 */
export class Receiver {
  /** Whoever moves things by renaming them decides by the same. */
  readonly conflicts: Conflicts;
  readonly #fs: WritableFileSystem;
  readonly #job: JobContext;
  readonly #account: Account;
  readonly #births: boolean;
  readonly #needed: ReadonlySet<NodeId> | undefined;
  /** Where nodes of several names were made. */
  readonly #links = new Map<number | string, NodeId>();
  readonly #temporary = `.clutch-${randomBytes(4).toString('hex')}-`;
  #temporaries = 0;

  constructor(fs: WritableFileSystem, job: JobContext, account: Account, options: ReceiverOptions) {
    this.conflicts = new Conflicts(job, options);
    this.#fs = fs;
    this.#job = job;
    this.#account = account;
    this.#births = options.births ?? false;
    this.#needed = options.needed;
  }

  get fs(): WritableFileSystem {
    return this.#fs;
  }

  /** A folder to be filled. @returns undefined when it is skipped @throws DiskError */
  async enter(frame: Frame, item: Item): Promise<Frame | undefined> {
    const { writer } = this.#fs;
    const path = pathIn(frame, item.name);
    const standing = await this.#fs.lookup(frame.node, item.name);
    let { name } = item;
    if (standing !== undefined) {
      const stat = await this.#fs.stat(standing);
      const decision = await this.conflicts.decide(path, item.stat, stat);
      if (decision === 'skip') {
        this.#account.tally.skipped++;
        return undefined;
      }
      if (decision === 'merge') return { node: standing, path };
      if (decision === 'keep-both') name = await this.freeName(frame.node, name);
      else if (stat.type === 'dir') await this.clear({ folder: frame.node, node: standing, name });
      else await writer.unlink(frame.node, name);
    }
    const node = await writer.mkdir(frame.node, name, this.#newNode(item));
    this.#account.tally.directories++;
    return { node, path, item };
  }

  /** The folder is full: what was made in it changed its times. */
  async leave({ node, path, item }: Frame): Promise<void> {
    if (item !== undefined) await this.#dress(node, item, path);
  }

  /** Anything but a folder. @returns whether it is there now, rather than skipped @throws DiskError; then nothing of it is there */
  async put(frame: Frame, item: Item): Promise<boolean> {
    const path = pathIn(frame, item.name);
    // Most names are free: only one that is taken is looked at.
    const standing = await this.#makeUnlessTaken(frame.node, item, path);
    if (standing !== undefined && !(await this.#settle(frame, item, path, standing))) {
      this.#account.tally.skipped++;
      return false;
    }
    this.#account.tally.files++;
    return true;
  }

  /** @returns who has the name, where it is taken */
  async #makeUnlessTaken(folder: NodeId, item: Item, path: Name): Promise<NodeId | undefined> {
    try {
      await this.#make(folder, item.name, item, path);
      return undefined;
    } catch (error) {
      const standing = isTaken(error) ? await this.#fs.lookup(folder, item.name) : undefined;
      if (standing === undefined) throw error;
      return standing;
    }
  }

  /** Does what was decided about a name that is taken. @returns false when the item is skipped */
  async #settle(frame: Frame, item: Item, path: Name, standing: NodeId): Promise<boolean> {
    const { name } = item;
    const stat = await this.#fs.stat(standing);
    const decision = await this.conflicts.decide(path, item.stat, stat);
    if (decision === 'skip') return false;
    if (decision === 'keep-both') {
      await this.#make(frame.node, await this.freeName(frame.node, name), item, path);
      return true;
    }
    if (stat.type === 'dir') throw usage('EISDIR', 'A folder has the name; it is not replaced by something else');
    const temporary = `${this.#temporary}${this.#temporaries++}`;
    await this.#make(frame.node, temporary, item, path);
    try {
      await this.#fs.writer.rename(frame.node, temporary, frame.node, name, 'replace');
      // Two names of one node: rename leaves both.
      if (await this.#fs.lookup(frame.node, temporary) !== undefined) await this.#fs.writer.unlink(frame.node, temporary);
    } catch (error) {
      await this.#takeAway(frame.node, temporary);
      throw error;
    }
    return true;
  }

  /** Takes a folder away whole, to make room for another. @throws DiskError usage EINVAL where what comes is in it */
  async clear(entry: PlacedEntry): Promise<void> {
    if (this.#needed?.has(entry.node) === true) throw usage('EINVAL', `"${displayName(entry.name)}" holds what is to take its place`);
    await removeBelow(this.#fs, entry, this.#job);
  }

  /** A name beside one that is taken. @throws DiskError usage EEXIST */
  async freeName(folder: NodeId, name: Name): Promise<Name> {
    for (let number = 2; number < MOST_NUMBERS; number++) {
      const beside = numberedName(name, number, this.#fs.writer.names);
      if (await this.#fs.lookup(folder, beside) === undefined) return beside;
    }
    throw usage('EEXIST', `No free name was found beside "${displayName(name)}"`);
  }

  /** Makes it with all that belongs to it under a free name. */
  async #make(folder: NodeId, name: Name, item: Item, path: Name): Promise<void> {
    const { identity } = item;
    if (identity !== undefined && await this.#link(folder, name, identity)) return;
    const whole = this.#putWhole(folder, name, item);
    const put = whole instanceof Promise ? await whole : whole;
    if (put !== undefined) this.#account.tally.bytes += item.stat.size;
    const node = put ?? await this.#create(folder, name, item);
    try {
      if (put === undefined && item.stat.type === 'file') await this.#fill(node, item, path);
      await this.#dress(node, item, path, put !== undefined);
    } catch (error) {
      await this.#takeAway(folder, name);
      throw error;
    }
    if (identity !== undefined) this.#links.set(identity, node);
  }

  /** One more name for what was made before. @returns false where that can't be: it was replaced since, or has as many names as it may */
  async #link(folder: NodeId, name: Name, identity: number | string): Promise<boolean> {
    const made = this.#links.get(identity);
    if (made === undefined) return false;
    try {
      await this.#fs.writer.link(folder, name, made);
      return true;
    } catch (error) {
      if (!isDiskError(error) || error.fault.kind !== 'usage' || error.fault.errno === 'ENOSPC' || isTaken(error)) throw error;
      this.#links.delete(identity);
      return false;
    }
  }

  async #create(folder: NodeId, name: Name, item: Item): Promise<NodeId> {
    const { writer } = this.#fs;
    const { type, device } = item.stat;
    const made = this.#newNode(item);
    switch (type) {
      case 'file': return writer.create(folder, name, made);
      case 'symlink': return writer.symlink(folder, name, await item.target?.() ?? '', made);
      case 'char': case 'block': return writer.mknod(folder, name, type, made, device ?? { major: 0, minor: 0 });
      case 'fifo': case 'socket': return writer.mknod(folder, name, type, made);
      default: throw usage('EISDIR', 'A folder is entered');
    }
  }

  /** A file whose contents are at hand, made in one operation; undefined where that can't be. */
  #putWhole(folder: NodeId, name: Name, item: Item): Maybe<NodeId | undefined> {
    const { writer } = this.#fs;
    const held = writer.put === undefined ? undefined : item.held?.();
    if (held === undefined) return undefined;
    return putWhole(writer, folder, name, this.#newNode(item), held);
  }

  async #fill(node: NodeId, item: Item, path: Name): Promise<void> {
    let end = 0;
    const contents = item.contents?.((at, bytes) => {
      end = at + bytes.length;
      return this.#write(node, at, bytes, path);
    });
    if (contents instanceof Promise) await contents;
    if (end < item.stat.size) await this.#fs.writer.truncate(node, item.stat.size);
  }

  async #write(node: NodeId, at: number, bytes: Uint8Array, path: Name): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const wrote = this.#fs.writer.write(node, at + done, bytes.subarray(done));
      const count = wrote instanceof Promise ? await wrote : wrote;
      if (!(count > 0)) throw usage('ENOSPC', 'There is no space left in the volume');
      done += count;
    }
    this.#account.tally.bytes += bytes.length;
    const pause = this.#job.breathe();
    if (pause) {
      this.#account.report(path);
      await pause;
    }
  }

  /** Attributes, and what filling it changed. @param whole nothing but attributes is to be set */
  async #dress(node: NodeId, { stat, xattrs }: Item, path: Name, whole = false): Promise<void> {
    const { writer } = this.#fs;
    const list = xattrs?.();
    let changed = !whole;
    for (const [name, value] of (list instanceof Promise ? await list : list) ?? []) {
      changed = true;
      try {
        const set = writer.setXattr(node, name, value);
        if (set instanceof Promise) await set;
      } catch (error) {
        this.#account.lost(path, `The attribute ${displayName(name)} could not be kept: ${toDiskError(error).message}`);
      }
    }
    if (!changed) return;
    const { mode, uid, gid, mtime, atime, btime } = stat;
    // A symlink's own mode means nothing, and most formats can't change it.
    const done = writer.change(node, { ...(stat.type === 'symlink' ? {} : { mode }), uid, gid, mtime, ...(atime === undefined ? {} : { atime }), ...(this.#births && btime !== undefined ? { btime } : {}) });
    if (done instanceof Promise) await done;
  }

  #newNode({ stat: { mode, uid, gid, mtime, atime, btime } }: Item): NewNode {
    return { mode, uid, gid, mtime, ...(atime === undefined ? {} : { atime }), ...(this.#births && btime !== undefined ? { btime } : {}) };
  }

  /** What could not be made whole. */
  async #takeAway(folder: NodeId, name: Name): Promise<void> {
    try {
      await this.#fs.writer.unlink(folder, name);
    } catch {
      // The error that led here is the one to be told.
    }
  }
}

/** Whether somebody has the name already. */
function isTaken(error: unknown): boolean {
  return isDiskError(error) && error.fault.kind === 'usage' && error.fault.errno === 'EEXIST';
}

/** For showing, and in order from where it came. */
export function pathIn(frame: Frame, name: Name): Name {
  return frame.path === '' ? name : `${frame.path}/${name}`;
}
