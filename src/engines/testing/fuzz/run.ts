import { MemoryDevice } from '../../core/bytes/memory.ts';
import type { RegistryEntry } from '../../core/probe.ts';
import { exerciseChanges } from './change.ts';
import { exerciseCheck, type Judge } from './check.ts';
import { random } from './random.ts';
import type { Seed } from './seeds.ts';
import { exercise, type Outcome, TooSlow } from './walk.ts';

/** Tells the numbers that choose operations from those that choose mutations. */
const CHANGES = 0x6368616e;

/** What one mutated image did, and how to make it again. */
export interface ImageRun extends Outcome {
  readonly number: number;
  readonly seed: string;
  readonly mutations: string;
}

/** What is done with every image: it is opened and walked; opened for writing and changed; checked and repaired. */
export type Exercise = 'walk' | 'change' | 'check';

/** Image `number` of the run `runSeed`: always the same bytes. `look` sees them before they are changed back. */
export async function runImage(seeds: readonly Seed[], registry: readonly RegistryEntry[], runSeed: number, number: number, options: {
  readonly exercise?: Exercise;
  readonly look?: (image: Uint8Array, run: ImageRun) => void;
  /** Is asked about what changes and repairs leave. */
  readonly judge?: Judge;
} = {}): Promise<ImageRun> {
  const seed = seeds[number % seeds.length]!;
  const mutations = seed.image.mutate(random(runSeed, number));
  try {
    const { image } = seed.image;
    const run = (): Promise<Outcome> => {
      switch (options.exercise ?? 'walk') {
        case 'walk': return exercise(new MemoryDevice(image), registry);
        case 'change': return exerciseChanges(image, random(runSeed ^ CHANGES, number), options.judge);
        case 'check': return exerciseCheck(image, options.judge);
      }
    };
    let outcome = await run();
    // The machine may have been busy with something else: slow is what is slow twice.
    if (outcome.failure instanceof TooSlow) outcome = await run();
    const result = { ...outcome, number, seed: seed.name, mutations };
    options.look?.(image, result);
    return result;
  } finally {
    seed.image.restore();
  }
}

/** Where a failure comes from: two failures with the same signature are one bug. */
export function signature(failure: Error): string {
  const frame = failure.stack?.split('\n').find((line) => /^\s+at /.test(line) && !line.includes('node:'))?.trim() ?? '';
  return `${failure.name}: ${failure.message.replaceAll(/\d+/g, 'N')} ${frame.replaceAll(/\(.*[\\/]/g, '(')}`;
}
