import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { makeBig, makeDirty, makeDisk, makeHostile, makeWithBadInode, makeWithoutPrimary } from './disks.ts';
import { makeCrowd, makeImage, makeTree, scratch } from './image.ts';
import { has } from './processes.ts';

/** What the tests open, made once for all of them. Paths are absolute. */
export interface Images {
  /** The tree on the host that most images are made of. */
  readonly tree: string;
  readonly holiday: string;
  /** A tree of many small files, and its image. */
  readonly crowdTree: string;
  readonly crowd: string;
  readonly disk: string;
  readonly big: string;
  readonly withoutPrimary: string;
  readonly badInode: string;
  readonly badInodeNumber: number;
  readonly hostile: string;
  /** Absent where nobody may mount; `dirtyWhyNot` says so. */
  readonly dirty?: string;
  readonly dirtyWhyNot?: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    /** undefined where tools are missing; `why` names them. */
    images: Images | undefined;
    why: string | undefined;
  }
}

const TOOLS = ['mke2fs', 'debugfs', 'dumpe2fs', 'sgdisk'] as const;
const BIG = 1.5 * 2 ** 30;

export default function setup({ provide }: TestProject): (() => void) | undefined {
  const missing = TOOLS.filter((tool) => !has(tool));
  if (missing.length > 0) {
    provide('images', undefined);
    provide('why', `needs ${missing.join(' and ')}`);
    return undefined;
  }
  const folder = scratch('images');
  const at = (name: string): string => join(folder, name);
  const tree = at('tree');
  mkdirSync(tree);
  makeTree(tree);
  const holiday = at('holiday.img');
  makeImage(tree, holiday);
  mkdirSync(at('crowd'));
  makeCrowd(at('crowd'));
  makeImage(at('crowd'), at('crowd.img'));
  makeDisk(tree, at('disk.img.gz'));
  makeBig(at('big.img'), BIG);
  makeWithoutPrimary(holiday, at('no-primary.img'));
  const badInodeNumber = makeWithBadInode(holiday, at('bad-inode.img'), '/script.sh');
  makeHostile(at('names'), at('hostile.img'));
  let dirtyWhyNot: string | undefined;
  try {
    makeDirty(tree, at('dirty.img'));
  } catch (error) {
    dirtyWhyNot = `nothing can be mounted here: ${(error as Error).message.split('\n')[0]}`;
  }
  provide('images', {
    tree, holiday, crowdTree: at('crowd'), crowd: at('crowd.img'), disk: at('disk.img.gz'), big: at('big.img'), withoutPrimary: at('no-primary.img'), badInode: at('bad-inode.img'), badInodeNumber,
    hostile: at('hostile.img'), ...(dirtyWhyNot === undefined ? { dirty: at('dirty.img') } : { dirtyWhyNot }),
  });
  provide('why', undefined);
  return () => rmSync(folder, { recursive: true, force: true });
}
