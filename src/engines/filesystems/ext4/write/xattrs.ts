import { crc32c } from '../../../codecs/crc32c.ts';
import { aclWithMode, isPlainAcl, modeOfAcl, parseAcl } from '../../../core/acl.ts';
import { corrupt, usage } from '../../../core/errors.ts';
import { compareBytes, encodeName, type Name } from '../../../core/names.ts';
import { aclFromDisk, aclToDisk } from '../acl.ts';
import type { Inode } from '../inode.ts';
import { ACL_ACCESS, ACL_DEFAULT, blockEntries, bodyEntries, PREFIXES, type RawEntry, SYSTEM, valueOf } from '../xattr.ts';
import { type Attribute, attributesOf, bodyBytes, hashOfBlock, layOutBlock, layOutBody, references, sameAttributes, sealAttributes, setReferences } from './attribute-area.ts';
import { xattrContext } from './contexts.ts';
import type { Volume } from './volume.ts';

/** XATTR_NAME_MAX and XATTR_SIZE_MAX of Linux: what a kernel that mounts it could set. */
const LONGEST_NAME = 255;
const LARGEST_VALUE = 65536;
/** EXT4_XATTR_REFCOUNT_MAX. */
const MOST_REFERENCES = 1024;
/** compat ext_attr, which is set with the first attribute (ext4_xattr_update_super_block). */
const COMPAT_EXT_ATTR = 0x8;
const OLD_INODE = 128;
/** Kinds of names that ext4 keeps; richacl and the Hurd's are read alone. */
const WRITABLE = [1, ACL_ACCESS, ACL_DEFAULT, 4, 6];
/** Blocks of attributes that are remembered by their hash, to be shared. */
const MOST_SHARED = 4096;

/** Extended attributes while they are changed: in the inode, in a block that equal inodes share, or with a value in an inode of its own. */
export class Attributes {
  readonly #volume: Volume;
  /** h_hash → a block with it that was written lately. */
  readonly #shared = new Map<number, number>();

  constructor(volume: Volume) {
    this.#volume = volume;
  }

  /**
   * @param value as the kernel takes it: ACLs as version 2. An access ACL changes the mode as well, and none is kept that says no more than the mode
   * @throws DiskError usage EEXIST, ENODATA, ENOSPC, ERANGE, ENOTSUP, EPERM, EINVAL, EACCES
   */
  set(node: number, name: Name, value: Uint8Array, how?: 'create' | 'replace'): void {
    const inode = this.#volume.inodes.get(node);
    const { index, rest } = splitName(name);
    mayHold(inode, name, index);
    if (value.length > LARGEST_VALUE) throw usage('ERANGE', `An attribute of ${value.length} bytes is longer than ${LARGEST_VALUE}`);
    const there = this.#find(inode, index, rest) !== undefined;
    if (how === 'create' && there) throw usage('EEXIST', `The attribute ${name} is there already`);
    if (how === 'replace' && !there) throw usage('ENODATA', `There is no attribute ${name}`);
    if (index !== ACL_ACCESS && index !== ACL_DEFAULT) {
      this.#put(node, index, rest, value);
      return;
    }
    const entries = value.length === 0 ? [] : parseAcl(value);
    if (entries === undefined) throw usage('EINVAL', 'That is no valid ACL');
    if (index === ACL_ACCESS && entries.length > 0) {
      const raw = this.#volume.inodes.edit(node);
      raw.i_mode = (raw.i_mode & ~0o777) | modeOfAcl(entries);
    }
    if (entries.length > 0 && !(index === ACL_ACCESS && isPlainAcl(entries))) this.#put(node, index, rest, aclToDisk(entries));
    else if (there) this.#take(node, index, rest);
  }

  /** @throws DiskError usage ENODATA, ENOTSUP */
  remove(node: number, name: Name): void {
    const inode = this.#volume.inodes.get(node);
    const { index, rest } = splitName(name);
    if (this.#find(inode, index, rest) === undefined) throw usage('ENODATA', `There is no attribute ${name}`);
    this.#take(node, index, rest);
  }

  /** Keeps an access ACL in step with a mode that was changed (posix_acl_chmod). */
  followMode(node: number, mode: number): void {
    const acl = this.#acl(node, ACL_ACCESS);
    if (acl !== undefined) this.#put(node, ACL_ACCESS, new Uint8Array(0), aclToDisk(aclWithMode(acl, mode)));
  }

  /** What a new node takes over from its directory's default ACL: an access ACL that goes with its mode, and a directory the default as well. */
  inherit(node: number, dir: number, mode: number): void {
    const inode = this.#volume.inodes.get(node);
    if (inode.type === 'symlink' || !this.#volume.inodes.get(dir).mayHaveAttributes) return;
    const acl = this.#acl(dir, ACL_DEFAULT);
    if (acl === undefined) return;
    if (inode.type === 'dir') this.#put(node, ACL_DEFAULT, new Uint8Array(0), aclToDisk(acl));
    if (!isPlainAcl(acl)) this.#put(node, ACL_ACCESS, new Uint8Array(0), aclToDisk(aclWithMode(acl, mode)));
  }

  /** How many of the attributes have their values in inodes of their own. */
  valuesOutside(node: number): number {
    const inode = this.#volume.inodes.get(node);
    if (!this.#volume.superblock.features.eaInode || !inode.mayHaveAttributes) return 0;
    return [...this.#body(inode), ...this.#block(inode)].filter((attribute) => eaNumber(attribute) !== 0).length;
  }

  /** Gives back all that the attributes of an inode take outside of it, before it is freed. */
  release(node: number): void {
    const inode = this.#volume.inodes.get(node);
    if (!inode.mayHaveAttributes) return;
    for (const attribute of this.#body(inode)) this.#drop(node, attribute, false);
    if (inode.aclBlock === 0) return;
    const shared = this.#isShared(inode);
    for (const attribute of this.#block(inode)) this.#drop(node, attribute, shared);
    this.#setBlock(node, []);
  }

  /** Sets the value of system.data, which inline contents go on in; undefined takes it away. It lies in the inode alone. @returns false when it does not fit there */
  setData(node: number, value: Uint8Array | undefined): boolean {
    const others = this.#body(this.#volume.inodes.get(node)).filter((each) => !isData(each));
    return this.#setBody(node, value === undefined ? others : [{ index: SYSTEM, name: DATA, value }, ...others]);
  }

  /** The most bytes that system.data can have beside the inode's other attributes. */
  longestData(node: number): number {
    const inode = this.#volume.inodes.get(node);
    const others = this.#body(inode).filter((each) => !isData(each));
    return this.#volume.superblock.inodeSize - OLD_INODE - inode.extraSize - bodyBytes([{ index: SYSTEM, name: DATA, value: new Uint8Array(0) }, ...others]);
  }

  #acl(node: number, index: number): ReturnType<typeof parseAcl> {
    const inode = this.#volume.inodes.get(node);
    if (!inode.mayHaveAttributes) return undefined;
    const found = this.#find(inode, index, NO_NAME);
    return found === undefined ? undefined : parseAcl(aclFromDisk(valueOf(xattrContext(this.#volume, inode), found), node));
  }

  #find(inode: Inode, index: number, name: Uint8Array): RawEntry | undefined {
    if (!inode.mayHaveAttributes) return undefined;
    const context = xattrContext(this.#volume, inode);
    return [...bodyEntries(context), ...blockEntries(context)].find((entry) => entry.index === index && compareBytes(entry.name, name) === 0);
  }

  #body(inode: Inode): Attribute[] {
    return attributesOf(bodyEntries(xattrContext(this.#volume, inode)), (number) => this.#eaHash(number));
  }

  #block(inode: Inode): Attribute[] {
    return attributesOf(blockEntries(xattrContext(this.#volume, inode)), (number) => this.#eaHash(number));
  }

  #eaHash(number: number): number {
    return this.#volume.inodes.get(number).raw.i_atime >>> 0;
  }

  /** Sets one attribute: in the inode where it fits there, else in the block, else with its value in an inode (ext4_xattr_set_handle). */
  #put(node: number, index: number, name: Uint8Array, value: Uint8Array): void {
    const { superblock } = this.#volume;
    const inode = this.#volume.inodes.get(node);
    const body = this.#body(inode);
    const block = this.#block(inode);
    const is = (attribute: Attribute): boolean => attribute.index === index && compareBytes(attribute.name, name) === 0;
    const old = [...body, ...block].find(is);
    const inShared = block.some(is) && this.#isShared(inode);
    const { eaInode } = superblock.features;
    // A value that not even an empty block holds has an inode of its own (EXT4_XATTR_MIN_LARGE_EA_SIZE).
    let made: Attribute = { index, name, value: value.slice() };
    const large = eaInode && ((value.length + 3) & ~3) > superblock.blockSize - 20 - 32 - 4;
    if (large) made = { index, name, value: this.#makeEaInode(node, value) };
    if (!this.#place(node, body, block, is, made)) {
      if (!eaInode || large || value.length === 0) throw usage('ENOSPC', `There is no room for an attribute of ${value.length} bytes in inode ${node}`);
      made = { index, name, value: this.#makeEaInode(node, value) };
      if (!this.#place(node, body, block, is, made)) throw usage('ENOSPC', `There is no room for another attribute in inode ${node}`);
    }
    if (old !== undefined) this.#drop(node, old, inShared);
    const word = superblock.raw.s_feature_compat;
    if ((word & COMPAT_EXT_ATTR) === 0) {
      const raw = this.#volume.editSuperblock();
      raw.s_feature_compat |= COMPAT_EXT_ATTR;
    }
  }

  #place(node: number, body: readonly Attribute[], block: readonly Attribute[], is: (attribute: Attribute) => boolean, made: Attribute): boolean {
    // The blocks of the value count as the inode's. Without a block of attributes, e2fsck takes a link that has blocks for one whose target
    // lies in them (ext2fs_inode_has_valid_blocks2).
    const mayLieInBody = eaNumber(made) === 0 || !this.#volume.inodes.get(node).isFastSymlink;
    const there = body.findIndex(is);
    const inBody = there < 0 ? [...body, made] : body.with(there, made);
    const others = block.filter((each) => !is(each));
    if (mayLieInBody && this.#setBody(node, inBody)) {
      if (others.length < block.length) this.#setBlock(node, others);
      return true;
    }
    if (!this.#setBlock(node, [...others, made])) return false;
    if (there >= 0) this.#setBody(node, body.toSpliced(there, 1));
    return true;
  }

  #take(node: number, index: number, name: Uint8Array): void {
    const inode = this.#volume.inodes.get(node);
    const is = (attribute: Attribute): boolean => attribute.index === index && compareBytes(attribute.name, name) === 0;
    const body = this.#body(inode);
    const block = this.#block(inode);
    const old = [...body, ...block].find(is)!;
    const inShared = block.some(is) && this.#isShared(inode);
    if (body.some(is)) this.#setBody(node, body.filter((each) => !is(each)));
    if (block.some(is)) this.#setBlock(node, block.filter((each) => !is(each)));
    this.#drop(node, old, inShared);
  }

  #setBody(node: number, attributes: readonly Attribute[]): boolean {
    const { extraSize } = this.#volume.inodes.get(node);
    const start = OLD_INODE + extraSize;
    const { inodeSize } = this.#volume.superblock;
    // Inodes without i_extra_isize keep nothing behind their first 128 bytes.
    if (extraSize === 0 || start + 4 > inodeSize) return attributes.length === 0;
    const body = new Uint8Array(inodeSize - start);
    if (!layOutBody(body, attributes)) return false;
    const { $view: view, $at: at } = this.#volume.inodes.edit(node);
    new Uint8Array(view.buffer, view.byteOffset + at + start, body.length).set(body);
    return true;
  }

  #isShared(inode: Inode): boolean {
    return inode.aclBlock !== 0 && references(this.#volume.transaction.get(inode.aclBlock, structureOf(inode.node))) > 1;
  }

  /**
   * Gives an inode a block with these attributes: its own, a new one, or an equal one that is known. What it shared before keeps its contents
   * and one reference less (copy on write). Values in inodes count a reference for each block that names them, however many inodes have it.
   * @returns false, with nothing changed, when they don't fit
   */
  #setBlock(node: number, attributes: readonly Attribute[]): boolean {
    const { superblock, transaction, allocator, inodes } = this.#volume;
    const inode = inodes.get(node);
    const old = inode.aclBlock;
    const structure = structureOf(node);
    const cluster = superblock.clusterRatio;
    if (attributes.length === 0) {
      if (old === 0) return true;
      this.#unrefer(old, structure);
      this.#refer(node, 0);
      inodes.charge(node, -cluster);
      return true;
    }
    const bytes = new Uint8Array(superblock.blockSize);
    if (!layOutBlock(bytes, attributes, 1)) return false;
    const shared = this.#isShared(inode);
    if (old !== 0 && !shared) {
      const own = transaction.editOfFile(old, structure);
      own.set(bytes);
      this.#seal(own, old);
      return true;
    }
    let block = this.#equal(bytes, attributes, old);
    if (block !== undefined) {
      const equal = transaction.editOfFile(block, structure);
      setReferences(equal, references(equal) + 1);
      this.#seal(equal, block);
    } else {
      block = allocator.allocate(superblock.groupStart(Math.floor((node - 1) / superblock.inodesPerGroup)), 1, 'metadata').block;
      const fresh = transaction.fresh(block, structure);
      fresh.set(bytes);
      this.#seal(fresh, block);
      // The values that the shared block names are now named by this one as well; a new one was made with its reference.
      if (shared) {
        const before = new Set(this.#block(inode).map(eaNumber));
        for (const attribute of attributes) if (eaNumber(attribute) !== 0 && before.has(eaNumber(attribute))) this.#countValue(eaNumber(attribute), 1);
      }
    }
    if (old === 0) inodes.charge(node, cluster);
    else this.#unrefer(old, structure);
    this.#refer(node, block);
    return true;
  }

  #refer(node: number, block: number): void {
    const raw = this.#volume.inodes.edit(node);
    raw.i_file_acl_lo = block % 2 ** 32;
    raw.i_file_acl_high = Math.floor(block / 2 ** 32);
  }

  #unrefer(block: number, structure: string): void {
    const { transaction, allocator, superblock } = this.#volume;
    const count = references(transaction.get(block, structure)) - 1;
    if (count > 0) {
      const bytes = transaction.editOfFile(block, structure);
      setReferences(bytes, count);
      this.#seal(bytes, block);
      return;
    }
    transaction.forget(block);
    this.#forget();
    allocator.free(block, superblock.clusterRatio);
  }

  #seal(bytes: Uint8Array, block: number): void {
    if (this.#volume.superblock.features.metadataChecksum) sealAttributes(bytes, block, this.#volume.superblock.checksumSeed);
    const hash = hashOfBlock(bytes);
    if (hash === 0) return;
    if (this.#shared.size >= MOST_SHARED) this.#shared.clear();
    this.#shared.set(hash, block);
    // A block that an undone operation allocated is no block of attributes.
    this.#volume.transaction.onUndo(() => { this.#forget(); });
  }

  /** A freed block may hold its old bytes still: none of those that are remembered is trusted any more. */
  #forget(): void {
    this.#shared.clear();
  }

  /** A block that holds just these attributes and can be shared once more. Values in inodes are never shared by us. */
  #equal(bytes: Uint8Array, attributes: readonly Attribute[], old: number): number | undefined {
    if (hashOfBlock(bytes) === 0 || attributes.some((attribute) => eaNumber(attribute) !== 0)) return undefined;
    const block = this.#shared.get(hashOfBlock(bytes));
    if (block === undefined || block === old) return undefined;
    const there = this.#volume.transaction.get(block, `extended attribute block ${block}`);
    return sameAttributes(there, bytes) && references(there) < MOST_REFERENCES ? block : undefined;
  }

  /** Puts a value into an inode of its own, with one reference (ext4_xattr_inode_create). */
  #makeEaInode(node: number, value: Uint8Array): { readonly inode: number; readonly size: number; readonly hash: number } {
    const { inodes, contents, superblock } = this.#volume;
    const hash = crc32c(superblock.checksumSeed, value);
    const { node: made, inode: raw } = inodes.allocate(node, 0o100600, inodes.ownerOf(inodes.get(node)), true);
    raw.i_links_count = 1;
    contents.initialise(made);
    for (let done = 0; done < value.length;) done += writeAll(contents.write(made, done, value.subarray(done)), node);
    // The hash of the value and the count of references stand where others keep times (ext4_xattr_inode_set_hash, ext4_xattr_inode_set_ref).
    const filled = inodes.edit(made);
    filled.i_atime = hash | 0;
    filled.i_ctime = 0;
    filled.i_version = 1;
    if (inodes.get(made).extraSize >= 16) filled.i_atime_extra = filled.i_ctime_extra = 0;
    inodes.charge(node, this.#blocksOf(value.length), 1);
    return { inode: made, size: value.length, hash };
  }

  /** An inode has an attribute less: its value, where that lies in an inode, is given back. @param inShared the reference is a shared block's, which keeps it */
  #drop(node: number, { value }: Attribute, inShared: boolean): void {
    if (value instanceof Uint8Array) return;
    this.#volume.inodes.charge(node, -this.#blocksOf(value.size), -1);
    if (!inShared) this.#countValue(value.inode, -1);
  }

  /** Changes the references of a value's inode; it goes with the last one. */
  #countValue(number: number, change: 1 | -1): void {
    const { inodes, contents } = this.#volume;
    const raw = inodes.edit(number);
    const count = (raw.i_ctime >>> 0) * 2 ** 32 + raw.i_version + change;
    if (count < 0) throw corrupt(`inode ${number}`, 'the value of an extended attribute has no references');
    raw.i_ctime = Math.floor(count / 2 ** 32) | 0;
    raw.i_version = count % 2 ** 32;
    if (count > 0) return;
    raw.i_links_count = 0;
    contents.free(number, 0);
    inodes.free(number);
  }

  #blocksOf(size: number): number {
    const { blockSize, clusterRatio } = this.#volume.superblock;
    return Math.ceil(size / (blockSize * clusterRatio)) * clusterRatio;
  }
}

const DATA = encodeName('data');
/** What follows the prefix of an ACL. */
const NO_NAME = new Uint8Array(0);

function isData({ index, name }: Attribute): boolean {
  return index === SYSTEM && compareBytes(name, DATA) === 0;
}

function writeAll(done: number, node: number): number {
  if (done === 0) throw usage('ENOSPC', `There is no room for a large attribute of inode ${node}`);
  return done;
}

function structureOf(node: number): string {
  return `extended attribute block of inode ${node}`;
}

/** The inode that holds an attribute's value; 0 where it lies beside its name. */
function eaNumber({ value }: Attribute): number {
  return value instanceof Uint8Array ? 0 : value.inode;
}

/** The index that stands for a name's beginning, and the bytes of the rest. @throws DiskError usage ENOTSUP, EINVAL, ERANGE */
function splitName(name: Name): { readonly index: number; readonly rest: Uint8Array } {
  for (const index of WRITABLE) {
    const prefix = PREFIXES.get(index)!;
    if (index === ACL_ACCESS || index === ACL_DEFAULT) {
      if (name === prefix) return { index, rest: NO_NAME };
      continue;
    }
    if (!name.startsWith(prefix)) continue;
    const rest = encodeName(name.slice(prefix.length));
    if (prefix.endsWith('.') && rest.length === 0) throw usage('EINVAL', `${name} is only the beginning of a name`);
    if (prefix.length + rest.length > LONGEST_NAME) throw usage('ERANGE', `The attribute's name is longer than ${LONGEST_NAME} bytes`);
    if (rest.includes(0)) throw usage('EINVAL', 'An attribute\'s name can\'t hold NUL');
    return { index, rest };
  }
  throw usage('ENOTSUP', `ext4 keeps no attributes named ${name}; it has user., trusted., security. and ACLs`);
}

/** What Linux allows on which kinds of files (xattr_permission, ext4_xattr_set_acl). */
function mayHold(inode: Inode, name: Name, index: number): void {
  if (index === 1 && inode.type !== 'file' && inode.type !== 'dir') throw usage('EPERM', `A ${inode.type} can't have the attribute ${name}: user. is for files and folders`);
  if ((index === ACL_ACCESS || index === ACL_DEFAULT) && inode.type === 'symlink') throw usage('ENOTSUP', 'A symbolic link has no ACL');
  if (index === ACL_DEFAULT && inode.type !== 'dir') throw usage('EACCES', 'Only a folder has a default ACL');
}
