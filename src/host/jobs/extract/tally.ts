import type { JobSummary } from '../../../shared/contract/rows.ts';

/** A job's summary while it grows. */
export type Tally = { -readonly [K in keyof JobSummary]: JobSummary[K] };

export function newTally(): Tally {
  return { files: 0, directories: 0, bytes: 0, skipped: 0, problems: 0 };
}
