import { createHash, randomUUID } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import envPaths from 'env-paths';
import { DiskError } from '../../engines/core/errors.ts';
import type { BuiltGuest, Guest } from './manifest.ts';

/** Joined initramfs files that are kept: one a set of filesystems and tools. */
const MOST_INITRDS = 12;

/** Where saved states, joined files and what was learned about this machine are kept. Losing it costs time alone. */
export function guestCache(folder?: string): string {
  const path = folder ?? join(process.env.CLUTCH_GUESTS || envPaths('clutch', { suffix: '' }).cache, 'machines');
  mkdirSync(path, { recursive: true, mode: 0o700 });
  return path;
}

/**
 * The initramfs with what is wanted in it, as one file: the kernel unpacks archives that follow one another.
 * @throws DiskError guest for filesystems and tools that the guest doesn't have
 */
export function joinInitramfs(guest: Guest, built: BuiltGuest, filesystems: readonly string[], tools: readonly string[], cache: string): string {
  const pick = (from: Readonly<Record<string, string>>, name: string, what: string): string => {
    const file = Object.hasOwn(from, name) ? from[name] : undefined;
    if (file === undefined) throw new DiskError({ kind: 'guest', guest: guest.manifest.name }, `${guest.manifest.title} has no ${what} ${name}`);
    return file;
  };
  const names = [built.initramfs, ...new Set([...filesystems.map((name) => pick(built.filesystems, name, 'filesystem')), ...tools.map((name) => pick(built.tools, name, 'tool'))].toSorted())];
  if (names.length === 1) return join(guest.files, built.initramfs);
  const folder = join(cache, 'initramfs');
  const path = join(folder, `${createHash('sha256').update([built.digest, ...names].join('\n')).digest('hex').slice(0, 32)}.cpio`);
  if (existsSync(path)) {
    touch(path);
    return path;
  }
  mkdirSync(folder, { recursive: true });
  const temporary = `${path}.${randomUUID()}`;
  try {
    copyFileSync(join(guest.files, names[0]!), temporary);
    for (const name of names.slice(1)) writeFileSync(temporary, readFileSync(join(guest.files, name)), { flag: 'a' });
    renameSync(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
  }
  keepNewest(folder, MOST_INITRDS, Infinity, path);
  return path;
}

/** Marks as used now. */
export function touch(path: string): void {
  const now = new Date();
  try {
    utimesSync(path, now, now);
  } catch {
    // Another process removed it; whoever needs it finds out.
  }
}

/** Bytes that a file or a folder of files takes on the disk. */
export function bytesOnDisk(path: string): number {
  const status = statSync(path);
  return status.isDirectory() ? readdirSync(path).reduce((sum, name) => sum + bytesOnDisk(join(path, name)), 0) : status.blocks * 512;
}

/** Removes what was used longest ago, until at most so many entries of so many bytes are left. `keep` stays. */
export function keepNewest(folder: string, most: number, bytes: number, keep: string): void {
  const entries = readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    try {
      return [{ path, time: statSync(path).mtimeMs, size: bytesOnDisk(path) }];
    } catch {
      return [];
    }
  }).toSorted((a, b) => b.time - a.time);
  let count = 0;
  let sum = 0;
  for (const entry of entries) {
    count++;
    sum += entry.size;
    if (entry.path !== keep && (count > most || sum > bytes)) {
      rmSync(entry.path, { recursive: true, force: true });
      count--;
      sum -= entry.size;
    }
  }
}
