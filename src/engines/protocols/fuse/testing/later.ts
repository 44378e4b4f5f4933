import type { FileSystem } from '../../../core/filesystem.ts';

/** The same filesystem, which answers everything in a later turn, as guests do. */
export function later<T extends FileSystem>(fs: T): T {
  return slow(fs, ['lookup', 'stat', 'list', 'read', 'readlink']) as T;
}

/** The facets, and which of their methods may answer later. */
const FACETS: Readonly<Record<string, readonly string[]>> = {
  xattrs: ['list', 'get'], extents: ['map'],
  writer: ['create', 'mkdir', 'symlink', 'mknod', 'link', 'unlink', 'rmdir', 'rename', 'write', 'truncate', 'allocate', 'change', 'setXattr', 'removeXattr', 'hold', 'release', 'sync'],
};

function slow(target: object, names: readonly string[]): object {
  return new Proxy(target, {
    get(of, name) {
      const value: unknown = Reflect.get(of, name, of);
      if (typeof value === 'object' && value !== null && FACETS[String(name)] !== undefined) return slow(value, FACETS[String(name)]!);
      if (typeof value !== 'function') return value;
      if (!names.includes(String(name))) return value.bind(of) as unknown;
      return async (...given: unknown[]): Promise<unknown> => {
        for (let i = 0; i < 3; i++) await undefined;
        return (value as (...all: unknown[]) => unknown).apply(of, given);
      };
    },
  });
}
