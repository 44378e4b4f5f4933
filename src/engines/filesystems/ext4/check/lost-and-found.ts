import { INODE_FLAGS } from '../layout.ts';
import type { CheckContext } from './context.ts';
import { TAIL } from './dir-block.ts';
import { adjustLinks, appendBlock, insertName, lookupName, makeDirectory, removeName, runsOf, writeBlock } from './directory-edit.ts';
import { PASS_3 } from './directory-problems.ts';
import { rebuildDirectory } from './rehash.ts';

const ROOT = 2;
const NAME = 'lost+found';
/** file_type by the upper four bits of i_mode. */
const TYPES = [0, 5, 3, 0, 2, 0, 4, 0, 1, 0, 7, 0, 6, 0, 0, 0] as const;

/** Directories that were found to have no room left, as far as they were filled: where the next name is tried first. */
const filled = new WeakMap<CheckContext, number>();

/** The inode of /lost+found, made where it is not there. @returns 0 when there is none, and none could be made */
export function lostAndFound(context: CheckContext): number {
  const { tables } = context;
  if (tables.lostAndFound !== 0) return tables.lostAndFound;
  if (!tables.directories.has(ROOT)) return 0;
  const root = context.readInode(ROOT);
  const found = lookupName(context, root, NAME);
  if (found !== undefined && found <= context.superblock.inodeCount) {
    const inode = context.readInode(found);
    const problem = inode.has(INODE_FLAGS.inlineData) ? PASS_3['lost-and-found-inline'] : inode.has(INODE_FLAGS.encrypt) ? PASS_3['lost-and-found-encrypted'] : undefined;
    if (problem === undefined && inode.isDirectory) return (tables.lostAndFound = found);
    if (!context.problem(problem ?? PASS_3['lost-and-found-no-directory'], { inode: found })) return 0;
    removeName(context, root, NAME);
    const info = tables.directoryInfo.find(found);
    if (info >= 0) tables.directoryInfo.setParent(info, 0);
    adjustLinks(context, found, -1);
    // What was in it must be connected anew.
    if (inode.isDirectory) context.restart = 'lost+found was taken out of the tree';
  }
  if (!context.problem(PASS_3['no-lost-and-found'])) return 0;
  return make(context);
}

function make(context: CheckContext): number {
  const { tables } = context;
  const number = context.allocateInode();
  const made = number !== undefined && makeDirectory(context, number, ROOT, 0o700);
  if (made && link(context, ROOT, NAME, number)) {
    adjustLinks(context, ROOT, 1);
    return (tables.lostAndFound = number);
  }
  if (number !== undefined && !made) context.freeInode(number);
  return context.problem(PASS_3['no-space-for-lost-and-found']) ? (tables.lostAndFound = ROOT) : 0;
}

/** Puts an inode into lost+found, by its number as a name. @returns whether it could be */
export function reconnect(context: CheckContext, number: number): boolean {
  const directory = lostAndFound(context);
  const parts = { inode: number };
  if (directory === 0 || !link(context, directory, `#${number}`, number)) {
    context.problem(PASS_3['no-place-for-lost'], parts);
    context.left++;
    return false;
  }
  adjustLinks(context, number, 1);
  return true;
}

/** Puts a name into a directory, which grows where it must. */
function link(context: CheckContext, directory: number, name: string, number: number): boolean {
  const { blockSize, features } = context.superblock;
  const type = features.filetype ? TYPES[context.readInode(number).mode >>> 12]! : 0;
  let inode = context.readInode(directory);
  if (inode.has(INODE_FLAGS.index)) {
    // A name at any place would not be found by the index; the directory does without one from now on, as it does in e2fsck.
    rebuildDirectory(context, directory, { linear: true });
    inode = context.readInode(directory);
  }
  if (inode.has(INODE_FLAGS.inlineData)) return false;
  const end = blockSize - (features.metadataChecksum ? TAIL : 0);
  const skipped = directory === ROOT ? 0 : filled.get(context) ?? 0;
  const bytes = new Uint8Array(blockSize);
  for (const { logical, physical, count } of runsOf(context, inode)) {
    for (let i = Math.max(0, skipped - logical); i < count; i++) {
      if (!context.tryRead(physical + i, bytes)) continue;
      if (insertName(bytes, end, blockSize, name, number, type)) {
        writeBlock(context, inode, physical + i, bytes);
        if (directory !== ROOT) filled.set(context, logical + i);
        return true;
      }
    }
  }
  if (directory !== ROOT && !context.problem(PASS_3['expand-lost-and-found'])) return false;
  const block = appendBlock(context, inode);
  if (block === undefined) return false;
  context.read(block, bytes);
  if (!insertName(bytes, end, blockSize, name, number, type)) return false;
  writeBlock(context, inode, block, bytes);
  return true;
}
