import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compareNames } from '../../core/names.ts';
import { compareWalks } from '../compare.ts';
import { build, missing, ROOT } from '../recipes/build.ts';
import { recipes } from '../recipes/ext4.ts';
import type { WalkEntry } from '../walk.ts';
import { skip } from './check.ts';
import { truth } from './truth.ts';

/** One image for each kind of thing that a line of the walk can tell. */
const SUBJECTS = ['ext4', 'names', 'nodes', 'times', 'owners', 'xattr', 'acl', 'inline-data', 'encrypt', 'dirty', 'htree-20000'];

describe('`clutch walk --json --hash` prints what the reference prints', () => {
  for (const recipe of recipes.filter((each) => SUBJECTS.includes(each.name))) {
    it(recipe.name, (context) => {
      const reason = missing(recipe);
      if (reason !== '') skip(context, reason);
      const { image, digest } = build(recipe);
      const reference = truth(image, { digest });
      if ('refused' in reference) skip(context, reference.refused);
      const done = spawnSync(join(ROOT, 'bin/clutch'), ['walk', '--json', '--hash', image], { encoding: 'utf8', maxBuffer: 1 << 28 });
      const entries = done.stdout.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as WalkEntry);
      const { differences } = compareWalks(reference.entries, entries);
      expect(differences, [`exit status ${done.status}`, done.stderr, ...differences].join('\n')).toEqual([]);
      // An unreadable entry (an encrypted file without its key) is exit status 1, and nothing else is.
      expect(done.status).toBe(entries.some((entry) => entry.error !== undefined) ? 1 : 0);
      const paths = entries.map((entry) => entry.path);
      expect(paths).toEqual(paths.toSorted(compareNames));
    });
  }
});
