import { type BigIntStats, closeSync, constants, fstatSync, lstatSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import type { EntryType } from '../../../engines/core/filesystem.ts';
import { encodeName, type Name } from '../../../engines/core/names.ts';
import type { Libc } from '../../native/libc.ts';
import { fileId } from '../../sources/same-file.ts';
import type { Properties, Standing, Target, TargetFolder, TargetOptions, TargetThing } from './target.ts';

const ACL_ACCESS = 'system.posix_acl_access';
const ACL_DEFAULT = 'system.posix_acl_default';

/** Runs of at least this many bytes are copied with the call that lets filesystems share blocks instead (btrfs, XFS); it costs more to begin. */
const SHARED = 256 * 1024;

/** A descriptor of an open directory, and what it does to what is made in it. */
export interface LinuxFolder extends TargetFolder {
  readonly fd: number;
  /** New things get the folder's group (setgid). */
  readonly givesGroup: boolean;
  /** New things get an ACL from the folder's default one. */
  readonly givesAcl: boolean;
}

type Folder = LinuxFolder;

/** Modes of mknod(2). */
const TYPE_BITS: Partial<Record<EntryType, number>> = { char: 0o020000, block: 0o060000, fifo: 0o010000 };

/** A folder of Linux, reached by descriptors and system calls that take a directory and a name. */
export class LinuxTarget implements Target {
  readonly root: Folder;
  readonly made: boolean;
  /** Each holds a descriptor while it is filled. */
  readonly deepest = 1000;
  readonly #libc: Libc;
  readonly #owners: boolean;
  readonly #umask = umask();
  readonly #uid = process.geteuid!();
  readonly #gid = process.getegid!();
  /** Until the kernel says that it can't between these two filesystems. */
  #sharesBlocks = true;

  private constructor(libc: Libc, root: Folder, made: boolean, options: TargetOptions) {
    this.#libc = libc;
    this.#owners = options.owners;
    this.root = root;
    this.made = made;
  }

  /** @param path made with its parents where it is not there. @throws the system's error */
  static open(libc: Libc, path: string, options: TargetOptions): LinuxTarget {
    const made = mkdirSync(path, { recursive: true }) !== undefined;
    // The person named this path: symlinks in it are theirs, and followed. From here on none is.
    return new LinuxTarget(libc, folderOf(libc, openSync(path, constants.O_RDONLY | constants.O_DIRECTORY)), made, options);
  }

  /** In another thread: descriptors are the process's, so a folder that was opened there can be written to here. */
  static within(libc: Libc, folder: LinuxFolder, options: TargetOptions): LinuxTarget {
    return new LinuxTarget(libc, folder, false, options);
  }

  makeFolder(parent: Folder, name: Name, mode: number): boolean {
    return this.#libc.mkdir(parent.fd, name, mode);
  }

  openFolder(parent: Folder, name: Name): Folder | undefined {
    const fd = this.#libc.openDirectory(parent.fd, name);
    return fd === undefined ? undefined : folderOf(this.#libc, fd);
  }

  closeFolder(folder: Folder): void {
    closeSync(folder.fd);
  }

  createFile(parent: Folder, name: Name, mode: number): number | undefined {
    return this.#libc.create(parent.fd, name, mode);
  }

  makeSymlink(parent: Folder, name: Name, target: Name): boolean {
    return this.#libc.symlink(parent.fd, name, target);
  }

  makeNode(parent: Folder, name: Name, type: EntryType, mode: number, device: { readonly major: number; readonly minor: number }): boolean {
    return this.#libc.mknod(parent.fd, name, TYPE_BITS[type]! | mode, device.major, device.minor);
  }

  makeLink(from: readonly Name[], parent: Folder, name: Name): boolean {
    // The first name's folder is walked to again, one real folder after another: it may long be closed, or changed.
    const opened: number[] = [];
    try {
      let dir = this.root.fd;
      for (const step of from.slice(0, -1)) {
        const next = this.#libc.openDirectory(dir, step);
        if (next === undefined) throw Object.assign(new Error('the first name is gone'), { code: 'ENOENT' });
        opened.push(next);
        dir = next;
      }
      return this.#libc.link(dir, from.at(-1)!, parent.fd, name);
    } finally {
      for (const fd of opened) closeSync(fd);
    }
  }

  look(parent: Folder, name: Name): Standing | undefined {
    try {
      const stats = lstatSync(Buffer.from(encodeName(`/proc/self/fd/${parent.fd}/${name}`)), { bigint: true });
      return { type: typeOf(stats), size: Number(stats.size), mtime: stats.mtimeNs, id: fileId(stats) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  remove(parent: Folder, name: Name, type: EntryType): void {
    this.#libc.unlink(parent.fd, name, type === 'dir');
  }

  rename(parent: Folder, from: Name, to: Name): void {
    this.#libc.rename(parent.fd, from, to);
  }

  apply(thing: TargetThing, wanted: Properties, created: number | undefined, lost: (what: string, error: unknown) => void): void {
    const { fd } = thing;
    if (fd !== undefined && !this.#needsMore(thing.parent as Folder, wanted, created)) {
      // Nearly every file: made with the right owner and mode, it lacks only its times.
      try {
        this.#libc.utimes(fd, wanted.atime, wanted.mtime);
      } catch (error) {
        lost('times', error);
      }
      return;
    }
    const attempt = (what: string, call: () => void): void => {
      try {
        call();
      } catch (error) {
        lost(what, error);
      }
    };
    const calls = this.#calls(thing);
    const parent = thing.parent as Folder;
    // The order matters: a new owner takes setuid bits and capabilities away, a new mode changes the ACL's mask, all of them the times.
    if (this.#needsOwner(parent, wanted, created)) attempt('owner', () => calls.chown(wanted.uid, wanted.gid));
    if (calls.removeAcls && (parent.givesAcl || created === undefined)) attempt('the removal of an inherited ACL', calls.removeAcls);
    if (calls.chmod && this.#needsMode(parent, wanted, created)) attempt('mode', () => calls.chmod!(wanted.mode));
    for (const [name, value] of wanted.xattrs) attempt(name === ACL_ACCESS || name === ACL_DEFAULT ? 'ACL' : `attribute ${name}`, () => calls.setXattr(name, value));
    attempt('times', () => calls.utimes(wanted.atime, wanted.mtime));
  }

  #needsMore(parent: Folder, wanted: Properties, created: number | undefined): boolean {
    return wanted.xattrs.length > 0 || parent.givesAcl || this.#needsOwner(parent, wanted, created) || this.#needsMode(parent, wanted, created);
  }

  #needsOwner(parent: Folder, wanted: Properties, created: number | undefined): boolean {
    return this.#owners && (created === undefined || wanted.uid !== this.#uid || wanted.gid !== this.#gid || parent.givesGroup);
  }

  #needsMode(parent: Folder, wanted: Properties, created: number | undefined): boolean {
    return created === undefined || parent.givesAcl || (created & this.#umask) !== 0 || created !== wanted.mode;
  }

  copyRange(from: number, fromAt: number, to: number, toAt: number, length: number): number | undefined {
    if (length >= SHARED && this.#sharesBlocks) {
      const copied = this.#libc.copyRange(from, fromAt, to, toAt, length);
      if (copied !== undefined) return copied;
      this.#sharesBlocks = false;
    }
    return this.#libc.sendRange(from, fromAt, to, toAt, length);
  }

  close(): void {
    closeSync(this.root.fd);
  }

  /** The same properties by descriptor, or by name where a descriptor can't be had. */
  #calls(thing: TargetThing): Calls {
    const libc = this.#libc;
    const fd = thing.fd ?? (thing.folder as Folder | undefined)?.fd;
    if (fd === undefined) {
      const parent = thing.parent as Folder;
      return {
        chown: (uid, gid) => libc.chownAt(parent.fd, thing.name, uid, gid),
        // A symlink has no mode of its own.
        chmod: thing.type === 'symlink' ? undefined : (mode) => libc.chmodAt(parent.fd, thing.name, mode),
        utimes: (atime, mtime) => libc.utimesAt(parent.fd, thing.name, atime, mtime),
        setXattr: (name, value) => libc.setXattrAt(parent.fd, thing.name, name, value),
      };
    }
    return {
      chown: (uid, gid) => libc.chown(fd, uid, gid),
      chmod: (mode) => libc.chmod(fd, mode),
      utimes: (atime, mtime) => libc.utimes(fd, atime, mtime),
      setXattr: (name, value) => libc.setXattr(fd, name, value),
      removeAcls: () => {
        libc.removeXattr(fd, ACL_ACCESS);
        if (thing.folder) libc.removeXattr(fd, ACL_DEFAULT);
      },
    };
  }
}

function folderOf(libc: Libc, fd: number): Folder {
  return { kind: 'folder', fd, givesGroup: (fstatSync(fd).mode & 0o2000) !== 0, givesAcl: libc.hasXattr(fd, ACL_DEFAULT) };
}

interface Calls {
  chown(uid: number, gid: number): void;
  readonly chmod: ((mode: number) => void) | undefined;
  utimes(atime: bigint, mtime: bigint): void;
  setXattr(name: Name, value: Uint8Array): void;
  readonly removeAcls?: () => void;
}

export function typeOf(stats: Pick<BigIntStats, 'isDirectory' | 'isFile' | 'isSymbolicLink' | 'isBlockDevice' | 'isCharacterDevice' | 'isFIFO'>): EntryType {
  if (stats.isDirectory()) return 'dir';
  if (stats.isFile()) return 'file';
  if (stats.isSymbolicLink()) return 'symlink';
  if (stats.isBlockDevice()) return 'block';
  if (stats.isCharacterDevice()) return 'char';
  return stats.isFIFO() ? 'fifo' : 'socket';
}

/** The bits that the kernel takes from new modes. Read without setting it: it is one for the whole process. */
function umask(): number {
  const line = /^Umask:\s*([0-7]+)/m.exec(readFileSync('/proc/self/status', 'latin1'));
  return line ? Number.parseInt(line[1]!, 8) : 0o777;
}
