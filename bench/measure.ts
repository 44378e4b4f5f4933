import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import type { Contender, Task } from './contenders.ts';

/** One run of one program. */
export interface Run {
  /** Wall clock from before the process was started until it was reaped. */
  readonly seconds: number;
  /** The largest resident set of it or of a child that it waited for; undefined without /usr/bin/time. */
  readonly peakBytes: number | undefined;
  /** Exit status and first words on stderr when it failed; empty when it did not. */
  readonly failure: string;
}

const TIME = '/usr/bin/time';
const ENV = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`, LC_ALL: 'C.UTF-8' };

/** Runs a command once; its standard output goes nowhere. */
export function runOnce(command: readonly string[], scratch: string): Run {
  const report = join(scratch, 'time');
  const whole = existsSync(TIME) ? [TIME, '-q', '-f', '%M', '-o', report, ...command] : command;
  const started = process.hrtime.bigint();
  const done = spawnSync(whole[0]!, whole.slice(1), { env: ENV, stdio: ['ignore', 'ignore', 'pipe'], maxBuffer: 1 << 28 });
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  const failed = done.error !== undefined || done.status !== 0;
  const failure = failed ? `exit ${done.status}: ${(done.error?.message ?? done.stderr.toString()).trim().split('\n')[0]?.slice(0, 100)}` : '';
  const peak = existsSync(report) ? Number(readFileSync(report, 'utf8')) * 1024 : Number.NaN;
  return { seconds, peakBytes: peak > 0 ? peak : undefined, failure };
}

/** Reads the image once, so that every run finds it in the page cache. */
export function warm(image: string): void {
  const fd = openSync(image, 'r');
  const chunk = new Uint8Array(8 << 20);
  while (readSync(fd, chunk) > 0);
  closeSync(fd);
}

/** What one contender did in one case. */
export interface Result {
  readonly contender: Contender;
  readonly runs: readonly Run[];
  /** How faithful the last extraction was. */
  readonly fidelity: string;
}

/** f_type of tmpfs (linux/magic.h). */
const TMPFS = 0x01021994;

/**
 * Measures a task on an image with all contenders in turns (A B C A B C …), so that what else the machine does hits all alike.
 * What is extracted stays until the end: for minutes after a file was deleted, ext4 looks through all the inodes freed with it before it takes a
 * new one (recently_deleted), and the next contender would pay. In memory there is no such thing, and less room.
 * @param judge compares an extraction with its source
 */
export function measure(task: Task, image: string, all: readonly Contender[], rounds: number, folder: string, judge: (target: string) => string): Result[] {
  const scratch = mkdtempSync(join(folder, 'bench-'));
  const able = all.filter((each) => each.absent === '' && each.command(task, image, '') !== undefined);
  const inMemory = statfsSync(scratch).type === TMPFS;
  const runs = new Map(able.map((each) => [each, [] as Run[]]));
  const fidelity = new Map<Contender, string>();
  try {
    if (task === 'write') for (const contender of able) contender.prepare?.(image, scratch);
    else warm(image);
    for (let round = 0; round < rounds; round++) {
      for (const contender of able) {
        const target = join(scratch, `${contender.name.replaceAll(' ', '-')}-${round}`);
        mkdirSync(target);
        if (task === 'extract' || task === 'write') spawnSync('sync');
        runs.get(contender)!.push(runOnce(contender.command(task, image, target)!, scratch));
        if ((task === 'extract' || task === 'write') && round === rounds - 1) fidelity.set(contender, judge(target));
        if (inMemory || task === 'write') rmSync(target, { recursive: true, force: true });
      }
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return able.map((contender) => ({ contender, runs: runs.get(contender)!, fidelity: fidelity.get(contender) ?? '' }));
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
