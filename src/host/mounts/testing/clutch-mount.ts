import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { compareWalks } from '../../../engines/testing/compare.ts';
import { ROOT } from '../../../engines/testing/recipes/build.ts';
import type { WalkEntry } from '../../../engines/testing/walk.ts';
import { mountedAt } from '../mount-table.ts';

const CLUTCH = join(ROOT, 'bin/clutch');

/** Milliseconds that a program may take in a mount: none of them is waited for without end, and a slow machine is not wrong. */
export const LIMIT = 300_000;

/** Debian keeps the filesystem tools where an ordinary user's PATH does not look. */
const PATH = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`;

/** How a program ended. */
export interface Ran {
  /** Null where a signal ended it, or its time was over. */
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Brings the built program up to date; instant where it is. */
export function buildProgram(): void {
  execFileSync(process.execPath, [join(ROOT, 'scripts/build.mjs'), '--only', 'node'], { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** Runs a program to its end. */
export async function ran(program: string, args: readonly string[], { cwd = '/', env = {} }: RunOptions = {}): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(program, args, { cwd, env: { ...process.env, PATH, LC_ALL: 'C.UTF-8', ...env }, timeout: LIMIT, killSignal: 'SIGKILL', maxBuffer: 1 << 28 }, (error, out, err) => {
      const status = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
      resolve({ status, out, err: status === null ? `${err}\n${error!.message}` : err });
    });
  });
}

/** Runs a program that has to end well. @returns its standard output @throws Error with what it said */
export async function good(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { status, out, err } = await ran(program, args, options);
  if (status !== 0) throw new Error(`${program} ${args.join(' ').slice(0, 200)} ended with ${status}\n${out.slice(-4000)}\n${err.slice(-4000)}`);
  return out;
}

/** As `good`, a script of the shell; its arguments are $1 and so on. */
export const shell = (script: string, ...args: readonly string[]): Promise<string> => good('/bin/sh', ['-euc', script, 'sh', ...args]);

/** A process of `clutch mount`. */
export class ClutchMount {
  /** Where it is mounted. */
  readonly at: string;
  readonly child: ChildProcess;
  readonly #said: { out: string; err: string };
  readonly #closed: Promise<unknown>;

  private constructor(at: string, child: ChildProcess, said: { out: string; err: string }, closed: Promise<unknown>) {
    this.at = at;
    this.child = child;
    this.#said = said;
    this.#closed = closed;
  }

  /** Resolves when it is mounted. @throws Error what it said, where it ended instead */
  static async start(image: string, at: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<ClutchMount> {
    const child = spawn(process.execPath, [CLUTCH, 'mount', image, at, ...args], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    const said = { out: '', err: '' };
    const closed = once(child, 'close');
    child.stderr.on('data', (bytes: Buffer) => { said.err += String(bytes); });
    child.stdout.on('data', (bytes: Buffer) => { said.out += String(bytes); });
    await Promise.race([once(child.stdout, 'data'), closed.then(() => { throw new Error(said.err); })]);
    return new ClutchMount(at, child, said, closed);
  }

  /** What it said on standard error. */
  get err(): string {
    return this.#said.err;
  }

  get over(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Waits for its end. @param signal is sent to it first */
  async end(signal?: NodeJS.Signals): Promise<Ran> {
    if (signal !== undefined) this.child.kill(signal);
    await this.#closed;
    return { status: this.child.exitCode, ...this.#said };
  }

  /** Whatever is left of it. */
  async takeDown(): Promise<void> {
    await this.end('SIGKILL');
    for (let i = 0; mountedAt(this.at) !== undefined && i < 100; i++) {
      await ran(process.getuid?.() === 0 ? 'umount' : 'fusermount3', process.getuid?.() === 0 ? ['-l', this.at] : ['-uz', this.at]);
      await setTimeout(100);
    }
  }
}

/** Every entry of an image (mounted by the kernel itself, a copy of it, by root) or a folder, as the kernel shows it. @throws Error what kept it from being read */
export async function kernelWalk(what: '--image' | '--folder', path: string, scratch: string): Promise<WalkEntry[]> {
  const script = join(ROOT, 'src/engines/testing/oracle/kernel-walk.py');
  const out = await good('python3', [script, ...(what === '--folder' ? [what] : []), path], { env: { CLUTCH_SCRATCH: scratch } });
  return out.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as WalkEntry);
}

/**
 * What differs between two trees, but for the folder that each filesystem has for itself and for how large it says that folders are; empty where they are the same.
 */
export function differences(reference: readonly WalkEntry[], other: readonly WalkEntry[]): readonly string[] {
  return compareWalks(reference.filter(isOwn).map(comparable), other.filter(isOwn).map(comparable)).differences;
}

const isOwn = ({ path }: WalkEntry): boolean => path !== '/' && path !== '/lost+found';

function comparable(entry: WalkEntry): WalkEntry {
  if (entry.type !== 'dir') return entry;
  const { size: _size, nlink: _nlink, ...rest } = entry;
  return rest;
}
