import { setTimeout } from 'node:timers/promises';
import type { JobContext } from '../../../engines/core/job.ts';
import type { WriteOptions } from '../../../shared/contract/edit.ts';
import type { JobSummary } from '../../../shared/contract/rows.ts';
import { nodeJob } from '../../session.ts';
import type { Tally } from '../extract/tally.ts';
import { copy, type CopyTarget } from './copy.ts';
import { countHost, HostTree } from './host-tree.ts';

/** Milliseconds before it is counted how much there is to do: what is done sooner needs no telling. */
const COUNTED_AFTER = 200;

/** Milliseconds that the counting waits after each turn of its own, which has 10: the copy goes first. */
const COUNT_WAITS = 20;

/** Puts files and folders of this computer into a folder. @param paths absolute @throws DiskError ENOSPC, cancelled; what was put until then is whole */
export async function put(paths: readonly string[], target: CopyTarget, options: WriteOptions, job: JobContext, tally: Tally): Promise<JobSummary> {
  const tree = new HostTree(paths, { whole: true });
  const counting = { aborted: false };
  const signal = { get aborted() { return counting.aborted || job.signal.aborted; } };
  let total: number | undefined;
  void (async () => {
    await setTimeout(COUNTED_AFTER, undefined, { ref: false });
    total = await countHost(paths, nodeJob({ signal, nextTurn: () => setTimeout(COUNT_WAITS) }));
  })().catch(() => { /* stopped */ });
  try {
    return await copy({ fs: tree, entries: tree.entries, move: false }, target, { ...options, total: () => total }, job, tally);
  } finally {
    counting.aborted = true;
    tree.close();
  }
}
