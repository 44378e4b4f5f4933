import { readBytes } from '../../../core/bytes/device.ts';
import { corrupt, isDiskError, unsupported } from '../../../core/errors.ts';
import { crc32c } from '../../../codecs/crc32c.ts';
import { Ext4SuperBlock, STATE, SUPERBLOCK_AT, SUPERBLOCK_MAGIC, SUPERBLOCK_SIZE } from '../layout.ts';
import { findBackup, Superblock } from '../superblock.ts';
import { Abort, type CheckContext } from './context.ts';
import { areDescriptorsSane, readDescriptors, writeDescriptors } from './descriptor-blocks.ts';
import { PASS0 } from './superblock-problems.ts';

/** Groups that a check takes on: 512 TiB with blocks of 4 KiB. A crafted superblock may claim 2^32. */
const MOST_GROUPS = 1 << 22;
/** EXT2_MAX_DESC_SIZE. */
const LARGEST_DESCRIPTOR = 1024;
/** Where the primary superblock lies, for findings. */
export const SUPERBLOCK_PLACE = { structure: 'superblock', at: SUPERBLOCK_AT, length: SUPERBLOCK_SIZE };
/** s_error_count up to s_mount_opts: what the kernel noted about errors. */
const ERRORS_FROM = 0x194;
const ERRORS_TO = 0x200;

/**
 * Finds the superblock and the descriptors: the primary ones, or where these make no sense those of a backup, as e2fsck does when it opens a
 * filesystem.
 * @throws Abort when there is none that can be used, or it uses features that we don't know
 */
export function openFilesystem(context: CheckContext): void {
  const primary = primaryOf(context);
  let reason = primary instanceof Superblock ? undefined : primary;
  if (primary instanceof Superblock) {
    use(context, primary, 0);
    if (areDescriptorsSane(context)) return;
    reason = 'the group descriptors make no sense';
    if (primary.groupCount === 1) return;
  }
  const found = findBackup(context.device, primary instanceof Superblock ? primary : undefined);
  const backup = found === undefined || impossible(found) !== undefined ? undefined : found;
  if (backup === undefined) {
    // Descriptors that lie elsewhere than they should are moved one by one.
    if (primary instanceof Superblock) return;
    if (useDespiteErrors(context)) return;
    throw new Abort(corrupt('superblock', reason ?? 'there is none', SUPERBLOCK_AT, SUPERBLOCK_SIZE));
  }
  const group = (backup.at / backup.blockSize - backup.firstDataBlock) / backup.blocksPerGroup;
  const bytes = readBytes(context.device, backup.at, SUPERBLOCK_SIZE).slice();
  const copy = new Superblock(bytes, SUPERBLOCK_AT);
  copy.raw.s_block_group_nr = 0;
  use(context, copy, group);
  if (!areDescriptorsSane(context) && primary instanceof Superblock) {
    // No better than the primary's: that is at least newer.
    use(context, primary, 0);
    return;
  }
  // In backups nobody keeps up what was never used.
  for (let g = 0; g < context.descriptors.count; g++) {
    context.descriptors.clear(g, 'blockUninit');
    context.descriptors.clear(g, 'inodeUninit');
    context.descriptors.setUnusedInodes(g, 0);
  }
  context.descriptors.seal();
  context.usedBackup = true;
  if (context.problem(PASS0['backup-used'], { reason: reason ?? '', block: Math.floor(backup.at / backup.blockSize) }, SUPERBLOCK_PLACE)) {
    context.superblockChanged = true;
    context.descriptors.changed = true;
  }
}

function use(context: CheckContext, superblock: Superblock, group: number): void {
  if (superblock.groupCount > MOST_GROUPS) throw new Abort(unsupported('size', `The filesystem has ${superblock.groupCount} groups, more than a check takes on`));
  superblock.features.refuse();
  const unknown = superblock.features.unknown();
  if (unknown.length > 0) {
    context.problem(PASS0['unknown-features'], { names: unknown.join(', ') }, SUPERBLOCK_PLACE);
    // Unknown compatible ones e2fsck meets when it has begun: to it that is an error that is left.
    if (superblock.features.unknown('compat').length > 0) context.left++;
    throw new Abort(unsupported(unknown[0]!, `The filesystem uses ${unknown.join(', ')}, which Clutch does not know: repairs might damage it`));
  }
  context.superblock = superblock;
  context.descriptors = readDescriptors(context, group);
}

/** The primary superblock, or why it can't be used. */
function primaryOf({ device }: CheckContext): Superblock | string {
  if (device.size < SUPERBLOCK_AT + SUPERBLOCK_SIZE) throw new Abort(corrupt('superblock', 'the device is too small to hold one', SUPERBLOCK_AT, SUPERBLOCK_SIZE));
  try {
    // A copy: repairs are made in it.
    const superblock = new Superblock(readBytes(device, SUPERBLOCK_AT, SUPERBLOCK_SIZE).slice(), SUPERBLOCK_AT);
    return superblock.checksumMatches ? impossible(superblock) ?? superblock : 'its checksum is wrong';
  } catch (error) {
    if (!isDiskError(error)) throw error;
    return error.message;
  }
}

const wrong = (field: string, value: number): string => `${field} is ${value}`;

/**
 * Numbers that can't be, though nothing that is read depends on them: the superblock was overwritten, and whoever reads on takes the rest for
 * garbage as well, and clears it. e2fsck does not begin either (ext2fs_open2, check_super_block).
 */
function impossible({ raw, features, blockSize, blockCount, clusterRatio }: Superblock): string | undefined {
  if (raw.s_rev_level > 1) return wrong('s_rev_level', raw.s_rev_level);
  if (raw.s_log_groups_per_flex > 31) return wrong('s_log_groups_per_flex', raw.s_log_groups_per_flex);
  if (!features.bigalloc && raw.s_log_cluster_size !== raw.s_log_block_size) return wrong('s_log_cluster_size', raw.s_log_cluster_size);
  if (raw.s_clusters_per_group * clusterRatio !== raw.s_blocks_per_group) return wrong('s_clusters_per_group', raw.s_clusters_per_group);
  if (raw.s_reserved_gdt_blocks > blockSize / 4) return wrong('s_reserved_gdt_blocks', raw.s_reserved_gdt_blocks);
  if (raw.s_desc_size > LARGEST_DESCRIPTOR || (raw.s_desc_size & (raw.s_desc_size - 1)) !== 0) return wrong('s_desc_size', raw.s_desc_size);
  const kept = raw.s_r_blocks_count_lo + (features.is64Bit ? raw.s_r_blocks_count_hi * 2 ** 32 : 0);
  if (kept > blockCount / 2) return wrong('s_r_blocks_count', kept);
  return undefined;
}

/**
 * The last resort, without any backup: single numbers of the primary that can't be are replaced by what the rest implies
 * (EXT2_FLAG_IGNORE_SB_ERRORS in e2fsck).
 */
function useDespiteErrors(context: CheckContext): boolean {
  const bytes = readBytes(context.device, SUPERBLOCK_AT, SUPERBLOCK_SIZE).slice();
  const raw = Ext4SuperBlock.at(bytes);
  if (raw.s_magic !== SUPERBLOCK_MAGIC) return false;
  const fixes: { field: string; value: number; set(): void }[] = [];
  if (raw.s_rev_level >= 1 && raw.s_inode_size < 128) fixes.push({ field: 's_inode_size', value: raw.s_inode_size, set() { raw.s_inode_size = 128; } });
  for (const { set } of fixes) set();
  try {
    const superblock = new Superblock(bytes, SUPERBLOCK_AT);
    if (!superblock.checksumMatches || impossible(superblock) !== undefined) return false;
    use(context, superblock, 0);
  } catch (error) {
    if (!isDiskError(error)) throw error;
    return false;
  }
  for (const { field, value } of fixes) if (context.problem(PASS0['shape'], { field, value })) context.superblockChanged = true;
  return true;
}

/** Marks the filesystem as clean where it is, and writes what was changed of superblock and descriptors. */
export function finish(context: CheckContext): void {
  const { superblock } = context;
  const { raw } = superblock;
  if (context.superblockChanged) {
    context.repaired += context.quiet;
    context.quiet = 0;
  }
  if (context.left === 0) {
    const wasValid = (raw.s_state & STATE.valid) !== 0;
    const hadError = (raw.s_state & ~STATE.valid) !== 0;
    const mark = wasValid ? hadError && context.problem(PASS0['error-state']) : context.problem(PASS0['not-clean']);
    if (mark || context.repaired > 0) {
      raw.s_state = STATE.valid;
      raw.s_lastcheck = context.seconds;
      raw.s_mnt_count = 0;
      new Uint8Array(raw.$view.buffer, raw.$view.byteOffset + raw.$at + ERRORS_FROM, ERRORS_TO - ERRORS_FROM).fill(0);
      context.superblockChanged = true;
    }
  } else if (context.repaired > 0 && (raw.s_state & STATE.valid) !== 0) {
    raw.s_state &= ~STATE.valid;
    context.superblockChanged = true;
  }
  writeChanges(context);
}

/** Writes the superblock and the descriptors where they were changed. */
export function writeChanges(context: CheckContext): void {
  const { descriptors } = context;
  if (context.usedBackup && !context.superblockChanged) return;
  if (descriptors.changed) writeDescriptors(context);
  if (context.superblockChanged) writeSuperblock(context);
  context.superblockChanged = false;
  descriptors.changed = false;
}

/** Writes the superblock to its place, and to the places of its backups where they must know as well. */
export function writeSuperblock(context: CheckContext): void {
  const { superblock, device } = context;
  const { raw, blockSize } = superblock;
  const bytes = new Uint8Array(raw.$view.buffer, raw.$view.byteOffset + raw.$at, SUPERBLOCK_SIZE);
  raw.s_block_group_nr = 0;
  seal(superblock, bytes);
  device.write!(SUPERBLOCK_AT, bytes);
  if (!context.backupsToo) return;
  for (let group = 1; group < superblock.groupCount; group++) {
    if (!superblock.hasBackup(group)) continue;
    const copy = bytes.slice();
    const backup = new Superblock(copy, 0);
    backup.raw.s_block_group_nr = group & 0xffff;
    // Backups never say that they are clean, nor that a journal waits.
    backup.raw.s_state &= ~STATE.valid;
    backup.raw.s_feature_incompat &= ~NEEDS_RECOVERY;
    seal(superblock, copy);
    const at = superblock.groupStart(group) * blockSize;
    if (at + SUPERBLOCK_SIZE <= device.size) device.write!(at, copy);
  }
}

/** The incompat feature needs_recovery. */
const NEEDS_RECOVERY = 0x4;

function seal(superblock: Superblock, bytes: Uint8Array): void {
  if (superblock.features.metadataChecksum) Ext4SuperBlock.at(bytes).s_checksum = crc32c(0xffffffff, bytes, 0, SUPERBLOCK_SIZE - 4);
}
