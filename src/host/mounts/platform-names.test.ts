import { describe, expect, it } from 'vitest';
import type { NodeId } from '../../engines/core/filesystem.ts';
import { dir, file, MemoryFileSystem, type MemoryNode } from '../../engines/testing/memory-filesystem.ts';
import { random } from '../../engines/testing/fuzz/random.ts';
import { platformNames } from './platform-names.ts';
import { withPlatformNames } from './platform-tree.ts';

const windows = platformNames('win32');

describe('names in Windows', () => {
  it.each([
    ['plain.txt', 'plain.txt'], ['a:b', 'a\uf03ab'], ['what?', 'what\uf03f'], ['a\\b', 'a\uf05cb'], ['tab\there', 'tab\uf009here'],
    ['end.', 'end\uf02e'], ['end ', 'end\uf020'], ['...', '..\uf02e'], ['.hidden', '.hidden'], ['a.b', 'a.b'],
    ['con', '\uf063on'], ['CON.txt', '\uf043ON.txt'], ['Lpt9', '\uf04cpt9'], ['com\u00b9', '\uf063om\u00b9'], ['aux .h', '\uf061ux .h'], ['conin$', '\uf063onin$'],
    ['console', 'console'], ['com10', 'com10'], ['nul_', 'nul_'],
    ['\uf03a', '\uf0fe\uf03a'], ['\uf0fe', '\uf0fe\uf0fe'], ['\uf100', '\uf100'],
  ])('shows %j as %j, and finds back', (name, shown) => {
    expect(windows.toShown(name)).toBe(shown);
    expect(windows.toReal(shown)).toBe(name);
  });

  it('shows no two names alike, none that Windows refuses, and finds each back', () => {
    const dice = random(7, 7);
    const seen = new Map<string, string>();
    const letters = ['a', 'C', 'o', 'n', '.', ' ', ':', '*', '\u0001', '\uf03a', '\uf0fe', '\uf07f', '\u{1f600}', '\udc80', 'NUL', 'com1'];
    for (let i = 0; i < 20_000; i++) {
      const name = Array.from({ length: 1 + dice.below(4) }, () => dice.pick(letters)).join('');
      const shown = windows.toShown(name);
      if (windows.toReal(shown) !== name) throw new Error(`${JSON.stringify(name)} is not found back`);
      // oxlint-disable-next-line no-control-regex
      if (/[\u0000-\u001f"*:<>?\\|/]|[. ]$/.test(shown) || /^(?:con|nul|com1)(?: *\.| *$)/i.test(shown)) throw new Error(`${JSON.stringify(name)} is shown as ${JSON.stringify(shown)}`);
      if (seen.has(shown) && seen.get(shown) !== name) throw new Error(`${JSON.stringify(name)} and ${JSON.stringify(seen.get(shown))} are shown alike`);
      seen.set(shown, name);
    }
    expect(seen.size).toBeGreaterThan(5000);
  });
});

describe('names in macOS', () => {
  it('are the same composed and decomposed', () => {
    const mac = platformNames('darwin');
    expect(mac.others('caf\u00e9')).toEqual(['cafe\u0301']);
    expect(mac.others('cafe\u0301')).toEqual(['caf\u00e9']);
    expect(mac.others('cafe')).toEqual([]);
  });
});

/** A tree with changes, as far as names go. */
class NamedTree extends MemoryFileSystem {
  readonly writer = {
    names: { longest: 255, unit: 'bytes', forbidden: '', caseSensitive: true },
    create: (parent: NodeId, name: string): NodeId => {
      this.directory(parent).push([name, file()]);
      return this.lookup(parent, name)!;
    },
    unlink: (parent: NodeId, name: string): void => {
      const entries = this.directory(parent);
      const at = entries.findIndex(([each]) => each === name);
      if (at < 0) throw new Error(`there is no ${name}`);
      entries.splice(at, 1);
    },
    rename: (from: NodeId, name: string, to: NodeId, newName: string): void => {
      const entries = this.directory(from);
      const at = entries.findIndex(([each]) => each === name);
      const [[, node]] = entries.splice(at, 1) as [[string, MemoryNode]];
      this.directory(to).push([newName, node]);
    },
  } as never as NonNullable<MemoryFileSystem['writer' & keyof MemoryFileSystem]>;
}

const shownTree = (platform: NodeJS.Platform, names: readonly string[]) => withPlatformNames({ fs: new NamedTree(dir(names.map((name): [string, MemoryNode] => [name, file(name)]))) as MemoryFileSystem, onChange: () => () => {} }, platform).fs;

describe('a tree under the names of a platform', () => {
  it('is the same tree in Linux', () => {
    const tree = { fs: new MemoryFileSystem(dir()), onChange: () => () => {} };
    expect(withPlatformNames(tree, 'linux')).toBe(tree);
  });

  it('is found in any case, and as it is spelled first', async () => {
    const fs = shownTree('win32', ['ReadMe', 'a:b', 'same', 'SAME']);
    expect(fs.list(1)).toMatchObject({ entries: [{ name: 'ReadMe' }, { name: 'a\uf03ab' }, { name: 'same' }, { name: 'SAME' }] });
    expect(await fs.lookup(1, 'README')).toBe(await fs.lookup(1, 'ReadMe'));
    expect(await fs.lookup(1, 'A\uf03aB')).toBeDefined();
    expect(await fs.lookup(1, 'SAME')).not.toBe(await fs.lookup(1, 'same'));
    expect(await fs.lookup(1, 'none')).toBeUndefined();
  });

  it('is changed by any spelling, and new spellings are taken', async () => {
    const fs = shownTree('win32', ['ReadMe']);
    expect(fs.writer!.names.caseSensitive).toBe(false);
    await fs.writer!.rename(1, 'readme', 1, 'README', 'replace');
    expect(await fs.list(1)).toMatchObject({ entries: [{ name: 'README' }] });
    const made = await fs.writer!.create(1, 'what\uf03f', { mode: 0o644 });
    expect(await fs.lookup(1, 'WHAT\uf03f')).toBe(made);
    await fs.writer!.unlink(1, 'ReadMe');
    expect(await fs.lookup(1, 'readme')).toBeUndefined();
    expect(await fs.list(1)).toMatchObject({ entries: [{ name: 'what\uf03f' }] });
  });

  it('is found composed and decomposed in macOS', async () => {
    const fs = shownTree('darwin', ['caf\u00e9', 'cafe\u0301s']);
    expect(await fs.lookup(1, 'cafe\u0301')).toBe(await fs.lookup(1, 'caf\u00e9'));
    expect(await fs.lookup(1, 'caf\u00e9s')).toBeDefined();
    expect(await fs.lookup(1, 'Caf\u00e9')).toBeUndefined();
  });
});
