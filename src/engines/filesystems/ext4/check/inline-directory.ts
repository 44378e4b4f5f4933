import { decodeName } from '../../../core/names.ts';
import { bodyEntries, SYSTEM, type XattrContext } from '../xattr.ts';
import { ATTRIBUTE_MAGIC, BODY_HEADER, entries, ENTRY_SIZE } from './attribute-entries.ts';
import type { CheckContext } from './context.ts';
import { putU32 } from './dir-block.ts';
import { PASS_2 } from './directory-problems.ts';
import type { RawInode } from './raw-inode.ts';

const I_BLOCK_AT = 40;
const I_BLOCK_SIZE = 60;
/** In struct ext4_xattr_entry. */
const VALUE_SIZE_AT = 8;
const HASH_AT = 12;

/** What reading an inode's attributes needs. Notes go nowhere: pass 1 has judged them. */
export function xattrsOf(context: CheckContext, inode: RawInode): XattrContext {
  const { superblock } = context;
  return {
    inode: inode.number, generation: inode.raw.i_generation, raw: inode.bytes, rawAt: context.inodeAt(inode.number), extraSize: inode.extraSize,
    aclBlock: inode.fileAcl(superblock), blockSize: superblock.blockSize, block: (block) => context.block(block), place: (block) => block * superblock.blockSize,
    hasChecksum: false, filesystemSeed: superblock.checksumSeed, inodeCount: superblock.inodeCount, note: () => {},
  };
}

/** The parts of a directory inside its inode: views of the inode's own bytes, so that changing them changes it. */
export function inlineDirectory(context: CheckContext, inode: RawInode): { readonly first: Uint8Array; readonly more: Uint8Array | undefined } {
  const first = inode.bytes.subarray(I_BLOCK_AT, I_BLOCK_AT + I_BLOCK_SIZE);
  const entry = bodyEntries(xattrsOf(context, inode)).find(({ index, name }) => index === SYSTEM && decodeName(name) === 'data');
  const more = entry === undefined || entry.size === 0 || entry.valueInode !== 0 ? undefined : entry.area.subarray(entry.valueAt, entry.valueAt + entry.size);
  return { first, more };
}

/** Less than the shortest entry behind i_block can't be. */
const SHORTEST = 12;

/** Corrects the size of an inline directory, which is a multiple of four and, past i_block, leaves room for an entry. */
export function fixInlineSize(context: CheckContext, inode: RawInode): void {
  const more = inlineDirectory(context, inode).more?.length ?? 0;
  const size = I_BLOCK_SIZE + more;
  if (size % 4 === 0 && (more === 0 || more >= SHORTEST)) return;
  if (!context.problem(PASS_2['bad-inline-size'], { inode: inode.number, size })) return;
  const entry = bodyEntries(xattrsOf(context, inode)).find(({ index, name }) => index === SYSTEM && decodeName(name) === 'data')!;
  // Values are padded to four bytes, so that there is room up to the next multiple.
  const wanted = more < SHORTEST ? 0 : (more + 3) & ~3;
  putU32(inode.bytes, inlineEntryAt(inode)! + VALUE_SIZE_AT, wanted);
  inode.bytes.fill(0, entry.valueAt + Math.min(more, wanted), entry.valueAt + wanted);
  forgetInlineHash(inode);
  inode.size = I_BLOCK_SIZE + wanted;
  context.writeInode(inode);
}

/** A value that was changed has another hash. Attributes in inodes need none: 0 says so. */
export function forgetInlineHash(inode: RawInode): void {
  const at = inlineEntryAt(inode);
  if (at !== undefined) putU32(inode.bytes, at + HASH_AT, 0);
}

/** Where the entry of the attribute "system.data" lies in the bytes of an inode whose attributes are sound. */
function inlineEntryAt({ bytes, view, extraSize }: RawInode): number | undefined {
  const header = 128 + extraSize;
  if (header + BODY_HEADER > bytes.length || view.getUint32(header, true) !== ATTRIBUTE_MAGIC) return undefined;
  for (const entry of entries(view, header + BODY_HEADER, bytes.length)) {
    if (entry.nameIndex === SYSTEM && decodeName(bytes, entry.at + ENTRY_SIZE, entry.at + ENTRY_SIZE + entry.nameLength) === 'data') return entry.at;
  }
  return undefined;
}
