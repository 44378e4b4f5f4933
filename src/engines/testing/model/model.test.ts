import { describe, expect, it } from 'vitest';
import { skip } from '../oracle/check.ts';
import { missingTools } from '../tools.ts';
import { matrix } from './matrix.ts';
import { runModel } from './run.ts';

const missing = missingTools('mke2fs', 'e2fsck', 'tune2fs');

/** Steps a shape: some of them are bursts of hundreds of operations. `npm run model` goes on for as long as asked. */
const STEPS = 45;

describe('random operations leave what a tree in memory holds, and nothing for e2fsck to find', () => {
  matrix.forEach((shape, i) => {
    it(`${shape.name}: ${shape.options.join(' ')}`, { timeout: 60_000 }, async (context) => {
      if (missing !== undefined) skip(context, missing);
      // The kernel walks some of them here; `npm run model` lets it walk all.
      const outcome = await runModel(shape, 4000 + i, STEPS, { kernel: i % 4 === 0 });
      expect(outcome.operations).toBeGreaterThanOrEqual(STEPS - 30);
    });
  });
});
