import { parentPort, workerData } from 'node:worker_threads';
import { libc } from '../../native/libc.ts';
import { makePlainFile } from './plain-file.ts';
import { LinuxTarget } from './target-linux.ts';
import { type Batch, type BatchResult, MADE, STOP, unpackFiles, type WriterData } from './writer-thread.ts';

/**
 * The program of an extraction's second thread: makes batches of plain files in folders that the first thread opened. Creating a file is
 * nearly all kernel time, so two threads take a little over half of one's.
 */
const { options, shared } = workerData as WriterData;
const calls = libc();
if (calls === undefined) throw new Error('No system calls here');

parentPort!.on('message', ({ id, from, folder, names, numbers, times }: Batch) => {
  const target = LinuxTarget.within(calls, folder, options);
  const failed: number[] = [];
  unpackFiles(names, numbers, times).forEach((file, i) => {
    if (Atomics.load(shared, STOP) !== 0 || !makePlainFile(target, folder, from, file)) failed.push(i);
  });
  Atomics.add(shared, MADE, 1);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port, no window
  parentPort!.postMessage({ id, failed } satisfies BatchResult);
});
