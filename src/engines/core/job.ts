import { cancelled, type DiskErrorData } from './errors.ts';

/** How far a job is. `total` is absent while unknown. */
export interface Progress {
  readonly done: number;
  readonly total?: number;
  readonly unit: 'bytes' | 'entries' | 'blocks';
  /** What is being worked on, shown as one line. */
  readonly now?: string;
}

/** A line of a job's log. */
export interface JobNote {
  readonly level: 'info' | 'warning' | 'error';
  readonly message: string;
  /** The path that it is about, where there is one. */
  readonly path?: string;
  readonly error?: DiskErrorData;
}

/** Something that a job must know to go on. Each question has its own closed set of answers. */
export type Question =
  | { readonly kind: 'conflict'; readonly path: string; readonly source: ConflictSide; readonly target: ConflictSide; /** Both are folders, and one can be put into the other: 'merge' is an answer. */ readonly merge?: true }
  | { readonly kind: 'password'; readonly what: string; readonly attempt: number; /** The layer that asks; the walk over the layers fills it in. */ readonly layer?: string };

/** One of the two things that want the same name. */
export interface ConflictSide {
  readonly type: string;
  /** Bytes. */
  readonly size: number;
  /** Nanoseconds since 1970. */
  readonly mtime: bigint;
}

export type ConflictAnswer = { readonly action: 'replace' | 'skip' | 'keep-both' | 'newer' | 'merge' | 'stop'; readonly all?: boolean };
export type PasswordAnswer = { readonly password: string } | { readonly stop: true };
export type Answer<Q extends Question> = Q extends { kind: 'conflict' } ? ConflictAnswer : PasswordAnswer;

/** Set once, by the person. The DOM's and Node's AbortSignal fit. */
export interface CancelSignal {
  readonly aborted: boolean;
}

/** What long work sees of the world. */
export interface JobContext {
  readonly signal: CancelSignal;
  report(progress: Progress): void;
  log(note: JobNote): void;
  ask<Q extends Question>(question: Q): Promise<Answer<Q>>;
  /**
   * Call it often (it costs a clock reading): undefined while the job may go on at once, a promise when 10 ms are over and
   * the event loop must have its turn. `const pause = job.breathe(); if (pause) await pause;`
   * @throws DiskError 'cancelled' once the signal is set
   */
  breathe(): Promise<void> | undefined;
}

/** Milliseconds of work between two turns of the event loop: progress and cancel get through this often. */
export const BREATH_MS = 10;

/** How a host makes a context: its clock in milliseconds, and how to wait for the next turn of its event loop. */
export interface JobHost {
  now(): number;
  nextTurn(): Promise<void>;
  readonly signal: CancelSignal;
  report?(progress: Progress): void;
  log?(note: JobNote): void;
  ask?<Q extends Question>(question: Q): Promise<Answer<Q>>;
}

/** A context over a host's clock and event loop. */
export function jobContext(host: JobHost): JobContext {
  let last = host.now();
  const pause = async (): Promise<void> => {
    await host.nextTurn();
    last = host.now();
    if (host.signal.aborted) throw cancelled();
  };
  return {
    signal: host.signal,
    report: (progress) => host.report?.(progress),
    log: (note) => host.log?.(note),
    ask(question) {
      if (!host.ask) throw cancelled('The work needs an answer and nobody is there to give it');
      return host.ask(question);
    },
    breathe() {
      if (host.signal.aborted) throw cancelled();
      if (host.now() - last < BREATH_MS) return undefined;
      return pause();
    },
  };
}
