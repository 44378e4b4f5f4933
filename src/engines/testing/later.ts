import type { FileSystem } from '../core/filesystem.ts';

/** A filesystem whose answers come later, and that does not tell where a file's data lies: as one of another machine. */
export function later(fs: FileSystem): FileSystem {
  const slow = (object: object): object => new Proxy(object, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key);
      if (key === 'extents') return undefined;
      if (key === 'xattrs' && typeof value === 'object' && value !== null) return slow(value);
      if (typeof value !== 'function') return value;
      return async (...args: unknown[]) => {
        await new Promise((resolve) => { setImmediate(resolve); });
        return (value as (...all: unknown[]) => unknown).apply(target, args);
      };
    },
  });
  return slow(fs) as FileSystem;
}
