import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { corrupt } from '../../engines/core/errors.ts';
import { dir, file, MemoryFileSystem, type MemoryNode } from '../../engines/testing/memory-filesystem.ts';
import { scratchFolder } from '../../engines/testing/tools.ts';
import type { JobEvent } from '../../shared/contract/calls.ts';
import { extraction } from './extraction.ts';
import { Jobs } from './jobs.ts';

const never = { aborted: false, onAbort: () => {} };
const TORN = corrupt('inode 5', 'the checksum does not match');

async function ended(jobs: Jobs, job: number, seen: (event: JobEvent) => void = () => {}): Promise<Extract<JobEvent, { event: 'end' }>> {
  for await (const event of jobs.get(job).events(never)) {
    seen(event);
    if (event.event === 'end') return event;
  }
  throw new Error('no end');
}

describe('an extraction that is taken up again', () => {
  const scratch = scratchFolder();
  let folder = '';
  let number = 0;
  beforeEach(() => {
    folder = join(scratch.path, String(number++));
  });
  afterAll(() => scratch.remove());

  const start = (jobs: Jobs, fs: MemoryFileSystem): number => jobs.start(extraction(fs, [{ node: fs.root, name: '' }], folder, { conflict: 'skip' }));

  it('extracts what failed, where it belongs, and nothing else', async () => {
    const torn: MemoryNode = file('now whole', { fault: TORN });
    const fs = new MemoryFileSystem(dir({ ok: file('ok'), deep: dir({ er: dir({ torn, beside: file('beside') }, { mtime: 5_000_000_000n }) }), other: dir({ x: file('x') }) }));
    const jobs = new Jobs();
    const first = start(jobs, fs);
    expect(await ended(jobs, first)).toMatchObject({ state: 'done', failed: 1, summary: { files: 3, problems: 1 } });
    expect(existsSync(join(folder, 'deep/er/torn'))).toBe(false);
    // What must stay as it is, and what must not come back.
    writeFileSync(join(folder, 'ok'), 'changed since');
    rmSync(join(folder, 'other'), { recursive: true });
    delete torn.fault;
    const last = await ended(jobs, jobs.retry(first));
    expect(last).toMatchObject({ state: 'done', summary: { files: 1, problems: 0, skipped: 0 } });
    expect(last).not.toHaveProperty('failed');
    expect(readFileSync(join(folder, 'deep/er/torn'), 'utf8')).toBe('now whole');
    expect(readFileSync(join(folder, 'ok'), 'utf8')).toBe('changed since');
    expect(readdirSync(folder).toSorted()).toEqual(['deep', 'ok']);
    expect(statSync(join(folder, 'deep/er')).mtimeMs).toBe(5000);
  });

  it('goes on after a cancel, and asks about nothing that it made itself', async () => {
    const names = Array.from({ length: 400 }, (_, i) => `f${String(i).padStart(3, '0')}`);
    const fs = new MemoryFileSystem(dir(Object.fromEntries(names.map((name, i) => [name, file(`content of ${name}`, { mtime: BigInt(i + 1) * 1_000_000_000n })]))));
    mkdirSync(folder);
    writeFileSync(join(folder, 'f010'), 'the person’s own');
    const jobs = new Jobs();
    const first = jobs.start(extraction(fs, [{ node: fs.root, name: '' }], folder, {}));
    const cancelled = await ended(jobs, first, (event) => { if (event.event === 'question') jobs.get(first).cancel(); });
    expect(cancelled).toMatchObject({ state: 'cancelled', failed: 0, summary: { files: 10 } });
    const questions: string[] = [];
    const again = jobs.retry(first);
    const last = await ended(jobs, again, (event) => {
      if (event.event !== 'question' || event.question.kind !== 'conflict') return;
      questions.push(event.question.path);
      jobs.get(again).answer(event.id, { action: 'keep-both' });
    });
    expect(questions).toEqual(['/f010']);
    expect(last).toMatchObject({ state: 'done', summary: { files: 390, skipped: 0 } });
    expect(readFileSync(join(folder, 'f010'), 'utf8')).toBe('the person’s own');
    expect(readdirSync(folder)).toHaveLength(401);
  });

  it('asks about nothing that is there already when it takes up a folder whose listing broke off', async () => {
    const entries: [string, MemoryNode][] = Array.from({ length: 40 }, (_, i) => [`f${i}`, file('x', { mtime: 1_000_000_000n })]);
    const fs = new MemoryFileSystem(dir({ torn: dir(entries) }));
    const { list } = fs;
    let isTorn = true;
    fs.list = (node, cursor) => {
      if (isTorn && cursor !== undefined) throw TORN;
      return list.call(fs, node, cursor);
    };
    const jobs = new Jobs();
    const first = jobs.start(extraction(fs, [{ node: fs.root, name: '' }], folder, {}));
    expect(await ended(jobs, first)).toMatchObject({ state: 'done', failed: 1 });
    const before = readdirSync(join(folder, 'torn')).length;
    expect(before).toBeGreaterThan(0);
    isTorn = false;
    const again = jobs.retry(first);
    const asked: string[] = [];
    const last = await ended(jobs, again, (event) => {
      if (event.event !== 'question') return;
      asked.push(event.question.kind);
      jobs.get(again).answer(event.id, { action: 'skip' });
    });
    expect(asked).toEqual([]);
    expect(last).toMatchObject({ state: 'done', summary: { files: 40 - before } });
    expect(readdirSync(join(folder, 'torn'))).toHaveLength(40);
  });

  it('is refused while it runs, and for work of other kinds', async () => {
    const jobs = new Jobs();
    const other = jobs.start(() => Promise.resolve({ files: 0, directories: 0, bytes: 0, skipped: 0, problems: 0 }));
    expect(() => jobs.retry(other)).toThrow(/can't be done again/);
    await ended(jobs, other);
    expect(() => jobs.retry(other)).toThrow(/can't be done again/);
  });

  it('tells how much there is to do while a folder is extracted', async () => {
    const slow = dir(Array.from({ length: 3000 }, (_, i) => [`d${i}`, dir({ f: file('0123456789') })]));
    const fs = new MemoryFileSystem(slow);
    const jobs = new Jobs();
    const job = start(jobs, fs);
    const totals = new Set<number | undefined>();
    const done = ended(jobs, job, (event) => { if (event.event === 'progress') totals.add(event.progress.total); });
    // Paused while it is counted: however fast this computer is, the count comes first.
    await new Promise((resolve) => { setTimeout(resolve, 60); });
    jobs.get(job).pause(true);
    await new Promise((resolve) => { setTimeout(resolve, 900); });
    jobs.get(job).pause(false);
    await done;
    expect([...totals].filter((total) => total !== undefined)).toEqual([30_000]);
  });
});
