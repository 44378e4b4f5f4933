import { parseAcl } from '../../core/acl.ts';
import { type DiskError, isDiskError, toDiskError, unsupported, usage } from '../../core/errors.ts';
import type { NodeId } from '../../core/filesystem.ts';
import { encodeName, type Name } from '../../core/names.ts';
import type { Changes, Limits, NameRules, NewNode, RenameMode, Writer } from '../../core/writer.ts';
import { type Qid, XATTR } from './messages.ts';
import type { RemoteNode } from './nodes.ts';
import { OpenFile } from './open-file.ts';
import { type Attributes, type SetAttributes, walk } from './operations.ts';
import type { Tree } from './tree.ts';

/** Longest target of a symbolic link (PATH_MAX with its NUL). */
const MAX_TARGET = 4095;

/**
 * Changes by way of the server. What 9P has no request for is refused: an exchange, flags, an empty attribute. Owner, mode and times of a
 * new node are set after it is made; where that fails, it is taken away again.
 * @param synced told after each sync
 */
export function ninepWriter(tree: Tree, names: NameRules, limits: Limits | undefined, synced: () => Promise<void>): Writer {
  return new NinepWriter(tree, names, limits, synced);
}

class NinepWriter implements Writer {
  readonly names: NameRules;
  readonly limits?: Limits;
  readonly #tree: Tree;
  readonly #synced: () => Promise<void>;
  /** What was changed since the last sync, and can be opened to be synced. */
  readonly #dirty = new Set<RemoteNode>();

  constructor(tree: Tree, names: NameRules, limits: Limits | undefined, synced: () => Promise<void>) {
    this.#tree = tree;
    this.names = names;
    if (limits) this.limits = limits;
    this.#synced = synced;
  }

  async create(dir: NodeId, name: Name, given: NewNode): Promise<NodeId> {
    return this.#make(dir, name, given, 'file', async (parent) => {
      const { client, operations } = this.#tree;
      const fid = await this.#tree.withFid(parent, async (from) => (await walk(client, from, [])).fid);
      try {
        const { qid, iounit } = await operations.create(fid, name, given.mode & 0o7777);
        return { qid, file: new OpenFile(client, fid, iounit, true) };
      } catch (error) {
        await client.clunk(fid);
        throw error;
      }
    });
  }

  async mkdir(dir: NodeId, name: Name, given: NewNode): Promise<NodeId> {
    return this.#make(dir, name, given, 'dir', async (parent) => ({ qid: await this.#tree.withFid(parent, (fid) => this.#tree.operations.mkdir(fid, name, given.mode & 0o7777)) }));
  }

  async symlink(dir: NodeId, name: Name, target: Name, given: NewNode): Promise<NodeId> {
    return this.#make(dir, name, given, 'symlink', async (parent) => {
      if (target === '') throw usage('ENOENT', 'A symbolic link needs a target');
      if (target.includes('\0')) throw usage('EINVAL', 'That is no target');
      if (encodeName(target).length > MAX_TARGET) throw usage('ENAMETOOLONG', `A target has at most ${MAX_TARGET} bytes`);
      return { qid: await this.#tree.withFid(parent, (fid) => this.#tree.operations.symlink(fid, name, target)) };
    });
  }

  async mknod(dir: NodeId, name: Name, type: 'char' | 'block' | 'fifo' | 'socket', given: NewNode, device = { major: 0, minor: 0 }): Promise<NodeId> {
    return this.#make(dir, name, given, type, async (parent) => ({ qid: await this.#tree.withFid(parent, (fid) => this.#tree.operations.mknod(fid, name, type, given.mode & 0o7777, device)) }));
  }

  async link(dir: NodeId, name: Name, id: NodeId): Promise<void> {
    const parent = this.#parent(dir);
    const node = this.#tree.node(id);
    if (node.isDir) throw usage('EPERM', 'A directory has one name');
    if (node.ghost) throw usage('ENOENT', 'The node has no name any more');
    this.#checkName(name);
    await this.#tree.gate.shared(async () => {
      await this.#tree.withFid(parent, (dfid) => this.#tree.withFid(node, (fid) => this.#tree.operations.link(dfid, name, fid)));
      this.#tree.nodes.rename(node, parent, name);
      this.#tree.changed(parent, node);
      this.#dirty.add(parent);
    });
  }

  unlink(dir: NodeId, name: Name): Promise<void> {
    return this.#remove(dir, name, false);
  }

  rmdir(dir: NodeId, name: Name): Promise<void> {
    return this.#remove(dir, name, true);
  }

  async rename(fromId: NodeId, from: Name, toId: NodeId, to: Name, mode: RenameMode): Promise<void> {
    const [fromDir, toDir] = [this.#parent(fromId), this.#parent(toId)];
    this.#checkName(from);
    this.#checkName(to);
    await this.#tree.gate.exclusive(async () => {
      const node = await this.#named(fromDir, from);
      const found = await this.#tree.find(toDir, to);
      // Another spelling of the same name, where case does not count: it takes its place.
      const respelled = !this.names.caseSensitive && fromDir === toDir && from !== to && from.toLowerCase() === to.toLowerCase();
      const target = respelled ? undefined : found;
      // The only other hands in the tree are the guest's own, which make no names.
      if (mode === 'keep' && target !== undefined) throw usage('EEXIST', `${to} is there`);
      if (mode === 'exchange') {
        if (target === undefined) throw usage('ENOENT', `${to} is not there`);
        throw unsupported('exchange', '9P has no request that exchanges two names', 'Rename by way of a third name.');
      }
      if (target === node) return;
      // A server that looks at the types of the names may say otherwise than Linux, which looks at the target's ancestors first.
      if (node.isDir && isWithin(node, toDir)) throw usage('EINVAL', 'A directory can\'t be moved into itself');
      const left = target === undefined ? undefined : await this.#beforeRemoval(target);
      try {
        await this.#tree.withFid(fromDir, (source) => this.#tree.withFid(toDir, (goal) => this.#tree.operations.rename(source, from, goal, to)));
      } catch (error) {
        left?.cancel();
        // POSIX leaves it open which of the two a folder that is not empty gives; XFS says EEXIST (fs/xfs/xfs_inode.c, xfs_rename).
        if (isDiskError(error) && error.fault.kind === 'usage' && error.fault.errno === 'EEXIST') throw usage('ENOTEMPTY', `${to} is not empty`);
        throw error;
      }
      if (target !== undefined) this.#afterRemoval(target, toDir, to, left!);
      this.#tree.dropFids(node);
      // By looking at the new name, a directory may have got a node of that spelling.
      if (respelled && found !== undefined && found !== node) this.#gone(found);
      if (respelled) this.#tree.nodes.unname(node, toDir, to);
      this.#tree.nodes.unname(node, fromDir, from);
      this.#tree.nodes.rename(node, toDir, to);
      this.#tree.changed(node, fromDir, toDir);
      this.#dirty.add(fromDir).add(toDir);
    });
  }

  async write(id: NodeId, at: number, from: Uint8Array): Promise<number> {
    const node = this.#file(id, at);
    return this.#tree.gate.shared(async () => {
      await this.#checkFile(node);
      if (from.length === 0) return 0;
      await this.#tree.checkClosed(node);
      await this.#tree.withFile(node, true, (file) => file.write(at, from));
      this.#wrote(node, at + from.length);
      return from.length;
    });
  }

  async truncate(id: NodeId, size: number): Promise<void> {
    const node = this.#file(id, size);
    await this.#tree.gate.shared(async () => {
      await this.#checkFile(node);
      await this.#settled(node);
      this.#refuseGhost(node);
      await this.#tree.withFid(node, (fid) => this.#tree.operations.set(fid, { size }));
      (await this.#tree.openFile(node))?.invalidate();
      this.#tree.changed(node);
      this.#dirty.add(node);
    });
  }

  async change(id: NodeId, changes: Changes): Promise<void> {
    const node = this.#tree.node(id);
    await this.#tree.gate.shared(async () => {
      await this.#settled(node);
      this.#refuseGhost(node);
      if ((changes.flags?.length ?? 0) > 0) throw unsupported('flags', `9P can't set a file's flags (${changes.flags!.join(', ')})`);
      await this.#tree.withFid(node, async (fid) => { await this.#set(node, fid, await this.#tree.attributes(node), changes); });
    });
  }

  async setXattr(id: NodeId, name: Name, value: Uint8Array, how?: 'create' | 'replace'): Promise<void> {
    // An ACL that breaks the rules is EINVAL, also of another version, where kernels differ.
    if (name.startsWith('system.posix_acl_') && value.length > 0 && parseAcl(value) === undefined) throw usage('EINVAL', 'That is no ACL');
    await this.#changeXattr(id, (fid) => this.#xattrs().set(fid, name, value, how === 'create' ? XATTR.create : how === 'replace' ? XATTR.replace : 0));
  }

  async removeXattr(id: NodeId, name: Name): Promise<void> {
    await this.#changeXattr(id, (fid) => this.#xattrs().remove(fid, name));
  }

  hold(id: NodeId): void {
    this.#tree.node(id).held++;
  }

  release(id: NodeId): void {
    const node = this.#tree.node(id);
    if (node.held > 0) node.held--;
    if (node.held > 0 || !node.ghost) return;
    node.ghost.release();
    this.#gone(node);
  }

  /** Writes that are not answered yet are waited for; then everything that was changed is synced, one by one. @throws the first that went wrong, after all were tried */
  async sync(): Promise<void> {
    const { client } = this.#tree;
    if (client.failure) throw client.failure;
    let first: DiskError | undefined;
    const failed = (error: unknown): void => { first ??= toDiskError(error); };
    await this.#tree.gate.shared(async () => {
      first = await this.#tree.checkAll();
      const dirty = [...this.#dirty];
      this.#dirty.clear();
      // Many at once: each waits for the device.
      for (let i = 0; i < dirty.length; i += SYNCS) {
        await Promise.all(dirty.slice(i, i + SYNCS).map((node) => this.#syncNode(node).catch((error: unknown) => {
          this.#dirty.add(node);
          failed(error);
        })));
      }
    });
    if (first) throw first;
    await this.#synced();
  }

  async #syncNode(node: RemoteNode): Promise<void> {
    const { operations } = this.#tree;
    if (node.ghost) return;
    if (node.isDir) await this.#tree.withListing(node, (fid) => operations.sync(fid));
    else if (await this.#tree.typeOf(node) === 'file') await this.#tree.withFile(node, true, (file) => file.sync(operations));
    // Pipes, devices and links can't be opened: what is known of them stands with their directory.
    else for (const { dir } of node.locations.slice(-1)) await this.#syncNode(dir);
  }

  /** Makes a node, then gives it what it is to begin with. */
  async #make(dir: NodeId, name: Name, given: NewNode, type: Attributes['type'], make: (parent: RemoteNode) => Promise<{ readonly qid: Qid; readonly file?: OpenFile }>): Promise<NodeId> {
    const parent = this.#parent(dir);
    this.#checkName(name);
    return this.#tree.gate.shared(async () => {
      const { qid, file } = await make(parent);
      this.#tree.changed(parent);
      this.#dirty.add(parent);
      // A number that was another's: that one was removed by somebody else.
      const stale = type === 'dir' ? undefined : parent.domain.files.get(qid.path);
      if (stale !== undefined) this.#gone(stale);
      const node = this.#tree.nodes.adopt(parent, name, qid, type);
      try {
        const finish = async (fid: number): Promise<void> => {
          const there = this.#tree.believe(node, await this.#tree.operations.attributes(fid));
          if (there.type !== type) throw unsupported(type, `${this.#tree.client.peer} made a ${there.type} where a ${type} was asked for`);
          await this.#set(node, fid, there, { uid: 0, gid: 0, ...given });
        };
        if (file) {
          await finish(file.fid);
          this.#tree.offerFile(node, file);
        } else {
          await this.#tree.withFid(node, finish);
        }
      } catch (error) {
        if (file) await this.#tree.client.clunk(file.fid);
        this.#tree.dropFids(node);
        await this.#tree.withFid(parent, (fid) => this.#tree.operations.remove(fid, name, type === 'dir')).catch(() => undefined);
        this.#gone(node);
        throw error;
      }
      this.#dirty.add(node);
      return node.id;
    });
  }

  /** Sets what differs from what is there. */
  async #set(node: RemoteNode, fid: number, there: Attributes, { mode, uid, gid, mtime, atime }: Changes): Promise<void> {
    const { operations } = this.#tree;
    for (const id of [uid, gid]) if (id !== undefined && !(Number.isInteger(id) && id >= 0 && id < 0xffffffff)) throw usage('EINVAL', `${id} is no number of a user or group`);
    if (mode !== undefined && there.type === 'symlink' && (mode & 0o777) !== 0o777 && (mode & 0o7777) !== there.mode) throw unsupported('mode of a link', '9P can\'t set the mode of a symbolic link');
    const owner: SetAttributes = { ...(uid !== undefined && uid !== there.uid ? { uid } : {}), ...(gid !== undefined && gid !== there.gid ? { gid } : {}) };
    const chowned = Object.keys(owner).length > 0;
    if (chowned) await operations.set(fid, owner);
    // Linux takes the setuid and setgid bits when the owner changes: they stay as they were told, or were.
    const wanted = mode === undefined ? there.mode : mode & 0o7777;
    const rest: SetAttributes = {
      ...(there.type !== 'symlink' && (wanted !== there.mode || mode !== undefined && node.until === 0 || chowned && (wanted & 0o6000) !== 0) ? { mode: wanted } : {}),
      ...(mtime === undefined ? {} : { mtime }), ...(atime === undefined ? {} : { atime }),
    };
    if (Object.keys(rest).length > 0) await operations.set(fid, rest);
    this.#tree.changed(node);
    this.#dirty.add(node);
  }

  async #remove(dir: NodeId, name: Name, isDirectory: boolean): Promise<void> {
    const parent = this.#parent(dir);
    this.#checkName(name);
    await this.#tree.gate.exclusive(async () => {
      const node = await this.#named(parent, name);
      if (node.isDir !== isDirectory) throw usage(node.isDir ? 'EISDIR' : 'ENOTDIR', `${name} is ${node.isDir ? 'a' : 'no'} directory`);
      const left = await this.#beforeRemoval(node);
      try {
        await this.#tree.withFid(parent, (fid) => this.#tree.operations.remove(fid, name, isDirectory));
      } catch (error) {
        left.cancel();
        throw error;
      }
      this.#afterRemoval(node, parent, name, left);
      this.#tree.changed(parent);
      this.#dirty.add(parent);
    });
  }

  /** What must be known of a node before one of its names goes: whether it is the last, and what who holds it may still ask for. */
  async #beforeRemoval(node: RemoteNode): Promise<Leaving> {
    if (!node.held) await this.#tree.settle(node);
    const attributes = await this.#tree.attributes(node, true);
    const last = node.isDir || attributes.nlink <= 1;
    if (!last || node.held === 0) return { last, attributes, cancel() {} };
    if (attributes.type === 'symlink') return { last, attributes, target: await this.#tree.withFid(node, (fid) => this.#tree.operations.readlink(fid)), cancel() {} };
    if (attributes.type !== 'file') return { last, attributes, cancel() {} };
    const held = await this.#tree.holdFile(node, true);
    return { last, attributes, cancel: held.release };
  }

  #afterRemoval(node: RemoteNode, dir: RemoteNode, name: Name, { last, attributes, target, cancel }: Leaving): void {
    this.#tree.dropFids(node);
    this.#tree.nodes.unname(node, dir, name);
    this.#tree.changed(node);
    if (!last) return;
    if (node.held === 0) {
      this.#gone(node);
      return;
    }
    this.#tree.nodes.detach(node);
    this.#dirty.delete(node);
    node.ghost = { attributes: { ...attributes, nlink: 0 }, ...(target === undefined ? {} : { target }), release: cancel };
  }

  #gone(node: RemoteNode): void {
    this.#tree.dropFids(node);
    this.#tree.dropFile(node);
    this.#tree.nodes.forget(node);
    this.#dirty.delete(node);
  }

  #wrote(node: RemoteNode, end: number): void {
    const { ghost } = node;
    if (ghost) {
      const now = BigInt(Date.now()) * 1_000_000n;
      // A server that works with paths can't be asked about it any more.
      ghost.attributes = { ...ghost.attributes, size: Math.max(ghost.attributes.size, end), mtime: now, ctime: now };
    } else {
      this.#tree.changed(node);
      this.#dirty.add(node);
    }
  }

  async #changeXattr(id: NodeId, run: (fid: number) => Promise<void>): Promise<void> {
    const node = this.#tree.node(id);
    this.#refuseGhost(node);
    await this.#tree.gate.shared(async () => {
      await this.#tree.withFid(node, run);
      this.#tree.changed(node);
      this.#dirty.add(node);
    });
  }

  #xattrs(): NonNullable<Tree['operations']['xattrs']> {
    const { xattrs } = this.#tree.operations;
    if (xattrs === undefined) throw usage('ENOTSUP', `${this.#tree.client.dialect} has no extended attributes`);
    return xattrs;
  }

  /** A directory that names can be made in. */
  #parent(id: NodeId): RemoteNode {
    const node = this.#tree.directory(id);
    if (node.ghost) throw usage('ENOENT', 'The directory is removed');
    return node;
  }

  async #named(dir: RemoteNode, name: Name): Promise<RemoteNode> {
    const node = await this.#tree.find(dir, name);
    if (node === undefined) throw usage('ENOENT', `${name} is not there`);
    return node;
  }

  #file(id: NodeId, at: number): RemoteNode {
    const node = this.#tree.node(id);
    if (node.isDir) throw usage('EISDIR', `Node ${id} is a directory`);
    if (!Number.isSafeInteger(at) || at < 0) throw usage('EINVAL', `${at} is no offset`);
    return node;
  }

  async #checkFile(node: RemoteNode): Promise<void> {
    if (await this.#tree.typeOf(node) !== 'file') throw usage('EINVAL', `Node ${node.id} is no file`);
  }

  /** Earlier writes are answered. @throws what they came to */
  async #settled(node: RemoteNode): Promise<void> {
    await this.#tree.check(node);
  }

  #refuseGhost(node: RemoteNode): void {
    if (node.ghost) throw unsupported('nameless file', 'A 9P server may know files by their paths: a file without a name is read and written, and not changed otherwise');
  }

  #checkName(name: Name): void {
    const length = this.names.unit === 'bytes' ? encodeName(name).length : name.length;
    if (length === 0) throw usage('ENOENT', 'A name is needed');
    if (length > this.names.longest) throw usage('ENAMETOOLONG', `The name has ${length} ${this.names.unit}, the longest ${this.names.longest}`);
    const forbidden = [...this.names.forbidden].find((each) => name.includes(each));
    if (forbidden !== undefined) throw usage('EINVAL', `A name can't hold "${forbidden}" here`);
    if (name === '.' || name === '..' || name.includes('/') || name.includes('\0')) throw usage('EINVAL', 'That is no name');
  }
}

/** Requests of a sync at once. */
const SYNCS = 32;

interface Leaving {
  readonly last: boolean;
  readonly attributes: Attributes;
  readonly target?: Name;
  /** Lets go what was kept open for who holds it. */
  cancel(): void;
}

/** Whether `inner` is `outer` or lies below it. */
function isWithin(outer: RemoteNode, inner: RemoteNode): boolean {
  for (let node: RemoteNode | undefined = inner; node !== undefined; node = node.locations.at(-1)?.dir) if (node === outer) return true;
  return false;
}
