import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CACHE, ROOT } from '../recipes/build.ts';
import type { WalkEntry } from '../walk.ts';

const SCRIPT = join(ROOT, 'src/engines/testing/oracle/kernel-walk.py');

/** The reference's tree, or why it gives none. */
export type Truth = { readonly entries: readonly WalkEntry[] } | { readonly refused: string };

/** How to ask. */
export interface Question {
  /** "kernel" where absent. */
  readonly oracle?: 'debugfs' | 'paths' | 'folder';
  readonly mountOptions?: string;
  /** Changes when the image does: answers are kept under it. */
  readonly digest: string;
}

/** Walks an image with the reference; the image itself is not touched. Answers are cached. */
export function truth(image: string, question: Question): Truth {
  const key = createHash('sha256').update(readFileSync(SCRIPT)).update(JSON.stringify(question)).digest('hex').slice(0, 24);
  const kept = join(CACHE, 'truth', `${key}.json`);
  if (existsSync(kept)) return JSON.parse(readFileSync(kept, 'utf8')) as Truth;
  const answer = askReference(image, question);
  if ('refused' in answer && /needs root|not installed|timed out|namespace/.test(answer.refused)) return answer;
  mkdirSync(dirname(kept), { recursive: true });
  writeFileSync(kept, JSON.stringify(answer));
  return answer;
}

/** As `truth`, without keeping the answer. */
export function askReference(image: string, question: Question): Truth {
  // Of a clean clone, this may be the first test that asks.
  mkdirSync(CACHE, { recursive: true });
  const done = spawnSync('python3', [SCRIPT, ...(question.oracle === undefined ? [] : [`--${question.oracle}`]), image], {
    encoding: 'utf8', timeout: 60_000, maxBuffer: 1 << 30,
    env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`, CLUTCH_SCRATCH: CACHE, CLUTCH_MOUNT_OPTIONS: question.mountOptions ?? '' },
  });
  if (done.error) return { refused: 'code' in done.error && done.error.code === 'ENOENT' ? 'python3 is not installed' : 'the reference timed out' };
  if (done.status === 3) return { refused: done.stderr.trim() };
  if (done.status !== 0) throw new Error(`kernel-walk.py failed on ${image}: ${done.stderr}`);
  return { entries: done.stdout.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as WalkEntry) };
}
