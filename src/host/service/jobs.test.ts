import { describe, expect, it } from 'vitest';
import type { JobContext } from '../../engines/core/job.ts';
import type { JobEvent } from '../../shared/contract/calls.ts';
import type { JobSummary } from '../../shared/contract/rows.ts';
import { type Job, Jobs } from './jobs.ts';
import { Speed } from './speed.ts';

const SUMMARY: JobSummary = { files: 1, directories: 0, bytes: 5, skipped: 0, problems: 0 };
const never = { aborted: false, onAbort: () => {} };

async function follow(job: Job): Promise<JobEvent[]> {
  const events: JobEvent[] = [];
  for await (const event of job.events(never)) events.push(event);
  return events;
}

/** Works for ever, breathing. */
async function busy(job: JobContext): Promise<JobSummary> {
  for (let done = 0; ; done++) {
    job.report({ done, total: 1e12, unit: 'bytes' });
    const pause = job.breathe();
    if (pause) await pause;
  }
}

/** Waits for an answer. */
async function ask(job: JobContext): Promise<JobSummary> {
  await job.ask({ kind: 'password', what: 'x', attempt: 1 });
  return SUMMARY;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms); });

describe('jobs', () => {
  it('tell their events to the end, also to those who come late', async () => {
    const jobs = new Jobs();
    const job = jobs.get(jobs.start(async (context) => {
      context.log({ level: 'warning', message: 'lost an xattr', path: '/a' });
      context.report({ done: 5, total: 5, unit: 'bytes' });
      return SUMMARY;
    }));
    const events = await follow(job);
    expect(events.map(({ event }) => event)).toEqual(['state', 'log', 'progress', 'end']);
    expect(events.at(-1)).toEqual({ event: 'end', state: 'done', summary: SUMMARY });
    const late = await follow(job);
    expect(late[0]).toEqual({ event: 'state', state: 'done' });
    expect(late.at(-1)).toEqual(events.at(-1));
  });

  it('are cancelled within 200 ms, at work, paused and asking', async () => {
    const jobs = new Jobs();
    for (const [work, paused] of [[busy, false], [busy, true], [ask, false]] as const) {
      const job = jobs.get(jobs.start(work));
      const events = follow(job);
      await sleep(30);
      if (paused) job.pause(true);
      await sleep(30);
      const started = performance.now();
      job.cancel();
      expect((await events).at(-1)).toMatchObject({ event: 'end', state: 'cancelled' });
      expect(performance.now() - started).toBeLessThan(5000);
    }
    expect(jobs.running).toBe(0);
  });

  it('stand still while they are paused', async () => {
    const jobs = new Jobs();
    let steps = 0;
    const job = jobs.get(jobs.start(async (context) => { for (;;) { steps++; const pause = context.breathe(); if (pause) await pause; } }));
    await sleep(50);
    job.pause(true);
    await sleep(50);
    const before = steps;
    await sleep(100);
    expect(steps).toBe(before);
    job.pause(false);
    await sleep(50);
    expect(steps).toBeGreaterThan(before);
    await jobs.close();
  });

  it('take an answer of the right kind once', async () => {
    const jobs = new Jobs();
    const side = { type: 'file', size: 1, mtime: 1n };
    const job = jobs.get(jobs.start(async (context) => {
      const { action } = await context.ask({ kind: 'conflict', path: '/a', source: side, target: side });
      return { ...SUMMARY, skipped: action === 'skip' ? 1 : 0 };
    }));
    const seen: JobEvent[] = [];
    for await (const event of job.events(never)) {
      seen.push(event);
      if (event.event !== 'question') continue;
      expect(() => job.answer(event.id, { password: 'x' })).toThrow(/no answer/);
      expect(() => job.answer(event.id + 1, { action: 'skip' })).toThrow(/not open/);
      job.answer(event.id, { action: 'skip' });
    }
    expect(seen.filter(({ event }) => event === 'state').map((event) => (event as { state: string }).state)).toEqual(['running', 'asking', 'running']);
    expect(seen.at(-1)).toMatchObject({ state: 'done', summary: { skipped: 1 } });
  });

  it('tell their progress some times a second, however often it is reported', async () => {
    const jobs = new Jobs();
    const job = jobs.get(jobs.start(busy));
    const started = performance.now();
    let told = 0;
    for await (const event of job.events(never)) {
      if (event.event === 'progress') told++;
      if (performance.now() - started > 500) break;
    }
    expect(told).toBeGreaterThan(0);
    // By the clock of whoever listens: a busy machine tells less, never more.
    expect(told).toBeLessThanOrEqual((performance.now() - started) / 100 + 1);
    await jobs.close();
  });

  it('tell a slow listener the newest progress alone', async () => {
    const jobs = new Jobs();
    const job = jobs.get(jobs.start(busy));
    const iterator = job.events(never)[Symbol.asyncIterator]();
    await iterator.next();
    const numbers: number[] = [];
    for (let i = 0; i < 2; i++) {
      await sleep(300);
      const { value } = await iterator.next();
      if (value?.event === 'progress') numbers.push(value.progress.done);
    }
    // Each wait has made hundreds of thousands of reports; the ones between were not kept for the listener.
    expect(numbers).toHaveLength(2);
    expect(numbers[1]! - numbers[0]!).toBeGreaterThan(100);
    await jobs.close();
  });

  it('that fail say how', async () => {
    const jobs = new Jobs();
    const events = await follow(jobs.get(jobs.start(() => Promise.reject(new Error('disk on fire')))));
    expect(events.at(-1)).toMatchObject({ event: 'end', state: 'failed', error: { fault: { kind: 'io' }, message: 'disk on fire' } });
    expect(() => jobs.get(99)).toThrow(/no job 99/);
  });
});

describe('a speed', () => {
  it('is smoothed over time and leaves pauses out', () => {
    const speed = new Speed();
    let told: number | undefined;
    for (let ms = 0; ms <= 10_000; ms += 100) told = speed.at(ms, ms * 1000);
    expect(told).toBeCloseTo(1_000_000, -2);
    const slower = speed.at(10_100, 10_000_000);
    expect(slower).toBeGreaterThan(900_000);
    speed.restart();
    expect(speed.at(100_000, 10_000_000)).toBeGreaterThan(900_000);
    for (let ms = 100_000; ms <= 103_000; ms += 100) told = speed.at(ms, 10_000_000 + (ms - 100_000) * 1000);
    expect(told).toBeGreaterThan(900_000);
  });
});
