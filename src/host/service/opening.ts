import type { DiskErrorData } from '../../engines/core/errors.ts';
import type { Note } from '../../engines/core/filesystem.ts';
import type { OpenStep, StepStart } from '../../engines/core/probe.ts';
import type { OpeningEvent, OpeningStep } from '../../shared/contract/rows.ts';
import type { Cancel } from '../../shared/rpc/types.ts';

/** Steps and notes of one opening that are kept and told: a hostile table has thousands of volumes. */
const MOST = 2000;

/** Milliseconds between two words on the same step's progress. */
const PROGRESS_EVERY = 100;

/** What is done while an image, or a layer of it, is opened: told as it comes, kept for those who come later. */
export class Opening {
  readonly #begun = performance.now();
  readonly #steps: OpeningStep[] = [];
  readonly #notes: Note[] = [];
  /** Who listens, each with the steps that it has not heard of in their newest state, and how many notes it has. */
  readonly #listeners = new Set<{ readonly steps: Set<number>; notes: number; wake: (() => void) | undefined }>();
  #end: OpeningEvent | undefined;

  /** Begins a step; an OpenContext's `step`. */
  step(start: StepStart): OpenStep {
    const id = this.#steps.length;
    if (id >= MOST) return { say() {}, progress() {}, end() {} };
    this.#steps.push({ id, layer: start.layer ?? '0', text: start.text, evidence: start.evidence ?? [], started: this.#now(), state: 'running' });
    this.#tell(id);
    let told = -PROGRESS_EVERY;
    return {
      say: (text, evidence) => this.#change(id, { text, ...(evidence === undefined ? {} : { evidence }) }),
      progress: (done, total) => {
        const now = this.#now();
        // The last one is never left out: it is what stays on the page.
        if (now - told < PROGRESS_EVERY && done !== total) return;
        told = now;
        this.#change(id, { done, ...(total === undefined ? {} : { total }) });
      },
      end: (state, text) => this.#change(id, { state, ended: this.#now(), ...(text === undefined ? {} : { text }) }),
    };
  }

  note(note: Note): void {
    if (this.#end !== undefined || this.#notes.length >= MOST) return;
    this.#notes.push(note);
    this.#tell();
  }

  /** Ends it, once; steps that still run are ended with it. */
  end(error?: DiskErrorData): void {
    if (this.#end !== undefined) return;
    const state = error === undefined ? 'done' : 'failed';
    for (const step of this.#steps) {
      if (step.state === 'running') this.#change(step.id, { state, ended: this.#now() });
    }
    this.#end = { event: 'end', state, passed: this.#now(), ...(error === undefined ? {} : { error }) };
    this.#tell();
  }

  /** All that has been and what comes, up to 'end'. Of a step, only its newest state. */
  async *events(cancel: Cancel): AsyncGenerator<OpeningEvent> {
    const listener = { steps: new Set(this.#steps.map(({ id }) => id)), notes: 0, wake: undefined as (() => void) | undefined };
    this.#listeners.add(listener);
    cancel.onAbort(() => listener.wake?.());
    try {
      while (!cancel.aborted) {
        const [id] = listener.steps;
        if (id !== undefined) {
          listener.steps.delete(id);
          yield { event: 'step', step: this.#steps[id]! };
        } else if (listener.notes < this.#notes.length) {
          yield { event: 'note', note: this.#notes[listener.notes++]! };
        } else if (this.#end !== undefined) {
          yield this.#end;
          return;
        } else {
          await new Promise<void>((resolve) => { listener.wake = resolve; });
        }
      }
    } finally {
      this.#listeners.delete(listener);
    }
  }

  #change(id: number, patch: Partial<OpeningStep>): void {
    const step = this.#steps[id]!;
    if (step.state !== 'running') return;
    this.#steps[id] = { ...step, ...patch };
    this.#tell(id);
  }

  #tell(id?: number): void {
    for (const listener of this.#listeners) {
      if (id !== undefined) listener.steps.add(id);
      listener.wake?.();
    }
  }

  #now(): number {
    return Math.round(performance.now() - this.#begun);
  }
}
