import { corrupt, usage } from '../../../core/errors.ts';
import type { FileMap, MappedRun } from './file-map.ts';
import type { Transaction } from './transaction.ts';

/** Block numbers that i_block holds itself; the three after them name blocks of block numbers, one, two and three levels deep. */
const DIRECT = 12;
const LEVELS = 3;

/** What the block numbers of an inode are changed with. */
export interface IndirectContext {
  readonly transaction: Transaction;
  readonly node: number;
  /** i_block of the inode, to be changed. */
  readonly root: Uint8Array;
  /** A block for block numbers, charged to the inode. @param near where it would be best @throws DiskError usage ENOSPC */
  takeBlock(near: number): number;
  giveBlock(block: number): void;
}

/** An inode's map of block numbers while it is changed (kernel indirect.c, documentation "Direct/Indirect Block Addressing"). Blocks of numbers that are all zero are given back. */
export class IndirectMap implements FileMap {
  readonly #context: IndirectContext;
  /** Block numbers a block. */
  readonly #fan: number;

  constructor(context: IndirectContext) {
    this.#context = context;
    this.#fan = context.transaction.blockSize / 4;
  }

  goal(logical: number): number | undefined {
    if (logical === 0) return undefined;
    const path = this.#path(logical - 1);
    const numbers = this.#numbers(path);
    if (numbers === undefined) return undefined;
    const number = numbers.getUint32(path.at(-1)! * 4, true);
    const own = this.#blockOf(path);
    return number !== 0 ? number + 1 : own > 0 ? own + 1 : undefined;
  }

  insert(run: MappedRun): void {
    if (run.physical + run.count > 2 ** 32) throw usage('ENOSPC', 'A file mapped by block numbers can use the first 2^32 blocks only');
    for (let done = 0; done < run.count;) {
      const path = this.#path(run.logical + done);
      const index = path.at(-1)!;
      const numbers = this.#makeNumbers(path, run.physical + run.count);
      const end = path.length === 1 ? DIRECT : this.#fan;
      const length = Math.min(run.count - done, end - index);
      for (let i = 0; i < length; i++) numbers.setUint32((index + i) * 4, run.physical + done + i, true);
      done += length;
    }
  }

  remove(start: number, end: number, cut: (run: MappedRun) => boolean): void {
    const most = DIRECT + this.#fan + this.#fan ** 2 + this.#fan ** 3;
    for (let stop = Math.min(end, most); stop > start;) {
      const path = this.#path(stop - 1);
      const numbers = this.#numbers(path);
      if (numbers === undefined) {
        stop = this.#skip(path, stop);
        continue;
      }
      const index = path.at(-1)!;
      // The blocks of this block of numbers that may go, and the last run of them that follow one another.
      const lowest = Math.max(0, index - (stop - 1 - start));
      let last = index;
      while (last >= lowest && numbers.getUint32(last * 4, true) === 0) last--;
      if (last < lowest) {
        stop -= index - lowest + 1;
        continue;
      }
      let first = last;
      while (first > lowest && numbers.getUint32((first - 1) * 4, true) === numbers.getUint32(first * 4, true) - 1) first--;
      const physical = numbers.getUint32(first * 4, true);
      const logical = stop - 1 - (index - first);
      const changed = this.#edit(this.#blockOf(path));
      for (let i = first; i <= last; i++) changed.setUint32(i * 4, 0, true);
      this.#giveEmpty(path);
      stop = logical;
      if (!cut({ logical, count: last - first + 1, physical, unwritten: false })) return;
    }
  }

  /** Places in the blocks of numbers on the way to a logical block, from i_block on: the last one names it. */
  #path(logical: number): number[] {
    if (logical < DIRECT) return [logical];
    let inTree = logical - DIRECT;
    for (let depth = 1, width = this.#fan; depth <= LEVELS; depth++, width *= this.#fan) {
      if (inTree >= width) {
        inTree -= width;
        continue;
      }
      const path = [DIRECT + depth - 1];
      for (let below = width / this.#fan; below >= 1; below /= this.#fan) {
        path.push(Math.floor(inTree / below));
        inTree %= below;
      }
      return path;
    }
    throw usage('EFBIG', `A file mapped by block numbers has no block ${logical}`);
  }

  /** The block of numbers that holds the last place of a path: 0 for the root, and where a block on the way is missing -1. */
  #blockOf(path: readonly number[]): number {
    let block = 0;
    for (const index of path.slice(0, -1)) {
      block = this.#view(block).getUint32(index * 4, true);
      if (block === 0) return -1;
    }
    return block;
  }

  /** The numbers among which the last place of a path is; undefined where there are none yet. */
  #numbers(path: readonly number[]): DataView | undefined {
    const block = this.#blockOf(path);
    return block < 0 ? undefined : this.#view(block);
  }

  #makeNumbers(path: readonly number[], near: number): DataView {
    const { transaction, node } = this.#context;
    let block = 0;
    for (const index of path.slice(0, -1)) {
      let next = this.#view(block).getUint32(index * 4, true);
      if (next === 0) {
        next = this.#context.takeBlock(near);
        transaction.fresh(next, `indirect block ${next} of inode ${node}`);
        this.#edit(block).setUint32(index * 4, next, true);
      }
      block = next;
    }
    return this.#edit(block);
  }

  /** Gives back the blocks of a path that have no numbers left. */
  #giveEmpty(path: readonly number[]): void {
    for (let level = path.length - 1; level > 0; level--) {
      const block = this.#blockOf(path.slice(0, level + 1));
      const view = this.#view(block);
      for (let i = 0; i < this.#fan; i++) if (view.getUint32(i * 4, true) !== 0) return;
      this.#edit(this.#blockOf(path.slice(0, level))).setUint32(path[level - 1]! * 4, 0, true);
      this.#context.giveBlock(block);
    }
  }

  /** The first logical block of what is missing around block `stop` - 1: all of it is a hole. */
  #skip(path: readonly number[], stop: number): number {
    let width = 1;
    let first = stop - 1;
    for (let level = path.length - 1; level > 0; level--) {
      // Start of the block of numbers at this level.
      first -= path[level]! * width;
      width *= this.#fan;
      if (this.#blockOf(path.slice(0, level)) >= 0) break;
    }
    return first;
  }

  #view(block: number): DataView {
    const { transaction, node, root } = this.#context;
    const bytes = block === 0 ? root : transaction.get(block, `indirect block ${block} of inode ${node}`);
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  #edit(block: number): DataView {
    const { transaction, node, root } = this.#context;
    if (block < 0) throw corrupt(`block map of inode ${node}`, 'a block of numbers is missing');
    const bytes = block === 0 ? root : transaction.editOfFile(block, `indirect block ${block} of inode ${node}`);
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
}
