import type { DirEntry } from '../../../engines/core/filesystem.ts';
import type { Name } from '../../../engines/core/names.ts';
import type { PlainFile } from './plain-file.ts';
import type { TargetFolder } from './target.ts';

/** A folder that is being filled. */
export interface Frame {
  readonly folder: TargetFolder;
  /** In the image, for messages. */
  readonly path: Name;
  /** Its name in the target, with the frames above: how hard links find it. */
  readonly above: Frame | undefined;
  readonly name: Name;
  readonly depth: number;
  /** Made by this extraction: what is taken in it was taken by the image itself. */
  readonly fresh: boolean;
  /** In a folder that was there before: what this extraction has put in, folded as case-insensitive systems compare. */
  readonly mine: Set<string>;
  /** Plain files that are not made yet, and their bytes. */
  readonly plain: { readonly file: PlainFile; readonly entry: DirEntry }[];
  plainBytes: number;
  /** What could not be made as a plain file, and goes the long way. */
  readonly again: DirEntry[];
  /** What has to come back before it is finished: batches that the second thread has, and folders in it that wait themselves. */
  out: number;
  /** What is left to do when all in it is made: set when that has to wait. */
  finish?: () => Promise<void>;
}

/** A frame with nothing in it yet. */
export function frame(is: Pick<Frame, 'folder' | 'path' | 'above' | 'name' | 'depth' | 'fresh'>): Frame {
  return { ...is, mine: new Set(), plain: [], plainBytes: 0, again: [], out: 0 };
}

/** The names from the root to something in a folder. */
export function namesTo(inside: Frame, name: Name): Name[] {
  const names = [name];
  for (let at = inside; at.above !== undefined; at = at.above) names.push(at.name);
  return names.toReversed();
}
