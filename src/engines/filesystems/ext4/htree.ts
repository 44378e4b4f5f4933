import { isDiskError } from '../../core/errors.ts';
import { encodeName, type Name } from '../../core/names.ts';
import { foldedBytes } from './casefold.ts';
import { type DirectoryContext, type FoundEntry, INDEX_FLAG, lookupInBlock, lookupLinear, matcher, noteBlock } from './directory.ts';
import { type DxBlock, type DxRoot, findPair, pairBlock, pairHash, readNode, readRoot } from './dx-block.ts';
import { decodeNokeyName } from './encrypted-names.ts';
import { hashName } from './hash.ts';

/** The way from the root to a leaf: at each level a block of the index and the pair taken in it. */
interface Step {
  readonly block: DxBlock;
  pair: number;
}

/**
 * Finds a name by the directory's hash index (ext4_dx_find_entry), or by reading it all where it has no index, where the index is
 * damaged (noted), or where the hash can't be had: siphash needs the key. In casefolded directories a hash that finds
 * nothing is not trusted (see casefold.ts); the kernel searches on as well.
 */
export function lookupHashed(context: DirectoryContext, name: Name): FoundEntry | undefined {
  // "." and ".." stand before the index in block 0.
  if (!isIndexed(context) || name === '.' || name === '..') return lookupLinear(context, name);
  let found: FoundEntry | string | undefined;
  try {
    found = search(context, name);
  } catch (error) {
    if (!isDiskError(error)) throw error;
    found = error.message;
  }
  if (typeof found === 'string') {
    noteBlock(context, 0, `its hash index is damaged (${found}); the name is searched in the whole directory`, 'warning');
    return lookupLinear(context, name);
  }
  return found ?? (context.casefolded ? lookupLinear(context, name) : undefined);
}

function isIndexed(context: DirectoryContext): boolean {
  return context.dirIndex && (context.flags & INDEX_FLAG) !== 0 && context.inline === undefined;
}

/** A sentence says what is wrong with the index. */
function search(context: DirectoryContext, name: Name): FoundEntry | string | undefined {
  const root = readRoot(context);
  if (typeof root === 'string') return root;
  const hash = wantedHash(context, root, name);
  if (hash === undefined) return lookupLinear(context, name);
  const matches = matcher(context, name);
  const path: Step[] = [];
  const wrong = descend(context, root, hash, path);
  if (wrong !== undefined) return wrong;
  // Each turn moves to a later pair, and no more leaves than the directory has blocks can be sound: a hostile index can't make this loop.
  for (let left = context.size / context.blockSize; left > 0; left--) {
    const last = path[path.length - 1]!;
    const leaf = pairBlock(last.block, last.pair);
    if (leaf >= Math.floor(context.size / context.blockSize)) return `it leads to block ${leaf}, past the directory's end`;
    const found = lookupInBlock(context, leaf, matches);
    if (found === 'damaged') return `its leaf block ${leaf} can't be read`;
    if (found !== undefined) return found;
    const more = nextLeaf(context, hash, path);
    if (typeof more === 'string') return more;
    if (!more) return undefined;
  }
  return 'it goes round in a circle';
}

/** The hash to search by; undefined where it can't be computed. */
function wantedHash(context: DirectoryContext, root: DxRoot, name: Name): number | undefined {
  if (context.encrypted) {
    const spelled = decodeNokeyName(name);
    // The spelling of a listing in block order has zeros where the hash would stand.
    if (spelled === undefined || spelled.hash === 0) return undefined;
    return spelled.hash;
  }
  const bytes = encodeName(name);
  return hashName(context.casefolded ? foldedBytes(bytes) : bytes, { version: root.version, seed: context.hashSeed })?.hash;
}

/** Walks from the root to the pair that leads to the leaf for `hash`. */
function descend(context: DirectoryContext, root: DxRoot, hash: number, path: Step[]): string | undefined {
  let block: DxBlock = root;
  const seen = new Set([0]);
  for (let level = 0; ; level++) {
    const pair = findPair(block, hash);
    path.push({ block, pair });
    if (level === root.levels) return undefined;
    const logical = pairBlock(block, pair);
    if (seen.has(logical)) return `block ${logical} leads back to itself`;
    seen.add(logical);
    const node = readNode(context, logical);
    if (typeof node === 'string') return node;
    block = node;
  }
}

/** Moves to the next leaf when names with this hash go on there (ext4_htree_next_block). */
function nextLeaf(context: DirectoryContext, hash: number, path: Step[]): boolean | string {
  let level = path.length - 1;
  while (++path[level]!.pair >= path[level]!.block.count) {
    if (level === 0) return false;
    level--;
  }
  const step = path[level]!;
  // A next leaf that goes on from the one before says so in its hash's lowest bit.
  if ((pairHash(step.block, step.pair) & ~1) >>> 0 !== hash) return false;
  for (; level < path.length - 1; level++) {
    const above = path[level]!;
    const node = readNode(context, pairBlock(above.block, above.pair));
    if (typeof node === 'string') return node;
    path[level + 1] = { block: node, pair: 0 };
  }
  return true;
}
