import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { GUEST } from '../../../../engines/core/offers.ts';
import { random } from '../../../../engines/testing/fuzz/random.ts';
import { build, hasTool } from '../../../../engines/testing/recipes/build.ts';
import { FOREIGN } from '../../../../engines/testing/recipes/foreign.ts';
import { openImage } from '../../../session.ts';
import { copySparse, digestOf } from '../hostile/images.ts';
import { after, compare, type Model, type Said, type Step } from './work.ts';

/** A filesystem that is written to while something is killed. */
export interface Subject {
  readonly format: string;
  readonly tools: readonly string[];
  /** Says of the image at $1 whether it is sound. */
  readonly judge: string;
  make(path: string): void;
}

export const SUBJECTS: readonly Subject[] = [
  ...FOREIGN.filter(({ name, judge }) => judge !== undefined && ['xfs', 'btrfs', 'reiserfs', 'f2fs'].includes(name)).map((row): Subject => ({ format: row.format, tools: [...row.tools, row.judge!.split(' ')[0]!], judge: row.judge!, make: (path) => { copySparse(build(row, 'foreign').image, path); } })),
  { format: 'ext4', tools: ['mke2fs', 'e2fsck'], judge: 'e2fsck -fn "$1"', make: (path) => { shell('mke2fs -q -t ext4 "$1" 64M', path); } },
];

/** Milliseconds in which a killed process is seen to have taken its guest with it. */
const GONE_WITHIN = 30_000;

export interface Outcome {
  /** What was killed where, and what was found. */
  readonly text: string;
  readonly kind: string;
  readonly failure: string | undefined;
}

/** Does one run of work, kills something in it, opens the image again and judges it. @param program runs `work` with its options as JSON */
export async function killOne(subject: Subject, { program, guest, folder, seed, number }: { readonly program: readonly string[]; readonly guest: string; readonly folder: string; readonly seed: number; readonly number: number }): Promise<Outcome> {
  const dice = random(seed, number);
  const own = join(folder, String(number));
  mkdirSync(own);
  const image = join(own, 'disk.img');
  subject.make(image);
  const before = digestOf(image);
  const direct = dice.oneIn(3);
  const victim = dice.pick(['QEMU', 'the process'] as const);
  // One in four in an Apply, or right before or after it: else after the beginning or end of some step.
  const inApply = !direct && dice.oneIn(4);
  const line = inApply ? Infinity : 1 + dice.below(11);
  const delay = dice.below(inApply ? 60 : 500);
  const said: Said[] = [];
  const ran = spawn(process.execPath, [...program, JSON.stringify({ image, guest, format: subject.format, direct, seed: seed * 100_003 + number })], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(ran, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  let steps = 0;
  let killed = '';
  const pids = (): number[] => said.flatMap((each) => (each.event === 'machine' ? [each.pid] : []));
  const strike = async (): Promise<void> => {
    await setTimeout(delay);
    const last = said.findLast(({ event }) => event !== 'machine')!;
    killed = `${last.event}${'step' in last ? ` ${last.step.kind}` : ''}`;
    try {
      process.kill(victim === 'QEMU' ? pids().at(-1)! : ran.pid!, 'SIGKILL');
    } catch {
      killed = 'nothing: it was gone'; // The guest may have stopped already.
    }
  };
  let struck: Promise<void> | undefined;
  for await (const text of createInterface({ input: ran.stdout })) {
    const each = JSON.parse(text) as Said;
    said.push(each);
    if (each.event === 'begin' || each.event === 'done') steps++;
    if (struck === undefined && (steps >= line || each.event === 'applying')) struck = strike();
  }
  await struck;
  const [code, signal] = await exited;
  const about = `${subject.format}, ${direct ? 'direct' : 'staged'}: ${victim} killed ${delay} ms after "${said.filter(({ event }) => event !== 'machine')[line - 1]?.event ?? 'applying'}" (at: ${killed})`;
  const kind = `${subject.format} ${direct ? 'direct' : 'staged'} ${victim} ${killed}`;
  try {
    if (victim === 'QEMU' && code !== 0) throw new Error(`the process ended with ${code ?? signal}`);
    for (const end = performance.now() + GONE_WITHIN; pids().some(runs);) {
      if (performance.now() > end) throw new Error(`QEMU ${pids().join()} still runs`);
      await setTimeout(50);
    }
    const model: Model = new Map();
    for (const each of said) if (each.event === 'done') after(model, each.step);
    const found = direct ? await judgeDirect(image, subject, guest, model, unsureOf(said)) : await judgeStaged(image, subject, guest, model, said, before, victim === 'QEMU');
    rmSync(own, { recursive: true });
    return { text: `${about}: ${found}`, kind, failure: undefined };
  } catch (error) {
    return { text: about, kind, failure: `${about}\n${(error as Error).stack}\n${said.map((each) => JSON.stringify(each)).join('\n')}\nkept: ${own}` };
  }
}

function runs(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('qemu');
}

/** The image is as before or as applied, byte by byte. */
async function judgeStaged(image: string, subject: Subject, guest: string, model: Model, said: readonly Said[], before: string, finished: boolean): Promise<string> {
  const session = await openImage(image, { open: false });
  const recovery = session.recovery.map(({ state }) => state).join();
  await session.close();
  const now = digestOf(image);
  const applied = existsSync(`${image}.new`) ? digestOf(`${image}.new`) : undefined;
  const heard = (event: Said['event']): boolean => said.some((each) => each.event === event);
  if (now !== before && now !== applied) throw new Error('the image is neither as before nor as applied');
  if (now !== before && !heard('applying')) throw new Error('the image changed before Apply');
  if (heard('applied') && now !== applied) throw new Error('it was applied, and the image does not have it');
  if (finished && !heard('applied')) throw new Error('the guest alone was killed, and nothing was applied');
  shell(subject.judge, image);
  await contents(image, guest, subject, now === applied ? model : new Map(), new Set());
  const left = readdirSync(join(image, '..')).filter((name) => name !== 'disk.img' && name !== 'disk.img.new');
  if (left.length > 0) throw new Error(`${left.join()} stays beside the image`);
  return `${now === before ? 'as before' : 'as applied'}${recovery === '' ? '' : `, recovery: ${recovery}`}`;
}

/** What was synced is there, and the filesystem's own journal makes the rest whole. */
async function judgeDirect(image: string, subject: Subject, guest: string, model: Model, unsure: ReadonlySet<string>): Promise<string> {
  const session = await openImage(image, { open: false });
  try {
    // A mount for writing replays the journal.
    await session.reopen('0', { format: `${GUEST}${guest}/${subject.format}` });
    await session.editing.unlock({ direct: true });
    await session.editing.operation({ text: 'After it', layer: '0' }, async () => { await session.select().filesystem.writer!.mkdir(session.select().filesystem.root, 'after', { mode: 0o755 }); });
  } finally {
    await session.close({ discard: true });
  }
  shell(subject.judge, image);
  await contents(image, guest, subject, model, unsure);
  return `sound with ${model.size} folders`;
}

async function contents(image: string, guest: string, { format }: Subject, model: Model, unsure: ReadonlySet<string>): Promise<void> {
  const session = await openImage(image, { open: false });
  try {
    await session.reopen('0', { format: `${GUEST}${guest}/${format}` });
    const wrong = await compare(session.select().filesystem, model, unsure);
    if (wrong !== undefined) throw new Error(wrong);
  } finally {
    await session.close({ discard: true });
  }
}

/** Folders of a step that began and did not end. */
function unsureOf(said: readonly Said[]): ReadonlySet<string> {
  const steps = said.flatMap((each): { event: string; step: Step }[] => ('step' in each ? [each] : []));
  const last = steps.at(-1);
  if (last === undefined || last.event === 'done') return new Set();
  return new Set([last.step.name, ...(last.step.kind === 'rename' ? [last.step.to] : [])]);
}

/** @throws Error with what it said */
function shell(script: string, image: string): void {
  const done = spawnSync('sh', ['-c', script, 'sh', image], { encoding: 'utf8', env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`, LC_ALL: 'C' } });
  if (done.status !== 0) throw new Error(`${script} (exit ${done.status}):\n${done.stdout}${done.stderr}`.slice(0, 4000));
}

export function missingToolsOf({ tools }: Subject): readonly string[] {
  return tools.filter((tool) => !hasTool(tool));
}
