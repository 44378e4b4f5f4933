import { cancelled, DiskError, toDiskError, usage } from '../../engines/core/errors.ts';
import { type Answer, type JobContext, jobContext, type JobNote, type Progress, type Question } from '../../engines/core/job.ts';
import type { JobAnswer, JobEvent } from '../../shared/contract/calls.ts';
import type { JobState, JobSummary } from '../../shared/contract/rows.ts';
import { newTally, type Tally } from '../jobs/extract/tally.ts';
import { Speed } from './speed.ts';

/** Jobs of one image that may run at once. */
const MAX_RUNNING = 16;

/** Ended jobs whose outcome can still be asked for. */
const MAX_ENDED = 100;

/** Log lines that are kept for those who come to listen late. */
const MAX_LOG = 10_000;

/** Milliseconds between two progress events. */
const PROGRESS_EVERY = 100;

/** What a job does. What it counts in `tally` is its summary when it is stopped or fails. */
export type Work = (job: JobContext, tally: Tally) => Promise<JobSummary>;

/** Work that can be done again when it has ended. */
export interface Task {
  readonly work: Work;
  /** Entries that failed so far. */
  failed(): number;
  /** What is left to do. @param state how it ended */
  again(state: 'done' | 'failed' | 'cancelled'): Task;
}

/** The jobs of one image: started by any client, watched, paused, answered and cancelled by any. */
export class Jobs {
  readonly #jobs = new Map<number, Job>();
  #last = 0;

  /** @throws DiskError busy when too many run */
  start(task: Work | Task): number {
    if (this.running >= MAX_RUNNING) throw new DiskError({ kind: 'busy' }, `Only ${MAX_RUNNING} jobs of one image run at once`, 'Wait until one of them is done.');
    const ended = [...this.#jobs].filter(([, job]) => job.ended);
    for (const [id] of ended.slice(0, Math.max(0, ended.length - MAX_ENDED))) this.#jobs.delete(id);
    const id = ++this.#last;
    this.#jobs.set(id, new Job(task));
    return id;
  }

  /** Starts what an ended job left to do. @throws DiskError usage when it has not ended, or is of a kind that is not done again */
  retry(id: number): number {
    const task = this.get(id).again();
    if (task === undefined) throw usage('EINVAL', `Job ${id} can't be done again`);
    return this.start(task);
  }

  get running(): number {
    return [...this.#jobs.values()].filter((job) => !job.ended).length;
  }

  /** undefined for one that is not there, or no longer. */
  find(id: number): Job | undefined {
    return this.#jobs.get(id);
  }

  /** @throws DiskError usage EBADF */
  get(id: number): Job {
    const job = this.find(id);
    if (job === undefined) throw usage('EBADF', `There is no job ${id}`);
    return job;
  }

  /** Cancels all; resolves when all have ended. */
  async close(): Promise<void> {
    for (const job of this.#jobs.values()) job.cancel();
    await Promise.all([...this.#jobs.values()].map((job) => job.done));
  }
}

/** Someone who follows a job. Progress is only the newest; everything else comes whole and in order. */
class Listener {
  readonly events: JobEvent[] = [];
  progress: JobEvent | undefined;
  wake: (() => void) | undefined;
}

export class Job {
  /** Resolves, never rejects, when the work has ended in any way. */
  readonly done: Promise<void>;
  readonly #signal = { aborted: false };
  readonly #listeners = new Set<Listener>();
  readonly #log: JobEvent[] = [];
  readonly #questions = new Map<number, { readonly question: Question; answer(answer: JobAnswer): void; stop(): void }>();
  readonly #speed = new Speed();
  readonly #task: Task | undefined;
  #end: Extract<JobEvent, { event: 'end' }> | undefined;
  #paused = false;
  #resume: (() => void) | undefined;
  #lastQuestion = 0;
  #progress: JobEvent | undefined;
  #reported = 0;

  constructor(task: Work | Task) {
    this.#task = typeof task === 'function' ? undefined : task;
    const context = jobContext({
      now: () => performance.now(),
      nextTurn: () => this.#nextTurn(),
      signal: this.#signal,
      report: (progress) => this.#report(progress),
      log: (note) => this.#note(note),
      ask: (question) => this.#ask(question),
    });
    this.done = this.#run(typeof task === 'function' ? task : task.work, context);
  }

  get ended(): boolean {
    return this.#end !== undefined;
  }

  /** What is left to do; undefined while it runs. */
  again(): Task | undefined {
    return this.#end && this.#task?.again(this.#end.state);
  }

  /** What has been and what comes, up to 'end'. */
  async *events(cancel: { onAbort(run: () => void): void; readonly aborted: boolean }): AsyncGenerator<JobEvent> {
    const listener = new Listener();
    listener.events.push({ event: 'state', state: this.#state() }, ...this.#log);
    listener.progress = this.#progress;
    for (const [id, { question }] of this.#questions) listener.events.push({ event: 'question', id, question });
    if (this.#end) listener.events.push(this.#end);
    else this.#listeners.add(listener);
    cancel.onAbort(() => listener.wake?.());
    try {
      while (!cancel.aborted) {
        const event = listener.events.shift() ?? listener.progress;
        if (event === undefined) {
          await new Promise<void>((resolve) => { listener.wake = resolve; });
          continue;
        }
        if (event === listener.progress) listener.progress = undefined;
        yield event;
        if (event.event === 'end') return;
      }
    } finally {
      this.#listeners.delete(listener);
    }
  }

  cancel(): void {
    if (this.ended) return;
    this.#signal.aborted = true;
    this.#resume?.();
    for (const { stop } of this.#questions.values()) stop();
  }

  pause(paused: boolean): void {
    if (this.ended || this.#paused === paused) return;
    this.#paused = paused;
    this.#speed.restart();
    if (!paused) this.#resume?.();
    this.#tellState();
  }

  /** @throws DiskError usage when the question is not open or the answer is one to another kind of question */
  answer(id: number, answer: JobAnswer): void {
    const open = this.#questions.get(id);
    if (open === undefined) throw usage('EBADF', `Question ${id} is not open`);
    if ((open.question.kind === 'conflict') !== 'action' in answer) throw usage('EINVAL', `That is no answer to a question about a ${open.question.kind}`);
    if (open.question.kind === 'conflict' && !open.question.merge && 'action' in answer && answer.action === 'merge') throw usage('EINVAL', 'Only folders can be merged');
    open.answer(answer);
  }

  async #run(work: Work, context: JobContext): Promise<void> {
    // In a turn of its own, so that whoever starts it hears its number first.
    await new Promise((resolve) => setImmediate(resolve));
    const tally = newTally();
    let end: Extract<JobEvent, { event: 'end' }>;
    try {
      const summary = await work(context, tally);
      const failed = this.#task?.failed() ?? 0;
      end = { event: 'end', state: 'done', summary, ...(failed > 0 ? { failed } : {}) };
    } catch (thrown) {
      const error = toDiskError(thrown);
      end = { event: 'end', state: error.kind === 'cancelled' ? 'cancelled' : 'failed', summary: tally, error: error.toJSON(), ...(this.#task ? { failed: this.#task.failed() } : {}) };
    }
    if (this.#progress) this.#sendProgress();
    this.#end = end;
    this.#send(end);
    this.#listeners.clear();
  }

  #state(): JobState {
    if (this.#end) return this.#end.state;
    if (this.#questions.size > 0) return 'asking';
    return this.#paused ? 'paused' : 'running';
  }

  async #nextTurn(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#paused && !this.#signal.aborted) await new Promise<void>((resolve) => { this.#resume = resolve; });
  }

  #report(progress: Progress): void {
    const now = performance.now();
    const speed = this.#speed.at(now, progress.done);
    const remaining = progress.total !== undefined && speed ? Math.max(0, progress.total - progress.done) / speed : undefined;
    this.#progress = {
      event: 'progress', progress,
      ...(speed === undefined || progress.unit !== 'bytes' ? {} : { speed }),
      ...(remaining === undefined ? {} : { remaining }),
    };
    if (now - this.#reported < PROGRESS_EVERY) return;
    this.#reported = now;
    this.#sendProgress();
  }

  #sendProgress(): void {
    for (const listener of this.#listeners) {
      listener.progress = this.#progress;
      listener.wake?.();
    }
  }

  #note(note: JobNote): void {
    if (this.#log.length >= MAX_LOG) return;
    const event: JobEvent = { event: 'log', note };
    this.#log.push(event);
    this.#send(event);
  }

  async #ask<Q extends Question>(question: Q): Promise<Answer<Q>> {
    if (this.#signal.aborted) throw cancelled();
    const id = ++this.#lastQuestion;
    try {
      return await new Promise<Answer<Q>>((resolve, reject) => {
        this.#questions.set(id, { question, answer: (answer) => resolve(answer as Answer<Q>), stop: () => reject(cancelled()) });
        this.#tellState();
        this.#send({ event: 'question', id, question });
      });
    } finally {
      this.#questions.delete(id);
      this.#speed.restart();
      this.#tellState();
    }
  }

  #tellState(): void {
    this.#send({ event: 'state', state: this.#state() });
  }

  #send(event: JobEvent): void {
    for (const listener of this.#listeners) {
      // The end is the last thing to be heard, the last progress included.
      if (event.event === 'end' && listener.progress) listener.events.push(listener.progress);
      if (event.event === 'end') listener.progress = undefined;
      listener.events.push(event);
      listener.wake?.();
    }
  }
}
