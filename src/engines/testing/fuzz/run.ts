import { MemoryDevice } from '../../core/bytes/memory.ts';
import type { RegistryEntry } from '../../core/probe.ts';
import { random } from './random.ts';
import type { Seed } from './seeds.ts';
import { exercise, type Outcome, TooSlow } from './walk.ts';

/** What one mutated image did, and how to make it again. */
export interface ImageRun extends Outcome {
  readonly number: number;
  readonly seed: string;
  readonly mutations: string;
}

/** Image `number` of the run `runSeed`: always the same bytes. `look` sees them before they are changed back. */
export async function runImage(seeds: readonly Seed[], registry: readonly RegistryEntry[], runSeed: number, number: number, look?: (image: Uint8Array, run: ImageRun) => void): Promise<ImageRun> {
  const seed = seeds[number % seeds.length]!;
  const mutations = seed.image.mutate(random(runSeed, number));
  try {
    let outcome = await exercise(new MemoryDevice(seed.image.image), registry);
    // The machine may have been busy with something else: slow is what is slow twice.
    if (outcome.failure instanceof TooSlow) outcome = await exercise(new MemoryDevice(seed.image.image), registry);
    const run = { ...outcome, number, seed: seed.name, mutations };
    look?.(seed.image.image, run);
    return run;
  } finally {
    seed.image.restore();
  }
}

/** Where a failure comes from: two failures with the same signature are one bug. */
export function signature(failure: Error): string {
  const frame = failure.stack?.split('\n').find((line) => /^\s+at /.test(line) && !line.includes('node:'))?.trim() ?? '';
  return `${failure.name}: ${failure.message.replaceAll(/\d+/g, 'N')} ${frame.replaceAll(/\(.*[\\/]/g, '(')}`;
}
