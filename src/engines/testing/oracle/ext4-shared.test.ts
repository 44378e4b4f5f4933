import { describe, it } from 'vitest';
import { SHARED } from '../recipes/build.ts';
import { sharedExtImages, unpacked } from '../recipes/shared.ts';
import { expectSameTree, skip } from './check.ts';

/** Sound, but with blocks above the page size: the kernel does not mount it. */
const BY_DEBUGFS = new Set(['e2fsprogs/f_16384_block']);

describe('an image that others made reads as the reference reads it', () => {
  const images = sharedExtImages();
  if (images.length === 0) it('shared fixtures', (context) => skip(context, `no images in ${SHARED}`));
  for (const shared of images) {
    it(shared.name, async (context) => {
      const { image, digest } = unpacked(shared);
      await expectSameTree(context, image, { digest, ...(BY_DEBUGFS.has(shared.name) ? { oracle: 'debugfs' as const } : {}) });
    });
  }
});
