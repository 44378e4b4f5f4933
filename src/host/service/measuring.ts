import { setTimeout } from 'node:timers/promises';
import type { FileSystem } from '../../engines/core/filesystem.ts';
import type { JobContext } from '../../engines/core/job.ts';
import type { MeasureProgress } from '../../shared/contract/rows.ts';
import { type Entry, measure, type Measured } from './measure.ts';

/** Milliseconds between two words on how far it is. */
const TOLD_EVERY = 100;

/** Measures entries with all below them, and tells how far it is. The last item is the whole. @throws DiskError cancelled */
export async function* measuring(fs: FileSystem, entries: readonly Entry[], job: JobContext): AsyncGenerator<MeasureProgress> {
  let count: Measured | undefined;
  const whole = measure(fs, entries, job, (measured) => { count = measured; });
  // Between two items nobody waits for it: a failure is met at the next turn of the loop.
  whole.catch(() => {});
  for (;;) {
    const ended = await Promise.race([whole, setTimeout(TOLD_EVERY, undefined, { ref: false })]);
    if (ended !== undefined) {
      yield progress(ended, true);
      return;
    }
    if (count !== undefined) yield progress(count, false);
  }
}

function progress({ files, directories, size, allocated, unreadable }: Measured, done: boolean): MeasureProgress {
  return { files, directories, size, allocated, unreadable, done };
}
