import { corrupt, usage } from '../../../core/errors.ts';
import type { WriteAccess } from '../../../core/probe.ts';
import type { Note } from '../../../core/filesystem.ts';
import type { Groups } from '../groups.ts';
import { inodePlace } from '../inode-place.ts';
import { checksumsOf, decodeInode, EXTRA_END, type Inode } from '../inode.ts';
import { Ext4InodeExtra, type Ext4InodeView, INODE, INODE_FLAGS } from '../layout.ts';
import type { Superblock } from '../superblock.ts';
import { clearBits, firstClear, setBits } from './bitmap.ts';
import type { GroupTable } from './groups.ts';
import { choosePlace } from './placement.ts';
import type { Usage } from './quota.ts';
import { setTime } from './times.ts';
import type { Transaction } from './transaction.ts';
import type { Inodes, Owner } from './volume.ts';

const S_IFMT = 0xf000;
const S_IFDIR = 0x4000;
/** Bytes past the first 128 that every inode of today has (struct ext4_inode up to i_projid). */
const EXTRA_SIZE = 32;
/** i_blocks of 48 bits. */
const MOST_SECTORS_HUGE = 2 ** 48 - 1;

/** What the inode tables of a filesystem that is being changed work with. */
export interface InodeContext {
  readonly superblock: Superblock;
  readonly transaction: Transaction;
  readonly groups: Groups;
  readonly table: GroupTable;
  readonly charges: Usage;
  readonly access: WriteAccess;
  note(note: Note): void;
}

/** The inode tables, to be changed. */
export class InodeWriter implements Inodes {
  readonly #context: InodeContext;
  /** Inodes whose checksum was found sound, or made by us, since it was opened. */
  readonly #sound = new Set<number>();
  /** The block that was looked at last, and a view of it: an operation looks at one many times. */
  #block: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(this.#block.buffer);

  constructor(context: InodeContext) {
    this.#context = context;
  }

  get(node: number): Inode {
    const { superblock, transaction, groups } = this.#context;
    const { block, at } = inodePlace(superblock, groups, node);
    const bytes = transaction.get(block, `inode table block of inode ${node}`);
    return this.#decode(node, bytes, at, transaction.at(block) + at);
  }

  edit(node: number): Ext4InodeView {
    const { superblock, transaction, groups } = this.#context;
    const { block, at } = inodePlace(superblock, groups, node);
    const bytes = transaction.edit(block, `inode table block of inode ${node}`);
    if (superblock.features.metadataChecksum && !this.#sound.has(node)) {
      // A new checksum over damage would hide it for good. Inodes that were never used have none.
      const { stored, computed } = this.#checksums(node, bytes, at);
      if (stored !== computed && bytes.subarray(at, at + superblock.inodeSize).some((byte) => byte !== 0)) throw corrupt(`inode ${node}`, 'its checksum does not match, so it is not changed', transaction.at(block) + at, superblock.inodeSize);
      this.#remember(node);
    }
    this.#sealAtEnd(node);
    return this.#over(bytes, at);
  }

  allocate(parent: number, mode: number, owner: Owner, forValue = false): { readonly node: number; readonly inode: Ext4InodeView } {
    const { superblock: sb, transaction, table, groups, charges, access } = this.#context;
    const isDirectory = (mode & S_IFMT) === S_IFDIR;
    const group = choosePlace(sb, table, Math.floor((parent - 1) / sb.inodesPerGroup), isDirectory, parent);
    const index = this.#freeIndex(group);
    // Reserved inodes are marked as used; where an image says otherwise they are left alone all the same.
    setBits(table.editInodeBitmap(group), index, 1);
    const node = group * sb.inodesPerGroup + index + 1;
    table.add(group, { inodes: -1, directories: isDirectory ? 1 : 0, usedInodes: index + 1 });
    if (!forValue) charges.add(owner, 0, 1);

    const { block, at } = inodePlace(sb, groups, node);
    const bytes = transaction.edit(block, `inode table block of inode ${node}`);
    // Whatever stands there is of a deleted inode, or was never written.
    bytes.fill(0, at, at + sb.inodeSize);
    const inode = this.#over(bytes, at);
    const extraSize = this.#extraSize;
    if (sb.inodeSize > 128) inode.i_extra_isize = extraSize;
    inode.i_mode = mode;
    if (forValue) inode.i_flags = INODE_FLAGS.eaInode;
    const random = new Uint8Array(4);
    access.random(random);
    inode.i_generation = new DataView(random.buffer).getUint32(0, true);
    this.#setOwner(inode, extraSize, owner);
    const now = access.now();
    for (const name of ['atime', 'ctime', 'mtime', 'crtime'] as const) setTime(inode, extraSize, name, now);
    this.#remember(node);
    this.#sealAtEnd(node);
    return { node, inode };
  }

  free(node: number): void {
    const { superblock: sb, table, charges, access } = this.#context;
    const inode = this.get(node);
    const raw = this.edit(node);
    const group = Math.floor((node - 1) / sb.inodesPerGroup);
    const index = (node - 1) % sb.inodesPerGroup;
    const bitmap = table.editInodeBitmap(group);
    if (firstClear(bitmap, index, index + 1) === index) throw corrupt(`inode bitmap of group ${group}`, `inode ${node} is free already`);
    clearBits(bitmap, index, 1);
    table.add(group, { inodes: 1, directories: inode.type === 'dir' ? -1 : 0 });
    if (this.#isCharged(inode)) charges.add(this.ownerOf(inode), 0, -1);
    raw.i_links_count = 0;
    raw.i_size_lo = 0;
    raw.i_size_high = 0;
    // 0 would say that it is in use, and a small number that it is in the list of orphans.
    raw.i_dtime = Math.max(sb.inodeCount + 1, Number(access.now() / 1_000_000_000n) & 0x7fffffff) >>> 0;
  }

  ownerOf(inode: Inode): Owner {
    return { uid: inode.uid, gid: inode.gid, project: inode.project };
  }

  setOwner(node: number, owner: Owner, inodes = 1): void {
    const { charges } = this.#context;
    const inode = this.get(node);
    const bytes = this.#blockBytes(inode);
    const counts = this.#isCharged(inode);
    if (counts) charges.add(this.ownerOf(inode), -bytes, -inodes);
    const raw = this.edit(node);
    this.#setOwner(raw, inode.extraSize, owner);
    if (counts) charges.add(this.ownerOf(this.get(node)), bytes, inodes);
  }

  charge(node: number, blocks: number, inodes = 0): void {
    if (blocks === 0 && inodes === 0) return;
    const { superblock: sb, charges } = this.#context;
    const inode = this.get(node);
    if (blocks !== 0) {
      const raw = this.edit(node);
      const bytes = this.#blockBytes(inode) + blocks * sb.blockSize;
      if (bytes < 0) throw corrupt(`inode ${node}`, 'it says that it has fewer blocks than it has', inode.at, sb.inodeSize);
      this.#setBlockBytes(raw, bytes);
    }
    if (this.#isCharged(inode)) charges.add(this.ownerOf(inode), blocks * sb.blockSize, inodes);
  }

  #over(bytes: Uint8Array, at: number): Ext4InodeView {
    if (bytes !== this.#block) {
      this.#block = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    return Ext4InodeExtra.over(this.#view, at);
  }

  #decode(node: number, bytes: Uint8Array, at: number, place: number): Inode {
    const raw = this.#over(bytes, at);
    return decodeInode(this.#context.superblock, node, raw, place, true, (message) => { throw corrupt(`inode ${node}`, message, place, this.#context.superblock.inodeSize); });
  }

  #sealAtEnd(node: number): void {
    const { superblock, transaction, groups } = this.#context;
    if (!superblock.features.metadataChecksum) return;
    transaction.atEnd(node, () => {
      const { block, at } = inodePlace(superblock, groups, node);
      // What an inner operation did to it may have been undone.
      if (transaction.changed(block) === undefined) return;
      const bytes = transaction.edit(block, `inode table block of inode ${node}`);
      const { computed, wide } = this.#checksums(node, bytes, at);
      const raw = this.#over(bytes, at);
      raw.i_checksum_lo = computed & 0xffff;
      if (wide) raw.i_checksum_hi = computed >>> 16;
    });
  }

  #checksums(node: number, bytes: Uint8Array, at: number): { readonly stored: number; readonly computed: number; readonly wide: boolean } {
    const { superblock: sb } = this.#context;
    const raw = this.#over(bytes, at);
    const extra = sb.inodeSize > 128 && raw.i_extra_isize % 4 === 0 && 128 + raw.i_extra_isize <= sb.inodeSize ? raw.i_extra_isize : 0;
    return { ...checksumsOf(sb, node, raw, extra), wide: extra >= EXTRA_END.checksumHi };
  }

  #remember(node: number): void {
    // Bounded; a checksum that is looked at twice costs little.
    if (this.#sound.size > 100_000) this.#sound.clear();
    this.#sound.add(node);
    this.#context.transaction.onUndo(() => { this.#sound.delete(node); });
  }

  /** i_extra_isize of new inodes: what s_want_extra_isize asks for, where it fits (ext4_fill_super). */
  get #extraSize(): number {
    const { inodeSize, features, raw } = this.#context.superblock;
    if (inodeSize <= 128) return 0;
    const wanted = features.extraIsize ? Math.max(EXTRA_SIZE, raw.s_want_extra_isize, raw.s_min_extra_isize) : EXTRA_SIZE;
    return wanted % 4 === 0 && 128 + wanted <= inodeSize ? wanted : EXTRA_SIZE;
  }

  #setOwner(raw: Ext4InodeView, extraSize: number, { uid, gid, project }: Owner): void {
    raw.i_uid = uid & 0xffff;
    raw.i_uid_high = uid >>> 16;
    raw.i_gid = gid & 0xffff;
    raw.i_gid_high = gid >>> 16;
    if (this.#context.superblock.features.project && extraSize >= EXTRA_END.projid) raw.i_projid = project;
  }

  /** Whether somebody is charged with it: not the filesystem's own inodes, nor values of attributes, which are charged to who has them (e2fsck check_blocks). */
  #isCharged(inode: Inode): boolean {
    const { s_prj_quota_inum: projects, s_orphan_file_inum: orphans } = this.#context.superblock.raw;
    if (inode.has(INODE_FLAGS.eaInode) || inode.node === projects || inode.node === orphans) return false;
    return inode.node === INODE.root || inode.node >= this.#firstInode;
  }

  #freeIndex(group: number): number {
    const { superblock: sb, table } = this.#context;
    const index = firstClear(table.inodeBitmap(group), group === 0 ? this.#firstInode - 1 : 0, sb.inodesPerGroup);
    if (index >= sb.inodesPerGroup) throw corrupt(`inode bitmap of group ${group}`, 'the descriptor counts free inodes, but it has none');
    return index;
  }

  get #firstInode(): number {
    return this.#context.superblock.raw.s_rev_level === 0 ? 11 : this.#context.superblock.raw.s_first_ino;
  }

  /** i_blocks in bytes. */
  #blockBytes({ raw }: Inode): number {
    const { features, blockSize } = this.#context.superblock;
    if (!features.hugeFile) return raw.i_blocks_lo * 512;
    return (raw.i_blocks_lo + raw.i_blocks_high * 2 ** 32) * ((raw.i_flags & INODE_FLAGS.hugeFile) !== 0 ? blockSize : 512);
  }

  /** i_blocks in sectors, or in blocks when there are too many of those (ext4_inode_blocks_set). */
  #setBlockBytes(raw: Ext4InodeView, bytes: number): void {
    const { features, blockSize } = this.#context.superblock;
    const sectors = bytes / 512;
    if (!features.hugeFile) {
      if (sectors > 0xffffffff) throw usage('EFBIG', 'A file of this filesystem can have no more than 2 TiB of blocks');
      raw.i_blocks_lo = sectors;
      return;
    }
    const inBlocks = sectors > MOST_SECTORS_HUGE;
    const count = inBlocks ? bytes / blockSize : sectors;
    raw.i_flags = (inBlocks ? raw.i_flags | INODE_FLAGS.hugeFile : raw.i_flags & ~INODE_FLAGS.hugeFile) >>> 0;
    raw.i_blocks_lo = count % 2 ** 32;
    raw.i_blocks_high = Math.floor(count / 2 ** 32);
  }
}
