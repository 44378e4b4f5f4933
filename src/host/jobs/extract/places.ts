import { cancelled, usage } from '../../../engines/core/errors.ts';
import type { Stat } from '../../../engines/core/filesystem.ts';
import type { ConflictAnswer, JobContext } from '../../../engines/core/job.ts';
import { displayName, type Name } from '../../../engines/core/names.ts';
import type { Account } from './account.ts';
import type { Frame } from './frame.ts';
import { besideName, type NameRules } from './host-names.ts';
import type { Standing, Target } from './target.ts';

/** A thing that was made under a name. */
export interface Placed {
  /** What it is called while it is made. */
  readonly name: Name;
  readonly final: Name;
}

export interface PlacesOptions {
  readonly rules: NameRules;
  readonly policy: ConflictAnswer['action'] | undefined;
  /** What stands in the target with the same type, size and time is there already, and nobody is asked about it. */
  readonly resumed: boolean;
  /** Files that are never replaced, whoever says so (see `fileId`): those that the image is made of. */
  readonly kept: ReadonlySet<string>;
  /** Told of what is there already. */
  readonly standing: (frame: Frame, name: Name, stat: Stat) => void;
}

/** Names in the target: which are free, and what is done about those that are taken. */
export class Places {
  readonly #target: Target;
  readonly #job: JobContext;
  readonly #account: Account;
  readonly #rules: NameRules;
  readonly #resumed: boolean;
  readonly #standing: PlacesOptions['standing'];
  readonly #kept: ReadonlySet<string>;
  #policy: ConflictAnswer['action'] | undefined;
  #temporary = 0;

  constructor(target: Target, job: JobContext, account: Account, { rules, policy, resumed, standing, kept }: PlacesOptions) {
    this.#target = target;
    this.#job = job;
    this.#account = account;
    this.#rules = rules;
    this.#policy = policy;
    this.#resumed = resumed;
    this.#standing = standing;
    this.#kept = kept;
  }

  /**
   * Makes a thing under its name, or as the person decides where the name is taken.
   * @param make returns false when the name is taken
   * @returns the name it has now and the name it is to have; undefined when it is skipped
   */
  async place(frame: Frame, name: Name, stat: Stat, path: Name, make: (name: Name) => boolean): Promise<Placed | undefined> {
    if (make(name)) return this.#placed(frame, name, name);
    const standing = this.#target.look(frame.folder, name);
    const own = this.isMine(frame, name);
    if (!own && this.#resumed && standing?.type === stat.type && standing.size === stat.size && standing.mtime === stat.mtime) {
      this.#account.pass(stat);
      this.#standing(frame, name, stat);
      return undefined;
    }
    const action = own ? 'keep-both' : standing === undefined ? 'replace' : await this.#decide(path, stat, standing);
    switch (action) {
      case 'skip':
        this.#account.tally.skipped++;
        this.#account.pass(stat);
        return undefined;
      case 'keep-both': {
        for (let number = 2; number < 10_000; number++) {
          const beside = besideName(name, number, this.#rules);
          if (!make(beside)) continue;
          if (own) this.#account.lost(path, `extracted as "${displayName(beside)}": the image has the name more than once, or in another case`);
          return this.#placed(frame, beside, beside);
        }
        throw usage('EEXIST', 'No free name was found');
      }
      default: {
        if (standing?.type === 'dir') throw usage('EISDIR', 'A folder has the name; it is not replaced by something else');
        // It would be lost with all that is in it, and nobody who unpacks a backup of a folder over that folder means it.
        if (standing !== undefined && this.#kept.has(standing.id)) throw usage('EINVAL', 'The image itself has the name; it is not replaced by what is in it');
        // Made under a name of its own and renamed when whole: a cancel or a damaged file costs nothing that was there.
        if (stat.type === 'dir') {
          if (standing) this.#target.remove(frame.folder, name, standing.type);
          if (!make(name)) throw usage('EEXIST', 'Something took the name again');
          return this.#placed(frame, name, name);
        }
        for (;;) {
          const temporary = `.clutch-${process.pid}-${this.#temporary++}`;
          if (make(temporary)) return this.#placed(frame, temporary, name);
          if (this.#temporary > 1_000_000) throw usage('EEXIST', 'No free name was found');
        }
      }
    }
  }

  #placed(frame: Frame, name: Name, final: Name): Placed {
    if (!frame.fresh) frame.mine.add(fold(final));
    return { name, final };
  }

  /** Gives a thing that is whole the name that it is to have. */
  finish(frame: Frame, { name, final }: Placed): void {
    if (name === final) return;
    try {
      this.#target.rename(frame.folder, name, final);
    } catch (error) {
      this.#target.remove(frame.folder, name, 'file');
      throw error;
    }
  }

  /** Whether this extraction made what has the name. */
  isMine(frame: Frame, name: Name): boolean {
    return frame.fresh || frame.mine.has(fold(name));
  }

  async #decide(path: Name, stat: Stat, standing: Standing): Promise<'replace' | 'skip' | 'keep-both'> {
    let action = this.#policy;
    if (action === undefined) {
      const answer = await this.#job.ask({ kind: 'conflict', path: displayName(path), source: { type: stat.type, size: stat.size, mtime: stat.mtime }, target: { type: standing.type, size: standing.size, mtime: standing.mtime } });
      action = answer.action;
      if (answer.all && action !== 'stop') this.#policy = action;
    }
    if (action === 'stop') throw cancelled();
    if (action === 'merge') throw usage('EINVAL', 'Only folders are merged, and those without a question');
    if (action === 'newer') return stat.mtime > standing.mtime ? 'replace' : 'skip';
    return action;
  }
}

/** Two names that some host takes for one are folded to the same. */
function fold(name: Name): string {
  return name.normalize('NFC').toLowerCase();
}
