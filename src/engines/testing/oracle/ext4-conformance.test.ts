import { it } from 'vitest';
import { conformance } from '../conformance.ts';
import { FileDevice } from '../file-device.ts';
import { openImage } from '../images.ts';
import { build, missing } from '../recipes/build.ts';
import { recipes } from '../recipes/ext4.ts';
import { skip } from './check.ts';
import { truth } from './truth.ts';

/** One image for each way in which files, folders and attributes are kept. */
const SUBJECTS = ['rev0', 'ext3', 'ext4', 'indirect-1k', 'extents-deep', 'unwritten', 'inline-data', 'bigalloc', 'names', 'nodes', 'htree-20000', 'xattr', 'acl', 'dirty-data', 'ea-inode', 'block-64k', 'casefold'];

for (const name of SUBJECTS) {
  const recipe = recipes.find((each) => each.name === name)!;
  const reason = missing(recipe);
  if (reason !== '') {
    it(`conformance: ext4 ${name}`, (context) => skip(context, reason));
    continue;
  }
  conformance(`ext4 ${name}`, async () => {
    const { image, digest } = build(recipe);
    const reference = truth(image, { digest, ...(recipe.oracle ? { oracle: recipe.oracle } : {}) });
    if ('refused' in reference) throw new Error(`${name}: ${reference.refused}`);
    const { fs, close } = await openImage(new FileDevice(image));
    return { fs, expected: reference.entries, dispose: close };
  });
}
