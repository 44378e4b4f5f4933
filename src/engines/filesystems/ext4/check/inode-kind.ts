import { isDiskError } from '../../../core/errors.ts';
import { I_BLOCK_SIZE, INODE, INODE_FLAGS } from '../layout.ts';
import { ATTRIBUTE_MAGIC, attributeValue } from './attribute-entries.ts';
import { type AttributeCharge, checkBodyAttributes } from './attributes.ts';
import { type CheckContext, firstInode } from './context.ts';
import { hasExtentRoot, I_BLOCK_AT } from './extent-walk.ts';
import { clearInode } from './inode-check.ts';
import { BAD_BLOCKS_INODE } from './metadata.ts';
import { PASS1 } from './pass1-problems.ts';
import { MODE, type RawInode } from './raw-inode.ts';

/** The attribute "system.data": what of inline data does not fit into i_block. */
export const SYSTEM_INDEX = 7;
export const SYSTEM_DATA = Uint8Array.of(0x64, 0x61, 0x74, 0x61);
/** The attribute that says how an inode is encrypted. */
const ENCRYPTION_INDEX = 9;
const ENCRYPTION_NAME = Uint8Array.of(0x63);
/** Bytes of fscrypt_context version 1 and 2, the nonce at their end. */
const CONTEXT_SIZES: Readonly<Record<number, number>> = { 1: 28, 2: 40 };
const NONCE = 16;

const NOTHING: AttributeCharge = { clusters: 0, inodes: 0 };
const EXTENTS = 0x40;
const INLINE_DATA = 0x8000;
/** i_extra_isize must reach over itself and i_checksum_hi. */
const LEAST_EXTRA = 4;
/** Until 2242, a time with both epoch bits and the sign is taken for one before 1970 (EXT4_EXTRA_NEGATIVE_DATE_CUTOFF). */
const NEGATIVE_CUTOFF = 2n * 2n ** 32n;

type Ask = (problem: Parameters<CheckContext['problem']>[0], parts?: Record<string, number | string>) => boolean;

const isSpecial = (type: number): boolean => type === MODE.char || type === MODE.block || type === MODE.fifo || type === MODE.socket;

/** Flags that say how the contents are stored, against the features and one another. @returns 'cleared' when the inode is gone */
export function checkFlags(context: CheckContext, inode: RawInode, ask: Ask, write: () => void): 'cleared' | undefined {
  const { superblock } = context;
  const { number } = inode;
  if (inode.has(INODE_FLAGS.casefold) && ((!inode.isDirectory && ask(PASS1['casefold-not-directory'])) || (!superblock.features.casefold && ask(PASS1['casefold-feature'])))) {
    inode.clear(INODE_FLAGS.casefold);
    write();
  }
  if (inode.has(INODE_FLAGS.inlineData) && inode.has(INODE_FLAGS.extents) && bothFlags(context, inode, ask, write) === 'cleared') return 'cleared';
  if (inode.has(INODE_FLAGS.inlineData) && number >= firstInode(superblock)) {
    const value = attributeValue(context, inode, SYSTEM_INDEX, SYSTEM_DATA);
    if (!superblock.features.inlineData) {
      if (value instanceof Uint8Array && ask(PASS1['inline-without-feature'])) {
        context.setFeatures(0, INLINE_DATA, 0);
      } else if (ask(PASS1['inline-flag-unsupported'])) {
        clearInode(context, inode);
        return 'cleared';
      }
    }
    if (context.superblock.features.inlineData && !(value instanceof Uint8Array) && ask(PASS1['inline-missing'])) {
      inode.size = 0;
      inode.clear(INODE_FLAGS.inlineData);
      inode.bytes.fill(0, I_BLOCK_AT, I_BLOCK_AT + I_BLOCK_SIZE);
      write();
    }
  }
  const matters = inode.raw.i_links_count > 0 || number === BAD_BLOCKS_INODE || number === INODE.root || number === INODE.journal;
  if (!matters) return undefined;
  const hasFeature = (superblock.features.incompat & EXTENTS) !== 0;
  if (inode.has(INODE_FLAGS.extents) && !hasFeature) {
    if (hasExtentRoot(inode.view) && ask(PASS1['extents-without-feature'])) {
      context.setFeatures(0, EXTENTS, 0);
    } else if (ask(PASS1['extents-flag-unsupported'])) {
      clearInode(context, inode);
      if (number === BAD_BLOCKS_INODE) context.tables.inodesUsed.add(number);
      return 'cleared';
    }
  }
  if (hasFeature && !inode.has(INODE_FLAGS.extents) && (inode.isRegular || inode.isDirectory) && hasExtentRoot(inode.view) && ask(PASS1['extents-flag-missing'])) {
    inode.set(INODE_FLAGS.extents);
    write();
  }
  return undefined;
}

/** Inline data and extents at once (fix_inline_data_extents_file). */
function bothFlags(context: CheckContext, inode: RawInode, ask: Ask, write: () => void): 'cleared' | undefined {
  const { superblock } = context;
  if ((superblock.features.incompat & (EXTENTS | INLINE_DATA)) === 0) return undefined;
  if (isSpecial(inode.type)) {
    if (ask(PASS1['special-flags'])) {
      inode.clear(INODE_FLAGS.extents | INODE_FLAGS.inlineData);
      write();
    }
    return undefined;
  }
  const room = superblock.inodeSize > 128 ? superblock.inodeSize - 128 - inode.raw.i_extra_isize : 0;
  if (hasExtentRoot(inode.view) && ask(PASS1['inline-is-extents'])) inode.clear(INODE_FLAGS.inlineData);
  else if (inode.size < I_BLOCK_SIZE + room && ask(PASS1['extents-is-inline'])) inode.clear(INODE_FLAGS.extents);
  else if (couldBeBlockMap(context, inode) && ask(PASS1['block-map-flags'])) inode.clear(INODE_FLAGS.inlineData | INODE_FLAGS.extents);
  else if (ask(PASS1['inline-extents-junk'])) {
    clearInode(context, inode);
    return 'cleared';
  } else return undefined;
  write();
  return undefined;
}

function couldBeBlockMap({ superblock }: CheckContext, inode: RawInode): boolean {
  return blockNumbers(inode).every((block) => block < superblock.blockCount);
}

function blockNumbers(inode: RawInode): number[] {
  return Array.from({ length: 15 }, (_, i) => inode.view.getUint32(I_BLOCK_AT + i * 4, true));
}

/** i_extra_isize, the attributes behind it, and times that were stored in an older way (check_inode_extra_space). */
export function checkExtraSpace(context: CheckContext, inode: RawInode, ask: Ask, write: () => void): AttributeCharge {
  const { raw, view } = inode;
  const { inodeSize, raw: sb } = context.superblock;
  if (inodeSize === 128) return NOTHING;
  const most = inodeSize - 128;
  if (raw.i_extra_isize !== 0 && (raw.i_extra_isize < LEAST_EXTRA || raw.i_extra_isize > most || (raw.i_extra_isize & 3) !== 0)) {
    if (!ask(PASS1['extra-size'], { size: raw.i_extra_isize })) return NOTHING;
    raw.i_extra_isize = raw.i_extra_isize < LEAST_EXTRA || raw.i_extra_isize > most ? sb.s_want_extra_isize : (raw.i_extra_isize + 3) & ~3;
    write();
  }
  if (raw.i_extra_isize >= most - 4) return NOTHING;
  let charge = NOTHING;
  if (view.getUint32(128 + raw.i_extra_isize, true) === ATTRIBUTE_MAGIC) {
    const found = checkBodyAttributes(context, inode);
    charge = found.charge;
    if (found.written) write();
  }
  const times: readonly (readonly [time: number, extra: number])[] = [[0x8, 0x8c], [0xc, 0x84], [0x10, 0x88], [0x90, 0x94]];
  const wrong = times.filter(([time, extra]) => view.getInt32(time, true) < 0 && (view.getUint32(extra, true) & 3) === 3);
  if (wrong.length > 0 && context.options.now() / 1_000_000_000n < NEGATIVE_CUTOFF && ask(PASS1['times-out-of-range'])) {
    for (const [, extra] of wrong) view.setUint32(extra, view.getUint32(extra, true) & ~3, true);
    write();
  }
  return charge;
}

/** Whether a device, pipe or socket can be one (e2fsck_pass1_check_device_inode). */
export function isRealSpecial(inode: RawInode): boolean {
  if (!isSpecial(inode.type) || (inode.raw.i_flags & (INODE_FLAGS.index | INODE_FLAGS.extents)) !== 0) return false;
  // The flags immutable and append can't be set on devices: where one is, the other words must be zeros.
  return (inode.raw.i_flags & 0x30) === 0 || blockNumbers(inode).slice(4).every((word) => word === 0);
}

/** Whether a symbolic link can be one (e2fsck_pass1_check_symlink). */
export function isRealSymlink(context: CheckContext, inode: RawInode): boolean {
  const { raw, view, size } = inode;
  const { superblock } = context;
  if (raw.i_size_high !== 0 || size === 0 || inode.has(INODE_FLAGS.index)) return false;
  if (inode.has(INODE_FLAGS.inlineData)) {
    if (inode.has(INODE_FLAGS.extents)) return false;
    const value = attributeValue(context, inode, SYSTEM_INDEX, SYSTEM_DATA);
    return value instanceof Uint8Array && size === I_BLOCK_SIZE + value.length;
  }
  let target: Uint8Array;
  if (size < I_BLOCK_SIZE) {
    if (inode.has(INODE_FLAGS.extents)) return false;
    target = inode.bytes.subarray(I_BLOCK_AT, I_BLOCK_AT + I_BLOCK_SIZE);
  } else {
    let block: number;
    if (inode.has(INODE_FLAGS.extents)) {
      const root = I_BLOCK_AT;
      const one = hasExtentRoot(view) && view.getUint16(root + 2, true) === 1 && view.getUint16(root + 6, true) === 0 && view.getUint32(root + 12, true) === 0 && view.getUint16(root + 16, true) === 1;
      if (!one) return false;
      block = view.getUint32(root + 20, true) + view.getUint16(root + 18, true) * 2 ** 32;
    } else {
      const [first, ...rest] = blockNumbers(inode);
      if (rest.some((word) => word !== 0)) return false;
      block = first!;
    }
    target = new Uint8Array(superblock.blockSize);
    if (block < superblock.firstDataBlock || block >= superblock.blockCount || !context.tryRead(block, target)) return false;
  }
  const end = target.indexOf(0);
  const length = inode.has(INODE_FLAGS.encrypt) ? target[0]! + target[1]! * 256 + 2 : end === -1 ? target.length : end;
  return length < target.length && length === size;
}

/** Whether an inode with another mode is in truth a directory (check_is_really_dir). */
export function looksLikeDirectory(context: CheckContext, inode: RawInode): boolean {
  const { type, view, raw } = inode;
  const { superblock, tables } = context;
  if (type === MODE.dir || type === MODE.file || type === MODE.symlink || view.getUint32(I_BLOCK_AT, true) === 0) return false;
  if (superblock.features.inlineData && inode.has(INODE_FLAGS.inlineData)) return looksLikeInlineDirectory(context, inode);
  let block: number;
  let notDevice = false;
  if ((superblock.features.incompat & EXTENTS) !== 0 && inode.has(INODE_FLAGS.extents)) {
    if (!hasExtentRoot(view) || view.getUint16(I_BLOCK_AT + 2, true) === 0 || view.getUint16(I_BLOCK_AT + 6, true) !== 0 || view.getUint32(I_BLOCK_AT + 12, true) !== 0) return false;
    block = view.getUint32(I_BLOCK_AT + 20, true) + view.getUint16(I_BLOCK_AT + 18, true) * 2 ** 32;
    notDevice = true;
  } else {
    const numbers = blockNumbers(inode);
    for (const [i, number] of numbers.entries()) {
      if (number === 0) continue;
      if (i >= 4) notDevice = true;
      if (number < superblock.firstDataBlock || number >= superblock.blockCount || tables.clustersUsed.has(Math.floor(number / superblock.clusterRatio))) return false;
    }
    block = numbers[0]!;
  }
  if ((type === MODE.char || type === MODE.block) && raw.i_links_count === 1 && !notDevice) return false;
  let bytes: Uint8Array;
  try {
    bytes = context.block(block);
  } catch (error) {
    if (!isDiskError(error)) throw error;
    return false;
  }
  const entry = new DataView(bytes.buffer);
  const length = entry.getUint16(4, true);
  if (bytes[6] !== 1 || bytes[8] !== 0x2e || entry.getUint32(0, true) !== inode.number || length < 12 || length % 4 !== 0 || length >= bytes.length - 12) return false;
  const second = entry.getUint16(length + 4, true);
  return bytes[length + 6] === 2 && bytes[length + 8] === 0x2e && bytes[length + 9] === 0x2e && second >= 12 && second % 4 === 0;
}

function looksLikeInlineDirectory(context: CheckContext, inode: RawInode): boolean {
  const { superblock } = context;
  const value = attributeValue(context, inode, SYSTEM_INDEX, SYSTEM_DATA);
  if (!(value instanceof Uint8Array) || value.length % 4 !== 0) return false;
  const count = superblock.raw.s_inodes_count;
  const first = superblock.raw.s_first_ino;
  const parent = inode.view.getUint32(I_BLOCK_AT, true);
  const child = inode.view.getUint32(I_BLOCK_AT + 4, true);
  return parent < count && (parent >= first || parent === INODE.root) && child < count && (child >= first || child === 0) && inode.view.getUint16(I_BLOCK_AT + 8, true) <= I_BLOCK_SIZE - 4;
}

/** The encryption policy of an inode, as a number: equal policies have equal ones. */
export function policyOf(context: CheckContext, inode: RawInode): number | 'missing' | 'corrupt' {
  const value = attributeValue(context, inode, ENCRYPTION_INDEX, ENCRYPTION_NAME);
  if (value === undefined) return 'missing';
  if (value === 'damaged') return 'corrupt';
  if (value.length !== CONTEXT_SIZES[value[0] ?? 0]) return 'corrupt';
  const key = value.subarray(0, value.length - NONCE).join(',');
  let number = context.policies.get(key);
  if (number === undefined) context.policies.set(key, number = context.policies.size + 1);
  return number;
}
