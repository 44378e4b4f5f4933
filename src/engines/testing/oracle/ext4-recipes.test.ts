import { describe, it } from 'vitest';
import { build, missing } from '../recipes/build.ts';
import { recipes } from '../recipes/ext4.ts';
import { expectSameTree, skip } from './check.ts';

describe('an image made by a recipe reads as the reference reads it', () => {
  for (const recipe of recipes) {
    it(`${recipe.name}: ${recipe.why}`, async (context) => {
      const reason = missing(recipe);
      if (reason !== '') skip(context, reason);
      const { image, digest } = build(recipe);
      const { oracle, mountOptions } = recipe;
      await expectSameTree(context, image, { digest, ...(oracle ? { oracle } : {}), ...(mountOptions ? { mountOptions } : {}) });
    });
  }
});
