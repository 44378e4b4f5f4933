import { crc32c } from '../../../codecs/crc32c.ts';
import { corrupt } from '../../../core/errors.ts';
import { Ext4ExtentHeader, Ext4ExtentTail, EXTENT_INIT_MAX, EXTENT_MAGIC } from '../layout.ts';
import { childOf, closeEntry, countOf, depthOf, ENTRY, follows, HEADER, keyAt, lastAtMost, maxOf, openEntry, runAt, setChild, setCount, setRun, type Step } from './extent-node.ts';
import type { FileMap, MappedRun } from './file-map.ts';
import type { Transaction } from './transaction.ts';

/** Blocks that one extent has at most: written, and unwritten (EXT_INIT_MAX_LEN, EXT_UNWRITTEN_MAX_LEN). */
export const LONGEST_EXTENT = EXTENT_INIT_MAX;
export const LONGEST_UNWRITTEN = EXTENT_INIT_MAX - 1;

/** EXT4_MAX_EXTENT_DEPTH. */
const MAX_DEPTH = 5;

/** What the tree of an inode is changed with. */
export interface ExtentTreeContext {
  readonly transaction: Transaction;
  readonly node: number;
  /** i_block of the inode, to be changed. */
  readonly root: Uint8Array;
  /** What the checksums of extent blocks start from; undefined without metadata_csum. */
  readonly checksumSeed: number | undefined;
  /** A block for a node of the tree, charged to the inode. @param near where it would be best @throws DiskError usage ENOSPC */
  takeBlock(near: number): number;
  /** A block of the tree is not needed any more. */
  giveBlock(block: number): void;
}

/**
 * An inode's extent tree while it is changed (kernel extents.c, documentation "Extent Tree"). Nodes are changed in place. All nodes but a
 * leaf that fills the root alone have at least one entry; a tree gets another level when the root is full, and loses one when the only
 * node below the root fits into it.
 */
export class ExtentTree implements FileMap {
  readonly #context: ExtentTreeContext;
  /** Blocks that were changed: their checksums are made when the call ends. */
  readonly #dirty = new Set<number>();
  /** Blocks whose header and checksum were found sound. */
  readonly #sound = new Set<number>();

  constructor(context: ExtentTreeContext) {
    this.#context = context;
  }

  /** Makes i_block an empty tree. */
  static initialise(root: Uint8Array): void {
    root.fill(0);
    const header = Ext4ExtentHeader.at(root);
    header.eh_magic = EXTENT_MAGIC;
    header.eh_max = Math.floor((root.length - HEADER) / ENTRY);
  }

  goal(logical: number): number | undefined {
    const leaf = this.#find(logical).at(-1)!;
    if (countOf(leaf) === 0) return undefined;
    const near = runAt(leaf, Math.max(0, leaf.index));
    return Math.max(0, near.physical + logical - near.logical);
  }

  insert(run: MappedRun): void {
    this.#insert(run);
    this.#seal();
  }

  remove(start: number, end: number, cut: (run: MappedRun) => boolean): void {
    for (let stop = end; stop > start;) {
      const removed = this.#cutLast(start, stop);
      if (removed === undefined || !cut(removed)) break;
      stop = removed.logical;
    }
    this.#shorten();
    this.#seal();
  }

  /** Makes a part of an unwritten extent a written one. @throws DiskError usage ENOSPC */
  convert(start: number, count: number): void {
    const path = this.#find(start);
    const leaf = path.at(-1)!;
    const run = leaf.index < 0 ? undefined : runAt(leaf, leaf.index);
    if (run === undefined || !run.unwritten || start + count > run.logical + run.count) throw corrupt(`extents of inode ${this.#context.node}`, `blocks ${start} to ${start + count - 1} are not one unwritten extent`);
    if (run.logical === start && run.count === count) {
      this.#edit(leaf);
      setRun(leaf, leaf.index, { ...run, unwritten: false });
      this.#mergeRight(path);
      if (leaf.index > 0) {
        leaf.index--;
        this.#mergeRight(path);
      }
    } else {
      this.#cutLast(start, start + count);
      this.#insert({ logical: start, count, physical: run.physical + start - run.logical, unwritten: false });
    }
    this.#shorten();
    this.#seal();
  }

  /**
   * Fills the nodes of a tree that has more of them than it needs: what e2fsck calls narrower and shorter. Nothing is allocated.
   * @param most nodes of a level; larger trees are left as they are
   */
  pack(most: number): void {
    const root = this.#step(0, this.#context.root);
    this.#check(root, undefined);
    // Leaves first.
    const levels: Step[][] = [];
    for (let steps = [root]; depthOf(steps[0]!) > 0; levels.unshift(steps)) {
      if (steps.reduce((sum, step) => sum + countOf(step), 0) > most) return;
      steps = steps.flatMap((step) => Array.from({ length: countOf(step) }, (_, i) => this.#child(step, i)));
    }
    if (levels.length === 0) return;
    const total = levels[0]!.reduce((sum, step) => sum + countOf(step), 0);
    const room = Math.min(...levels.flat().map(maxOf));
    if (!isWide(levels.map(({ length }) => length), total, room, maxOf(root))) return;
    let count = total;
    let entries = new Uint8Array(total * ENTRY);
    levels[0]!.reduce((at, { bytes, view }) => {
      const length = view.getUint16(2, true) * ENTRY;
      entries.set(bytes.subarray(HEADER, HEADER + length), at);
      return at + length;
    }, 0);
    let depth = 0;
    for (; count > maxOf(root); depth++) {
      const needed = Math.ceil(count / room);
      const above = this.#step(0, new Uint8Array(HEADER + needed * ENTRY));
      levels[depth]!.forEach((step, i) => {
        if (i >= needed) return this.#drop(step.block);
        this.#edit(step);
        const part = entries.subarray(i * room * ENTRY, Math.min(count, (i + 1) * room) * ENTRY);
        step.bytes.fill(0, HEADER, HEADER + maxOf(step) * ENTRY);
        step.bytes.set(part, HEADER);
        setCount(step, part.length / ENTRY);
        setChild(above, i, keyAt(step, 0), step.block);
      });
      entries = above.bytes.slice(HEADER);
      count = needed;
    }
    for (const steps of levels.slice(depth)) for (const { block } of steps) this.#drop(block);
    root.bytes.fill(0, HEADER);
    root.bytes.set(entries, HEADER);
    setCount(root, count);
    root.view.setUint16(6, depth, true);
    this.#seal();
  }

  #insert(run: MappedRun): void {
    const longest = run.unwritten ? LONGEST_UNWRITTEN : LONGEST_EXTENT;
    let path = this.#find(run.logical);
    let leaf = path.at(-1)!;
    const left = leaf.index < 0 || countOf(leaf) === 0 ? undefined : runAt(leaf, leaf.index);
    if (left !== undefined && follows(left, run) && left.count + run.count <= longest) {
      this.#edit(leaf);
      setRun(leaf, leaf.index, { ...left, count: left.count + run.count });
      this.#mergeRight(path);
      return;
    }
    const right = leaf.index + 1 < countOf(leaf) ? runAt(leaf, leaf.index + 1) : undefined;
    if (right !== undefined && follows(run, right) && right.count + run.count <= longest) {
      this.#edit(leaf);
      leaf.index++;
      setRun(leaf, leaf.index, { ...run, count: run.count + right.count });
      this.#keysFollow(path, path.length - 1);
      return;
    }
    for (let depth = 0; countOf(leaf) >= maxOf(leaf); depth++) {
      if (depth > 2 * MAX_DEPTH) throw corrupt(`extents of inode ${this.#context.node}`, 'no room can be made in the tree');
      this.#makeRoom(path, run.logical);
      path = this.#find(run.logical);
      leaf = path.at(-1)!;
    }
    this.#edit(leaf);
    leaf.index++;
    openEntry(leaf, leaf.index);
    setRun(leaf, leaf.index, run);
    this.#keysFollow(path, path.length - 1);
  }

  /** Joins the extent of the path with the one after it, where they are one. */
  #mergeRight(path: readonly Step[]): void {
    const leaf = path.at(-1)!;
    if (leaf.index + 1 >= countOf(leaf)) return;
    const run = runAt(leaf, leaf.index);
    const next = runAt(leaf, leaf.index + 1);
    if (!follows(run, next) || run.count + next.count > (run.unwritten ? LONGEST_UNWRITTEN : LONGEST_EXTENT)) return;
    this.#edit(leaf);
    setRun(leaf, leaf.index, { ...run, count: run.count + next.count });
    closeEntry(leaf, leaf.index + 1);
  }

  /** Unmaps the last piece of [start, end) that is mapped; undefined when there is none. */
  #cutLast(start: number, end: number): MappedRun | undefined {
    const path = this.#find(end - 1);
    const leaf = path.at(-1)!;
    if (leaf.index < 0 || countOf(leaf) === 0) return undefined;
    const run = runAt(leaf, leaf.index);
    const from = Math.max(start, run.logical);
    const to = Math.min(end, run.logical + run.count);
    if (from >= to) return undefined;
    const removed: MappedRun = { logical: from, count: to - from, physical: run.physical + from - run.logical, unwritten: run.unwritten };
    const tail: MappedRun = { logical: to, count: run.logical + run.count - to, physical: run.physical + to - run.logical, unwritten: run.unwritten };
    this.#edit(leaf);
    if (from > run.logical) {
      setRun(leaf, leaf.index, { ...run, count: from - run.logical });
      if (tail.count > 0) this.#insert(tail);
    } else if (tail.count > 0) {
      setRun(leaf, leaf.index, tail);
      this.#keysFollow(path, path.length - 1);
    } else {
      this.#removeEntry(path, path.length - 1);
    }
    return removed;
  }

  /** Takes the entry of the path out of its node, and the node out of its parent when it was the last one. */
  #removeEntry(path: readonly Step[], level: number): void {
    const step = path[level]!;
    this.#edit(step);
    closeEntry(step, step.index);
    if (countOf(step) > 0) {
      if (step.index === 0) this.#keysFollow(path, level);
      if (level > 0) this.#joinNeighbour(path, level);
      return;
    }
    if (level > 0) {
      this.#drop(step.block);
      this.#removeEntry(path, level - 1);
    } else {
      ExtentTree.initialise(step.bytes);
    }
  }

  /** Joins a node with the one before or after it when one block holds both: trees that lose entries stay narrow. */
  #joinNeighbour(path: readonly Step[], level: number): void {
    const parent = path[level - 1]!;
    const step = path[level]!;
    // Looked at when it is half empty: nodes that are nearly full are not joined and split in turns.
    if (countOf(step) > maxOf(step) >>> 1) return;
    for (const leftIndex of [parent.index - 1, parent.index]) {
      if (leftIndex < 0 || leftIndex + 1 >= countOf(parent)) continue;
      const left = leftIndex === parent.index ? step : this.#child(parent, leftIndex);
      const right = leftIndex === parent.index ? this.#child(parent, leftIndex + 1) : step;
      const kept = countOf(left);
      if (kept + countOf(right) > maxOf(left)) continue;
      this.#edit(left);
      left.bytes.set(right.bytes.subarray(HEADER, HEADER + countOf(right) * ENTRY), HEADER + kept * ENTRY);
      setCount(left, kept + countOf(right));
      this.#drop(right.block);
      this.#edit(parent);
      closeEntry(parent, leftIndex + 1);
      return;
    }
  }

  /** The first entry of the path's node at `level` may have another key: its parents name it by that. */
  #keysFollow(path: readonly Step[], level: number): void {
    for (let at = level; at > 0; at--) {
      const key = keyAt(path[at]!, 0);
      const parent = path[at - 1]!;
      if (keyAt(parent, parent.index) === key) return;
      this.#edit(parent);
      parent.view.setUint32(HEADER + parent.index * ENTRY, key, true);
      if (parent.index > 0) return;
    }
  }

  /** Splits the highest node of the path that is full below one that is not, or gives the tree another level. */
  #makeRoom(path: readonly Step[], logical: number): void {
    let level = path.length - 1;
    while (level >= 0 && countOf(path[level]!) >= maxOf(path[level]!)) level--;
    if (level < 0) this.#grow(path[0]!);
    else this.#split(path[level]!, path[level + 1]!, level + 2 === path.length, logical);
  }

  /** The root's entries move into a block of their own, below it (ext4_ext_grow_indepth). */
  #grow(root: Step): void {
    const depth = depthOf(root);
    if (depth >= MAX_DEPTH) throw corrupt(`extents of inode ${this.#context.node}`, 'the tree has as many levels as it may');
    const block = this.#context.takeBlock(this.#nearLeaf(root));
    const child = this.#fresh(block, depth);
    const count = countOf(root);
    child.bytes.set(root.bytes.subarray(HEADER, HEADER + count * ENTRY), HEADER);
    setCount(child, count);
    root.bytes.fill(0, HEADER);
    setCount(root, 1);
    root.view.setUint16(6, depth + 1, true);
    setChild(root, 0, keyAt(child, 0), block);
  }

  /** After what the root's last entry leads to. */
  #nearLeaf(root: Step): number {
    const last = countOf(root) - 1;
    if (depthOf(root) > 0) return childOf(root, last);
    const run = runAt(root, last);
    return run.physical + run.count;
  }

  /** Moves the upper half of a node into a new one. At the end of the file nothing is moved but what must be: what is appended fills nodes wholly. */
  #split(parent: Step, child: Step, isLeaf: boolean, logical: number): void {
    const count = countOf(child);
    const appended = child.index === count - 1 && parent.index === countOf(parent) - 1;
    // An inner node must have a child, so its last one moves along.
    const kept = appended ? (isLeaf ? count : count - 1) : count >>> 1;
    const block = this.#context.takeBlock(child.block);
    const right = this.#fresh(block, depthOf(child));
    this.#edit(child);
    this.#edit(parent);
    right.bytes.set(child.bytes.subarray(HEADER + kept * ENTRY, HEADER + count * ENTRY), HEADER);
    setCount(right, count - kept);
    child.bytes.fill(0, HEADER + kept * ENTRY, HEADER + count * ENTRY);
    setCount(child, kept);
    openEntry(parent, parent.index + 1);
    setChild(parent, parent.index + 1, count === kept ? logical : keyAt(right, 0), block);
  }

  /** Takes levels away while the only node below the root fits into it. */
  #shorten(): void {
    const root = this.#step(0, this.#context.root);
    while (depthOf(root) > 0 && countOf(root) === 1) {
      const child = this.#child(root, 0);
      const count = countOf(child);
      if (count > maxOf(root)) return;
      root.bytes.fill(0, HEADER);
      root.bytes.set(child.bytes.subarray(HEADER, HEADER + count * ENTRY), HEADER);
      setCount(root, count);
      root.view.setUint16(6, depthOf(child), true);
      this.#drop(child.block);
    }
  }

  /** From the root to the leaf where `logical` is or would be. @throws DiskError corrupt */
  #find(logical: number): Step[] {
    const root = this.#step(0, this.#context.root);
    this.#check(root, undefined);
    const path = [root];
    for (let step = root; ; ) {
      const found = lastAtMost(step, logical);
      if (depthOf(step) === 0) {
        step.index = found;
        return path;
      }
      step.index = Math.max(0, found);
      step = this.#child(step, step.index);
      path.push(step);
    }
  }

  #child(parent: Step, index: number): Step {
    const { transaction, node } = this.#context;
    const block = childOf(parent, index);
    const child = this.#step(block, transaction.get(block, `extent block ${block} of inode ${node}`));
    this.#check(child, depthOf(parent) - 1);
    return child;
  }

  #step(block: number, bytes: Uint8Array): Step {
    return { block, bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), index: 0 };
  }

  /** What is damaged is not changed: a new checksum would hide it. */
  #check(step: Step, depth: number | undefined): void {
    if (this.#sound.has(step.block)) return;
    const { node, checksumSeed, transaction } = this.#context;
    const wrong = (message: string): Error => (step.block === 0
      ? corrupt(`extents of inode ${node}`, message)
      : corrupt(`extent block ${step.block} of inode ${node}`, message, transaction.at(step.block), transaction.blockSize));
    const header = Ext4ExtentHeader.over(step.view, 0);
    if (header.eh_magic !== EXTENT_MAGIC) throw wrong(`the magic is 0x${header.eh_magic.toString(16)}, not 0xf30a`);
    if (header.eh_depth > MAX_DEPTH || (depth !== undefined && header.eh_depth !== depth)) throw wrong(`it says depth ${header.eh_depth}`);
    if (header.eh_max === 0 || HEADER + header.eh_max * ENTRY > step.bytes.length || header.eh_entries > header.eh_max) throw wrong(`it has ${header.eh_entries} entries in room for ${header.eh_max}`);
    if (header.eh_entries === 0 && (header.eh_depth > 0 || depth !== undefined)) throw wrong('it is empty');
    if (step.block !== 0 && checksumSeed !== undefined && !this.#dirty.has(step.block)) {
      const tail = HEADER + header.eh_max * ENTRY;
      if (tail + Ext4ExtentTail.size <= step.bytes.length && Ext4ExtentTail.at(step.bytes, tail).et_checksum !== crc32c(checksumSeed, step.bytes, 0, tail)) throw wrong('its checksum does not match');
    }
    this.#sound.add(step.block);
  }

  /** Makes a node's bytes ones that may be changed. */
  #edit(step: Step): void {
    if (step.block === 0) return;
    step.bytes = this.#context.transaction.editOfFile(step.block, `extent block ${step.block} of inode ${this.#context.node}`);
    step.view = new DataView(step.bytes.buffer, step.bytes.byteOffset, step.bytes.byteLength);
    this.#dirty.add(step.block);
  }

  #fresh(block: number, depth: number): Step {
    const { transaction, node } = this.#context;
    const step = this.#step(block, transaction.fresh(block, `extent block ${block} of inode ${node}`));
    const header = Ext4ExtentHeader.over(step.view, 0);
    header.eh_magic = EXTENT_MAGIC;
    header.eh_max = Math.floor((step.bytes.length - HEADER) / ENTRY);
    header.eh_depth = depth;
    this.#dirty.add(block);
    this.#sound.add(block);
    return step;
  }

  #drop(block: number): void {
    this.#dirty.delete(block);
    this.#sound.delete(block);
    this.#context.giveBlock(block);
  }

  /** Makes the checksums of what was changed: readers look at them within the same operation. */
  #seal(): void {
    const { transaction, checksumSeed } = this.#context;
    for (const block of this.#dirty) {
      if (checksumSeed === undefined) break;
      const bytes = transaction.editOfFile(block, 'extent block');
      const tail = HEADER + Ext4ExtentHeader.at(bytes).eh_max * ENTRY;
      if (tail + Ext4ExtentTail.size <= bytes.length) Ext4ExtentTail.at(bytes, tail).et_checksum = crc32c(checksumSeed, bytes, 0, tail);
    }
    this.#dirty.clear();
  }
}

/** Whether a tree has a level, or in one of them a whole node, more than it needs (e2fsck_should_rebuild_extents). @param nodes of each level, leaves first */
function isWide(nodes: readonly number[], extents: number, room: number, roomOfRoot: number): boolean {
  let count = extents;
  for (const length of nodes) {
    if (count <= roomOfRoot || (length - 1) * room > count) return true;
    count = length;
  }
  return false;
}
