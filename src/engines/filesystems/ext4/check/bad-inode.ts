import { deallocateInode } from './deallocate.ts';
import { PASS_2 } from './directory-problems.ts';
import { isRealSpecial, isRealSymlink } from './inode-kind.ts';
import type { CheckContext } from './context.ts';
import { MODE, type RawInode } from './raw-inode.ts';
import type { Problem } from './problems.ts';

const OS_LINUX = 0;
const OS_HURD = 1;
const FRAGMENT_AT = 0x74;

/**
 * An inode that pass 1 left for later, as something in it is wrong (e2fsck_process_bad_inode): cleared as a whole where it is no kind of
 * file, else field by field.
 * @returns true when it is cleared: the name that led to it goes too
 */
export function processBadInode(context: CheckContext, number: number): boolean {
  const { superblock, tables } = context;
  const { features, raw: sb } = superblock;
  const inode = context.readInode(number);
  let left = false;
  let changed = false;
  const field = (problem: Problem, value: number, clear: () => void): void => {
    if (context.problem(problem, { inode: number, value })) {
      clear();
      changed = true;
    } else {
      left = true;
    }
  };
  const acl = inode.fileAcl(superblock);
  if (acl !== 0 && (features.compat & 0x8) === 0) field(PASS_2['acl-without-feature'], acl, () => inode.setFileAcl(superblock, 0));
  const problem = wrongKind(context, inode);
  if (problem !== undefined) {
    if (context.problem(problem, { inode: number, mode: `0${inode.mode.toString(8)}` })) {
      if (changed) context.writeInode(inode);
      deallocateInode(context, number);
      return true;
    }
    left = true;
  }
  if (inode.raw.i_obso_faddr !== 0) field(PASS_2['fragment-address'], inode.raw.i_obso_faddr, () => { inode.raw.i_obso_faddr = 0; });
  if (sb.s_creator_os === OS_HURD) {
    for (const [at, which] of [[FRAGMENT_AT, 'fragment-number'], [FRAGMENT_AT + 1, 'fragment-size']] as const) {
      if (inode.bytes[at] !== 0) field(PASS_2[which], inode.bytes[at]!, () => { inode.bytes[at] = 0; });
    }
  }
  if (sb.s_creator_os === OS_LINUX) {
    if (!features.hugeFile && inode.raw.i_blocks_high !== 0) field(PASS_2['blocks-high'], inode.raw.i_blocks_high, () => { inode.raw.i_blocks_high = 0; });
    if (!features.is64Bit && inode.raw.i_file_acl_high !== 0) field(PASS_2['acl-high'], inode.raw.i_file_acl_high, () => { inode.raw.i_file_acl_high = 0; });
  }
  const block = inode.fileAcl(superblock);
  if (block !== 0 && (block < superblock.firstDataBlock || block >= superblock.blockCount)) field(PASS_2['bad-acl-block'], block, () => inode.setFileAcl(superblock, 0));
  if (inode.isDirectory && inode.raw.i_size_high !== 0 && !features.largeDir && inode.raw.i_blocks_lo < 2 ** 29 / superblock.blockSize) {
    field(PASS_2['directory-size-high'], inode.raw.i_size_high, () => { inode.raw.i_size_high = 0; });
  }
  if (changed) context.writeInode(inode);
  if (!left) tables.badInodes.delete(number);
  return false;
}

function wrongKind(context: CheckContext, inode: RawInode): Problem | undefined {
  switch (inode.type) {
    case MODE.file: case MODE.dir: return undefined;
    case MODE.char: return isRealSpecial(inode) ? undefined : PASS_2['bad-char-device'];
    case MODE.block: return isRealSpecial(inode) ? undefined : PASS_2['bad-block-device'];
    case MODE.fifo: return isRealSpecial(inode) ? undefined : PASS_2['bad-fifo'];
    case MODE.socket: return isRealSpecial(inode) ? undefined : PASS_2['bad-socket'];
    case MODE.symlink: return isRealSymlink(context, inode) ? undefined : PASS_2['bad-symlink'];
    default: return PASS_2['bad-mode'];
  }
}
