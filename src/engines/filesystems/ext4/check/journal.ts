import { corrupt, type DiskError, isDiskError, type Place, unsupported } from '../../../core/errors.ts';
import { CacheDevice } from '../../../core/bytes/cache.ts';
import { DeviceBlocks } from '../blocks.ts';
import { withFastCommits } from '../fast-commits.ts';
import { EXTENT_INIT_MAX, EXTENT_MAGIC, Ext4Extent, INODE_FLAGS, STATE } from '../layout.ts';
import type { Superblock } from '../superblock.ts';
import { JournalSuperblock, MAGIC, SUPERBLOCK_V1, SUPERBLOCK_V2 } from '../journal/layout.ts';
import { type JournalMap, type JournalSource, readJournal } from '../journal/replay.ts';
import { readJournalSuperblock, writeJournalState } from '../journal/superblock.ts';
import { Groups } from '../groups.ts';
import { type FastCommitRecord, TAG } from '../journal/fast-commit.ts';
import { Abort, type CheckContext } from './context.ts';
import { mappingOf, readRuns } from './file-map.ts';
import { I_BLOCK_AT } from './extent-walk.ts';
import { JOURNAL } from './journal-problems.ts';
import { MODE, RawInode } from './raw-inode.ts';
import { openFilesystem, writeSuperblock } from './superblock.ts';

const HAS_JOURNAL = 0x4;
const NEEDS_RECOVERY = 0x4;
/** JBD2_MIN_JOURNAL_BLOCKS. */
const LEAST_BLOCKS = 1024;
/** Bytes of block 0 behind what a version 1 superblock has. */
const VERSION_1_END = 0x24;
const NR_USERS_AT = 0x40;
const NO_UUID = (uuid: Uint8Array): boolean => uuid.every((byte) => byte === 0);

/**
 * The journal, before anything else is believed (e2fsck_check_ext3_journal): whether there is one where the superblock says, whether it can be
 * read, and what it has that is not in its place yet. A journal that is to be replayed is written to its places, and the filesystem read anew.
 */
export function checkJournal(context: CheckContext): void {
  // What was replayed may have changed the journal's own inode. Once is enough: there is nothing to replay any more.
  if (lookAt(context)) lookAt(context);
}

/** @returns whether the journal was replayed */
function lookAt(context: CheckContext): boolean {
  const { raw, features } = context.superblock;
  if (!features.hasJournal && !features.needsRecovery && raw.s_journal_inum === 0 && raw.s_journal_dev === 0 && NO_UUID(raw.s_journal_uuid)) return false;
  if (!NO_UUID(raw.s_journal_uuid)) stop(context, unsupported('external journal', 'The journal is on another device, which is needed for a check'));
  const source = findJournal(context);
  if (typeof source === 'string') {
    giveUp(context, source);
    return false;
  }
  if (!load(context, source)) return false;
  const now = context.superblock;
  if (!now.features.hasJournal) {
    if (!context.problem(JOURNAL['without-feature'])) return false;
    now.raw.s_journal_inum = 0;
    now.raw.s_journal_dev = 0;
    clearRecovery(context, now.features.needsRecovery);
    return false;
  }
  const block = source.block(0).slice();
  const head = JournalSuperblock.at(block);
  let due = now.features.needsRecovery;
  if (!due && head.s_start !== 0) due = context.problem(JOURNAL['not-empty']);
  if (due) return replay(context, source);
  if (head.s_errno !== 0 && context.problem(JOURNAL['aborted'], { errno: Math.abs(head.s_errno | 0) })) {
    head.s_errno = 0;
    writeHead(context, source, block);
    now.raw.s_state |= STATE.error;
    context.superblockChanged = true;
  }
  return false;
}

/** What a journal that can't be read holds back may be anything: without it nothing is checked, and errors are left. @throws Abort always */
function stop(context: CheckContext, error: DiskError, place?: Place): never {
  context.problem(JOURNAL['unknown'], { reason: error.message }, place);
  context.left++;
  throw new Abort(error);
}

/** The journal's blocks, by its inode or by the copy of that in the superblock; or why there are none. */
function findJournal(context: CheckContext): JournalSource | string {
  const { raw, inodeCount, inodeSize } = context.superblock;
  const number = raw.s_journal_inum;
  if (number === 0 || number > inodeCount) return 'there is no such inode';
  let inode: RawInode | undefined;
  let reason: string;
  try {
    inode = context.readInode(number);
    const found = sourceOf(context, inode);
    if (typeof found !== 'string' && inode.checksumMatches(context.superblock)) return found;
    reason = typeof found === 'string' ? found : 'its checksum is wrong';
  } catch (error) {
    if (!isDiskError(error)) throw error;
    reason = error.message;
  }
  if (raw.s_jnl_backup_type !== 1) return reason;
  const copy = new RawInode(number, new Uint8Array(inodeSize));
  raw.s_jnl_blocks.slice(0, 15).forEach((word, i) => { copy.view.setUint32(I_BLOCK_AT + i * 4, word, true); });
  copy.raw.i_size_high = raw.s_jnl_blocks[15]!;
  copy.raw.i_size_lo = raw.s_jnl_blocks[16]!;
  copy.raw.i_links_count = 1;
  copy.raw.i_mode = MODE.file | 0o600;
  if (copy.view.getUint16(I_BLOCK_AT, true) === EXTENT_MAGIC) copy.set(INODE_FLAGS.extents);
  const found = sourceOf(context, copy);
  if (typeof found === 'string') return reason;
  // A map of extents e2fsck can't restore: it gives such a journal up.
  const problem = copy.has(INODE_FLAGS.extents) ? { ...JOURNAL['inode-restored'], severity: 'error' as const } : JOURNAL['inode-restored'];
  if (!context.problem(problem, { inode: number, reason }, context.inodePlace(number))) return found;
  try {
    context.writeInode(copy);
  } catch (error) {
    // Its table lies nowhere.
    if (!isDiskError(error)) throw error;
    return reason;
  }
  return found;
}

function sourceOf(context: CheckContext, inode: RawInode): JournalSource | string {
  const { blockSize, blockCount, firstDataBlock } = context.superblock;
  if (inode.raw.i_links_count === 0) return 'it is not in use';
  if (!inode.isRegular || inode.has(INODE_FLAGS.encrypt)) return 'it is not a plain file';
  const count = Math.floor(inode.size / blockSize);
  if (count < LEAST_BLOCKS) return `it has ${count} blocks`;
  if (count > blockCount) return 'it is larger than the filesystem';
  try {
    const mapping = mappingOf(context, inode);
    const physical = (logical: number): number => {
      const block = mapping.find(logical).physical;
      if (block === undefined || block >= blockCount) throw corrupt('journal', `its block ${logical} is not mapped`);
      return block;
    };
    // As to e2fsck, a journal with a hole or a number that can't be is none, though what lies there may never be read.
    let mapped = 0;
    for (const { logical, physical: at, count: length } of readRuns(context, inode)) {
      if (logical !== mapped || at < firstDataBlock || at + length > blockCount) break;
      mapped += length;
    }
    if (mapped < count) return `its block ${mapped} is not mapped`;
    return { blockSize, count, block: (logical) => context.block(physical(logical)), physical: (logical) => physical(logical) * blockSize };
  } catch (error) {
    if (!isDiskError(error)) throw error;
    return error.message;
  }
}

/** e2fsck_journal_fix_bad_inode. */
function giveUp(context: CheckContext, reason: string): void {
  const { raw, features } = context.superblock;
  if (!features.hasJournal && raw.s_journal_inum === 0) {
    if (features.needsRecovery && context.problem(JOURNAL['recovery-without-journal'])) clearRecovery(context, true);
    return;
  }
  if (!context.problem(JOURNAL['bad-inode'], { inode: raw.s_journal_inum, reason })) return;
  raw.s_journal_inum = 0;
  raw.s_jnl_blocks = Array.from({ length: 17 }, () => 0);
  context.clearFeatures(HAS_JOURNAL, 0, 0);
  context.recreateJournal = true;
  clearRecovery(context, true);
}

/** @param damaged changes are lost: the filesystem is not clean until it was checked */
function clearRecovery(context: CheckContext, damaged: boolean): void {
  if (context.superblock.features.needsRecovery) context.clearFeatures(0, NEEDS_RECOVERY, 0);
  if (damaged) context.superblock.raw.s_state &= ~STATE.valid;
  context.superblockChanged = true;
}

/** Whether block 0 can be believed (e2fsck_journal_load), after repairs. */
function load(context: CheckContext, source: JournalSource): boolean {
  const place = { structure: 'journal superblock', at: source.physical(0), length: JournalSuperblock.size };
  const block = source.block(0).slice();
  const head = JournalSuperblock.at(block);
  if (head.h_magic !== MAGIC) {
    giveUp(context, 'it does not start with a journal');
    return false;
  }
  const view = new DataView(block.buffer);
  const isVersion1 = head.h_blocktype === SUPERBLOCK_V1;
  const stray = isVersion1 && [VERSION_1_END, VERSION_1_END + 4, VERSION_1_END + 8, NR_USERS_AT].some((at) => view.getUint32(at) !== 0);
  if (stray && context.problem(JOURNAL['version-1-fields'], {}, place)) {
    block.fill(0, VERSION_1_END);
    writeHead(context, source, block);
  }
  if (head.h_blocktype === SUPERBLOCK_V2 && view.getUint32(NR_USERS_AT) > 1 && context.problem(JOURNAL['users'], { count: view.getUint32(NR_USERS_AT) }, place)) {
    view.setUint32(NR_USERS_AT, 0);
    writeHead(context, source, block);
  }
  try {
    readJournalSuperblock(source);
  } catch (error) {
    if (!isDiskError(error)) throw error;
    // A version 1 journal in which somebody left fields of version 2 is read without them, whoever keeps them.
    if (stray) return true;
    if (error.kind === 'unsupported') stop(context, error, place);
    if (!context.problem(JOURNAL['bad-superblock'], { reason: error.message }, place)) return false;
    resetHead(context, source, block);
    clearRecovery(context, context.superblock.features.needsRecovery);
    return context.superblock.features.hasJournal;
  }
  return true;
}

function writeHead(context: CheckContext, source: JournalSource, block: Uint8Array): void {
  const head = JournalSuperblock.at(block);
  writeJournalState(block, { start: head.s_start, sequence: head.s_sequence });
  context.device.write!(source.physical(0), block);
}

/** An empty journal of version 2 (e2fsck_journal_reset_super). */
function resetHead(context: CheckContext, source: JournalSource, block: Uint8Array): void {
  const head = JournalSuperblock.at(block);
  const type = head.h_blocktype === SUPERBLOCK_V1 ? SUPERBLOCK_V1 : SUPERBLOCK_V2;
  // Far from any number that the old log used, so that nothing of it is taken for new.
  const sequence = (head.s_sequence + 0x4000_0000) >>> 0;
  writeEmptyHead(block, type, source.count, sequence);
  context.device.write!(source.physical(0), block);
}

/** Fills block 0 of a journal that has nothing in it. */
export function writeEmptyHead(block: Uint8Array, type: number, count: number, sequence: number): void {
  block.fill(0);
  const head = JournalSuperblock.at(block);
  head.h_magic = MAGIC;
  head.h_blocktype = type;
  head.s_blocksize = block.length;
  head.s_maxlen = count;
  head.s_first = 1;
  head.s_sequence = sequence;
}

/** Writes what the journal has to its places, empties it, and reads the filesystem anew (e2fsck_run_ext3_journal). @returns whether it did */
function replay(context: CheckContext, source: JournalSource): boolean {
  const { superblock, device } = context;
  const { blockSize, blockCount } = superblock;
  let damage: string | undefined;
  let map: JournalMap;
  let end: number;
  let fast = false;
  try {
    const note = ({ severity, message }: { readonly severity: string; readonly message: string }): void => { if (severity === 'error') damage ??= message; };
    const log = readJournal(source, note);
    map = log;
    end = log.endSequence;
    if (log.fastCommits !== undefined) {
      const blocks = new DeviceBlocks(device, new CacheDevice(device), blockSize, blockCount);
      blocks.overlay(log);
      map = withFastCommits(superblock, blocks, log, note, freeBlocks(superblock, blocks, log.fastCommits.records));
      fast = true;
    }
  } catch (error) {
    if (!isDiskError(error)) throw error;
    context.problem(JOURNAL['corrupt'], { reason: error.message });
    if (context.problem(JOURNAL['bad-superblock'], { reason: error.message })) {
      resetHead(context, source, source.block(0).slice());
      clearRecovery(context, true);
    }
    return false;
  }
  const copies = [...map.blocks()].filter((block) => block < blockCount).map((block) => ({ block, bytes: map.get(block)!.slice() }));
  if (damage !== undefined) context.problem(JOURNAL['corrupt'], { reason: damage });
  if (!context.problem(JOURNAL['replay'], { count: copies.length })) return false;
  const { errno } = map;
  context.replayedFastCommits = fast;
  for (const { block, bytes } of copies) context.write(block, bytes);
  const head = source.block(0).slice();
  JournalSuperblock.at(head).s_errno = 0;
  writeJournalState(head, { start: 0, sequence: (end + 1) >>> 0 });
  device.write!(source.physical(0), head);
  openFilesystem(context);
  clearRecovery(context, damage !== undefined);
  if (errno !== 0) context.superblock.raw.s_state |= STATE.error;
  writeSuperblock(context);
  return true;
}

/** What a replay of fast commits may have to allocate: blocks for extents and entries. */
const ENOUGH_BLOCKS = 4096;

/** Blocks that the bitmaps call free and no fast commit maps; fewer where bitmaps can't be read. */
function freeBlocks(superblock: Superblock, blocks: DeviceBlocks, records: readonly FastCommitRecord[]): number[] {
  const { blocksPerGroup, blockCount, clusterRatio, groupCount } = superblock;
  const mapped = records.filter(({ tag }) => tag === TAG.addRange).map(({ value }) => {
    const extent = Ext4Extent.over(new DataView(value.buffer, value.byteOffset, value.byteLength), 4);
    const from = extent.ee_start_lo + extent.ee_start_hi * 2 ** 32;
    return { from, end: from + (extent.ee_len > EXTENT_INIT_MAX ? extent.ee_len - EXTENT_INIT_MAX : extent.ee_len) };
  });
  const groups = new Groups(superblock, blocks, () => {});
  const found: number[] = [];
  try {
    for (let group = 0; group < groupCount && found.length < ENOUGH_BLOCKS; group++) {
      const { blockBitmap, blockUninit } = groups.get(group);
      if (blockUninit) continue;
      const bitmap = blocks.get(blockBitmap, `block bitmap of group ${group}`);
      for (let i = 0; i < blocksPerGroup / clusterRatio && found.length < ENOUGH_BLOCKS; i++) {
        const block = superblock.groupStart(group) + i * clusterRatio;
        if (block + clusterRatio > blockCount) break;
        if ((bitmap[i >> 3]! & (1 << (i & 7))) !== 0 || mapped.some(({ from, end }) => block + clusterRatio > from && block < end)) continue;
        found.push(block);
      }
    }
  } catch (error) {
    if (!isDiskError(error)) throw error;
  }
  // The last ones are taken first.
  return found.toReversed();
}
