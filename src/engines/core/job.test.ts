import { describe, expect, it } from 'vitest';
import { BREATH_MS, jobContext } from './job.ts';

/** A host whose clock is turned by hand. */
function host(): { time: number; turns: number; signal: { aborted: boolean }; now(): number; nextTurn(): Promise<void> } {
  return { time: 0, turns: 0, signal: { aborted: false }, now() { return this.time; }, async nextTurn() { this.turns++; } };
}

describe('jobContext', () => {
  it('breathes every 10 ms of work, and not before', async () => {
    const world = host();
    const job = jobContext(world);
    expect(job.breathe()).toBeUndefined();
    world.time = BREATH_MS - 1;
    expect(job.breathe()).toBeUndefined();
    world.time = BREATH_MS;
    const pause = job.breathe();
    expect(pause).toBeInstanceOf(Promise);
    await pause;
    expect(world.turns).toBe(1);
    expect(job.breathe()).toBeUndefined();
    world.time += BREATH_MS;
    expect(job.breathe()).toBeInstanceOf(Promise);
  });

  it('does not count the time that it waited', async () => {
    const world = host();
    const job = jobContext({ ...world, now: () => world.time, nextTurn: async () => { world.time += 500; } });
    world.time = BREATH_MS;
    await job.breathe();
    expect(job.breathe()).toBeUndefined();
  });

  it('stops when it is cancelled, at once and after a pause', async () => {
    const world = host();
    const job = jobContext(world);
    world.time = BREATH_MS;
    const pause = job.breathe();
    world.signal.aborted = true;
    await expect(pause).rejects.toMatchObject({ fault: { kind: 'cancelled' } });
    expect(() => job.breathe()).toThrow(expect.objectContaining({ fault: { kind: 'cancelled' } }));
  });

  it('passes on what it is told, and asks whoever is there', async () => {
    const told: unknown[] = [];
    const question = { kind: 'password', what: 'LUKS', attempt: 1 } as const;
    const job = jobContext({ ...host(), report: (progress) => told.push(progress), log: (note) => told.push(note), ask: async () => ({ password: 'secret' }) as never });
    job.report({ done: 1, total: 2, unit: 'bytes' });
    job.log({ level: 'info', message: 'hello' });
    expect(told).toEqual([{ done: 1, total: 2, unit: 'bytes' }, { level: 'info', message: 'hello' }]);
    await expect(job.ask(question)).resolves.toEqual({ password: 'secret' });
    const alone = jobContext(host());
    alone.report({ done: 1, unit: 'bytes' });
    alone.log({ level: 'info', message: 'nobody listens' });
    expect(() => alone.ask(question)).toThrow(expect.objectContaining({ fault: { kind: 'cancelled' } }));
  });
});
