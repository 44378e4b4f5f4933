import { crc32c } from '../../codecs/crc32c.ts';
import { corrupt, isDiskError, unsupported } from '../../core/errors.ts';
import type { Note } from '../../core/filesystem.ts';
import type { DeviceBlocks } from './blocks.ts';
import { inodeChecksum, inodeSeed } from './checksum.ts';
import { ExtentMapping } from './extents.ts';
import { Groups } from './groups.ts';
import { inodePlace } from './inode-place.ts';
import { type FastCommitRecord, TAG } from './journal/fast-commit.ts';
import type { JournalMap } from './journal/replay.ts';
import { Ext4Extent, Ext4ExtentHeader, Ext4ExtentIdx, Ext4InodeExtra, EXTENT_INIT_MAX, EXTENT_MAGIC, INODE_FLAGS } from './layout.ts';
import { mappedRuns } from './mapping.ts';
import type { Superblock } from './superblock.ts';

/**
 * Fast commits replayed into the journal's map (ext4_fc_replay in fs/ext4/fast_commit.c). They speak of inodes and names, so the blocks that the
 * kernel would write are made here, in memory: inode tables, directory blocks, extent trees. Blocks that the kernel would have to
 * allocate for them are taken from the fast commits' own area, which nothing else reads.
 * @param free blocks that are taken before those: what is written to the device must not lie in the journal
 */
export function withFastCommits(superblock: Superblock, blocks: DeviceBlocks, map: JournalMap, note: (note: Note) => void, free: readonly number[] = []): JournalMap {
  const { fastCommits } = map;
  if (fastCommits === undefined) return map;
  try {
    const replay = new FastCommitReplay(superblock, blocks, [...fastCommits.area.map((at) => at / superblock.blockSize), ...free], note);
    for (const record of fastCommits.records) replay.apply(record);
    const made = replay.finish();
    const all = new Set([...map.blocks(), ...made.keys()]);
    return {
      ...map, size: all.size,
      get: (block) => made.get(block) ?? map.get(block),
      at: (block) => (made.has(block) ? undefined : map.at(block)),
      blocks: () => all,
    };
  } catch (error) {
    if (!isDiskError(error)) throw error;
    note({
      severity: 'warning',
      message: `The journal ends in fast commits (feature fast_commit, ${fastCommits.records.length} records) that can't be replayed, so the very last changes are not shown: ${error.message}`,
      place: { structure: 'fast commits of the journal', at: fastCommits.at },
    });
    return map;
  }
}

interface Range {
  readonly logical: number;
  readonly count: number;
  readonly physical: number;
  readonly unwritten: boolean;
}

interface NewEntry {
  readonly name: Uint8Array;
  readonly inode: number;
}

/** An inode on its way to its new state. */
interface Changed {
  readonly node: number;
  readonly raw: Uint8Array;
  /** The inode's whole map, in order; read when first needed. */
  ranges: Range[] | undefined;
  /** Entries that this directory gets. */
  readonly added: NewEntry[];
}

const BLOCK_AT = 0x28;
const BLOCK_SIZE = 60;
const GENERATION_AT = 0x64;
const ROOT_EXTENTS = 4;
const ENTRY_HEADER = 8;
const TAIL = 12;
const TYPE_CHECKSUM = 0xde;
/** file_type by the upper four bits of i_mode. */
const TYPE_OF_MODE: Readonly<Record<number, number>> = { 8: 1, 4: 2, 2: 3, 6: 4, 1: 5, 12: 6, 10: 7 };
/** More ranges than this don't fit below an inode even with blocks of 64 KiB; and directory entries looked at in one replay: a hostile journal can't make it long. */
const MOST_RANGES = 4 * 5460;
const MOST_STEPS = 5_000_000;
const MODE_DIRECTORY = 4;
const MODE_SYMLINK = 10;

class FastCommitReplay {
  readonly #superblock: Superblock;
  readonly #blocks: DeviceBlocks;
  readonly #groups: Groups;
  readonly #note: (note: Note) => void;
  /** Blocks that stand free for what has to be allocated. */
  readonly #spare: number[];
  readonly #made = new Map<number, Uint8Array>();
  readonly #inodes = new Map<number, Changed>();
  #steps = 0;

  constructor(superblock: Superblock, blocks: DeviceBlocks, spare: readonly number[], note: (note: Note) => void) {
    this.#superblock = superblock;
    this.#blocks = blocks;
    this.#groups = new Groups(superblock, blocks, note);
    this.#note = note;
    this.#spare = [...spare];
  }

  apply({ tag, value }: FastCommitRecord): void {
    const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
    if (tag === TAG.inode) {
      this.#replaceInode(view.getUint32(0, true), value.subarray(4));
    } else if (tag === TAG.addRange) {
      const extent = Ext4Extent.over(view, 4);
      const unwritten = extent.ee_len > EXTENT_INIT_MAX;
      const range = { logical: extent.ee_block, count: unwritten ? extent.ee_len - EXTENT_INIT_MAX : extent.ee_len, physical: extent.ee_start_lo + extent.ee_start_hi * 2 ** 32, unwritten };
      const changed = this.#inode(view.getUint32(0, true));
      changed.ranges = [...cut(this.#rangesOf(changed), range.logical, range.count), range].toSorted((a, b) => a.logical - b.logical);
    } else if (tag === TAG.delRange) {
      const changed = this.#inode(view.getUint32(0, true));
      changed.ranges = cut(this.#rangesOf(changed), view.getUint32(4, true), view.getUint32(8, true));
    } else {
      const parent = this.#inode(view.getUint32(0, true));
      const entry = { inode: view.getUint32(4, true), name: value.slice(8) };
      if (tag === TAG.unlink) this.#unlink(parent, entry.name);
      else this.#link(parent, entry);
    }
  }

  /** The blocks that have changed, whole. */
  finish(): Map<number, Uint8Array> {
    for (const changed of this.#inodes.values()) {
      if (changed.added.length > 0) this.#appendEntries(changed);
    }
    for (const changed of this.#inodes.values()) {
      if (changed.ranges !== undefined) this.#writeExtents(changed, changed.ranges);
      this.#writeInode(changed);
    }
    return this.#made;
  }

  /** A block as it is by now. */
  #get(block: number, structure: string): Uint8Array {
    return this.#made.get(block) ?? this.#blocks.get(block, structure);
  }

  /** The same, to be written to. */
  #change(block: number, structure: string): Uint8Array {
    let bytes = this.#made.get(block);
    if (bytes === undefined) {
      bytes = new Uint8Array(this.#blocks.get(block, structure));
      this.#made.set(block, bytes);
    }
    return bytes;
  }

  #allocate(): { block: number; bytes: Uint8Array } {
    const block = this.#spare.pop();
    if (block === undefined) throw unsupported('fast_commit', 'they need more new blocks than the journal has room for');
    const bytes = new Uint8Array(this.#superblock.blockSize);
    this.#made.set(block, bytes);
    return { block, bytes };
  }

  #inode(node: number): Changed {
    let changed = this.#inodes.get(node);
    if (changed === undefined) {
      const { block, at } = inodePlace(this.#superblock, this.#groups, node);
      const raw = this.#get(block, `inode table block of inode ${node}`).slice(at, at + this.#superblock.inodeSize);
      changed = { node, raw: new Uint8Array(raw), ranges: undefined, added: [] };
      this.#inodes.set(node, changed);
    }
    return changed;
  }

  #view({ raw }: Changed) {
    return Ext4InodeExtra.over(new DataView(raw.buffer), 0);
  }

  /** All of the inode but its map, which the ranges describe (ext4_fc_replay_inode). */
  #replaceInode(node: number, fresh: Uint8Array): void {
    const changed = this.#inode(node);
    const { raw } = changed;
    if (fresh.length > raw.length) throw corrupt('fast commits', `inode ${node} has ${fresh.length} bytes there`);
    raw.set(fresh.subarray(0, BLOCK_AT));
    raw.set(fresh.subarray(GENERATION_AT), GENERATION_AT);
    const view = this.#view(changed);
    const extents = (view.i_flags & INODE_FLAGS.extents) !== 0;
    if (extents) {
      // A new inode: its place in the table was unused.
      if (changed.ranges === undefined && Ext4ExtentHeader.at(raw, BLOCK_AT).eh_magic !== EXTENT_MAGIC) changed.ranges = [];
    } else if ((view.i_flags & INODE_FLAGS.inlineData) !== 0 || view.i_mode >>> 12 === MODE_SYMLINK) {
      raw.set(fresh.subarray(BLOCK_AT, GENERATION_AT), BLOCK_AT);
    }
  }

  #rangesOf(changed: Changed): Range[] {
    if (changed.ranges !== undefined) {
      this.#spend(changed.ranges.length);
      return changed.ranges;
    }
    const view = this.#view(changed);
    if ((view.i_flags & INODE_FLAGS.extents) === 0) throw unsupported('fast_commit', `inode ${changed.node} has no extents`);
    const mapping = new ExtentMapping({
      blocks: this.#blocks, inode: changed.node, root: changed.raw.subarray(BLOCK_AT, BLOCK_AT + BLOCK_SIZE), rootAt: 0,
      checksumSeed: this.#superblock.features.metadataChecksum ? this.#seed(changed) : undefined, note: this.#note,
    });
    const ranges: Range[] = [];
    for (const { logical, count, physical, unwritten } of mappedRuns(mapping)) {
      if (ranges.length === MOST_RANGES) throw unsupported('fast_commit', `inode ${changed.node} has too many extents`);
      ranges.push({ logical, count, physical, unwritten });
    }
    changed.ranges = ranges;
    return ranges;
  }

  #spend(steps: number): void {
    this.#steps += steps;
    if (this.#steps > MOST_STEPS) throw unsupported('fast_commit', 'they take too many steps');
  }

  #seed(changed: Changed): number {
    return inodeSeed(this.#superblock.checksumSeed, changed.node, this.#view(changed).i_generation);
  }

  /** Visits the directory's entries until `visit` returns true. */
  #entries(directory: Changed, visit: (block: number, bytes: Uint8Array, at: number) => boolean): void {
    const view = this.#view(directory);
    if (view.i_mode >>> 12 !== MODE_DIRECTORY) throw corrupt('fast commits', `inode ${directory.node} is no directory`);
    if ((view.i_flags & (INODE_FLAGS.inlineData | INODE_FLAGS.encrypt | INODE_FLAGS.casefold)) !== 0) throw unsupported('fast_commit', `directory inode ${directory.node} is inline, encrypted or casefolded`);
    const { blockSize } = this.#superblock;
    if (blockSize >= 65536) throw unsupported('fast_commit', 'directories of 64 KiB blocks');
    for (const range of this.#rangesOf(directory)) {
      for (let i = 0; i < range.count && (range.logical + i) * blockSize < view.i_size_lo; i++) {
        const block = range.physical + i;
        this.#spend(1);
        const bytes = this.#get(block, `directory block of inode ${directory.node}`);
        const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        for (let at = 0; at + TAIL <= bytes.length;) {
          const length = data.getUint16(at + 4, true);
          if (length < TAIL || length % 4 !== 0 || at + length > bytes.length) break;
          this.#spend(1);
          if (visit(block, bytes, at)) return;
          at += length;
        }
      }
    }
  }

  #find(directory: Changed, name: Uint8Array): { block: number; at: number } | undefined {
    let found: { block: number; at: number } | undefined;
    this.#entries(directory, (block, bytes, at) => {
      const data = new DataView(bytes.buffer, bytes.byteOffset + at);
      const same = data.getUint32(0, true) !== 0 && bytes[at + 6] === name.length && name.every((byte, i) => bytes[at + ENTRY_HEADER + i] === byte);
      if (same) found = { block, at };
      return same;
    });
    return found;
  }

  #unlink(directory: Changed, name: Uint8Array): void {
    const index = directory.added.findIndex((entry) => sameBytes(entry.name, name));
    if (index >= 0) {
      directory.added.splice(index, 1);
      return;
    }
    const found = this.#find(directory, name);
    // It may be gone already: replaying twice has to do no harm.
    if (found === undefined) return;
    const bytes = this.#change(found.block, 'directory block');
    bytes.fill(0, found.at, found.at + 4);
    this.#sealLeaf(directory, bytes);
  }

  #link(directory: Changed, entry: NewEntry): void {
    if (directory.added.some(({ name }) => sameBytes(name, entry.name)) || this.#find(directory, entry.name) !== undefined) return;
    directory.added.push(entry);
  }

  /**
   * New entries go where the directory's blocks have room, as the kernel puts them, and the rest to new blocks at its end; a hash index
   * would not lead to them, so it is taken away.
   */
  #appendEntries(directory: Changed): void {
    const { blockSize } = this.#superblock;
    const view = this.#view(directory);
    if ((view.i_flags & INODE_FLAGS.index) !== 0) this.#flatten(directory);
    const waiting = directory.added.filter((entry) => !this.#fit(directory, entry));
    const end = blockSize - (this.#superblock.features.metadataChecksum ? TAIL : 0);
    let ranges = this.#rangesOf(directory);
    for (let next = 0; next < waiting.length;) {
      const { block, bytes } = this.#allocate();
      let at = 0;
      let last = 0;
      for (; next < waiting.length; next++) {
        const length = entryLength(waiting[next]!.name.length);
        if (at + Math.max(length, TAIL) > end) break;
        this.#writeEntry(bytes, at, length, waiting[next]!);
        last = at;
        at += length;
      }
      new DataView(bytes.buffer).setUint16(last + 4, end - last, true);
      this.#writeTail(directory, bytes);
      ranges = [...ranges, { logical: view.i_size_lo / blockSize, count: 1, physical: block, unwritten: false }];
      view.i_size_lo += blockSize;
    }
    directory.ranges = ranges;
  }

  /** Puts an entry into the first gap that it fits: a deleted entry, or what another one leaves of its length (add_dirent_to_buf). */
  #fit(directory: Changed, entry: NewEntry): boolean {
    const needed = entryLength(entry.name.length);
    let gap: { block: number; at: number; used: number; length: number } | undefined;
    this.#entries(directory, (block, bytes, at) => {
      const data = new DataView(bytes.buffer, bytes.byteOffset + at);
      const free = data.getUint32(0, true) === 0;
      // The checksum at a block's end poses as a deleted entry.
      if (free && bytes[at + 7] === TYPE_CHECKSUM) return false;
      const used = free ? 0 : entryLength(bytes[at + 6]!);
      const length = data.getUint16(4, true);
      if (length - used < needed) return false;
      gap = { block, at, used, length };
      return true;
    });
    if (gap === undefined) return false;
    const { block, at, used, length } = gap;
    const bytes = this.#change(block, 'directory block');
    if (used > 0) new DataView(bytes.buffer, bytes.byteOffset).setUint16(at + 4, used, true);
    this.#writeEntry(bytes, at + used, length - used, entry);
    this.#sealLeaf(directory, bytes);
    return true;
  }

  #writeEntry(bytes: Uint8Array, at: number, length: number, { name, inode }: NewEntry): void {
    const data = new DataView(bytes.buffer, bytes.byteOffset);
    data.setUint32(at, inode, true);
    data.setUint16(at + 4, length, true);
    bytes[at + 6] = name.length;
    bytes[at + 7] = TYPE_OF_MODE[this.#view(this.#inode(inode)).i_mode >>> 12] ?? 0;
    bytes.set(name, at + ENTRY_HEADER);
  }

  /** Makes index blocks into blocks of entries: the root keeps "." and "..", the others nothing. */
  #flatten(directory: Changed): void {
    const { blockSize, features } = this.#superblock;
    const view = this.#view(directory);
    view.i_flags &= ~INODE_FLAGS.index;
    if (!features.metadataChecksum) return;
    for (const range of this.#rangesOf(directory)) {
      for (let i = 0; i < range.count; i++) {
        this.#spend(1);
        const before = this.#get(range.physical + i, 'directory block');
        // An index block poses as one entry that fills it.
        if (range.logical + i !== 0 && (before[4]! | (before[5]! << 8)) !== blockSize) continue;
        const bytes = this.#change(range.physical + i, 'directory block');
        const data = new DataView(bytes.buffer);
        const last = range.logical + i === 0 ? 12 : 0;
        bytes.fill(0, last + 12);
        data.setUint16(last + 4, blockSize - TAIL - last, true);
        this.#writeTail(directory, bytes);
      }
    }
  }

  /** Renews the checksum of a leaf, where it has one. */
  #sealLeaf(directory: Changed, bytes: Uint8Array): void {
    if (bytes[bytes.length - 5] === TYPE_CHECKSUM) this.#writeTail(directory, bytes);
  }

  #writeTail(directory: Changed, bytes: Uint8Array): void {
    if (!this.#superblock.features.metadataChecksum) return;
    const at = bytes.length - TAIL;
    const data = new DataView(bytes.buffer, bytes.byteOffset + at);
    data.setUint32(0, 0, true);
    data.setUint32(4, TAIL | (TYPE_CHECKSUM << 24), true);
    data.setUint32(8, crc32c(this.#seed(directory), bytes, 0, at), true);
  }

  /** Up to four extents stand in the inode, more in up to four blocks below it. */
  #writeExtents(changed: Changed, ranges: readonly Range[]): void {
    const extents = ranges.flatMap(split);
    const root = changed.raw.subarray(BLOCK_AT, BLOCK_AT + BLOCK_SIZE);
    root.fill(0);
    if (extents.length <= ROOT_EXTENTS) {
      writeNode(root, 0, extents.length);
      extents.forEach((extent, i) => { writeExtent(root, i, extent); });
      return;
    }
    const room = Math.floor((this.#superblock.blockSize - Ext4ExtentHeader.size) / Ext4Extent.size);
    const leaves = Math.ceil(extents.length / room);
    if (leaves > ROOT_EXTENTS) throw unsupported('fast_commit', `inode ${changed.node} has ${extents.length} extents`);
    writeNode(root, 1, leaves);
    for (let leaf = 0; leaf < leaves; leaf++) {
      const part = extents.slice(leaf * room, (leaf + 1) * room);
      const { block, bytes } = this.#allocate();
      writeNode(bytes, 0, part.length);
      part.forEach((extent, i) => { writeExtent(bytes, i, extent); });
      const tailAt = Ext4ExtentHeader.size + room * Ext4Extent.size;
      if (this.#superblock.features.metadataChecksum) new DataView(bytes.buffer).setUint32(tailAt, crc32c(this.#seed(changed), bytes, 0, tailAt), true);
      Object.assign(Ext4ExtentIdx.at(root, Ext4ExtentHeader.size + leaf * Ext4ExtentIdx.size), { ei_block: part[0]!.logical, ei_leaf_lo: block % 2 ** 32, ei_leaf_hi: Math.floor(block / 2 ** 32) });
    }
  }

  #writeInode(changed: Changed): void {
    const sb = this.#superblock;
    const view = this.#view(changed);
    if (sb.features.metadataChecksum) {
      const wide = sb.inodeSize > 128 && view.i_extra_isize >= 4;
      const sum = inodeChecksum(this.#seed(changed), view.$view, view.$at, sb.inodeSize, wide);
      view.i_checksum_lo = sum & 0xffff;
      if (wide) view.i_checksum_hi = sum >>> 16;
    }
    const { block, at } = inodePlace(sb, this.#groups, changed.node);
    this.#change(block, `inode table block of inode ${changed.node}`).set(changed.raw, at);
  }
}

/** The ranges without blocks [from, from + count). */
function cut(ranges: readonly Range[], from: number, count: number): Range[] {
  const to = from + count;
  return ranges.flatMap((range) => {
    const end = range.logical + range.count;
    if (end <= from || range.logical >= to) return [range];
    const left = { ...range, count: Math.max(0, from - range.logical) };
    const right = { ...range, logical: to, physical: range.physical + to - range.logical, count: Math.max(0, end - to) };
    return [left, right].filter((part) => part.count > 0);
  });
}

/** Extents hold at most 32768 blocks, unwritten ones one less. */
function split(range: Range): Range[] {
  const most = range.unwritten ? EXTENT_INIT_MAX - 1 : EXTENT_INIT_MAX;
  const parts: Range[] = [];
  for (let done = 0; done < range.count; done += most) {
    parts.push({ ...range, logical: range.logical + done, physical: range.physical + done, count: Math.min(most, range.count - done) });
  }
  return parts;
}

function writeNode(node: Uint8Array, depth: number, entries: number): void {
  Object.assign(Ext4ExtentHeader.at(node), {
    eh_magic: EXTENT_MAGIC, eh_entries: entries, eh_max: Math.floor((node.length - Ext4ExtentHeader.size) / Ext4Extent.size), eh_depth: depth,
  });
}

function writeExtent(node: Uint8Array, index: number, { logical, count, physical, unwritten }: Range): void {
  Object.assign(Ext4Extent.at(node, Ext4ExtentHeader.size + index * Ext4Extent.size), {
    ee_block: logical, ee_len: count + (unwritten ? EXTENT_INIT_MAX : 0), ee_start_lo: physical % 2 ** 32, ee_start_hi: Math.floor(physical / 2 ** 32),
  });
}

/** Bytes that an entry takes: header and name, in fours. */
function entryLength(nameLength: number): number {
  return Math.ceil((ENTRY_HEADER + nameLength) / 4) * 4;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
