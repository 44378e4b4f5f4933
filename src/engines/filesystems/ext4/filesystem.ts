import type { BlockDevice } from '../../core/bytes/device.ts';
import { corrupt, DiskError, usage } from '../../core/errors.ts';
import type { Cursor, FileExtent, FileExtents, FileSystem, ListBatch, NodeId, Note, Section, Stat, VolumeInfo, Xattrs } from '../../core/filesystem.ts';
import { decodeName, type Name } from '../../core/names.ts';
import type { Writer } from '../../core/writer.ts';
import { BlockMapping } from './block-map.ts';
import type { DeviceBlocks } from './blocks.ts';
import { describeInode } from './describe.ts';
import { type DirectoryContext, listDirectory } from './directory.ts';
import { ExtentMapping } from './extents.ts';
import type { Groups } from './groups.ts';
import { lookupHashed } from './htree.ts';
import { inlineParts, readInline } from './inline-data.ts';
import type { Inode, InodeTable } from './inode.ts';
import { INODE, INODE_FLAGS, SUPERBLOCK_FLAGS } from './layout.ts';
import { mappedRuns, type Mapping, readMapped } from './mapping.ts';
import { Ext4Structures } from './structures/index.ts';
import type { Superblock } from './superblock.ts';
import { type EaInode, readXattrs, type Xattr, type XattrContext } from './xattr.ts';

/** Inodes kept with their maps, for reads that go on. */
const KEPT_INODES = 64;

const NO_NAMES: readonly Name[] = [];

/** EXT4_XATTR_SIZE_MAX: no value of an extended attribute is longer. */
const LONGEST_VALUE = 1 << 24;

/** What a filesystem that is changed has beside its tree. */
export interface Writing {
  readonly writer: Writer;
  /** What is free by now, as VolumeInfo tells it. */
  free(): Pick<VolumeInfo, 'free' | 'inodes'>;
  /** A node that may have no name any more, as it is held. */
  held(node: NodeId): Inode | undefined;
  /** Makes everything durable, and leaves the device as an unmounted filesystem is left. @throws DiskError io */
  close(): void;
}

/** An ext2, ext3 or ext4 filesystem. Node numbers are inode numbers. */
export class Ext4FileSystem implements FileSystem {
  readonly root: NodeId = INODE.root;
  readonly xattrs: Xattrs;
  readonly extents: FileExtents;
  readonly structures: Ext4Structures;
  readonly writer?: Writer;
  readonly #info: VolumeInfo;
  readonly #writing: Writing | undefined;
  readonly #superblock: Superblock;
  readonly #blocks: DeviceBlocks;
  readonly #inodes: InodeTable;
  readonly #orphans: ReadonlySet<NodeId>;
  readonly #note: (note: Note) => void;
  readonly #kept = new Map<NodeId, Inode>();
  /** The inode that the last call was about. */
  #last: Inode | undefined;
  #looked: Inode | undefined;
  #closed = false;

  /**
   * @param device where file extents are offsets on
   * @param orphans inodes in the list of those that were deleted or cut while they were open
   * @param writing there when it is changed
   */
  constructor(info: VolumeInfo, superblock: Superblock, device: BlockDevice, blocks: DeviceBlocks, groups: Groups, inodes: InodeTable, orphans: readonly NodeId[], note: (note: Note) => void, writing?: Writing) {
    this.#info = info;
    this.#writing = writing;
    if (writing !== undefined) this.writer = writing.writer;
    this.#superblock = superblock;
    this.#blocks = blocks;
    this.#inodes = inodes;
    this.#orphans = new Set(orphans);
    this.#note = note;
    this.xattrs = {
      list: (node) => (this.#look(node).mayHaveAttributes ? [...this.#attributes(node).keys()] : NO_NAMES),
      get: (node, name) => this.#attributes(node).get(name)?.value(),
    };
    this.structures = new Ext4Structures({
      superblock, groups, device,
      mapped: (node) => {
        const inode = this.#keep(node);
        return { inode, mapping: this.#mapping(inode) };
      },
    });
    this.extents = { device, map: (node) => this.#extents(node) };
  }

  get info(): VolumeInfo {
    return this.#writing === undefined ? this.#info : { ...this.#info, ...this.#writing.free() };
  }

  lookup(dir: NodeId, name: Name): NodeId | undefined {
    return lookupHashed(this.#directory(dir), name)?.node;
  }

  stat(node: NodeId): Stat {
    return this.#look(node);
  }

  list(dir: NodeId, cursor?: Cursor): ListBatch {
    return listDirectory(this.#directory(dir), cursor);
  }

  read(node: NodeId, at: number, into: Uint8Array): number {
    const inode = this.#keep(node);
    if (inode.type === 'dir') throw usage('EISDIR', `Inode ${node} is a directory`);
    if (inode.type !== 'file') throw usage('EINVAL', `Inode ${node} is a ${inode.type}, which has no contents`);
    if (!Number.isSafeInteger(at) || at < 0) throw usage('EINVAL', `${at} is no offset`);
    if (inode.has(INODE_FLAGS.encrypt)) throw locked(`The contents of inode ${node} are encrypted`);
    const length = Math.min(into.length, inode.size - at);
    if (length <= 0) return 0;
    this.#readInode(inode, at, length === into.length ? into : into.subarray(0, length));
    return length;
  }

  readlink(node: NodeId): Name {
    const inode = this.#keep(node);
    if (inode.type !== 'symlink') throw usage('EINVAL', `Inode ${node} is no symbolic link`);
    if (inode.has(INODE_FLAGS.encrypt)) throw locked(`The target of symbolic link inode ${node} is encrypted`);
    if (inode.size === 0) throw corrupt(`inode ${node}`, 'it is a symbolic link with no target', inode.at);
    let target: Uint8Array;
    if (inode.isFastSymlink) {
      target = inode.block.subarray(0, inode.size);
    } else {
      // The kernel ends a target within its one block, whatever the size says (ext4_get_link).
      const longest = this.#superblock.blockSize - 1;
      if (inode.size > longest) {
        this.#note({ severity: 'error', message: `Inode ${node} is a symbolic link with a target of ${inode.size} bytes; what its block holds is shown`, place: { structure: `inode ${node}`, at: inode.at } });
      }
      target = new Uint8Array(Math.min(inode.size, longest));
      this.#readInode(inode, 0, target);
    }
    // The kernel hands targets on as C strings.
    const end = target.indexOf(0);
    return decodeName(target, 0, end < 0 ? target.length : end);
  }

  describe(node: NodeId): Section[] {
    const inode = this.#keep(node);
    return describeInode({
      inode, superblock: this.#superblock, orphan: this.#orphans.has(node), blocks: this.#blocks, xattrs: this.#xattrContext(inode),
      ...(inode.type === 'dir' ? { directory: () => this.#directory(node) } : {}),
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.forget();
    this.#writing?.close();
  }

  /** What was read of inodes is out of date. */
  forget(): void {
    this.#kept.clear();
    this.#last = undefined;
    this.#looked = undefined;
  }

  /** For one look: a walk asks for an inode's status and then its attributes, and decodes it once. */
  #look(node: NodeId): Inode {
    if (this.#looked?.node === node) return this.#looked;
    if (this.#closed) throw usage('EBADF', 'The filesystem is closed');
    this.#looked = this.#writing?.held(node) ?? this.#inodes.get(node);
    return this.#looked;
  }

  /** For contents: with its map, which reads that go on use again. */
  #keep(node: NodeId): Inode {
    if (this.#last?.node === node) return this.#last;
    let inode = this.#kept.get(node);
    if (inode === undefined) {
      inode = this.#look(node);
      if (this.#kept.size >= KEPT_INODES) this.#kept.delete(this.#kept.keys().next().value!);
      this.#kept.set(node, inode);
    }
    this.#last = inode;
    return inode;
  }

  #readInode(inode: Inode, at: number, into: Uint8Array): void {
    if (inode.has(INODE_FLAGS.inlineData)) readInline(inode, this.#xattrContext(inode), at, into);
    else readMapped(this.#mapping(inode), this.#blocks, at, into);
  }

  #mapping(inode: Inode): Mapping {
    inode.mapping ??= inode.has(INODE_FLAGS.extents)
      ? new ExtentMapping({
        blocks: this.#blocks, inode: inode.node, root: inode.block, rootAt: inode.at + 0x28,
        checksumSeed: this.#superblock.features.metadataChecksum ? inode.checksumSeed : undefined, note: this.#note,
      })
      : new BlockMapping(this.#blocks, inode.node, inode.block);
    return inode.mapping;
  }

  #directory(dir: NodeId): DirectoryContext {
    const inode = this.#keep(dir);
    if (inode.type !== 'dir') throw usage('ENOTDIR', `Inode ${dir} is no directory`);
    const { features, raw } = this.#superblock;
    const physical = (logical: number): number | undefined => {
      const run = this.#mapping(inode).find(logical);
      return run.unwritten ? undefined : run.physical;
    };
    const context: DirectoryContext = {
      inode: dir,
      generation: inode.raw.i_generation,
      size: inode.size,
      flags: inode.raw.i_flags,
      blockSize: this.#blocks.blockSize,
      blockCount: this.#blocks.count,
      block: (logical) => {
        const block = physical(logical);
        return block === undefined ? undefined : this.#blocks.get(block, `directory block ${logical} of inode ${dir}`);
      },
      place: (logical) => {
        const block = physical(logical);
        return block === undefined ? undefined : this.#blocks.at(block);
      },
      next: (logical) => nextMapped(this.#mapping(inode), logical),
      hasFiletype: features.filetype,
      hasChecksum: features.metadataChecksum,
      checksumSeed: inode.checksumSeed,
      inodeCount: this.#superblock.inodeCount,
      encrypted: inode.has(INODE_FLAGS.encrypt),
      casefolded: inode.has(INODE_FLAGS.casefold),
      dirIndex: features.dirIndex,
      largeDir: features.largeDir,
      hashSeed: raw.s_hash_seed,
      hashVersionDefault: raw.s_def_hash_version,
      signedness: (raw.s_flags & SUPERBLOCK_FLAGS.unsignedHash) !== 0 ? 'unsigned' : 'signed',
      note: this.#note,
    };
    // Not within the rest: an object that takes in another one takes V8 longer to make than all else in here.
    return inode.has(INODE_FLAGS.inlineData) ? { ...context, inline: inlineParts(inode, this.#xattrContext(inode)) } : context;
  }

  #attributes(node: NodeId): Map<Name, Xattr> {
    return readXattrs(this.#xattrContext(this.#look(node)));
  }

  #xattrContext(inode: Inode): XattrContext {
    const { features, blockSize, checksumSeed, inodeCount } = this.#superblock;
    const structure = `extended attribute block of inode ${inode.node}`;
    return {
      inode: inode.node,
      generation: inode.raw.i_generation,
      raw: inode.bytes,
      rawAt: inode.at,
      extraSize: inode.extraSize,
      aclBlock: inode.aclBlock,
      blockSize,
      block: (block) => this.#blocks.get(block, structure),
      place: (block) => this.#blocks.at(block),
      hasChecksum: features.metadataChecksum,
      filesystemSeed: checksumSeed,
      inodeCount,
      ...(features.eaInode ? { eaInode: (number: number) => this.#eaInode(number) } : {}),
      note: this.#note,
    };
  }

  #eaInode(number: number): EaInode {
    const inode = this.#inodes.get(number);
    return {
      flags: inode.raw.i_flags,
      size: inode.size,
      generation: inode.raw.i_generation,
      hash: inode.raw.i_atime >>> 0,
      parent: inode.raw.i_mtime >>> 0,
      read: () => {
        if (inode.size > LONGEST_VALUE || inode.has(INODE_FLAGS.inlineData)) throw corrupt(`inode ${number}`, `it can't hold an extended attribute of ${inode.size} bytes`, inode.at);
        const value = new Uint8Array(inode.size);
        this.#readInode(inode, 0, value);
        return value;
      },
    };
  }

  *#extents(node: NodeId): Iterable<FileExtent> {
    const inode = this.#keep(node);
    if (inode.type !== 'file') throw usage(inode.type === 'dir' ? 'EISDIR' : 'EINVAL', `Inode ${node} is no file`);
    if (inode.has(INODE_FLAGS.inlineData)) {
      if (inode.size > 0) yield { logical: 0, length: inode.size, physical: undefined };
      return;
    }
    const size = this.#blocks.blockSize;
    const encrypted = inode.has(INODE_FLAGS.encrypt);
    for (const run of mappedRuns(this.#mapping(inode))) {
      // Blocks behind the end are preallocated, or hold a verity file's Merkle tree.
      if (run.logical * size >= inode.size) return;
      if (run.unwritten) {
        yield { logical: run.logical * size, length: run.count * size, physical: this.#blocks.at(run.physical), unwritten: true };
        continue;
      }
      for (const part of this.#blocks.parts(run.physical, run.count)) {
        yield {
          logical: (run.logical + part.block - run.physical) * size,
          length: part.count * size,
          physical: part.inPlace && !encrypted ? this.#blocks.at(part.block) : undefined,
        };
      }
    }
  }
}

/** The first logical block from `logical` on that is mapped; undefined when there is none. */
function nextMapped(mapping: Mapping, logical: number): number | undefined {
  let at = logical;
  for (let steps = 0; steps <= mapping.mostRuns; steps++) {
    const run = mapping.find(at);
    if (run.physical !== undefined && !run.unwritten) return at;
    if (run.count === Infinity) return undefined;
    at += run.count;
  }
  return undefined;
}

function locked(message: string): DiskError {
  return new DiskError({ kind: 'locked', what: 'fscrypt' }, message, 'Clutch has no way yet to be given the key.');
}
