import { crc32c, crc32cOf32 } from '../../../codecs/crc32c.ts';
import { corrupt } from '../../../core/errors.ts';
import type { Superblock } from '../superblock.ts';
import { Ext4OrphanBlockTail, ORPHAN_MAGIC } from '../layout.ts';
import type { Transaction } from './transaction.ts';
import type { Contents, Inodes, Orphans, Volume } from './volume.ts';

/** Bit of s_feature_ro_compat: the orphan file has entries. */
const ORPHAN_PRESENT = 0x10000;

/** What the list of orphans works with. */
export interface OrphanWriterContext {
  readonly superblock: Superblock;
  readonly transaction: Transaction;
  readonly inodes: Inodes;
  readonly contents: Contents;
  editSuperblock: Volume['editSuperblock'];
}

/** A number in the orphan file. */
interface Slot {
  readonly block: number;
  readonly at: number;
}

/**
 * Inodes that are to be freed, or cut to their size, if the power goes now (kernel orphan.c): in the orphan file where the filesystem has one and
 * it has room, else in the list from s_last_orphan through i_dtime.
 */
export class OrphanWriter implements Orphans {
  readonly #context: OrphanWriterContext;
  /** Blocks of the orphan file; found when it is first needed. */
  #blocks: readonly number[] | undefined;
  /** Where the orphans that we put into the file stand. */
  readonly #slots = new Map<number, Slot>();
  /** Orphans in the list. */
  readonly #listed = new Set<number>();

  constructor(context: OrphanWriterContext) {
    this.#context = context;
  }

  adopt(): readonly number[] {
    const { superblock: sb, transaction, inodes } = this.#context;
    for (let node = sb.raw.s_last_orphan; node !== 0;) {
      if (node > sb.inodeCount || this.#listed.has(node)) throw corrupt('orphan list', `it comes to inode ${node}, which ${this.#listed.has(node) ? 'it has already' : 'is none'}`);
      this.#listed.add(node);
      node = inodes.get(node).raw.i_dtime;
    }
    if (sb.features.orphanFile && sb.features.orphanPresent) {
      for (const block of this.#fileBlocks()) {
        const bytes = transaction.get(block, 'block of the orphan file');
        const tailAt = bytes.length - Ext4OrphanBlockTail.size;
        const tail = Ext4OrphanBlockTail.at(bytes, tailAt);
        if (tail.ob_magic !== ORPHAN_MAGIC || (sb.features.metadataChecksum && tail.ob_checksum !== this.#checksum(block, bytes))) throw corrupt('block of the orphan file', 'its magic number or checksum is wrong', transaction.at(block), bytes.length);
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        for (let at = 0; at + 4 <= tailAt; at += 4) {
          const node = view.getUint32(at, true);
          if (node === 0) continue;
          if (node > sb.inodeCount || this.#slots.has(node) || this.#listed.has(node)) throw corrupt('block of the orphan file', `inode ${node} is twice in it, or is none`, transaction.at(block), bytes.length);
          this.#slots.set(node, { block, at });
        }
      }
    }
    return [...this.#listed, ...this.#slots.keys()];
  }

  add(node: number): void {
    if (this.#slots.has(node) || this.#listed.has(node)) return;
    const { transaction, inodes, editSuperblock } = this.#context;
    if (this.#context.superblock.features.orphanFile && this.#addToFile(node)) return;
    const superblock = editSuperblock();
    inodes.edit(node).i_dtime = superblock.s_last_orphan;
    superblock.s_last_orphan = node;
    this.#listed.add(node);
    transaction.onUndo(() => { this.#listed.delete(node); });
  }

  remove(node: number): void {
    const slot = this.#slots.get(node);
    if (slot !== undefined) this.#removeFromFile(node, slot);
    else if (this.#listed.has(node)) this.#removeFromList(node);
  }

  #removeFromList(node: number): void {
    const { superblock: sb, transaction, inodes, editSuperblock } = this.#context;
    const superblock = editSuperblock();
    const raw = inodes.edit(node);
    const next = raw.i_dtime;
    if (superblock.s_last_orphan === node) {
      superblock.s_last_orphan = next;
    } else {
      let at = superblock.s_last_orphan;
      // Bounded: the list holds what we put there, and each of them once.
      for (let steps = 0; at !== 0 && at <= sb.inodeCount && inodes.get(at).raw.i_dtime !== node; steps++) {
        if (steps > this.#listed.size) throw corrupt('orphan list', `inode ${node} is not in it`);
        at = inodes.get(at).raw.i_dtime;
      }
      if (at === 0) throw corrupt('orphan list', `inode ${node} is not in it`);
      inodes.edit(at).i_dtime = next;
    }
    raw.i_dtime = 0;
    this.#listed.delete(node);
    transaction.onUndo(() => { this.#listed.add(node); });
  }

  #addToFile(node: number): boolean {
    const { transaction, editSuperblock } = this.#context;
    const tailAt = transaction.blockSize - Ext4OrphanBlockTail.size;
    for (const block of this.#fileBlocks()) {
      const seen = transaction.get(block, 'block of the orphan file');
      const view = new DataView(seen.buffer, seen.byteOffset, seen.byteLength);
      for (let at = 0; at + 4 <= tailAt; at += 4) {
        if (view.getUint32(at, true) !== 0) continue;
        this.#set({ block, at }, node);
        this.#slots.set(node, { block, at });
        transaction.onUndo(() => { this.#slots.delete(node); });
        const superblock = editSuperblock();
        superblock.s_feature_ro_compat = (superblock.s_feature_ro_compat | ORPHAN_PRESENT) >>> 0;
        return true;
      }
    }
    return false;
  }

  #removeFromFile(node: number, slot: Slot): void {
    const { transaction, editSuperblock } = this.#context;
    this.#set(slot, 0);
    this.#slots.delete(node);
    transaction.onUndo(() => { this.#slots.set(node, slot); });
    const superblock = editSuperblock();
    if (this.#slots.size === 0) superblock.s_feature_ro_compat = (superblock.s_feature_ro_compat & ~ORPHAN_PRESENT) >>> 0;
  }

  #set({ block, at }: Slot, value: number): void {
    const { superblock, transaction } = this.#context;
    const bytes = transaction.editOfFile(block, 'block of the orphan file');
    const tail = Ext4OrphanBlockTail.at(bytes, bytes.length - Ext4OrphanBlockTail.size);
    if (tail.ob_magic !== ORPHAN_MAGIC) throw corrupt('block of the orphan file', 'its magic number is missing', transaction.at(block), bytes.length);
    new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).setUint32(at, value, true);
    if (superblock.features.metadataChecksum) tail.ob_checksum = this.#checksum(block, bytes);
  }

  /** Seeded with the inode, over the block's number and its entries (ext4_orphan_file_block_csum). */
  #checksum(block: number, bytes: Uint8Array): number {
    const { superblock, inodes } = this.#context;
    const seed = inodes.get(superblock.raw.s_orphan_file_inum).checksumSeed;
    const numbered = crc32cOf32(crc32cOf32(seed, block % 2 ** 32), Math.floor(block / 2 ** 32));
    return crc32c(numbered, bytes, 0, bytes.length - Ext4OrphanBlockTail.size);
  }

  /** The blocks of the orphan file, none where it is not as it should be: the list does as well. */
  #fileBlocks(): readonly number[] {
    if (this.#blocks !== undefined) return this.#blocks;
    const { superblock, inodes, contents, transaction } = this.#context;
    const node = superblock.raw.s_orphan_file_inum;
    const { size } = inodes.get(node);
    const mapping = contents.mapping(node);
    const blocks: number[] = [];
    // EXT4_MAX_ORPHAN_FILE_BLOCKS
    for (let logical = 0; logical < Math.min(512, Math.floor(size / transaction.blockSize)); logical++) {
      const { physical, unwritten } = mapping.find(logical);
      if (physical === undefined || unwritten) throw corrupt(`inode ${node}`, `the orphan file has a hole at block ${logical}`);
      blocks.push(physical);
    }
    return this.#blocks = blocks;
  }
}
