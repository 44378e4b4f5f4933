import { afterAll, describe, expect, it } from 'vitest';
import { ACCEPTED } from '../fsck/accepted.ts';
import { compare, differences } from '../fsck/compare.ts';
import { sharedExtImages } from '../recipes/shared.ts';
import { missingTools, scratchFolder } from '../tools.ts';

const missing = missingTools('e2fsck', 'mke2fs');
const images = missing === undefined ? sharedExtImages().filter(({ name }) => name.startsWith('e2fsprogs/')) : [];
if (missing === undefined && images.length === 0) console.warn('skipped: the images of e2fsprogs are missing');

describe.skipIf(images.length === 0)('the check beside e2fsck, over the images of its own tests', () => {
  const folder = scratchFolder();
  afterAll(() => { folder.remove(); });
  for (const image of images) {
    const name = image.name.slice('e2fsprogs/'.length);
    // e2fsck has 20 seconds a run, on two images without an end.
    it(`${name}${name in ACCEPTED ? ' differs: see fsck/accepted.ts' : ''}`, { timeout: 240_000 }, async () => {
      const found = differences(await compare(image, folder.path, 'engine'));
      if (name in ACCEPTED) expect(found).not.toEqual([]);
      else expect(found).toEqual([]);
    });
  }
});
