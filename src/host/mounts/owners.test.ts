import { describe, expect, it } from 'vitest';
import type { FileSystem, Maybe } from '../../engines/core/filesystem.ts';
import type { Changes, NewNode, Writer } from '../../engines/core/writer.ts';
import { dir, file, MemoryFileSystem } from '../../engines/testing/memory-filesystem.ts';
import { withOwners } from './owners.ts';
import { PassingFileSystem, PassingWriter } from './passing.ts';

/** A tree whose writer tells what it is asked for. @param later it answers with promises, as a guest does */
function tree(later = false): { fs: FileSystem; asked: { readonly node?: number; readonly made?: NewNode; readonly changes?: Changes }[] } {
  const inner = new MemoryFileSystem(dir({ a: file('text', { mode: 0o4755, uid: 7, gid: 8 }), theirs: dir({}, { uid: 100, gid: 200, mode: 0o777 }) }));
  const asked: { node?: number; made?: NewNode; changes?: Changes }[] = [];
  class Asked extends PassingWriter {
    override change(node: number, changes: Changes): Maybe<void> { asked.push({ node, changes }); }
    protected override making(_dir: number, _name: string, made: NewNode): number {
      asked.push({ made });
      return 99;
    }
  }
  class Late extends PassingFileSystem {
    override stat(node: number): Maybe<ReturnType<MemoryFileSystem['stat']>> { return later ? Promise.resolve(inner.stat(node)) : inner.stat(node); }
  }
  return { fs: new Late(inner, new Asked({ names: { longest: 255, unit: 'bytes', forbidden: '', caseSensitive: true } } as unknown as Writer)), asked };
}

describe.each([['at once', false], ['later', true]] as const)('owners as they are shown, of a tree that answers %s', (_when, later) => {
  it('leave a tree alone that is shown as it is', () => {
    const { fs } = tree(later);
    expect(withOwners(fs, {})).toBe(fs);
  });

  it('show all files as one account\'s, with fewer permissions', async () => {
    const shown = withOwners(tree(later).fs, { uid: 1000, umask: 0o027 });
    const stat = await shown.stat((await shown.lookup(1, 'a'))!);
    expect(stat).toMatchObject({ uid: 1000, gid: 8, mode: 0o4750, type: 'file', size: 4 });
    expect(withOwners(tree().fs, { gid: 5 }).stat(1)).toMatchObject({ uid: 0, gid: 5, mode: 0o755 });
  });

  it('show no ACLs, which name other accounts, and let none be made', async () => {
    const [access, inherited] = ['system.posix_acl_access', 'system.posix_acl_default'];
    const { fs } = tree(later);
    const attributes = new Map([[access, Uint8Array.of(1)], ['user.x', Uint8Array.of(2)], [inherited, Uint8Array.of(3)]]);
    const set: string[] = [];
    const writer = { ...fs.writer, setXattr: (_node: number, name: string) => void set.push(name), removeXattr: (_node: number, name: string) => void set.push(name) } as unknown as Writer;
    const answered = <T>(value: T): Maybe<T> => (later ? Promise.resolve(value) : value);
    const shown = withOwners(new PassingFileSystem(fs, writer, { list: () => answered([...attributes.keys()]), get: (_node, name) => answered(attributes.get(name)) }), { umask: 0o077 });
    expect(await shown.xattrs!.list(1)).toEqual(['user.x']);
    for (const name of [access, inherited]) {
      expect(await shown.xattrs!.get(1, name)).toBeUndefined();
      expect(() => shown.writer!.setXattr(1, name, new Uint8Array(4))).toThrow(expect.objectContaining({ fault: { kind: 'usage', errno: 'ENOTSUP' } }));
      expect(() => shown.writer!.removeXattr(1, name)).toThrow(expect.objectContaining({ fault: { kind: 'usage', errno: 'ENODATA' } }));
    }
    expect(await shown.xattrs!.get(1, 'user.x')).toEqual(Uint8Array.of(2));
    await shown.writer!.setXattr(1, 'user.y', new Uint8Array(1));
    await shown.writer!.removeXattr(1, 'user.x');
    expect(set).toEqual(['user.y', 'user.x']);
  });

  it('give what is made the owner of its folder', async () => {
    const { fs, asked } = tree(later);
    const shown = withOwners(fs, { uid: 1000 });
    await shown.writer!.create((await shown.lookup(1, 'theirs'))!, 'new', { mode: 0o644, uid: 1000, gid: 1000 });
    expect(asked).toEqual([{ made: { mode: 0o644, uid: 100, gid: 1000 } }]);
  });

  it('keep permissions that are not shown, and refuse other owners', async () => {
    const { fs, asked } = tree(later);
    const shown = withOwners(fs, { uid: 1000, umask: 0o022 });
    const node = (await shown.lookup(1, 'a'))!;
    await shown.writer!.change(node, { mode: 0o600, mtime: 5n });
    // 4755 had nothing that is taken away.
    expect(asked).toEqual([{ node, changes: { mode: 0o600, mtime: 5n } }]);
    const folder = (await shown.lookup(1, 'theirs'))!;
    await shown.writer!.change(folder, { mode: 0o700 });
    expect(asked[1]).toEqual({ node: folder, changes: { mode: 0o722 } });
    expect(() => shown.writer!.change(node, { uid: 0 })).toThrow(expect.objectContaining({ fault: { kind: 'usage', errno: 'EPERM' } }));
    await shown.writer!.change(node, { uid: 1000 });
    expect(asked).toHaveLength(2);
    await shown.writer!.change(node, { uid: 1000, gid: 3 });
    expect(asked[2]).toEqual({ node, changes: { gid: 3 } });
  });
});
