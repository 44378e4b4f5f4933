import type { Cursor, EntryType, FileExtents, FileSystem, ListBatch, Maybe, NodeId, Stat, VolumeInfo, Xattrs } from '../../engines/core/filesystem.ts';
import type { Name } from '../../engines/core/names.ts';
import type { Changes, NewNode, RenameMode, Writer } from '../../engines/core/writer.ts';

/** A filesystem that is shown otherwise than it is: it passes everything on, but for what a class of its own says otherwise. */
export class PassingFileSystem implements FileSystem {
  readonly xattrs?: Xattrs;
  readonly writer?: Writer;
  protected readonly inner: FileSystem;

  /** @param writer instead of its own @param xattrs instead of its own */
  constructor(inner: FileSystem, writer: Writer | undefined, xattrs = inner.xattrs) {
    this.inner = inner;
    if (xattrs !== undefined) this.xattrs = xattrs;
    if (writer !== undefined) this.writer = writer;
  }

  get info(): VolumeInfo {
    return this.inner.info;
  }

  get root(): NodeId {
    return this.inner.root;
  }

  get extents(): FileExtents | undefined {
    return this.inner.extents;
  }

  lookup(dir: NodeId, name: Name): Maybe<NodeId | undefined> {
    return this.inner.lookup(dir, name);
  }

  stat(node: NodeId): Maybe<Stat> {
    return this.inner.stat(node);
  }

  list(dir: NodeId, cursor?: Cursor): Maybe<ListBatch> {
    return this.inner.list(dir, cursor);
  }

  read(node: NodeId, at: number, into: Uint8Array): Maybe<number> {
    return this.inner.read(node, at, into);
  }

  readlink(node: NodeId): Maybe<Name> {
    return this.inner.readlink(node);
  }

  close(): Maybe<void> {
    return this.inner.close();
  }
}

/** Its writer, for those that pass most on. */
export class PassingWriter implements Writer {
  readonly names: Writer['names'];
  readonly limits?: NonNullable<Writer['limits']>;
  readonly put?: NonNullable<Writer['put']>;
  readonly allocate?: NonNullable<Writer['allocate']>;
  protected readonly inner: Writer;

  constructor(inner: Writer) {
    this.inner = inner;
    this.names = inner.names;
    if (inner.limits !== undefined) this.limits = inner.limits;
    if (inner.allocate !== undefined) this.allocate = (node, at, length, how) => inner.allocate!(node, at, length, how);
    if (inner.put !== undefined) this.put = (dir, name, node, contents) => this.making(dir, name, node, (given, as) => inner.put!(dir, as, given, contents));
  }

  create(dir: NodeId, name: Name, node: NewNode): Maybe<NodeId> {
    return this.making(dir, name, node, (given, as) => this.inner.create(dir, as, given));
  }

  mkdir(dir: NodeId, name: Name, node: NewNode): Maybe<NodeId> {
    return this.making(dir, name, node, (given, as) => this.inner.mkdir(dir, as, given));
  }

  symlink(dir: NodeId, name: Name, target: Name, node: NewNode): Maybe<NodeId> {
    return this.making(dir, name, node, (given, as) => this.inner.symlink(dir, as, target, given));
  }

  mknod(dir: NodeId, name: Name, type: Extract<EntryType, 'char' | 'block' | 'fifo' | 'socket'>, node: NewNode, device?: { readonly major: number; readonly minor: number }): Maybe<NodeId> {
    return this.making(dir, name, node, (given, as) => this.inner.mknod(dir, as, type, given, device));
  }

  link(dir: NodeId, name: Name, node: NodeId): Maybe<void> {
    return this.inner.link(dir, name, node);
  }

  unlink(dir: NodeId, name: Name): Maybe<void> {
    return this.inner.unlink(dir, name);
  }

  rmdir(dir: NodeId, name: Name): Maybe<void> {
    return this.inner.rmdir(dir, name);
  }

  rename(fromDir: NodeId, from: Name, toDir: NodeId, to: Name, mode: RenameMode): Maybe<void> {
    return this.inner.rename(fromDir, from, toDir, to, mode);
  }

  write(node: NodeId, at: number, from: Uint8Array): Maybe<number> {
    return this.inner.write(node, at, from);
  }

  truncate(node: NodeId, size: number): Maybe<void> {
    return this.inner.truncate(node, size);
  }

  change(node: NodeId, changes: Changes): Maybe<void> {
    return this.inner.change(node, changes);
  }

  setXattr(node: NodeId, name: Name, value: Uint8Array, how?: 'create' | 'replace'): Maybe<void> {
    return this.inner.setXattr(node, name, value, how);
  }

  removeXattr(node: NodeId, name: Name): Maybe<void> {
    return this.inner.removeXattr(node, name);
  }

  hold(node: NodeId): Maybe<void> {
    return this.inner.hold(node);
  }

  release(node: NodeId): Maybe<void> {
    return this.inner.release(node);
  }

  sync(): Maybe<void> {
    return this.inner.sync();
  }

  /** Every new node comes by here. */
  protected making(_dir: NodeId, name: Name, node: NewNode, make: (node: NewNode, name: Name) => Maybe<NodeId>): Maybe<NodeId> {
    return make(node, name);
  }
}

/** What `run` makes of a value that is there at once, or comes. */
export function chained<T, R>(value: Maybe<T>, run: (value: T) => Maybe<R>): Maybe<R> {
  return value instanceof Promise ? value.then(run) : run(value);
}
