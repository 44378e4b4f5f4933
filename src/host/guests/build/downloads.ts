import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { corrupt, DiskError, isDiskError } from '../../../engines/core/errors.ts';
import type { JobContext } from '../../../engines/core/job.ts';
import { MissingError, request, WrongFileError } from './mirror.ts';

/** Tries for one file, each from where the one before broke off. */
const TRIES = 4;

/** Bytes that the cache keeps: about four guests' kernels and tools, with room for the kernels before them. */
const KEEP = 2 * 1024 ** 3;

/** Milliseconds after which an unfinished download is not taken up again. */
const STALE = 14 * 24 * 3600_000;

/** A file of an archive, known by its digest before it is asked for. */
export interface Wanted {
  /** Where it lies, best address first. */
  readonly urls: readonly string[];
  /** Bytes; with `about`, the most that it may have. */
  readonly size: number;
  /** Only its digest was published, not its size. */
  readonly about?: boolean;
  /** Of its bytes, in hexadecimal. */
  readonly sha256: string;
  /** For people: "linux-image-6.12.94 (103 MB)". */
  readonly title: string;
  /** What to do when it can't be had; unless told, to choose another mirror of Debian. */
  readonly advice?: string;
}

/**
 * What was fetched from mirrors, kept by digest, so that guests share it and a build without a network works. Several processes may use one folder:
 * whoever writes an unfinished file writes the same bytes at the same places, and it gets its name only when its digest is right.
 */
export class Downloads {
  readonly folder: string;
  /** Never asks the network. */
  readonly offline: boolean;

  constructor(folder: string, offline = false) {
    this.folder = folder;
    this.offline = offline;
    mkdirSync(folder, { recursive: true });
  }

  /**
   * The path of a file of that digest: from the cache, or fetched now.
   * @throws DiskError corrupt when the mirror's file is another one; io, usage ENOENT, timeout, cancelled
   */
  async file(wanted: Wanted, job: JobContext): Promise<string> {
    if (!/^[0-9a-f]{64}$/.test(wanted.sha256)) throw corrupt(wanted.title, 'its digest is none');
    const path = join(this.folder, wanted.sha256);
    if (existsSync(path)) {
      if (fits(statSync(path).size, wanted) && (await digestOf(path, job)) === wanted.sha256) {
        const now = new Date();
        utimesSync(path, now, now); // What was used last is kept longest.
        return path;
      }
      rmSync(path, { force: true }); // Damaged since.
    }
    if (this.offline) throw new DiskError({ kind: 'io' }, `${wanted.title} is not in the cache, and the network is not to be used`);
    let failure: unknown;
    for (let tries = 0; tries < TRIES; tries++) {
      for (const url of wanted.urls) {
        try {
          return await this.#fetch(url, path, wanted, job);
        } catch (error) {
          // Of several addresses the first is one that not every mirror has; what it says is not what a person must know.
          failure = error instanceof MissingError && failure !== undefined ? failure : error;
          if (!isDiskError(error) || error.kind === 'cancelled' || error.kind === 'corrupt') throw error;
        }
      }
      if (failure instanceof MissingError) break;
    }
    throw failure;
  }

  async #fetch(url: string, path: string, wanted: Wanted, job: JobContext): Promise<string> {
    const part = `${path}.part`;
    const file = await open(part, existsSync(part) ? 'r+' : 'w+');
    try {
      let at = wanted.about === true ? 0 : Math.min((await file.stat()).size, wanted.size);
      const resumed = at > 0;
      if (at < wanted.size) {
        const answer = await request(url, { from: at, size: wanted.size, signal: job.signal, ...(wanted.advice === undefined ? {} : { advice: wanted.advice }) });
        if (answer.status === 200) at = 0;
        try {
          // Mirrors are changed while they are read, and not all of it at once.
          if (answer.length !== undefined && !fits(at + answer.length, wanted)) throw new WrongFileError(wanted.title, `the server's file has ${at + answer.length} bytes and should have ${wanted.about === true ? 'at most ' : ''}${wanted.size}`, wanted.advice);
          for await (const chunk of answer.body) {
            if (at + chunk.length > wanted.size) throw new WrongFileError(wanted.title, `the server sends more than the ${wanted.size} bytes that it should have`, wanted.advice);
            await file.write(chunk, 0, chunk.length, at);
            at += chunk.length;
            const total = wanted.about === true ? answer.length : wanted.size;
            job.report({ done: at, ...(total === undefined ? {} : { total }), unit: 'bytes', now: wanted.title });
          }
        } finally {
          answer.close();
        }
        if (wanted.about === true) await file.truncate(at);
        else if (at < wanted.size) throw new DiskError({ kind: 'io' }, `${wanted.title}: the connection ended after ${at} of ${wanted.size} bytes`, 'Check the network, and try again: it goes on from there.');
      }
      if (wanted.about !== true) await file.truncate(wanted.size);
      if ((await digestOf(part, job)) !== wanted.sha256) {
        await rm(part, { force: true });
        // What an earlier run left may have been another's.
        if (resumed) throw new DiskError({ kind: 'io' }, `${wanted.title}: what was fetched before does not fit what came now`);
        throw new WrongFileError(wanted.title, 'its digest is not the one that was published for it, so it is not used', wanted.advice);
      }
    } catch (error) {
      if (isDiskError(error) && error.kind === 'corrupt') await rm(part, { force: true });
      throw error;
    } finally {
      await file.close();
    }
    try {
      await rename(part, path);
    } catch (error) {
      if (!existsSync(path)) throw error; // Another process was quicker: the same bytes.
    }
    return path;
  }

  /**
   * A small file without a digest, such as a signed Release: always asked for, and the last good one is what there is without a network.
   * @param check throws for one that is not to be kept
   * @returns what `check` made of it
   */
  async fresh<T>(url: string, most: number, check: (bytes: Uint8Array, cached: boolean) => Promise<T>, job: JobContext): Promise<T> {
    const kept = this.#keptPath(url);
    let bytes: Uint8Array;
    try {
      if (this.offline) throw new DiskError({ kind: 'io' }, `${url} is not in the cache, and the network is not to be used`);
      bytes = await this.#small(url, most, job);
    } catch (error) {
      if (!isDiskError(error) || error.kind === 'cancelled' || error.kind === 'corrupt' || error instanceof MissingError || !existsSync(kept)) throw error;
      job.log({ level: 'warning', message: `${error.message}; what was fetched before is used` });
      return check(readFileSync(kept), true);
    }
    const made = await check(bytes, false);
    writeFileSync(`${kept}.${process.pid}`, bytes);
    renameSync(`${kept}.${process.pid}`, kept);
    return made;
  }

  /** What `fresh` kept of an address last; undefined where it kept nothing. Whether it is still good is the caller's to see. */
  kept(url: string): Uint8Array | undefined {
    const path = this.#keptPath(url);
    return existsSync(path) ? readFileSync(path) : undefined;
  }

  #keptPath(url: string): string {
    return join(this.folder, `${createHash('sha256').update(url).digest('hex').slice(0, 32)}.signed`);
  }

  async #small(url: string, most: number, job: JobContext): Promise<Uint8Array> {
    job.report({ done: 0, unit: 'bytes', now: url });
    const answer = await request(url, { size: most, signal: job.signal });
    const chunks: Uint8Array[] = [];
    let total = 0;
    try {
      for await (const chunk of answer.body) {
        total += chunk.length;
        if (total > most) throw corrupt(url, `it is longer than ${most} bytes`);
        chunks.push(chunk);
      }
    } finally {
      answer.close();
    }
    return Buffer.concat(chunks);
  }

  /** Removes what was not used for longest, until the rest fits; and downloads that nobody finished. */
  prune(keep = KEEP, now = Date.now()): void {
    const files = readdirSync(this.folder).flatMap((name) => {
      const path = join(this.folder, name);
      try {
        const { size, mtimeMs } = statSync(path);
        return [{ path, size, mtimeMs, part: name.endsWith('.part') }];
      } catch {
        return []; // Another process was quicker.
      }
    });
    let total = 0;
    for (const { path, size, mtimeMs, part } of files.toSorted((a, b) => b.mtimeMs - a.mtimeMs)) {
      total += size;
      if (total > keep || (part && now - mtimeMs > STALE)) rmSync(path, { force: true });
    }
  }
}

function fits(size: number, wanted: Wanted): boolean {
  return wanted.about === true ? size <= wanted.size : size === wanted.size;
}

/** SHA-256 of a file, in hexadecimal. */
export async function digestOf(path: string, job: JobContext): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    const pause = job.breathe();
    if (pause) await pause;
    hash.update(chunk as Uint8Array);
  }
  return hash.digest('hex');
}
