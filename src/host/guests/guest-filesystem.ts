import { unsupported } from '../../engines/core/errors.ts';
import type { Cursor, DirEntry, FileSystem, ListBatch, NodeId, Stat, VolumeInfo, Xattrs } from '../../engines/core/filesystem.ts';
import type { Name } from '../../engines/core/names.ts';
import type { Changes, NewNode, Writer } from '../../engines/core/writer.ts';
import type { GuestMount } from './mount.ts';
import { type GuestNodes, type MountedTree, ROOT } from './nodes.ts';

/** What is known of the volume besides what the mount tells. */
export type VolumeFacts = Pick<VolumeInfo, 'format' | 'label' | 'uuid' | 'access' | 'details'>;

/**
 * A filesystem that a guest serves, as one tree that outlives its mounts: a node's number stays good when the guest was stopped and started again, when it was
 * mounted another way for writing, and when an undo opened it anew (the layer keeps `nodes`).
 */
export class GuestFileSystem implements FileSystem {
  readonly root: NodeId = ROOT;
  readonly mount: GuestMount;
  readonly writer?: Writer;
  readonly xattrs?: Xattrs;
  readonly #nodes: GuestNodes;
  readonly #facts: VolumeFacts;
  /** What the newest mount says of the volume. */
  #info: VolumeInfo;

  /** @param first the tree as it was mounted first */
  constructor(mount: GuestMount, first: FileSystem, nodes: GuestNodes, facts: VolumeFacts) {
    this.mount = mount;
    this.#nodes = nodes;
    this.#facts = facts;
    this.#info = first.info;
    if (first.xattrs !== undefined) this.xattrs = { list: (node) => this.#at(node, ({ fs }, inner) => fs.xattrs!.list(inner)), get: (node, name) => this.#at(node, ({ fs }, inner) => fs.xattrs!.get(inner, name)) };
    if (mount.writes) this.writer = new GuestWriter(mount, nodes, first.writer);
  }

  get info(): VolumeInfo {
    return { ...this.#info, ...this.#facts };
  }

  lookup(dir: NodeId, name: Name): Promise<NodeId | undefined> {
    return this.#at(dir, async (tree, inner) => {
      const found = await tree.fs.lookup(inner, name);
      return found === undefined ? undefined : this.#nodes.number(tree, dir, name, found);
    });
  }

  stat(node: NodeId): Promise<Stat> {
    return this.#at(node, async ({ fs }, inner) => withNode(await fs.stat(inner), node));
  }

  /** The cursor says which mount it is of: of another one, the listing goes on behind as many entries as were told. */
  list(dir: NodeId, cursor?: Cursor): Promise<ListBatch> {
    return this.#at(dir, async (tree, inner) => {
      const at = cursor === undefined ? undefined : positionOf(cursor);
      const batch = at === undefined || at.epoch === tree.epoch ? await tree.fs.list(inner, at?.inner) : await skipped(tree.fs, inner, at.told);
      if ((at?.told ?? 0) === 0 && batch.entries.length === 0 && batch.next === undefined) await this.#checkEmpty(tree.fs, inner);
      const entries: DirEntry[] = batch.entries.map((entry) => ({ ...entry, node: this.#nodes.number(tree, dir, entry.name, entry.node) }));
      return batch.next === undefined ? { entries } : { entries, next: JSON.stringify([tree.epoch, (at?.told ?? 0) + entries.length, batch.next]) };
    });
  }

  /**
   * A folder of btrfs that has no entries has no bytes. One that has is a subvolume that the guest's file server does not show (diod takes it for a mount, and shows
   * it empty): told as it is, rather than as an empty folder.
   */
  async #checkEmpty(fs: FileSystem, inner: NodeId): Promise<void> {
    if (this.#facts.format !== 'btrfs' || inner === fs.root || (await fs.stat(inner)).size === 0) return;
    throw unsupported('subvolume', "This is a subvolume whose entries the guest's file server does not show");
  }

  read(node: NodeId, at: number, into: Uint8Array): Promise<number> {
    return this.#at(node, ({ fs }, inner) => fs.read(inner, at, into));
  }

  readlink(node: NodeId): Promise<Name> {
    return this.#at(node, ({ fs }, inner) => fs.readlink(inner));
  }

  /**
   * A tar of a folder over the bulk channel, made by the guest: without extended attributes and holes.
   * @param path from the root, without a slash at the front
   * @param write gets what comes, in order
   */
  tar(path: Name, write: (bytes: Uint8Array) => void): Promise<void> {
    return this.mount.use(false, async () => {
      const channel = await this.mount.machine!.tar(path);
      await new Promise<void>((resolve, reject) => {
        channel.onEnd((error) => (error === undefined ? resolve() : reject(error)));
        channel.onBytes((bytes) => {
          try {
            write(bytes);
          } catch (error) {
            reject(error);
            channel.close();
          }
        });
      });
    });
  }

  close(): Promise<void> {
    return this.mount.close();
  }

  #at<T>(node: NodeId, run: (tree: MountedTree, inner: NodeId) => T | Promise<T>): Promise<T> {
    return this.mount.use(false, async (tree) => {
      this.#info = tree.fs.info;
      return run(tree, this.#nodes.known(tree, node) ?? (await this.#nodes.find(tree, node)));
    });
  }
}

/** Its writer: the first write mounts the filesystem for it. */
class GuestWriter implements Writer {
  readonly names: Writer['names'];
  readonly limits?: NonNullable<Writer['limits']>;
  readonly #mount: GuestMount;
  readonly #nodes: GuestNodes;

  constructor(mount: GuestMount, nodes: GuestNodes, first: Writer | undefined) {
    this.#mount = mount;
    this.#nodes = nodes;
    this.names = first?.names ?? { longest: 255, unit: 'bytes', forbidden: '', caseSensitive: true };
    if (first?.limits !== undefined) this.limits = first.limits;
  }

  create(dir: NodeId, name: Name, node: NewNode): Promise<NodeId> {
    return this.#make(dir, name, (writer, inner) => writer.create(inner, name, node));
  }

  mkdir(dir: NodeId, name: Name, node: NewNode): Promise<NodeId> {
    return this.#make(dir, name, (writer, inner) => writer.mkdir(inner, name, node));
  }

  symlink(dir: NodeId, name: Name, target: Name, node: NewNode): Promise<NodeId> {
    return this.#make(dir, name, (writer, inner) => writer.symlink(inner, name, target, node));
  }

  mknod(dir: NodeId, name: Name, type: Parameters<Writer['mknod']>[2], node: NewNode, device?: Parameters<Writer['mknod']>[4]): Promise<NodeId> {
    return this.#make(dir, name, (writer, inner) => writer.mknod(inner, name, type, node, device));
  }

  link(dir: NodeId, name: Name, node: NodeId): Promise<void> {
    return this.#with([dir, node], async (writer, [inner, target], tree) => {
      await writer.link(inner!, name, target!);
      this.#nodes.number(tree, dir, name, target!);
    });
  }

  unlink(dir: NodeId, name: Name): Promise<void> {
    return this.#with([dir], async (writer, [inner]) => {
      await writer.unlink(inner!, name);
      this.#nodes.removed(dir, name);
    });
  }

  rmdir(dir: NodeId, name: Name): Promise<void> {
    return this.#with([dir], async (writer, [inner]) => {
      await writer.rmdir(inner!, name);
      this.#nodes.removed(dir, name);
    });
  }

  rename(fromDir: NodeId, from: Name, toDir: NodeId, to: Name, mode: Parameters<Writer['rename']>[4]): Promise<void> {
    return this.#with([fromDir, toDir], async (writer, [source, target]) => {
      await writer.rename(source!, from, target!, to, mode);
      this.#nodes.moved(fromDir, from, toDir, to, mode === 'exchange');
    });
  }

  write(node: NodeId, at: number, from: Uint8Array): Promise<number> {
    return this.#with([node], (writer, [inner]) => writer.write(inner!, at, from));
  }

  truncate(node: NodeId, size: number): Promise<void> {
    return this.#with([node], (writer, [inner]) => writer.truncate(inner!, size));
  }

  change(node: NodeId, changes: Changes): Promise<void> {
    return this.#with([node], (writer, [inner]) => writer.change(inner!, changes));
  }

  setXattr(node: NodeId, name: Name, value: Uint8Array, how?: 'create' | 'replace'): Promise<void> {
    return this.#with([node], (writer, [inner]) => writer.setXattr(inner!, name, value, how));
  }

  removeXattr(node: NodeId, name: Name): Promise<void> {
    return this.#with([node], (writer, [inner]) => writer.removeXattr(inner!, name));
  }

  /** A held node keeps the mount that has it open. */
  hold(node: NodeId): Promise<void> {
    return this.#with([node], async (writer, [inner]) => {
      await writer.hold(inner!);
      this.#mount.hold(1);
    });
  }

  async release(node: NodeId): Promise<void> {
    try {
      await this.#with([node], (writer, [inner]) => writer.release(inner!));
    } finally {
      this.#mount.hold(-1);
    }
  }

  sync(): Promise<void> {
    return this.#mount.settle();
  }

  #make(dir: NodeId, name: Name, run: (writer: Writer, inner: NodeId) => NodeId | Promise<NodeId>): Promise<NodeId> {
    return this.#with([dir], async (writer, [inner], tree) => {
      const made = await run(writer, inner!);
      return this.#nodes.number(tree, dir, name, made);
    });
  }

  #with<T>(nodes: readonly NodeId[], run: (writer: Writer, inner: readonly NodeId[], tree: MountedTree) => T | Promise<T>): Promise<T> {
    return this.#mount.use(true, async (tree) => {
      const inner: NodeId[] = [];
      for (const node of nodes) inner.push(await this.#nodes.find(tree, node));
      return run(tree.fs.writer!, inner, tree);
    });
  }
}

function withNode({ type, mode, uid, gid, size, nlink, mtime, atime, ctime, btime, allocated, device, flags }: Stat, node: NodeId): Stat {
  return { node, type, mode, uid, gid, size, nlink, mtime, atime, ctime, allocated, flags, ...(btime === undefined ? {} : { btime }), ...(device === undefined ? {} : { device }) };
}

function positionOf(cursor: Cursor): { readonly epoch: number; readonly told: number; readonly inner: Cursor } {
  const [epoch, told, inner] = JSON.parse(String(cursor)) as [number, number, Cursor];
  return { epoch, told, inner };
}

/** The listing behind the first `told` entries. What was changed meanwhile may be missed or come twice, as with a folder that is changed while it is read. */
async function skipped(fs: FileSystem, dir: NodeId, told: number): Promise<ListBatch> {
  let left = told;
  let cursor: Cursor | undefined;
  for (;;) {
    const batch = await fs.list(dir, cursor);
    if (batch.entries.length > left || batch.next === undefined) return { ...batch, entries: batch.entries.slice(left) };
    left -= batch.entries.length;
    cursor = batch.next;
  }
}
