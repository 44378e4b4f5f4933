import { chownSync, constants, fchownSync, fchmodSync, futimesSync, lchownSync, linkSync, lstatSync, lutimesSync, mkdirSync, openSync, realpathSync, renameSync, rmdirSync, symlinkSync, unlinkSync, utimesSync, chmodSync } from 'node:fs';
import { sep } from 'node:path';
import { usage } from '../../../engines/core/errors.ts';
import type { EntryType } from '../../../engines/core/filesystem.ts';
import { encodeName, type Name } from '../../../engines/core/names.ts';
import { fileId } from '../../sources/same-file.ts';
import { typeOf } from './target-linux.ts';
import type { Properties, Standing, Target, TargetFolder, TargetOptions, TargetThing } from './target.ts';

interface Folder extends TargetFolder {
  readonly path: Name;
}

/**
 * A folder of any system, through what Node offers. Each folder that is entered is looked at first: a real folder, and really inside the
 * target. (Somebody who swaps folders for links between the look and the write can still win here; on Linux the other target closes that too.)
 * Extended attributes and nodes can't be kept, times to the microsecond.
 */
export class PlainTarget implements Target {
  readonly root: Folder;
  readonly made: boolean;
  /** Every step walks the whole path again. */
  readonly deepest = 200;
  readonly #owners: boolean;

  constructor(path: string, options: TargetOptions) {
    this.made = mkdirSync(path, { recursive: true }) !== undefined;
    this.root = { kind: 'folder', path: realpathSync.native(path) };
    this.#owners = options.owners;
  }

  makeFolder(parent: Folder, name: Name, mode: number): boolean {
    return isNew(() => mkdirSync(at(parent, name), { mode }));
  }

  openFolder(parent: Folder, name: Name): Folder | undefined {
    const path = `${parent.path}${sep}${name}`;
    if (!lstatSync(native(path)).isDirectory()) return undefined;
    const real = realpathSync.native(native(path), 'buffer');
    const root = Buffer.from(encodeName(this.root.path + sep));
    // The root "/" has its separator already.
    if (this.root.path !== sep && !real.subarray(0, root.length).equals(root)) return undefined;
    return { kind: 'folder', path };
  }

  closeFolder(): void {}

  createFile(parent: Folder, name: Name, mode: number): number | undefined {
    let fd: number | undefined;
    const { O_WRONLY, O_CREAT, O_EXCL } = constants;
    isNew(() => { fd = openSync(at(parent, name), O_WRONLY | O_CREAT | O_EXCL | (constants.O_NOFOLLOW ?? 0), mode); });
    return fd;
  }

  makeSymlink(parent: Folder, name: Name, target: Name): boolean {
    return isNew(() => symlinkSync(native(target), at(parent, name)));
  }

  makeNode(_parent: Folder, _name: Name, type: EntryType): boolean {
    throw Object.assign(new Error(`no way to make a ${type} here`), { code: 'ENOTSUP' });
  }

  makeLink(from: readonly Name[], parent: Folder, name: Name): boolean {
    let folder: Folder | undefined = this.root;
    for (const step of from.slice(0, -1)) folder = folder && this.openFolder(folder, step);
    if (!folder) throw usage('ENOENT', 'The first name is gone');
    const first = at(folder, from.at(-1)!);
    return isNew(() => linkSync(first, at(parent, name)));
  }

  look(parent: Folder, name: Name): Standing | undefined {
    const stats = lstatSync(at(parent, name), { bigint: true, throwIfNoEntry: false });
    return stats && { type: typeOf(stats), size: Number(stats.size), mtime: stats.mtimeNs, id: fileId(stats) };
  }

  remove(parent: Folder, name: Name, type: EntryType): void {
    if (type === 'dir') rmdirSync(at(parent, name));
    else unlinkSync(at(parent, name));
  }

  rename(parent: Folder, from: Name, to: Name): void {
    renameSync(at(parent, from), at(parent, to));
  }

  apply(thing: TargetThing, wanted: Properties, created: number | undefined, lost: (what: string, error: unknown) => void): void {
    const attempt = (what: string, call: () => void): void => {
      try {
        call();
      } catch (error) {
        lost(what, error);
      }
    };
    const { fd } = thing;
    const path = thing.folder ? native((thing.folder as Folder).path) : at(thing.parent as Folder, thing.name);
    const isLink = thing.type === 'symlink';
    if (this.#owners) attempt('owner', () => (fd !== undefined ? fchownSync(fd, wanted.uid, wanted.gid) : isLink ? lchownSync(path, wanted.uid, wanted.gid) : chownSync(path, wanted.uid, wanted.gid)));
    if (!isLink && (created !== wanted.mode || process.platform !== 'win32')) attempt('mode', () => (fd !== undefined ? fchmodSync(fd, wanted.mode) : chmodSync(path, wanted.mode)));
    for (const [name] of wanted.xattrs) lost(`attribute ${name}`, Object.assign(new Error(), { code: 'ENOTSUP' }));
    const [atime, mtime] = [seconds(wanted.atime), seconds(wanted.mtime)];
    attempt('times', () => (fd !== undefined ? futimesSync(fd, atime, mtime) : isLink ? lutimesSync(path, atime, mtime) : utimesSync(path, atime, mtime)));
  }

  close(): void {}
}

/** True when made, false when the name is taken. */
function isNew(make: () => void): boolean {
  try {
    make();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function at(folder: Folder, name: Name): string | Buffer {
  return native(`${folder.path}${sep}${name}`);
}

/** A path as Node wants it: bytes where a name is no text. */
function native(path: Name): string | Buffer {
  return path.isWellFormed() ? path : Buffer.from(encodeName(path));
}

/** As Node takes times: it makes "now" of negative numbers, so that those go as dates, to the millisecond. */
function seconds(nanoseconds: bigint): number | Date {
  return nanoseconds < 0n ? new Date(Number(nanoseconds / 1_000_000n)) : Number(nanoseconds) / 1e9;
}
