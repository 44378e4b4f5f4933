import { aclWithMode, formatAcl, isPlainAcl, modeOfAcl, parseAcl } from '../core/acl.ts';
import { usage } from '../core/errors.ts';
import type { NodeId, Stat } from '../core/filesystem.ts';
import { encodeName, type Name } from '../core/names.ts';
import type { Changes, NewNode, RenameMode, Writer } from '../core/writer.ts';
import { bytesOf, dir, MemoryFileSystem, type MemoryNode, sizeOf } from './memory-filesystem.ts';

/** What a writable tree in memory may be told. */
export interface MemoryRules {
  /** Nanoseconds since 1970. */
  now?(): bigint;
  /** Bytes that files may take in all; a write beyond it answers how much there was room for, or is ENOSPC. */
  readonly space?: number;
}

/** A filesystem in memory that can be changed, with the rules of Linux: what engines are compared with, and what jobs are tested on. */
export class WritableMemoryFileSystem extends MemoryFileSystem {
  readonly writer: Writer;
  readonly #now: () => bigint;
  readonly #space: number;
  /** Names that lead to each node. */
  readonly #names = new Map<MemoryNode, number>();
  readonly #held = new Map<MemoryNode, number>();
  readonly #gone = new Set<MemoryNode>();
  #synced = 0;

  constructor(root: MemoryNode = dir(), rules: MemoryRules = {}) {
    super(root);
    this.#now = rules.now ?? (() => BigInt(Date.now()) * 1_000_000n);
    this.#space = rules.space ?? Infinity;
    const todo = [root];
    for (let node = todo.pop(); node !== undefined; node = todo.pop()) {
      for (const [, child] of node.entries ?? []) {
        if (!this.#names.has(child)) todo.push(child);
        this.#names.set(child, (this.#names.get(child) ?? 0) + 1);
      }
    }
    this.writer = {
      names: { longest: 255, unit: 'bytes', forbidden: '', caseSensitive: true },
      create: (parent, name, node) => this.#add(parent, name, node, { type: 'file', content: new Uint8Array() }),
      mkdir: (parent, name, node) => this.#add(parent, name, node, { type: 'dir', entries: [] }),
      symlink: (parent, name, target, node) => {
        if (target === '') throw usage('ENOENT', 'A symbolic link needs a target');
        return this.#add(parent, name, node, { type: 'symlink', target });
      },
      mknod: (parent, name, type, node, device) => this.#add(parent, name, node, { type, ...(device === undefined ? {} : { device: { ...device } }) }),
      link: (parent, name, node) => this.#link(parent, name, node),
      unlink: (parent, name) => this.#unlink(parent, name),
      rmdir: (parent, name) => this.#rmdir(parent, name),
      rename: (fromDir, from, toDir, to, mode) => this.#rename(fromDir, from, toDir, to, mode),
      write: (node, at, from) => this.#write(node, at, from),
      truncate: (node, size) => this.#truncate(node, size),
      allocate: (node, at, length, how) => this.#allocate(node, at, length, how),
      change: (node, changes) => this.#change(this.node(node), changes),
      setXattr: (node, name, value, how) => this.#setXattr(this.node(node), name, value, how),
      removeXattr: (node, name) => this.#removeXattr(this.node(node), name),
      hold: (node) => { this.#held.set(this.node(node), (this.#held.get(this.node(node)) ?? 0) + 1); },
      release: (node) => this.#release(this.node(node)),
      sync: () => { this.#synced++; },
    };
  }

  /** How often sync was called. */
  get synced(): number {
    return this.#synced;
  }

  override stat(id: NodeId): Stat {
    const node = this.node(id);
    const nlink = node.type === 'dir' ? (this.#gone.has(node) ? 0 : 2 + node.entries!.filter(([, child]) => child.type === 'dir').length) : (this.#names.get(node) ?? 0);
    return { ...super.stat(id), nlink };
  }

  protected override node(id: NodeId): MemoryNode {
    const node = super.node(id);
    if (this.#gone.has(node) && !this.#held.has(node)) throw usage('ESTALE', `Node ${id} is gone`);
    return node;
  }

  #add(parent: NodeId, name: Name, given: NewNode, made: MemoryNode): NodeId {
    const folder = this.#free(parent, name);
    const now = this.#now();
    const node: MemoryNode = {
      ...made, mode: given.mode & 0o7777, uid: given.uid ?? 0, gid: given.gid ?? 0,
      mtime: given.mtime ?? now, atime: given.atime ?? now, ctime: now, btime: given.btime ?? now,
    };
    this.#inherit(folder, node);
    this.#enter(folder, name, node);
    return this.id(node);
  }

  #link(parent: NodeId, name: Name, id: NodeId): void {
    this.directory(parent);
    const node = this.node(id);
    if (node.type === 'dir') throw usage('EPERM', 'A directory has one name');
    if ((this.#names.get(node) ?? 0) === 0) throw usage('ENOENT', 'The node has no name any more');
    const folder = this.#free(parent, name);
    this.#enter(folder, name, node);
    node.ctime = this.#now();
  }

  #unlink(parent: NodeId, name: Name): void {
    const { folder, node } = this.#named(parent, name);
    if (node.type === 'dir') throw usage('EISDIR', `${name} is a directory`);
    this.#leave(folder, name, node);
    node.ctime = this.#now();
  }

  #rmdir(parent: NodeId, name: Name): void {
    const { folder, node } = this.#named(parent, name);
    if (node.type !== 'dir') throw usage('ENOTDIR', `${name} is no directory`);
    if (node.entries!.length > 0) throw usage('ENOTEMPTY', `${name} is not empty`);
    this.#leave(folder, name, node);
    // Seen by who holds it (ext4_rmdir).
    node.ctime = this.#now();
  }

  #rename(fromId: NodeId, from: Name, toId: NodeId, to: Name, mode: RenameMode): void {
    const source = this.#named(fromId, from);
    const folder = this.#folder(toId);
    checkName(to);
    if (this.#gone.has(folder)) throw usage('ENOENT', 'The directory is removed');
    const target = folder.entries!.find(([each]) => each === to)?.[1];
    if (mode === 'keep' && target !== undefined) throw usage('EEXIST', `${to} is there`);
    if (mode === 'exchange' && target === undefined) throw usage('ENOENT', `${to} is not there`);
    if (this.#within(source.node, folder)) throw usage('EINVAL', 'A directory can\'t be moved into itself');
    if (target !== undefined && mode === 'exchange' && this.#within(target, source.folder)) throw usage('EINVAL', 'A directory can\'t be moved into itself');
    if (target === source.node) return;
    const now = this.#now();
    if (mode === 'exchange') {
      source.folder.entries!.find(([each]) => each === from)![1] = target!;
      folder.entries!.find(([each]) => each === to)![1] = source.node;
      target!.ctime = now;
    } else {
      if (target !== undefined) {
        // What holds the source is not empty.
        if (this.#within(target, source.folder)) throw usage('ENOTEMPTY', `${to} is not empty`);
        if (target.type === 'dir' && source.node.type !== 'dir') throw usage('EISDIR', `${to} is a directory`);
        if (target.type !== 'dir' && source.node.type === 'dir') throw usage('ENOTDIR', `${to} is no directory`);
        if (target.type === 'dir' && target.entries!.length > 0) throw usage('ENOTEMPTY', `${to} is not empty`);
        this.#leave(folder, to, target);
        target.ctime = now;
      }
      source.folder.entries = source.folder.entries!.filter(([each]) => each !== from);
      folder.entries!.push([to, source.node]);
    }
    source.node.ctime = now;
    for (const each of [source.folder, folder]) each.mtime = each.ctime = now;
  }

  #write(id: NodeId, at: number, from: Uint8Array): number {
    const node = this.#file(id, at);
    if (from.length === 0) return 0;
    const old = bytesOf(node.content ?? '');
    const end = at + from.length;
    const room = this.#space - this.#used() + old.length;
    const length = end <= room ? from.length : Math.max(0, Math.floor(room - at));
    if (length === 0) throw usage('ENOSPC', 'The tree is full');
    const grown = new Uint8Array(Math.max(old.length, at + length));
    grown.set(old);
    grown.set(from.subarray(0, length), at);
    node.content = grown;
    node.size = Math.max(node.size ?? old.length, at + length);
    node.mtime = node.ctime = this.#now();
    return length;
  }

  #truncate(id: NodeId, size: number): void {
    const node = this.#file(id, size);
    const old = bytesOf(node.content ?? '');
    if (size < old.length) node.content = old.slice(0, size);
    node.size = size;
    node.mtime = node.ctime = this.#now();
  }

  #allocate(id: NodeId, at: number, length: number, how: 'reserve' | 'punch'): void {
    const node = this.#file(id, at);
    if (!(length > 0)) throw usage('EINVAL', 'Nothing is asked for');
    const size = sizeOf(node);
    if (how === 'punch') {
      // Behind the end there is nothing to change.
      if (at >= size) return;
      const content = bytesOf(node.content ?? '').slice();
      content.fill(0, at, at + length);
      node.content = content;
      node.size = size;
    } else {
      node.size = Math.max(size, at + length);
    }
    node.mtime = node.ctime = this.#now();
  }

  #change(node: MemoryNode, changes: Changes): void {
    const { mode, uid, gid, mtime, atime, btime, ctime, flags } = changes;
    if (mode !== undefined) {
      node.mode = mode & 0o7777;
      const acl = node.xattrs?.[ACL_ACCESS];
      if (acl !== undefined) node.xattrs![ACL_ACCESS] = formatAcl(aclWithMode(parseAcl(bytesOf(acl))!, mode));
    }
    if (uid !== undefined) node.uid = uid;
    if (gid !== undefined) node.gid = gid;
    if (mtime !== undefined) node.mtime = mtime;
    if (atime !== undefined) node.atime = atime;
    if (btime !== undefined) node.btime = btime;
    if (flags !== undefined) node.flags = [...flags];
    node.ctime = ctime ?? this.#now();
  }

  #setXattr(node: MemoryNode, name: Name, value: Uint8Array, how?: 'create' | 'replace'): void {
    const there = Object.hasOwn((node.xattrs ??= {}), name);
    if (how === 'create' && there) throw usage('EEXIST', `The attribute ${name} is there`);
    if (how === 'replace' && !there) throw usage('ENODATA', `There is no attribute ${name}`);
    node.ctime = this.#now();
    node.xattrs[name] = value.slice();
    if (name !== ACL_ACCESS && name !== ACL_DEFAULT) return;
    const acl = value.length === 0 ? [] : parseAcl(value);
    if (acl === undefined) throw usage('EINVAL', 'That is no ACL');
    // An access ACL sets the mode, and none is kept that says no more than the mode.
    if (name === ACL_ACCESS && acl.length > 0) node.mode = (node.mode! & ~0o777) | modeOfAcl(acl);
    if (acl.length === 0 || (name === ACL_ACCESS && isPlainAcl(acl))) delete node.xattrs[name];
  }

  #inherit(folder: MemoryNode, node: MemoryNode): void {
    const given = folder.xattrs?.[ACL_DEFAULT];
    if (given === undefined || node.type === 'symlink') return;
    const acl = parseAcl(bytesOf(given))!;
    node.xattrs = {
      ...(node.type === 'dir' ? { [ACL_DEFAULT]: formatAcl(acl) } : {}),
      ...(isPlainAcl(acl) ? {} : { [ACL_ACCESS]: formatAcl(aclWithMode(acl, node.mode!)) }),
    };
  }

  #removeXattr(node: MemoryNode, name: Name): void {
    if (!Object.hasOwn(node.xattrs ?? {}, name)) throw usage('ENODATA', `There is no attribute ${name}`);
    delete node.xattrs![name];
    node.ctime = this.#now();
  }

  #release(node: MemoryNode): void {
    const left = (this.#held.get(node) ?? 0) - 1;
    if (left > 0) this.#held.set(node, left);
    else this.#held.delete(node);
  }

  #folder(id: NodeId): MemoryNode {
    this.directory(id);
    return this.node(id);
  }

  #free(parent: NodeId, name: Name): MemoryNode {
    const folder = this.#folder(parent);
    checkName(name);
    if (this.#gone.has(folder)) throw usage('ENOENT', 'The directory is removed');
    if (folder.entries!.some(([each]) => each === name)) throw usage('EEXIST', `${name} is there`);
    return folder;
  }

  #named(parent: NodeId, name: Name): { folder: MemoryNode; node: MemoryNode } {
    const folder = this.#folder(parent);
    checkName(name);
    const node = folder.entries!.find(([each]) => each === name)?.[1];
    if (node === undefined) throw usage('ENOENT', `${name} is not there`);
    return { folder, node };
  }

  #file(id: NodeId, at: number): MemoryNode {
    const node = this.node(id);
    if (node.type !== 'file') throw usage(node.type === 'dir' ? 'EISDIR' : 'EINVAL', 'not a file');
    if (!Number.isSafeInteger(at) || at < 0) throw usage('EINVAL', `${at} is no offset`);
    return node;
  }

  #enter(folder: MemoryNode, name: Name, node: MemoryNode): void {
    folder.entries!.push([name, node]);
    this.#names.set(node, (this.#names.get(node) ?? 0) + 1);
    folder.mtime = folder.ctime = this.#now();
  }

  #leave(folder: MemoryNode, name: Name, node: MemoryNode): void {
    folder.entries = folder.entries!.filter(([each]) => each !== name);
    const left = this.#names.get(node)! - 1;
    this.#names.set(node, left);
    if (left === 0) this.#gone.add(node);
    folder.mtime = folder.ctime = this.#now();
  }

  /** Whether `inner` is `outer` or lies below it. */
  #within(outer: MemoryNode, inner: MemoryNode): boolean {
    return outer === inner || (outer.entries ?? []).some(([, child]) => child.type === 'dir' && this.#within(child, inner));
  }

  #used(): number {
    return this.nodes.filter((node) => !this.#gone.has(node)).reduce((sum, node) => sum + bytesOf(node.content ?? '').length, 0);
  }
}

const ACL_ACCESS = 'system.posix_acl_access';
const ACL_DEFAULT = 'system.posix_acl_default';

function checkName(name: Name): void {
  const { length } = encodeName(name);
  if (length === 0) throw usage('ENOENT', 'A name is needed');
  if (length > 255) throw usage('ENAMETOOLONG', `The name has ${length} bytes, the longest 255`);
  if (name === '.' || name === '..' || name.includes('/') || name.includes('\0')) throw usage('EINVAL', 'That is no name');
}
