import { expect, type TestContext } from 'vitest';
import { compareWalks } from '../compare.ts';
import { FileDevice } from '../file-device.ts';
import { openImage } from '../images.ts';
import { walk } from '../walk.ts';
import { type Question, type Truth, truth } from './truth.ts';

declare module 'vitest' {
  interface TaskMeta {
    /** Why a test did not run: printed at the end of `npm test`. */
    skipped?: string;
    /** Entries where the reference failed and we gave data. */
    tolerated?: readonly string[];
  }
}

/** Skips a test with a reason that the report shows. */
export function skip(context: TestContext, reason: string): never {
  context.task.meta.skipped = reason;
  return context.skip(reason);
}

/** Walks the image with the reference and with our engine and expects the same, entry by entry. */
export async function expectSameTree(context: TestContext, image: string, question: Question): Promise<void> {
  const reference = truth(image, question);
  if ('refused' in reference) skip(context, reference.refused);
  const opened = await openImage(new FileDevice(image));
  try {
    // The kernel reads a damaged index as far as it goes, and misses names; debugfs goes through the folder's blocks, as we do.
    const known = once(() => pathsOf(truth(image, { digest: question.digest, oracle: 'paths' })));
    const { differences, tolerated } = compareWalks(reference.entries, await walk(opened.fs), known);
    if (tolerated.length > 0) context.task.meta.tolerated = tolerated;
    expect(differences, differences.join('\n')).toEqual([]);
  } finally {
    await opened.close();
  }
}

function pathsOf(answer: Truth): ReadonlySet<string> {
  return new Set('entries' in answer ? answer.entries.map((entry) => entry.path) : []);
}

function once<T extends object>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}
