import { foldedBytes } from '../casefold.ts';
import { HASH_SIPHASH, hashVersion, NameHasher } from '../hash.ts';
import { INODE_FLAGS } from '../layout.ts';
import type { CheckContext } from './context.ts';
import { ENTRY_HEADER, INDEX_TAIL, recordAt, u16, u32 } from './dir-block.ts';
import { PASS_2 } from './directory-problems.ts';

/**
 * The index of one directory as its blocks say it is. Blocks come in any order but for the root, which is first; what they say of one
 * another is compared when all were seen.
 */

/** What a block is. */
const ROOT = 1;
const NODE = 2;
const LEAF = 3;
/** Marks of a block: some index block leads to it; two do; it is the first or the last of its index block. */
const REFERENCED = 1;
const TWICE = 2;
const FIRST = 4;
const LAST = 8;

const INFO_AT = 24;
const NODE_PAIRS = 8;
const PAIR = 8;
/** The upper bits of block numbers in the index are reserved. */
const BLOCK_MASK = 0x0fffffff;
const LAST_HASH = 0xfffffffe;

export class IndexCheck {
  readonly inode: number;
  /** Blocks that the index may have. */
  readonly blocks: number;
  /** It was given up: the directory is built anew. */
  dead = false;
  readonly #context: CheckContext;
  readonly #kind: Uint8Array;
  readonly #marks: Uint8Array;
  readonly #parent: Uint32Array;
  readonly #previous: Uint32Array;
  /** The least and the greatest hash in a block, and what the index says of it. */
  readonly #min: Uint32Array;
  readonly #max: Uint32Array;
  readonly #nodeMin: Uint32Array;
  readonly #nodeMax: Uint32Array;
  readonly #casefolded: boolean;
  #depth = 0;
  /** Undefined where the hash stands behind the name. */
  #hasher: NameHasher | undefined;
  #version = 0;

  constructor(context: CheckContext, inode: number, blocks: number) {
    this.#context = context;
    this.inode = inode;
    this.blocks = blocks;
    this.#kind = new Uint8Array(blocks);
    this.#marks = new Uint8Array(blocks);
    this.#parent = new Uint32Array(blocks);
    this.#previous = new Uint32Array(blocks);
    this.#min = new Uint32Array(blocks);
    this.#max = new Uint32Array(blocks);
    this.#nodeMin = new Uint32Array(blocks);
    this.#nodeMax = new Uint32Array(blocks);
    this.#casefolded = context.tables.casefolded.has(inode);
  }

  /**
   * A block is about to be scanned. @returns what it is: 'leaf', 'index', or 'dead' when the index is given up on account of it
   */
  begin(logical: number, block: Uint8Array): 'leaf' | 'index' | 'dead' {
    if (logical >= this.blocks) {
      if (this.#context.problem(PASS_2['unexpected-index-block'], { inode: this.inode, block: logical })) this.giveUp();
      return 'dead';
    }
    this.#min[logical] = 0xffffffff;
    this.#max[logical] = 0;
    this.#kind[logical] = LEAF;
    if (logical === 0) return this.#beginRoot(block);
    if (this.#isNode(block)) {
      this.#kind[logical] = NODE;
      return 'index';
    }
    return 'leaf';
  }

  #beginRoot(block: Uint8Array): 'index' | 'dead' {
    const { superblock, tables } = this.#context;
    this.#kind[0] = ROOT;
    this.#marks[0]! |= FIRST | LAST;
    const levels = block[INFO_AT + 6]!;
    const most = superblock.features.largeDir ? 3 : 2;
    if ((u32(block, INFO_AT) !== 0 || block[INFO_AT + 5]! < 8 || levels >= most) && this.#context.problem(PASS_2['bad-index-root'], { inode: this.inode })) {
      this.giveUp();
      return 'dead';
    }
    const stored = block[INFO_AT + 4]!;
    this.#version = hashVersion(stored, (superblock.raw.s_flags & 2) !== 0 ? 'unsigned' : 'signed');
    const behind = tables.encrypted.has(this.inode) && this.#casefolded;
    this.#hasher = behind || this.#version >= HASH_SIPHASH ? undefined : new NameHasher({ version: this.#version, seed: superblock.raw.s_hash_seed });
    this.#depth = levels + 1;
    return 'index';
  }

  #isNode(block: Uint8Array): boolean {
    const size = block.length;
    const tail = this.#context.superblock.features.metadataChecksum ? INDEX_TAIL : 0;
    return u32(block, 0) === 0 && recordAt(block, 0, size) === size && block[6] === 0 && u16(block, NODE_PAIRS) === Math.floor((size - NODE_PAIRS - tail) / PAIR);
  }

  /** An entry of a leaf (or "." and ".." of the root): its hash counts for the block. */
  entry(logical: number, block: Uint8Array, at: number): void {
    const length = block[at + 6]!;
    const start = at + ENTRY_HEADER;
    let hash: number;
    if (this.#hasher === undefined) {
      if (this.#version !== HASH_SIPHASH || logical === 0) return;
      hash = u32(block, at + ((ENTRY_HEADER + length + 3) & ~3));
    } else if (this.#casefolded) {
      const name = foldedBytes(block.subarray(start, start + length));
      hash = this.#hasher.hash(name, 0, name.length);
    } else {
      hash = this.#hasher.hash(block, start, start + length);
    }
    if (hash < this.#min[logical]!) this.#min[logical] = hash;
    if (hash > this.#max[logical]!) this.#max[logical] = hash;
  }

  /** The pairs of the root or of a node, once its entries were scanned. @param sound its checksum is right, or there is none */
  pairs(logical: number, block: Uint8Array, sound: boolean): void {
    if (this.dead) return;
    const context = this.#context;
    const { inode } = this;
    const root = logical === 0;
    if (!sound && (context.tables.rehash.has(inode) || context.problem(PASS_2[root ? 'index-root-checksum' : 'index-node-checksum'], { inode, ...(root ? {} : { block: logical }) }))) {
      this.giveUp();
      return;
    }
    const at = root ? INFO_AT + block[INFO_AT + 5]! : NODE_PAIRS;
    const room = Math.max(0, Math.floor((block.length - at - (context.superblock.features.metadataChecksum ? INDEX_TAIL : 0)) / PAIR));
    const limit = u16(block, at);
    let count = u16(block, at + 2);
    if (limit !== room && context.problem(PASS_2['index-limit'], { inode, block: logical, count: limit })) {
      this.giveUp();
      return;
    }
    if (count > room) {
      if (context.problem(PASS_2['index-count'], { inode, block: logical, count })) {
        this.giveUp();
        return;
      }
      count = room;
    }
    this.#readPairs(logical, block, at, count);
  }

  #readPairs(logical: number, block: Uint8Array, at: number, count: number): void {
    const context = this.#context;
    const { inode } = this;
    let least = 0xffffffff;
    let most = 0;
    let hash = 0;
    for (let i = 0; i < count; i++) {
      const before = hash;
      hash = i === 0 ? 0 : (u32(block, at + i * PAIR) & ~1) >>> 0;
      const target = u32(block, at + i * PAIR + 4) & BLOCK_MASK;
      if (target >= this.blocks) {
        if (context.problem(PASS_2['bad-index-block'], { inode, block: target })) {
          this.giveUp();
          return;
        }
        continue;
      }
      if (hash < before && context.problem(PASS_2['index-order'], { inode, block: logical })) {
        this.giveUp();
        return;
      }
      if ((this.#marks[target]! & REFERENCED) !== 0) {
        this.#marks[target]! |= TWICE;
      } else {
        this.#marks[target]! |= REFERENCED;
        this.#parent[target] = logical;
      }
      this.#previous[target] = i === 0 ? 0 : u32(block, at + (i - 1) * PAIR + 4) & BLOCK_MASK;
      least = Math.min(least, hash);
      most = Math.max(most, hash);
      this.#nodeMin[target] = hash;
      if (i + 1 < count) {
        this.#nodeMax[target] = u32(block, at + (i + 1) * PAIR) & ~1;
      } else {
        this.#nodeMax[target] = LAST_HASH;
        this.#marks[target]! |= LAST;
      }
      if (i === 0) this.#marks[target]! |= FIRST;
    }
    this.#min[logical] = least;
    this.#max[logical] = most;
  }

  /** All blocks were seen: compares what they say of one another. */
  finish(): void {
    const context = this.#context;
    if (this.dead || this.blocks === 0 || context.tables.rehash.has(this.inode)) return;
    const { inode } = this;
    this.#marks[0]! |= (this.#marks[0]! & REFERENCED) !== 0 ? TWICE : REFERENCED;
    this.#raise(LEAF);
    this.#raise(NODE);
    let bad = false;
    for (let block = 0; block < this.blocks; block++) {
      const marks = this.#marks[block]!;
      if ((marks & FIRST) === 0 && this.#min[block]! < this.#nodeMin[block]!) {
        context.problem(PASS_2['index-min-hash'], { inode, block });
        bad = true;
      }
      if (this.#kind[block] === LEAF && this.#levels(block) !== this.#depth) {
        context.problem(PASS_2['index-depth'], { inode, block });
        bad = true;
      }
      if (block > 0 && this.#max[block]! > this.#nodeMax[block]!) {
        context.problem(PASS_2['index-max-hash'], { inode, block });
        bad = true;
      }
      if ((marks & REFERENCED) === 0) {
        context.problem(PASS_2['index-unreferenced'], { inode, block });
        bad = true;
      } else if ((marks & TWICE) !== 0) {
        context.problem(PASS_2['index-referenced-twice'], { inode, block });
        bad = true;
      }
    }
    if (bad && context.problem(PASS_2['bad-index'], { inode })) this.giveUp();
  }

  /** First and last children tell their parents what they hold. */
  #raise(kind: number): void {
    for (let block = 0; block < this.blocks; block++) {
      if (this.#kind[block] !== kind) continue;
      const parent = this.#parent[block]!;
      const marks = this.#marks[block]!;
      if ((marks & FIRST) !== 0) {
        this.#min[parent] = this.#min[block]!;
        const previous = this.#previous[parent]!;
        if (previous !== 0 && previous < this.blocks) this.#nodeMax[previous] = this.#min[parent]!;
      }
      if ((marks & LAST) !== 0) this.#max[parent] = this.#max[block]!;
    }
  }

  /** Blocks between a block and the root, itself included; more than there can be where they go round. */
  #levels(block: number): number {
    let levels = 0;
    for (let at = block; this.#kind[at] !== ROOT && levels < 8; levels++) at = this.#parent[at]!;
    return levels;
  }

  /** The flag goes, and the directory is built anew. */
  giveUp(): void {
    this.dead = true;
    const context = this.#context;
    const inode = context.readInode(this.inode);
    if (inode.has(INODE_FLAGS.index)) {
      inode.clear(INODE_FLAGS.index);
      context.writeInode(inode);
    }
    context.tables.rehash.add(this.inode);
  }
}
