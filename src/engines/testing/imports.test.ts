import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type Import, importsOf, parseImports, sourceFiles, violations } from './imports.ts';

const SRC = fileURLToPath(new URL('../../', import.meta.url));

describe('imports', () => {
  it('keep to the dependency rule, and every folder has one', () => {
    const files = sourceFiles(SRC);
    expect(files.length).toBeGreaterThan(50);
    expect(violations(files.flatMap((file) => importsOf(SRC, file)), files)).toEqual([]);
  });

  it('are found whatever their form', () => {
    const text = [
      "import { a } from './a.ts';", "import type { B } from '../core/b.ts';", "import './c.css';", 'export * from "./d.ts";', "export type { E } from './e.ts';",
      'import {\n  f,\n  g,\n} from "./f.ts";', "const h = await import('./h.ts');", "// import('./no.ts') is text, and found all the same", 'thing.import("./i.ts");', "import x, { type Y } from 'react';",
    ].join('\n');
    expect(parseImports('engines/x/y.ts', text).map(({ to, typesOnly }) => `${to}${typesOnly ? ' (types)' : ''}`).toSorted()).toEqual([
      'engines/core/b.ts (types)', 'engines/x/a.ts', 'engines/x/c.css', 'engines/x/d.ts', 'engines/x/e.ts (types)', 'engines/x/f.ts', 'engines/x/h.ts', 'engines/x/no.ts', 'react',
    ]);
  });

  it.each<[string, string, boolean, boolean]>([
    ['engines/core/a.ts', 'engines/codecs/crc32.ts', false, false],
    ['engines/core/a.ts', 'node:fs', false, false],
    ['engines/codecs/a.ts', 'fflate', false, true],
    ['engines/volumes/gpt/a.ts', 'engines/volumes/mbr/index.ts', false, false],
    ['engines/volumes/gpt/a.ts', 'engines/volumes/gpt/b.ts', false, true],
    ['engines/volumes/gpt/a.ts', 'engines/volumes/gaps.ts', false, true],
    ['engines/filesystems/ext4/journal/a.ts', 'engines/filesystems/ext4/b.ts', false, true],
    ['engines/filesystems/ext4/a.ts', 'engines/testing/context.ts', false, false],
    ['engines/filesystems/ext4/a.test.ts', 'engines/testing/context.ts', false, true],
    ['engines/index.ts', 'engines/filesystems/ext4/index.ts', false, true],
    ['engines/index.ts', 'engines/filesystems/ext4/inode.ts', false, false],
    ['shared/contract/a.ts', 'engines/core/errors.ts', false, true],
    ['shared/contract/a.ts', 'engines/index.ts', false, false],
    ['shared/contract/a.ts', 'engines/index.ts', true, true],
    ['host/a.ts', 'engines/index.ts', false, true],
    ['host/a.ts', 'main/index.ts', false, false],
    ['host/a.ts', 'engines/volumes/gpt/table.ts', false, false],
    ['renderer/a.tsx', 'host/a.ts', true, false],
    ['renderer/a.tsx', 'electron', false, false],
    ['preload/a.ts', 'shared/rpc/a.ts', false, true],
    ['preload/a.ts', 'node:fs', false, false],
    ['somewhere/a.ts', 'engines/core/errors.ts', false, false],
  ])('%s → %s (types only: %s): %s', (from, to, typesOnly, allowed) => {
    const each: Import = { from, to, typesOnly };
    expect(violations([each], [from]).length === 0).toBe(allowed);
  });
});
