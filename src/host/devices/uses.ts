import { basename, join } from 'node:path';
import { parseMounts, unescapePath } from '../mounts/mount-table.ts';
import { namesIn, readText, SYSTEM, type SystemFolders } from './sysfs.ts';

/** What the system does with a disk or a partition. */
export type Use =
  | { readonly kind: 'mount'; /** Where. */ readonly at: string }
  /** A RAID, an LVM or an encrypted volume of which it is a part, by its name in /dev. */
  | { readonly kind: 'part'; readonly of: string }
  | { readonly kind: 'swap' }
  /** A loop device that stands on it, by its name in /dev. */
  | { readonly kind: 'loop'; readonly name: string }
  /** One of several disks of a mounted btrfs. */
  | { readonly kind: 'btrfs' };

/** All that is in use, read once: what one asks for each disk. */
export interface Uses {
  /** Of one disk or partition itself. @param folder its own in sysfs */
  of(folder: string): Use[];
}

/** How the kernel uses its disks now. Other mount namespaces (containers) can't be seen: the kernel's O_EXCL knows of them. */
export function readUses(folders: SystemFolders = SYSTEM): Uses {
  const mounts = parseMounts(readText(join(folders.proc, 'self/mountinfo')) ?? '');
  const swaps = new Set(linesOf(join(folders.proc, 'swaps')).map((line) => unescapePath(line.split(/\s/)[0] ?? '')));
  const loops = loopsOf(folders);
  const btrfs = new Set(namesIn(join(folders.sys, 'fs/btrfs')).flatMap((uuid) => namesIn(join(folders.sys, 'fs/btrfs', uuid, 'devices'))));
  return {
    of(folder) {
      const name = basename(folder);
      const path = join(folders.dev, nodeName(name));
      const mapped = readText(join(folder, 'dm/name'));
      const paths = new Set([path, ...(mapped === undefined || mapped === '' ? [] : [join(folders.dev, 'mapper', mapped)])]);
      const number = readText(join(folder, 'dev'));
      const found: Use[] = [];
      // By its number, or by its name: btrfs and FUSE mount under numbers of their own.
      for (const mount of mounts) if (mount.device === number || paths.has(mount.source)) found.push({ kind: 'mount', at: mount.at });
      if (found.length === 0 && btrfs.has(name)) found.push({ kind: 'btrfs' });
      for (const holder of namesIn(join(folder, 'holders'))) found.push({ kind: 'part', of: nodeName(holder) });
      if ([...paths].some((each) => swaps.has(each))) found.push({ kind: 'swap' });
      for (const loop of loops) if (paths.has(loop.backing)) found.push({ kind: 'loop', name: loop.name });
      return found;
    },
  };
}

/** Loop devices that stand on a file or a disk, each with the path that it had when it was attached. */
export function loopsOf({ sys }: Pick<SystemFolders, 'sys'> = SYSTEM): { readonly name: string; readonly backing: string }[] {
  return namesIn(join(sys, 'block')).filter((each) => each.startsWith('loop')).flatMap((name) => {
    const backing = readText(join(sys, 'block', name, 'loop/backing_file'));
    return backing === undefined ? [] : [{ name, backing }];
  });
}

/** A use as a few words: where it is mounted, or by what it is used. */
export function useText(use: Use): string {
  switch (use.kind) {
    case 'mount': return use.at;
    case 'part': return use.of;
    case 'loop': return use.name;
    case 'swap': case 'btrfs': return use.kind;
  }
}

/** The path below /dev of a disk as sysfs calls it: "cciss!c0d0" is cciss/c0d0. */
export function nodeName(name: string): string {
  return name.replaceAll('!', '/');
}

function linesOf(path: string): string[] {
  return readText(path)?.split('\n') ?? [];
}
