import { type CheckContext, firstInode } from './context.ts';
import { processBadInode } from './bad-inode.ts';
import { forgetInode } from './deallocate.ts';
import { PASS_4 } from './directory-problems.ts';
import { reconnect } from './lost-and-found.ts';
import { INODE_FLAGS } from '../layout.ts';
import { XATTR_MAGIC } from '../xattr.ts';
import type { RawInode } from './raw-inode.ts';

const BAD_BLOCKS = 1;
const ROOT = 2;
/** EXT4_LINK_MAX: a directory with more counts 1, "many". */
const MOST_LINKS = 65_000;
/** ro-compat dir_nlink. */
const DIR_NLINK = 0x20;

/** Pass 4: each inode's count of links is the number of its names; what has no name goes to lost+found. */
export async function checkLinkCounts(context: CheckContext): Promise<void> {
  const { superblock, tables } = context;
  const { inodesUsed, linkCounts, foundLinks, directories, imagic } = tables;
  const { s_prj_quota_inum: projects, s_orphan_file_inum: orphans } = superblock.raw;
  const first = firstInode(superblock);
  const anyEa = tables.eaInodes.next(0) !== undefined;
  context.startPass('Link counts', superblock.inodeCount);
  const last = superblock.inodeCount;
  let looked = 0;
  for (let number = inodesUsed.next(1); number !== undefined && number <= last; number = inodesUsed.next(number + 1)) {
    const pause = (++looked & 4095) === 0 ? context.progress(number) : undefined;
    if (pause !== undefined) await pause;
    const found = foundLinks.get(number);
    // Nearly all: what the inode says is what was found.
    if (found !== 0 && found === linkCounts.get(number) && found <= MOST_LINKS && !anyEa) continue;
    if (number === BAD_BLOCKS || (number > ROOT && number < first) || number === projects || number === orphans || imagic.has(number) || tables.inBadBlocks.has(number)) continue;
    checkInode(context, number, directories.has(number));
  }
}

function checkInode(context: CheckContext, number: number, directory: boolean): void {
  const { tables, superblock } = context;
  let found = tables.foundLinks.get(number);
  if (tables.eaInodes.has(number)) found = checkAttributeInode(context, number, found);
  if (found === 0) {
    if (processBadInode(context, number) || !attach(context, number)) return;
    found = tables.foundLinks.get(number);
  }
  if (directory && found > MOST_LINKS) {
    const { raw } = superblock;
    if ((raw.s_feature_ro_compat & DIR_NLINK) === 0 && context.problem(PASS_4['too-many-links'])) {
      raw.s_feature_ro_compat = (raw.s_feature_ro_compat | DIR_NLINK) >>> 0;
      context.superblockChanged = true;
    }
    found = 1;
  }
  const count = tables.linkCounts.get(number);
  if (found === count) return;
  const inode = context.readInode(number);
  // A directory that had too many once may count exactly again; nobody needs that.
  const was = directory && found > 1 && inode.has(INODE_FLAGS.index) && count === 1;
  if (!context.problem(PASS_4[was ? 'exact-link-count' : 'bad-link-count'], { inode: number, count, right: found })) return;
  inode.raw.i_links_count = found;
  context.writeInode(inode);
}

/** An inode without a name: cleared when nothing is in it, else put into lost+found. @returns false when its links are of no matter any more */
function attach(context: CheckContext, number: number): boolean {
  const inode = context.readInode(number);
  if (isEmpty(context, inode) && context.problem(PASS_4['zero-length-inode'], { inode: number })) {
    context.charge(inode, 0, -1);
    forgetInode(context, inode);
    return false;
  }
  if (!context.problem(PASS_4['unattached-inode'], { inode: number })) return false;
  return reconnect(context, number);
}

/** A file or directory without blocks and without attributes of its own. */
function isEmpty(context: CheckContext, inode: RawInode): boolean {
  if (inode.raw.i_blocks_lo !== 0 || (!inode.isRegular && !inode.isDirectory)) return false;
  const at = 128 + inode.extraSize;
  return at + 4 > context.superblock.inodeSize || context.superblock.inodeSize === 128 || inode.view.getUint32(at, true) !== XATTR_MAGIC;
}

/**
 * An inode that says it holds an attribute's value: its count of references is kept in i_ctime's and i_version's place.
 * @returns how many names it is taken to have
 */
function checkAttributeInode(context: CheckContext, number: number, found: number): number {
  const references = context.tables.eaInodeReferences.get(number);
  const inode = context.readInode(number);
  if (references === 0) {
    if (found === 0 && context.problem(PASS_4['spurious-ea-flag'], { inode: number })) {
      inode.clear(INODE_FLAGS.eaInode);
      context.writeInode(inode);
    }
    return found;
  }
  const count = inode.raw.i_version + (inode.raw.i_ctime >>> 0) * 2 ** 32;
  // Lustre's older ones have no count; their two times are equal.
  if (count !== references && inode.raw.i_ctime !== inode.raw.i_atime && context.problem(PASS_4['ea-inode-references'], { inode: number, count, right: references })) {
    inode.raw.i_version = references;
    inode.raw.i_ctime = 0;
    context.writeInode(inode);
  }
  return 1;
}
