import { corrupt, DiskError, usage } from '../../engines/core/errors.ts';
import type { Cursor, DirEntry, NodeId, Stat } from '../../engines/core/filesystem.ts';
import { displayName, type Name } from '../../engines/core/names.ts';
import type { ServedTree } from '../../engines/core/served.ts';
import type { Changes, NewNode, Writer } from '../../engines/core/writer.ts';
import type { MountStats } from '../../shared/contract/mounts.ts';

/** Paths whose nodes are remembered. */
const MOST_PATHS = 20_000;

/** Names of one path, at most: more than PATH_MAX has room for. */
const MOST_NAMES = 4096;

/** Open files and folders, at most. */
const MOST_OPEN = 65_536;

/** What a handle stands for. */
interface Open {
  readonly node: NodeId;
  readonly write: boolean;
  readonly isFolder: boolean;
}

/**
 * A served tree for libraries that ask by paths and know no nodes: libfuse's first interface, and WinFsp's after it. A path is "/a/b", without "." and "..";
 * links on it are the kernel's to follow. Open files are handles, numbers from 1: what is open outlives its name. Everything throws DiskErrors.
 */
export class PathTree {
  readonly #tree: ServedTree;
  readonly #paths = new Map<Name, NodeId>();
  readonly #open = new Map<number, Open>();
  readonly #endsChanges: () => void;
  /** Grows when names went or moved: what was looked up before may not be remembered after. */
  #age = 0;
  #next = 1;
  #requests = 0;
  #bytesRead = 0;
  #bytesWritten = 0;

  constructor(tree: ServedTree) {
    this.#tree = tree;
    this.#endsChanges = tree.onChange(() => this.#forgetAll());
  }

  get stats(): MountStats {
    return { requests: this.#requests, bytesRead: this.#bytesRead, bytesWritten: this.#bytesWritten, open: this.#open.size };
  }

  get info(): ServedTree['fs']['info'] {
    return this.#tree.fs.info;
  }

  get names(): Writer['names'] | undefined {
    return this.#tree.fs.writer?.names;
  }

  /** Whether attributes can be asked for at all. */
  get hasXattrs(): boolean {
    return this.#tree.fs.xattrs !== undefined;
  }

  get writable(): boolean {
    return this.#tree.fs.writer !== undefined;
  }

  /** Lets everything go that is open. */
  async close(): Promise<void> {
    this.#endsChanges();
    for (const handle of this.#open.keys()) await this.release(handle);
  }

  async stat(path: Name, handle = 0): Promise<Stat> {
    this.#requests++;
    return this.#tree.fs.stat(this.#open.get(handle)?.node ?? await this.#node(path));
  }

  async readlink(path: Name): Promise<Name> {
    this.#requests++;
    return this.#tree.fs.readlink(await this.#node(path));
  }

  /** Batches of a folder's entries; what is listed is remembered by its path. */
  async *list(path: Name): AsyncGenerator<readonly DirEntry[]> {
    this.#requests++;
    const age = this.#age;
    const dir = await this.#node(path);
    let cursor: Cursor | undefined;
    do {
      const { entries, next }: { readonly entries: readonly DirEntry[]; readonly next?: Cursor } = await this.#tree.fs.list(dir, cursor);
      if (next !== undefined && next === cursor) throw corrupt('directory', 'its listing goes on where it was');
      for (const { name, node } of entries) this.#remember(below(path, name), node, age);
      yield entries;
      cursor = next;
    } while (cursor !== undefined);
  }

  /** @returns a handle */
  async openFolder(path: Name): Promise<number> {
    this.#requests++;
    const node = await this.#node(path);
    if ((await this.#tree.fs.stat(node)).type !== 'dir') throw usage('ENOTDIR', `${displayName(path)} is no folder`);
    return this.#add({ node, write: false, isFolder: true });
  }

  /** @returns a handle */
  async open(path: Name, write: boolean): Promise<number> {
    this.#requests++;
    const node = await this.#node(path);
    const { type } = await this.#tree.fs.stat(node);
    if (type === 'dir') throw usage('EISDIR', `${displayName(path)} is a folder`);
    if (type !== 'file') throw usage('ENOTSUP', `${displayName(path)} is a ${type}: there is nothing behind it here`);
    if (write) void this.#writer;
    return this.#hold(node, write);
  }

  /** A new file, open for writing. @returns a handle */
  async create(path: Name, fresh: NewNode): Promise<number> {
    this.#requests++;
    const { dir, name } = await this.#place(path);
    const node = await this.#writer.create(dir, name, fresh);
    this.#remember(path, node, this.#age);
    return this.#hold(node, true);
  }

  async release(handle: number): Promise<void> {
    const open = this.#open.get(handle);
    if (open === undefined) return;
    this.#open.delete(handle);
    if (!open.isFolder) await this.#tree.fs.writer?.release(open.node);
  }

  /** @returns bytes read: fewer at the end of the file */
  async read(handle: number, at: number, into: Uint8Array): Promise<number> {
    this.#requests++;
    const read = await this.#tree.fs.read(this.#get(handle).node, at, into);
    this.#bytesRead += read;
    return read;
  }

  /** @returns bytes written: fewer when the space ended */
  async write(handle: number, at: number, from: Uint8Array): Promise<number> {
    this.#requests++;
    const { node, write } = this.#get(handle);
    if (!write) throw usage('EBADF', 'The file is not open for writing');
    const written = await this.#writer.write(node, at, from);
    this.#bytesWritten += written;
    return written;
  }

  /** @param handle of the file where it is open */
  async truncate(path: Name, size: number, handle = 0): Promise<void> {
    this.#requests++;
    await this.#writer.truncate(this.#open.get(handle)?.node ?? await this.#node(path), size);
  }

  async change(path: Name, changes: Changes): Promise<void> {
    this.#requests++;
    await this.#writer.change(await this.#node(path), changes);
  }

  async mkdir(path: Name, fresh: NewNode): Promise<void> {
    this.#requests++;
    const { dir, name } = await this.#place(path);
    this.#remember(path, await this.#writer.mkdir(dir, name, fresh), this.#age);
  }

  async symlink(path: Name, target: Name, fresh: NewNode): Promise<void> {
    this.#requests++;
    const { dir, name } = await this.#place(path);
    this.#remember(path, await this.#writer.symlink(dir, name, target, fresh), this.#age);
  }

  async mknod(path: Name, type: 'file' | Parameters<Writer['mknod']>[2], fresh: NewNode, device?: { readonly major: number; readonly minor: number }): Promise<void> {
    this.#requests++;
    const { dir, name } = await this.#place(path);
    const node = type === 'file' ? await this.#writer.create(dir, name, fresh) : await this.#writer.mknod(dir, name, type, fresh, device);
    this.#remember(path, node, this.#age);
  }

  async link(path: Name, to: Name): Promise<void> {
    this.#requests++;
    const node = await this.#node(path);
    const { dir, name } = await this.#place(to);
    await this.#writer.link(dir, name, node);
  }

  async unlink(path: Name): Promise<void> {
    await this.#takeAway(path, (dir, name) => this.#writer.unlink(dir, name));
  }

  async rmdir(path: Name): Promise<void> {
    await this.#takeAway(path, (dir, name) => this.#writer.rmdir(dir, name));
  }

  async rename(from: Name, to: Name): Promise<void> {
    this.#requests++;
    const source = await this.#place(from);
    const target = await this.#place(to);
    try {
      await this.#writer.rename(source.dir, source.name, target.dir, target.name, 'replace');
    } finally {
      // A folder takes all paths below it along.
      this.#forgetAll();
    }
  }

  async listXattrs(path: Name): Promise<readonly Name[]> {
    this.#requests++;
    return (await this.#tree.fs.xattrs?.list(await this.#node(path))) ?? [];
  }

  /** @throws DiskError usage ENODATA when there is none of that name */
  async getXattr(path: Name, name: Name): Promise<Uint8Array> {
    this.#requests++;
    const { xattrs } = this.#tree.fs;
    if (xattrs === undefined) throw usage('ENOTSUP', 'The filesystem keeps no attributes');
    const value = await xattrs.get(await this.#node(path), name);
    if (value === undefined) throw usage('ENODATA', `There is no attribute ${displayName(name)}`);
    return value;
  }

  async setXattr(path: Name, name: Name, value: Uint8Array, how?: 'create' | 'replace'): Promise<void> {
    this.#requests++;
    await this.#writer.setXattr(await this.#node(path), name, value, how);
  }

  async removeXattr(path: Name, name: Name): Promise<void> {
    this.#requests++;
    await this.#writer.removeXattr(await this.#node(path), name);
  }

  /** Everything before is durable. */
  async sync(): Promise<void> {
    this.#requests++;
    await this.#tree.fs.writer?.sync();
  }

  get #writer(): Writer {
    const { writer, info } = this.#tree.fs;
    if (writer === undefined) throw usage('EROFS', info.access.reason);
    return writer;
  }

  #get(handle: number): Open {
    const open = this.#open.get(handle);
    if (open === undefined) throw usage('EBADF', `There is no handle ${handle}`);
    return open;
  }

  async #hold(node: NodeId, write: boolean): Promise<number> {
    await this.#tree.fs.writer?.hold(node);
    return this.#add({ node, write, isFolder: false });
  }

  #add(open: Open): number {
    if (this.#open.size >= MOST_OPEN) throw new DiskError({ kind: 'busy' }, `More than ${MOST_OPEN} files are open`);
    const handle = this.#next++;
    this.#open.set(handle, open);
    return handle;
  }

  async #takeAway(path: Name, run: (dir: NodeId, name: Name) => void | Promise<void>): Promise<void> {
    this.#requests++;
    const { dir, name } = await this.#place(path);
    try {
      await run(dir, name);
    } finally {
      this.#age++;
      this.#paths.delete(path);
    }
  }

  /** Where a name is or shall be. */
  async #place(path: Name): Promise<{ readonly dir: NodeId; readonly name: Name }> {
    const slash = path.lastIndexOf('/');
    const name = path.slice(slash + 1);
    if (name === '' || name === '.' || name === '..') throw usage('EINVAL', `${displayName(path)} is no name`);
    return { dir: await this.#node(path.slice(0, slash)), name };
  }

  /** @throws DiskError usage ENOENT, ENOTDIR, ENAMETOOLONG */
  async #node(path: Name): Promise<NodeId> {
    const { fs } = this.#tree;
    if (path === '/' || path === '') return fs.root;
    const known = this.#paths.get(path);
    if (known !== undefined) return known;
    const age = this.#age;
    const names = path.split('/').slice(1);
    if (names.length > MOST_NAMES) throw usage('ENAMETOOLONG', 'The path has too many names');
    // From the longest beginning that is known.
    let at = names.length - 1;
    let node = fs.root;
    for (; at > 0; at--) {
      const from = this.#paths.get(`/${names.slice(0, at).join('/')}`);
      if (from === undefined) continue;
      node = from;
      break;
    }
    for (; at < names.length; at++) {
      const found = await fs.lookup(node, names[at]!);
      if (found === undefined) throw usage('ENOENT', `There is no ${displayName(path)}`);
      node = found;
      this.#remember(`/${names.slice(0, at + 1).join('/')}`, node, age);
    }
    return node;
  }

  #remember(path: Name, node: NodeId, age: number): void {
    if (age !== this.#age) return;
    if (this.#paths.size >= MOST_PATHS) this.#paths.clear();
    this.#paths.set(path, node);
  }

  #forgetAll(): void {
    this.#age++;
    this.#paths.clear();
  }
}

function below(path: Name, name: Name): Name {
  return path === '/' ? `/${name}` : `${path}/${name}`;
}
