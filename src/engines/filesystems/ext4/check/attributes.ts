import { crc32c, crc32cOf32, crc32cOfZeros } from '../../../codecs/crc32c.ts';
import { isDiskError } from '../../../core/errors.ts';
import { INODE_FLAGS } from '../layout.ts';
import { ATTRIBUTE_MAGIC, BLOCK_HEADER, BODY_HEADER, entries, type Entry, entryAt, ENTRY_SIZE, entryHash, entryLength, LARGEST_VALUE, hashMatches, Region, valueLength } from './attribute-entries.ts';
import { type CheckContext, firstInode } from './context.ts';
import { ATTRIBUTES } from './pass1-problems.ts';
import type { Problem } from './problems.ts';
import type { RawInode } from './raw-inode.ts';

/** What an inode's attributes are charged with beside its own blocks: inodes that hold large values. */
export interface AttributeCharge {
  readonly clusters: number;
  readonly inodes: number;
}

const NOTHING: AttributeCharge = { clusters: 0, inodes: 0 };

/** Blocks of attributes that were met: how often they say that they are used, and how often they are. */
export class AttributeBlocks {
  /** References that are still to be met; below 0 where there were more than h_refcount says. */
  readonly left = new Map<number, number>();
  readonly charges = new Map<number, AttributeCharge>();
}

const REFCOUNT_AT = 4;
const BLOCKS_AT = 8;
const CHECKSUM_AT = 16;

/** h_checksum of a block of attributes: over the block's number and its bytes, the field counted as zero (ext4_xattr_block_csum). */
export function attributeBlockChecksum(seed: number, block: number, bytes: Uint8Array): number {
  const numbered = crc32cOf32(crc32cOf32(seed, block % 2 ** 32), Math.floor(block / 2 ** 32));
  return crc32c(crc32cOfZeros(crc32c(numbered, bytes, 0, CHECKSUM_AT), 4), bytes, CHECKSUM_AT + 4);
}

/** Writes a block of attributes with its checksum made. */
export function writeAttributeBlock(context: CheckContext, block: number, bytes: Uint8Array): void {
  const { superblock } = context;
  if (superblock.features.metadataChecksum) new DataView(bytes.buffer, bytes.byteOffset).setUint32(CHECKSUM_AT, attributeBlockChecksum(superblock.checksumSeed, block, bytes), true);
  context.write(block, bytes);
}

/**
 * The attributes in the inode itself (check_ea_in_inode): damaged ones are all removed.
 * @returns what they are charged with, and whether the inode was written
 */
export function checkBodyAttributes(context: CheckContext, inode: RawInode): { readonly charge: AttributeCharge; readonly written: boolean } {
  const header = 128 + inode.extraSize;
  const size = inode.bytes.length;
  const start = header + BODY_HEADER;
  const found = bodyProblem(context, inode, start, size);
  if (found.problem !== undefined && context.problem(found.problem, { inode: inode.number, value: found.value }, context.inodePlace(inode.number))) {
    inode.view.setUint32(header, 0, true);
    context.writeInode(inode);
    return { charge: NOTHING, written: true };
  }
  countReferences(context, inode.view, start, size);
  return { charge: found.charge, written: false };
}

const wrongValue = (problem: Problem, value: number): Found => ({ problem, value, charge: NOTHING });

interface Found {
  readonly problem?: Problem;
  readonly value: number;
  readonly charge: AttributeCharge;
}

function bodyProblem(context: CheckContext, inode: RawInode, start: number, size: number): Found {
  const { view, bytes } = inode;
  let clusters = 0;
  let inodes = 0;
  const wrong = (problem: Problem, value = 0): Found => ({ problem, value, charge: { clusters, inodes } });
  const region = new Region(size - start + BODY_HEADER);
  const header = start - BODY_HEADER;
  region.take(0, BODY_HEADER);
  let remain = size - start;
  let at = start;
  while (remain >= ENTRY_SIZE && at + ENTRY_SIZE <= size && view.getUint32(at, true) !== 0) {
    const entry = entryAt(view, at);
    if (!region.take(at - header, entryLength(entry.nameLength))) return wrong(ATTRIBUTES['body-collision']);
    remain -= ENTRY_SIZE;
    if (valueLength(entry.nameLength) > remain) return wrong(ATTRIBUTES['name-length'], entry.nameLength);
    remain -= valueLength(entry.nameLength);
    if (entry.valueInode === 0) {
      if (entry.valueSize > remain) return wrong(ATTRIBUTES['value-size'], entry.valueSize);
      if (entry.valueSize > 0 && !region.take(BODY_HEADER + entry.valueOffset, valueLength(entry.valueSize))) return wrong(ATTRIBUTES['body-collision']);
      // Older inodes have no hash.
      if (entry.hash !== 0 && !hashMatches(view, bytes, entry, start + entry.valueOffset)) return wrong(ATTRIBUTES['hash'], entry.hash);
      remain -= entry.valueSize;
    } else {
      const large = checkLargeValue(context, inode, bytes, entry);
      if (large.problem !== undefined) return wrong(large.problem, large.value);
      clusters += large.charge.clusters;
      inodes++;
    }
    at = entry.next;
  }
  if (!region.take(at - header, 4)) return wrong(ATTRIBUTES['body-collision']);
  return { value: 0, charge: { clusters, inodes } };
}

/** An attribute whose value lies in an inode of its own (check_large_ea_inode). */
function checkLargeValue(context: CheckContext, owner: RawInode, bytes: Uint8Array, entry: Entry): Found {
  const { superblock } = context;
  const number = entry.valueInode;
  if (number < firstInode(superblock) || number > superblock.raw.s_inodes_count) return wrongValue(ATTRIBUTES['value-inode'], number);
  let inode: RawInode;
  try {
    inode = context.readInode(number);
  } catch (error) {
    if (!isDiskError(error)) throw error;
    return wrongValue(ATTRIBUTES['value-inode'], number);
  }
  const name = bytes.subarray(entry.at + ENTRY_SIZE, entry.at + ENTRY_SIZE + entry.nameLength);
  const valueHash = inode.raw.i_atime >>> 0;
  let clusters = 0;
  if ([false, true].some((signed) => entryHash(name, [valueHash], signed) === entry.hash)) {
    clusters = Math.ceil(entry.valueSize / (superblock.blockSize * superblock.clusterRatio));
  } else if (inode.raw.i_mtime >>> 0 !== owner.number || inode.raw.i_generation !== owner.raw.i_generation) {
    // Neither that, nor the older form of Lustre, which names its owner.
    if (!inode.has(INODE_FLAGS.eaInode)) return wrongValue(ATTRIBUTES['value-inode'], number);
    return wrongValue(ATTRIBUTES['hash'], entry.hash);
  }
  if (!inode.has(INODE_FLAGS.eaInode)) {
    if (!context.problem(ATTRIBUTES['set-ea-inode-flag'], { inode: owner.number, value: number }, context.inodePlace(number))) return wrongValue(ATTRIBUTES['no-ea-inode-flag'], number);
    inode.set(INODE_FLAGS.eaInode);
    context.writeInode(inode);
    // It may have been looked at already.
    context.tables.eaInodes.add(number);
  }
  return { value: 0, charge: { clusters, inodes: 1 } };
}

/** Counts the references to inodes that hold values (inc_ea_inode_refs). */
function countReferences(context: CheckContext, view: DataView, at: number, end: number): void {
  for (const entry of entries(view, at, end)) if (entry.valueInode !== 0) context.tables.eaInodeReferences.add(entry.valueInode, 1);
}

/**
 * The block of attributes of an inode (check_ext_attr). A damaged one is taken from the inode.
 * @returns what the inode is charged with for it; undefined where it has none
 */
export function checkAttributeBlock(context: CheckContext, blocks: AttributeBlocks, inode: RawInode): AttributeCharge | undefined {
  const { superblock, tables } = context;
  const block = inode.fileAcl(superblock);
  if (block === 0) return undefined;
  if ((superblock.features.compat & EXT_ATTR) === 0 || block < superblock.firstDataBlock || block >= superblock.blockCount) {
    tables.badInodes.add(inode.number);
    return undefined;
  }
  const left = blocks.left.get(block);
  if (left !== undefined) {
    blocks.left.set(block, left - 1);
    return blocks.charges.get(block) ?? { clusters: 1, inodes: 0 };
  }
  const bytes = new Uint8Array(superblock.blockSize);
  const place = context.place(`attribute block ${block}`, block);
  const charge = context.tryRead(block, bytes) ? checkEntries(context, inode, block, bytes) : context.problem(ATTRIBUTES['unreadable'], { block, inode: inode.number }, place) ? undefined : { clusters: 1, inodes: 0 };
  if (charge === undefined) {
    inode.setFileAcl(superblock, 0);
    context.writeInode(inode);
    return undefined;
  }
  const view = new DataView(bytes.buffer);
  if (superblock.features.metadataChecksum && attributeBlockChecksum(superblock.checksumSeed, block, bytes) !== view.getUint32(CHECKSUM_AT, true)
    && context.problem(ATTRIBUTES['block-checksum'], { block, inode: inode.number }, place)) {
    writeAttributeBlock(context, block, bytes);
  }
  if (charge.clusters !== 1 || charge.inodes !== 0) blocks.charges.set(block, charge);
  countReferences(context, view, BLOCK_HEADER, bytes.length);
  blocks.left.set(block, view.getUint32(REFCOUNT_AT, true) - 1);
  context.claim(block);
  return charge;
}

/** The compat feature ext_attr. */
const EXT_ATTR = 0x8;

/** @returns what the block is charged with, or undefined when it is to be taken away */
function checkEntries(context: CheckContext, inode: RawInode, block: number, bytes: Uint8Array): AttributeCharge | undefined {
  const view = new DataView(bytes.buffer);
  const place = context.place(`attribute block ${block}`, block);
  const away = (problem: Problem, value = 0): boolean => context.problem(problem, { block, inode: inode.number, value }, place);
  if (view.getUint32(0, true) !== ATTRIBUTE_MAGIC && away(ATTRIBUTES['block-magic'])) return undefined;
  if (view.getUint32(BLOCKS_AT, true) !== 1 && away(ATTRIBUTES['block-count'])) return undefined;
  const region = new Region(bytes.length);
  region.take(0, BLOCK_HEADER);
  let clusters = 1;
  let inodes = 0;
  let at = BLOCK_HEADER;
  while (at + 4 <= bytes.length && view.getUint32(at, true) !== 0) {
    if (at + ENTRY_SIZE > bytes.length) {
      if (away(ATTRIBUTES['block-collision'])) return undefined;
      break;
    }
    const entry = entryAt(view, at);
    if (!region.take(at, entryLength(entry.nameLength))) {
      if (away(ATTRIBUTES['block-collision'])) return undefined;
      break;
    }
    if (entry.nameIndex === 0) {
      if (away(ATTRIBUTES['block-name'])) return undefined;
      break;
    }
    if (entry.valueInode === 0) {
      if (entry.valueSize > LARGEST_VALUE || entry.valueOffset + entry.valueSize > bytes.length) {
        if (away(ATTRIBUTES['block-value'])) return undefined;
        break;
      }
      if (entry.valueSize > 0 && !region.take(entry.valueOffset, valueLength(entry.valueSize)) && away(ATTRIBUTES['block-collision'])) return undefined;
      if (!hashMatches(view, bytes, entry, entry.valueOffset) && away(ATTRIBUTES['hash'], entry.hash)) return undefined;
    } else {
      const large = checkLargeValue(context, inode, bytes, entry);
      if (large.problem !== undefined && away(large.problem, large.value)) return undefined;
      clusters += large.charge.clusters;
      inodes++;
    }
    at = entry.next;
  }
  if (!region.take(at, 4) && away(ATTRIBUTES['block-collision'])) return undefined;
  return { clusters, inodes };
}

/** After all inodes: blocks of attributes that are used more or less often than they say (adjust_extattr_refcount). */
export function settleReferences(context: CheckContext, blocks: AttributeBlocks): void {
  for (const [block, left] of blocks.left) {
    if (left === 0) continue;
    const bytes = new Uint8Array(context.superblock.blockSize);
    if (!context.tryRead(block, bytes)) continue;
    const view = new DataView(bytes.buffer);
    const count = view.getUint32(REFCOUNT_AT, true);
    if (context.problem(ATTRIBUTES['block-references'], { block, count, should: count - left }, context.place(`attribute block ${block}`, block))) {
      view.setUint32(REFCOUNT_AT, count - left, true);
      writeAttributeBlock(context, block, bytes);
    }
  }
}
