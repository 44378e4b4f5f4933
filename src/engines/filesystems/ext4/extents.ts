import { corrupt, type DiskError } from '../../core/errors.ts';
import type { Note } from '../../core/filesystem.ts';
import { crc32c } from '../../codecs/crc32c.ts';
import type { Blocks } from './blocks.ts';
import { Ext4Extent, Ext4ExtentHeader, Ext4ExtentIdx, Ext4ExtentTail, EXTENT_INIT_MAX, EXTENT_MAGIC } from './layout.ts';
import { hole, type Mapping, type Run } from './mapping.ts';

/** What the extents of an inode depend on. */
export interface ExtentContext {
  readonly blocks: Blocks;
  readonly inode: number;
  /** i_block: the root. */
  readonly root: Uint8Array;
  /** Byte offset of i_block on the device. */
  readonly rootAt: number;
  /** What the checksums of extent blocks start from; undefined without metadata_csum. */
  readonly checksumSeed: number | undefined;
  note(note: Note): void;
}

/** EXT4_MAX_EXTENT_DEPTH. */
const MAX_DEPTH = 5;
const HEADER = Ext4ExtentHeader.size;
const ENTRY = Ext4Extent.size;

/** A node of the tree, checked: entries in ascending order, all of them inside the filesystem. */
interface Node {
  readonly view: DataView;
  readonly entries: number;
  readonly depth: number;
}

/** A file's extent tree (kernel extents.c, documentation "Extent Tree"). Nodes are checked when they are first met, by the rules of ext4_ext_check. */
export class ExtentMapping implements Mapping {
  // Every node starts with the block that its parent names it by, so no node can be had twice and the tree cannot grow past the device.
  readonly mostRuns = Infinity;
  readonly #context: ExtentContext;
  readonly #root: Node;
  /** Blocks that were checked already. */
  readonly #checked = new Set<number>();
  /** The run found last: reads go on where they ended. */
  #last: Run = hole(0, 0);

  /** @throws DiskError corrupt when the root is damaged */
  constructor(context: ExtentContext) {
    this.#context = context;
    const fail = (message: string): DiskError => corrupt(`extents of inode ${context.inode}`, message, context.rootAt, context.root.length);
    const header = Ext4ExtentHeader.at(context.root);
    if (header.eh_magic !== EXTENT_MAGIC) throw fail(`the magic is 0x${header.eh_magic.toString(16)}, not 0xf30a`);
    if (header.eh_depth > MAX_DEPTH) throw fail(`the tree is ${header.eh_depth} levels deep`);
    this.#root = this.#check(context.root, header.eh_depth, undefined, fail);
  }

  find(logical: number): Run {
    const last = this.#last;
    if (logical >= last.logical && logical < last.logical + last.count) return from(last, logical);
    const run = this.#search(logical);
    this.#last = run;
    return from(run, logical);
  }

  /** The whole extent that holds `logical`, or the hole around it. */
  #search(logical: number): Run {
    let node = this.#root;
    let end = Infinity;
    for (;;) {
      const i = lastAtMost(node, logical);
      if (i + 1 < node.entries) end = Math.min(end, blockOf(node, i + 1));
      if (i < 0) return hole(logical, end - logical);
      if (node.depth === 0) {
        const extent = Ext4Extent.over(node.view, HEADER + i * ENTRY);
        const unwritten = extent.ee_len > EXTENT_INIT_MAX;
        const count = unwritten ? extent.ee_len - EXTENT_INIT_MAX : extent.ee_len;
        const start = extent.ee_block;
        if (logical >= start + count) return hole(logical, end - logical);
        return { logical: start, count, physical: extent.ee_start_lo + extent.ee_start_hi * 2 ** 32, unwritten };
      }
      const index = Ext4ExtentIdx.over(node.view, HEADER + i * ENTRY);
      node = this.#child(index.ei_leaf_lo + index.ei_leaf_hi * 2 ** 32, node.depth - 1, index.ei_block);
    }
  }

  #child(block: number, depth: number, first: number): Node {
    const { blocks, inode } = this.#context;
    const structure = `extent block ${block} of inode ${inode}`;
    const bytes = blocks.get(block, structure);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (this.#checked.has(block)) {
      const node = { view, entries: Ext4ExtentHeader.over(view, 0).eh_entries, depth: Ext4ExtentHeader.over(view, 0).eh_depth };
      // The same block in another place of the tree is wrong wherever it is looked at from.
      if (node.depth === depth && (node.entries === 0 || blockOf(node, 0) === first)) return node;
    }
    const node = this.#check(bytes, depth, first, (message) => corrupt(structure, message, blocks.at(block), blocks.blockSize));
    this.#verify(block, bytes, structure);
    this.#checked.add(block);
    return node;
  }

  /** @param first the logical block that the parent names the node by; undefined for the root */
  #check(bytes: Uint8Array, depth: number, first: number | undefined, fail: (message: string) => DiskError): Node {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const header = Ext4ExtentHeader.over(view, 0);
    if (header.eh_magic !== EXTENT_MAGIC) throw fail(`the magic is 0x${header.eh_magic.toString(16)}, not 0xf30a`);
    if (header.eh_depth !== depth) throw fail(`it says depth ${header.eh_depth} at depth ${depth}`);
    const most = Math.floor((bytes.length - HEADER) / ENTRY);
    if (header.eh_max === 0 || header.eh_max > most) throw fail(`it says room for ${header.eh_max} entries where there is room for ${most}`);
    const entries = header.eh_entries;
    if (entries > header.eh_max) throw fail(`it has ${entries} entries in room for ${header.eh_max}`);
    if (entries === 0 && depth > 0) throw fail('an inner node is empty');
    const node = { view, entries, depth };
    if (first !== undefined && entries > 0 && blockOf(node, 0) !== first) throw fail(`it starts with block ${blockOf(node, 0)} where its parent says ${first}`);
    let next = 0;
    for (let i = 0; i < entries; i++) {
      const start = blockOf(node, i);
      if (start < next) throw fail(`entry ${i} is out of order`);
      next = start + (depth > 0 ? 1 : this.#checkExtent(view, i, fail));
    }
    return node;
  }

  /** Length of extent `i` in blocks. */
  #checkExtent(view: DataView, i: number, fail: (message: string) => DiskError): number {
    const extent = Ext4Extent.over(view, HEADER + i * ENTRY);
    const count = extent.ee_len > EXTENT_INIT_MAX ? extent.ee_len - EXTENT_INIT_MAX : extent.ee_len;
    const physical = extent.ee_start_lo + extent.ee_start_hi * 2 ** 32;
    if (count === 0) throw fail(`extent ${i} is empty`);
    if (extent.ee_block + count > 2 ** 32) throw fail(`extent ${i} ends past the last possible block`);
    if (physical === 0 || physical + count > this.#context.blocks.count) throw fail(`extent ${i} (blocks ${physical} to ${physical + count - 1}) is outside the filesystem`);
    return count;
  }

  #verify(block: number, bytes: Uint8Array, structure: string): void {
    const { checksumSeed, blocks, note } = this.#context;
    if (checksumSeed === undefined) return;
    const tailAt = HEADER + Ext4ExtentHeader.at(bytes).eh_max * ENTRY;
    // eh_max fills the block but for the tail, except where the block's size leaves no room for one.
    if (tailAt + Ext4ExtentTail.size > bytes.length) return;
    if (Ext4ExtentTail.at(bytes, tailAt).et_checksum === crc32c(checksumSeed, bytes, 0, tailAt)) return;
    note({ severity: 'error', message: `The checksum of ${structure} does not match`, place: { structure, at: blocks.at(block), length: blocks.blockSize } });
  }
}

/** The first logical block of an entry: extents and index entries both start with it. */
function blockOf(node: Node, i: number): number {
  return node.view.getUint32(HEADER + i * ENTRY, true);
}

/** The last entry that starts at or before `logical`; -1 when all start after it. */
function lastAtMost(node: Node, logical: number): number {
  let low = 0;
  let high = node.entries;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (blockOf(node, middle) <= logical) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function from(run: Run, logical: number): Run {
  const skip = logical - run.logical;
  if (skip === 0) return run;
  return { logical, count: run.count - skip, physical: run.physical === undefined ? undefined : run.physical + skip, unwritten: run.unwritten };
}
