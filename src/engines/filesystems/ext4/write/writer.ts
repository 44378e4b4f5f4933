import { corrupt, usage } from '../../../core/errors.ts';
import type { EntryType, NodeId } from '../../../core/filesystem.ts';
import { encodeName, type Name } from '../../../core/names.ts';
import type { Changes, Limits, NewNode, RenameMode, Writer } from '../../../core/writer.ts';
import { INDEX_FLAG } from '../directory.ts';
import type { Inode } from '../inode.ts';
import { I_BLOCK_SIZE, INODE } from '../layout.ts';
import { Directories } from './directories.ts';
import { InlineDirectories } from './inline-directories.ts';
import { limitsOf } from './limits.ts';
import { encodeDevice, FLAG, inheritedFlags, mayChange, mayWrite, MOST_LINKS, NAME_RULES, nameBytes, refuseOwn, TYPE_BITS, withFlags } from './nodes.ts';
import { Removal } from './removal.ts';
import { setTime, type TimeName } from './times.ts';
import type { Volume } from './volume.ts';
import { Attributes } from './xattrs.ts';

/** PATH_MAX of Linux without its NUL: the longest target that a symbolic link can be given. */
const LONGEST_TARGET = 4095;
/** What can be changed beside the flags. */
const OTHERS: readonly (keyof Changes)[] = ['mode', 'uid', 'gid', 'mtime', 'atime', 'btime'];

/** Changes an ext2, ext3 or ext4 filesystem: each operation a short recipe over its Volume. */
export class Ext4Writer implements Writer {
  readonly names = NAME_RULES;
  readonly limits: Limits;
  readonly #volume: Volume;
  readonly #attributes: Attributes;
  readonly #directories: Directories;
  readonly #removal: Removal;

  constructor(volume: Volume) {
    this.#volume = volume;
    this.limits = limitsOf(volume.superblock);
    this.#attributes = new Attributes(volume);
    this.#directories = new Directories(volume, new InlineDirectories(volume, this.#attributes));
    this.#removal = new Removal(volume, this.#attributes);
  }

  create(dir: NodeId, name: Name, given: NewNode): NodeId {
    return this.#add(dir, name, 'file', given, (node) => { this.#volume.contents.initialise(node); });
  }

  put(dir: NodeId, name: Name, given: NewNode, contents: Uint8Array): NodeId {
    return this.#add(dir, name, 'file', given, (node) => {
      this.#volume.contents.initialise(node);
      this.#volume.contents.fill(node, contents);
    }, 'given');
  }

  mkdir(dir: NodeId, name: Name, given: NewNode): NodeId {
    return this.#add(dir, name, 'dir', given, (node) => {
      this.#volume.inodes.edit(node).i_links_count = 2;
      this.#directories.make(node, dir);
      this.#countDirectory(dir, 1);
    });
  }

  symlink(dir: NodeId, name: Name, target: Name, given: NewNode): NodeId {
    const bytes = encodeName(target);
    const { blockSize } = this.#volume.superblock;
    if (bytes.length === 0) throw usage('ENOENT', 'A symbolic link needs a target');
    if (bytes.length > Math.min(blockSize - 1, LONGEST_TARGET)) throw usage('ENAMETOOLONG', `The target has ${bytes.length} bytes, and a link here keeps ${Math.min(blockSize - 1, LONGEST_TARGET)}`);
    if (bytes.includes(0)) throw usage('EINVAL', 'A target can\'t hold NUL');
    return this.#add(dir, name, 'symlink', given, (node) => {
      const { inodes, contents, transaction } = this.#volume;
      if (bytes.length < I_BLOCK_SIZE) {
        inodes.edit(node).i_block.set(bytes);
      } else {
        contents.initialise(node);
        transaction.fresh(contents.allocate(node, 0, 1, 'metadata').block, `target of symbolic link inode ${node}`).set(bytes);
      }
      inodes.edit(node).i_size_lo = bytes.length;
    });
  }

  mknod(dir: NodeId, name: Name, type: 'char' | 'block' | 'fifo' | 'socket', given: NewNode, device?: { readonly major: number; readonly minor: number }): NodeId {
    const isDevice = type === 'char' || type === 'block';
    if (isDevice && device === undefined) throw usage('EINVAL', 'A device needs its number');
    return this.#add(dir, name, type, given, (node) => {
      if (isDevice) encodeDevice(this.#volume.inodes.edit(node).i_block, device!.major, device!.minor);
    });
  }

  link(dir: NodeId, name: Name, node: NodeId): void {
    const bytes = nameBytes(name);
    this.#operation(() => {
      const folder = this.#folder(dir, 'add');
      const inode = this.#alive(node);
      if (inode.type === 'dir') throw usage('EPERM', 'A directory has one name alone');
      mayChange(inode, 'refuse');
      if (inode.nlink >= MOST_LINKS) throw usage('EMLINK', `Inode ${node} has ${inode.nlink} names, and can't have more`);
      if (folder.has(FLAG.project) && folder.project !== inode.project) throw usage('EXDEV', 'The folder belongs to another project');
      if (this.#directories.find(dir, bytes) !== undefined) throw usage('EEXIST', `${name} is there already`);
      this.#directories.add(dir, { name: bytes, inode: node, type: inode.type });
      this.#volume.inodes.edit(node).i_links_count = inode.nlink + 1;
      this.#touch(node, 'ctime');
      this.#touch(dir, 'mtime', 'ctime');
    });
  }

  unlink(dir: NodeId, name: Name): void {
    const bytes = nameBytes(name);
    this.#removal.freeLarge(this.#operation(() => {
      this.#folder(dir, 'remove');
      const inode = this.#named(dir, name, bytes);
      if (inode.type === 'dir') throw usage('EISDIR', `${name} is a folder`);
      mayChange(inode, 'refuse');
      this.#directories.remove(dir, bytes);
      this.#touch(dir, 'mtime', 'ctime');
      return this.#removal.loseName(inode);
    }));
  }

  rmdir(dir: NodeId, name: Name): void {
    const bytes = nameBytes(name);
    this.#removal.freeLarge(this.#operation(() => {
      this.#folder(dir, 'remove');
      const inode = this.#named(dir, name, bytes);
      if (inode.type !== 'dir') throw usage('ENOTDIR', `${name} is no folder`);
      mayChange(inode, 'refuse');
      if (inode.node === INODE.root) throw corrupt(`directory inode ${dir}`, 'it names the root');
      if (!this.#directories.isEmpty(inode.node)) throw usage('ENOTEMPTY', `${name} is not empty`);
      this.#directories.remove(dir, bytes);
      this.#countDirectory(dir, -1);
      this.#touch(dir, 'mtime', 'ctime');
      return this.#removal.loseName(inode);
    }));
  }

  rename(fromDir: NodeId, from: Name, toDir: NodeId, to: Name, mode: RenameMode): void {
    const fromBytes = nameBytes(from);
    const toBytes = nameBytes(to);
    this.#removal.freeLarge(this.#operation(() => {
      this.#folder(fromDir, 'remove');
      const folder = this.#folder(toDir, 'add');
      const source = this.#named(fromDir, from, fromBytes);
      const there = this.#directories.find(toDir, toBytes);
      if (mode === 'keep' && there !== undefined) throw usage('EEXIST', `${to} is there already`);
      if (mode === 'exchange' && there === undefined) throw usage('ENOENT', `${to} is not there`);
      const target = there === undefined ? undefined : this.#alive(there.node);
      if (target?.node === source.node) return undefined;
      mayChange(source, 'refuse');
      if (target !== undefined) {
        this.#folder(toDir, 'remove');
        mayChange(target, 'refuse');
      }
      if (folder.has(FLAG.project) && folder.project !== source.project) throw usage('EXDEV', 'The folder belongs to another project');
      if (source.type === 'dir' && this.#isWithin(toDir, source.node)) throw usage('EINVAL', 'A folder can\'t be moved into itself');
      if (mode === 'exchange') {
        if (target!.type === 'dir' && this.#isWithin(fromDir, target!.node)) throw usage('EINVAL', 'A folder can\'t be moved into itself');
        this.#exchange(fromDir, fromBytes, source, toDir, toBytes, target!);
        return undefined;
      }
      if (target !== undefined) {
        // What lies above the source holds it, at least.
        if (target.type === 'dir' && this.#isWithin(fromDir, target.node)) throw usage('ENOTEMPTY', `${to} is not empty`);
        this.#mayReplace(source, target, to);
      }
      if (target === undefined) {
        this.#directories.add(toDir, { name: toBytes, inode: source.node, type: source.type });
      } else {
        this.#directories.point(toDir, toBytes, source.node, source.type);
        if (target.type === 'dir') this.#countDirectory(toDir, -1);
      }
      this.#directories.remove(fromDir, fromBytes);
      this.#moved(source, fromDir, toDir);
      this.#touch(source.node, 'ctime');
      this.#touch(fromDir, 'mtime', 'ctime');
      this.#touch(toDir, 'mtime', 'ctime');
      return target === undefined ? undefined : this.#removal.loseName(target);
    }));
  }

  write(node: NodeId, at: number, from: Uint8Array): number {
    checkOffset(at);
    const inode = this.#get(node);
    mayWrite(inode);
    mayChange(inode, 'allow');
    if (inode.has(FLAG.append) && at !== inode.size) throw usage('EPERM', `Inode ${node} can only be appended to`);
    if (from.length === 0) return 0;
    return this.#volume.contents.write(node, at, from);
  }

  truncate(node: NodeId, size: number): void {
    checkOffset(size);
    this.#contents(node);
    this.#volume.contents.truncate(node, size);
  }

  allocate(node: NodeId, at: number, length: number, how: 'reserve' | 'punch'): void {
    checkOffset(at);
    checkOffset(length);
    if (length === 0) throw usage('EINVAL', 'Nothing is asked for');
    this.#contents(node);
    if (how === 'reserve') this.#volume.contents.reserve(node, at, length);
    else this.#volume.contents.punch(node, at, length);
  }

  change(node: NodeId, changes: Changes): void {
    const { mode, uid, gid, flags } = changes;
    this.#operation(() => {
      const { inodes } = this.#volume;
      const inode = this.#get(node);
      if (flags !== undefined) inodes.edit(node).i_flags = withFlags(inode, flags);
      // Whoever takes the flag away with the same change may change the rest.
      if (OTHERS.some((key) => changes[key] !== undefined)) mayChange(this.#get(node), 'refuse');
      // A copy sets everything again when it is whole, most of it to what it is.
      if ((uid ?? inode.uid) !== inode.uid || (gid ?? inode.gid) !== inode.gid) {
        // Inodes of large values count for who has them.
        const values = this.#attributes.valuesOutside(node);
        inodes.charge(node, 0, -values);
        inodes.setOwner(node, { ...inodes.ownerOf(inode), ...(uid === undefined ? {} : { uid: checkId(uid) }), ...(gid === undefined ? {} : { gid: checkId(gid) }) });
        inodes.charge(node, 0, values);
      }
      if (mode !== undefined) this.#setMode(inode, mode);
      this.#setTimes(node, changes, changes.ctime ?? this.#volume.access.now());
    });
  }

  setXattr(node: NodeId, name: Name, value: Uint8Array, how?: 'create' | 'replace'): void {
    this.#operation(() => {
      mayChange(this.#get(node), 'refuse');
      this.#attributes.set(node, name, value, how);
      this.#touch(node, 'ctime');
    });
  }

  removeXattr(node: NodeId, name: Name): void {
    this.#operation(() => {
      mayChange(this.#get(node), 'refuse');
      this.#attributes.remove(node, name);
      this.#touch(node, 'ctime');
    });
  }

  hold(node: NodeId): void {
    this.#get(node);
    this.#removal.hold(node);
  }

  release(node: NodeId): void {
    this.#removal.release(node);
  }

  sync(): void {
    this.#volume.contents.settle();
    this.#volume.transaction.commit();
  }

  /** Lets go of all that is held: nodes without a name are freed. */
  close(): void {
    this.#removal.close();
    this.#volume.contents.settle();
  }

  /** Frees a node without a name, which a power cut left. */
  freeOrphan(node: NodeId): void {
    this.#removal.freeLarge(node);
  }

  /** Whether a node without a name is there still, because it is held. */
  isHeld(node: NodeId): boolean {
    return this.#removal.isHeld(node);
  }

  #operation<T>(run: () => T): T {
    return this.#volume.operation(run);
  }

  /**
   * A new node with its name.
   * @param fill makes its contents; the inode is there, with one link
   * @param mode whether an ACL that the directory hands down may take bits from the mode, as it does when a file is made
   */
  #add(dir: NodeId, name: Name, type: EntryType, given: NewNode, fill: (node: NodeId) => void, mode: 'inherited' | 'given' = 'inherited'): NodeId {
    const bytes = nameBytes(name);
    return this.#operation(() => {
      const { inodes } = this.#volume;
      const folder = this.#folder(dir, 'add');
      if (this.#directories.find(dir, bytes) !== undefined) throw usage('EEXIST', `${name} is there already`);
      const project = folder.has(FLAG.project) ? folder.project : 0;
      const { node, inode } = inodes.allocate(dir, TYPE_BITS[type] | (given.mode & 0o7777), { uid: checkId(given.uid ?? 0), gid: checkId(given.gid ?? 0), project });
      inode.i_links_count = 1;
      inode.i_flags = (inode.i_flags | inheritedFlags(folder, type)) >>> 0;
      fill(node);
      this.#attributes.inherit(node, dir, given.mode);
      if (mode === 'given') this.#setMode(inodes.get(node), given.mode);
      this.#setTimes(node, given);
      this.#directories.add(dir, { name: bytes, inode: node, type });
      this.#touch(dir, 'mtime', 'ctime');
      return node;
    });
  }

  #get(node: NodeId): Inode {
    const inode = this.#volume.inodes.get(node);
    refuseOwn(this.#volume.superblock, inode);
    if (inode.raw.i_links_count === 0 && !this.#removal.isHeld(node)) throw usage('ESTALE', `Inode ${node} is deleted`);
    return inode;
  }

  /** A node that a name leads to, or may lead to. */
  #alive(node: NodeId): Inode {
    const inode = this.#get(node);
    if (inode.raw.i_links_count === 0) throw usage('ENOENT', `Inode ${node} has no name any more`);
    return inode;
  }

  #folder(dir: NodeId, what: 'add' | 'remove'): Inode {
    this.#get(dir);
    const folder = this.#directories.check(dir);
    if (folder.raw.i_links_count === 0) throw usage('ENOENT', 'The folder is deleted');
    mayChange(folder, what === 'add' ? 'allow' : 'refuse');
    return folder;
  }

  #named(dir: NodeId, name: Name, bytes: Uint8Array): Inode {
    const found = this.#directories.find(dir, bytes);
    if (found === undefined) throw usage('ENOENT', `${name} is not there`);
    return this.#alive(found.node);
  }

  #contents(node: NodeId): Inode {
    const inode = this.#get(node);
    mayWrite(inode);
    mayChange(inode, 'refuse');
    return inode;
  }

  #mayReplace(source: Inode, target: Inode, name: Name): void {
    if (target.type === 'dir' && source.type !== 'dir') throw usage('EISDIR', `${name} is a folder`);
    if (target.type !== 'dir' && source.type === 'dir') throw usage('ENOTDIR', `${name} is no folder`);
    if (target.type === 'dir' && !this.#directories.isEmpty(target.node)) throw usage('ENOTEMPTY', `${name} is not empty`);
  }

  #exchange(fromDir: NodeId, from: Uint8Array, source: Inode, toDir: NodeId, to: Uint8Array, target: Inode): void {
    this.#directories.point(fromDir, from, target.node, target.type);
    this.#directories.point(toDir, to, source.node, source.type);
    this.#moved(source, fromDir, toDir);
    this.#moved(target, toDir, fromDir);
    for (const node of [source.node, target.node]) this.#touch(node, 'ctime');
    for (const dir of [fromDir, toDir]) this.#touch(dir, 'mtime', 'ctime');
  }

  /** A directory's ".." and the links of both parents follow it. */
  #moved(inode: Inode, fromDir: NodeId, toDir: NodeId): void {
    if (inode.type !== 'dir' || fromDir === toDir) return;
    this.#directories.setParent(inode.node, toDir);
    this.#countDirectory(fromDir, -1);
    this.#countDirectory(toDir, 1);
  }

  /** Whether `dir` is `outer` or lies below it. @throws DiskError corrupt when its way up does not end at the root */
  #isWithin(dir: NodeId, outer: NodeId): boolean {
    const seen = new Set<NodeId>();
    for (let at = dir; at !== INODE.root; at = this.#directories.parent(at)) {
      if (at === outer) return true;
      if (seen.has(at)) throw corrupt(`directory inode ${dir}`, 'it lies in itself');
      seen.add(at);
    }
    return outer === INODE.root;
  }

  /** A directory's link count follows the ".." of its subdirectories; with dir_nlink, 1 stands for more than can be counted (ext4_inc_count). */
  #countDirectory(dir: NodeId, change: 1 | -1): void {
    const { inodes, superblock } = this.#volume;
    const raw = inodes.edit(dir);
    const counted = raw.i_links_count;
    const hashed = superblock.features.dirIndex && (raw.i_flags & INDEX_FLAG) !== 0;
    if (change > 0) {
      if (counted >= MOST_LINKS && !(superblock.features.dirNlink && hashed)) throw usage('EMLINK', `A folder can't have more than ${MOST_LINKS - 2} folders in it`, 'The feature dir_nlink allows more.');
      raw.i_links_count = hashed && (counted >= MOST_LINKS || counted === 1) ? 1 : counted + 1;
    } else if (counted > 2) {
      raw.i_links_count = counted - 1;
    }
  }

  #setMode(inode: Inode, mode: number): void {
    if ((mode & 0o7777) === inode.mode && !inode.mayHaveAttributes) return;
    const raw = this.#volume.inodes.edit(inode.node);
    raw.i_mode = (raw.i_mode & 0xf000) | (mode & 0o7777);
    this.#attributes.followMode(inode.node, mode);
  }

  #touch(node: NodeId, ...names: readonly TimeName[]): void {
    const now = this.#volume.access.now();
    const raw = this.#volume.inodes.edit(node);
    const { extraSize } = this.#volume.inodes.get(node);
    for (const name of names) setTime(raw, extraSize, name, now);
  }

  #setTimes(node: NodeId, { mtime, atime, btime, ctime: given }: Pick<Changes, 'mtime' | 'atime' | 'btime' | 'ctime'>, ctime = given): void {
    const raw = this.#volume.inodes.edit(node);
    const { extraSize } = this.#volume.inodes.get(node);
    if (mtime !== undefined) setTime(raw, extraSize, 'mtime', mtime);
    if (atime !== undefined) setTime(raw, extraSize, 'atime', atime);
    if (btime !== undefined) setTime(raw, extraSize, 'crtime', btime);
    if (ctime !== undefined) setTime(raw, extraSize, 'ctime', ctime);
  }
}

function checkOffset(at: number): void {
  if (!Number.isSafeInteger(at) || at < 0) throw usage('EINVAL', `${at} is no number of bytes`);
}

function checkId(id: number): number {
  // 2^32 - 1 stands for nobody.
  if (!(Number.isInteger(id) && id >= 0 && id < 0xffffffff)) throw usage('EINVAL', `${id} is no number of a user or group`);
  return id;
}
