/**
 * The fuzzer's command: children go through the images, this process watches that none of them hangs or grows.
 * A child that is silent for too long is killed, its image is reported, and another goes on behind it.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { registry } from '../../index.ts';
import { e2fsck } from '../fsck/compare.ts';
import { CACHE, hasTool } from '../recipes/build.ts';
import { random } from './random.ts';
import type { Judge } from './check.ts';
import { type Exercise, runImage, signature } from './run.ts';
import { loadSeeds, type Seed } from './seeds.ts';
import { TIME_LIMIT } from './walk.ts';

const FAILURES = join(CACHE, '..', 'fuzz', 'failures');

/** Memory above what a warm child takes, in bytes. */
const MEMORY_LIMIT = 256 * 1024 * 1024;

/** Silence after which a child is taken to hang, in ms: the limit of one image, and time for a busy machine. */
const SILENCE = TIME_LIMIT * 5;

/** Images that one child goes through before another takes over, so that its peak of memory means something. */
const SHARE = 5000;

/** How a child ends that has reported an image which took too much memory: its peak would count for all that follow. */
const TOO_LARGE = 3;

/** Images that may lie between what a child said last and where it hung: what it does in 200 ms, and more. */
const CAREFUL_SHARE = 500;

type Message =
  | { readonly kind: 'at'; readonly number: number; readonly done: number; readonly nodes: number; readonly errors: number; readonly slowest: number; readonly counts: Readonly<Record<string, number>> }
  | { readonly kind: 'failure'; readonly number: number; readonly signature: string; readonly stack: string; readonly seed: string; readonly mutations: string; readonly saved: string };

const { values: options } = parseArgs({
  options: {
    count: { type: 'string' }, seed: { type: 'string', default: '1' }, start: { type: 'string', default: '0' }, minutes: { type: 'string' },
    jobs: { type: 'string', default: '2' }, filter: { type: 'string', default: '' }, exercise: { type: 'string', default: 'walk' }, judge: { type: 'string', default: '0' }, child: { type: 'string' }, careful: { type: 'boolean', default: false },
  },
});

const runSeed = Number(options.seed);
const exercise = options.exercise as Exercise;
/** Of so many images, e2fsck is asked about one; 0 = about none. */
const judged = hasTool('e2fsck') ? Number(options.judge) : 0;
if (!['walk', 'change', 'check'].includes(exercise)) throw new Error(`There is no exercise ${exercise}: walk, change, check`);
if (options.child !== undefined) await child(Number(options.start), Number(options.child));
else process.exitCode = await parent();

/** Goes through `count` images and says so; ends by itself when an image took too much memory. */
async function child(start: number, count: number): Promise<void> {
  const seeds = chosenSeeds().seeds;
  // Loading the engines is not part of any image's time.
  await Promise.all(registry.map((entry) => entry.load()));
  let slowest = 0;
  let nodes = 0;
  let errors = 0;
  const counts: Record<string, number> = {};
  let calm = 0;
  let told = 0;
  for (let number = start; number < start + count; number++) {
    // Before the image: what a killed child said last is the image that it hung on, or, unless it is careful, one of the next.
    if (options.careful || performance.now() - told > 200) {
      told = performance.now();
      send({ kind: 'at', number, done: number - start, nodes, errors, slowest, counts });
    }
    const look = (image: Uint8Array, result: Awaited<ReturnType<typeof runImage>>): void => {
      const peak = process.resourceUsage().maxRSS * 1024;
      // The first images load and compile the engines.
      if (number - start < 200) calm = Math.max(calm, peak);
      const grown = peak - calm > MEMORY_LIMIT ? new Error(`it took ${Math.round((peak - calm) / 1024 / 1024)} MiB`) : undefined;
      const failure = result.failure ?? grown;
      if (failure !== undefined) report(image, { ...result, failure });
      if (grown !== undefined) process.exit(TOO_LARGE);
    };
    const run = await runImage(seeds, registry, runSeed, number, { exercise, look, ...(judged > 0 && number % judged === 0 ? { judge: askReference } : {}) });
    slowest = Math.max(slowest, run.ms);
    nodes += run.nodes;
    errors += run.errors;
    for (const [what, times] of Object.entries(run.counts ?? {})) counts[what] = (counts[what] ?? 0) + times;
  }
  send({ kind: 'at', number: start + count, done: count, nodes, errors, slowest, counts });
}

function chosenSeeds(): ReturnType<typeof loadSeeds> {
  const { seeds, missing } = loadSeeds();
  return { seeds: seeds.filter((seed) => seed.name.includes(options.filter)), missing };
}

/** What e2fsck finds. On some images it never ends, or ends by a fault of its own. */
function askReference(image: Uint8Array): ReturnType<Judge> {
  const path = join(tmpdir(), `clutch-fuzz-${process.pid}.img`);
  try {
    writeFileSync(path, image);
    const { exit, words } = e2fsck(path, '-fn');
    return exit === 'clean' ? '' : exit === 'timeout' || exit === 'crashed' ? undefined : words;
  } finally {
    rmSync(path, { force: true });
  }
}

function report(image: Uint8Array, run: { number: number; failure: Error; seed: string; mutations: string }): void {
  send({ kind: 'failure', number: run.number, signature: signature(run.failure), stack: run.failure.stack ?? run.failure.message, seed: run.seed, mutations: run.mutations, saved: save(image, run.number) });
}

function save(image: Uint8Array, number: number): string {
  mkdirSync(FAILURES, { recursive: true });
  const path = join(FAILURES, `${runSeed}-${number}.img`);
  writeFileSync(path, image);
  return path;
}

function send(message: Message): void {
  if (process.send) process.send(message);
}

async function parent(): Promise<number> {
  const { seeds, missing } = chosenSeeds();
  if (seeds.length === 0) {
    console.error(`fuzz: no seed image is named like ${options.filter}`);
    return 2;
  }
  for (const reason of missing) console.log(reason);
  const end = options.minutes === undefined ? Infinity : performance.now() + Number(options.minutes) * 60_000;
  const count = options.count === undefined ? (options.minutes === undefined ? 100_000 : Infinity) : Number(options.count);
  console.log(`fuzz: ${seeds.length} seed images, run ${runSeed}, ${count === Infinity ? `${options.minutes} minutes` : `${count} images`}`);
  const state: State = { seeds, next: Number(options.start), end: Number(options.start) + count, deadline: end, done: 0, nodes: 0, errors: 0, slowest: 0, failures: new Map<string, number>(), counts: new Map<string, number>() };
  const started = performance.now();
  const rate = (): string => `${state.done} images, ${Math.round((state.done / (performance.now() - started)) * 1000)} a second, ${state.nodes} nodes, ${state.errors} refusals, slowest ${Math.round(state.slowest)} ms, ${state.failures.size} kinds of failure`;
  const ticker = setInterval(() => { console.log(`fuzz: ${rate()}`); }, 10_000);
  await Promise.all(Array.from({ length: Number(options.jobs) }, () => lane(state)));
  clearInterval(ticker);
  console.log(`fuzz: ${rate()}`);
  for (const [what, times] of [...state.counts].toSorted(([, a], [, b]) => b - a)) console.log(`  ${times} ${what}`);
  for (const [kind, times] of state.failures) console.log(`  ${times} × ${kind}`);
  return state.failures.size === 0 ? 0 : 1;
}

interface State {
  readonly seeds: readonly Seed[];
  next: number;
  readonly end: number;
  readonly deadline: number;
  done: number;
  nodes: number;
  errors: number;
  slowest: number;
  readonly failures: Map<string, number>;
  readonly counts: Map<string, number>;
}

/** One child after another until all is done. */
async function lane(state: State): Promise<void> {
  while (state.next < state.end && performance.now() < state.deadline) {
    let from = state.next;
    const to = Math.min(state.end, from + SHARE);
    state.next = to;
    // After a hang or a crash a careful child finds the image that did it, and the rest goes to another.
    let careful = false;
    while (from < to && performance.now() < state.deadline) {
      const end: number = careful ? Math.min(to, from + CAREFUL_SHARE) : to;
      const next = await share(state, from, end, careful);
      careful = !careful && next < end;
      from = next;
    }
  }
}

/** Lets a child go through images [from, to). @returns where to go on: the image that is to be gone through carefully, or the one after a failure */
function share(state: State, from: number, to: number, careful: boolean): Promise<number> {
  const args = ['--child', `${to - from}`, '--start', `${from}`, '--seed', `${runSeed}`, '--filter', options.filter, '--exercise', exercise, '--judge', options.judge, ...(careful ? ['--careful'] : [])];
  const worker = fork(process.argv[1]!, args, { execArgv: ['--max-old-space-size=384', '--enable-source-maps'] });
  return new Promise((resolve) => {
    let at = from;
    let failed = -1;
    let counted: { done: number; nodes: number; errors: number; counts: Readonly<Record<string, number>> } = { done: 0, nodes: 0, errors: 0, counts: {} };
    let timer = watch(worker);
    worker.on('message', (message: Message) => {
      clearTimeout(timer);
      timer = watch(worker);
      at = Math.max(at, message.number);
      if (message.kind === 'failure') {
        failed = message.number;
        note(state, message);
        return;
      }
      state.done += message.done - counted.done;
      state.nodes += message.nodes - counted.nodes;
      state.errors += message.errors - counted.errors;
      state.slowest = Math.max(state.slowest, message.slowest);
      for (const [what, times] of Object.entries(message.counts)) state.counts.set(what, (state.counts.get(what) ?? 0) + times - (counted.counts[what] ?? 0));
      counted = message;
      if (performance.now() > state.deadline) worker.kill();
    });
    worker.on('exit', (code, signal) => {
      clearTimeout(timer);
      if (at >= to || performance.now() > state.deadline) return resolve(to);
      if (code === TOO_LARGE) return resolve(failed + 1);
      if (!careful) return resolve(at);
      noteDeath(state, at, signal === 'SIGKILL' ? `it hung for ${SILENCE} ms` : `the child ended with ${code ?? signal}`);
      return resolve(at + 1);
    });
  });
}

function noteDeath(state: State, number: number, what: string): void {
  const seed = state.seeds[number % state.seeds.length]!;
  const mutations = seed.image.mutate(random(runSeed, number));
  const saved = save(seed.image.image, number);
  seed.image.restore();
  note(state, { kind: 'failure', number, signature: `${what} (${seed.name})`, stack: '', seed: seed.name, mutations, saved });
}

function watch(worker: ChildProcess): NodeJS.Timeout {
  return setTimeout(() => worker.kill('SIGKILL'), SILENCE);
}

function note(state: State, failure: Extract<Message, { kind: 'failure' }>): void {
  const before = state.failures.get(failure.signature) ?? 0;
  state.failures.set(failure.signature, before + 1);
  if (before >= 2) return;
  console.log(`FAILURE --exercise ${exercise} --seed ${runSeed} --start ${failure.number} --count 1 --jobs 1${options.filter === '' ? '' : ` --filter ${options.filter}`} (${failure.seed}: ${failure.mutations})\n${failure.stack || failure.signature}\n  saved: ${failure.saved}`);
}
