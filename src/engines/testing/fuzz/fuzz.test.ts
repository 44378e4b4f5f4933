import { beforeAll, describe, expect, it } from 'vitest';
import { MemoryDevice } from '../../core/bytes/memory.ts';
import { registry } from '../../index.ts';
import { random } from './random.ts';
import { runImage, signature } from './run.ts';
import { loadSeeds } from './seeds.ts';
import { exercise } from './walk.ts';

/** How long the smoke test goes on, in ms, and how far at most. `npm run fuzz` goes on for as long as asked. */
const TIME = 20_000;
const MOST = 6000;

const { seeds, missing } = loadSeeds();
for (const reason of missing) console.warn(`fuzz: ${reason}`);
const ours = seeds.filter((seed) => !seed.name.startsWith('e2fsprogs'));

// Loading the engines is not part of any image's time.
beforeAll(async () => { await Promise.all(registry.map((entry) => entry.load())); });

describe('the seeds', () => {
  it.each(ours)('$name opens, and is walked without an error', async ({ name, image }) => {
    const outcome = await exercise(new MemoryDevice(image.bytes), registry);
    expect(outcome.failure).toBeUndefined();
    expect(outcome.layers).toBeGreaterThan(0);
    // These two hold no whole filesystem.
    if (['gpt-4096', 'gzip-members'].includes(name) || missing.length > 0) return;
    expect(outcome.nodes).toBeGreaterThan(15);
    // A name that is looked up in a file, a link or a device is refused; nothing else is.
    expect(outcome.errors).toBeLessThanOrEqual(Math.ceil(outcome.nodes / 8) + 2);
  });

  it.each(ours)('$name: every checksum that is made anew equals the one that the tools wrote', ({ image }) => {
    const before = image.bytes.slice();
    const wrong = image.targets.filter((target) => {
      target.seal?.apply(image.bytes);
      const changed = target.seal?.writes.some(([at, length]) => !image.bytes.subarray(at, at + length).every((byte, i) => byte === before[at + i])) ?? false;
      image.bytes.set(before);
      return changed;
    });
    expect(wrong.map((target) => `${target.kind} at ${target.at}`)).toEqual([]);
  });
});

describe('mutations', () => {
  it('are the same for the same seed and number, and are undone without a trace', () => {
    for (const { image } of seeds.slice(0, 12)) {
      const before = image.bytes.slice();
      for (let number = 0; number < 50; number++) {
        const first = image.mutate(random(7, number));
        const bytes = image.image.slice();
        image.restore();
        expect(Buffer.compare(image.bytes, before)).toBe(0);
        expect(image.mutate(random(7, number))).toBe(first);
        expect(Buffer.compare(image.image, bytes)).toBe(0);
        image.restore();
      }
    }
  });

  it.each(['change', 'check'] as const)('end in a result or a DiskError, exercise %s', async (what) => {
    const failures: string[] = [];
    const end = performance.now() + TIME / 3;
    for (let number = 0; number < 120 && performance.now() < end; number++) {
      const run = await runImage(seeds, registry, 20260101, number, { exercise: what });
      if (run.failure) failures.push(`npm run fuzz -- --exercise ${what} --seed 20260101 --start ${number} --count 1 (${run.seed}: ${run.mutations}) ${signature(run.failure)}`);
    }
    expect(failures.join('\n')).toBe('');
  });

  it('end in a result or a DiskError', async () => {
    const failures: string[] = [];
    const end = performance.now() + TIME;
    let number = 0;
    for (; number < MOST && performance.now() < end; number++) {
      const run = await runImage(seeds, registry, 20260101, number);
      if (run.failure) failures.push(`npm run fuzz -- --seed 20260101 --start ${number} --count 1 (${run.seed}: ${run.mutations}) ${signature(run.failure)}`);
    }
    // As one string: a list of one is printed as "Array(1)", which says nothing to who was not there.
    expect(failures.join('\n')).toBe('');
    expect(number).toBeGreaterThan(500);
  });
});
