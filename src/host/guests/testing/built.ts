import { closeSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type DiskError, isDiskError } from '../../../engines/core/errors.ts';
import { CACHE } from '../../../engines/testing/recipes/build.ts';
import { nodeJob } from '../../session.ts';
import { WrongFileError } from '../build/mirror.ts';
import { findGuest } from '../catalogue.ts';
import { missingOf } from '../format.ts';
import { buildGuest } from '../index.ts';
import { installed } from '../installed.ts';
import type { Guest } from '../manifest.ts';

/** Where guests for tests lie, shared by all runs: safe to delete. Set for this process and those that it starts. */
export const TEST_GUESTS = process.env.CLUTCH_GUESTS || (process.env.CLUTCH_GUESTS = join(dirname(CACHE), 'guests'));

/** Milliseconds: a lock that is older is of a process that is gone; a failure that is older is tried again. */
const LOCK_STALE = 20 * 60_000;
const FAILURE_STALE = 20 * 60_000;

/**
 * A guest that tests run, built when it is not: once for all test files and runs, from the mirror that a person would use. On a new machine that fetches
 * about 130 MB and takes a minute or more of work.
 * @param build false: it is used when somebody built it, and not built for a test. CLUTCH_TEST_GUESTS=all builds each that a test asks for
 * @returns the guest, or why there is none here; the reason is printed, so that a skip is never silent
 * @throws DiskError when the mirror has all that it takes and the guest can't be built all the same
 */
export async function builtGuest(name: string, build = name === 'linux-6.12' || process.env['CLUTCH_TEST_GUESTS'] === 'all'): Promise<{ readonly guest: Guest } | { readonly reason: string }> {
  const reason = await whyNot(name, build);
  if (reason === '') return { guest: findGuest(name) };
  console.warn(`skipped: ${name}: ${reason}`);
  return { reason: `skipped: ${name}: ${reason}` };
}

/** Why tests through a guest can't run here; undefined when they can. As `builtGuest`. */
export async function missingGuest(name: string, build?: boolean): Promise<string | undefined> {
  const answer = await builtGuest(name, build);
  return 'reason' in answer ? answer.reason : undefined;
}

async function whyNot(name: string, build: boolean): Promise<string> {
  const guest = findGuest(name);
  const impossible = installed().impossible(guest);
  if (impossible !== undefined) return impossible;
  if (guest.state === 'built') return '';
  if (!build) return missingOf(guest, installed());
  return locked(join(TEST_GUESTS, `${name}.lock`), async () => {
    if (findGuest(name).state === 'built') return ''; // By who had the lock.
    const failed = join(TEST_GUESTS, `${name}.failed`);
    if (Date.now() - (timeOf(failed) ?? 0) < FAILURE_STALE) return readFileSync(failed, 'utf8');
    try {
      await buildGuest(name, { job: nodeJob() });
      return '';
    } catch (error) {
      if (!isDiskError(error) || !ofTheMirror(error)) throw error;
      writeFileSync(failed, `${error.message} (needed to build it)`);
      return `${error.message} (needed to build it)`;
    }
  });
}

/** Whether the mirror is why a guest can't be built: it is not reached, or is being updated, so that its index and its files do not fit together. */
function ofTheMirror(error: DiskError): boolean {
  const { fault } = error;
  return fault.kind === 'io' || fault.kind === 'timeout' || error instanceof WrongFileError || (fault.kind === 'usage' && fault.errno === 'ENOENT');
}

async function locked<T>(lock: string, work: () => Promise<T>): Promise<T> {
  mkdirSync(dirname(lock), { recursive: true });
  for (;;) {
    try {
      closeSync(openSync(lock, 'wx'));
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      if (Date.now() - (timeOf(lock) ?? Date.now()) > LOCK_STALE) rmSync(lock, { force: true });
      await new Promise((resume) => { setTimeout(resume, 200); });
    }
  }
  try {
    return await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

/** When a file was written; undefined when there is none. */
function timeOf(path: string): number | undefined {
  try {
    return statSync(path).mtimeMs;
  } catch {
    return undefined;
  }
}
