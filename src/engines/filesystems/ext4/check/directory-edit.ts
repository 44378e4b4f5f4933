import { isDiskError } from '../../../core/errors.ts';
import type { CheckContext } from './context.ts';
import { emptyBlock, ENTRY_HEADER, entryLength, firstBlock, putU32, recordAt, setChecksum, setRecord, TAIL, u32 } from './dir-block.ts';
import { forgetInlineHash, inlineDirectory } from './inline-directory.ts';
import { type MapRun, readRuns, writeRuns } from './file-map.ts';
import { INODE_FLAGS } from '../layout.ts';
import { MODE, RawInode } from './raw-inode.ts';

/** Small changes of directories that pass 2 has made sound: names looked up, put in, taken out; blocks added; new ones made. */

const ROOT = 2;
const I_BLOCK_AT = 40;
const I_BLOCK_SIZE = 60;
const INLINE_PARENT = 4;
const EXTENTS_FEATURE = 0x40;
/** Bytes of the fields behind the first 128 that this format knows: up to i_projid. */
const EXTRA_SIZE = 32;

/** What a visitor does with an entry: go on, end here, or end and write what it changed. */
export type Visited = 'stop' | 'changed' | undefined;

/** Visits the entries of a directory, unused ones too, until the visitor ends it. Damaged blocks end where they can't be read. */
export function visitEntries(context: CheckContext, inode: RawInode, visit: (bytes: Uint8Array, at: number, end: number) => Visited): void {
  const { blockSize, features } = context.superblock;
  if (inode.has(INODE_FLAGS.inlineData)) {
    const { first, more } = inlineDirectory(context, inode);
    for (const [bytes, from] of [[first, INLINE_PARENT], [more, 0]] as const) {
      if (bytes === undefined) continue;
      const done = visitBlock(bytes, from, bytes.length, blockSize, visit);
      if (done === 'changed') {
        forgetInlineHash(inode);
        context.writeInode(inode);
      }
      if (done !== undefined) return;
    }
    return;
  }
  for (const { physical, count } of runsOf(context, inode)) {
    for (let block = physical; block < physical + count; block++) {
      const bytes = new Uint8Array(blockSize);
      if (!context.tryRead(block, bytes)) continue;
      const done = visitBlock(bytes, 0, blockSize - (features.metadataChecksum && bytes[blockSize - TAIL + 7] === 0xde ? TAIL : 0), blockSize, visit);
      if (done === 'changed') writeBlock(context, inode, block, bytes);
      if (done !== undefined) return;
    }
  }
}

function visitBlock(bytes: Uint8Array, from: number, end: number, blockSize: number, visit: (bytes: Uint8Array, at: number, end: number) => Visited): Visited {
  for (let at = from; at + ENTRY_HEADER <= end;) {
    const length = recordAt(bytes, at, blockSize);
    if (length < ENTRY_HEADER || length % 4 !== 0 || at + length > bytes.length) return undefined;
    const done = visit(bytes, at, Math.min(at + length, bytes.length));
    if (done !== undefined) return done;
    at += length;
  }
  return undefined;
}

/** Writes a directory block with its checksum. */
export function writeBlock(context: CheckContext, inode: RawInode, block: number, bytes: Uint8Array): void {
  if (context.superblock.features.metadataChecksum) setChecksum(inode.seed(context.superblock), bytes);
  context.write(block, bytes);
}

/** The runs of a directory; none where its map is damaged and nobody wanted that repaired. */
export function runsOf(context: CheckContext, inode: RawInode): MapRun[] {
  try {
    return readRuns(context, inode);
  } catch (error) {
    if (!isDiskError(error)) throw error;
    return [];
  }
}

/** The inode that a name (ASCII) leads to; undefined when it is not there. */
export function lookupName(context: CheckContext, directory: RawInode, name: string): number | undefined {
  let found: number | undefined;
  visitEntries(context, directory, (bytes, at) => {
    if (u32(bytes, at) === 0 || !isName(bytes, at, name)) return undefined;
    found = u32(bytes, at);
    return 'stop';
  });
  return found;
}

/** Takes a name out. */
export function removeName(context: CheckContext, directory: RawInode, name: string): void {
  visitEntries(context, directory, (bytes, at) => {
    if (u32(bytes, at) === 0 || !isName(bytes, at, name)) return undefined;
    putU32(bytes, at, 0);
    return 'changed';
  });
}

export function isName(bytes: Uint8Array, at: number, name: string): boolean {
  if (bytes[at + 6] !== name.length) return false;
  for (let i = 0; i < name.length; i++) if (bytes[at + ENTRY_HEADER + i] !== name.charCodeAt(i)) return false;
  return true;
}

/** Puts a name into a block where there is room. @param end of the entries @returns whether there was */
export function insertName(bytes: Uint8Array, end: number, blockSize: number, name: string, inode: number, type: number): boolean {
  const wanted = entryLength(name.length, false);
  for (let at = 0; at + ENTRY_HEADER <= end;) {
    const length = recordAt(bytes, at, blockSize);
    if (length < ENTRY_HEADER || length % 4 !== 0 || at + length > end) return false;
    const used = u32(bytes, at) === 0 ? 0 : entryLength(bytes[at + 6]!, false);
    if (length - used >= wanted) {
      if (used > 0) setRecord(bytes, at, used, blockSize);
      const to = at + used;
      putU32(bytes, to, inode);
      setRecord(bytes, to, length - used, blockSize);
      bytes[to + 6] = name.length;
      bytes[to + 7] = type;
      for (let i = 0; i < name.length; i++) bytes[to + ENTRY_HEADER + i] = name.charCodeAt(i);
      return true;
    }
    at += length;
  }
  return false;
}

/** Gives a directory one more, empty block at its end. @returns where it lies; undefined when there is no space */
export function appendBlock(context: CheckContext, inode: RawInode): number | undefined {
  const { blockSize, clusterRatio, features } = context.superblock;
  const runs = runsOf(context, inode);
  const last = runs.at(-1);
  const logical = last === undefined ? 0 : last.logical + last.count;
  // With bigalloc, the rest of the last block's cluster is the directory's already.
  const next = last === undefined ? 0 : last.physical + last.count;
  const mate = last !== undefined && clusterRatio > 1 && next % clusterRatio !== 0 && logical % clusterRatio !== 0;
  const block = mate ? next : context.allocateBlock(next);
  if (block === undefined) return undefined;
  if (!writeRuns(context, inode, [...runs, { logical, physical: block, count: 1, unwritten: false }], mate ? 0 : clusterRatio)) {
    if (!mate) context.freeBlock(block);
    return undefined;
  }
  inode.size = (logical + 1) * blockSize;
  context.writeInode(inode);
  writeBlock(context, inode, block, emptyBlock(blockSize, features.metadataChecksum));
  return block;
}

/**
 * Makes an inode an empty directory, counted in all tables. @param inode a number that is marked as used @returns false when there is no block for it
 */
export function makeDirectory(context: CheckContext, number: number, parent: number, mode: number): boolean {
  const { superblock, tables } = context;
  const { blockSize, clusterRatio, features, inodeSize } = superblock;
  const block = number === ROOT && context.rootRepairBlock !== 0 ? context.rootRepairBlock : context.allocateBlock();
  if (block === undefined) return false;
  if (number === ROOT) context.rootRepairBlock = 0;
  const inode = new RawInode(number, new Uint8Array(inodeSize));
  const now = Number(context.options.now() / 1_000_000_000n);
  const { raw } = inode;
  raw.i_mode = MODE.dir | mode;
  raw.i_links_count = 2;
  raw.i_atime = raw.i_ctime = raw.i_mtime = now | 0;
  inode.size = blockSize;
  if (inodeSize > 128) {
    raw.i_extra_isize = Math.min(inodeSize - 128, EXTRA_SIZE);
    raw.i_crtime = now | 0;
    // The upper two bits of seconds past 2038 (ext4_encode_extra_time).
    const epoch = Math.floor((now - (now | 0)) / 2 ** 32) & 3;
    raw.i_atime_extra = raw.i_ctime_extra = raw.i_mtime_extra = raw.i_crtime_extra = epoch;
  }
  if ((features.incompat & EXTENTS_FEATURE) !== 0) {
    inode.set(INODE_FLAGS.extents);
    inode.bytes.set([0x0a, 0xf3, 0, 0, 4, 0, 0, 0], I_BLOCK_AT);
  } else {
    inode.bytes.fill(0, I_BLOCK_AT, I_BLOCK_AT + I_BLOCK_SIZE);
  }
  if (!writeRuns(context, inode, [{ logical: 0, physical: block, count: 1, unwritten: false }], clusterRatio)) return false;
  context.charge(inode, 0, 1);
  writeBlock(context, inode, block, firstBlock(blockSize, features.metadataChecksum, number, parent, features.filetype ? 2 : 0));
  tables.directories.add(number);
  const info = tables.directoryInfo.add(number);
  tables.directoryInfo.setParent(info, parent);
  tables.directoryInfo.setDotdot(info, parent);
  tables.linkCounts.set(number, 2);
  tables.foundLinks.set(number, 2);
  return true;
}

/** A name more or less: in the inode, and in what pass 4 compares. */
export function adjustLinks(context: CheckContext, number: number, more: 1 | -1): void {
  const { tables, superblock } = context;
  if (!(number >= 1 && number <= superblock.inodeCount)) return;
  const inode = context.readInode(number);
  tables.foundLinks.add(number, more);
  const links = inode.raw.i_links_count;
  if (more === 1 ? links === 0xffff : links === 0) return;
  tables.linkCounts.add(number, more);
  inode.raw.i_links_count = links + more;
  context.writeInode(inode);
}
