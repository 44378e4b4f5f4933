import type { DirEntry, FileSystem } from '../../engines/core/filesystem.ts';
import { displayName, type Name } from '../../engines/core/names.ts';
import { toDiskError, usage } from '../../engines/core/errors.ts';
import { pathOf } from '../../host/paths.ts';
import { sortedEntries, Visited } from '../directory.ts';
import { EXIT, UsageError } from '../exit.ts';
import { type ImageOptions, withFilesystem } from '../open.ts';
import { OutputEnded } from '../output.ts';
import { findTyped } from '../paths.ts';
import { stdout } from '../streams.ts';
import { counted } from '../text.ts';

export interface TreeOptions extends ImageOptions {
  readonly all?: boolean;
  readonly dirs?: boolean;
  readonly level?: string;
}

/** A directory whose entries are being drawn. */
interface Level {
  readonly entries: readonly DirEntry[];
  next: number;
  readonly indent: string;
}

/** Draws a directory and what is below it. */
export function tree(image: string, typed: string, options: TreeOptions): Promise<number> {
  const deepest = options.level === undefined ? Infinity : Number(options.level);
  if (!(deepest >= 1)) throw new UsageError(`--level takes a number from 1 on, not "${options.level}"`);
  return withFilesystem(image, options, async ({ filesystem }) => {
    const { node, stat, steps } = await findTyped(filesystem, typed);
    if (stat.type !== 'dir') throw usage('ENOTDIR', `${typed} is not a directory`);
    stdout.line(displayName(pathOf(steps)));
    return draw(filesystem, node, options, deepest);
  });
}

async function draw(fs: FileSystem, top: number, options: TreeOptions, deepest: number): Promise<number> {
  const visited = new Visited();
  let status: number = EXIT.done;
  let directories = 0;
  let files = 0;
  /** The entries to draw below a directory; where it can't be read, the reason on a line of its own. */
  const open = async (node: number, indent: string): Promise<Level> => {
    try {
      visited.enter(node);
      const entries = await sortedEntries(fs, node, options.all === true);
      return { entries: options.dirs ? entries.filter((entry) => entry.type === 'dir') : entries, next: 0, indent };
    } catch (error) {
      if (error instanceof OutputEnded) throw error;
      status = EXIT.failed;
      stdout.line(`${indent}[${displayName(toDiskError(error).message)}]`);
      return { entries: [], next: 0, indent };
    }
  };
  const levels = [await open(top, '')];
  while (levels.length > 0) {
    const level = levels.at(-1)!;
    const entry = level.entries[level.next++];
    if (entry === undefined) {
      levels.pop();
      continue;
    }
    const last = level.next === level.entries.length;
    const { type, link, error } = await describe(fs, entry);
    if (error !== undefined) status = EXIT.failed;
    stdout.line(`${level.indent}${last ? '└── ' : '├── '}${displayName(entry.name)}${link === undefined ? '' : ` -> ${displayName(link)}`}${error === undefined ? '' : ` [${displayName(error)}]`}`);
    if (type !== 'dir') {
      files++;
      continue;
    }
    directories++;
    if (levels.length < deepest) levels.push(await open(entry.node, `${level.indent}${last ? '    ' : '│   '}`));
  }
  stdout.line(`\n${counted(directories, 'directory', 'directories')}${options.dirs ? '' : `, ${counted(files, 'file')}`}`);
  return status;
}

async function describe(fs: FileSystem, entry: DirEntry): Promise<{ type: DirEntry['type']; link?: Name; error?: string }> {
  try {
    const type = entry.type ?? (await fs.stat(entry.node)).type;
    return type === 'symlink' ? { type, link: await fs.readlink(entry.node) } : { type };
  } catch (error) {
    return { type: entry.type === 'dir' ? 'dir' : undefined, error: toDiskError(error).message };
  }
}
