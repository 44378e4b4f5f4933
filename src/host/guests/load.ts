import { availableParallelism, loadavg } from 'node:os';

/** How many times longer than on an idle machine things may take now: processes that want to run, a processor. At least 1. */
export function loadFactor(): number {
  return 1 + loadavg()[0]! / availableParallelism();
}
