import { type DiskError, isDiskError, toDiskError, usage } from '../../../engines/core/errors.ts';
import type { Stat } from '../../../engines/core/filesystem.ts';
import type { JobContext } from '../../../engines/core/job.ts';
import { displayName, type Name } from '../../../engines/core/names.ts';
import type { Tally } from './tally.ts';
import { codeOf, isFatal } from './target.ts';

/** Log lines of one extraction; what comes after is only counted. */
const MAX_LOG = 10_000;

/** Who is told more than the job is. */
export interface Told {
  /** Bytes of all of it, once that is known. */
  readonly total?: (() => number | undefined) | undefined;
  /** Told of each entry that is not kept, and of each folder whose listing broke off. */
  readonly onFailed?: ((path: Name) => void) | undefined;
}

/** What an extraction tells of itself: counts, log, and how far it is. */
export class Account {
  readonly tally: Tally;
  readonly #job: JobContext;
  readonly #told: Told;
  #logged = 0;
  /** Bytes of what is there already, or passed over as the person wished: done, but not by this extraction. */
  #passed = 0;

  /** @param tally counts as it goes */
  constructor(job: JobContext, tally: Tally, told: Told) {
    this.#job = job;
    this.tally = tally;
    this.#told = told;
  }

  /** Nothing is left to do for it. */
  pass(stat: Stat): void {
    if (stat.type === 'file') this.#passed += Math.min(stat.size, stat.allocated);
  }

  /** Logs what went wrong with an entry; throws it on where nothing more can be done. */
  failed(path: Name, error: unknown): void {
    if (isDiskError(error) && error.kind === 'cancelled') throw error;
    if (isFatal(error)) throw targetError(error, displayName(path));
    if (isDiskError(error) && error.fault.kind === 'usage' && error.fault.errno === 'ENOSPC') throw error;
    const failure = isDiskError(error) ? error : targetError(error, displayName(path));
    this.tally.problems++;
    this.#told.onFailed?.(path);
    this.log('error', path, failure.message, failure);
  }

  /** Logs a property that could not be kept. */
  lost(path: Name, message: string): void {
    this.tally.problems++;
    this.log('warning', path, message);
  }

  /** A line of the log, as long as it is not too long. */
  log(level: 'info' | 'warning' | 'error', path: Name, message: string, error?: DiskError): void {
    if (this.#logged++ > MAX_LOG) return;
    if (this.#logged > MAX_LOG) this.#job.log({ level: 'warning', message: 'More is only counted from here on' });
    else this.#job.log({ level, message, path: displayName(path), ...(error ? { error: error.toJSON() } : {}) });
  }

  /** Tells how far it is. @param path what is under way, in the image */
  report(path: Name): void {
    const total = this.#told.total?.();
    this.#job.report({ done: this.tally.bytes + this.#passed, ...(total === undefined ? {} : { total }), unit: 'bytes', now: displayName(path) });
  }
}

/** What the host's system refused, as the one error of the project. */
export function targetError(error: unknown, what: string): DiskError {
  switch (codeOf(error)) {
    case 'ENOSPC': case 'EDQUOT': return usage('ENOSPC', `The target has no room for ${what}`);
    case 'EROFS': return usage('EROFS', `The target can't be written to: ${what}`);
    case 'EACCES': return usage('EACCES', `The target may not be written to: ${what}`);
    case 'EPERM': return usage('EPERM', `The target may not be written to: ${what}`);
    case 'ENOTDIR': case 'EEXIST': return usage('ENOTDIR', `${what} is not a folder`);
    case 'ENAMETOOLONG': return usage('ENAMETOOLONG', `The target's system takes no name as long as that of ${what}`);
    default: return toDiskError(error);
  }
}
