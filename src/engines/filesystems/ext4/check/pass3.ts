import { corrupt } from '../../../core/errors.ts';
import { INODE_FLAGS } from '../layout.ts';
import { Abort, type CheckContext } from './context.ts';
import { putU32, u32 } from './dir-block.ts';
import { adjustLinks, isName, makeDirectory, visitEntries } from './directory-edit.ts';
import { PASS_3 } from './directory-problems.ts';
import { inlineDirectory } from './inline-directory.ts';
import { lostAndFound, reconnect } from './lost-and-found.ts';
import { rebuildDirectories } from './rehash.ts';

const ROOT = 2;
const TYPE_DIRECTORY = 2;

/** Pass 3: every directory is connected to the root, and its ".." leads to where it is; then marked ones are built anew. */
export async function checkTree(context: CheckContext): Promise<void> {
  const { directoryInfo, directories } = context.tables;
  checkRoot(context);
  context.startPass('Tree of directories', directoryInfo.length);
  const walks: Walks = { of: new Map([[ROOT, 0]]), count: 0 };
  // lost+found may be added while they are looked at.
  const all = Uint32Array.from({ length: directoryInfo.length }, (_, i) => directoryInfo.inode(i));
  for (const [i, number] of all.entries()) {
    const pause = (i & 255) === 0 ? context.progress(i) : undefined;
    if (pause !== undefined) await pause;
    if (directories.has(number)) checkDirectory(context, number, walks);
    if (context.restart !== undefined) return;
  }
  lostAndFound(context);
  releaseReserved(context);
  if (context.restart === undefined) await rebuildDirectories(context);
}

/** Without a root there is no tree: it is made, or the check ends. */
function checkRoot(context: CheckContext): void {
  const { tables } = context;
  if (tables.inodesUsed.has(ROOT)) {
    if (tables.directories.has(ROOT)) return;
    context.problem(PASS_3['root-no-directory']);
    throw new Abort(corrupt('root directory', 'inode 2 is no directory'));
  }
  if (!context.problem(PASS_3['no-root'])) throw new Abort(corrupt('root directory', 'there is none'));
  tables.inodesUsed.add(ROOT);
  tables.changedInodes.add(ROOT);
  if (!makeDirectory(context, ROOT, ROOT, 0o755)) throw new Abort(corrupt('root directory', 'there is no space for one'));
}

/** Which walk up came by a directory first: a later one that meets it is connected as that one was, one that meets itself goes round. */
interface Walks {
  readonly of: Map<number, number>;
  count: number;
}

/** The block that pass 1 kept for a root directory, where none had to be made: as if it had not been taken. */
function releaseReserved(context: CheckContext): void {
  if (context.rootRepairBlock === 0) return;
  const cluster = Math.floor(context.rootRepairBlock / context.superblock.clusterRatio);
  context.tables.clustersUsed.delete(cluster);
  context.tables.changedClusters.delete(cluster);
  context.rootRepairBlock = 0;
}

function checkDirectory(context: CheckContext, number: number, walks: Walks): void {
  const { directoryInfo } = context.tables;
  const walk = ++walks.count;
  for (let at = number; !walks.of.has(at);) {
    walks.of.set(at, walk);
    const info = directoryInfo.find(at);
    if (info < 0) break;
    const parent = directoryInfo.parent(info);
    if (parent !== 0 && walks.of.get(parent) !== walk) {
      at = parent;
      continue;
    }
    const problem = PASS_3[parent === 0 ? 'unconnected-directory' : 'looped-directory'];
    if (context.problem(problem, { inode: at, parent: parent || directoryInfo.dotdot(info) }) && reconnect(context, at)) {
      if (parent !== 0) dropNameOf(context, parent, at);
      fixDotDot(context, at, context.tables.lostAndFound);
    }
    break;
  }
  const info = directoryInfo.find(number);
  if (info < 0) return;
  const other = directoryInfo.dotdot(info);
  const parent = directoryInfo.parent(info);
  if (other !== parent && context.problem(PASS_3['bad-dotdot'], { inode: number, other, parent })) fixDotDot(context, number, parent);
}

/** A directory that was inside of itself has a place in lost+found now: its name in there goes. */
function dropNameOf(context: CheckContext, directory: number, number: number): void {
  visitEntries(context, context.readInode(directory), (bytes, at) => {
    if (u32(bytes, at) !== number || isName(bytes, at, '.') || isName(bytes, at, '..')) return undefined;
    putU32(bytes, at, 0);
    adjustLinks(context, number, -1);
    return 'changed';
  });
}

/** Lets ".." lead to `parent`, and counts its links. */
function fixDotDot(context: CheckContext, number: number, parent: number): void {
  const { tables, superblock } = context;
  const inode = context.readInode(number);
  let old: number | undefined;
  if (inode.has(INODE_FLAGS.inlineData)) {
    const { first } = inlineDirectory(context, inode);
    old = u32(first, 0);
    putU32(first, 0, parent);
    context.writeInode(inode);
  } else {
    visitEntries(context, inode, (bytes, at) => {
      if (!isName(bytes, at, '..')) return undefined;
      old = u32(bytes, at);
      putU32(bytes, at, parent);
      bytes[at + 7] = superblock.features.filetype ? TYPE_DIRECTORY : 0;
      return 'changed';
    });
  }
  if (old === undefined) {
    context.problem(PASS_3['no-dotdot-to-fix'], { inode: number });
    context.left++;
  } else {
    adjustLinks(context, old, -1);
    adjustLinks(context, parent, 1);
  }
  const info = tables.directoryInfo.find(number);
  tables.directoryInfo.setDotdot(info, parent);
  tables.directoryInfo.setParent(info, parent);
}
