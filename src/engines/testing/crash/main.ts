/**
 * The crash driver's command: cuts the power of direct changes at thousands of points, and has every image recovered by us, by e2fsck and (a sample, as root) by the kernel.
 * Lanes take kinds of filesystems in turn; most of the time goes to e2fsck, which runs beside.
 */
import { parseArgs } from 'node:util';
import { missingTools, scratchFolder } from '../tools.ts';
import { crash, type CrashResult, SETUPS } from './run.ts';

const { values: options } = parseArgs({
  options: {
    points: { type: 'string', default: '5000' }, seed: { type: 'string', default: '1' }, filter: { type: 'string', default: '' },
    'e2fsck-every': { type: 'string', default: '1' }, 'kernel-every': { type: 'string', default: '20' }, jobs: { type: 'string', default: '2' },
  },
});

process.exitCode = await main();

async function main(): Promise<number> {
  const missing = missingTools('mke2fs', 'e2fsck');
  if (missing !== undefined) return 2;
  const setups = SETUPS.filter(({ name }) => name.includes(options.filter));
  if (setups.length === 0) {
    console.error(`crash: no kind of filesystem is named like ${options.filter}`);
    return 2;
  }
  // Mounting needs root.
  const kernelEvery = process.getuid?.() === 0 ? Number(options['kernel-every']) : 0;
  const folder = scratchFolder();
  const seed = Number(options.seed);
  const share = Math.ceil(Number(options.points) / setups.length);
  const started = performance.now();
  const waiting = [...setups.entries()];
  const results: CrashResult[] = [];
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [worker, setup] = next;
      const result = await crash({ setup, seed, points: share, e2fsckEvery: Number(options['e2fsck-every']), kernelEvery, folder: folder.path, worker });
      results.push(result);
      console.log(`crash: ${setup.name}: ${result.points} cuts of ${result.operations} operations (${result.full} of them without space), ${result.byE2fsck} recovered by e2fsck and ${result.byKernel} by the kernel as well, ${result.failures.length} failures`);
      for (const failure of result.failures) console.log(`FAILURE ${failure}`);
    }
  };
  try {
    await Promise.all(Array.from({ length: Number(options.jobs) }, lane));
  } finally {
    folder.remove();
  }
  const sum = (of: (result: CrashResult) => number): number => results.reduce((all, result) => all + of(result), 0);
  const failures = sum((result) => result.failures.length);
  console.log(`crash: seed ${seed}: ${sum(({ points }) => points)} cuts, ${sum(({ byE2fsck }) => byE2fsck)} of them recovered by e2fsck and ${sum(({ byKernel }) => byKernel)} by the kernel as well, ${failures} failures, ${Math.round((performance.now() - started) / 1000)} s`);
  return failures === 0 ? 0 : 1;
}
