import { closeSync, ftruncateSync } from 'node:fs';
import type { DirEntry, FileSystem, Stat } from '../../../engines/core/filesystem.ts';
import type { Name } from '../../../engines/core/names.ts';
import type { Target, TargetFolder } from './target.ts';

/** Bytes of a file that still counts as small. Cancel is answered between two of them. */
const MOST_BYTES = 1024 * 1024;

/** Data runs of a file that still counts as plain. */
const MOST_RUNS = 32;

/**
 * A small file without peculiarities: one name, no attributes, and all of its data in a file of the host. Nearly every file is one. What is
 * needed to make it are these few numbers, so another thread can do it (see writer.ts).
 */
export interface PlainFile {
  readonly name: Name;
  /** Permission bits; no special ones. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes. */
  readonly size: number;
  /** Nanoseconds since 1970. */
  readonly atime: bigint;
  readonly mtime: bigint;
  /** Data runs in order, three numbers each: byte in the file, byte in the host's file, length. */
  readonly runs: readonly number[];
}

/** Recognises plain files of one filesystem, at the price of a status and a map. */
export class PlainFiles {
  /** The host's file that holds the data. */
  readonly fd: number;
  readonly #fs: FileSystem;

  private constructor(fs: FileSystem, fd: number) {
    this.#fs = fs;
    this.fd = fd;
  }

  /** undefined where data does not lie in a file of the host, or the target can't copy from there. */
  static of(fs: FileSystem, target: Target): PlainFiles | undefined {
    const { extents } = fs;
    if (target.copyRange === undefined || extents === undefined || extents.device.size === 0) return undefined;
    const backing = extents.device.backing?.(0, 1);
    return backing === undefined ? undefined : new PlainFiles(fs, backing.fd);
  }

  /** @returns undefined for everything that is not plain: it goes the long way, which also tells what is wrong with it */
  recognise(entry: DirEntry): PlainFile | undefined {
    if (entry.type !== undefined && entry.type !== 'file') return undefined;
    try {
      const stat = this.#fs.stat(entry.node);
      if (stat instanceof Promise || stat.type !== 'file' || stat.nlink !== 1 || stat.size > MOST_BYTES || (stat.mode & 0o7000) !== 0) return undefined;
      const names = this.#fs.xattrs?.list(entry.node);
      if (names !== undefined && (names instanceof Promise || names.length > 0)) return undefined;
      const runs = this.#runs(stat);
      if (runs === undefined) return undefined;
      return { name: entry.name, mode: stat.mode, uid: stat.uid, gid: stat.gid, size: stat.size, atime: stat.atime, mtime: stat.mtime, runs };
    } catch {
      return undefined;
    }
  }

  #runs({ node, size }: Stat): number[] | undefined {
    const runs: number[] = [];
    if (size === 0) return runs;
    const map = this.#fs.extents!.map(node);
    if (map instanceof Promise) return undefined;
    let end = 0;
    for (const run of map) {
      if (run.logical >= size) break;
      if (run.logical < end || !(run.length > 0) || runs.length >= MOST_RUNS * 3) return undefined;
      end = Math.min(size, run.logical + run.length);
      if (run.unwritten) continue;
      const backing = run.physical === undefined ? undefined : this.#fs.extents!.device.backing!(run.physical, end - run.logical);
      if (backing?.fd !== this.fd) return undefined;
      runs.push(run.logical, backing.at, end - run.logical);
    }
    return runs;
  }
}

/**
 * Makes a plain file.
 * @param from the host's file that holds its data
 * @returns false when the name is taken or anything went wrong; then nothing of it stays, and the long way finds out what it was
 */
export function makePlainFile(target: Target, folder: TargetFolder, from: number, file: PlainFile): boolean {
  let fd: number | undefined;
  try {
    fd = target.createFile(folder, file.name, file.mode);
    if (fd === undefined) return false;
    let end = 0;
    for (let i = 0; i < file.runs.length; i += 3) {
      const [at, source, length] = [file.runs[i]!, file.runs[i + 1]!, file.runs[i + 2]!];
      for (let done = 0; done < length;) {
        const copied = target.copyRange!(from, source + done, fd, at + done, length - done);
        // 0: the image ends here.
        if (!copied) throw new Error('not copied');
        done += copied;
      }
      end = at + length;
    }
    if (end < file.size) ftruncateSync(fd, file.size);
    const { mode, uid, gid, atime, mtime } = file;
    target.apply({ parent: folder, name: file.name, type: 'file', fd }, { mode, uid, gid, atime, mtime, xattrs: [] }, mode, (_what, error) => { throw error; });
    closeSync(fd);
    return true;
  } catch {
    if (fd === undefined) return false;
    closeSync(fd);
    target.remove(folder, file.name, 'file');
    return false;
  }
}
