import { Abort, type CheckContext } from './context.ts';
import { corrupt } from '../../../core/errors.ts';
import { crc32c } from '../../../codecs/crc32c.ts';
import { decodeName } from '../../../core/names.ts';
import { INODE, MMP_MAGIC, MMP_SEQ, MmpStruct, SUPERBLOCK_FLAGS } from '../layout.ts';
import { bounds } from './descriptor-blocks.ts';
import { I_BLOCK_AT } from './extent-walk.ts';
import { RESIZE_INODE, tableBlocks } from './metadata.ts';
import { releaseOrphans } from './orphans.ts';
import { foreignBlocks, isResizeInodeSound, resizeListBlock } from './resize-inode.ts';
import { SUPERBLOCK_PLACE } from './superblock.ts';
import { PASS0 } from './superblock-problems.ts';

const RESIZE_FEATURE = 0x10;
const META_BG = 0x10;
const EXTENTS = 0x40;
const CSUM_SEED = 0x2000;
const FILETYPE = 0x2;
const GDT_CSUM = 0x10;
const QUOTA = 0x100;
const OS_HURD = 1;
/** s_min_extra_isize and s_want_extra_isize as mke2fs sets them. */
const USUAL_EXTRA = 32;
/** So many numbers that can't be, and e2fsck makes the resize inode anew as well; fewer it takes away in their places, which is no change to it. */
const MANY = 12;
/** A clock that was set to local time differs by less. */
const DAY = 86_400;

/** What the superblock and the descriptors say, against one another (check_super_block). */
export function checkSuperblock(context: CheckContext): void {
  checkNumbers(context);
  checkFeatures(context);
  checkMultiMount(context);
  checkDescriptors(context);
  releaseOrphans(context);
  checkTimes(context);
  checkQuotaInodes(context);
  checkHints(context);
  checkResizeInode(context);
}

function checkNumbers(context: CheckContext): void {
  const { superblock, device } = context;
  const { raw, groupCount, inodesPerGroup, inodeSize, blockSize, blockCount } = superblock;
  const should = groupCount * inodesPerGroup;
  if (should > 0xffffffff) throw new Abort(corrupt('superblock', `its groups would have ${should} inodes`));
  if (raw.s_inodes_count !== should) {
    if (!context.problem(PASS0['inode-count'], { count: raw.s_inodes_count, should })) throw new Abort(corrupt('superblock', `it counts ${raw.s_inodes_count} inodes, its groups have ${should}`));
    raw.s_inodes_count = should;
    context.superblockChanged = true;
  }
  const there = Math.floor(device.size / blockSize);
  if (there < blockCount) {
    // Nobody can say which of them is right. As to e2fsck, the repair is to stop; else everything that can be read is checked.
    if (context.problem(PASS0['size'], { count: blockCount, should: there }, SUPERBLOCK_PLACE)) {
      throw new Abort(corrupt('superblock', `it counts ${blockCount} blocks, the device has ${there}`, SUPERBLOCK_PLACE.at, SUPERBLOCK_PLACE.length));
    }
  }
  if (inodeSize <= 128) return;
  for (const field of ['s_min_extra_isize', 's_want_extra_isize'] as const) {
    const size = raw[field];
    if (size === 0 || (size >= 4 && size <= inodeSize - 128 && (size & 3) === 0)) continue;
    if (!context.problem(PASS0['extra-isize'], { size, field })) continue;
    raw[field] = USUAL_EXTRA;
    context.superblockChanged = true;
  }
}

function checkFeatures(context: CheckContext): void {
  const { features, raw, groupCount, descriptorsPerBlock } = context.superblock;
  if (features.metadataChecksum && features.gdtChecksum && context.problem(PASS0['both-checksums'])) {
    context.clearFeatures(0, 0, GDT_CSUM);
    context.descriptors.changed = true;
  }
  if (!features.metadataChecksum && features.checksumSeed && context.problem(PASS0['seed-without-checksums'])) {
    raw.s_checksum_seed = 0;
    context.clearFeatures(0, CSUM_SEED, 0);
  }
  if (features.is64Bit && (features.incompat & EXTENTS) === 0 && context.problem(PASS0['64bit-without-extents'])) context.setFeatures(0, EXTENTS, 0);
  const blocks = Math.ceil(groupCount / descriptorsPerBlock);
  if (features.metaBg && raw.s_first_meta_bg > blocks && context.problem(PASS0['first-meta-bg'], { value: raw.s_first_meta_bg, most: blocks })) {
    raw.s_first_meta_bg = 0;
    context.clearFeatures(0, META_BG, 0);
  }
  if (raw.s_creator_os === OS_HURD && features.filetype && context.problem(PASS0['hurd-filetype'])) context.clearFeatures(0, FILETYPE, 0);
  if (raw.s_rev_level === 0 && (raw.s_feature_compat | raw.s_feature_incompat | raw.s_feature_ro_compat) !== 0 && context.problem(PASS0['revision'])) {
    raw.s_rev_level = 1;
    raw.s_first_ino = 11;
    // What was read so far was read without the features.
    raw.s_inode_size = 128;
    context.setFeatures(0, 0, 0);
    context.restart = 'the filesystem has features now';
  }
  if ((raw.s_flags & SUPERBLOCK_FLAGS.testFilesystem) !== 0 && context.problem(PASS0['test-flag'])) {
    raw.s_flags &= ~SUPERBLOCK_FLAGS.testFilesystem;
    context.superblockChanged = true;
    context.backupsToo = true;
  }
}

function checkDescriptors(context: CheckContext): void {
  const { superblock, descriptors, relocations } = context;
  const { groupCount, inodesPerGroup, features } = superblock;
  const length = tableBlocks(superblock);
  const hasSum = features.metadataChecksum || features.gdtChecksum;
  for (let group = 0; group < groupCount; group++) {
    const { first, last } = bounds(superblock, group);
    const sumFails = hasSum && descriptors.checksum(group) !== descriptors.expectedChecksum(group);
    const place = (block: number, count: number, problem: Parameters<CheckContext['problem']>[0], set: (to: number) => void, groups: Set<number>): void => {
      const inside = block !== 0 && block >= first && block + count - 1 <= last;
      if (inside || !context.problem(problem, { group, block })) return;
      set(0);
      groups.add(group);
    };
    place(descriptors.blockBitmap(group), 1, PASS0['block-bitmap-place'], (to) => { descriptors.setBlockBitmap(group, to); }, relocations.blockBitmaps);
    place(descriptors.inodeBitmap(group), 1, PASS0['inode-bitmap-place'], (to) => { descriptors.setInodeBitmap(group, to); }, relocations.inodeBitmaps);
    place(descriptors.inodeTable(group), length, PASS0['inode-table-place'], (to) => { descriptors.setInodeTable(group, to); }, relocations.inodeTables);
    const forget = (): void => {
      descriptors.clear(group, 'blockUninit');
      descriptors.clear(group, 'inodeUninit');
      descriptors.setUnusedInodes(group, 0);
      descriptors.changed = true;
    };
    if (sumFails && context.problem(PASS0['descriptor-checksum'], { group })) forget();
    const uninit = descriptors.has(group, 'blockUninit') || descriptors.has(group, 'inodeUninit');
    const hides = descriptors.unusedInodes(group) > descriptors.freeInodes(group) || (descriptors.has(group, 'inodeUninit') && descriptors.freeInodes(group) < inodesPerGroup);
    if (!hasSum && (uninit || descriptors.unusedInodes(group) !== 0) && context.problem(PASS0[hides ? 'descriptor-hides' : 'descriptor-uninit'], { group })) forget();
    // In a bitmap that is not initialised, the bits behind the end of the filesystem are not set.
    const isShort = last - first + 1 < superblock.blocksPerGroup;
    if (group === groupCount - 1 && descriptors.has(group, 'blockUninit') && context.problem(isShort && hasSum ? { ...PASS0['last-uninit'], severity: 'error' } : PASS0['last-uninit'])) descriptors.clear(group, 'blockUninit');
    const unused = descriptors.unusedInodes(group);
    if (hasSum && (unused > descriptors.freeInodes(group) || unused > inodesPerGroup) && context.problem(PASS0['unused-inodes'], { group, count: unused })) descriptors.setUnusedInodes(group, 0);
  }
}

/** Multi-mount protection: a check has the image for itself, so a mark that was left in it is taken away. */
function checkMultiMount(context: CheckContext): void {
  const { superblock } = context;
  const { raw, features, firstDataBlock, blockCount, blockSize } = superblock;
  if (!features.mmp) return;
  const block = Number(raw.s_mmp_block);
  if (!(block > firstDataBlock && block < blockCount)) {
    if (!context.problem(PASS0['mmp-block'], { block })) return;
    raw.s_mmp_block = 0n;
    context.superblockChanged = true;
    return;
  }
  const bytes = new Uint8Array(blockSize);
  const readable = context.tryRead(block, bytes);
  const mmp = MmpStruct.at(bytes);
  const checksum = (): number => crc32c(superblock.checksumSeed, bytes, 0, MmpStruct.size - 4);
  const wrong = !readable ? 'it can\'t be read' : mmp.mmp_magic !== MMP_MAGIC ? 'its magic number is missing' : features.metadataChecksum && mmp.mmp_checksum !== checksum() ? 'its checksum is wrong' : undefined;
  const place = context.place('MMP block', block);
  const end = mmp.mmp_nodename.indexOf(0);
  const node = decodeName(mmp.mmp_nodename, 0, end < 0 ? mmp.mmp_nodename.length : end);
  if (wrong === undefined && mmp.mmp_seq === MMP_SEQ.clean) return;
  if (!context.problem(wrong === undefined ? PASS0['mmp-left'] : PASS0['mmp-damaged'], wrong === undefined ? { node: node === '' ? 'somebody' : node } : { reason: wrong }, place)) return;
  if (wrong !== undefined) bytes.fill(0);
  mmp.mmp_magic = MMP_MAGIC;
  mmp.mmp_seq = MMP_SEQ.clean;
  mmp.mmp_time = BigInt(context.seconds);
  if (features.metadataChecksum) mmp.mmp_checksum = checksum();
  context.write(block, bytes);
}

function checkTimes(context: CheckContext): void {
  const { raw } = context.superblock;
  const now = context.seconds;
  for (const [field, problem] of [['s_mtime', PASS0['mount-time']], ['s_wtime', PASS0['write-time']]] as const) {
    if (raw[field] <= now || !context.problem(raw[field] <= now + DAY ? PASS0['write-time-near'] : problem)) continue;
    raw[field] = now;
    context.superblockChanged = true;
  }
}

function checkQuotaInodes(context: CheckContext): void {
  const { raw, inodeCount, features } = context.superblock;
  if ((features.roCompat & QUOTA) === 0) return;
  for (const [field, kind, own] of [['s_usr_quota_inum', 'user', 3], ['s_grp_quota_inum', 'group', 4], ['s_prj_quota_inum', 'project', 0]] as const) {
    const inode = raw[field];
    if (inode === 0) continue;
    const reserved = inode === INODE.root || inode === INODE.journal || (inode < raw.s_first_ino && inode !== own && kind !== 'project');
    if ((!reserved && inode <= inodeCount) || !context.problem(PASS0['quota-inode'], { inode, kind })) continue;
    raw[field] = 0;
    context.superblockChanged = true;
  }
}

/** Things that e2fsck adds where they are missing. */
function checkHints(context: CheckContext): void {
  const { superblock } = context;
  const { raw, features } = superblock;
  const hashes = SUPERBLOCK_FLAGS.signedHash | SUPERBLOCK_FLAGS.unsignedHash;
  if (features.dirIndex && (raw.s_flags & hashes) === 0 && context.problem(PASS0['dirhash-hint'])) {
    raw.s_flags |= SUPERBLOCK_FLAGS.signedHash;
    context.superblockChanged = true;
  }
  if (!features.hasJournal || raw.s_journal_inum === 0 || context.relocations.inodeTables.size > 0) return;
  const inode = context.readInode(raw.s_journal_inum);
  const map = [...Array.from({ length: 15 }, (_, i) => inode.view.getUint32(I_BLOCK_AT + i * 4, true)), inode.raw.i_size_high, inode.raw.i_size_lo];
  const same = raw.s_jnl_backup_type === 1 && raw.s_jnl_blocks.slice(0, 15).every((number, i) => number === map[i]);
  if (same || raw.s_jnl_backup_type > 1 || !context.problem(PASS0['journal-backup'])) return;
  raw.s_jnl_blocks = map;
  raw.s_jnl_backup_type = 1;
  context.superblockChanged = true;
  context.backupsToo = true;
}

/** check_resize_inode. */
function checkResizeInode(context: CheckContext): void {
  const { features, raw } = context.superblock;
  if ((features.compat & RESIZE_FEATURE) !== 0 && features.metaBg && context.problem(PASS0['resize-and-meta-bg'])) {
    raw.s_reserved_gdt_blocks = 0;
    context.clearFeatures(RESIZE_FEATURE, 0, 0);
  }
  const enabled = (context.superblock.features.compat & RESIZE_FEATURE) !== 0;
  if (!enabled && raw.s_reserved_gdt_blocks !== 0 && context.problem(PASS0['reserved-blocks'], { count: raw.s_reserved_gdt_blocks })) {
    raw.s_reserved_gdt_blocks = 0;
    context.superblockChanged = true;
  }
  if (context.relocations.inodeTables.has(0) || context.descriptors.inodeTable(0) === 0) {
    context.recreateResizeInode = enabled;
    return;
  }
  const inode = context.readInode(RESIZE_INODE);
  if (!enabled) {
    const used = Array.from({ length: 15 }, (_, i) => inode.view.getUint32(I_BLOCK_AT + i * 4, true)).some((word) => word !== 0);
    if (used && context.problem(PASS0['resize-not-clear'])) {
      inode.bytes.fill(0);
      context.writeInode(inode);
    }
    return;
  }
  const isSound = inode.checksumMatches(context.superblock) && isResizeInodeSound(context, inode);
  const foreign = isSound ? foreignBlocks(context, inode) : undefined;
  if (foreign?.blocks === 0 && foreign.illegal === 0) return;
  const problem = foreign === undefined ? PASS0['resize-invalid'] : foreign.blocks > 0 || foreign.illegal >= MANY ? PASS0['resize-foreign'] : PASS0['resize-illegal'];
  if (!context.problem(problem, {}, context.inodePlace(RESIZE_INODE))) return;
  // That its list is free now is no finding.
  if (isSound) context.freeBlock(resizeListBlock(inode));
  inode.bytes.fill(0);
  context.writeInode(inode);
  context.recreateResizeInode = true;
}
