import type { SingleBar } from 'cli-progress';
import type { Answer, ConflictAnswer, ConflictSide, JobContext, JobNote, Progress, Question } from '../engines/core/job.ts';
import { cancelled, DiskError } from '../engines/core/errors.ts';
import { displayName } from '../engines/core/names.ts';
import { nodeJob } from '../host/session.ts';
import { EXIT, errorJson, errorText } from './exit.ts';
import { stderr } from './streams.ts';
import { humanSize, timeText } from './text.ts';

/** Work that is over sooner than this (milliseconds) shows no progress bar. */
const BAR_AFTER_MS = 400;

/** Ctrl-C, a kind kill, and the terminal that was closed. */
export const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface CliJobOptions {
  /** The bar's first word: "Extracting". */
  readonly title: string;
  readonly json: boolean;
  /** No bar where standard output is a terminal that the result itself is printed on. */
  readonly printsResult?: boolean;
  /** Notes that nothing is wrong with are printed too. */
  readonly verbose?: boolean;
  /** No signal stops it: what it saves would be lost. */
  readonly unstoppable?: boolean;
}

/**
 * A job of the command line: progress on stderr where that is a terminal, questions asked there, notes printed as they come.
 * The first Ctrl-C stops the work at its next breath, so that what it leaves is whole; a second one ends the program.
 */
export class CliJob {
  readonly context: JobContext;
  /** How many errors were reported. */
  errors = 0;
  /** How many notes were left unprinted. */
  quiet = 0;
  /** Conflicts that were answered by skipping, for there was no terminal to ask on. */
  unasked = 0;
  readonly #options: CliJobOptions;
  readonly #signal = { aborted: false };
  readonly #started = performance.now();
  /** Whether long work shows a bar. */
  readonly bars: boolean;
  #bar: SingleBar | undefined;
  #loading = false;
  #ended = false;
  #last: Progress | undefined;
  #holdsOut = false;
  readonly #interrupted = new Set<() => void>();
  readonly #interrupt = () => {
    if (this.#options.unstoppable) return;
    if (this.#signal.aborted) {
      if (this.#holdsOut) return;
      process.exit(EXIT.interrupted);
    }
    this.#signal.aborted = true;
    for (const run of this.#interrupted) run();
  };

  constructor(options: CliJobOptions) {
    this.#options = options;
    this.bars = process.stderr.isTTY === true && !(options.printsResult === true && process.stdout.isTTY);
    this.context = nodeJob({
      signal: this.#signal,
      report: (progress) => this.#report(progress),
      log: (note) => this.#log(note),
      ask: (question) => this.#ask(question),
    });
  }

  /** Calls `run` at the first Ctrl-C: for what waits where no breath of the work reaches. */
  onInterrupt(run: () => void): void {
    this.#interrupted.add(run);
  }

  /** From now on a second Ctrl-C does not end the program: others have written to it, and what they wrote is to be kept first. */
  holdOut(): void {
    this.#holdsOut = true;
  }

  /** Runs the work, and takes away the bar and the Ctrl-C handler whatever comes of it. */
  async run<T>(work: (context: JobContext) => Promise<T>): Promise<T> {
    for (const signal of SIGNALS) process.on(signal, this.#interrupt);
    try {
      return await work(this.context);
    } finally {
      this.letGo();
    }
  }

  /** The work goes on without progress, and deals with signals by itself. */
  letGo(): void {
    this.#ended = true;
    this.#hide();
    for (const signal of SIGNALS) process.off(signal, this.#interrupt);
  }

  #report(progress: Progress): void {
    this.#last = progress;
    if (!this.bars || this.#ended || performance.now() - this.#started < BAR_AFTER_MS) return;
    if (this.#bar) this.#bar.update(progress.done, { progress });
    else if (!this.#loading) void this.#show();
  }

  async #show(): Promise<void> {
    this.#loading = true;
    const { default: cliProgress } = await import('cli-progress');
    if (this.#ended) return;
    const started = this.#started;
    this.#bar = new cliProgress.SingleBar({
      stream: process.stderr, hideCursor: false, clearOnComplete: true, fps: 8, stopOnComplete: false, gracefulExit: false,
      format: (_options, _params, payload: { progress: Progress }) => barText(this.#options.title, payload.progress, (performance.now() - started) / 1000, process.stderr.columns ?? 80),
    });
    const progress = this.#last!;
    this.#bar.start(Math.max(progress.total ?? 1, 1), progress.done, { progress });
  }

  #hide(): void {
    this.#bar?.stop();
    this.#bar = undefined;
    this.#loading = false;
  }

  #log(note: JobNote): void {
    if (note.level === 'error') this.errors++;
    if (note.level === 'info' && !this.#options.verbose) {
      this.quiet++;
      return;
    }
    this.#hide();
    if (this.#options.json) {
      const error = note.error ? { ...note.error.fault, message: note.error.message } : { message: note.message };
      stderr.line(JSON.stringify({ [note.level]: { ...(note.path === undefined ? {} : { path: note.path }), ...error } }));
    } else {
      const text = note.path === undefined ? note.message : `${note.path}: ${note.message}`;
      stderr.line(`clutch: ${note.level === 'error' ? '' : `${note.level === 'info' ? 'note' : note.level}: `}${displayName(text)}`);
    }
    stderr.flush();
  }

  /** Without a terminal nothing that is there already is touched. */
  #answerAlone(question: Question): ConflictAnswer {
    if (question.kind !== 'conflict') throw locked(question.what);
    this.unasked++;
    this.#log({ level: 'warning', path: question.path, message: 'exists already and was skipped (see --on-conflict)' });
    return { action: 'skip' };
  }

  async #ask<Q extends Question>(question: Q): Promise<Answer<Q>> {
    if (!process.stdin.isTTY || !process.stderr.isTTY) return this.#answerAlone(question) as Answer<Q>;
    this.#hide();
    const { createInterface } = await import('node:readline/promises');
    const lines = createInterface({ input: process.stdin, output: process.stderr });
    // readline takes Ctrl-C for itself while it reads.
    lines.on('SIGINT', () => { this.#signal.aborted = true; lines.close(); });
    const closed = new Promise<never>((_, reject) => { lines.once('close', () => { process.stderr.write('\n'); reject(cancelled()); }); });
    try {
      if (question.kind === 'password') throw locked(question.what);
      return await Promise.race([askConflict(question, (prompt) => lines.question(prompt)), closed]) as Answer<Q>;
    } finally {
      closed.catch(() => {});
      lines.removeAllListeners('close');
      lines.close();
    }
  }
}

/** Reports an error of one thing while the work goes on with the next. */
export function reportError(error: unknown, about: string | undefined, json: boolean): void {
  stderr.line(json ? errorJson(error, about) : errorText(error, about));
  stderr.flush();
}

function locked(what: string): DiskError {
  return new DiskError({ kind: 'locked', what }, `${what} is locked, and keys are not taken on the command line yet`);
}

type Conflict = Extract<Question, { kind: 'conflict' }>;
const ACTIONS: Record<string, ConflictAnswer['action']> = { r: 'replace', s: 'skip', b: 'keep-both', n: 'newer', q: 'stop' };

async function askConflict(question: Conflict, ask: (prompt: string) => Promise<string>): Promise<ConflictAnswer> {
  stderr.line(`${displayName(question.path)} exists already.\n  there: ${sideText(question.target)}\n  image: ${sideText(question.source)}`);
  stderr.flush();
  for (;;) {
    const answer = (await ask('[r]eplace, [s]kip, keep [b]oth, replace if [n]ewer, [q]uit (a capital letter: for all)? ')).trim();
    const action = ACTIONS[answer.toLowerCase()];
    if (action !== undefined) return { action, all: answer !== answer.toLowerCase() };
  }
}

function sideText({ type, size, mtime }: ConflictSide): string {
  return `${type === 'file' ? humanSize(size) : type}, ${timeText(mtime)} UTC`;
}

/** One line: title, bar, how much of how much, speed, time left, what is being worked on. */
export function barText(title: string, progress: Progress, seconds: number, columns: number): string {
  const { done, total, unit, now } = progress;
  const amount = (value: number) => (unit === 'bytes' ? humanSize(value) : `${value} ${unit}`);
  const speed = seconds > 0 ? done / seconds : 0;
  const parts = [title];
  if (total !== undefined && total > 0) {
    const share = Math.min(1, done / total);
    const filled = Math.round(share * 24);
    parts.push(`[${'='.repeat(filled)}${' '.repeat(24 - filled)}] ${String(Math.floor(share * 100)).padStart(3)}%`, `${amount(done)} of ${amount(total)}`);
  } else {
    parts.push(amount(done));
  }
  if (unit === 'bytes') parts.push(`${humanSize(speed)}/s`);
  if (total !== undefined && speed > 0 && done < total) parts.push(`${clock((total - done) / speed)} left`);
  const line = parts.join('  ');
  const room = columns - line.length - 3;
  if (now === undefined || room < 10) return line.slice(0, columns - 1);
  const shown = displayName(now);
  return `${line}  ${shown.length > room ? `…${shown.slice(1 - room)}` : shown}`;
}

function clock(seconds: number): string {
  const whole = Math.ceil(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}
