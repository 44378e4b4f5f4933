import { afterAll, describe, expect, it } from 'vitest';
import { compare, differences } from '../fsck/compare.ts';
import { sharedExtImages } from '../recipes/shared.ts';
import { missingTools, scratchFolder } from '../tools.ts';

/**
 * Where we differ from e2fsck 1.47.0 on purpose, or not as well as it.
 * f_ea_inode_fast_symlink: it takes the target of a sound short link for block numbers and deletes the link; later versions accept it, as we do.
 * j_recover_fast_commit: blocks that the kernel would allocate while it replays are taken from the journal's own area, and must move afterwards.
 */
const DIFFERENT = new Set(['f_ea_inode_fast_symlink', 'j_recover_fast_commit']);

const missing = missingTools('e2fsck', 'debugfs');
const images = missing === undefined ? sharedExtImages().filter(({ name }) => name.startsWith('e2fsprogs/') && !DIFFERENT.has(name.slice('e2fsprogs/'.length))) : [];
if (missing === undefined && images.length === 0) console.warn('skipped: the images of e2fsprogs are missing');

describe.skipIf(images.length === 0)('the check beside e2fsck, over the images of its own tests', () => {
  const folder = scratchFolder();
  afterAll(() => { folder.remove(); });
  for (const image of images) {
    it(image.name, { timeout: 120_000 }, async () => {
      expect(differences(await compare(image, folder.path, 'engine'))).toEqual([]);
    });
  }
});
