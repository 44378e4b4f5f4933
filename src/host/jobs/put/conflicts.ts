import { cancelled } from '../../../engines/core/errors.ts';
import type { Stat } from '../../../engines/core/filesystem.ts';
import type { ConflictSide, JobContext } from '../../../engines/core/job.ts';
import { displayName, encodeName, type Name } from '../../../engines/core/names.ts';
import type { NameRules } from '../../../engines/core/writer.ts';
import type { WriteOptions } from '../../../shared/contract/edit.ts';

/** What is done about a name that is taken. */
export type Decision = 'replace' | 'skip' | 'keep-both' | 'merge';

/** The person's decisions about names that are taken: asked for, unless they were given before or for all. */
export class Conflicts {
  readonly #job: JobContext;
  #files: Exclude<WriteOptions['conflict'], 'ask'>;
  #folders: Exclude<WriteOptions['folders'], 'ask'>;

  constructor(job: JobContext, { conflict, folders }: WriteOptions) {
    this.#job = job;
    this.#files = conflict === 'ask' ? undefined : conflict;
    this.#folders = folders === 'ask' ? undefined : folders;
  }

  /** @param path what comes, from where it comes. @throws DiskError cancelled */
  async decide(path: Name, source: ConflictSide, target: Stat): Promise<Decision> {
    const merge = source.type === 'dir' && target.type === 'dir';
    let action: Decision | 'newer' | 'stop' | undefined = merge ? this.#folders : this.#files;
    if (action === undefined) {
      const { type, size, mtime } = target;
      const answer = await this.#job.ask({ kind: 'conflict', path: displayName(path), source: { type: source.type, size: source.size, mtime: source.mtime }, target: { type, size, mtime }, ...(merge ? { merge } : {}) });
      ({ action } = answer);
      if (answer.all && action !== 'stop') {
        if (merge) this.#folders = action === 'newer' ? 'merge' : action;
        else if (action !== 'merge') this.#files = action;
      }
    }
    if (action === 'stop') throw cancelled();
    // A folder's own time says nothing of what is in it: the newer files of both are what "newer" means.
    if (action === 'newer') return merge ? 'merge' : source.mtime > target.mtime ? 'replace' : 'skip';
    return action;
  }
}

/** "a (2).txt": a name beside one that is taken, no longer than the filesystem allows. */
export function numberedName(name: Name, number: number, { longest, unit }: NameRules): Name {
  const dot = name.lastIndexOf('.');
  const [stem, extension] = dot > 0 && name.length - dot <= 16 ? [name.slice(0, dot), name.slice(dot)] : [name, ''];
  const end = ` (${number})${extension}`;
  const lengthOf = (text: Name): number => (unit === 'bytes' ? encodeName(text).length : text.length);
  let kept = '';
  let used = lengthOf(end);
  for (const character of stem) {
    used += lengthOf(character);
    if (used > longest) break;
    kept += character;
  }
  return kept + end;
}
