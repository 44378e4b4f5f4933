import { foldedBytes } from '../casefold.ts';
import { HASH_SIPHASH, hashVersion, NameHasher } from '../hash.ts';
import { emptyBlock, ENTRY_HEADER, entryLength, INDEX_TAIL, putEntry, putTail, putU16, putU32, recordAt, setRecord, SMALLEST, TAIL, u32 } from './dir-block.ts';

/**
 * A directory made anew from its entries, as e2fsck's pass 3A does: sorted, names that are there twice found, blocks filled, and an index
 * over them where they are many.
 */

/** What the directory and its filesystem are. */
export interface RebuildContext {
  readonly inode: number;
  readonly parent: number;
  /** Bytes. */
  readonly blockSize: number;
  readonly inodeCount: number;
  /** metadata_csum: blocks end in a checksum. */
  readonly checksums: boolean;
  /** incompat filetype. */
  readonly filetype: boolean;
  readonly encrypted: boolean;
  readonly casefolded: boolean;
  /** s_def_hash_version, s_hash_seed, and the sign of chars. */
  readonly hashVersion: number;
  readonly hashSeed: readonly number[];
  readonly signedness: 'signed' | 'unsigned';
  /** large_dir: three levels of index. */
  readonly largeDir: boolean;
}

/** Part of a block that e2fsck leaves free for later names, in hundredths (indexed_dir_slack_percentage). */
const SLACK = 20;
/** The index's pairs in the root, and in a node. */
const ROOT_PAIRS = 32;
const NODE_PAIRS = 8;
const PAIR = 8;
const TYPE_DIRECTORY = 2;
const LONGEST_NAME = 255;

/** The entries of a directory but "." and "..", over the bytes of its blocks. */
export class EntryList {
  readonly #context: RebuildContext;
  readonly #hashed: boolean;
  readonly #bytes: Uint8Array;
  /** By entry: where it lies in the bytes, its hashes; and which entries are dropped or renamed. */
  #at: Uint32Array;
  #hash: Uint32Array;
  #minor: Uint32Array;
  readonly #names = new Map<number, Uint8Array>();
  readonly #dropped = new Set<number>();
  /** All names, once one is looked for that is free. */
  #taken: Set<string> | undefined;
  #order: Uint32Array;
  #hasher: NameHasher | undefined;
  /** What ".." said; 0 where there was none. */
  dotdot = 0;

  /**
   * @param bytes the directory's blocks one after another, each of them readable; changed by renames
   * @param indexed whether the names are to be hashed
   */
  constructor(context: RebuildContext, bytes: Uint8Array, indexed: boolean) {
    this.#context = context;
    this.#bytes = bytes;
    this.#hashed = context.encrypted && context.casefolded;
    const { blockSize, inodeCount, checksums } = context;
    const at: number[] = [];
    for (let block = 0; block + blockSize <= bytes.length; block += blockSize) {
      const end = block + blockSize - (checksums ? TAIL : 0);
      for (let entry = block; entry + ENTRY_HEADER <= end;) {
        const length = recordAt(bytes, entry, blockSize);
        // What can't be read any further was left by a repair that nobody wanted: the rest of the block has no entries then.
        if (length < ENTRY_HEADER || length % 4 !== 0 || entry + length > block + blockSize) break;
        const inode = u32(bytes, entry);
        const nameLength = bytes[entry + 6]!;
        if (inode !== 0 && inode <= inodeCount && nameLength > 0 && entryLength(nameLength, false) <= length) {
          if (nameLength === 2 && bytes[entry + 8] === 0x2e && bytes[entry + 9] === 0x2e) this.dotdot = inode;
          else if (nameLength !== 1 || bytes[entry + 8] !== 0x2e) at.push(entry);
        }
        entry += length;
      }
    }
    this.#at = Uint32Array.from(at);
    this.#hash = new Uint32Array(at.length);
    this.#minor = new Uint32Array(at.length);
    this.#order = Uint32Array.from({ length: at.length }, (_, i) => i);
    if (indexed) this.#makeHashes();
  }

  get length(): number {
    return this.#order.length;
  }

  /** Bytes that the entries take without the space between them. */
  get size(): number {
    let size = 0;
    for (const entry of this.#order) size += entryLength(this.name(entry).length, this.#hashed);
    return size;
  }

  name(entry: number): Uint8Array {
    const at = this.#at[entry]!;
    return this.#names.get(entry) ?? this.#bytes.subarray(at + ENTRY_HEADER, at + ENTRY_HEADER + this.#bytes[at + 6]!);
  }

  inode(entry: number): number {
    return u32(this.#bytes, this.#at[entry]!);
  }

  /** Sorts by hash and then by name, so that equal names are neighbours. */
  sort(): void {
    if (this.#dropped.size > 0) this.#order = this.#order.filter((entry) => !this.#dropped.has(entry));
    this.#order.sort((a, b) => this.#hash[a]! - this.#hash[b]! || this.#minor[a]! - this.#minor[b]! || this.#compare(a, b) || this.inode(b) - this.inode(a) || a - b);
  }

  /** Sorts by inode number: how a directory without an index is best read. */
  sortByInode(): void {
    this.#order.sort((a, b) => this.inode(a) - this.inode(b) || a - b);
  }

  /** The first pair of neighbours from place `from` on with one name; after `sort`. */
  nextDuplicate(from: number): { readonly place: number; readonly first: number; readonly second: number } | undefined {
    for (let place = Math.max(1, from); place < this.#order.length; place++) {
      const first = this.#order[place - 1]!;
      const second = this.#order[place]!;
      if (this.#hash[first] === this.#hash[second] && this.#compare(first, second) === 0) return { place, first, second };
    }
    return undefined;
  }

  /** Takes an entry out, at the next `sort`. */
  drop(entry: number): void {
    this.#dropped.add(entry);
  }

  /** A name like the entry's that no other entry has. */
  freeName(entry: number): Uint8Array {
    if (this.#taken === undefined) {
      this.#taken = new Set();
      for (const other of this.#order) this.#taken.add(this.#key(this.name(other)));
    }
    let name = changedName(this.name(entry));
    // Each change counts on; there are more numbers than entries.
    while (this.#taken.has(this.#key(name))) name = changedName(name);
    return name;
  }

  rename(entry: number, name: Uint8Array): void {
    this.#names.set(entry, name);
    this.#taken?.add(this.#key(name));
    if (this.#hash.length > 0 && this.#hasher !== undefined) this.#hashEntry(entry, this.#hasher);
  }

  /**
   * The blocks of the directory, one after another, without their checksums; undefined where an index would need more levels than there are.
   * @param indexed with an index; else as it is without one
   */
  build(indexed: boolean): Uint8Array | undefined {
    return indexed ? this.#buildIndexed() : this.#buildLinear();
  }

  #makeHashes(): void {
    const context = this.#context;
    if (!this.#hashed) {
      const version = hashVersion(context.hashVersion, context.signedness);
      if (version < HASH_SIPHASH) this.#hasher = new NameHasher({ version, seed: context.hashSeed });
    }
    for (let entry = 0; entry < this.#at.length; entry++) this.#hashEntry(entry, this.#hasher);
  }

  #hashEntry(entry: number, hasher: NameHasher | undefined): void {
    if (hasher === undefined) {
      // Stored behind the name (ext4_hash_in_dirent).
      const at = this.#at[entry]!;
      const hashes = at + ((ENTRY_HEADER + this.#bytes[at + 6]! + 3) & ~3);
      this.#hash[entry] = u32(this.#bytes, hashes);
      this.#minor[entry] = u32(this.#bytes, hashes + 4);
      return;
    }
    const name = this.#context.casefolded ? foldedBytes(this.name(entry)) : this.name(entry);
    this.#hash[entry] = hasher.hash(name, 0, name.length);
    this.#minor[entry] = hasher.minor;
  }

  #compare(a: number, b: number): number {
    const left = this.#comparable(this.name(a));
    const right = this.#comparable(this.name(b));
    const least = Math.min(left.length, right.length);
    for (let i = 0; i < least; i++) {
      if (left[i] !== right[i]) return left[i]! - right[i]!;
    }
    return left.length - right.length;
  }

  #comparable(name: Uint8Array): Uint8Array {
    return this.#context.casefolded && !this.#context.encrypted ? foldedBytes(name) : name;
  }

  #key(name: Uint8Array): string {
    return String.fromCharCode(...this.#comparable(name));
  }

  #put(block: Uint8Array, at: number, entry: number, length: number): void {
    const name = this.name(entry);
    putU32(block, at, this.inode(entry));
    setRecord(block, at, length, block.length);
    block[at + 6] = name.length;
    block[at + 7] = this.#bytes[this.#at[entry]! + 7]!;
    block.set(name, at + ENTRY_HEADER);
    if (this.#hashed) {
      const hashes = at + ((ENTRY_HEADER + name.length + 3) & ~3);
      putU32(block, hashes, this.#hash[entry]!);
      putU32(block, hashes + 4, this.#minor[entry]!);
    }
  }

  /** Fills blocks with the entries in order. @param first what the first block begins with, and how long that is */
  #leaves(first: { readonly block: Uint8Array; readonly used: number; readonly last: number } | undefined, slack: number): { readonly blocks: Uint8Array[]; readonly hashes: number[] } {
    const { blockSize, checksums } = this.#context;
    const end = blockSize - (checksums ? TAIL : 0);
    const blocks: Uint8Array[] = [];
    const hashes: number[] = [];
    let block = first?.block;
    let used = first?.used ?? 0;
    let last = first?.last ?? 0;
    let previous: number | undefined;
    const close = (): void => {
      if (block === undefined) return;
      setRecord(block, last, end - last, blockSize);
      if (checksums) putTail(block);
      blocks.push(block);
      block = undefined;
    };
    if (first !== undefined) hashes.push(0);
    for (const entry of this.#order) {
      const length = entryLength(this.name(entry).length, this.#hashed);
      if (block !== undefined && (used + length > end || (used > 0 && end - used < slack))) close();
      if (block === undefined) {
        block = new Uint8Array(blockSize);
        used = 0;
        // The lowest bit says that names with this hash are in the block before as well.
        hashes.push(previous === this.#hash[entry] ? this.#hash[entry]! + 1 : this.#hash[entry]!);
      }
      this.#put(block, used, entry, length);
      last = used;
      used += length;
      previous = this.#hash[entry]!;
    }
    close();
    return { blocks, hashes };
  }

  #buildLinear(): Uint8Array {
    const { blockSize, inode, parent, filetype } = this.#context;
    const type = filetype ? TYPE_DIRECTORY : 0;
    const block = new Uint8Array(blockSize);
    putEntry(block, 0, inode, SMALLEST, '.', type, blockSize);
    putEntry(block, SMALLEST, parent, SMALLEST, '..', type, blockSize);
    return joined(this.#leaves({ block, used: 2 * SMALLEST, last: SMALLEST }, 0).blocks, blockSize);
  }

  #buildIndexed(): Uint8Array | undefined {
    const { blockSize, checksums } = this.#context;
    const room = blockSize - (checksums ? TAIL : 0);
    const { blocks, hashes } = this.#leaves(undefined, Math.max(Math.floor((room * SLACK) / 100), entryLength(1, this.#hashed)));
    if (blocks.length === 0) {
      blocks.push(emptyBlock(blockSize, checksums));
      hashes.push(0);
    }
    const tail = checksums ? INDEX_TAIL : 0;
    const rootPairs = Math.floor((blockSize - ROOT_PAIRS - tail) / PAIR);
    const nodePairs = Math.floor((blockSize - NODE_PAIRS - tail) / PAIR);
    // The blocks in the order of their numbers: the root, the leaves, then the nodes.
    const all: Uint8Array[] = [new Uint8Array(blockSize), ...blocks];
    let level = blocks.map((_, i) => ({ hash: hashes[i]!, block: i + 1 }));
    let levels = 0;
    while (level.length > rootPairs) {
      const above: { hash: number; block: number }[] = [];
      for (let from = 0; from < level.length; from += nodePairs) {
        const node = new Uint8Array(blockSize);
        setRecord(node, 0, blockSize, blockSize);
        const pairs = level.slice(from, from + nodePairs);
        putPairs(node, NODE_PAIRS, nodePairs, pairs);
        above.push({ hash: pairs[0]!.hash, block: all.push(node) - 1 });
      }
      level = above;
      levels++;
    }
    if (levels >= (this.#context.largeDir ? 3 : 2)) return undefined;
    this.#putRoot(all[0]!, levels);
    putPairs(all[0]!, ROOT_PAIRS, rootPairs, level);
    return joined(all, blockSize);
  }

  #putRoot(block: Uint8Array, levels: number): void {
    const { blockSize, inode, parent, filetype, hashVersion: version } = this.#context;
    const type = filetype ? TYPE_DIRECTORY : 0;
    putEntry(block, 0, inode, SMALLEST, '.', type, blockSize);
    putEntry(block, SMALLEST, parent, blockSize - SMALLEST, '..', type, blockSize);
    block[28] = this.#hashed ? HASH_SIPHASH : version;
    block[29] = 8;
    block[30] = levels;
  }
}

/** Writes the pairs of an index block; the first one's hash makes room for limit and count. */
function putPairs(block: Uint8Array, at: number, limit: number, pairs: readonly { readonly hash: number; readonly block: number }[]): void {
  for (const [i, pair] of pairs.entries()) {
    if (i > 0) putU32(block, at + i * PAIR, pair.hash);
    putU32(block, at + i * PAIR + 4, pair.block);
  }
  putU16(block, at, limit);
  putU16(block, at + 2, pairs.length);
}

function joined(blocks: readonly Uint8Array[], blockSize: number): Uint8Array {
  const whole = new Uint8Array(blocks.length * blockSize);
  for (const [i, block] of blocks.entries()) whole.set(block, i * blockSize);
  return whole;
}

/**
 * The next name of a series that begins with `name`: "name~0", "name~1" … Cut where it would be longer than a name may be.
 * It never ends: where all digits are used, there is one more of them.
 */
export function changedName(name: Uint8Array): Uint8Array {
  let digits = 0;
  while (digits < name.length && isDigit(name[name.length - 1 - digits]!)) digits++;
  const tilde = name.length - 1 - digits;
  const counted = digits > 0 && tilde > 0 && name[tilde] === 0x7e;
  const stem = counted ? name.subarray(0, tilde) : name;
  const number = counted ? BigInt(String.fromCharCode(...name.subarray(tilde + 1))) + 1n : 0n;
  const suffix = `~${number}`;
  const kept = stem.subarray(0, Math.max(1, Math.min(stem.length, LONGEST_NAME - suffix.length)));
  const result = new Uint8Array(kept.length + suffix.length);
  result.set(kept);
  for (let i = 0; i < suffix.length; i++) result[kept.length + i] = suffix.charCodeAt(i);
  return result;
}

const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;



