import { crc32c, crc32cOfZeros } from '../../codecs/crc32c.ts';
import type { DirectoryContext } from './directory.ts';
import { HASH_SIPHASH, HASH_TEA, hashVersion } from './hash.ts';

/**
 * The blocks of a directory's hash index (struct dx_root and dx_node in fs/ext4/namei.c). Both pose as blocks of one unused entry; then
 * come pairs of hash and block, sorted by hash, the first of which keeps limit and count in its hash's place (dx_countlimit).
 */
export interface DxBlock {
  readonly bytes: Uint8Array;
  /** Offset of the first pair. */
  readonly entriesAt: number;
  /** Pairs in use, the first included. */
  readonly count: number;
}

export interface DxRoot extends DxBlock {
  /** The hash that is meant: 0 to 5, or 6 for siphash. */
  readonly version: number;
  /** Levels of dx_nodes between the root and the leaves. */
  readonly levels: number;
}

/** dx_root_info comes after "." and "..", 12 bytes each. */
const INFO_AT = 24;
/** A dx_node starts with one unused entry's header. */
const NODE_ENTRIES_AT = 8;
const PAIR = 8;
/** struct dx_tail: a reserved word and the checksum. */
const TAIL = 8;
/** dx_root_info.unused_flags must have this bit clear. */
const UNKNOWN_FLAG = 1;
/** The upper bits of a block number in the index are reserved. */
const BLOCK_MASK = 0x0fffffff;

/** The root of the index, checked as dx_probe does; else a sentence on what is wrong with it. */
export function readRoot(context: DirectoryContext): DxRoot | string {
  const bytes = context.block(0);
  if (bytes === undefined) return 'the index root is a hole';
  const stored = bytes[INFO_AT + 4]!;
  const infoLength = bytes[INFO_AT + 5]!;
  const levels = bytes[INFO_AT + 6]!;
  if (stored > HASH_TEA && stored !== HASH_SIPHASH) return `unrecognised hash version ${stored}`;
  if ((stored === HASH_SIPHASH) !== (context.encrypted && context.casefolded)) return `hash version ${stored} does not belong to this kind of directory`;
  if ((bytes[INFO_AT + 7]! & UNKNOWN_FLAG) !== 0) return `unknown index flags ${bytes[INFO_AT + 7]!}`;
  if (levels >= (context.largeDir ? 3 : 2)) return `an index of ${levels + 1} levels`;
  const entriesAt = INFO_AT + infoLength;
  const checked = check(context, 0, bytes, entriesAt);
  return typeof checked === 'string' ? checked : { ...checked, version: hashVersion(stored, context.signedness), levels };
}

/** An inner block of the index; else a sentence on what is wrong with it. */
export function readNode(context: DirectoryContext, logical: number): DxBlock | string {
  if (logical >= Math.floor(context.size / context.blockSize)) return `index block ${logical} lies past the directory's end`;
  const bytes = context.block(logical);
  if (bytes === undefined) return `index block ${logical} is a hole`;
  const checked = check(context, logical, bytes, NODE_ENTRIES_AT);
  return typeof checked === 'string' ? `index block ${logical}: ${checked}` : checked;
}

/** The hash of pair `index`: the least in its subtree. The first has none, it stands for 0. The lowest bit says that it goes on from the pair before. */
export function pairHash(block: DxBlock, index: number): number {
  return index === 0 ? 0 : u32(block.bytes, block.entriesAt + index * PAIR);
}

/** The logical block that pair `index` leads to. */
export function pairBlock(block: DxBlock, index: number): number {
  return u32(block.bytes, block.entriesAt + index * PAIR + 4) & BLOCK_MASK;
}

/** The last pair whose hash is not above `hash`. */
export function findPair(block: DxBlock, hash: number): number {
  let low = 1;
  let high = block.count - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    if (pairHash(block, middle) > hash) high = middle - 1;
    else low = middle + 1;
  }
  return low - 1;
}

function check(context: DirectoryContext, logical: number, bytes: Uint8Array, entriesAt: number): DxBlock | string {
  const tail = context.hasChecksum ? TAIL : 0;
  const room = Math.floor((bytes.length - entriesAt - tail) / PAIR);
  const limit = u16(bytes, entriesAt);
  const count = u16(bytes, entriesAt + 2);
  if (limit !== room) return `its limit of ${limit} entries is not the ${room} that fit`;
  if (count === 0 || count > limit) return `it counts ${count} entries of at most ${limit}`;
  if (context.hasChecksum && context.trusts?.(logical) !== true) {
    // The checksum covers the pairs in use, then the tail with its checksum taken as zero (ext4_dx_csum).
    const tailAt = entriesAt + limit * PAIR;
    let sum = crc32c(context.checksumSeed, bytes, 0, entriesAt + count * PAIR);
    sum = crc32cOfZeros(crc32c(sum, bytes, tailAt, tailAt + 4), 4);
    if (sum !== u32(bytes, tailAt + 4)) return 'its checksum is wrong';
  }
  return { bytes, entriesAt, count };
}

const u16 = (bytes: Uint8Array, at: number): number => bytes[at]! | (bytes[at + 1]! << 8);
const u32 = (bytes: Uint8Array, at: number): number => (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
