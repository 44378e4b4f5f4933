import { I_BLOCK_SIZE, INODE, INODE_FLAGS } from '../layout.ts';
import { attributeValue } from './attribute-entries.ts';
import { type AttributeBlocks, type AttributeCharge, checkAttributeBlock } from './attributes.ts';
import { BlockCount } from './block-count.ts';
import { type CheckContext, firstInode } from './context.ts';
import { hasExtentRoot, I_BLOCK_AT, walkExtents } from './extent-walk.ts';
import { checkHashRoot } from './hash-root.ts';
import { checkExtraSpace, checkFlags, isRealSpecial, isRealSymlink, looksLikeDirectory, policyOf, SYSTEM_DATA, SYSTEM_INDEX } from './inode-kind.ts';
import { BAD_BLOCKS_INODE, RESIZE_INODE } from './metadata.ts';
import { PASS1 } from './pass1-problems.ts';
import { askForExtents } from './pass1e.ts';
import { MODE, type RawInode } from './raw-inode.ts';
import { walkIndirect } from './indirect-walk.ts';

/** What the check of all inodes shares. */
export interface InodeCheck {
  readonly context: CheckContext;
  readonly attributes: AttributeBlocks;
  /** Small deletion times are links of the list of orphans. */
  readonly lowTimes: boolean;
}

const NOTHING: AttributeCharge = { clusters: 0, inodes: 0 };
/** i_flags of a special file that nobody may change. */
const IMMUTABLE = 0x10 | 0x20;
const IMAGIC = 0x2000;
const OS_HURD = 1;
const INO_USER_QUOTA = 3;
const INO_GROUP_QUOTA = 4;
const INO_BOOT_LOADER = 5;

/**
 * Looks at one inode, as the loop of e2fsck_pass1 does.
 * @param sumFails its checksum is wrong
 * @param garbage it lies among garbage
 */
export function checkInode(check: InodeCheck, inode: RawInode, sumFails: boolean, garbage: boolean): void {
  const { context } = check;
  const { superblock, tables } = context;
  const { raw, number } = inode;
  const place = context.inodePlace(number);
  let fails = sumFails || garbage;
  const ask = (problem: Parameters<CheckContext['problem']>[0], parts: Record<string, number | string> = {}): boolean => context.problem(problem, { inode: number, ...parts }, place);
  const write = (): void => {
    context.writeInode(inode);
    fails = false;
  };
  const done = (): void => {
    if (!fails) return;
    // It may have been repaired on the way.
    if (context.readInode(number).checksumMatches(superblock) || !ask(PASS1['inode-checksum'])) return;
    context.writeInode(context.readInode(number));
  };
  if (garbage && raw.i_links_count > 0 && ask(PASS1['inode-garbage'])) {
    clearInode(context, inode);
    fails = false;
  }
  if (raw.i_dtime !== 0 && check.lowTimes && raw.i_dtime < superblock.raw.s_inodes_count && ask(PASS1['low-dtime'])) {
    raw.i_dtime = raw.i_links_count === 0 ? context.seconds : 0;
    write();
  }
  const reserved = number < firstInode(superblock);
  if (raw.i_links_count > 0) {
    tables.linkCounts.set(number, raw.i_links_count);
  } else if (!reserved && number !== projectQuota(context)) {
    if (raw.i_dtime === 0 && raw.i_mode !== 0 && ask(PASS1['zero-dtime'])) {
      raw.i_dtime = context.seconds;
      write();
    }
    done();
    return;
  }
  if (checkFlags(context, inode, ask, write) === 'cleared') return;

  if (number === BAD_BLOCKS_INODE) {
    // Its blocks were looked at before all others.
    tables.inodesUsed.add(number);
    done();
    return;
  }
  if (number === INODE.root) {
    if (inode.type !== MODE.dir && ask(PASS1['root-not-directory'])) {
      clearInode(context, inode);
      return;
    }
    if (raw.i_dtime !== 0 && raw.i_links_count > 0 && ask(PASS1['root-dtime'])) {
      raw.i_dtime = 0;
      write();
    }
  } else if (ownInode(check, inode, ask, write) === 'done') {
    done();
    return;
  }
  if (raw.i_links_count === 0) {
    done();
    return;
  }
  if (raw.i_dtime !== 0 && ask(PASS1['set-dtime'])) {
    raw.i_dtime = 0;
    write();
  }
  tables.inodesUsed.add(number);
  checkOddities(context, inode, ask, write);
  const body = checkExtraSpace(context, inode, ask, write);
  if (looksLikeDirectory(context, inode) && ask(PASS1['treat-as-directory'], { mode: `0${raw.i_mode.toString(8)}` })) {
    raw.i_mode = (raw.i_mode & 0o7777) | MODE.dir;
    write();
  }
  const hasExtents = (superblock.features.incompat & EXTENTS) !== 0;
  if (hasExtents && inode.has(INODE_FLAGS.extents) && inode.type === MODE.symlink && !hasBlocks(context, inode) && ask(PASS1['symlink-extents-flag'])) {
    inode.clear(INODE_FLAGS.extents);
    write();
  }
  if (inode.has(INODE_FLAGS.encrypt) && checkEncryption(context, inode, ask, write) === 'cleared') return;
  if (superblock.features.casefold && inode.has(INODE_FLAGS.casefold)) tables.casefolded.add(number);
  if (inode.has(INODE_FLAGS.eaInode)) tables.eaInodes.add(number);
  if (inode.isDirectory) {
    tables.directories.add(number);
    tables.directoryInfo.setGeneration(tables.directoryInfo.add(number), raw.i_generation);
  } else if (inode.isRegular) {
    tables.regular.add(number);
  } else if (inode.type === MODE.symlink && isRealSymlink(context, inode)) {
    tables.symlinks.add(number);
    clearImmutable(inode, ask, write);
    if (inode.has(INODE_FLAGS.inlineData)) {
      done();
      return;
    }
  } else if (isRealSpecial(inode)) {
    if ((raw.i_flags & (INODE_FLAGS.extents | INODE_FLAGS.inlineData)) !== 0 && ask(PASS1['special-flags'])) {
      inode.clear(INODE_FLAGS.extents | INODE_FLAGS.inlineData);
      write();
    }
    clearImmutable(inode, ask, write);
    if (inode.size !== 0 && ask(PASS1['special-size'], { size: inode.size })) {
      inode.size = 0;
      write();
    }
  } else {
    tables.badInodes.add(number);
  }
  checkBlocks(check, inode, body, ask);
  done();
}

export type Ask = (problem: Parameters<CheckContext['problem']>[0], parts?: Record<string, number | string>) => boolean;

function clearImmutable(inode: RawInode, ask: Ask, write: () => void): void {
  if ((inode.raw.i_flags & IMMUTABLE) === 0 || !ask(PASS1['special-immutable'])) return;
  inode.clear(IMMUTABLE);
  write();
}

function projectQuota({ superblock }: CheckContext): number {
  return superblock.raw.s_prj_quota_inum;
}

/** The incompat feature extents. */
const EXTENTS = 0x40;

/** Inodes of the filesystem's own: journal, quotas, orphan file and those that are reserved. @returns 'done' when that was all */
function ownInode(check: InodeCheck, inode: RawInode, ask: Ask, write: () => void): 'done' | undefined {
  const { context } = check;
  const { superblock, tables } = context;
  const { number, raw } = inode;
  const sb = superblock.raw;
  const quotaInodes = [sb.s_usr_quota_inum, sb.s_grp_quota_inum, sb.s_prj_quota_inum];
  const hasQuota = (superblock.features.roCompat & 0x100) !== 0;
  const own = (used: boolean, badMode: Parameters<Ask>[0], notClear: Parameters<Ask>[0]): 'done' | undefined => {
    tables.inodesUsed.add(number);
    if (used) {
      if (inode.type !== MODE.file && ask(badMode)) {
        raw.i_mode = MODE.file;
        write();
      }
      checkBlocks(check, inode, NOTHING, ask);
      return 'done';
    }
    if ((raw.i_links_count !== 0 || raw.i_blocks_lo !== 0 || inode.view.getUint32(I_BLOCK_AT, true) !== 0) && ask(notClear)) {
      inode.bytes.fill(0);
      tables.linkCounts.set(number, 0);
      write();
    }
    return undefined;
  };
  if (number === INODE.journal) return own(sb.s_journal_inum === INODE.journal, PASS1['journal-bad-mode'], PASS1['journal-not-clear']);
  if (number === INO_USER_QUOTA || number === INO_GROUP_QUOTA || (number === sb.s_prj_quota_inum && number !== 0)) {
    return own(hasQuota && quotaInodes.includes(number), PASS1['quota-bad-mode'], PASS1['quota-not-clear']);
  }
  if (number === sb.s_orphan_file_inum) return own(superblock.features.orphanFile, PASS1['orphan-file-bad-mode'], PASS1['orphan-file-not-clear']);
  if (number >= firstInode(superblock)) return undefined;
  tables.inodesUsed.add(number);
  const wrong = number === INO_BOOT_LOADER ? inode.isDirectory : number === RESIZE_INODE ? raw.i_mode !== 0 && !inode.isRegular : raw.i_mode !== 0;
  if (wrong && ask(PASS1['reserved-bad-mode'], { mode: `0${raw.i_mode.toString(8)}` })) {
    raw.i_mode = 0;
    write();
  }
  checkBlocks(check, inode, NOTHING, ask);
  return 'done';
}

/** What pass 2 decides when it comes to the inode's name, and the flag of AFS. */
function checkOddities(context: CheckContext, inode: RawInode, ask: Ask, write: () => void): void {
  const { superblock, tables } = context;
  const { raw, view } = inode;
  const { features } = superblock;
  const hurd = superblock.raw.s_creator_os === OS_HURD;
  const fragment = hurd && (view.getUint8(0x74) !== 0 || view.getUint8(0x75) !== 0);
  if (raw.i_obso_faddr !== 0 || fragment || (!features.largeDir && inode.isDirectory && raw.i_size_high !== 0)) tables.badInodes.add(inode.number);
  if (!hurd && !features.is64Bit && raw.i_file_acl_high !== 0) tables.badInodes.add(inode.number);
  if (!hurd && !features.hugeFile && raw.i_blocks_high !== 0) tables.badInodes.add(inode.number);
  if ((raw.i_flags & IMAGIC) === 0) return;
  if ((features.compat & 0x2) !== 0) {
    tables.imagic.add(inode.number);
  } else if (ask(PASS1['imagic'])) {
    inode.clear(IMAGIC);
    write();
  }
}

function checkEncryption(context: CheckContext, inode: RawInode, ask: Ask, write: () => void): 'cleared' | undefined {
  const policy = policyOf(context, inode);
  if (policy === 'missing') {
    if (ask(PASS1['encryption-missing'])) {
      inode.clear(INODE_FLAGS.encrypt);
      write();
    }
    return undefined;
  }
  if (policy === 'corrupt') {
    if (!ask(PASS1['encryption-corrupt'])) return undefined;
    clearInode(context, inode);
    return 'cleared';
  }
  context.tables.encrypted.add(inode.number);
  context.tables.encryption.set(inode.number, policy);
  return undefined;
}

/** Whether i_block of an inode holds a map (ext2fs_inode_has_valid_blocks2, as newer versions have it: a short link may have values in inodes). */
export function hasBlocks(context: CheckContext, inode: RawInode): boolean {
  const { type, raw, size } = inode;
  if (type !== MODE.dir && type !== MODE.file && type !== MODE.symlink) return false;
  if (type === MODE.symlink) {
    const isShort = size > 0 && size < I_BLOCK_SIZE;
    if (inode.fileAcl(context.superblock) === 0) return (raw.i_blocks_lo !== 0 || raw.i_blocks_high !== 0) && !isShort && !inode.has(INODE_FLAGS.inlineData);
    // Beside a block of attributes, i_blocks says nothing: a map of one block leaves the second word empty.
    return (size >= I_BLOCK_SIZE || (size > 4 && inode.view.getUint32(I_BLOCK_AT + 4, true) === 0)) && !inode.has(INODE_FLAGS.inlineData);
  }
  return !inode.has(INODE_FLAGS.inlineData);
}

/** The inode counts as deleted (e2fsck_clear_inode). */
export function clearInode(context: CheckContext, inode: RawInode): void {
  const { number, raw } = inode;
  const reserved = number !== INODE.root && number < firstInode(context.superblock);
  // Nobody looks at the links of reserved inodes, and they are always in use: all that is in them must go.
  if (reserved) inode.bytes.fill(0);
  raw.i_flags = 0;
  raw.i_links_count = 0;
  raw.i_dtime = reserved ? 0 : context.seconds;
  context.freeInode(number);
  if (reserved) context.tables.inodesUsed.add(number);
  context.writeInode(inode);
}

/** The blocks of an inode, its size and its count of blocks (check_blocks). */
export function checkBlocks(check: InodeCheck, inode: RawInode, body: AttributeCharge, ask: Ask): void {
  const { context, attributes } = check;
  const { superblock, tables } = context;
  const { features, clusterRatio, blockSize } = superblock;
  const { raw, number } = inode;
  const count = new BlockCount(inode);
  count.clusters = body.clusters;
  const block = checkAttributeBlock(context, attributes, inode);
  count.clusters += block?.clusters ?? 0;
  const inline = features.inlineData && inode.has(INODE_FLAGS.inlineData);
  if (inline) {
    if (inode.isDirectory) listInline(context, inode);
  } else if (hasBlocks(context, inode)) {
    if ((features.incompat & EXTENTS) !== 0 && inode.has(INODE_FLAGS.extents)) {
      if (!hasExtentRoot(inode.view)) {
        if (ask(PASS1['extent-header'])) {
          clearInode(context, inode);
          return;
        }
      } else if (walkExtents(context, count)) {
        askForExtents(context, count, ask);
      } else if (ask(PASS1['extents-unreadable'])) {
        raw.i_blocks_lo = 0;
        clearInode(context, inode);
        context.restart = `inode ${number} was cleared`;
        return;
      }
    } else {
      walkIndirect(context, count);
    }
  }
  if (count.clear) {
    clearInode(context, inode);
    context.restart = `inode ${number} was cleared`;
    return;
  }
  let dirty = count.changed;
  if (inode.has(INODE_FLAGS.index)) {
    if (checkHashRoot(context, inode, ask)) {
      inode.clear(INODE_FLAGS.index);
      tables.rehash.add(number);
      dirty = true;
    } else {
      tables.hashed.push({ inode: number, blocks: count.last + 1 });
    }
  }
  if (count.clusters === 0 && inode.isDirectory && !inode.has(INODE_FLAGS.inlineData) && ask(PASS1['zero-length-directory'])) {
    clearInode(context, inode);
    return;
  }
  const charged = number === INODE.root || number >= firstInode(superblock);
  if (charged && number !== projectQuota(context) && number !== superblock.raw.s_orphan_file_inum && !inode.has(INODE_FLAGS.eaInode)) {
    context.charge(inode, count.clusters * blockSize * clusterRatio, body.inodes + (block?.inodes ?? 0) + 1);
  }
  if (checkSize(context, inode, count, ask)) dirty = true;
  if (inode.isRegular && inode.size >= 0x8000_0000) context.largeFiles++;
  if (checkCount(context, inode, count, ask)) dirty = true;
  if (features.bigalloc && (inode.isRegular || inode.isDirectory) && count.clusters - (block?.clusters ?? 0) > 0 && charged
    && (raw.i_flags & (INODE_FLAGS.extents | INODE_FLAGS.inlineData)) === 0 && ask(PASS1['bigalloc-block-map'])) {
    tables.blockMaps.push(number);
  }
  if (dirty) context.writeInode(inode);
}

/** A directory inside its inode: its two parts are blocks 0 and 1 to pass 2. */
function listInline(context: CheckContext, inode: RawInode): void {
  const { tables } = context;
  tables.directoryBlocks.add(inode.number, 0, 0);
  const value = attributeValue(context, inode, SYSTEM_INDEX, SYSTEM_DATA);
  if (value instanceof Uint8Array && value.length > 0) tables.directoryBlocks.add(inode.number, 1, 0);
}

/** @returns whether the inode was changed */
function checkSize(context: CheckContext, inode: RawInode, count: BlockCount, ask: Ask): boolean {
  const { blockSize, raw: sb, features } = context.superblock;
  const { size } = inode;
  let should: number | undefined;
  if (inode.isDirectory) {
    if (inode.has(INODE_FLAGS.inlineData)) {
      const value = attributeValue(context, inode, SYSTEM_INDEX, SYSTEM_DATA);
      const inline = value instanceof Uint8Array ? I_BLOCK_SIZE + value.length : 0;
      if (inline !== size) should = inline;
    } else if (size % blockSize !== 0) {
      should = (count.last + 1) * blockSize;
    } else {
      const blocks = size / blockSize;
      if (blocks > count.last + 1 || count.last + 1 - blocks > sb.s_prealloc_dir_blocks) should = (count.last + 1) * blockSize;
    }
  } else if (inode.type !== MODE.symlink) {
    const extents = (features.incompat & EXTENTS) !== 0 && inode.has(INODE_FLAGS.extents);
    const perBlock = blockSize / 4;
    const most = extents ? 2 ** 32 * blockSize - 1 : (12 + perBlock + perBlock ** 2 + perBlock ** 3) * blockSize;
    const short = count.lastWritten >= 0 && size < count.lastWritten * blockSize && !inode.has(INODE_FLAGS.verity);
    if (short || size > most) should = (count.last + 1) * blockSize;
  }
  if (should === undefined || !ask(PASS1['bad-size'], { size, should })) return false;
  inode.size = should;
  if (should === 0 && inode.has(INODE_FLAGS.inlineData)) {
    inode.bytes.fill(0, I_BLOCK_AT, I_BLOCK_AT + I_BLOCK_SIZE);
    inode.clear(INODE_FLAGS.inlineData);
  }
  return true;
}

/** @returns whether the inode was changed */
function checkCount(context: CheckContext, inode: RawInode, count: BlockCount, ask: Ask): boolean {
  const { features, blockSize, clusterRatio, raw: sb } = context.superblock;
  const { raw } = inode;
  if (sb.s_creator_os === OS_HURD) return false;
  const huge = features.hugeFile && inode.has(INODE_FLAGS.hugeFile);
  const should = count.clusters * clusterRatio * (huge ? 1 : blockSize / 512);
  const stored = raw.i_blocks_lo + (features.hugeFile ? raw.i_blocks_high * 2 ** 32 : 0);
  if (stored === should && !(huge && raw.i_blocks_high !== 0)) return false;
  if (!ask(PASS1['bad-blocks-count'], { count: stored, should })) return false;
  raw.i_blocks_lo = should % 2 ** 32;
  raw.i_blocks_high = Math.floor(should / 2 ** 32);
  return true;
}
