import { corrupt } from '../../../engines/core/errors.ts';

/** File types in a mode (stat(2)). */
const S_IFREG = 0o100000;
const S_IFDIR = 0o040000;
const S_IFLNK = 0o120000;
const S_IFCHR = 0o020000;

/** Something in an initramfs. */
export type CpioEntry =
  | { readonly type: 'file'; readonly mode: number; readonly bytes: Uint8Array }
  | { readonly type: 'dir'; readonly mode: number }
  | { readonly type: 'symlink'; readonly target: string }
  | { readonly type: 'char'; readonly mode: number; readonly major: number; readonly minor: number };

/**
 * Writes a newc cpio (Linux: Documentation/driver-api/early-userspace/buffer-format.rst). The same entries give the same bytes: sorted by path, no
 * times, owner root. Folders above an entry are made. Devices are records, so that nobody must be root to make them.
 * @param entries by path without a leading slash
 * @returns its length is a multiple of 4, as the kernel wants it where another archive follows
 */
export function writeCpio(entries: ReadonlyMap<string, CpioEntry>): Uint8Array {
  const all = new Map(entries);
  for (const path of entries.keys()) {
    const parts = path.split('/');
    if (parts.some((part) => part === '' || part === '.' || part === '..' || part.includes('\0'))) throw corrupt('initramfs', `"${path}" is no path for it`);
    for (let depth = 1; depth < parts.length; depth++) {
      const above = parts.slice(0, depth).join('/');
      if (!all.has(above)) all.set(above, { type: 'dir', mode: 0o755 });
    }
  }
  const chunks: Uint8Array[] = [];
  let inode = 1;
  for (const path of [...all.keys()].toSorted(byBytes)) addEntry(chunks, path, all.get(path)!, inode++);
  addRecord(chunks, 'TRAILER!!!', { mode: 0, inode: 0, links: 1, major: 0, minor: 0 }, new Uint8Array(0));
  return Buffer.concat(chunks);
}

function addEntry(chunks: Uint8Array[], path: string, entry: CpioEntry, inode: number): void {
  const plain = { inode, links: 1, major: 0, minor: 0 };
  switch (entry.type) {
    case 'file': return addRecord(chunks, path, { ...plain, mode: S_IFREG | entry.mode }, entry.bytes);
    case 'dir': return addRecord(chunks, path, { ...plain, mode: S_IFDIR | entry.mode, links: 2 }, new Uint8Array(0));
    case 'symlink': return addRecord(chunks, path, { ...plain, mode: S_IFLNK | 0o777 }, Buffer.from(entry.target));
    case 'char': return addRecord(chunks, path, { ...plain, mode: S_IFCHR | entry.mode, major: entry.major, minor: entry.minor }, new Uint8Array(0));
  }
}

function addRecord(chunks: Uint8Array[], path: string, head: { mode: number; inode: number; links: number; major: number; minor: number }, data: Uint8Array): void {
  const name = Buffer.from(`${path}\0`);
  // magic, ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check
  const fields = [head.inode, head.mode, 0, 0, head.links, 0, data.length, 0, 0, head.major, head.minor, name.length, 0];
  const header = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`);
  chunks.push(header, name, padding(header.length + name.length), data, padding(data.length));
}

function padding(length: number): Uint8Array {
  return new Uint8Array(-length & 3);
}

/** Order that no locale changes. */
export function byBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
