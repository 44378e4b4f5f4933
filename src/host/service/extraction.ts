import { setTimeout } from 'node:timers/promises';
import type { FileSystem } from '../../engines/core/filesystem.ts';
import type { JobContext } from '../../engines/core/job.ts';
import type { Name } from '../../engines/core/names.ts';
import type { ExtractOptions } from '../../shared/contract/calls.ts';
import type { JobSummary } from '../../shared/contract/rows.ts';
import type { Attempt } from '../jobs/extract/attempt.ts';
import { extract, type ExtractSettings } from '../jobs/extract/extract.ts';
import type { Tally } from '../jobs/extract/tally.ts';
import { nodeJob } from '../session.ts';
import type { Task } from './jobs.ts';
import { type Entry, measure } from './measure.ts';

/** Milliseconds before it is counted how much there is to do: what is done sooner needs no telling. */
const COUNTED_AFTER = 200;

/** Milliseconds that the counting waits after each turn of its own, which has 10: the extraction goes first. */
const COUNT_WAITS = 20;

/** Entries that failed and are remembered by their paths; with more, another attempt looks at everything. */
const MAX_FAILED = 10_000;

/** An extraction that can be taken up again. @param attempt what an earlier one has left to do */
export function extraction(fs: FileSystem, entries: readonly Entry[], folder: string, options: ExtractOptions & Pick<ExtractSettings, 'images'>, attempt: Attempt = {}): Task {
  const failed = new Set<Name>();
  let count = 0;
  return {
    work(job: JobContext, tally: Tally): Promise<JobSummary> {
      const run = (total?: () => number | undefined): Promise<JobSummary> => extract({ fs, entries }, folder, {
        ...options, ...attempt, total,
        onFailed(path) {
          count++;
          if (failed.size < MAX_FAILED) failed.add(path);
        },
      }, job, undefined, tally);
      return attempt.only === undefined ? countingData(fs, entries, job, run) : run();
    },
    failed: () => count,
    again(state) {
      // Too many failed to know them all, or it was not come to everything.
      const whole = state === 'done' ? count > failed.size : attempt.only === undefined;
      return extraction(fs, entries, folder, options, { resumed: true, ...(whole ? {} : { only: state === 'done' ? failed : attempt.only }) });
    },
  };
}

/**
 * Runs an extraction, and counts beside it how much there is to do.
 * @param run given a function that answers with the bytes of all of it, undefined while they are not known
 */
export async function countingData<T>(fs: FileSystem, entries: readonly Entry[], job: JobContext, run: (total: () => number | undefined) => Promise<T>): Promise<T> {
  const counting: Counting = { aborted: false, total: undefined };
  void countData(fs, entries, job, counting);
  try {
    return await run(() => counting.total);
  } finally {
    counting.aborted = true;
  }
}

interface Counting {
  aborted: boolean;
  /** Bytes that a copy of the entries writes, once that is known. */
  total: number | undefined;
}

async function countData(fs: FileSystem, entries: readonly Entry[], job: JobContext, counting: Counting): Promise<void> {
  await setTimeout(COUNTED_AFTER, undefined, { ref: false });
  const signal = { get aborted() { return counting.aborted || job.signal.aborted; } };
  try {
    counting.total = (await measure(fs, entries, nodeJob({ signal, nextTurn: () => setTimeout(COUNT_WAITS) }))).data;
  } catch {
    // Stopped; what can't be read is the extraction's to tell.
  }
}
