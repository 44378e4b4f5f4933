import type { Name } from '../../../engines/core/names.ts';
import { codeOf } from '../extract/target.ts';
import type { Libc } from '../../native/libc.ts';

/** The path of a name in a folder, in bytes: names of this computer need not be text. */
export function pathTo(folder: Uint8Array, name: Uint8Array): Buffer {
  const path = Buffer.allocUnsafe(folder.length + 1 + name.length);
  path.set(folder);
  path[folder.length] = 0x2f;
  path.set(name, folder.length + 1);
  return path;
}

/** Names of a file's attributes; none on a filesystem that has no attributes. @throws SystemError */
export function attributeNames(system: Libc, path: Uint8Array): Name[] {
  try {
    return system.listXattrs(path);
  } catch (error) {
    if (codeOf(error) === 'ENOTSUP' || codeOf(error) === 'EOPNOTSUPP') return [];
    throw error;
  }
}
