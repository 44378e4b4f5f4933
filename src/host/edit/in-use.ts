import { readdirSync, readFileSync, realpathSync, type Stats, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { DiskError } from '../../engines/core/errors.ts';

/**
 * Refuses an image that Linux itself works with: nothing of that takes a lock, and two that write to one filesystem ruin it.
 * @param path a file or a disk
 * @throws DiskError busy
 */
export function refuseInUse(path: string): void {
  if (process.platform !== 'linux') return;
  const stats = statusOf(path);
  // Opening it says what is wrong.
  if (stats === undefined) return;
  const user = stats.isBlockDevice() ? diskUser(stats) : fileUser(path, stats);
  if (user !== undefined) throw new DiskError({ kind: 'busy', by: user }, `${path} is in use: ${user}`, 'Unmount or detach it first.');
}

/** A loop device that stands on the file. */
function fileUser(path: string, stats: Stats): string | undefined {
  for (const name of namesIn('/sys/block').filter((each) => each.startsWith('loop'))) {
    const backing = read(`/sys/block/${name}/loop/backing_file`);
    if (backing === undefined) continue;
    const there = statusOf(backing);
    const same = there === undefined ? backing === realpathSync(path) : there.ino === stats.ino && there.dev === stats.dev;
    if (!same) continue;
    const mount = mountOf(`/dev/${name}`);
    return mount === undefined ? `it is attached to /dev/${name}` : `it is mounted on ${mount} (by /dev/${name})`;
  }
  return undefined;
}

/** A mount of the disk or of a partition of it, or what stands on them: LVM, RAID, encryption, swap. */
function diskUser(stats: Stats): string | undefined {
  // st_rdev as glibc's gnu_dev_major and gnu_dev_minor take it apart.
  const number = `${(stats.rdev >>> 8) & 0xfff}:${(stats.rdev & 0xff) | ((stats.rdev >>> 12) & 0xfff00)}`;
  let folder: string;
  try {
    folder = realpathSync(`/sys/dev/block/${number}`);
  } catch {
    return undefined;
  }
  const partitions = namesIn(folder).filter((name) => read(join(folder, name, 'partition')) !== undefined).map((name) => join(folder, name));
  for (const each of [folder, ...partitions]) {
    const name = `/dev/${basename(each)}`;
    const mount = mountOf(name, read(join(each, 'dev')));
    if (mount !== undefined) return `${name} is mounted on ${mount}`;
    const [holder] = namesIn(join(each, 'holders'));
    if (holder !== undefined) return `${name} is a part of /dev/${holder}`;
    if (lines('/proc/swaps').some((line) => line.split(/\s/)[0] === name)) return `${name} is swap space`;
  }
  return undefined;
}

/** Where a disk is mounted, by its number or by its name (btrfs and others mount under numbers of their own). See proc_pid_mountinfo(5). */
function mountOf(name: string, number = numberOf(name)): string | undefined {
  for (const line of lines('/proc/self/mountinfo')) {
    const [before = '', after = ''] = line.split(' - ');
    const fields = before.split(' ');
    if ((number !== undefined && fields[2] === number) || unescaped(after.split(' ')[1] ?? '') === name) return unescaped(fields[4] ?? '');
  }
  return undefined;
}

function numberOf(name: string): string | undefined {
  return read(`/sys/class/block/${basename(name)}/dev`);
}

/** Spaces and the like stand there in octal. */
function unescaped(field: string): string {
  return field.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

function lines(path: string): string[] {
  return read(path)?.split('\n') ?? [];
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

function statusOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
