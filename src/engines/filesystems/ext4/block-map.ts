import { corrupt } from '../../core/errors.ts';
import type { Blocks } from './blocks.ts';
import { hole, type Mapping, type Run } from './mapping.ts';

/** Block numbers that i_block holds itself; the three after them name blocks of block numbers, one, two and three levels deep. */
const DIRECT = 12;

/** The classic map of ext2 and ext3 (kernel indirect.c, documentation "Direct/Indirect Block Addressing"). A number of 0 is a hole as wide as what it stands for. */
export class BlockMapping implements Mapping {
  readonly mostRuns: number;
  readonly #blocks: Blocks;
  readonly #inode: number;
  readonly #root: DataView;
  /** Block numbers a block. */
  readonly #fan: number;

  /** @param root i_block: fifteen block numbers */
  constructor(blocks: Blocks, inode: number, root: Uint8Array) {
    this.#blocks = blocks;
    this.#inode = inode;
    this.#root = new DataView(root.buffer, root.byteOffset, root.byteLength);
    this.#fan = blocks.blockSize / 4;
    // A run ends at a mapped block, at a hole between two of them, or with a block of numbers; all of these lie on the device once.
    this.mostRuns = 2 * blocks.count + 64;
  }

  find(logical: number): Run {
    if (logical < DIRECT) return this.#runOf(this.#root, logical, DIRECT, logical);
    let inTree = logical - DIRECT;
    let width = this.#fan;
    for (let depth = 1; depth <= 3; depth++, width *= this.#fan) {
      if (inTree < width) return this.#descend(this.#root.getUint32((DIRECT + depth - 1) * 4, true), depth, inTree, width, logical);
      inTree -= width;
    }
    return hole(logical, Infinity);
  }

  /**
   * @param block that the tree's numbers start in; 0 = nothing of it is there
   * @param at the wanted block, counted from the tree's first
   * @param width blocks that the tree stands for
   */
  #descend(block: number, depth: number, at: number, width: number, logical: number): Run {
    if (block === 0) return hole(logical, width - at);
    let number = block;
    let inside = at;
    let below = width;
    for (let level = depth; ; level--) {
      const bytes = this.#blocks.get(number, `indirect block ${number} of inode ${this.#inode}`);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      if (level === 1) return this.#runOf(view, inside, this.#fan, logical);
      below /= this.#fan;
      const index = Math.floor(inside / below);
      inside %= below;
      number = view.getUint32(index * 4, true);
      if (number === 0) {
        let missing = 1;
        while (index + missing < this.#fan && view.getUint32((index + missing) * 4, true) === 0) missing++;
        return hole(logical, missing * below - inside);
      }
    }
  }

  /** The run of numbers from `index` on: each one more than the one before, or all zero. */
  #runOf(numbers: DataView, index: number, end: number, logical: number): Run {
    const first = numbers.getUint32(index * 4, true);
    const step = first === 0 ? 0 : 1;
    let count = 1;
    while (index + count < end && numbers.getUint32((index + count) * 4, true) === first + count * step) count++;
    if (first === 0) return hole(logical, count);
    const left = this.#blocks.count - first;
    if (left <= 0) throw corrupt(`block map of inode ${this.#inode}`, `logical block ${logical} lies in block ${first}, outside the filesystem of ${this.#blocks.count} blocks`);
    return { logical, count: Math.min(count, left), physical: first, unwritten: false };
  }
}
