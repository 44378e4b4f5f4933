import { Ext4DxRootInfo } from '../directory-layout.ts';
import { HASH_LEGACY, HASH_SIPHASH, HASH_TEA } from '../hash.ts';
import { INODE_FLAGS } from '../layout.ts';
import { type CheckContext } from './context.ts';
import { blockAt } from './file-map.ts';
import { PASS1 } from './pass1-problems.ts';
import type { RawInode } from './raw-inode.ts';

/** dx_root_info lies behind "." and "..". */
const INFO_AT = 24;
/** EXT2_HASH_FLAG_INCOMPAT. */
const FLAG_INCOMPATIBLE = 1;
/** EXT4_HTREE_LEVEL, EXT4_HTREE_LEVEL_COMPAT. */
const DEEPEST = 3;
const USUAL_DEPTH = 2;

type Ask = (problem: Parameters<CheckContext['problem']>[0], parts?: Record<string, number | string>) => boolean;

/** The root of a directory's hash index (handle_htree). @returns whether the index is to go */
export function checkHashRoot(context: CheckContext, inode: RawInode, ask: Ask): boolean {
  const { superblock } = context;
  const { features, firstDataBlock, blockCount, blockSize } = superblock;
  if ((!inode.isDirectory && ask(PASS1['index-not-directory'])) || (!features.dirIndex && ask(PASS1['index-without-feature']))) return true;
  const block = blockAt(context, inode, 0) ?? 0;
  if (block === 0 || block < firstDataBlock || block >= blockCount) return ask(PASS1['index-bad-root']);
  const bytes = new Uint8Array(blockSize);
  if (!context.tryRead(block, bytes) && ask(PASS1['index-bad-root'])) return true;
  const info = Ext4DxRootInfo.at(bytes, INFO_AT);
  if ((info.reserved_zero !== 0 || info.info_length < 8) && ask(PASS1['index-bad-root'])) return true;
  const version = info.hash_version;
  const known = (version >= HASH_LEGACY && version <= HASH_TEA) || version === HASH_SIPHASH;
  if (!known && ask(PASS1['index-hash'], { version })) return true;
  const siphash = inode.has(INODE_FLAGS.encrypt) && inode.has(INODE_FLAGS.casefold);
  if (siphash && version !== HASH_SIPHASH && ask(PASS1['index-needs-siphash'], { version })) return true;
  if (!siphash && version === HASH_SIPHASH && ask(PASS1['index-cannot-siphash'], { version })) return true;
  if ((info.unused_flags & FLAG_INCOMPATIBLE) !== 0 && ask(PASS1['index-incompatible'])) return true;
  const depth = info.indirect_levels;
  if (depth > DEEPEST && ask(PASS1['index-depth'], { depth })) return true;
  if (depth > (features.largeDir ? DEEPEST : USUAL_DEPTH) && !features.largeDir) {
    // The feature may be what is missing, if the directory is that large.
    const perBlock = blockSize / 8;
    if (inode.size < (perBlock - 1) * (perBlock - 2) * blockSize && ask(PASS1['index-depth'], { depth })) return true;
  }
  if (depth > USUAL_DEPTH || inode.size >= 0x8000_0000) context.largeDirectories++;
  return false;
}
